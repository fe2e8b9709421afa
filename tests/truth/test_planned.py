# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Truth after a plan: what a plan gives a host, applied by the modules, lets a real dialler hold what is wanted; less of it does not.

A sample of random fleets of one dialling and one receiving tier. The dialling host is real, in namespaces of its own as in
test_widened.py: its snapshot is read there, the plan is made from it, its host_config is applied as it is, and a dialler dials until
the kernel refuses. The same again for every option, address and further host left out.
"""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.filter.plan import plan
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import COMMON, SECTIONS
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import path_capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import parse_addresses
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.places import ranges
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot
from tests.recorded import tiers
from tests.truth import cases
from tests.truth.test_widened import enter

CASES = min(20, max(4, int(os.environ.get("CASES") or 120) // 20))
SECTION = {"kind": "address", "backend": "auto", "in_use": "refuse", "duplicate_check": False}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a veth pair and a mount of its own")


def make_case(seed, index):
    """Return one random fleet: how many dial and listen, the range as it is and as it may be, and what is wanted."""
    pick = random.Random("planned/%d/%d" % (seed, index))
    low = pick.randrange(20000, 60000)
    return {
        "low": low,
        "high": low + pick.randrange(9, 40),
        "widest": low + pick.randrange(40, 90) * 2 + 1,
        "narrow_network": pick.random() < 0.3,
        "diallers": pick.randrange(1, 4),
        "receivers": pick.randrange(1, 4),
        "ports": sorted(pick.sample(range(9000, 9010), pick.randrange(1, 3))),
        "in_range": [low + 1] if pick.random() < 0.4 else [],
        "connections": pick.choice([20, 200, 800, 2500]),
        "headroom": pick.choice([0, 0.1, 0.2]),
        "prefer": pick.choice(["addresses", "addresses", "hosts"]),
        "dialer": pick.choice(["haproxy.service", "nginx.service", "app.service"]),
        "reloads": pick.choice([0, 0, 1]),
    }


def planned(case, snapshot):
    """Return the plan of the fleet in which the dialling hosts are like the one of the snapshot."""
    width = 29 if case["narrow_network"] else 24
    hosts = {}
    for number in range(case["diallers"]):
        own = copy.deepcopy(snapshot)
        for row in own["addresses"]:
            row["address"] = row["address"].replace("10.97.0.2/", "10.97.0.%d/" % (2 + number))
        hosts["proxy%d" % number] = {
            "group_names": ["proxies"],
            "front_tier_audit": own,
            "front_tier_service": case["dialer"],
            "front_tier_reloads": case["reloads"],
            "front_tier_port_low": case["low"],
            "front_tier_port_high": case["widest"],
        }
    for number in range(min(2, case["receivers"]) if case["narrow_network"] else case["receivers"]):
        there = tiers.snapshot(
            {"eth0": ["10.97.0.%d/%d" % (5 + number if width == 29 else 50 + number, width)]}, None, tuple(case["ports"]), nofile=524288
        )
        hosts["origin%d" % number] = {"group_names": ["origins"], "front_tier_audit": there}
    hop = {"name": "hop", "from": "proxies", "to": "origins", "listeners": case["ports"]}
    return plan(hosts, hops=[hop], connections=case["connections"], headroom=case["headroom"], prefer=case["prefer"])


def enter_case(case, tree):
    """Enter namespaces of our own in which the host is as the case says."""
    width = 29 if case["narrow_network"] else 24
    enter(tree, ["addr add 10.97.0.2/%d dev front0" % width])
    cases.sysctl("ipv4/tcp_tw_reuse", "0")
    cases.sysctl("core/somaxconn", "4096")
    cases.sysctl("ipv4/ip_local_port_range", "%d %d" % (case["low"], case["high"]))
    return [cases.listen("127.0.0.1", port) for port in case["in_range"]]


def apply(config, tree):
    """Apply a host_config as the module does."""
    params = {name: option.get("default") for name, option in COMMON.items()}
    params.update(dict.fromkeys(SECTIONS))
    params.update(copy.deepcopy(config))
    params["fd_limits"] = None  # there is no unit here; tests/limits proves it
    params["secondary_interfaces"] = [dict(SECTION, **one) for one in config.get("secondary_interfaces") or []] or None
    change.change(params, None, False, Root(str(tree)))


def run(case, tree, left_out):
    """Return what a real dialler holds with the plan less what is left out, and what it is held against."""
    keep = enter_case(case, tree)
    told = planned(case, read_snapshot(Root(), ["min", "sockets"], [], sample=0))
    host = told["hosts"]["proxy0"]
    config = parts(host["host_config"])[left_out] if isinstance(left_out, int) else host["host_config"]
    targets = sorted({one.partition(":")[0] for one in host["variables"]["front_tier_upstreams"]})
    extra = sum(row["hosts"] for row in told["missing"] if row["tier"] == "origins") - (left_out == "origin")
    ports = sorted({int(one.rpartition(":")[2]) for one in host["variables"]["front_tier_upstreams"]})
    targets += ["10.98.0.%d" % number for number in range(1, extra + 1)]
    batch = ["addr add %s/32 dev lo" % one for one in targets]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(batch).encode(), check=True)
    if set(config) - {"name", "fd_limits"}:
        apply(config, tree)
    sources = host["variables"]["front_tier_sources"]
    rows = read_snapshot(Root(), ["min"], [], sample=0)["addresses"]
    own = {row["address"].partition("/")[0] for row in rows}
    path = parse_path(
        "path", {"sources": [one for one in sources if one in own], "destinations": targets, "ports": ports, "bind": "no_port"}
    )
    keep += [cases.listen(address, port) for address, port in path.listeners]
    snapshot = read_snapshot(Root(), ["min"], [path], sample=0)
    predicted = path_capacity(snapshot, path)
    held, _refusals = cases.held_by_dialler(path, None)
    return {
        "held": held,
        "predicted": [predicted["connections"], predicted["at_most"]],
        "planned": told["hops"][0]["planned"],
        "number": case["diallers"] + sum(row["hosts"] for row in told["missing"] if row["tier"] == "proxies"),
        "more": {row["tier"]: row["hosts"] for row in told["missing"]},
        "pairs": predicted["pairs"],
        "parts": len(parts(host["host_config"])),
        "cannot": told["cannot"],
    }


def parts(config):
    """Return the host_config with each option and each address left out in turn."""
    found = [{name: value for name, value in config.items() if name != "port_range"}] if "port_range" in config else []
    for section in config.get("secondary_interfaces") or []:
        addresses = parse_addresses("addresses", section["addresses"])
        for one in addresses[:2]:
            rest = [other for other in addresses if other != one]
            less = dict(config, secondary_interfaces=[dict(section, addresses=ranges(rest))])
            found.append(less if rest else {name: value for name, value in config.items() if name != "secondary_interfaces"})
    return found


def outcome(case, tree, left_out=None):
    """Run one variant in a process of its own; return its outcome."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            signal.alarm(cases.CASE_SECONDS)
            result = run(case, tree, left_out)
        except BaseException as error:  # pylint: disable=broad-except
            result = {"error": "%s: %s" % (type(error).__name__, error)}
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        result = json.loads(answer.read())
    os.waitpid(child, 0)
    assert "error" not in result, (result, case)
    return result


