# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection works with only meta, plugins, roles and playbooks present."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("meta", "plugins", "roles", "playbooks")
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds a collection path with only the four parts, and nothing else."""
    top = tmp_path_factory.mktemp("alone")
    target = top / "collections/ansible_collections/c10m/front_tier"
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    return top


def ansible(alone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Ansible in the folder, with that collection path and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH"))}
    own = {
        "ANSIBLE_COLLECTIONS_PATH": str(alone / "collections"), "ANSIBLE_HOME": str(alone / "home"),
        "ANSIBLE_REMOTE_TEMP": str(alone / "tmp"), "ANSIBLE_LOCALHOST_WARNING": "0", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
    return subprocess.run(command, cwd=alone, env={**kept, **own}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_documented(alone: Path, module: str) -> None:
    """ansible-doc shows each module."""
    name = f"c10m.front_tier.{module}"
    shown = ansible(alone, "ansible-doc", "--json", name)
    assert 0 == shown.returncode, shown.stderr
    assert json.loads(shown.stdout)[name]["doc"]["short_description"]


@pytest.mark.parametrize("module", [name for name in MODULES if name.endswith("_info")])
def test_an_info_module_runs(alone: Path, module: str) -> None:
    """Each info module runs on this machine without options."""
    words = ("-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "localhost")
    ran = ansible(alone, "ansible", *words, "-m", f"c10m.front_tier.{module}")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "SUCCESS" in ran.stdout


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_is_found_with_all_it_names(alone: Path, playbook: str) -> None:
    """Each playbook parses: every role, module and filter that it names is found."""
    checked = ansible(alone, "ansible-playbook", "-i", "localhost,", "--syntax-check", f"c10m.front_tier.{playbook}")
    assert 0 == checked.returncode, checked.stdout + checked.stderr


@pytest.mark.skipif("audit" not in PLAYBOOKS, reason="the audit playbook is not written yet")
def test_the_audit_runs(alone: Path) -> None:
    """The audit of this machine needs nothing but the four parts."""
    words = ("-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}")
    target = ("-e", "front_tier_target=all", "-e", f"front_tier_report_dir={alone / 'report'}")
    ran = ansible(alone, "ansible-playbook", *words, *target, "c10m.front_tier.audit")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
