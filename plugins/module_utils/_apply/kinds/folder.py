# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders as things that a change makes, and takes away once they are empty. A value is the mode. Private to the collection."""

from __future__ import annotations

import os
import stat

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.file import sync_folder
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

MOST_LINKS = 40


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


def not_ours_alone(status: os.stat_result) -> str | None:
    """Return in words who else than root and this user may write to a file or folder, None where nobody else may."""
    mode, others = stat.S_IMODE(status.st_mode), status.st_uid not in (0, os.geteuid())
    others = others or bool(mode & 0o002) or bool(mode & 0o020) and status.st_gid not in (0, os.getegid())
    return "belongs to user %d and has mode %04o" % (status.st_uid, mode) if others else None


def of_others(root: Root, path: str) -> str | None:
    """Return in words which folder on the way to a path others may write to, None where there is none; links are followed.

    They could put a link in the way of what root writes there.
    """
    done, ahead, links = "", os.path.dirname(path).split("/")[::-1], 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = os.path.dirname(done).rstrip("/")
            continue
        try:
            status = os.lstat("%s%s/%s" % (root.top, done, part))
        except FileNotFoundError:
            return None  # what is not there, is made
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > MOST_LINKS:
                raise OSError(0, "symbolic links in a circle", path)
            target = os.readlink("%s%s/%s" % (root.top, done, part))
            done = "" if target.startswith("/") else done
            ahead.extend(target.split("/")[::-1])
            continue
        done += "/" + part
        words = not_ours_alone(status)
        if words:
            return "%s %s" % (done, words)
    return None
