# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak's own parts: actions come from the seed alone and reach everything; each thing that does not hold is noticed."""

from __future__ import annotations

import copy
import json
import subprocess
from collections import Counter

import pytest

from tests.soak import actions, check
from tests.soak.model import DISAGREE, LISTENED, NO_PORT, OVERRIDE, RANGE, RESERVED, Model, ports, spelled
from tests.soak.node import PROJECT

NODES = ["front1", "front2", "front3"]
FIRST = {"sysctl net.ipv4.ip_local_port_range": "32768 32967", "sysctl net.ipv4.ip_local_reserved_ports": "20990-20991"}
HEAD = "# Managed by the Ansible collection c10m.front_tier, set edge: changes here are overwritten.\n"
OURS = "/etc/sysctl.d/90-edge.conf"
FIN = "net.ipv4.tcp_fin_timeout"


def test_the_arguments_of_make_soak_are_those_of_the_soak():
    """What `make soak` makes first gets none of its ARGS: with them it failed."""
    lines = subprocess.run(["make", "-n", "soak", "ARGS=--actions 4"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert [line.split()[-3:] for line in lines.splitlines() if "--actions" in line] == [["tests.soak.run", "--actions", "4"]]


def test_an_action_is_a_function_of_seed_and_number():
    """The same action comes whatever was drawn before, and another seed gives others."""
    drawn = [actions.draw(7, number, NODES) for number in range(1, 60)]
    assert drawn[40] == actions.draw(7, 41, NODES)
    assert drawn != [actions.draw(8, number, NODES) for number in range(1, 60)]


def test_actions_reach_everything():
    """In 2,000 actions: every kind on every node, every set, section, key, unit and user, each way of on_override, live and persist."""
    drawn = [actions.draw(1, number, NODES) for number in range(2000)]
    kinds = Counter(one.kind for one in drawn)
    assert set(kinds) == set(actions.KINDS) and min(kinds.values()) > 20
    assert {(one.kind, one.node) for one in drawn if one.node} == {
        (kind, node) for kind in set(kinds) - set(actions.TIER) for node in NODES
    }
    text = json.dumps([one.options for one in drawn])
    for pool in (*actions.OWN.values(), actions.SHARED):
        assert all(key in text and key.replace(".", "/") in text for key in pool)
    for word in (
        *sum(actions.UNITS.values(), []),
        *sum(actions.USERS.values(), []),
        "macvlan",
        "local_route",
        "auto",
        "outrank",
        "warn",
        "fail",
    ):
        assert '"%s"' % word in text
    assert {(one.options.get("live"), one.options.get("persist")) for one in drawn} >= {(None, None), (True, False), (False, True)}
    ranges = [one.options["port_range"] for one in drawn if one.options.get("port_range")]
    assert {(one["high"] - one["low"]) % 2 for one in ranges} == {0, 1}
    assert min(one["high"] - one["low"] for one in ranges) < 6 and max(one["high"] - one["low"] for one in ranges) > 40000


@pytest.fixture
def model():
    """Return the model of a node on which nothing is ours, with a listener at 20080."""
    return Model(dict(FIRST, **{"sysctl " + FIN: "60"}), {20080})


def edge(settings, **more):
    """Return options of the set edge."""
    return {"name": "edge", "kernel_settings": {"settings": settings}, **more}


def test_the_model_follows_sets_restarts_and_what_is_live_or_kept_only(model):
    """Values, originals, sharing, and what a restart leaves of them."""
    model.change(edge({FIN: 20}, live=True, persist=False))
    assert (model.now("sysctl " + FIN), model.boot("sysctl " + FIN)) == ("20", "60")
    model.restart()
    assert model.now("sysctl " + FIN) == "60"
    model.change(edge({"net/ipv4/tcp_fin_timeout": 30}, live=False, persist=True))
    assert (model.now("sysctl " + FIN), model.boot("sysctl " + FIN)) == ("60", "30")
    model.restart()
    assert model.now("sysctl " + FIN) == "30"
    model.change({"name": "edge", "state": "absent"})
    assert (model.now("sysctl " + FIN), model.boot("sysctl " + FIN), model.sets) == ("60", "60", {})


def test_the_model_knows_what_has_to_be_refused(model):
    """Sets that disagree, files of the site that win, a listener left out, no port left."""
    model.change(edge({"net.ipv4.tcp_tw_reuse": 1}))
    other = {"name": "web", "kernel_settings": {"settings": {"net.ipv4.tcp_tw_reuse": 0}}}
    assert model.obstacles(other) == [DISAGREE]
    lost = {"name": "front-tier", "on_override": "fail", "kernel_settings": {"settings": {"net.ipv4.tcp_synack_retries": 2}}}
    assert model.obstacles(lost) == [OVERRIDE]
    assert model.obstacles(dict(lost, on_override="outrank")) == []
    model.change(dict(lost, on_override="outrank"))
    assert model.boot("sysctl net.ipv4.tcp_synack_retries") == "2" and model.obstacles(lost) == []
    wide = {"name": "front-tier", "port_range": {"low": 20000, "high": 20999, "reserve": []}}
    assert model.obstacles(wide) == [LISTENED]
    assert model.obstacles({"name": "front-tier", "port_range": {"low": 30000, "high": 30003, "reserve": ["30000-30003"]}}) == [NO_PORT]
    model.change({"name": "front-tier", "port_range": {"low": 20000, "high": 20999, "reserve": "auto"}})
    assert (model.now(RANGE), model.now(RESERVED)) == ("20000 20999", "20080,20990-20991")


def test_ports_as_the_kernel_spells_them():
    """Sets of ports and their texts."""
    assert spelled(ports("80,443-445,81")) == "80-81,443-445"
    assert (ports(""), spelled(set())) == (set(), "")


@pytest.fixture
def node(model):
    """Return (look, first look, model) of a node that has what its one set wants."""
    first = {
        "addresses": [["eth0", "198.18.111.11/24", False]],
        "defaults": ["198.18.111.1 dev eth0"],
        "local_routes": ["127.0.0.0/8"],
        "sysctls": {"net/ipv4/tcp_fin_timeout": "60", "net/ipv4/tcp_sack": "1"},
        "files": {"/etc/fstab": ["0o100644", 0, 0, "abc"]},
        "texts": {},
        "unfinished": [],
        "probes": [],
    }
    model.change(edge({FIN: 20}, secondary_interfaces=[{"interface": "eth1", "addresses": ["198.18.112.40-198.18.112.41", "fd00::1"]}]))
    look = copy.deepcopy(first)
    text = HEAD + FIN + " = 20\n"
    entry = {"kind": "file", "name": OURS, "value": {"text": text}}
    look["texts"] = {OURS: text, check.RECORD: json.dumps({"sets": {"edge": {"_files": {"file " + OURS: entry}}}})}
    look["files"][OURS] = ["0o100644", 0, 0, "def"]
    look["sysctls"]["net/ipv4/tcp_fin_timeout"] = "20"
    look["addresses"] += [["eth1", "198.18.112.40/32", False], ["eth1", "198.18.112.41/32", False], ["eth1", "fd00::1/128", True]]
    return look, first, model


def holds(look, first, model):
    """Check all that a look alone shows."""
    check.check_way(look, first)
    check.check_files(look, first, model)
    check.check_node(look, first, model)


def test_what_holds_is_not_called_broken(node):
    """A node that is as it should be passes."""
    holds(*node)


def half(look):
    """Cut our file in the middle of a line."""
    look["texts"][OURS] = look["texts"][OURS][:-4]


BREAKS = {
    "addresses of the host are gone": lambda look: look["addresses"].pop(0),
    "default routes": lambda look: look["defaults"].clear(),
    "unfinished files": lambda look: look["unfinished"].append(OURS + ".front-tier-unfinished"),
    "files of our state": lambda look: look["texts"].update({"/var/lib/front-tier/journal": "{}"}),
    "recorded sets": lambda look: look["texts"].update({check.RECORD: '{"sets": {}}'}),
    "texts of our files": half,
    "files that are not ours": lambda look: look["files"].update({"/etc/fstab": ["0o100644", 0, 0, "xyz"]}),
    "addresses: wanted": lambda look: look["addresses"].pop(2),
    "addresses that others may take": lambda look: look["addresses"][3].__setitem__(2, False),
    "local routes": lambda look: look["local_routes"].append("198.19.0.0/28"),
    "live values": lambda look: look["sysctls"].update({"net/ipv4/tcp_fin_timeout": "60"}),
    "sysctls of others": lambda look: look["sysctls"].update({"net/ipv4/tcp_sack": "0"}),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_does_not_hold_is_noticed(node, what):
    """Each of the invariants, broken by itself, is named."""
    look, first, model = node
    BREAKS[what](look)
    with pytest.raises(check.Broken, match=what):
        holds(look, first, model)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (OURS, HEAD + FIN + " = 20"),
        (OURS, FIN + " = 20\n"),
        (OURS, HEAD + "net.ipv4.tcp_fin_tim\n"),
        ("/etc/security/limits.d/50-edge.conf", HEAD + "app soft nofile\n"),
        ("/etc/systemd/system/web.service.d/50-edge.conf", HEAD + "[Servi\n"),
    ],
)
def test_a_file_that_is_not_whole_is_noticed(path, text):
    """A first line, a last line or a value that is missing."""
    with pytest.raises(check.Broken, match="is not whole"):
        check.check_text(path, text)


@pytest.mark.parametrize(("value", "boot"), [(60, 20), (20, 60)])
def test_a_live_or_boot_value_that_the_audit_sees_otherwise_is_noticed(model, value, boot):
    """What is kept and set has both alike in the audit."""
    model.change(edge({FIN: 20}))
    audits = [
        {"limits": [{"name": FIN, "value": live, "boot": {"value": kept, "source": None}}], "services": []}
        for live, kept in ((value, boot), (60, 60))
    ]
    with pytest.raises(check.Broken, match="audit, (boot )?value of " + FIN):
        check.check_limits(*audits, model, None)
