# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `connection_probe`: it starts the module's run, and watches it with a line of progress every few seconds."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import amount, clean, count, grouped

display = Display()

PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds before the first looks at a run; the last of them before all others
LEASE = 30.0  # seconds that a run outlives whoever watches it
BUSY, OVER = ("waiting", "dialling"), ("ended", "failed")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the module; for `holding` and `finished`, start, watch and collect."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        state = self._task.args.get("state", "finished")
        if state not in ("holding", "finished") or self._task.async_val or self._task.check_mode:
            return self._module({}, task_vars, self._task.async_val)
        lease = self._task.args.get("lease", LEASE if state == "finished" else 0)
        result = self._module({"state": "started", "lease": lease}, task_vars)
        began, turn = bool(result.get("changed")), 0
        while "phase" in result and not result.get("failed") and self._goes_on(state, result["phase"]):
            display.display(line(str((task_vars or {}).get("inventory_hostname", "")), result))
            time.sleep(min(PAUSES[min(turn, len(PAUSES) - 1)], float(lease) / 4 or PAUSES[-1]))
            turn += 1
            result = self._module({"state": "reported"}, task_vars)
        if result.get("unreachable") or "phase" not in result:
            return result
        last = self._module({"state": "stopped" if state == "finished" or result.get("failed") else "holding"}, task_vars)
        return dict(last, changed=began or bool(last.get("changed")))

    @staticmethod
    def _goes_on(state: str, phase: str) -> bool:
        return phase in BUSY if state == "holding" else phase not in OVER

    def _module(self, more: dict[str, Any], task_vars: dict[str, Any] | None, wrap_async: Any = False) -> dict[str, Any]:
        arguments = dict(self._task.args, **more)
        found: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars, wrap_async=wrap_async)
        found.pop("ansible_facts", None)  # a host that was taken over would set variables with them
        return found


def line(host: str, status: dict[str, Any]) -> str:
    """Return where a run is, in one line: held of asked, rate, time left, memory. Whatever the host says, it steers no terminal."""
    words = ["%s %s" % (clean(status["phase"], 20), _number(status.get("held", 0)))]
    if "asked" in status:
        words[0] += " of %s" % _number(status["asked"])
    if status["phase"] == "dialling" and status.get("rate"):
        words += ["%s/s" % _number(status["rate"]), "%.0f s left" % amount(status.get("left"))]
    if "available" in status:
        words.append("%.1f GiB free" % (amount(status["available"]) / (1 << 30)))
    if status.get("note"):
        words.append(clean(status["note"]))
    return "  %s: %s" % (host, ", ".join(words))


def _number(value: Any) -> str:
    return grouped(count(value))
