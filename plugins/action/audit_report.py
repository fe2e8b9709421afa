# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `audit_report`: the report of a fleet in the terminal, as HTML and as JSON, and the gate. Runs on the controller."""

from __future__ import annotations

import datetime
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fleet, html, output, record, terminal
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import Line

ARGUMENTS: dict[str, Any] = {
    "hosts": {"type": "list", "elements": "str"},
    "dest": {"type": "path", "default": "front-tier-report"},
    "fail_on": {"type": "str", "choices": list(_gate.LEVELS)},
    "accept": {"type": "list", "elements": "dict"},
    "validate_only": {"type": "bool", "default": False},
}
MOST_ROWS = 100


class ActionModule(ActionBase):  # type: ignore[misc]
    """Report what the audit left in the hosts' variables; change no managed host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print and write the report, then fail if the gate does."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _result, options = self.validate_argument_spec(ARGUMENTS)
        names = options["hosts"] if options["hosts"] is not None else list(variables.get("ansible_play_hosts_all") or [])
        if not names:
            raise AnsibleActionFail("There is no host to report on: hosts is empty. Name a group in front_tier_target that has hosts.")
        entries = self._entries(names, options, variables.get("hostvars", {}))
        if options["validate_only"]:
            return {"changed": False}
        made = fleet.make(entries, datetime.datetime.now(datetime.timezone.utc).date())
        output.show(terminal.render(made.fleet))
        files = self._write(options["dest"], made)
        output.show(ending(made, files))
        return result(made, files)

    def _entries(self, names: list[str], options: dict[str, Any], hostvars: Any) -> list[fleet.Entry]:
        """Return what is known of every host. Raises AnsibleActionFail where the gate is described wrongly, with all that is wrong."""
        known = fleet.known_ids()
        entries: list[fleet.Entry] = []
        mistakes: dict[str, list[str]] = {}
        for name in names:
            host = hostvars[name] if name in hostvars else {}  # noqa: SIM401 (HostVars.get gives no default)
            try:
                gate = (
                    _gate.level(_first(options["fail_on"], host.get("front_tier_fail_on"), "never")),
                    _gate.acceptances(_first(options["accept"], host.get("front_tier_accept"), []), known),
                )
                entries.append(
                    fleet.entry(
                        name,
                        host.get("front_tier_audit"),
                        host.get("front_tier__info"),
                        host.get("front_tier_audit_error"),
                        gate,
                        host.get("front_tier_proof"),
                    )
                )
            except _gate.GateError as error:
                mistakes.setdefault(str(error), []).append(name)
        if mistakes:
            raise AnsibleActionFail(
                " ".join(
                    "%s (as %s%s has it)" % (text, hosts[0], " and %d more" % (len(hosts) - 1) if len(hosts) > 1 else "")
                    for text, hosts in mistakes.items()
                )
            )
        return entries

    def _write(self, dest: str, made: fleet.Made) -> dict[str, str]:
        """Write both files, each whole or not at all; return {format: path}."""
        contents = {
            "front-tier.html": html.bytes_of(made.fleet),
            "front-tier.json": record.bytes_of(made.fleet, made.facts, made.judged, made.proofs),
        }
        return dict(zip(("html", "json"), output.write_all(dest, contents, "front_tier_report_dir")))


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def ending(made: fleet.Made, files: dict[str, str]) -> list[Line]:
    """Return the last lines: the files, and what the gate says."""
    lines: list[Line] = [[], [("  HTML  ", "dim"), (files["html"], "")], [("  JSON  ", "dim"), (files["json"], "")]]
    for text in made.unused:
        lines.append([("  An acceptance matches nothing: %s" % text, "dim")])
    if made.fleet.gate:
        lines.append([])
        lines.extend(terminal.paragraph(made.fleet.gate, 8, "error", "  Gate"))
    elif made.fleet.fail_on != "never":
        lines.append([("  Gate  ", "dim"), ("passes (fail_on: %s)" % made.fleet.fail_on, "good")])
    return [*lines, []]


def result(made: fleet.Made, files: dict[str, str]) -> dict[str, Any]:
    """Return the result of the task: small, the rest is in the JSON file."""
    failing = [dict(record.standing(row), host=host) for host, rows in made.failing.items() for row in rows]
    told: dict[str, Any] = {
        "changed": False,
        "files": files,
        "hosts": len(made.fleet.hosts),
        "audited": len(made.fleet.audited),
        "failing": failing[:MOST_ROWS],
        "unused_acceptances": made.unused[:MOST_ROWS],
    }
    if made.fleet.gate:
        told.update(failed=True, msg=made.fleet.gate)
    elif not made.fleet.audited:
        told.update(failed=True, msg="No host could be audited: see above for the reasons.")
    return told
