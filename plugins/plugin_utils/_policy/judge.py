# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging: policies over the audits of a fleet and its plan. Private to the collection. Pure: the date comes from the caller."""

from __future__ import annotations

import datetime
from typing import Any, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.expression import ExpressionError
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.policy import Policy, ready_policies
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import clean, items, mapping, plain, rows, words

ACCEPT = "front_tier_policy_accept"
TOLD = ("subject", "message", "remedy", "severity", "evidence", "outside")


class Host(NamedTuple):
    """What is known of a host: its fact in plain data, None where it was not audited, with the reason."""

    name: str
    fact: dict[str, Any] | None
    groups: tuple[str, ...]
    variables: dict[str, Any]
    why: str


class Case(NamedTuple):
    """One policy for one host, hop or tier. rows: its violations; trouble: why it could not be judged."""

    name: str
    rows: list[_gate.Judged]
    trouble: str

    @property
    def fails(self) -> bool:
        """Tell whether the gate fails on it."""
        return any(row.fails for row in self.rows)


class Judgement(NamedTuple):
    """One policy with its cases; `skipped` says why there is none to judge."""

    policy: Policy
    cases: list[Case]
    skipped: str


class Result(NamedTuple):
    """What a gate says: judgements in the policies' order, hosts that were not audited, acceptances that match nothing."""

    judgements: list[Judgement]
    hosts: int
    oldest: str  # when the oldest audit was made, empty where none tells
    unaudited: dict[str, str]
    unused: list[str]
    fail_on: str
    message: str  # why it fails; empty where it passes


def host_of(name: str, value: Any, groups: Any = (), variables: Any = None, why: str = "") -> Host:
    """Return what expressions see of a host: the fact, and what a join of its sections would give."""
    try:
        fact = plain(value)
    except ValueError as error:
        fact, why = None, str(error)
    if not isinstance(fact, dict) or not mapping(fact.get("host")):
        return Host(name, None, tuple(groups), {}, why or "there is no audit of this host")
    variables = mapping(variables)
    listening: dict[str, list[str]] = {}
    for row in rows(fact.get("listeners")):
        listening.setdefault(str(row.get("service")), []).append("%s:%s" % (row.get("address"), row.get("port")))
    for row in rows(fact.get("services")):
        row["listens"] = listening.get(str(row.get("name")), [])
    asked = rows(mapping(fact.get("asked")).get("paths"))  # the upstreams that the audit was told of
    dialled = {(str(to), str(port)) for path in asked for to in items(path.get("destinations")) for port in items(path.get("ports"))}
    for row in rows(mapping(fact.get("sockets")).get("flows")):
        row["upstream"] = (str(row.get("destination")), str(row.get("port"))) in dialled
    fact.update(name=name, groups=list(groups), variables=variables)
    return Host(name, fact, tuple(groups), variables, "")


def hosts_of(value: Any) -> list[Host]:
    """Return the hosts of {name: audit}, of {name: {audit, groups, variables}}, or of the report that the audit writes as JSON.

    Raises GateError where it is none of these.
    """
    try:
        given = plain(value)
    except ValueError as error:
        raise _gate.GateError("The audits cannot be read: %s. Audit the hosts again." % error) from None
    if isinstance(given, dict) and "fleet" in given and isinstance(given.get("hosts"), dict):
        given = given["hosts"]
    if not isinstance(given, dict) or not given:
        raise _gate.GateError("There is no host to judge. Give {name of a host: its fact front_tier_audit}, or the report front-tier.json.")
    found = []
    for name, one in given.items():
        held = mapping(one)
        if "limits" in held:
            held = {"audit": held}
        fact = next((held[key] for key in ("audit", "fact", "snapshot") if held.get(key) is not None), None)
        found.append(
            host_of(str(name), fact, [str(group) for group in held.get("groups") or ()], held.get("variables"), clean(held.get("why")))
        )
    return found


