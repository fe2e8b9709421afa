# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: a unit (or a program) with all its processes, its connections and its limits. Private to the collection."""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, absent, is_absent, number
from ansible_collections.c10m.front_tier.plugins.module_utils._read import processes
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.systemd import HUGE, UNIT_NAME, amount, read_live

UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
WHOLE = 20000  # up to so many connected sockets read_sockets() lists all inodes
MOST_FILES = 2048  # a process with more open descriptors is not looked through
MOST_LINKS = 20000  # descriptors that are looked through in all
MOST_PROCESSES = 512  # rows of one service
FIRST = 64  # descriptors of a process without a unit that are looked at for connections
NOT_SHOWN = absent("unknown", "systemd does not run here, or did not say")


class Group(NamedTuple):
    """A controller of control groups, and its files in version 2 and in version 1."""

    controller: str
    limits: tuple[str, ...]
    used: str
    old_limits: tuple[str, ...]
    old_used: str


MEMORY = Group("memory", ("memory.max", "memory.high"), "memory.current", ("memory.limit_in_bytes",), "memory.usage_in_bytes")
TASKS = Group("pids", ("pids.max",), "pids.current", ("pids.max",), "pids.current")


class Members:
    """Which service each process belongs to: its systemd unit, else the family of processes of the same program.

    A family has one name and one parent above it: a daemon and its workers, or the old and new workers of a reload.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self.mounts = parse_mounts(text_of(root.text("/proc/self/mountinfo")))
        self.pids = processes.pids_of(root)
        self.cgroups = {pid: processes.read_cgroups(root, pid) for pid in self.pids}
        top = processes.top_of(self.cgroups.get(1, {}))
        self.units = {pid: processes.unit_of(cgroups, top) for pid, cgroups in self.cgroups.items()}
        self.loners = [pid for pid in self.pids if not self.units[pid]]
        self._families: dict[int, str] | None = None

    def name_of(self, pid: int) -> str | None:
        """Return the name of the service of a process."""
        return self.units.get(pid) or self.families().get(pid)

    def pids_in(self, name: str) -> list[int]:
        """Return every process of a service."""
        named = [pid for pid in self.pids if self.units[pid] == name]
        return named or [pid for pid, family in self.families().items() if family == name]

    def names(self) -> set[str]:
        """Return the names of all services that run."""
        return {name for name in self.units.values() if name} | set(self.families().values())

    def families(self) -> dict[int, str]:
        """Return {process without a unit: name}: the program's, with the lowest process number where another has it."""
        if self._families is None:
            stats = {pid: processes.parse_stat(text_of(self.root.text("/proc/%d/stat" % pid))) for pid in self.loners}
            programs = {pid: (stat["program"], stat["parent"]) for pid, stat in stats.items() if stat and stat["parent"] != 2}
            taken: dict[tuple[str, int], str] = {}
            used: set[str] = set()
            self._families = {}
            for pid in sorted(programs):
                program, parent = programs[pid]
                while parent in programs and programs[parent][0] == program:
                    parent = programs[parent][1]
                key = (program, parent)
                if key not in taken:
                    taken[key] = program if program not in used else "%s (pid %d)" % (program, pid)
                    used.add(program)
                self._families[pid] = taken[key]
        return self._families

    def by_cgroup_id(self) -> dict[int, str]:
        """Return {control group id as sock_diag sends it: unit}: the id is the inode of the group's folder."""
        found: dict[int, str] = {}
        for path, unit in {(self.cgroups[pid].get("", ""), unit) for pid, unit in self.units.items() if unit}:
            place = folder_in(self.mounts, "", {"": path}) if self.root.live else None
            try:
                if place and place[1]:  # without: the group of everything that is in none
                    found[os.stat("".join(place)).st_ino] = unit
            except OSError:
                continue
        return found


