# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders as things that a change makes, and takes away once they are empty. A value is the mode. Private to the collection."""

from __future__ import annotations

import os
import stat

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.file import sync_folder
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


def read(root: Root, names: list[str]) -> dict[str, int | None]:
    """Return {name: mode, None where it is not there}. Raises OSError for what is no folder."""
    return {name: _read(root, name) for name in names}


def _read(root: Root, name: str) -> int | None:
    try:
        status = os.lstat(root.path(name))
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(0, "not a folder", name)
    return stat.S_IMODE(status.st_mode)


def write(root: Root, name: str, value: int | None) -> None:
    """Make a folder, or take an empty one away; one that others put something into stays."""
    path = root.path(name)
    if value is None:
        if not os.listdir(path):
            os.rmdir(path)
            sync_folder(os.path.dirname(path))
        return
    try:
        os.mkdir(path, value)
    except FileExistsError:
        pass
    os.chmod(path, value)
    sync_folder(os.path.dirname(path))


def same(name: str, one: int, other: int) -> bool:
    """Tell whether two modes are the same."""
    return one == other
