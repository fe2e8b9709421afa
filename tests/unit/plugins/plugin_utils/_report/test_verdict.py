# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a wanted number of connections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict


def facts(inbound, outbound=(), files=None):
    """Return facts with these bounds: [(name, connections, detail)]; files: the descriptor bound of the one path."""

    def rows(bounds):
        return [{"name": name, "connections": most, "detail": detail} for name, most, detail in bounds]

    path = [{"bounds": rows([("nofile", files, "two each")])}] if files is not None else []
    return {"capacity": {"inbound": {"bounds": rows(inbound)}, "outbound": {"bounds": rows(outbound)}}, "paths": path}


def test_a_host_that_is_short_names_everything_that_is_in_the_way():
    """All bounds below the wanted number are told at once, the smallest first."""
    given_facts = facts([("memory", 150000, "idle, 3.8 KB each"), ("nofile", 1012, "nginx.service nofile 1024"), ("conntrack", 262144, "")])
    found = verdict.verdict(given_facts, 200000)
    assert (1012, False) == (found["holds"], found["reachable"])
    assert (
        "200,000 connections wanted: this host holds 1,012, short of nofile 1,012 (nginx.service nofile 1024); "
        "idle memory 150,000 (idle, 3.8 KB each)."
    ) == found["message"]
    (finding,) = verdict.finding(found)
    assert ("FT100", "error", "front_tier_connections") == (finding["id"], finding["severity"], finding["subject"])
    assert "Raise what it is short of (nofile, idle memory), or spread the connections over more hosts." == finding["remedy"]


@pytest.mark.parametrize(
    "wanted, reachable, severity", [(800, True, None), (801, None, "warning"), (1000, None, "warning"), (1001, False, "error")]
)
def test_headroom_stands_between_fits_and_does_not_fit(wanted, reachable, severity):
    """Up to 80 % of the capacity fits, above the capacity does not, and between them is a warning."""
    found = verdict.verdict(facts([("nofile", 1000, "")]), wanted)
    assert reachable is found["reachable"]
    assert [severity] * bool(severity) == [one["severity"] for one in verdict.finding(found)]


def test_nothing_known_is_not_good_news():
    """Where nothing could be read, the number is neither reachable nor not, and a finding says so."""
    found = verdict.verdict({"capacity": {"inbound": {"absent": "no_permission", "detail": ""}}}, 10)
    assert (None, None) == (found["holds"], found["reachable"])
    assert "could not be read" in found["message"]
    assert "warning" == verdict.finding(found)[0]["severity"]


def test_a_relay_spends_shared_memory_twice():
    """With room for 1000 of the one kind or 500 of the other, 333 of both fit: 333/1000 + 333/500 <= 1."""
    found = verdict.verdict(facts([("memory", 1000, "")], [("memory", 500, ""), ("ports", 400, "")]), 300, 0, True)
    assert (333, True) == (found["holds"], found["reachable"])


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_what_a_relay_holds_fits_and_one_more_does_not(first, second):
    """The shared bound is exact: n connections of both kinds fit, n + 1 do not."""
    found = verdict.verdict(facts([("memory", first, "")], [("memory", second, "")]), 1, 0, True)["holds"]
    assert found * (first + second) <= first * second or found == 0
    assert (found + 1) * (first + second) > first * second or first + second == 0


@pytest.mark.parametrize("files, holds", [(None, 500), (490, 490)])
def test_a_relay_needs_two_descriptors(files, holds):
    """The path's own count of descriptors is taken where its dialer is known, else half of the accepting program's."""
    found = verdict.verdict(facts([("nofile", 1000, "a nofile 1012")], [("ports", 9000, "")], files), 100, 0, True)
    assert holds == found["holds"]


def test_ports_bound_only_a_host_that_dials():
    """Without upstreams, the outbound ports do not stand in the way of accepting."""
    given_facts = facts([("nofile", 1000, "")], [("ports", 10, "")])
    assert (1000, 10) == (verdict.verdict(given_facts, 5)["holds"], verdict.verdict(given_facts, 5, relays=True)["holds"])
