# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy: a rule that a fleet must keep, as people write it in YAML, checked. Private to the collection."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any, Iterable, Iterator, NamedTuple

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.c10m.front_tier.plugins.plugin_utils._gate import SEVERITIES, GateError
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.expression import Expression, ExpressionError
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import plain

OPTION = "front_tier_policies"
READY = "ready"
READY_FILE = os.path.join(os.path.dirname(__file__), "ready.yml")
KEYS = ("id", "title", "severity", "each", "hosts", "violations", "remedy")
EACH = ("host", "hop", "tier", "fleet")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Policy(NamedTuple):
    """A policy. each: what it is judged for; hosts: shell patterns of hosts or groups; violations: finds what breaks it."""

    id: str
    title: str
    severity: str
    each: str
    hosts: tuple[str, ...]
    violations: Expression
    remedy: str

    def concerns(self, host: str, groups: Iterable[str]) -> bool:
        """Tell whether it is about this host."""
        return any(fnmatch.fnmatchcase(name, pattern) for name in (host, *groups) for pattern in self.hosts)


def read(path: str) -> Any:
    """Return what a file of YAML or JSON holds, as plain data; a relative path is below the current folder. Raises GateError."""
    try:
        return plain(DataLoader().load_from_file(os.path.abspath(os.path.expanduser(path))))
    except (AnsibleError, ValueError) as error:
        raise GateError(str(error)) from None


def ready_policies() -> dict[str, dict[str, Any]]:
    """Return the policies that come with the collection, by their ids, as they are written."""
    return {one["id"]: one for one in read(READY_FILE)}


def policies(value: Any, name: str = OPTION) -> list[Policy]:
    """Return the policies of a list of: `ready`, the id of a ready one, a file that holds a list, or a policy itself.

    A later entry with the id of an earlier or a ready one changes the keys that it gives. Raises GateError that lists every mistake.
    """
    ready = ready_policies()
    mistakes: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    for place, item in _items([READY] if value is None else plain(value), name, ready, mistakes):
        key = str(item.get("id"))
        found[key] = {**(found.get(key) or ready.get(key) or {}), **item, "_place": place}
    made = [policy for item in found.values() if (policy := _policy(item, mistakes))]
    if mistakes:
        raise GateError("\n".join(mistakes))
    return made


def _items(value: Any, name: str, ready: dict[str, Any], mistakes: list[str], files: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, entry) of every policy that a list means. A file cannot name other files."""
    if not isinstance(value, list):
        mistakes.append("%s is no list. Write [ready], or a list of ids of ready policies, files and {id, title, violations}." % name)
        return
    for index, item in enumerate(value):
        place = "%s[%d]" % (name, index)
        if isinstance(item, dict):
            yield place, item
        elif item == READY:
            yield from ((place, one) for one in ready.values())
        elif isinstance(item, str) and item in ready:
            yield place, ready[item]
        elif files and isinstance(item, str) and item.endswith((".yml", ".yaml", ".json")):
            try:
                inside = read(item)
            except GateError as error:
                mistakes.append('%s "%s" cannot be read: %s' % (place, item, error))
                continue
            yield from _items(inside, item, ready, mistakes, files=False)
        else:
            mistakes.append(
                '%s "%s" is no policy: write %s, the id of a ready one (%s), a file whose name ends in .yml, or a dictionary.'
                % (place, item, READY, ", ".join(ready))
            )


def _policy(item: dict[str, Any], mistakes: list[str]) -> Policy | None:
    """Return a policy; None where something is wrong with it, which is added to the mistakes."""
    place, before = item.pop("_place"), len(mistakes)
    mistakes.extend(_wrong(place, item))
    try:
        expression = Expression(str(item.get("violations") or "").strip())
    except ExpressionError as error:
        mistakes.append("%s.violations (policy %s): %s" % (place, item.get("id"), error))
    if len(mistakes) > before:
        return None
    hosts = item.get("hosts", "*")
    return Policy(
        item["id"],
        str(item.get("title") or item["id"]),
        item.get("severity", "error"),
        item.get("each", "host"),
        tuple(hosts if isinstance(hosts, list) else [hosts]),
        expression,
        str(item.get("remedy") or ""),
    )


def _wrong(place: str, item: dict[str, Any]) -> Iterator[str]:
    unknown = sorted(str(key) for key in item if key not in KEYS)
    if unknown:
        yield "%s has no key %s; its keys are %s." % (place, ", ".join(unknown), ", ".join(KEYS))
    identity = item.get("id")
    if not isinstance(identity, str) or not NAME.fullmatch(identity):
        yield '%s.id "%s" is no name: it must be 1 to 64 letters, digits, - and _, and begin with a letter.' % (place, identity)
    if item.get("severity", "error") not in SEVERITIES:
        yield '%s.severity "%s" is not one of %s.' % (place, item["severity"], ", ".join(SEVERITIES))
    if item.get("each", "host") not in EACH:
        yield '%s.each "%s" is not one of %s.' % (place, item["each"], ", ".join(EACH))
    hosts = item.get("hosts", "*")
    patterns = hosts if isinstance(hosts, list) else [hosts]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        yield '%s.hosts must be a pattern of names of hosts or groups such as "edge-*", or a list of them.' % place
