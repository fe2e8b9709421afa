# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptor limits of running processes as things that a change writes, by prlimit(2). Private to the collection.

A name is unit/pid/start, the start being the process's own and the boot's, so that a number that another process has taken
over is never written. A value is {soft, hard}, or GONE for a process that has ended, with which any value is in agreement.
"""

from __future__ import annotations

import errno
import os
import resource
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import parse_nofile, parse_stat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

GONE = {"gone": True}
CAP_SYS_RESOURCE = 24


def name_of(root: Root, unit: str, pid: int) -> str | None:
    """Return the name of a process of a unit; None for one that is gone."""
    start = _start(root, pid)
    return "%s/%d/%s" % (unit, pid, start) if start else None


def _start(root: Root, pid: int) -> str | None:
    """Return when a process started, as the kernel counts, and in which boot. Of a tree only what this machine agrees with counts."""
    ticks = {_ticks(one, pid) for one in ((root,) if root.live else (root, Root()))}
    if len(ticks) > 1 or None in ticks:
        return None
    boot = text_of(root.text("/proc/sys/kernel/random/boot_id"))[:8]
    return "-".join(filter(None, (str(ticks.pop()), boot)))


def _ticks(root: Root, pid: int) -> int | None:
    stat = parse_stat(text_of(root.text("/proc/%d/stat" % pid)))
    return stat["started"] if stat else None


def _pid(root: Root, name: str) -> int | None:
    """Return the number of a process that still is the one that was named."""
    _unit, pid, start = name.rsplit("/", 2)
    return int(pid) if _start(root, int(pid)) == start else None


def read(root: Root, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return {name: {soft, hard}, GONE for a process that has ended}. Raises OSError where one cannot be read."""
    return {name: _read(root, name) for name in names}


def _read(root: Root, name: str) -> dict[str, Any]:
    pid = _pid(root, name)
    if pid is None:
        return dict(GONE)
    try:
        return dict(zip(("soft", "hard"), resource.prlimit(pid, resource.RLIMIT_NOFILE)))
    except ProcessLookupError:
        return dict(GONE)
    except PermissionError:  # of another user, for who lacks CAP_SYS_RESOURCE; the file may be read all the same
        return dict(parse_nofile(root.text("/proc/%d/limits" % pid)))


def write(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Give a process its limits; one that is gone needs none."""
    pid = _pid(root, name)
    if pid is None or not value or "gone" in value:
        return
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (value["soft"], value["hard"]))
    except ProcessLookupError:
        return
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error


def same(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two limits are the same; a process that is gone has whatever it should have."""
    return "gone" in one or "gone" in other or one == other


def may_raise(root: Root, pid: int) -> bool:
    """Tell whether a process may raise hard limits: it has CAP_SYS_RESOURCE, and not only inside a user namespace."""
    status = text_of(root.text("/proc/%d/status" % pid))
    effective = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    mapped = text_of(root.text("/proc/%d/uid_map" % pid)).split()
    return not effective or bool(int(effective[0], 16) >> CAP_SYS_RESOURCE & 1) and mapped in ([], ["0", "0", "4294967295"])


def can_have(pid: int, now: dict[str, int], wanted: dict[str, int]) -> bool:
    """Tell whether this process can give another the limits wanted, and could take them back."""
    if may_raise(Root(), os.getpid()):
        return True
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE)
    except OSError:
        return False
    return wanted["hard"] == now["hard"]
