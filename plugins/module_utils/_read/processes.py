# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: descriptor limits, open files, control groups, and who holds a socket. Private to the collection.

Source: proc(5), cgroups(7). Of a program only its name is read, never its command line; of nginx, whether that says that it drains.
"""

from __future__ import annotations

import os
import re
import time
from itertools import islice
from typing import Any, Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, absent, absent_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

FEW_LINKS = 256
MOST_LINKS = 1024  # descriptors of one process that are looked at: a listener opened at the start has a low number
MOST_LINKS_IN_ALL = 100000
DRAINING = ("nginx", "worker process is shutting down")  # a program, and what its processes call themselves once they accept no more
UNIT = re.compile(r"[^/]+\.(service|scope|socket|mount|swap)\Z")


def pids_of(root: Root) -> list[int]:
    """Return the processes that this process may see, in the order of their numbers."""
    return sorted(int(name) for name in root.names("/proc") if name.isascii() and name.isdigit())


def read_processes(root: Root, pids: Iterable[int] | None = None) -> list[dict[str, Any]]:
    """Return [{pid, program, parent, uid, age: seconds, nofile: {soft, hard}, files_open, cgroups, unit, draining}].

    A process that is gone is left out. unit: see unit_of(); draining: whether it says itself that it takes no more connections.
    """
    top = top_of(read_cgroups(root, 1))
    boot = time.clock_gettime(time.CLOCK_BOOTTIME) if root.live else _uptime(text_of(root.text("/proc/uptime")))
    found = (_read_process(root, pid, boot, top) for pid in (pids_of(root) if pids is None else pids))
    return [process for process in found if process]


def _read_process(root: Root, pid: int, boot: float | None, top: str) -> dict[str, Any] | None:
    stat = parse_stat(text_of(root.text("/proc/%d/stat" % pid)))
    if not stat:
        return None
    started = stat.pop("started") / os.sysconf("SC_CLK_TCK")
    uid = re.search(r"^Uid:\s*(\d{1,10})\b", text_of(root.text("/proc/%d/status" % pid)), re.M | re.A)
    cgroups = read_cgroups(root, pid)
    program, title = DRAINING
    return dict(
        stat,
        pid=pid,
        uid=int(uid.group(1)) if uid else absent("unknown", "/proc/%d/status: no Uid" % pid),
        age=absent("unknown", "/proc/uptime") if boot is None else max(0, int(boot - started)),
        nofile=parse_nofile(root.text("/proc/%d/limits" % pid)),
        files_open=read_files_open(root, pid),
        cgroups=cgroups,
        unit=unit_of(cgroups, top),
        draining=stat["program"] == program and title in text_of(root.text("/proc/%d/cmdline" % pid)),
    )


def _uptime(text: str) -> float | None:
    match = re.match(r"\d{1,12}(\.\d+)?", text, re.A)
    return float(match.group()) if match else None


def parse_stat(text: str) -> dict[str, Any] | None:
    """Return {program, parent, started: clock ticks since boot} of /proc/PID/stat; None where it is no such line."""
    match = re.match(r"\d+ \((.*)\) \S (\d{1,10}) (?:-?\d+ ){17}(\d{1,20}) ", text, re.S | re.A)
    return match and {"program": match.group(1), "parent": int(match.group(2)), "started": int(match.group(3))}


def parse_nofile(text: Any) -> Any:
    """Return {soft, hard} of "Max open files" in /proc/PID/limits, or the absence."""
    match = re.search(r"^Max open files +(\d{1,20}|unlimited) +(\d{1,20}|unlimited)\b", text_of(text), re.M | re.A)
    if not match:
        return text if isinstance(text, dict) else absent("unreadable", "/proc/PID/limits: no open files")
    soft, hard = (UNLIMITED if word == UNLIMITED else int(word) for word in match.groups())
    return {"soft": soft, "hard": hard}


def read_files_open(root: Root, pid: int) -> Any:
    """Return how many descriptors a process has open, or the absence.

    Newer kernels give it as the size of the folder, also without a privilege; else the entries are counted.
    """
    path = "/proc/%d/fd" % pid
    try:
        size = os.stat(root.path(path)).st_size if root.live else 0
        if size:
            return size
        with os.scandir(root.path(path)) as entries:
            return sum(1 for _entry in entries)
    except OSError as error:
        return absent_for(error, path)


def read_cgroups(root: Root, pid: int) -> dict[str, str]:
    """Return {controller: path}: `name=systemd`, `memory`, … of version 1, and the empty name for version 2."""
    return parse_cgroups(text_of(root.text("/proc/%d/cgroup" % pid)))


def parse_cgroups(text: str) -> dict[str, str]:
    """Return what read_cgroups() does, of /proc/PID/cgroup: `number:controllers:path` in each line."""
    rows = [line.split(":", 2) for line in text.splitlines()]
    return {name: row[2] for row in rows if len(row) == 3 for name in row[1].split(",")}


def top_of(cgroups: dict[str, str]) -> str:
    """Return the path in which the units of this machine or container stand, of the groups of process 1."""
    return re.sub(r"/(init\.scope|system\.slice)?\Z", "", cgroups.get("name=systemd", cgroups.get("", "")))


def unit_of(cgroups: dict[str, str], top: str = "") -> str | None:
    """Return the systemd unit that a process belongs to: the first folder below `top` that is one; None without."""
    path = cgroups.get("name=systemd") if cgroups.get("name=systemd", "/") != "/" else cgroups.get("")
    if not path or not (path + "/").startswith(top + "/"):
        return None
    names = path[len(top) :].split("/")
    return next((name.lstrip("_") for name in names if UNIT.match(name)), None)


def pids_by_unit(root: Root) -> dict[str, list[int]]:
    """Return {unit: every process of it}."""
    top = top_of(read_cgroups(root, 1))
    found: dict[str, list[int]] = {}
    for pid in pids_of(root):
        unit = unit_of(read_cgroups(root, pid), top)
        if unit:
            found.setdefault(unit, []).append(pid)
    return found


def socket_owners(root: Root, inodes: Iterable[int], pids: Iterable[int] | None = None) -> dict[int, int]:
    """Return {inode of a socket: a process that holds it}, as far as found.

    Bounded: the first MOST_LINKS descriptors of each process, process 1 (which opens sockets for others) last, until
    all are found. Without CAP_SYS_PTRACE only the processes of the same user can be looked into.
    """
    missing = set(inodes)
    owners: dict[int, int] = {}
    links = 0
    order = sorted(pids_of(root) if pids is None else pids, key=lambda pid: (pid == 1, pid))
    for first, last in ((0, FEW_LINKS), (FEW_LINKS, MOST_LINKS)):  # what listens was mostly opened early
        for pid in order:
            if not missing or links > MOST_LINKS_IN_ALL:
                return owners
            for inode in islice(socket_inodes(root, pid, first), last - first):
                links += 1
                if inode is not None and inode in missing:
                    missing.discard(inode)
                    owners[inode] = pid
    return owners


def sockets_of(root: Root, pid: int) -> set[int] | None:
    """Return the inodes of all sockets that a process holds; None where it may not be looked into."""
    found = set(socket_inodes(root, pid))
    return None if None in found else {inode for inode in found if inode}


def socket_inodes(root: Root, pid: int, first: int = 0) -> Iterator[int | None]:
    """Yield the inode for each descriptor of a process in the order of their numbers, after the first few, 0 for what is no socket.

    None, and then no more, where the process may not be looked into.
    """
    try:
        folder = os.open(root.path("/proc/%d/fd" % pid), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in _descriptors(root, folder, first):
                try:
                    link = os.readlink(name, dir_fd=folder)
                except FileNotFoundError:
                    continue  # closed meanwhile
                digits = link[8:-1] if link.startswith("socket:[") else "0"
                yield int(digits) if digits.isdecimal() else 0
        finally:
            os.close(folder)
    except OSError:
        yield None


def _descriptors(root: Root, folder: int, first: int) -> Iterator[str]:
    """Yield the names in a folder of descriptors, after the first few; of many the low numbers, which mostly exist, without a look.

    Before the kernel shows the first entry of a folder it makes some 1,300 of them, each an inode.
    """
    size = os.fstat(folder).st_size if root.live else 0  # the number of descriptors; since Linux 6.2, before that 0
    dense = size if size > MOST_LINKS else 0
    yield from map(str, range(first, dense))
    with os.scandir(folder) as entries:
        rest = (entry.name for entry in entries)
        yield from (name for name in rest if int(name) >= max(first, dense)) if dense else islice(rest, first, None)
