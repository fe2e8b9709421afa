# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write when each task began and ended, over all its hosts, to the file named in FT_BENCH_TIMES: one JSON line a task."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: bench_times
type: aggregate
short_description: Task times for the benches
description: [Writes the seconds of each task, from its start to its last host's result.]
"""


class CallbackModule(CallbackBase):
    """Keep the start of the running task; a new task or the end of the play closes it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_times"

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.begin = self.last = 0.0
        self.failed = 0

    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        """Close the task before, and start the clock."""
        self.close()
        self.name, self.begin = task.get_name(), time.monotonic()

    def v2_runner_on_ok(self, result) -> None:
        """Note the latest result."""
        self.last = time.monotonic()

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        """Note a failure: its time is no measurement."""
        self.failed += 1
        self.last = time.monotonic()

    v2_runner_on_unreachable = v2_runner_on_failed

    def v2_playbook_on_stats(self, stats) -> None:
        """Close the last task."""
        self.close()

    def close(self) -> None:
        """Write the task that ran."""
        if self.name:
            with open(os.environ["FT_BENCH_TIMES"], "a", encoding="utf-8") as file:
                file.write(json.dumps({"task": self.name, "seconds": self.last - self.begin, "failed": self.failed}) + "\n")
        self.name, self.failed = "", 0
