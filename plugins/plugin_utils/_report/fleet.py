# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet out of what its hosts' variables hold. Private to the collection. Pure: the date comes from the caller."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import findings
from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict, view
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, clean, mapping, plain
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import rows as rows_of


class Entry(NamedTuple):
    """What is known of one host. fact: `front_tier_audit`, None where there is none; trouble: (`unreachable` or `failed`, why).

    proof: `front_tier_proof`, None where nothing was proved.
    """

    name: str
    fact: Any
    trouble: tuple[str, str] | None
    fail_on: str
    accepted: list[_gate.Acceptance]
    proof: Any = None


class Made(NamedTuple):
    """A report: what is shown, the facts, the judged findings and the proofs by host, and the findings that fail the gate."""

    fleet: view.Fleet
    facts: dict[str, dict[str, Any]]
    judged: dict[str, list[_gate.Judged]]
    failing: dict[str, list[_gate.Judged]]
    unaudited: dict[str, str]
    unused: list[str]
    proofs: dict[str, dict[str, Any]]


def entry(name: str, fact: Any, info: Any, error: Any, gate: tuple[str, list[_gate.Acceptance]], proof: Any = None) -> Entry:
    """Return what is known of a host: its fact, unless this run could not audit it.

    info: what the module returned in this run; error: what the rest of the audit failed with. A fact from a fact cache does not
    stand in for a host that could not be reached: it is named in the reason.
    """
    told = mapping(info)
    if told.get("unreachable"):
        trouble: tuple[str, str] | None = ("unreachable", clean(told.get("msg") or "no reason was given"))
    elif told.get("failed") or error:
        trouble = ("failed", clean((told.get("failed") and told.get("msg")) or error))
    else:
        trouble = None if fact is not None else ("failed", "no audit of this host was made in this run")
    last = mapping(mapping(fact).get("host")).get("read_at")
    if trouble and last:
        trouble = (trouble[0], "%s (the last audit in the fact cache is of %s)" % (trouble[1], clean(last, 32)))
    return Entry(name, fact, trouble, *gate, proof)


def make(entries: list[Entry], today: datetime.date) -> Made:
    """Return the report of these hosts."""
    hosts, facts, judged, failing, unaudited, proofs = [], {}, {}, {}, {}, {}
    used: set[_gate.Acceptance] = set()
    for one in entries:
        name, trouble = clean(one.name, 120), one.trouble
        try:
            fact, proof = plain(one.fact), plain(one.proof)
        except ValueError as error:
            trouble = trouble or ("failed", str(error))
        if trouble is None and not isinstance(fact, dict):
            trouble = ("failed", "front_tier_audit is no dictionary")
        if trouble is None:
            try:
                rows = _gate.judge(name, rows_of(fact.get("findings")), one.fail_on, one.accepted, today)
                seen = view.host(name, fact, rows, proof)
            except UNFIT as error:  # of a host that made it up; the others are reported all the same
                trouble = ("failed", "front_tier_audit is not what an audit leaves (%s)" % type(error).__name__)
        if trouble:
            hosts.append(view.Host(name, trouble[0], clean(trouble[1])))
            if one.fail_on != "never":
                unaudited[name] = trouble[0]
            continue
        used.update(row.acceptance for row in rows if row.acceptance)
        facts[name], judged[name] = fact, rows
        if mapping(proof):
            proofs[name] = proof
        if any(row.fails for row in rows):
            failing[name] = [row for row in rows if row.fails]
        hosts.append(seen)
    levels = {one.fail_on for one in entries}
    fail_on = next((level for level in reversed(_gate.LEVELS) if level in levels), "never")
    message = _gate.message(failing, unaudited, fail_on)
    every = {acceptance for one in entries for acceptance in one.accepted}
    unused = sorted("%s on %s" % (one.id, ", ".join(one.hosts)) for one in every - used)
    return Made(view.fleet(hosts, fail_on, message), facts, judged, failing, unaudited, unused, proofs)


def known_ids() -> set[str]:
    """Return the ids that an acceptance may name: of every check, and of the verdict."""
    return {*findings.CHECKS, verdict.ID}  # type: ignore[attr-defined]  # the table is full only where findings is imported
