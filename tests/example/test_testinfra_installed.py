# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper for testinfra out of the installed collection, in a folder of a user: local and Ansible's connections.

Containers are in the molecule scenario of the example.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import tarball

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "ansible_collections.c10m.front_tier.plugins.plugin_utils.testinfra"
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/testinfra.md").read_text(), re.M | re.S)
CHECKS = """
def test_this_machine(host, front_tier):
    audit = front_tier(host)
    assert audit.inbound > 0 and audit.outbound > 0
    assert audit.limit("net.core.somaxconn") == host.sysctl("net.core.somaxconn")
    assert audit.snapshot["host"]["kernel"] == host.check_output("uname -r")

def test_that_fails(host, front_tier):
    assert front_tier(host).inbound > 10**18
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the collection path with the collection out of its tarball."""
    return tarball.install(tmp_path_factory.mktemp("tarball"))


def in_a_folder(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a user's folder, without this checkout on its path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "PYTEST"))}
    environment = {**kept, "LC_ALL": "C.UTF-8", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **more}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("backend", ["local://", "ansible://here"])
def test_as_a_plugin_of_pytest(installed: Path, tmp_path: Path, backend: str) -> None:
    """`pytest -p` with the collections on PYTHONPATH gives the fixture; a failing assertion says what binds."""
    (tmp_path / "test_mine.py").write_text(CHECKS)
    (tmp_path / "hosts").write_text("here ansible_connection=local ansible_python_interpreter=%s\n" % sys.executable)
    words = ["-p", PLUGIN, "--hosts", backend, "--ansible-inventory", "hosts", "--force-ansible"]
    ran = in_a_folder(tmp_path, *words, PYTHONPATH=str(installed), ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert re.search(r"^E +assert <[\d,]+ connections by \w+ \(", ran.stdout, re.M)


def test_the_guide_can_be_typed(installed: Path, tmp_path: Path) -> None:
    """conftest.py and the tests of docs/testinfra.md, as they stand, find the collection where Ansible does."""
    conftest, checks = BLOCKS
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_front_tier.py").write_text(checks)
    ran = in_a_folder(tmp_path, "--hosts", "local://", "-rA", ANSIBLE_COLLECTIONS_PATH=str(installed))
    names = re.findall(r"^def (test_\w+)", checks, re.M)
    assert len(names) >= 3
    for name in names:
        assert re.search(r"^(PASSED|FAILED) test_front_tier.py::%s" % name, ran.stdout, re.M), ran.stdout + ran.stderr
    assert "Error" not in re.sub(r"AssertionError", "", ran.stdout + ran.stderr), ran.stdout + ran.stderr


def test_nothing_is_left_on_the_host(installed: Path, tmp_path: Path) -> None:
    """The audit writes no file: in a folder that nothing else uses, with a home and a place for temporary files below it."""
    (tmp_path / "test_mine.py").write_text("def test_it(host, front_tier):\n    assert front_tier(host).findings('info') is not None\n")
    (tmp_path / "tmp").mkdir()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    ran = in_a_folder(tmp_path, "-p", PLUGIN, "--hosts", "local://", PYTHONPATH=str(installed), TMPDIR=str(tmp_path / "tmp"))
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert before == sorted(path.name for path in tmp_path.rglob("*"))
