# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict: whether a host can hold the number of connections that is wanted of it. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import count, grouped, label, mapping, rows

ID = "FT100"
HEADROOM = 0.2


def _bounds(section: Any) -> dict[str, tuple[int, str]]:
    """Return {name: (connections, what decides it)} of the bounds of a capacity or a path."""
    found = {}
    for row in rows(mapping(section).get("bounds")):
        most = count(row.get("connections"))
        if most is not None and isinstance(row.get("name"), str):
            found[row["name"]] = (most, str(row.get("limit") or row.get("detail") or ""))
    return found


def _relayed(
    inbound: dict[str, tuple[int, str]], outbound: dict[str, tuple[int, str]], paths: list[dict[str, Any]]
) -> dict[str, tuple[int, str]]:
    """Return the bounds for connections that are accepted and dialled on at the same time, one outbound for each inbound.

    What both directions draw from (memory, descriptors, conntrack) is spent twice: with room for a of the one kind or b of the
    other, n of both fit where n/a + n/b <= 1. The descriptors of a path count both ends already, if its dialer is known.
    """
    files = [_bounds(path)["nofile"] for path in paths if "nofile" in _bounds(path)]
    merged = {**outbound, **inbound}
    for name in set(inbound) & set(outbound) - {"ports", "nofile"}:
        first, second = inbound[name][0], outbound[name][0]
        merged[name] = (first * second // (first + second) if first + second else 0, inbound[name][1])
    if files:
        merged["nofile"] = min(files)
    elif "nofile" in inbound:
        merged["nofile"] = (inbound["nofile"][0] // 2, inbound["nofile"][1] + ", two for each relayed connection")
    return merged


def verdict(facts: dict[str, Any], wanted: int, headroom: float = HEADROOM, relays: bool = False) -> dict[str, Any]:
    """Return {connections, headroom, holds, reachable, short_of: [{name, connections, detail}], message}.

    facts: {capacity, paths} as connection_limits_info returns them; relays: each connection is also dialled on to an upstream.
    holds: what the host can hold (None where it is not known); reachable: True where `wanted` fits and leaves `headroom` of it,
    False where it does not fit, and None between the two, or where it is not known.
    """
    capacity = mapping(facts.get("capacity"))
    bounds = _bounds(capacity.get("inbound"))
    if relays:
        bounds = _relayed(bounds, _bounds(capacity.get("outbound")), rows(facts.get("paths")))
    ranked = sorted(bounds.items(), key=lambda item: item[1][0])
    result: dict[str, Any] = {"connections": wanted, "headroom": headroom, "holds": None, "reachable": None, "short_of": []}
    what = "%s connections wanted%s" % (grouped(wanted), ", each relayed to an upstream" if relays else "")
    if not ranked:
        return dict(result, message="%s: what this host can hold could not be read." % what)
    holds = ranked[0][1][0]
    lacking: list[dict[str, Any]] = [{"name": name, "connections": most, "detail": why} for name, (most, why) in ranked if most < wanted]
    result.update(holds=holds, short_of=lacking)
    if lacking:
        said = "; ".join(
            "%s %s%s" % (label(row["name"]), grouped(row["connections"]), " (%s)" % row["detail"] if row["detail"] else "")
            for row in lacking
        )
        return dict(result, reachable=False, message="%s: this host holds %s, short of %s." % (what, grouped(holds), said))
    if wanted > holds * (1 - headroom):
        text = "%s: this host holds %s, bound by %s; that leaves less than the headroom of %d %%."
        return dict(result, message=text % (what, grouped(holds), label(ranked[0][0]), round(headroom * 100)))
    return dict(result, reachable=True, message="%s: this host holds %s, bound by %s." % (what, grouped(holds), label(ranked[0][0])))


def finding(judged: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the verdict as a finding: an error where the number does not fit, a warning where only the headroom is missing."""
    if judged["reachable"] is True:
        return []
    severity = "error" if judged["reachable"] is False else "warning"
    names = ", ".join(label(row["name"]) for row in judged["short_of"])
    remedy = (
        "Raise what it is short of (%s), or spread the connections over more hosts." % names
        if names
        else (
            "Spread the connections over more hosts, or want fewer."
            if judged["holds"] is not None
            else "Let the audit run with more rights: what it could not see is listed in the report."
        )
    )
    evidence = {name: judged[name] for name in ("connections", "headroom", "holds")}
    return [
        {
            "id": ID,
            "severity": severity,
            "subject": "front_tier_connections",
            "message": judged["message"],
            "evidence": evidence,
            "remedy": remedy,
            "outside": False,
        }
    ]
