# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: mistakes are named with their position, ready ones judge what they say, and the gate is that of the audit."""

from __future__ import annotations

import datetime
import json
from xml.etree import ElementTree

import pytest

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy import expression, judge, told
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.expression import Expression, ExpressionError
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.policy import policies
from ansible_collections.c10m.front_tier.tests.recorded.fleet import host as recorded

TODAY = datetime.date(2026, 11, 23)
OWN = {"id": "own", "violations": "host.container"}
SERVICE = {"name": "nginx.service", "processes": [{"pid": 1, "nofile": {"soft": 1024, "hard": 4096}}]}
LISTENER = {"address": "0.0.0.0", "port": 80, "service": "nginx.service"}
ACCEPT = {"id": "no-soft-nofile-1024", "until": "2026-12-31", "why": "booked"}
UPSTREAM = {"destinations": ["10.0.9.10"], "ports": [8080]}
TPROXY = {"front_tier_transparent_method": "intercept"}


def fact(**sections):
    """Return the fact of a host with nothing wrong, but for the sections given."""
    return {
        "host": {"system": "Linux"},
        "limits": [],
        "findings": [],
        "asked": {"paths": [UPSTREAM]},
        "services": [],
        "listeners": [],
        "paths": [],
        **sections,
    }


def flow(transparent, destination="10.0.9.10"):
    """Return a flow."""
    return {"source": "10.0.0.2", "destination": destination, "port": 8080, "connections": 9, "transparent": transparent}


def judged(hosts, chosen=None, plan=None, accept=None, fail_on="error"):
    """Return what policies say of {name: fact}."""
    return judge.judge(policies(chosen), judge.hosts_of(hosts), plan, accept, fail_on, TODAY)


def broken(result):
    """Return (policy, name, subject) of every violation that fails."""
    return [
        (one.policy.id, case.name, row.finding["subject"])
        for one in result.judgements
        for case in one.cases
        for row in case.rows
        if row.fails
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("findings[?x = `1`]", "line 1, column 13: Unknown token '=':\n  findings[?x = `1`]\n              ^"),
        ("a.b(", "line 1, column 5: it ends too early:\n  a.b(\n      ^"),
        ("a[?b == `1]", "line 1, column 9: Unclosed ` delimiter:\n  a[?b == `1]\n          ^"),
        ("a\n && b\n @ c", 'line 3, column 2: "@" is not expected here:\n   @ c\n   ^'),
        ("a[?contains(b)].c", "line 1, column 4: contains() takes 2 arguments, not 1:\n  a[?contains(b)].c\n     ^"),
        ("not_null()", "line 1, column 1: not_null() takes at least 1 argument, not 0:\n  not_null()\n  ^"),
        # the condition of a filter is later in the tree than what follows it, and earlier in the text
        ("a[?abs(b)].{x: abs(c, d)}", "line 1, column 16: abs() takes 1 argument, not 2:\n  a[?abs(b)].{x: abs(c, d)}\n                 ^"),
        ("", "it is empty. Write what breaks the policy, for example \"findings[?severity == 'error']\"."),
    ],
)
def test_a_mistake_in_an_expression_is_named_with_its_place(text, message):
    """Line, column and a mark below the place, before any host is judged."""
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert message == str(caught.value)


def test_an_unknown_function_is_found_where_no_host_would_call_it():
    """A misspelt function inside a filter of an empty list is a mistake, not a policy that is kept."""
    with pytest.raises(ExpressionError, match=r"line 1, column 5: there is no function shares\(\); there are abs, .*, share, "):
        Expression("a[?[shares(b, c)]]")


def test_a_wrong_type_is_named_when_it_is_met():
    """What a function cannot take is said with the place of the call."""
    with pytest.raises(ExpressionError) as caught:
        Expression("host.system && length(nothing)")({"host": {"system": "Linux"}})
    assert str(caught.value).startswith("line 1, column 16: length() cannot take a value of type null; it takes string or array or object:")


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(1, 4, 0.25), (5, 0, 1.0), (0, 0, None), (1, "unlimited", None), ({"absent": "unknown"}, 2, None)]
)
def test_a_share_needs_two_numbers(part, whole, share):
    """Absences and `unlimited` have no share, and a full thing of size 0 is full."""
    assert share == Expression("share(a, b)")({"a": part, "b": whole})


