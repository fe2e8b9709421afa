# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage: a copy of what git would commit, for ansible-test and for the tarball.

ansible-test follows symbolic links, so a link to the checkout will not do; and it asks the nearest git repository which
files there are, so a copy below the checkout must be a repository of its own, or every test is skipped with status 0.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = {".git", "tests/output"}  # ansible-test keeps the environments of its unit tests in tests/output
LEFT_OUT = "tests/recorded/hosts/"  # hosts as files, with the links to sockets and to nowhere that hosts have; ansible-test allows none


def wanted() -> list[str]:
    """Return the files that git tracks or would track, as far as they exist."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and not name.startswith(LEFT_OUT) and os.path.lexists(ROOT / name)]


def present(top: Path) -> list[str]:
    """Return the files that the stage holds now, without what is kept over a refresh."""
    found = []
    for folder, folders, files in os.walk(top):
        here = Path(folder).relative_to(top)
        folders[:] = [name for name in folders if (here / name).as_posix() not in KEPT]
        found += [(here / name).as_posix() for name in files]
    return found


def same(one: Path, other: Path) -> bool:
    """Tell whether two files are equal, links by what they point to."""
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and os.readlink(one) == os.readlink(other)
    return other.exists() and one.stat().st_mode == other.stat().st_mode and filecmp.cmp(one, other, shallow=False)


def refresh(build: str = "stage") -> Path:
    """Make a stage, a folder of .build, equal to the checkout and return the collection in it; what has not changed is left alone."""
    stage = ROOT / ".build" / build / "ansible_collections/c10m/front_tier"
    names = wanted()
    stage.mkdir(parents=True, exist_ok=True)
    for name in set(present(stage)) - set(names):
        (stage / name).unlink()
    for name in names:
        source, target = ROOT / name, stage / name
        if not same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                target.unlink()
            shutil.copy2(source, target, follow_symlinks=False)
    for folder, _folders, _files in os.walk(stage, topdown=False):
        inside = Path(folder).relative_to(stage).as_posix() + "/"
        if not os.listdir(folder) and not any(inside.startswith(kept + "/") for kept in KEPT):
            os.rmdir(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=stage, check=True)
    subprocess.run(["git", "add", "--all"], cwd=stage, check=True)
    return stage


if __name__ == "__main__":
    print(refresh())
