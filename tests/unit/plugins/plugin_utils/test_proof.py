# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proof: sums, and every difference between prediction and counts in words; and how the report shows it."""

from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.filter.proof import FilterModule
from ansible_collections.c10m.front_tier.plugins.plugin_utils import _proof
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact, fleet, html, record, terminal
from ansible_collections.c10m.front_tier.tests.recorded.fleet import fleet as hosts_of

REFUSAL = {"error": "EADDRNOTAVAIL", "limit": "net.ipv4.ip_local_port_range", "message": "every usable port is taken"}
PATH = {"destinations": ["10.0.0.9"], "ports": [9000], "asked": 1001, "predicted": 1000, "held": 1000, "kernel": 1000, "refusal": REFUSAL}
DIALLED = {"run": "a", "paths": [PATH], "held_at": 1795478913.5, "seconds": 0.5, "rate": 2000, "lost": 0}
HOST = {"dialled": DIALLED, "ended": {"lost": 0, "closed": "reset"}, "listened": {}}
LISTENED = {"listened": {"listeners": [{"held": 1500, "kernel": 1500}, {"held": 500, "kernel": 500}]}, "dialled": {"skipped": True}}
GOOD = {"a": HOST, "b": HOST, "c": LISTENED}


def changed(**changes):
    """Return GOOD with other numbers of a's path."""
    found = json.loads(json.dumps(GOOD))
    found["a"]["dialled"]["paths"][0].update(changes)
    return found


def test_hosts_are_added_up():
    """One result of the fleet: what all hosts held at the same time."""
    found = FilterModule().filters()["fleet_proof"](GOOD, 10)
    assert (2, 2002, 2000, 2000, 2000, 4000) == tuple(found[name] for name in ("hosts", "asked", "predicted", "expected", "held", "rate"))
    assert {"held": 2000, "kernel": 2000} == found["listened"]
    assert ([], True) == (found["troubles"], found["good"])


@pytest.mark.parametrize(
    ("results", "text"),
    [
        (changed(held=999), "a holds 999 of 1,000 to 10.0.0.9 ports 9000: EADDRNOTAVAIL (net.ipv4.ip_local_port_range), every usable port"),
        (changed(held=1001), "a holds 1,001 of 1,000"),
        (changed(kernel=998), "The diallers hold 2,000, the dialling kernels count 1,998."),
        (dict(GOOD, c={"listened": {"listeners": [{"held": 2000, "kernel": 1999}]}}), "the listening kernels count 1,999."),
        (dict(GOOD, c={"listened": {"listeners": [{"held": 1990, "kernel": 2000}]}}), "the listeners count 1,990."),
        (dict(GOOD, b=dict(HOST, ended={"lost": 7})), "b lost 7 connections while it held them."),
        (dict(GOOD, d={"dialled": {"failed": True, "msg": "no listener"}}), "d: no listener"),
        (
            dict(GOOD, d={"dialled": {}, "ended": {"phase": "failed", "msg": "one of its 2 processes ended"}}),
            "d: one of its 2 processes ended",
        ),
        ({"c": LISTENED}, "No host dialled."),
    ],
)
def test_every_difference_is_named(results, text):
    """A proof is good only if prediction and all counts agree, and no host is missing."""
    found = _proof.of_fleet(results)
    assert not found["good"]
    assert text in " ".join(found["troubles"])


def test_fewer_than_predicted_may_be_asked_for():
    """What must be held is what was asked for, where that is less than was predicted."""
    assert _proof.of_fleet({"a": changed(asked=600, held=600, kernel=600, refusal=None)["a"]})["good"]


def test_one_more_than_promised_may_be_held_where_the_kernel_picks_by_chance():
    """Of an odd number of ports the kernel may leave out one, or not: from what is promised to what is possible, all is right."""
    for held, good in ((999, False), (1000, True), (1001, True)):
        results = changed(held=held, kernel=held, at_most=1001, refusal=None)
        results["c"] = {"listened": {"listeners": [{"held": held + 1000, "kernel": held + 1000}]}}
        found = _proof.of_fleet(results)
        assert (good, good) == (found["good"], _proof.holds(_proof.of_host(results["a"]))), found["troubles"]
    assert not _proof.of_fleet({"a": changed(held=1002, kernel=1002, asked=1003, at_most=1001)["a"]})["good"]


def test_a_host_that_did_not_dial_has_no_proof():
    """A host that only listens leaves no fact."""
    assert FilterModule().filters()["proof"](LISTENED) is None


def test_a_fact_says_when_and_how_long():
    """The fact holds the moment and the times, and the line says them."""
    proof = _proof.of_host(HOST, 10)
    assert ("2026-11-24T", "reset", 1000) == (proof["at"][:11], proof["closed"], proof["expected"])
    line = _proof.said(proof)
    assert line == "1,000 predicted, 1,001 asked for, 1,000 held on %s UTC, dialled in 0.5 s, held for 10 s" % proof["at"][:-1].replace(
        "T", " "
    )
    assert _proof.holds(proof)
    assert not _proof.holds(dict(proof, held=999))
    assert "" == _proof.said(None)


def report(proof):
    """Return the report of one recorded host with this proof."""
    name, one = next(iter(hosts_of(1).items()))
    return fleet.make([fleet.entry(name, fact.kept(one), {}, None, ("never", []), proof)], datetime.date(2026, 11, 23))


def test_the_report_shows_a_proof():
    """Terminal, HTML and JSON have it; without one they say nothing of it."""
    made = report(_proof.of_host(HOST, 10))
    assert "1,000 predicted, 1,001 asked for, 1,000 held on 2026-11-24" in " ".join(terminal.text(terminal.render(made.fleet)).split())
    assert b"Proved: 1,000 predicted" in html.bytes_of(made.fleet)
    (host,) = json.loads(record.bytes_of(made.fleet, made.facts, made.judged, made.proofs))["hosts"].values()
    assert 1000 == host["proof"]["held"]
    assert b"Proved:" not in html.bytes_of(report(None).fleet)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["paths", "held", "predicted", "at", "seconds"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(ODD)
def test_nothing_that_a_host_says_breaks_a_proof(value):
    """Whatever stands in place of a result, of a part of one, or of the fact."""
    _proof.of_fleet(
        {"a": value, "b": {"dialled": value}, "c": {"dialled": {"paths": [value, PATH]}, "ended": value}, "d": dict(HOST, listened=value)}
    )
    made = report(value)
    terminal.render(made.fleet)
    record.bytes_of(made.fleet, made.facts, made.judged, made.proofs)