def expected(case, found):
    """Return how many connections may be expected of what a dialler held: less the headroom, and within what each line takes."""
    held = found["held"]
    most = int(held * (1 - Fraction(str(case["headroom"]))))
    if case["dialer"] in ("haproxy.service", "nginx.service"):
        most = min(most, found["pairs"] * (held // found["pairs"] * 95 // 100 // (1 + case["reloads"])))
    return most


@pytest.mark.parametrize("index", range(CASES))
def test_a_planned_host_holds_its_share_and_with_less_it_does_not(tmp_path: Path, index: int) -> None:
    """With the plan applied, a dialler gets its share of what is wanted and the headroom; with any part left out it gets less."""
    case = make_case(int(os.environ.get("SEED") or 3), index)
    found = outcome(case, tmp_path / "whole")
    if found["cannot"]:
        pytest.skip("nothing reaches it: %s" % found["cannot"])
    share = -(-case["connections"] // found["number"])
    assert found["predicted"][0] <= found["held"] <= found["predicted"][1], (found, case)
    assert expected(case, found) >= share, (found, case)
    for left_out in range(found["parts"]):
        less = outcome(case, tmp_path / str(left_out), left_out)
        assert expected(case, less) < share, (left_out, less, found, case)
    if "proxies" in found["more"]:  # one fewer, and each carries more
        assert expected(case, found) < -(-case["connections"] // (found["number"] - 1)), (found, case)
    if "origins" in found["more"]:
        less = outcome(case, tmp_path / "origin", "origin")
        assert expected(case, less) < share, (less, found, case)
