# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `connection_limits_info`: the module reads on the host, the model computes here.

All that the model needs is in the snapshot, so its code need not travel to every host and be compiled there at every task.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, clean


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the module, and add `paths`, `capacity` and `findings` to the snapshot that it returns."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result with what the model computes of it; a failure or a job in the background as it is."""
        super().run(tmp, task_vars)
        result: dict[str, Any] = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        result.pop("ansible_facts", None)  # a host that was taken over would set variables with them
        if result.get("failed") or "limits" not in result:
            return result
        try:
            services = self._given("services", str, result)
            return complete(result, self._given("paths", dict, result), services[0] if services else None)
        except UNFIT as error:
            text = "The answer of this host is no snapshot of it (%s: %s). Look at what answers there. Nothing was changed."
            return {"failed": True, "changed": False, "msg": text % (type(error).__name__, clean(error, 200))}

    def _given(self, option: str, kind: type, result: dict[str, Any]) -> list[Any]:
        """Return a list of the task; where Ansible's types made it one on the host, as the module understood it."""
        value = self._task.args.get(option) or []
        if isinstance(value, list) and all(isinstance(one, kind) for one in value):
            return value
        return list(result["invocation"]["module_args"][option] or [])
