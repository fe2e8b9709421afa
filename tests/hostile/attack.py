# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that was taken over: whatever Ansible runs there answers what the attacker wrote, and real playbooks meet it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
INTERPRETER = """#!/bin/sh
# In place of Python on the host: the answer to a module lies in a file of its name.
name=${1##*/AnsiballZ_}
cat "%s/${name%%.py}.json" 2> /dev/null || echo '{"changed": false}'
"""


class Attack:
    """An inventory with one host that was taken over, and a folder to work in."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        self.mark = folder / "owned"
        self.template = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}\x1b[2J" % self.mark
        for name in ("answers", "work", "live/ansible_collections/c10m"):
            (folder / name).mkdir(parents=True)
        (folder / "live/ansible_collections/c10m/front_tier").symlink_to(ROOT)
        interpreter = folder / "python"
        interpreter.write_text(INTERPRETER % (folder / "answers"))
        interpreter.chmod(0o755)

    def answer(self, module: str, result: Any) -> None:
        """Let the host answer a module with this."""
        (self.folder / "answers" / (module + ".json")).write_text(json.dumps(result))

    def play(self, playbook: str, *words: str, **variables: Any) -> str:
        """Run a playbook against the host; return all that it prints."""
        evil = {"ansible_connection": "local", "ansible_python_interpreter": str(self.folder / "python")}
        inventory = {"front_tier": {"hosts": {"evil": evil}, "vars": variables}}
        (self.folder / "work/inventory.yml").write_text(yaml.safe_dump(inventory))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "NO_COLOR"))}
        environment = {
            **kept, "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "live"), "ANSIBLE_HOME": str(self.folder / "home"),
            "HOME": str(self.folder), "ANSIBLE_REMOTE_TEMP": str(self.folder / "tmp"), "LC_ALL": "C.UTF-8",
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.folder / "cache"), "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_NOCOLOR": "1",
            "PATH": "%s:%s" % (self.programs, os.environ["PATH"]),
        }  # fmt: skip
        command = [str(self.programs / "ansible-playbook"), "-i", "inventory.yml", playbook, *words]
        ran = subprocess.run(command, cwd=self.folder / "work", env=environment, capture_output=True, text=True, check=False, timeout=300)
        return ran.stdout + ran.stderr
