# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment: ansible-builder understands the page's file, and finds what the collection needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILDER = Path(sys.executable).with_name("ansible-builder")
PAGE = (ROOT / "docs/support.md").read_text()


@pytest.mark.skipif(not BUILDER.exists(), reason="ansible-builder is not installed")
def test_a_builder_understands_the_file(tmp_path: Path) -> None:
    """`ansible-builder create` makes of it all that an image is then built from."""
    found = re.search(r"^```yaml\n(# execution-environment\.yml\n.*?)^```", PAGE, re.M | re.S)
    assert found
    (tmp_path / "execution-environment.yml").write_text(found[1])
    ran = subprocess.run([BUILDER, "create"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    wanted = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())
    assert [{"name": "c10m.front_tier"}] == wanted["collections"]


@pytest.mark.skipif(not BUILDER.exists(), reason="ansible-builder is not installed")
def test_a_builder_finds_jmespath(tmp_path: Path) -> None:
    """What policies need on a controller is told to a builder by the collection itself."""
    top = tmp_path / "ansible_collections/c10m"
    top.mkdir(parents=True)
    (top / "front_tier").symlink_to(ROOT)
    ran = subprocess.run([BUILDER, "introspect", "--sanitize", str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode and "jmespath" in ran.stdout, ran.stdout + ran.stderr
