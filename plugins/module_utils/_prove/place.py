# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of a run: a private folder with its status, by which a later call finds it. Private to the collection."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import tempfile
import time
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import parse_stat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
STATUS, LEASE = "status.json", "lease"
OVER = ("ended", "failed")  # the last phases of a run
CLOSING, EACH_CLOSING = 15.0, 1e-4  # seconds for the processes of a run to close, and for each connection that they hold
ENDING = 5.0  # seconds more for its parent


def top() -> str:
    """Return the folder of all runs of this user. Raises OSError where it is somebody else's."""
    if os.geteuid() == 0 and os.path.isdir("/run"):
        path = "/run/front-tier-probe"
    else:
        folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        path = os.path.join(folder, "front-tier-probe-%d" % os.geteuid())
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or found.st_mode & 0o170077 != 0o040000:
        raise PermissionError(1, "others own it or may write to it: remove it, or set XDG_RUNTIME_DIR to a folder of this user", path)
    return path


class Place:
    """The folder of one side of a run."""

    def __init__(self, run: str, side: str) -> None:
        self.path = os.path.join(top(), "%s.%s" % (run, side))

    def make(self) -> None:
        """Make the folder; an older run's status is forgotten."""
        self.remove()
        os.mkdir(self.path, 0o700)
        self.touch()

    def touch(self) -> None:
        """Renew the lease: somebody asks."""
        with open(os.path.join(self.path, LEASE), "w", encoding="ascii"):
            pass

    def asked(self) -> float:
        """Return the seconds since somebody asked; infinity where the folder is gone."""
        try:
            return time.time() - os.stat(os.path.join(self.path, LEASE)).st_mtime
        except OSError:
            return float("inf")

    def write(self, status: dict[str, Any]) -> None:
        """Write the status as a whole, so that a reader never sees half of it."""
        path = os.path.join(self.path, STATUS)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(status, file)
        os.rename(path + ".new", path)

    def read(self) -> dict[str, Any] | None:
        """Return the status; None without a run. One whose parent is gone without a last word has failed."""
        try:
            with open(os.path.join(self.path, STATUS), encoding="utf-8") as file:
                status: dict[str, Any] = json.load(file)
        except (OSError, ValueError):
            return None
        if status["phase"] not in OVER and not alive(status):
            status.update(phase="failed", note="the parent of the run was killed; its connections are closed", held=0)
        return status

    def stop(self) -> dict[str, Any] | None:
        """End the run and wait until it has; return its last status."""
        status = self.read()
        if status and alive(status):
            with contextlib.suppress(ProcessLookupError):
                os.kill(status["pid"], signal.SIGTERM)
            until = time.monotonic() + closing(status.get("held", 0)) + ENDING
            while alive(status) and time.monotonic() < until:
                time.sleep(0.02)
            status = self.read()
        return status

    def remove(self) -> None:
        """Remove the folder."""
        for name in (STATUS, STATUS + ".new", LEASE):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(self.path)


def closing(held: int) -> float:
    """Return the seconds that a run with so many connections may take to close them, before its processes are killed."""
    return CLOSING + EACH_CLOSING * held


def started(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; with its number it names a process for good. None once it has ended.

    One that nobody has waited for yet has ended too.
    """
    text = text_of(Root().text("/proc/%d/stat" % pid))
    found = parse_stat(text)
    return int(found["started"]) if found and text.rpartition(")")[2].split()[0] not in ("Z", "X") else None


def alive(status: dict[str, Any]) -> bool:
    """Tell whether the parent of a run still runs."""
    return started(int(status["pid"])) == int(status["started"])
