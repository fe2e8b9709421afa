# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain files as things that a change writes: whole, on disk, never through a symbolic link. Private to the collection.

A value is {text, mode, uid, gid, context}.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

CONTEXT = "security.selinux"
UNFINISHED = ".front-tier-unfinished"  # the temporary name beside a file; no reader of *.conf takes it
READ_AT_ONCE = 1 << 20


def read(root: Root, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """Return {name: value, None where it is not there}. Raises OSError for a symbolic link and for anything that is no plain file."""
    return {name: _read(root, name) for name in names}


def _read(root: Root, name: str) -> dict[str, Any] | None:
    path = root.path(name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OSError(0, "a symbolic link, which is never followed here", name) if error.errno == errno.ELOOP else error from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a plain file", name)
        parts = iter(lambda: os.read(fd, READ_AT_ONCE), b"")
        text = b"".join(parts).decode("utf-8", "surrogateescape")
    finally:
        os.close(fd)
    return {"text": text, "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid, "context": _context(path)}


def _context(path: str) -> str | None:
    """Return the security context of a file, None where the system has none."""
    try:
        return os.getxattr(path, CONTEXT, follow_symlinks=False).decode("ascii", "replace").rstrip("\0")
    except OSError:
        return None


def write(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Put a whole file in place, or take it away, so that a crash leaves the old one or the new one, on disk."""
    path = root.path(name)
    folder = os.path.dirname(path)
    if value is None:
        for gone in (path + UNFINISHED, path):
            try:
                os.unlink(gone)
            except FileNotFoundError:
                continue
        sync_folder(folder)
        return
    fd = _new(path + UNFINISHED)
    try:
        left = value["text"].encode("utf-8", "surrogateescape")
        while left:
            left = left[os.write(fd, left) :]
        os.fchown(fd, value["uid"], value["gid"])
        os.fchmod(fd, value["mode"])
        context = value["context"] or _context(path)
        if context:
            os.setxattr(fd, CONTEXT, context.encode() + b"\0")
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(path + UNFINISHED, path)
    sync_folder(folder)


def _new(path: str) -> int:
    """Return a descriptor of a new file; what lies there, a killed run left, or somebody laid in the way of what root writes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, flags, 0o600)


def sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def same(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two files are alike; a security context that the system gave counts for nothing."""
    return {key: one[key] for key in one if key != "context"} == {key: other[key] for key in other if key != "context"}


def clean_up(root: Root, name: str) -> None:
    """Take away what a killed write left beside a file."""
    try:
        os.unlink(root.path(name) + UNFINISHED)
    except (FileNotFoundError, NotADirectoryError):
        pass
