# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of playbooks share: a folder of their own, and ansible-playbook run for real in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o BatchMode=yes"}


class Place:
    """A folder in which a user works: an inventory, perhaps a fact cache, and nothing of this repository."""

    def __init__(self, folder: Path, collections: Path) -> None:
        self.folder = folder
        self.home = folder.parent / (folder.name + "-home")
        self.home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "NO_COLOR"))}
        self.environment = {
            **kept, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(self.home / "ansible"), "HOME": str(self.home),
            "ANSIBLE_REMOTE_TEMP": str(self.home / "tmp"), "LC_ALL": "C.UTF-8", "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        }  # fmt: skip

    def inventory(self, hosts: dict[str, dict[str, Any]], group: str = "front_tier", **variables: Any) -> None:
        """Write an inventory of one group."""
        (self.folder / "inventory.yml").write_text(yaml.safe_dump({group: {"hosts": hosts, "vars": variables}}, sort_keys=False))

    def keep(self, facts: dict[str, dict[str, Any]]) -> None:
        """Write facts that earlier audits left, a file a host."""
        (self.folder / "facts").mkdir(exist_ok=True)
        for name, fact in facts.items():
            (self.folder / "facts" / (name + ".json")).write_text(json.dumps(fact))

    def cache(self) -> None:
        """Let Ansible keep facts from run to run."""
        self.environment.update(ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(self.folder / "cache"))

    def play(self, *words: str, playbook: str = "c10m.front_tier.audit", **extra: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook in the folder; `extra` become extra variables."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.yml", playbook, *words]
        command += ["-e", json.dumps(extra)] if extra else []
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)

    def report(self) -> dict[str, Any]:
        """Return the JSON report."""
        found: dict[str, Any] = json.loads((self.folder / "front-tier-report" / "front-tier.json").read_text())
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a new folder to work in, with the collection as it is in the working tree."""
    (tmp_path / "work").mkdir()
    live = tmp_path / "live" / "ansible_collections" / "c10m"
    live.mkdir(parents=True)
    (live / "front_tier").symlink_to(ROOT)
    return Place(tmp_path / "work", tmp_path / "live")