def test_without_jmespath_the_message_says_what_to_install(monkeypatch):
    """jmespath is needed on the controller, by policies alone."""
    monkeypatch.setattr(expression, "jmespath", None)
    with pytest.raises(ExpressionError, match="policies need the Python package jmespath on the controller: install it"):
        Expression("a")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "front_tier_policies is no list. Write [ready], or a list of ids of ready policies, files and {id, title, violations}."),
        (
            ["no-hops"],
            'front_tier_policies[0] "no-hops" is no policy: write ready, the id of a ready one (no-hop-above-80-percent, '
            "no-live-boot-difference, no-soft-nofile-1024, every-balancer-transparent, no-hop-short-of-the-plan, no-error), a "
            "file whose name ends in .yml, or a "
            "dictionary.",
        ),
        (
            [{**OWN, "id": "no spaces"}],
            'front_tier_policies[0].id "no spaces" is no name: it must be 1 to 64 letters, digits, - and _, and begin with a letter.',
        ),
        (
            [{**OWN, "level": 1}],
            "front_tier_policies[0] has no key level; its keys are id, title, severity, each, hosts, violations, remedy.",
        ),
        ([{**OWN, "severity": "fatal"}], 'front_tier_policies[0].severity "fatal" is not one of error, warning, info.'),
        ([{**OWN, "each": "unit"}], 'front_tier_policies[0].each "unit" is not one of host, hop, tier, fleet.'),
        (
            [{**OWN, "hosts": [1]}],
            'front_tier_policies[0].hosts must be a pattern of names of hosts or groups such as "edge-*", or a list of them.',
        ),
        (
            [{**OWN, "violations": "a["}],
            "front_tier_policies[0].violations (policy own): line 1, column 3: it ends too early:\n  a[\n    ^",
        ),
    ],
)
def test_a_mistake_in_a_policy_is_named(value, message):
    """The message names the place, the value and what to write."""
    with pytest.raises(_gate.GateError) as caught:
        policies(value)
    assert message == str(caught.value)


def test_all_mistakes_are_named_at_once():
    """One message for a list with two wrong entries."""
    with pytest.raises(_gate.GateError, match=r"(?s)\[0\]\.severity.*\[1\]\.each"):
        policies([{**OWN, "severity": "x"}, {**OWN, "id": "b", "each": "x"}])


def test_a_file_holds_policies_of_ones_own(tmp_path):
    """A file is a list of ids and policies; a mistake in it is named with the file."""
    path = tmp_path / "own.yml"
    path.write_text(json.dumps(["no-error", OWN]))
    assert ["no-error", "own"] == [one.id for one in policies([str(path)])]
    path.write_text(json.dumps([{**OWN, "each": "x"}, str(path)]))
    with pytest.raises(_gate.GateError) as caught:
        policies([str(path)])
    assert '%s[0].each "x"' % path in str(caught.value) and '%s[1] "%s" is no policy' % (path, path) in str(caught.value)
    with pytest.raises(_gate.GateError, match=r'front_tier_policies\[0\] "/nowhere.yml" cannot be read: '):
        policies(["/nowhere.yml"])


def test_an_entry_changes_the_keys_that_it_gives():
    """A ready policy keeps its expression where only its hosts or its severity are told."""
    before = {one.id: one for one in policies(None)}
    (one,) = policies([{"id": "every-balancer-transparent", "hosts": "lb-*", "severity": "warning"}])
    assert (("lb-*",), "warning") == (one.hosts, one.severity)
    assert before[one.id].violations.text == one.violations.text and before[one.id].title == one.title
    assert list(before) == [one.id for one in policies(["ready", {"id": "no-error", "severity": "info"}])]


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ({}, []),
        ({"paths": [{"used": 81, "connections": 100, "sources": ["a"], "destinations": ["b"], "binding": None}]}, [
            ("no-hop-above-80-percent", "web", "a → b")]),
        ({"paths": [{"used": 80, "connections": 100}]}, []),
        ({"paths": [{"used": {"absent": "unknown"}, "connections": 100}]}, []),
        ({"findings": [{"id": "FT601", "severity": "warning", "subject": "net.core.somaxconn", "message": "m"}]}, [
            ("no-live-boot-difference", "web", "net.core.somaxconn")]),
        ({"findings": [{"id": "FT205", "severity": "error", "subject": "nginx.service", "message": "m"}]}, [
            ("no-error", "web", "nginx.service")]),
        ({"findings": [{"id": "FT205", "severity": "error", "subject": "nginx.service", "message": "m", "outside": True}]}, []),
        ({"services": [SERVICE], "listeners": [LISTENER]}, [("no-soft-nofile-1024", "web", "nginx.service")]),
        ({"services": [SERVICE]}, []),  # it does not listen
        ({"services": [{**SERVICE, "processes": [{"nofile": {"absent": "no_permission"}}]}], "listeners": [LISTENER]}, []),
        ({"services": {"absent": "unreadable"}, "listeners": None, "paths": 3, "sockets": [], "findings": None}, []),
    ],
)  # fmt: skip
def test_the_ready_policies_find_what_they_say(sections, found):
    """Each finds its violation, and nothing on a host without one or where the values could not be read."""
    result = judged({"web": fact(**sections)})
    assert found == broken(result)
    assert [] == [case.trouble for one in result.judgements for case in one.cases if case.trouble]


