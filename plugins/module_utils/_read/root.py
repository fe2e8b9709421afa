# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of what is read: the live machine, or a recorded host as a tree of plain files. Private to the collection."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, absent_for

MOST_BYTES = 1 << 20


class Root:
    """A file tree; `Root()` is this machine. Every path given to it is absolute and below the root."""

    def __init__(self, top: str = "/") -> None:
        self.top = top.rstrip("/")
        self.live = self.top == ""

    def path(self, path: str) -> str:
        """Return where `path` of the host lies in the file system that is read. Raises OSError where links go in circles."""
        return path if self.live else self.top + self._followed(path)

    def real(self, path: str) -> str:
        """Return `path` with every symbolic link followed, never out of the root; `path` itself where links go in circles."""
        try:
            return os.path.realpath(path) if self.live else self._followed(path)
        except OSError:
            return path

    def _followed(self, path: str) -> str:
        done, ahead, links = "", path.split("/")[::-1], 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                done = done.rpartition("/")[0]
            elif part not in ("", "."):
                try:
                    target = os.readlink(self.top + done + "/" + part)
                except (OSError, ValueError):
                    done += "/" + part
                    continue
                links += 1
                if links > 40:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                done = "" if target.startswith("/") else done
                ahead.extend(target.split("/")[::-1])
        return done or "/"

    def text(self, path: str) -> str | dict[str, str]:
        """Return a file's whole text (at most 1 MiB), or the absence.

        A file of /proc/sys has to be read in one call: the list of reserved ports comes only in the first
        read() (kernel-truths, 11. Write semantics). Bytes that are not UTF-8 become U+FFFD, NUL bytes stay.
        """
        try:
            fd = self.opened(path)
            try:
                parts = []
                left = MOST_BYTES + 1
                while left > 0:
                    part = os.read(fd, left)
                    if not part:
                        break
                    parts.append(part)
                    left -= len(part)
            finally:
                os.close(fd)
        except FileNotFoundError:
            return absent("unknown", "%s: not present" % path)
        except OSError as error:
            return absent_for(error, path)
        except ValueError as error:  # a path with a NUL, out of a file with junk
            return absent("unreadable", "%r: %s" % (path, error))
        if left <= 0:
            return absent("unreadable", "%s: larger than %d bytes" % (path, MOST_BYTES))
        return b"".join(parts).decode("utf-8", "replace")

    def opened(self, path: str) -> int:
        """Return a descriptor of a regular file; a fifo, folder or device is refused, and none of them makes us wait."""
        fd = os.open(self.path(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file")

    def lines(self, path: str) -> Iterator[str]:
        """Yield the lines of a file of any size, a longer one than 4 KiB in pieces. Raises OSError where it cannot be read."""
        with os.fdopen(self.opened(path), "rb") as file:
            for line in iter(lambda: file.readline(4096), b""):
                yield line.decode("utf-8", "replace")

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a folder; an empty list where there is none or it may not be read."""
        try:
            return sorted(os.listdir(self.path(path)))
        except (OSError, ValueError):
            return []

    def links(self, path: str) -> dict[str, str]:
        """Return {name: where it points, as written} of the symbolic links in a folder; only they are looked at one by one."""
        try:
            with os.scandir(self.path(path)) as entries:
                names = sorted(entry.name for entry in entries if entry.is_symlink())
        except (OSError, ValueError):
            return {}
        return {name: target for name in names for target in [self.link("%s/%s" % (path, name))] if target is not None}

    def link(self, path: str) -> str | None:
        """Return where a symbolic link points, as written; None where `path` is no link."""
        try:
            folder, name = os.path.split(path)
            return os.readlink(os.path.join(self.path(folder), name))
        except (OSError, ValueError):
            return None

    def exists(self, path: str) -> bool:
        """Tell whether `path` (followed) exists."""
        try:
            return os.path.exists(self.path(path))
        except OSError:
            return False


def text_of(value: Any) -> str:
    """Return the text that was read, or an empty text for an absence: for parsers to which both mean "no lines"."""
    return value if isinstance(value, str) else ""


def sysctl_path(name: str) -> str:
    """Return the file of a dotted name: `net.ipv4.conf.eth0/100.rp_filter` is below conf/eth0.100 (sysctl.d(5))."""
    return "/proc/sys/" + name.translate(str.maketrans("./", "/."))
