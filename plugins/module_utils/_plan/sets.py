# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets: what each task manages on a host, with the first value of each thing that it took over. Pure. Private to the collection.

The record of all sets is one file of the host, and changing it is a step like any other.
Shape: {"version": 1, "sets": {set: {section: {"kind name": {kind, name, original, value, persist, live, applied}}}}},
`applied` only where a later run no longer sets live what an earlier one did: the value that it has from that;
`along` of a sysctl that was changed and with which the kernel writes others: {name: original} of those that do not come back with it.
"""

from __future__ import annotations

import json
from typing import Any, Callable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal

RECORD = "/var/lib/front-tier/sets.json"
VERSION = 1
Same = Callable[[str, str, Any, Any], bool]


class Wanted(NamedTuple):
    """A thing with the value that a section wants it to have: live, after the next boot, or both."""

    kind: str
    name: str
    value: Any
    persist: bool = True
    live: bool = True

    @property
    def key(self) -> str:
        """Return what the record calls it."""
        return "%s %s" % (self.kind, self.name)


class Outcome(NamedTuple):
    """What becomes of a host's things. targets: {(kind, name): value} of all that this run decides; left: what others changed."""

    record: dict[str, Any]
    targets: dict[tuple[str, str], Any]
    left: list[dict[str, Any]]


def parse_record(text: str) -> dict[str, Any]:
    """Return the record of a host's sets, an empty one for an empty text. Raises Refusal for one that is not ours."""
    if not text.strip():
        return {"version": VERSION, "sets": {}}
    try:
        record = json.loads(text)
        if record["version"] != VERSION:
            raise ValueError("version %s" % record["version"])
        for sections in record["sets"].values():
            for entry in (entry for things in sections.values() for entry in things.values()):
                if not {"kind", "name", "original", "value", "persist", "live"} <= set(entry):
                    raise ValueError("an entry without all of its parts")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        text = "%s cannot be understood (%s). Restore it, or remove it: the first values are then forgotten. Nothing was changed."
        raise Refusal(text % (RECORD, error)) from None
    return dict(record)


def record_text(record: dict[str, Any]) -> str:
    """Return the text of a record, the same for the same record."""
    return json.dumps(record, indent=1, sort_keys=True) + "\n"


def entries(record: dict[str, Any], leaving_out: tuple[str, str] | None = None) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return {key of a thing: [(set, section, entry)]} of all sets, less one section."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for name, sections in record["sets"].items():
        for section, things in sections.items():
            if (name, section) != leaving_out:
                for key, entry in things.items():
                    found.setdefault(key, []).append((name, section, entry))
    return found


def reconcile(
    record: dict[str, Any], name: str, section: str, wanted: list[Wanted], current: dict[tuple[str, str], Any], same: Same
) -> Outcome:
    """Return what becomes of the things of one section of one set, which from now on manages `wanted` and nothing else.

    current: {(kind, name): value now} of everything wanted or managed so far. A thing no longer named goes back to its original
    where it still has the value that we set, and is left otherwise. Raises Refusal where another set or section wants a thing
    to have another value.
    """
    others = entries(record, (name, section))
    before = record["sets"].get(name, {}).get(section, {})
    things: dict[str, Any] = {}
    targets: dict[tuple[str, str], Any] = {}
    left: list[dict[str, Any]] = []
    for one in wanted:
        for other, where, entry in others.get(one.key, []):
            if not same(one.kind, one.name, entry["value"], one.value):
                raise Refusal(
                    "%s: set %s, section %s wants %s, and set %s, section %s has %s. Let one of them manage it. Nothing was changed."
                    % (one.key, name, section, one.value, other, where, entry["value"])
                )
        known = before.get(one.key) or next((entry for _set, _section, entry in others.get(one.key, [])), None)
        original = known["original"] if known else current[one.kind, one.name]
        things[one.key] = {
            "kind": one.kind,
            "name": one.name,
            "original": original,
            "value": one.value,
            "persist": one.persist,
            "live": one.live,
            **({"along": known["along"]} if known and "along" in known else {}),
        }
        if one.live:
            targets[one.kind, one.name] = one.value
        elif known and known["live"]:  # what was once set has to go back all the same
            things[one.key].update(live=True, applied=known.get("applied", known["value"]))
    for key, entry in before.items():
        place = (entry["kind"], entry["name"])
        if key in things or key in others:
            continue
        if same(*place, current[place], entry.get("applied", entry["value"])):  # set by us, or by a boot from our file
            targets[place] = entry["original"]
        elif entry["live"] and not same(*place, current[place], entry["original"]):
            left.append({"kind": entry["kind"], "name": entry["name"], "ours": entry["value"], "now": current[place]})
    return Outcome(_with(record, name, section, things), targets, left)


def _with(record: dict[str, Any], name: str, section: str, things: dict[str, Any]) -> dict[str, Any]:
    """Return the record with the things of one section in place of what it had; empty sections and sets are left out."""
    sections = {key: value for key, value in record["sets"].get(name, {}).items() if key != section}
    if things:
        sections[section] = things
    sets = {key: value for key, value in record["sets"].items() if key != name}
    if sections:
        sets[name] = sections
    return dict(record, sets=sets)


def kept(record: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    """Return {name of a thing: value} of all things of one kind that a set keeps over a restart."""
    sections = record["sets"].get(name, {})
    return {
        entry["name"]: entry["value"]
        for things in sections.values()
        for entry in things.values()
        if entry["kind"] == kind and entry["persist"]
    }