@pytest.mark.parametrize(
    ("variables", "sections", "found"),
    [
        (TPROXY, {"sockets": {"flows": [flow(True), flow(False, "10.0.0.99")]}}, []),
        (TPROXY, {"sockets": {"flows": [flow(False)]}}, ["10.0.9.10:8080"]),
        (TPROXY, {"findings": [{"id": "FT701", "severity": "warning", "subject": "net.ipv4.ip_forward", "message": "m"}]}, [
            "net.ipv4.ip_forward"]),
        ({}, {}, ["front_tier_transparent_method"]),
    ],
)  # fmt: skip
def test_a_balancer_that_is_not_transparent_is_found(variables, sections, found):
    """Only hosts of a balancers' group are judged: what they dial to their upstreams comes from the clients' addresses."""
    chosen = ["every-balancer-transparent"]
    hosts = {"lb": {"audit": fact(**sections), "groups": ["balancers"], "variables": variables}, "web": fact(**sections)}
    result = judged(hosts, chosen)
    assert [("every-balancer-transparent", "lb", subject) for subject in found] == broken(result)
    assert ["lb"] == [case.name for case in result.judgements[0].cases]


def test_what_breaks_a_ready_policy_is_said_in_words():
    """The message names the listener and the value."""
    ((case,),) = [one.cases for one in judged({"web": fact(services=[SERVICE], listeners=[LISTENER])}, ["no-soft-nofile-1024"]).judgements]
    assert "it listens on 0.0.0.0:80, and a process of it may open 1024 files" == case.rows[0].finding["message"]


@pytest.mark.parametrize(
    ("text", "subjects", "messages"),
    [
        ("`true`", ["web"], ["own"]),
        ("host.system", ["web"], ["own: Linux"]),
        ("[`0`, '', `3`]", ["web"], ["own: 3"]),
        ("{subject: 's', message: 'm', remedy: 'r', value: `1`}", ["s"], ["m"]),
        ("limits[].{name: 'n', value: `5`}", [], []),
        ("[{name: 'n', value: `5`}]", ["n"], ["own: name n, value 5"]),
        ("`null`", [], []),
    ],
)
def test_what_an_expression_finds_becomes_violations(text, subjects, messages):
    """Nothing found is a policy kept; a list is a violation each; told keys are used, others are shown."""
    ((case,),) = [one.cases for one in judged({"web": fact()}, [{"id": "own", "violations": text}]).judgements]
    assert subjects == [row.finding["subject"] for row in case.rows]
    assert messages == [row.finding["message"] for row in case.rows]


def test_an_acceptance_holds_until_its_day():
    """The accept list is that of the audit's gate: by id, host and subject, until a day; unknown ids are named."""
    web = {"web": fact(services=[SERVICE], listeners=[LISTENER])}
    assert "" == judged(web, accept=[ACCEPT]).message
    assert "" != judged(web, accept=[{**ACCEPT, "until": "2026-11-22"}]).message
    assert ["no-soft-nofile-1024 on db-*"] == judged(web, accept=[{**ACCEPT, "hosts": "db-*"}]).unused
    with pytest.raises(_gate.GateError, match=r'front_tier_policy_accept\[0\].id "FT601" is not the id of a policy. The policies are '):
        judged(web, accept=[{**ACCEPT, "id": "FT601"}])


def test_the_message_of_the_gate():
    """It names hosts, policies and subjects, and the option to accept them in."""
    assert (
        "1 new violation on 1 host (fail_on: error): web no-soft-nofile-1024 nginx.service. Remedy them, or accept each in "
        "front_tier_policy_accept with id, hosts, until and why. 1 host could not be audited, so the gate cannot pass: "
        "gone (there is no audit of this host)."
    ) == judged({"web": fact(services=[SERVICE], listeners=[LISTENER]), "gone": {"audit": None}}).message


@pytest.mark.parametrize(
    ("severity", "fail_on", "fails"), [("warning", "error", False), ("warning", "warning", True), ("error", "never", False)]
)
def test_the_level_of_the_gate_counts(severity, fail_on, fails):
    """A violation fails where its policy is as severe as the gate."""
    result = judged({"web": fact()}, [{"id": "own", "violations": "host", "severity": severity}], fail_on=fail_on)
    assert fails == bool(result.message)


