# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fact that an audit leaves behind: the snapshot and what the model says of it, bounded in size. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import clean, count, items, mapping, plain, rows

# How many rows of a section are kept, and by what the greatest are chosen (None: the first).
MOST: dict[str, tuple[int, str | None]] = {
    "limits": (300, None),
    "listeners": (400, "connections"),
    "services": (50, "connections"),
    "addresses": (1100, None),
    "paths": (60, None),
    "findings": (100, None),
}
WITHIN: dict[tuple[str, str], tuple[int, str | None]] = {
    ("sockets", "flows"): (100, "connections"),
    ("sockets", "bound"): (400, None),
    ("ports", "blocked"): (400, None),
    ("ports", "without_socket"): (400, None),
    ("boot", "problems"): (100, None),
}
PROCESSES = (32, "connections")
MOST_LETTERS = 1000
# Sections that the model computes with: where one of them was cut, a computation from the fact would not be exact.
EXACT = ("sockets.flows", "sockets.bound", "listeners", "services", "processes", "addresses")
NOT_KEPT = ("invocation", "changed", "failed", "warnings", "deprecations", "ansible_facts", "_ansible_no_log", "_ansible_verbose_override")


def _kept(value: Any, most: int, by: str | None) -> Any:
    """Return the rows that stay: the greatest by `by`, in their own order."""
    if not isinstance(value, list) or len(value) <= most:
        return value
    if by is None:
        return value[:most]
    size = [count(mapping(row).get(by)) or 0 for row in value]
    chosen = sorted(sorted(range(len(value)), key=lambda place: -size[place])[:most])
    return [value[place] for place in chosen]


def _bounded(value: Any) -> Any:
    """Return the value with no text longer than MOST_LETTERS."""
    if isinstance(value, str):
        return value if len(value) <= MOST_LETTERS else clean(value, MOST_LETTERS)
    if isinstance(value, dict):
        return {str(name)[:200]: _bounded(item) for name, item in value.items()}
    return [_bounded(item) for item in value] if isinstance(value, list) else value


def kept(result: dict[str, Any], wanted: int | None = None, headroom: float = verdict.HEADROOM, relays: bool = False) -> dict[str, Any]:
    """Return the fact `front_tier_audit` for a result of connection_limits_info.

    It is the result, with `cut`: {section: [rows kept, rows there were]} for what was left out, and, where a number is wanted,
    with `wanted` (see verdict()) and its finding. Raises ValueError where the result is no result of connection_limits_info.
    """
    try:
        fact: dict[str, Any] = _bounded({name: value for name, value in plain(result).items() if name not in NOT_KEPT})
    except RecursionError:
        raise ValueError("the data is nested too deeply") from None
    if not mapping(fact.get("host")) or not mapping(fact.get("capacity")):
        raise ValueError("there is no host and no capacity in it")
    cut: dict[str, list[int]] = {}

    def keep(owner: dict[str, Any], name: str, label: str, most: int, by: str | None) -> None:
        before = owner.get(name)
        after = _kept(before, most, by)
        if isinstance(before, list) and len(after) < len(before):
            cut[label] = [cut.get(label, [0, 0])[0] + len(after), cut.get(label, [0, 0])[1] + len(before)]
            owner[name] = after

    for name, (most, by) in MOST.items():
        keep(fact, name, name, most, by)
    for (section, name), (most, by) in WITHIN.items():
        keep(mapping(fact.get(section)), name, "%s.%s" % (section, name), most, by)
    for service in rows(fact.get("services")):
        keep(service, "processes", "processes", *PROCESSES)
    fact["cut"] = cut
    if wanted is not None:
        fact["wanted"] = verdict.verdict(fact, wanted, headroom, relays)
        fact["wanted"]["relays"] = relays
        fact["findings"] = [*verdict.finding(fact["wanted"]), *items(fact.get("findings"))]
    return fact
