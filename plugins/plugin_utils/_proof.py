# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proof: what was predicted and what was held, of a host and of a fleet. Private to the collection. Pure."""

from __future__ import annotations

import datetime
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import amount, clean, count, grouped, mapping, rows

DIALLED, ENDED, LISTENED = "dialled", "ended", "listened"  # what a host brings: its results of connection_probe, in this order
SUMS = ("asked", "predicted", "expected", "held", "kernel", "lost")
PATH = ("sources", "destinations", "ports", "bind", "dialer", "asked", "predicted", "at_most", "held", "kernel", "refusal")


def of_host(results: Any, hold: float = 0.0) -> dict[str, Any] | None:
    """Return the fact `front_tier_proof` of a host that dialled; None of one that did not.

    results: {dialled, ended, listened}. `expected` is what must be held: as many as were asked for, but no more than were predicted;
    `possible`, with what chance may add: of an odd number of ports the kernel leaves one out, or not.
    """
    dialled, ended = mapping(mapping(results).get(DIALLED)), mapping(mapping(results).get(ENDED))
    paths = rows(dialled.get("paths"))
    if not paths or dialled.get("skipped"):
        return None
    kept = [{name: path.get(name) for name in PATH} for path in paths]
    total = {name: sum(_number(path, name) for path in kept) for name in ("asked", "predicted", "held", "kernel")}
    return dict(
        total,
        run=clean(dialled.get("run"), 64),
        at=_moment(dialled.get("held_at")),
        expected=sum(_bounds(path)[0] for path in kept),
        possible=sum(_bounds(path)[1] for path in kept),
        lost=_number(ended or dialled, "lost"),
        seconds=dialled.get("seconds"),
        rate=dialled.get("rate"),
        hold=hold,
        closed=ended.get("closed"),
        connect=dialled.get("connect"),
        memory=dialled.get("memory"),
        losses=dialled.get("losses"),
        paths=kept,
    )


def of_fleet(results: dict[str, Any], hold: float = 0.0) -> dict[str, Any]:
    """Return the one result of all hosts: the sums, and every difference between prediction and counts in words (`troubles`).

    results: {host: {dialled, ended, listened}}.
    """
    proofs = {name: of_host(one, hold) for name, one in results.items()}
    proved = {name: proof for name, proof in proofs.items() if proof}
    listeners = [row for one in results.values() for row in rows(mapping(mapping(one).get(LISTENED)).get("listeners"))]
    total: dict[str, Any] = {name: sum(proof[name] for proof in proved.values()) for name in SUMS}
    total["listened"] = {name: sum(_number(row, name) for row in listeners) for name in ("held", "kernel")} if listeners else None
    troubles = [*_of_hosts(proved), *_of_counts(total), *_of_failures(results)]
    if not proved:
        troubles.append("No host dialled.")
    return dict(
        total,
        hosts=len(proved),
        seconds=max((amount(proof["seconds"]) for proof in proved.values()), default=0.0),
        rate=sum(_number(proof, "rate") for proof in proved.values()),
        hold=hold,
        good=not troubles,
        troubles=troubles,
    )


def _of_hosts(proved: dict[str, dict[str, Any]]) -> Iterable[str]:
    for name, proof in proved.items():
        for path in proof["paths"]:
            wanted, possible = _bounds(path)
            if not wanted <= _number(path, "held") <= possible:
                refusal = mapping(path["refusal"])
                why = ": %s (%s), %s" % tuple(clean(refusal.get(key)) for key in ("error", "limit", "message")) if refusal else ""
                where = "%s ports %s" % (_listed(path["destinations"]), _listed(path["ports"]))
                yield "%s holds %s of %s to %s%s." % (name, grouped(count(path["held"])), grouped(wanted), where, why)
        if proof["lost"]:
            yield "%s lost %s connections while it held them." % (name, grouped(proof["lost"]))


def _of_counts(total: dict[str, Any]) -> Iterable[str]:
    counts = {"the dialling kernels": total["kernel"]}
    if total["listened"]:
        counts.update({"the listeners": total["listened"]["held"], "the listening kernels": total["listened"]["kernel"]})
    for who, number in counts.items():
        if number != total["held"]:
            yield "The diallers hold %s, %s count %s." % (grouped(total["held"]), who, grouped(number))


def _of_failures(results: dict[str, Any]) -> Iterable[str]:
    for name, one in results.items():
        for part in (DIALLED, ENDED, LISTENED):
            result = mapping(mapping(one).get(part))
            if result.get("failed") or result.get("unreachable") or result.get("phase") == "failed":
                yield "%s: %s" % (name, clean(result.get("msg") or result.get("note")))
                break


def said(proof: Any) -> str:
    """Return a host's proof in one line: predicted and held, when, how long; an empty one where there is none."""
    one = mapping(proof)
    if count(one.get("held")) is None or count(one.get("predicted")) is None:
        return ""
    when = clean(one.get("at"), 32).replace("T", " ").replace("Z", " UTC")
    numbers = tuple(grouped(count(one.get(name))) for name in ("predicted", "asked", "held"))
    text = "%s predicted, %s asked for, %s held" % numbers
    return "%s on %s, dialled in %.1f s, held for %g s" % (text, when, amount(one.get("seconds")), amount(one.get("hold")))


def holds(proof: Any) -> bool:
    """Tell whether a host's proof held what it had to, and lost nothing."""
    one = mapping(proof)
    held, least, most = (count(one.get(name)) for name in ("held", "expected", "possible"))
    right = held is not None and least is not None and least <= held <= max(least, most or 0)
    return right and held == one.get("kernel") and not one.get("lost")


def _bounds(path: dict[str, Any]) -> tuple[int, int]:
    """Return (how many a path must hold, how many it may)."""
    asked, promised = _number(path, "asked"), _number(path, "predicted")
    return min(asked, promised), min(asked, max(promised, _number(path, "at_most")))


def _moment(value: Any) -> str:
    try:
        return datetime.datetime.fromtimestamp(amount(value), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""


def _number(row: dict[str, Any], name: str) -> int:
    return count(row.get(name)) or 0


def _listed(value: Any) -> str:
    return ", ".join(clean(item, 40) for item in value) if isinstance(value, list) else clean(value)
