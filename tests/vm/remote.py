# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection run on a machine by Ansible over ssh, as a user runs it, and the witness run beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from images import PROJECT
from machine import CommandError, Machine, MachineError

CALL_SECONDS = 180.0
HERE = Path(__file__).resolve().parent


class Answer(NamedTuple):
    """What a module returned, and all that Ansible printed, the diff before it."""

    result: dict[str, Any]
    output: str

    @property
    def changed(self) -> bool | None:
        """Tell whether something was changed; None where the module failed."""
        return None if "msg" in self.result else bool(self.result.get("changed"))


def call(machine: Machine, module: str, arguments: dict[str, Any], *flags: str) -> Answer:
    """Run one module of the collection, with flags such as --check, and return its answer, also of one that failed."""
    inventory = machine.folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"vm": machine.inventory()}}}))
    beside = Path(sys.executable).with_name("ansible")
    program = str(beside) if beside.exists() else shutil.which("ansible") or "ansible"
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build" / "live"),
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_SSH_RETRIES": "3",
        "LC_ALL": "C.UTF-8",
    }
    command = [program, "vm", "-i", str(inventory), "-m", "c10m.front_tier." + module, "-a", json.dumps(arguments), *flags]
    who = "%s of %s" % (module, machine.image.suite)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=CALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise MachineError("%s did not end within %.0f s" % (who, CALL_SECONDS)) from error
    found = re.search(r"^vm \| [A-Z]+!? => ", done.stdout, re.M)
    try:
        return Answer(dict(json.JSONDecoder().raw_decode(done.stdout, found.end() if found else 0)[0]), done.stdout)
    except ValueError as error:
        raise CommandError("%s failed: %s%s" % (who, done.stdout[-2000:], done.stderr[-2000:])) from error


def audit(machine: Machine, services: list[str]) -> dict[str, Any]:
    """Return what connection_limits_info says of the machine."""
    answer = call(machine, "connection_limits_info", {"services": services}).result
    if "limits" not in answer:
        raise CommandError("the audit of %s failed: %s" % (machine.image.suite, answer))
    return answer


def observe(machine: Machine, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the witness sees, see observe.py."""
    machine.put({"/root/observe.py": HERE / "observe.py"})
    return dict(json.loads(machine.run("python3 /root/observe.py", json.dumps(asked)).stdout))
