# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `kernel_settings`: the module carries what sysctls take, and `host_config` does in its place what takes more.

That is: a local port range is checked against all that listens, fs.nr_open against all descriptor limits, and an earlier change that
did not end may be one of anything.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sysctls import WATCHED

MODULE, WHOLE = "kernel_settings", "c10m.front_tier.host_config"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the module, or the one that carries all, where the settings or what is found on the host ask for it."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, whichever of the two it was."""
        super().run(tmp, task_vars)
        args, later = self._task.args, self._task.async_val
        result: dict[str, Any] = {}
        if not later and not takes_more(args):
            result = self._execute_module(task_vars=task_vars)
        if not result or "not_carried" in result:
            result = self._execute_module(module_name=WHOLE, module_args=for_whole(args), task_vars=task_vars, wrap_async=later)
        return result


def takes_more(args: dict[str, Any]) -> bool:
    """Tell whether settings are among those that other sections watch, in the usual spellings of their names."""
    settings = args.get("settings")
    names = {str(name).strip().replace("/", ".") for name in settings} if isinstance(settings, dict) else set()
    return not names.isdisjoint(WATCHED)


def for_whole(args: dict[str, Any]) -> dict[str, Any]:
    """Return the same task for host_config: the settings as its section kernel_settings."""
    common = {name: value for name, value in args.items() if name != "settings"}
    return dict(common, **{MODULE: {"settings": args.get("settings") or {}}})