def judge(
    policies: list[Policy],
    hosts: list[Host],
    plan: dict[str, Any] | None,
    accept: Any,
    fail_on: str,
    today: datetime.date,
    option: str = ACCEPT,
) -> Result:
    """Return what the policies say. accept: the list as a user wrote it, in that option. Raises GateError where it cannot be meant so."""
    # a ready policy may be accepted also in a run that does not judge it
    accepted = _gate.acceptances(accept, {policy.id for policy in policies} | set(ready_policies()), option, "policy")
    judgements = []
    for policy in policies:
        cases, skipped = [], ""
        if policy.each in ("hop", "tier") and plan is None:
            skipped = "no plan was given"
        else:
            for name, document in _documents(policy, hosts, plan):
                cases.append(_case(policy, name, document, fail_on, accepted, today))
            skipped = "" if cases else "it concerns nothing here"
        judgements.append(Judgement(policy, cases, skipped))
    unaudited = {host.name: host.why for host in hosts if host.fact is None}
    used = {row.acceptance for one in judgements for case in one.cases for row in case.rows if row.acceptance}
    unused = sorted("%s on %s" % (one.id, ", ".join(one.hosts)) for one in set(accepted) - used)
    times = [clean(mapping(host.fact.get("host")).get("read_at"), 32) for host in hosts if host.fact]
    oldest = min((one for one in times if one), default="")
    return Result(judgements, len(hosts), oldest, unaudited, unused, fail_on, _message(judgements, unaudited, fail_on, option))


def _documents(policy: Policy, hosts: list[Host], plan: dict[str, Any] | None) -> Iterator[tuple[str, Any]]:
    """Yield (name, what the expression sees) for each thing that a policy is judged for."""
    if policy.each == "host":
        yield from ((host.name, host.fact) for host in hosts if host.fact and policy.concerns(host.name, host.groups))
    elif policy.each == "fleet":
        yield "fleet", {"hosts": [host.fact for host in hosts if host.fact], "plan": plan}
    else:
        yield from ((clean(row.get("name"), 120), row) for row in rows(mapping(plan).get(policy.each + "s")))


def _case(policy: Policy, name: str, document: Any, fail_on: str, accepted: list[_gate.Acceptance], today: datetime.date) -> Case:
    try:
        found = policy.violations(document)
    except ExpressionError as error:
        return Case(name, [], str(error))
    # null, false, 0, "", [] and {} are nothing found
    items = [item for item in found if item] if isinstance(found, list) else [found] if found else []
    return Case(name, _gate.judge(name, [_violation(policy, name, item) for item in items], fail_on, accepted, today), "")


def _violation(policy: Policy, name: str, item: Any) -> dict[str, Any]:
    """Return a violation in the form of a finding, so that the gate judges both alike."""
    told = mapping(item)
    rest = {key: value for key, value in told.items() if key not in TOLD} if told else item
    message = told.get("message") or (policy.title if rest is True or not rest else "%s: %s" % (policy.title, words(rest)))
    return {
        "id": policy.id,
        "severity": policy.severity,
        "subject": clean(told.get("subject") or told.get("name") or name),
        "message": clean(message),
        "remedy": clean(told.get("remedy") or policy.remedy),
        "evidence": told.get("evidence") or rest,
        "outside": told.get("outside") is True,
    }


def _message(judgements: list[Judgement], unaudited: dict[str, str], fail_on: str, option: str) -> str:
    if fail_on == "never":
        return ""
    failing: dict[str, list[_gate.Judged]] = {}
    for one in judgements:
        for case in one.cases:
            if case.fails:
                failing.setdefault(case.name, []).extend(row for row in case.rows if row.fails)
    said = [_gate.message(failing, unaudited, fail_on, what="violation", option=option)]
    for one in judgements:
        troubled = [case for case in one.cases if case.trouble]
        if troubled:
            said.append(
                "Policy %s could not be judged on %s%s: %s"
                % (one.policy.id, troubled[0].name, " and %d more" % (len(troubled) - 1) if len(troubled) > 1 else "", troubled[0].trouble)
            )
    return " ".join(text for text in said if text)