def read_services(root: Root, sockets: dict[str, Any], wanted: Iterable[str | int] = ()) -> list[dict[str, Any]]:
    """Return the section `services`, less `boot`: those that listen, hold connections or are wanted, by name.

    sockets: what read_sockets() returns; its `listeners` get their `service` here. A wanted one has what it was called
    in `asked`; one that does not exist comes as {name, asked, missing: true, near: names alike}.
    """
    members = Members(root)
    units = members.by_cgroup_id()
    name_listeners(root, sockets["listeners"], members, units)
    held = {units[one["cgroup"]]: 0 for one in sockets["listeners"] if one.get("cgroup") in units}
    for cgroup, connections in (sockets.get("by_cgroup") or {}).items():
        if cgroup in units:
            held[units[cgroup]] = held.get(units[cgroup], 0) + connections
    seen = {one["service"] for one in sockets["listeners"] if one["service"]} | set(held)
    inodes = set(sockets.get("inodes") or ()) - {0}  # 0: TIME_WAIT, or not accepted yet
    seen |= _holders(root, members, inodes)
    asked = {name: _full_name(name, members) for name in wanted}
    shown = read_live(root, sorted(seen | set(asked.values())))
    names: dict[str, list[str | int]] = {shown.get(name, {}).get("id", name): [] for name in seen}
    for name, full in asked.items():
        names.setdefault(shown.get(full, {}).get("id", full), []).append(name)
    whole = not sockets.get("sampled") and sockets.get("seen", 0) <= WHOLE and "inodes" in sockets
    links = Links(root, inodes if whole else None)
    return [_service(members, name, names[name], shown.get(name), links, held.get(name)) for name in sorted(names)]


def name_listeners(root: Root, listeners: list[dict[str, Any]], members: Members, units: dict[int, str]) -> None:
    """Write into each listener whose it is: the unit of its control group, else the service of a process that holds it.

    systemd opens sockets for others, in its own group or in that of the socket unit: there a holder goes first.
    """
    for one in listeners:
        one["service"] = units.get(one.get("cgroup"))  # type: ignore[arg-type]
    unsure = [one for one in listeners if not (one["service"] or "").endswith(".service")]
    owners = processes.socket_owners(root, [one["inode"] for one in unsure], members.pids)
    for one in unsure:
        owner = owners.get(one["inode"])
        one["service"] = (members.name_of(owner) if owner else None) or one["service"]


def _holders(root: Root, members: Members, inodes: set[int]) -> set[str]:
    """Return the services without a unit that hold connections, by their first descriptors."""
    if not inodes or members.units.get(1):
        return set()
    families = members.families().items()
    return {name for pid, name in families if not inodes.isdisjoint(islice(processes.socket_inodes(root, pid), FIRST))}


def _full_name(name: str | int, members: Members) -> str:
    """Return the name of the service that a user means: as systemctl(1) completes it, unless a program has it; that of a process."""
    if isinstance(name, int):
        return members.name_of(name) or "process %d" % name
    return name if UNIT_NAME.match(name) or name in members.names() else name + ".service"


class Links:
    """Counts the connections of a process by the links of its descriptors, within a budget for all processes."""

    def __init__(self, root: Root, inodes: set[int] | None) -> None:
        self.root = root
        self.inodes = inodes
        self.budget = MOST_LINKS

    def of(self, process: dict[str, Any]) -> set[int] | None:
        """Return the inodes of the TCP connections that a process holds; None where that would cost too much."""
        files = number(process["files_open"])
        if self.inodes is None or files is None or files > min(MOST_FILES, self.budget):
            return None
        self.budget -= files
        found = processes.sockets_of(self.root, process["pid"])
        return None if found is None else found & self.inodes


def _service(
    members: Members, name: str, asked: list[str | int], live: dict[str, Any] | None, links: Links, held: int | None
) -> dict[str, Any]:
    root = members.root
    entry: dict[str, Any] = dict({"name": name}, **({"asked": asked} if asked else {}))
    pids = members.pids_in(name)
    if not pids and not (live["exists"] if live else _has_file(root, name)):
        return dict(entry, missing=True, near=_near(root, name, members))
    rows = processes.read_processes(root, pids[:MOST_PROCESSES])
    first = next((row for row in rows if row["parent"] not in pids), rows[0] if rows else None)
    main = next((row for row in rows if live and row["pid"] == live["main_pid"]), first)
    found = {row["pid"]: links.of(row) for row in rows}
    unknown = absent("unknown", "too many sockets or open files to look through, or no permission")
    alone = held if held is not None and len(pids) == 1 else unknown
    counted = [inodes for inodes in found.values() if inodes is not None]
    total = len(set().union(*counted)) if len(counted) == len(pids) else unknown if held is None else held
    kept = ("pid", "program", "nofile", "files_open", "age", "uid")
    entry.update(
        program=main["program"] if main else None,
        main_pid=main["pid"] if main else None,
        processes=[
            dict(
                {key: row[key] for key in kept},
                connections=alone if held_by is None else len(held_by),
                **({"draining": True} if row["draining"] else {}),
            )
            for row, held_by in zip(rows, found.values())
        ],
        connections=total,
        memory=read_group(root, members.mounts, main["cgroups"], MEMORY) if main else _idle(live, "memory"),
        tasks=read_group(root, members.mounts, main["cgroups"], TASKS) if main else _idle(live, "tasks"),
        live={"nofile": live["nofile"]} if live and not is_absent(live["nofile"]) else NOT_SHOWN,
        needs_reload=live["needs_reload"] if live else NOT_SHOWN,
    )
    return dict(entry, processes_left_out=len(pids) - MOST_PROCESSES) if len(pids) > MOST_PROCESSES else entry


