# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things of a host that steps change: how each kind is read, written and compared. Private to the collection."""

from __future__ import annotations

import os
import stat
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl import sysctl_path

CONTEXT = "security.selinux"
UNFINISHED = ".front-tier-unfinished"  # the temporary name beside a file; no reader of *.conf takes it
READ_AT_ONCE = 1 << 20


def read(root: Root, kind: str, name: str) -> Any:
    """Return the value of a thing as it is now, None where it is not there. Raises OSError where it cannot be read."""
    if kind == "sysctl":
        return _read_sysctl(root, name)
    return _read_file(root, name) if kind == "file" else _read_folder(root, name)


def write(root: Root, kind: str, name: str, value: Any) -> None:
    """Give a thing its value; None takes it away. Raises OSError."""
    if kind == "sysctl":
        _write_sysctl(root, name, value)
    elif kind == "file":
        _write_file(root, name, value)
    else:
        _write_folder(root, name, value)


def same(kind: str, name: str, one: Any, other: Any) -> bool:
    """Tell whether two values mean the same: sets of ports and folded whitespace, not text."""
    if kind == "sysctl" and one is not None and other is not None:
        if name.endswith("_reserved_ports"):
            return _ports(one) == _ports(other)
        return str(one).split() == str(other).split()
    if kind == "file" and one is not None and other is not None:
        return {key: one[key] for key in one if key != "context"} == {key: other[key] for key in other if key != "context"}
    return bool(one == other)


def _ports(text: str) -> int:
    return port_set(item for item in str(text).strip().split(",") if item)


def _read_sysctl(root: Root, name: str) -> str | None:
    try:
        fd = os.open(root.path(sysctl_path(name)), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return " ".join(os.read(fd, READ_AT_ONCE).decode("utf-8", "replace").split())
    finally:
        os.close(fd)


def _write_sysctl(root: Root, name: str, value: str | None) -> None:
    """Write a sysctl. A list of a page and more takes further writes, which the kernel adds to the first (kernel-truths, 11)."""
    if value is None:
        return  # the module behind it is gone, and its sysctl with it
    fd = os.open(root.path(sysctl_path(name)), os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        left = (value + "\n").encode()
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)


def _read_file(root: Root, name: str) -> dict[str, Any] | None:
    """Return {text, mode, uid, gid, context}. Raises OSError for a symbolic link and for anything that is no plain file."""
    path = root.path(name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
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


def _write_file(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Put a whole file in place, or take it away, so that a crash leaves the old one or the new one, on disk."""
    path = root.path(name)
    folder = os.path.dirname(path)
    if value is None:
        for gone in (path + UNFINISHED, path):
            try:
                os.unlink(gone)
            except FileNotFoundError:
                continue
        _sync_folder(folder)
        return
    fd = os.open(path + UNFINISHED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
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
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _read_folder(root: Root, name: str) -> int | None:
    try:
        status = os.lstat(root.path(name))
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(0, "not a folder", name)
    return stat.S_IMODE(status.st_mode)


def _write_folder(root: Root, name: str, value: int | None) -> None:
    """Make a folder, or take an empty one away; one that others put something into stays."""
    path = root.path(name)
    if value is None:
        if not os.listdir(path):
            os.rmdir(path)
            _sync_folder(os.path.dirname(path))
        return
    try:
        os.mkdir(path, value)
    except FileExistsError:
        pass
    os.chmod(path, value)
    _sync_folder(os.path.dirname(path))


def clean_up(root: Root, kind: str, name: str) -> None:
    """Take away what a killed write left beside a file."""
    if kind == "file":
        try:
            os.unlink(root.path(name) + UNFINISHED)
        except (FileNotFoundError, NotADirectoryError):
            pass
