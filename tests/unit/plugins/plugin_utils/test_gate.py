# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: what fails, what was accepted, and what a user is told about a mistake."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate

TODAY = datetime.date(2026, 11, 23)
KNOWN = {"FT101", "FT104", "FT117"}
BOOKED = {"id": "FT117", "hosts": "edge-0*", "until": datetime.date(2027, 3, 1), "why": "kernel upgrade booked"}


def found(identity="FT117", severity="warning", subject="0.0.0.0:443", outside=False):
    """Return a finding."""
    return {"id": identity, "severity": severity, "subject": subject, "outside": outside}


def states(host, rows, fail_on="warning", accept=(), today=TODAY):
    """Return (state, fails) of each finding."""
    judged = _gate.judge(host, rows, fail_on, _gate.acceptances(list(accept), KNOWN), today)
    return [(one.state, one.fails) for one in judged]


@pytest.mark.parametrize(
    "fail_on, severity, fails",
    [
        ("never", "error", False), ("error", "error", True), ("error", "warning", False), ("warning", "error", True),
        ("warning", "warning", True), ("warning", "info", False), ("error", "strange", False),
    ],
)  # fmt: skip
def test_a_finding_fails_from_the_level_on(fail_on, severity, fails):
    """`never` lets all pass, `error` stops errors, `warning` stops both; information never stops."""
    assert [("new", fails)] == states("a", [found(severity=severity)], fail_on)


def test_what_belongs_to_the_machine_outside_never_fails():
    """A container's own audit cannot be failed by what only the machine around it can change."""
    assert [("outside", False)] == states("a", [found(severity="error", outside=True)])


@pytest.mark.parametrize(
    "change, state",
    [
        ({}, "accepted"), ({"hosts": "edge-1*"}, "new"), ({"hosts": ["cache-*", "edge-01"]}, "accepted"), ({"hosts": "*"}, "accepted"),
        ({"id": "FT101"}, "new"), ({"subject": "0.0.0.0:*"}, "accepted"), ({"subject": "0.0.0.0:80"}, "new"),
        ({"until": "2026-11-23"}, "accepted"), ({"until": "2026-11-22"}, "expired"),
        ({"until": datetime.datetime(2026, 11, 23, 1)}, "accepted"),
    ],
)  # fmt: skip
def test_an_acceptance_covers_its_id_hosts_and_subject_until_its_last_day(change, state):
    """On its last day it still counts, on the next the finding fails again."""
    assert [(state, state != "accepted")] == states("edge-01", [found()], accept=[{**BOOKED, **change}])


def test_of_two_acceptances_the_longer_one_counts():
    """An old entry that was left in the list does not shorten a new one."""
    accept = [{**BOOKED, "until": "2026-01-01"}, BOOKED]
    assert [("accepted", False)] == states("edge-01", [found()], accept=accept)


def test_the_worst_comes_first_and_else_the_order_stays():
    """Findings are shown errors first."""
    rows = [found(severity="info"), found("FT101"), found("FT104", "error"), found("FT117")]
    assert ["FT104", "FT101", "FT117", "FT117"] == [one.finding["id"] for one in _gate.judge("a", rows, "never", [], TODAY)]


@pytest.mark.parametrize(
    "accept, message",
    [
        ({"id": "FT117"}, "front_tier_accept is no list. Write a list of {id, hosts, until, why}."),
        (["FT117"], 'front_tier_accept[0] is no dictionary. Write {id: FT117, hosts: "edge-0*", until: 2027-03-01, why: "…"}.'),
        (
            [{**BOOKED, "id": "FT999"}],
            'front_tier_accept[0].id "FT999" is not the id of a finding. The findings are listed in docs/findings.',
        ),
        ([{**BOOKED, "id": None}], 'front_tier_accept[0] has no id: name the finding that it accepts, for example "FT117".'),
        ([BOOKED, {**BOOKED, "until": "soon"}], 'front_tier_accept[1].until "soon" is no date. Write it as 2027-03-01.'),
        ([{**BOOKED, "until": None}], "front_tier_accept[0] has no until: the last day on which it counts, for example 2027-03-01."),
        ([{**BOOKED, "why": " "}], "front_tier_accept[0] has no why: say in a sentence why it is accepted until then."),
        ([{**BOOKED, "hosts": []}], 'front_tier_accept[0].hosts must be a pattern of host names such as "edge-0*", or a list of them.'),
        ([{**BOOKED, "till": 1}], "front_tier_accept[0] has no key till; its keys are id, hosts, subject, until, why."),
    ],
)
def test_a_mistake_in_the_accept_list_is_named(accept, message):
    """The message names the place, the value and what to write."""
    with pytest.raises(_gate.GateError) as caught:
        _gate.acceptances(accept, KNOWN)
    assert message == str(caught.value)


def test_all_mistakes_are_named_at_once():
    """Nobody has to mend a list one error at a time."""
    with pytest.raises(_gate.GateError) as caught:
        _gate.acceptances([{"id": "FT1"}, {**BOOKED, "until": "x"}], KNOWN)
    for part in ('[0].id "FT1"', "[0] has no until", "[0] has no why", '[1].until "x"'):
        assert part in str(caught.value)


def test_an_unknown_level_is_named():
    """front_tier_fail_on has three values."""
    with pytest.raises(_gate.GateError, match='front_tier_fail_on "errors" is not one of never, error, warning.'):
        _gate.level("errors")


def test_the_message_names_host_id_and_subject():
    """Whoever reads only the last line of a CI log knows where to look."""
    judged = _gate.judge("edge-01", [found()], "warning", [], TODAY)
    assert (
        "1 new finding on 1 host (fail_on: warning): edge-01 FT117 0.0.0.0:443. Remedy them, or accept each in front_tier_accept "
        "with id, hosts, until and why. 1 host could not be audited, so the gate cannot pass: edge-02 (unreachable)."
    ) == _gate.message({"edge-01": judged}, {"edge-02": "unreachable"}, "warning")


def test_the_message_of_an_expired_acceptance_says_so():
    """The date that is over stands in the message."""
    accepted = _gate.acceptances([{**BOOKED, "until": "2026-11-01"}], KNOWN)
    judged = _gate.judge("edge-01", [found()], "warning", accepted, TODAY)
    assert "edge-01 FT117 0.0.0.0:443 (accepted until 2026-11-01, which is over)" in _gate.message({"edge-01": judged}, {}, "warning")


def test_a_long_message_is_cut_and_says_how_much():
    """Three hundred hosts do not make a line of a thousand words."""
    judged = _gate.judge("a", [found()], "warning", [], TODAY)
    text = _gate.message({"host-%03d" % number: judged for number in range(300)}, {}, "warning")
    assert "host-011" in text and "host-012" not in text and "; and 288 more, see the report" in text