def test_a_policy_that_cannot_be_judged_fails_the_gate():
    """An expression that breaks on a host is no pass."""
    result = judged({"web": fact()}, [{"id": "own", "violations": "length(nothing)"}])
    assert result.message.startswith("Policy own could not be judged on web: line 1, column 1: length() cannot take a value of type null")


def test_hops_and_tiers_come_from_the_plan():
    """Without a plan they are skipped and the report says so; with one, each row is judged."""
    own = [{"id": "own", "each": "hop", "violations": "share(wanted, planned) > `0.8`"}]
    assert "no plan was given" == judged({"web": fact()}, own).judgements[0].skipped
    plan = {"hops": [{"name": "cache", "wanted": 90, "planned": 100}, {"name": "web", "wanted": 10, "planned": 100}]}
    assert [("own", "cache", "cache")] == broken(judged({"web": fact()}, own, plan))
    whole = [{"id": "own", "each": "fleet", "violations": "length(hosts) > length(plan.hops) && 'more hosts than hops'"}]
    assert [] == broken(judged({"web": fact()}, whole, plan))


@pytest.mark.parametrize(("now", "found"), [(99, ["cache"]), (100, []), (None, []), ("unlimited", [])])
def test_a_hop_that_holds_less_than_wanted_breaks_the_ready_policy(now, found):
    """What the filter `plan` returns of a hop is judged by its numbers; an unknown one breaks nothing."""
    plan = {"hops": [{"name": "cache", "now": now, "needs": 100, "verdict": "too little."}]}
    assert [("no-hop-short-of-the-plan", "cache", name) for name in found] == broken(judged({"web": fact()}, None, plan))


def test_a_report_of_the_audit_is_a_fleet():
    """The JSON that the audit writes is taken as it is, with the reasons of hosts that were not audited."""
    report = {"fleet": {}, "hosts": {"web": {"state": "audited", "audit": fact()}, "gone": {"state": "unreachable", "why": "timed out"}}}
    assert {"gone": "timed out"} == judged(report).unaudited
    for nothing in ({}, [], "x", None):
        with pytest.raises(_gate.GateError, match="There is no host to judge. Give"):
            judge.hosts_of(nothing)


def test_junit_counts_agree_with_its_cases():
    """Failures, errors and skipped of each suite and of all are those of the cases; text of a host cannot break the XML."""
    evil = {"id": "FT205", "severity": "error", "subject": "a\x00]]>&<b>\ud800", "message": "m\x1b[31m"}
    hosts = {"web": fact(services=[SERVICE], listeners=[LISTENER]), "evil": fact(findings=[evil]), "gone": {"audit": None}}
    chosen = ["ready", {"id": "bad", "violations": "length(nothing)"}]
    result = judged(hosts, chosen, accept=[{**ACCEPT, "why": "<booked>"}])
    top = ElementTree.fromstring(told.junit(result))
    for node in [top, *top.findall("testsuite")]:
        cases = list(node.iter("testcase"))
        seen = {tag: sum(case.find(tag) is not None for case in cases) for tag in ("failure", "error", "skipped")}
        assert [str(len(cases)), *(str(number) for number in seen.values())] == [
            node.get(key) for key in ("tests", "failures", "errors", "skipped")
        ]
    assert ("1", "3", "3") == (top.get("failures"), top.get("errors"), top.get("skipped"))
    failure = top.find(".//failure")
    assert "a\ufffd]]>&<b>\ufffd: m\ufffd[31m" == failure.get("message")
    assert "accepted: nginx.service until 2026-12-31: <booked>" in [node.get("message") for node in top.iter("skipped")]


def test_the_table_fits_a_terminal():
    """No line is wider than 100 columns, and each policy has its line."""
    fleet = {"host-%d" % number: recorded(number) for number in range(40)}
    result = judged(fleet)
    lines = ["".join(text for text, _tone in line) for line in told.lines(result)]
    assert 100 >= max(map(len, lines))
    for one in result.judgements:
        assert [line for line in lines if one.policy.id in line]
    assert "more: the files hold all" in " ".join(lines)


def test_the_data_holds_every_violation():
    """The JSON counts what it lists."""
    fleet = {"host-%d" % number: recorded(number) for number in range(40)}
    data = told.data(judged(fleet))
    assert data == json.loads(json.dumps(data))
    assert sum(one["failing"] for one in data["policies"]) == sum(row["fails"] for one in data["policies"] for row in one["found"]) > 0
