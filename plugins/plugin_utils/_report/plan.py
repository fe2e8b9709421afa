# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet in a terminal: what each hop needs, what changes where, what it gains. Private to the collection.

Lines as in terminal.py: pieces (text, tone), at most 100 columns.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import WIDTH, Line, left, paragraph, right
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import (
    clean,
    count,
    grouped,
    items,
    label,
    mapping,
    percent,
    rows,
)

MOST_GROUPS = 40
MOST_WORDS = 12


def render(plan: dict[str, Any]) -> list[Line]:
    """Return the lines of a plan, as the filter `plan` returns it."""
    hops, hosts = rows(plan.get("hops")), mapping(plan.get("hosts"))
    head = "Plan for %s connections, %s headroom" % (grouped(count(plan.get("wanted"))), percent(_number(plan.get("headroom"))) or "0 %")
    about = "%d hop%s, %d host%s" % (len(hops), "" if len(hops) == 1 else "s", len(hosts), "" if len(hosts) == 1 else "s")
    lines: list[Line] = [[], [(left(head, WIDTH - len(about)), "title"), (about, "dim")], [("─" * WIDTH, "dim")]]
    lines += _table(hops)
    for hop in hops:
        lines += _hop(hop)
    lines.append([])
    lines += _tiers(rows(plan.get("tiers")))
    groups = list(_groups(hosts))
    if groups:
        lines += [[], [("  What changes where                                                              gains", "strong")]]
    for names, host in groups[:MOST_GROUPS]:
        lines += _changes(names, host)
    if len(groups) > MOST_GROUPS:
        lines.append([("    and %d more kinds of hosts: see the JSON" % (len(groups) - MOST_GROUPS), "dim")])
    missing = rows(plan.get("missing"))
    if missing:
        lines += [[], [("  More hosts", "strong")]]
    for row in missing:
        lines += paragraph(clean(row.get("words")), 4, "warning")
    cannot = [clean(one) for one in items(plan.get("cannot"))]
    if cannot:
        lines += [[], [("  What this cannot fix", "strong")]]
    for text in cannot[:MOST_WORDS]:
        lines += paragraph(text, 4, "error")
    if not (groups or missing or cannot):
        lines += [[], [("  Nothing has to change.", "good")]]
    return [*lines, []]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _table(hops: list[dict[str, Any]]) -> Iterator[Line]:
    """Yield one line for each hop: wanted, now, what binds, planned."""
    yield [
        ("  %s%s%s  %s%s" % (left("hop", 32), right("wanted", 14), right("now", 17), left("bound by", 18), right("planned", 14)), "strong")
    ]
    for hop in hops:
        name = clean("%s  %s → %s" % (hop.get("name"), hop.get("from"), hop.get("to")), 80)
        reached, same = hop.get("reached") is True, hop.get("now") == hop.get("planned")
        yield [
            ("  " + left(name, 32), ""),
            (right(grouped(count(hop.get("wanted"))), 14), ""),
            (right(grouped(count(hop.get("now"))), 17), "" if same and reached else "warning"),
            ("  " + left(label(hop.get("binding")), 18), "dim"),
            (right(grouped(count(hop.get("planned"))), 14), "good" if reached else "error"),
        ]


def _hop(hop: dict[str, Any]) -> Iterator[Line]:
    yield []
    yield [("  %s" % clean(hop.get("name"), 40), "strong"), ("  %s" % clean("%s → %s" % (hop.get("from"), hop.get("to")), 60), "dim")]
    yield from paragraph(clean(hop.get("verdict")), 4, "good" if "need nothing" in str(hop.get("verdict")) else "warning")
    for text in items(hop.get("words"))[:MOST_WORDS]:
        yield from paragraph(clean(text), 6, "", "")


def _tiers(tiers: list[dict[str, Any]]) -> Iterator[Line]:
    for tier in tiers:
        verdict = clean(tier.get("verdict"))
        if not verdict.startswith(str(tier.get("name"))):
            verdict = "%s: %s" % (clean(tier.get("name"), 60), verdict)
        yield from paragraph(verdict, 2, "good" if "need nothing" in verdict else "")
        for text in items(tier.get("words"))[:MOST_WORDS]:
            yield from paragraph(clean(text), 4, "warning")


def _groups(hosts: dict[str, Any]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield (names, host) of the hosts that change: those whose changes differ only in addresses are one group."""
    found: dict[str, list[str]] = {}
    for name, host in hosts.items():
        texts = [re.sub(r"\([^()]*[.:][^()]*\)", "", clean(row.get("words"))) for row in rows(mapping(host).get("changes"))]
        if texts:
            found.setdefault(json.dumps([texts, host.get("before")]), []).append(name)
    for names in found.values():
        yield names, mapping(hosts[names[0]])


def _named(names: Iterable[str]) -> str:
    shown = [clean(name, 40) for name in names]
    return ", ".join(shown[:4]) + (" and %d more" % (len(shown) - 4) if len(shown) > 4 else "")


def _changes(names: list[str], host: dict[str, Any]) -> Iterator[Line]:
    what = "%s of %s each: %s (%s), then %s" % (
        grouped(count(host.get("share"))),
        "the connections",
        grouped(count(host.get("before"))),
        label(host.get("binding")),
        grouped(count(host.get("after"))),
    )
    yield []
    yield [("  " + _named(names), "strong")]
    yield from paragraph(what, 4, "dim")
    for row in rows(host.get("changes")):
        gains = grouped(count(row.get("gains")))
        body = list(paragraph(clean(row.get("words")), 6, "", "    ~"))
        width = sum(len(text) for text, _tone in body[-1])
        if width + len(gains) + 3 > WIDTH:
            body.append([])
            width = 0
        body[-1].append((right("+" + gains, WIDTH - width), "good"))
        yield from body
    if host.get("note"):
        yield from paragraph(clean(host["note"]), 6, "warning")


def bytes_of(plan: dict[str, Any]) -> bytes:
    """Return the plan as the content of a JSON file."""
    return (json.dumps(plan, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
