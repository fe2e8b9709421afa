# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `audit_report`: the report of a fleet in the terminal, as HTML and as JSON, and the gate. Runs on the controller."""

from __future__ import annotations

import datetime
import os
import tempfile
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fleet, html, record, terminal
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import Line

display = Display()

ARGUMENTS: dict[str, Any] = {
    "hosts": {"type": "list", "elements": "str"},
    "dest": {"type": "path", "default": "front-tier-report"},
    "fail_on": {"type": "str", "choices": list(_gate.LEVELS)},
    "accept": {"type": "list", "elements": "dict"},
    "validate_only": {"type": "bool", "default": False},
}
TONES = {"title": "bright blue", "strong": "normal", "dim": "dark gray", "good": "green", "warning": "yellow", "error": "red"}
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
        show(terminal.render(made.fleet))
        files = self._write(options["dest"], made)
        show(ending(made, files))
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
                    fleet.entry(name, host.get("front_tier_audit"), host.get("front_tier__info"), host.get("front_tier_audit_error"), gate)
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
        """Write both files, each whole or not at all; return {format: path}. A relative `dest` is below the current folder."""
        folder = os.path.abspath(os.path.expanduser(dest))
        files = {"html": os.path.join(folder, "front-tier.html"), "json": os.path.join(folder, "front-tier.json")}
        try:
            os.makedirs(folder, exist_ok=True)
            write(files["html"], html.bytes_of(made.fleet))
            write(files["json"], record.bytes_of(made.fleet, made.facts, made.judged))
        except OSError as error:
            raise AnsibleActionFail(
                "The report cannot be written to %s: %s. Name a folder that you may write to in "
                "front_tier_report_dir." % (folder, error.strerror or error)
            ) from None
        return files


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def write(path: str, content: bytes) -> None:
    """Put a file in place whole: a reader sees the old one or the new one. Its mode is what the umask leaves of 0666."""
    handle, name = tempfile.mkstemp(prefix=".front-tier.", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def show(lines: list[Line]) -> None:
    """Print lines, in colour where Ansible would print in colour."""
    display.display(
        "\n".join(
            "".join(
                stringc(text, TONES[tone]) if tone in TONES and tone != "strong" and text.strip() else text for text, tone in line
            ).rstrip()
            for line in lines
        )
    )


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
