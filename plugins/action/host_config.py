# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `host_config`: with confirm_timeout, it reaches the host anew after the change, and only then lets the change stay."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the module, and once more over a fresh connection to confirm where its change waits for that."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result; a change that could not be confirmed is a failure, and the host undoes it by itself."""
        super().run(tmp, task_vars)
        began = time.monotonic()
        result: dict[str, Any] = self._execute_module(task_vars=task_vars)
        result.pop("ansible_facts", None)  # a host that was taken over would set variables with them
        token = result.pop("unconfirmed", None)
        if token is None:
            return result
        seconds = int(result.get("invocation", {}).get("module_args", self._task.args)["confirm_timeout"])
        trouble = self._confirm(token, began + seconds, task_vars)
        if trouble:
            message = "confirm_timeout: the change was not confirmed within %d s over a fresh connection (%s)." % (seconds, trouble)
            return dict(result, failed=True, changed=False, msg=message + " The host undoes it by itself.")
        return result

    def cleanup(self, force: bool = False) -> None:
        """Leave the temporary folder on a host that cannot be reached any more: the failure to confirm is what has to be said."""
        with contextlib.suppress(AnsibleConnectionFailure):
            super().cleanup(force)

    def _confirm(self, token: str, until: float, task_vars: dict[str, Any] | None) -> str | None:
        """Confirm over a fresh connection, again and again until the time is over; return the trouble in words."""
        while True:
            try:
                self._fresh()
                arguments = dict(self._task.args, confirmation=token)
                answer = self._execute_module(module_args=arguments, task_vars=task_vars)
                if not answer.get("unreachable"):
                    return str(answer.get("msg", answer)) if answer.get("failed") else None
                trouble = str(answer.get("msg"))
            except AnsibleConnectionFailure as error:
                trouble = str(error)
            if time.monotonic() + 1 >= until:
                return trouble
            time.sleep(1)

    def _fresh(self) -> None:
        """Give up the connection, so that the next command has to make another."""
        if type(self._connection).reset is ConnectionBase.reset:  # it has none of its own, and would only warn
            self._connection.close()
        else:
            self._connection.reset()