def _idle(live: dict[str, Any] | None, name: str) -> dict[str, Any]:
    return {"limit": live[name], "used": 0, "source": "systemd"} if live else dict(NOT_SHOWN)


def _has_file(root: Root, name: str) -> bool:
    """Tell whether a unit's file exists, for where systemd cannot be asked: an instance has that of its template."""
    template = re.sub(r"@.*\.", "@.", name)
    return bool(UNIT_NAME.match(name)) and any(
        root.exists("%s/%s" % (folder, file)) for folder in UNIT_FOLDERS for file in (name, template)
    )


def _near(root: Root, name: str, members: Members) -> list[str]:
    from difflib import get_close_matches

    files = {file for folder in UNIT_FOLDERS for file in root.names(folder) if file.endswith(".service")}
    stems = {re.sub(r"\.service\Z", "", full): full for full in sorted(files | members.names())}
    return [stems[stem] for stem in get_close_matches(re.sub(r"\.service\Z", "", name), stems, 3, 0.6)]


def parse_mounts(text: str) -> dict[str, tuple[str, str]]:
    """Return {controller: (mount point, the group it shows)} of /proc/self/mountinfo; the empty name is version 2.

    A container without a namespace of control groups has a group of its own mounted as if it were the first.
    """
    found: dict[str, tuple[str, str]] = {}
    for before, _dash, after in (line.partition(" - ") for line in text.splitlines()):
        words, kind = before.split(), after.split()
        if len(words) > 4 and len(kind) > 2 and kind[0] in ("cgroup", "cgroup2"):
            names = [""] if kind[0] == "cgroup2" else kind[2].split(",")
            found.update({name: (words[4], words[3].rstrip("/")) for name in names})
    return found


def folder_in(mounts: dict[str, tuple[str, str]], controller: str, cgroups: dict[str, str]) -> tuple[str, str] | None:
    """Return (mount point, path below it) of a process's group; None where its controller is not mounted."""
    if controller not in mounts:
        return None
    mount, shown = mounts[controller]
    path = cgroups.get(controller, "").rstrip("/")
    return mount, path[len(shown) :] if (path + "/").startswith(shown + "/") else path


def read_group(root: Root, mounts: dict[str, tuple[str, str]], cgroups: dict[str, str], group: Group) -> dict[str, Any]:
    """Return {limit, used, source} of the control group on the way up that has the smallest limit: cgroups(7).

    Without any limit, `used` is that of the process's own group; in the group of everything it is an absence.
    """
    old = group.controller in cgroups
    nothing = absent("unknown", "no control group shows a limit of %s" % group.controller)
    place = folder_in(mounts, group.controller if old else "", cgroups)
    if not place:
        return nothing
    mount, path = place
    found: list[tuple[int, str, str]] = []
    while True:
        for limit in group.old_limits if old else group.limits:
            value = parse_limit(text_of(root.text("%s%s/%s" % (mount, path, limit))))
            if value is not None:
                found.append((HUGE if value == UNLIMITED else value, path, limit))
        if not path:
            break
        path = path.rpartition("/")[0]
    if not found:
        return nothing
    smallest, path, limit = min(found, key=lambda one: one[0])  # of equal ones the nearest
    of_all = old and not path and not mounts[group.controller][1] and smallest == HUGE
    used = absent("unknown", "in no control group of its own") if of_all else _used(root, mount + path, group, old)
    source = "%s%s/%s" % (mount, path, limit)
    return {"limit": UNLIMITED if smallest == HUGE else smallest, "used": used, "source": source}


def _used(root: Root, folder: str, group: Group, old: bool) -> Any:
    path = "%s/%s" % (folder, group.old_used if old else group.used)
    text = root.text(path)
    value = parse_limit(text_of(text))
    return text if isinstance(text, dict) else absent("unreadable", path) if value is None else value


def parse_limit(text: str) -> Any:
    """Return the number in a file of a control group, `unlimited` for `max` or what version 1 writes, else None."""
    value = amount(text.strip())
    return None if is_absent(value) else value
