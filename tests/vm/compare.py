# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the table, and what the audit says held against what the witness saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Counts and the like: right when read, other a second later.
MOVING = ("net.netfilter.nf_conntrack_count",)


@dataclass
class Row:
    """One line of the table: what was checked on which kernel, how often it held, and what did not."""

    suite: str
    kernel: str
    check: str
    passed: int = 0
    seconds: float = 0.0
    note: str = ""
    failures: list[str] = field(default_factory=list)

    def expect(self, right: bool, message: str) -> None:
        """Count one comparison."""
        if right:
            self.passed += 1
        else:
            self.failures.append(message)


def compare_predictions(row: Row, before: dict[str, Any], seen: dict[str, Any]) -> None:
    """Hold every boot value that was predicted against what the boot left; what the audit did not know is counted."""
    left_open = 0
    manager = {"soft": seen["manager"]["DefaultLimitNOFILESoft"], "hard": seen["manager"]["DefaultLimitNOFILE"]}
    for entry in before["limits"]:
        name, boot = entry["name"], entry["boot"]
        if is_absent(boot["value"]):
            left_open += 1
        elif name == "DefaultLimitNOFILE":
            row.expect(boot["value"] == manager, "%s: predicted %s, is %s" % (name, boot["value"], manager))
        elif "." in name and name not in MOVING and real(seen, name) is not None:
            predicted, found = as_text(boot["value"]), real(seen, name)
            row.expect(predicted == found, "%s: predicted %s (%s), is %s" % (name, predicted, boot.get("source"), found))
    for service in before["services"]:
        files, pair = service.get("boot", {}).get("nofile"), seen["services"].get(service["name"])
        if pair and files is None:
            row.failures.append("%s: the audit gives no boot value" % service["name"])
        elif pair and not is_absent(files):
            row.expect([files["soft"], files["hard"]] == pair, "%s: nofile predicted %s, is %s" % (service["name"], files, pair))
    row.note = "%d predictions, %d left open" % (row.passed + len(row.failures), left_open)


def compare_live(row: Row, after: dict[str, Any], seen: dict[str, Any]) -> None:
    """Hold the values that the audit reads after the boot against what the kernel shows."""
    for entry in after["limits"]:
        name = entry["name"]
        if "." in name and name not in MOVING and name in seen["later"]:
            found = seen["later"][name]
            read = None if is_absent(entry["value"]) else as_text(entry["value"])
            row.expect(read == found, "%s: read %s, is %s" % (name, entry["value"], found))


def session_nofile(limits: list[dict[str, Any]], user: str) -> list[Any]:
    """Return [soft, hard] of a user's next session: his own rule, else that of everyone."""
    rules = {entry["subject"]: entry["boot"]["value"] for entry in limits if entry["name"] == "nofile"}
    found = []
    for side in ("soft", "hard"):
        values = [rules[who][side] for who in (user, "*") if who in rules and not is_absent(rules[who][side])]
        found.append(values[0] if values else None)
    return found


def as_text(value: Any) -> str:
    """Return a limit's value as /proc/sys shows it, blanks folded."""
    if isinstance(value, list):
        return (" " if all(isinstance(item, int) for item in value) else ",").join(str(item) for item in value)
    return " ".join(str(value).split())


def real(seen: dict[str, Any], name: str) -> str | None:
    """Return what the boot left; for what came with a later module or device, what it had then."""
    value: str | None = seen["boot"].get(name)
    return seen["later"].get(name) if value is None else value


def is_absent(value: Any) -> bool:
    """Tell whether a value is an absence: what could not be read."""
    return isinstance(value, dict) and "absent" in value
