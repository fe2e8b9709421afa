# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball, built from a clean copy of what git tracks, and installed without a network: what a user has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GALAXY = str(Path(sys.executable).with_name("ansible-galaxy"))


def tracked() -> list[str]:
    """Return the files that git tracks or would track, as far as they exist."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no git work tree here, so which files belong to the tarball is not known")
    return [name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()]


def galaxy(top: Path, *words: str) -> None:
    """Run ansible-galaxy collection with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment = {**kept, "HOME": str(top), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run([GALAXY, "collection", *words], cwd=top, env=environment, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stdout + ran.stderr


def build(top: Path) -> Path:
    """Build the tarball below `top` and return its path."""
    for name in tracked():
        target = top / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    galaxy(top, "build", "--output-path", str(top / "dist"), str(top / "source"))
    (built,) = (top / "dist").glob("*.tar.gz")
    return built


def install(top: Path) -> Path:
    """Build the tarball, install it below `top` without a network, and return the collection path."""
    galaxy(top, "install", "--offline", "-p", str(top / "collections"), str(build(top)))
    return top / "collections"
