# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback `capacity_table`: ends a run with the capacity of every host that was audited in it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: capacity_table
type: aggregate
version_added: 1.0.0
author: The c10m.front_tier contributors (@c10m)
short_description: Ends a run with the capacity of the hosts that were audited in it
requirements:
  - enable it, for example with C(ANSIBLE_CALLBACKS_ENABLED=c10m.front_tier.capacity_table)
description:
  - Prints one line for each host on which M(c10m.front_tier.connection_limits_info) or the role P(c10m.front_tier.audit#role) ran in
    this run. It shows how many connections the host can accept and open, what is used of them and what binds, those closest to a limit
    first.
  - Where a host was audited several times, as the playbook C(c10m.front_tier.scale) does, the last audit counts, and the first one is
    shown where its capacity was another.
  - A run without an audit ends as it would without this plugin.
"""

from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import output, view
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import Line, overview, paragraph
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import clean, count, grouped, mapping, plain


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Collect audits while they are made, and print the table at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "c10m.front_tier.capacity_table"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._first: dict[str, dict[str, Any]] = {}
        self._last: dict[str, dict[str, Any]] = {}

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep an audit, whether a task returned it or left it as the fact."""
        told = mapping(result.result if hasattr(result, "result") else result._result)  # ansible-core 2.18 has only the latter
        fact = mapping(told.get("ansible_facts")).get("front_tier_audit") or told
        if not mapping(mapping(fact).get("capacity")) or not mapping(fact.get("host")):
            return
        try:
            audit = plain(fact)
        except ValueError:
            return
        name = clean(result._host.get_name(), 120)
        self._first.setdefault(name, audit)
        self._last[name] = audit

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the table, if there is anything in it."""
        if self._last:
            output.show(table(self._first, self._last))


def table(first: dict[str, dict[str, Any]], last: dict[str, dict[str, Any]]) -> list[Line]:
    """Return the table of {host: its last audit}, and what the first audits said where it was something else."""
    lines = list(overview(view.fleet([view.host(name, audit, []) for name, audit in last.items()], "never", "")))
    for name, audit in last.items():
        changes = [
            "%s %s before" % (direction, grouped(before))
            for direction in ("inbound", "outbound")
            for before, now in [(_connections(first[name], direction), _connections(audit, direction))]
            if before is not None and before != now
        ]
        if changes:
            lines.extend(paragraph("%s: %s" % (name, ", ".join(changes)), 4, "dim"))
    return [*lines, []]


def _connections(audit: dict[str, Any], direction: str) -> int | None:
    return count(mapping(mapping(audit.get("capacity")).get(direction)).get("connections"))
