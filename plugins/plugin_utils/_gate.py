# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: which findings make a run fail, and which were accepted, by whom it concerns, until when and why.

Private to the collection. Pure: the date comes from the caller.
"""

from __future__ import annotations

import datetime
import fnmatch
from typing import Any, Collection, Iterable, NamedTuple

LEVELS = ("never", "error", "warning")
SEVERITIES = ("error", "warning", "info")
KEYS = ("id", "hosts", "subject", "until", "why")


class GateError(ValueError):
    """What a user wrote about the gate cannot be meant so; the message lists every mistake."""


class Acceptance(NamedTuple):
    """A finding that somebody accepted. hosts, subject: shell patterns; until: the last day on which it counts."""

    id: str
    hosts: tuple[str, ...]
    subject: str
    until: datetime.date
    why: str

    def covers(self, host: str, finding: dict[str, Any]) -> bool:
        """Tell whether this acceptance speaks of that finding on that host, whatever the date."""
        return (
            finding.get("id") == self.id
            and any(fnmatch.fnmatchcase(host, pattern) for pattern in self.hosts)
            and fnmatch.fnmatchcase(str(finding.get("subject")), self.subject)
        )


class Judged(NamedTuple):
    """A finding with its standing. state: `new`, `accepted`, `expired` (its acceptance ended) or `outside` (not ours to change);
    fails: whether the gate fails on it; acceptance: the one that counts, or that ended last."""

    finding: dict[str, Any]
    state: str
    fails: bool
    acceptance: Acceptance | None


def level(value: Any, name: str = "front_tier_fail_on") -> str:
    """Return the level of the gate. Raises GateError."""
    if isinstance(value, str) and value in LEVELS:
        return str(value)
    raise GateError('%s "%s" is not one of %s.' % (name, value, ", ".join(LEVELS)))


def _date(value: Any) -> datetime.date | None:
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None


def _mistakes(place: str, item: dict[str, Any], known: Collection[str], what: str) -> Iterable[str]:
    unknown = sorted(str(key) for key in item if key not in KEYS)
    if unknown:
        yield "%s has no key %s; its keys are %s." % (place, ", ".join(unknown), ", ".join(KEYS))
    identity = item.get("id")
    if not identity:
        yield '%s has no id: name the %s that it accepts, for example "%s".' % (place, what, "FT117" if what == "finding" else min(known))
    elif identity not in known:
        there = "The findings are listed in docs/findings" if what == "finding" else "The policies are " + ", ".join(sorted(known))
        yield '%s.id "%s" is not the id of a %s. %s.' % (place, identity, what, there)
    if item.get("until") is None:
        yield "%s has no until: the last day on which it counts, for example 2027-03-01." % place
    elif _date(item["until"]) is None:
        yield '%s.until "%s" is no date. Write it as 2027-03-01.' % (place, item["until"])
    if not str(item.get("why") or "").strip():
        yield "%s has no why: say in a sentence why it is accepted until then." % place
    hosts = item.get("hosts", "*")
    patterns = hosts if isinstance(hosts, list) else [hosts]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        yield '%s.hosts must be a pattern of host names such as "edge-0*", or a list of them.' % place


def acceptances(value: Any, known: Collection[str], name: str = "front_tier_accept", what: str = "finding") -> list[Acceptance]:
    """Return the accept list, checked. known: the ids of all findings (or policies: `what`). Raises GateError that lists every mistake."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise GateError("%s is no list. Write a list of {id, hosts, until, why}." % name)
    mistakes: list[str] = []
    accepted = []
    for index, item in enumerate(value):
        place = "%s[%d]" % (name, index)
        if not isinstance(item, dict):
            mistakes.append('%s is no dictionary. Write {id: FT117, hosts: "edge-0*", until: 2027-03-01, why: "…"}.' % place)
            continue
        wrong = list(_mistakes(place, item, known, what))
        mistakes.extend(wrong)
        until = _date(item.get("until"))
        if wrong or until is None:
            continue
        hosts = item.get("hosts", "*")
        patterns = tuple(str(pattern) for pattern in (hosts if isinstance(hosts, list) else [hosts]))
        accepted.append(Acceptance(str(item["id"]), patterns, str(item.get("subject") or "*"), until, str(item["why"]).strip()))
    if mistakes:
        raise GateError(" ".join(mistakes))
    return accepted


def _standing(host: str, finding: dict[str, Any], accepted: Iterable[Acceptance], today: datetime.date) -> tuple[str, Acceptance | None]:
    if finding.get("outside") is True:
        return "outside", None
    covering = sorted((one for one in accepted if one.covers(host, finding)), key=lambda one: one.until)
    if not covering:
        return "new", None
    return ("accepted" if covering[-1].until >= today else "expired"), covering[-1]


def judge(host: str, findings: Iterable[dict[str, Any]], fail_on: str, accepted: list[Acceptance], today: datetime.date) -> list[Judged]:
    """Return the findings of a host, each with its standing; the worst first, otherwise in their order.

    A finding fails the gate where it is at least as severe as `fail_on`, is not accepted today, and is not `outside`.
    """
    failing = {"never": (), "error": ("error",), "warning": ("error", "warning")}[fail_on]
    judged = []
    for finding in findings:
        state, acceptance = _standing(host, finding, accepted, today)
        fails = state in ("new", "expired") and finding.get("severity") in failing
        judged.append(Judged(finding, state, fails, acceptance))
    return sorted(judged, key=lambda one: _rank(one.finding.get("severity")))


def _rank(severity: Any) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def message(
    failing: dict[str, list[Judged]],
    unaudited: dict[str, str],
    fail_on: str,
    most: int = 12,
    what: str = "finding",
    option: str = "front_tier_accept",
) -> str:
    """Return what the gate says when it fails: {host: findings that fail}, {host: why it was not audited}."""
    total = sum(len(found) for found in failing.values())
    parts = []
    if total:
        named = [
            "%s %s %s%s"
            % (
                host,
                one.finding.get("id"),
                one.finding.get("subject"),
                " (accepted until %s, which is over)" % one.acceptance.until if one.acceptance else "",
            )
            for host, found in failing.items()
            for one in found
        ]
        more = "; and %d more, see the report" % (total - most) if total > most else ""
        parts.append(
            "%d new %s%s on %d host%s (fail_on: %s): %s%s. Remedy them, or accept each in %s with id, hosts, until and why."
            % (
                total,
                what,
                "" if total == 1 else "s",
                len(failing),
                "" if len(failing) == 1 else "s",
                fail_on,
                "; ".join(named[:most]),
                more,
                option,
            )
        )
    if unaudited:
        hosts = ["%s (%s)" % item for item in unaudited.items()]
        more = "; and %d more" % (len(hosts) - most) if len(hosts) > most else ""
        parts.append(
            "%d host%s could not be audited, so the gate cannot pass: %s%s."
            % (len(hosts), "" if len(hosts) == 1 else "s", "; ".join(hosts[:most]), more)
        )
    return " ".join(parts)
