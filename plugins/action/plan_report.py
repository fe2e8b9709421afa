# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `plan_report`: a plan in the terminal and as JSON. Runs on the controller."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import output
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import plan as told
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import items, mapping, plain

ARGUMENTS: dict[str, Any] = {"plan": {"type": "dict", "required": True}, "dest": {"type": "path", "default": "front-tier-report"}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Print a plan and write it; change no managed host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print and write the plan."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(ARGUMENTS)
        plan = mapping(plain(options["plan"]))
        if not {"hops", "hosts", "wanted"} <= set(plan):
            raise AnsibleActionFail(
                'plan is not what the filter "c10m.front_tier.plan" returns: it has no hops and no hosts. Give it that.'
            )
        output.show(told.render(plan))
        (file,) = output.write_all(options["dest"], {"front-tier-plan.json": told.bytes_of(plan)}, "front_tier_report_dir")
        output.show([[("  JSON  ", "dim"), (file, "")], []])
        reached = all(hop.get("reached") for hop in plan["hops"])
        return {"changed": False, "file": file, "reached": reached, "cannot": items(plan.get("cannot"))}
