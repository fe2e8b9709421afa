# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Symbolic links as things: a value is what the link says. Private to the collection."""

from __future__ import annotations

import errno
import os

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.file import UNFINISHED, sync_folder
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


def read(root: Root, names: list[str]) -> dict[str, str | None]:
    """Return {name: what it says, None where nothing is there}. Raises OSError for what is no link."""
    return {name: _read(root, name) for name in names}


def _read(root: Root, name: str) -> str | None:
    try:
        return os.readlink(_path(root, name))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OSError(0, "not a symbolic link", name) if error.errno == errno.EINVAL else error from None


def write(root: Root, name: str, value: str | None) -> None:
    """Put a link in place so that a crash leaves the old one or the new one, or take it away."""
    path = _path(root, name)
    clean_up(root, name)
    if value is None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
    else:
        os.symlink(value, path + UNFINISHED)
        os.rename(path + UNFINISHED, path)
    sync_folder(os.path.dirname(path))


def same(name: str, one: str, other: str) -> bool:
    """Tell whether two links say the same."""
    return one == other


def clean_up(root: Root, name: str) -> None:
    """Take away what a killed write left beside a link."""
    try:
        os.unlink(_path(root, name) + UNFINISHED)
    except (FileNotFoundError, NotADirectoryError):
        pass


def _path(root: Root, name: str) -> str:
    folder, base = os.path.split(name)
    return os.path.join(root.path(folder), base)
