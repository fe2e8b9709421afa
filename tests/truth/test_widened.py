# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Truth after a change: once port_range and secondary_interfaces have widened a host, a dialler gets what the audit then predicts.

Random cases as in cases.py, each in namespaces of its own: `/proc` is bound into a tree of plain files, so that sysctls and addresses
are really changed, in the namespace, and files only in the tree.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import COMMON, SECTIONS
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import path_capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot
from tests.truth import cases

CASES = min(60, int(os.environ.get("CASES") or 120) // 10)
NEWNS, PRIVATE, BIND = 0x20000, 0x44000, 0x5000
ITEM = {"backend": "auto", "in_use": "refuse", "duplicate_check": False}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a veth pair and a mount of its own")


def make_case(seed, index):
    """Return one random case: the host as it is, what is asked of it, and the path that is then dialled."""
    pick = random.Random("widened/%d/%d" % (seed, index))
    inet6 = pick.random() < 0.3
    low = pick.randrange(20000, 60000)
    width = pick.randrange(10, 121, 2)
    pool = "fd00:97::%x" if inet6 else "10.97.0.%d"
    first = pick.randrange(16, 200)
    sources = [pool % number for number in range(first, first + pick.randrange(1, 5))]
    destinations = [("fd00:98::%x" if inet6 else "10.98.0.%d") % number for number in range(1, pick.randrange(2, 5))]
    bind = pick.choice(["no_port", "no_port", "plain", "none", "explicit"])
    path = {
        "destinations": destinations,
        "ports": sorted({pick.randrange(9000, 9100) for _dummy in range(pick.randrange(1, 4))}),
        "bind": bind,
    }
    if bind != "none":
        path["sources"] = sources
    if bind == "explicit":
        path["port_range"] = "%d-%d" % (low - 5, low + pick.randrange(0, 40))
    return {
        "seed": seed,
        "index": index,
        "low": low,
        "high": low + width - 1,
        "narrow": "%d %d" % (low, low + pick.randrange(1, width, 2)),
        "kind": pick.choice(["address", "macvlan"] if inet6 else ["address", "macvlan", "local_route"]),
        "addresses": ["%s-%s" % (sources[0], sources[-1])],
        "sources": sources,
        "in_range": sorted({pick.randrange(low, low + width) for _dummy in range(pick.choice([0, 1, 4]))}),
        "duplicate_check": inet6 or pick.random() < 0.2,  # else the kernel checks IPv6 itself, and bind() refuses meanwhile
        "path": path,
        "tw_reuse": 0,
        "timestamps": 1,
        "wait": False,
        "fin_wait2": False,
        "foreign": 0,
        "obstacles_first": True,
    }


def widen(case, tree):
    """Change the host as a user would, in one transaction; return the result."""
    item = dict(ITEM, kind=case["kind"], addresses=case["addresses"], duplicate_check=case["duplicate_check"], interface="front0")
    if case["kind"] == "local_route":
        item.update(interface="lo", addresses=case["sources"], backend="networkd")
    params = {name: option.get("default") for name, option in COMMON.items()}
    params.update(dict.fromkeys(SECTIONS), port_range={"low": case["low"], "high": case["high"], "reserve": "auto"})
    return change.change(dict(params, secondary_interfaces=[item]), None, False, Root(str(tree)))


def enter(tree, addresses):
    """Enter namespaces of our own with a veth pair and these addresses (lines of `ip -batch`), on a host whose networkd manages front0."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEWNS) or libc.mount(b"none", b"/", None, PRIVATE, None):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNS)")
    cases.enter_namespace()
    for name in ("proc", "run/systemd/netif", "run/systemd/system", "var/lib", "etc/systemd/network", "etc/systemd/system/a.wants"):
        (tree / name).mkdir(parents=True)
    if libc.mount(b"/proc", os.fsencode(tree / "proc"), None, BIND, None):
        raise OSError(ctypes.get_errno(), "mount")
    (tree / "run/systemd/netif/state").write_text("")
    (tree / "etc/systemd/network/20-front.network").write_text("[Match]\nName=front0\n")
    batch = ["link set lo up", "link add front0 type veth peer name back0", "link set front0 up", "link set back0 up"]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(batch + addresses).encode(), check=True)


def run_case(case, tree):
    """Return the verdict, in this process's own namespaces."""
    enter(tree, ["addr add %s/%s" % (one, "128 dev lo nodad" if ":" in one else "32 dev lo") for one in case["path"]["destinations"]])
    cases.sysctl("ipv4/tcp_tw_reuse", "0")
    cases.sysctl("ipv4/ip_local_port_range", case["narrow"])
    path = parse_path("path", case["path"])
    listeners = [cases.listen(address, port) for address, port in path.listeners]
    listeners += [cases.listen("127.0.0.1", port) for port in case["in_range"]]
    result = widen(case, tree)
    snapshot = read_snapshot(Root(), ["min"], [path], sample=0)
    predicted = path_capacity(snapshot, path)
    held, refusals = cases.held_by_dialler(path, None)
    verdict = {name: predicted[name] for name in ("connections", "at_most", "used", "free", "binding", "usable_ports", "pairs")}
    verdict.update(held=held, existing=0, waited=0, refusals=refusals, changed=result["changed"], warnings=result["warnings"])
    verdict["mismatch"] = cases.judge(case, path, verdict)
    own = {one["address"].partition("/")[0] for one in snapshot["addresses"]}
    if not set(case["sources"]) <= own:
        verdict["mismatch"] = "the audit does not see %s" % (set(case["sources"]) - own)
    reserved = "," + Path("/proc/sys/net/ipv4/ip_local_reserved_ports").read_text().strip() + ","
    if predicted["usable_ports"] is not None and case["in_range"] and reserved == ",,":
        verdict["mismatch"] = "no listener was reserved"
    return verdict


def start(case, tree):
    """Start a case in a process of its own; return (pid, file that its verdict comes from)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, os.fdopen(reading)
    try:
        os.close(reading)
        signal.alarm(cases.CASE_SECONDS)
        result = run_case(case, tree)
    except BaseException as error:  # pylint: disable=broad-except
        result = {"mismatch": "%s: %s" % (type(error).__name__, error)}
    os.write(writing, json.dumps(result).encode())
    os._exit(0)


def test_a_widened_host_holds_what_the_audit_then_predicts(tmp_path):
    """In every random case the prediction for the new range and the new sources is what a dialler gets."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 31))
    held, failed, kinds = 0, [], {}
    for index in range(CASES):
        case = make_case(seed, index)
        verdict = cases.verdict_of(*start(case, tmp_path / str(index)))
        held += verdict.get("held", 0)
        kinds[case["kind"]] = kinds.get(case["kind"], 0) + 1
        if verdict["mismatch"] or not verdict["changed"]:
            failed.append((case, verdict))
    print("%d cases (%s), %d connections held, seed %d" % (CASES, kinds, held, seed))
    assert [] == failed
    assert held > CASES
