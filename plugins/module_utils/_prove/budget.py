# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The budget: how many connections a run may open, and what it leaves for the host's other work. Private to the collection."""

from __future__ import annotations

import os
import resource
from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import HUGE, path_capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Own, Path, PathError

NOTHING = " Nothing was opened."
OWN_FILES = 64  # descriptors of a process beside its connections
MOST_EACH = 20000  # connections of one process, also where it may have more: several use several processors
MOST_PROCESSES = 1000
# Bytes of a side's parent and of what its processes share, of each process with what the kernel keeps for it, and of a connection in its
# tables and in the kernel's table of its descriptors. Measured: docs/memory.md.
PARENT, PROCESS, ENTRY = 20_000_000, 2_300_000, 30


class Reserve(NamedTuple):
    """What stays for the host's other work. memory: bytes; ports: of each source and listener; files: of fs.file-max."""

    memory: int
    ports: int
    files: int


def default_memory(total: int) -> int:
    """Return the memory that is kept where nobody says how much: a tenth, at least 256 MiB."""
    return max(total // 10, 256 << 20)


def predicted(snapshot: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the capacity of a path for the probe, which has processes and descriptors enough of its own."""
    return path_capacity(snapshot, path._replace(dialer=None, service=None, pid=None, nofile=None))


def wanted(capacity: dict[str, Any], path: Path, connections: int | None, shared: bool, reserve: Reserve) -> int:
    """Return how many connections to open on a path: as told, or one more than is promised, so that the refusal is seen.

    shared: others may use the same ports, so some of them stay. Raises PathError.
    """
    kept = 0
    if shared or path.bind == "plain":
        kept = reserve.ports * max(1, len(path.sources)) * (1 if path.bind == "plain" else len(path.listeners))
    most = max(0, capacity["free"] - kept)
    if connections is None:
        return int(most if kept or capacity["binding"] != "ports" else capacity["free"] + 1)
    if kept and connections > most:
        text = "%d connections to %s leave less than reserve_ports %d for others: %d are free. Ask for at most %d, or lower reserve_ports."
        raise PathError(text % (connections, ", ".join(path.destinations), reserve.ports, capacity["free"], most) + NOTHING)
    return connections


def check_overlap(paths: list[Path], sources: dict[str, str]) -> None:
    """Refuse paths that take ports from one another, since each prediction is for its path alone. Raises PathError.

    sources: {destination: the source that the kernel picks}, for paths that bind none.
    """
    lanes: dict[tuple[str, str, int], int] = {}
    users: dict[str, set[int]] = {}
    for index, path in enumerate(paths):
        for destination, port in path.listeners:
            for source in path.sources if path.bind != "none" else (sources[destination],):
                other = lanes.setdefault((source, destination, port), index)
                users.setdefault(source, set()).add(index)
                if other != index:
                    text = "paths[%d] and paths[%d] both dial %s port %d from %s. Make one path of them, or give each a source of its own."
                    raise PathError(text % (other, index, destination, port, source) + NOTHING)
    for source, numbers in sorted(users.items()):
        if len(numbers) > 1 and any(paths[number].bind == "plain" for number in numbers):
            text = "paths %s share the source %s, and a plain bind takes a port of it for all listeners. Give each a source of its own."
            raise PathError(text % (", ".join("%d" % number for number in sorted(numbers)), source) + NOTHING)


def both_ends(snapshot: dict[str, Any], paths: list[Path]) -> bool:
    """Tell whether this host also has the other end of what it dials."""
    own = Own(snapshot)
    return any(destination in own for path in paths for destination in path.destinations)


def fitting(snapshot: dict[str, Any], paths: list[Path], spare: int, dials: bool) -> tuple[int, int]:
    """Return (how many connections fit into the spare bytes, bytes of each): the kernel's side and the probe's processes."""
    tracked, sides = (snapshot.get("conntrack") or {}).get("active") is True, 1 + (dials and both_ends(snapshot, paths))
    sharing = min(1 if path.bind == "plain" else len(path.listeners) for path in paths)
    each = sides * (ENTRY + PROCESS // max(1, room_of_process()))
    each += memory.for_dialled(None, tracked, sharing) if dials else memory.for_accepted(None, tracked)
    each += memory.for_accepted(None, False) if sides == 2 else 0
    return max(0, (spare - sides * PARENT) // each), each


def check_host(snapshot: dict[str, Any], paths: list[Path], total: int, cap: int, reserve: Reserve, available: int, dials: bool) -> int:
    """Refuse what is above the cap, or what would leave the host short of memory or descriptors. Raises PathError.

    Return how many connections the memory allows.
    """
    if total > cap:
        raise PathError("%d connections are above the cap of %d. Say cap: %d if you mean it.%s" % (total, cap, total, NOTHING))
    most, each = fitting(snapshot, paths, available - reserve.memory, dials)
    if total > most:
        text = "%d connections need about %d MB of memory; %d MB are available, and reserve_memory keeps %d MB. Ask for at most %d."
        raise PathError(text % (total, total * each >> 20, available >> 20, reserve.memory >> 20, most) + NOTHING)
    both = dials and both_ends(snapshot, paths)
    limits = Limits(snapshot)
    top, opened = limits.number("fs.file-max"), number((limits.entry("fs.file-max") or {}).get("used"))
    if top is not None and opened is not None and top < HUGE and top - opened - total * (1 + both) < reserve.files:
        text = "%d connections leave less than reserve_files %d of fs.file-max %d, of which %d are open. Raise it, or ask for fewer."
        raise PathError(text % (total, reserve.files, top, opened) + NOTHING)
    return most


def room_of_process(beside: int = 0) -> int:
    """Return how many connections a process may hold that has so many descriptors open already; less than 1 for none."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MOST_EACH if hard == resource.RLIM_INFINITY else min(MOST_EACH, hard - OWN_FILES - beside)


def processes_for(total: int, asked: int, beside: int) -> tuple[int, int]:
    """Return (processes, connections of each at most) for `total`; `beside`: descriptors that each has open already. Raises PathError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = room_of_process(beside)
    if most < 1:
        raise PathError(
            "a process may open %d files here, too few for %d listeners. Raise its hard limit, or split the paths." % (hard, beside)
        )
    if soft != resource.RLIM_INFINITY and soft < OWN_FILES + beside + most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    few = min(os.cpu_count() or 1, max(1, total // 500))
    number_of = max(asked, few, -(-total // most))
    if number_of > MOST_PROCESSES:
        text = (
            "%d connections need %d processes, as each may open %d files here: at most %d are started. Raise the hard limit of open files."
        )
        raise PathError(text % (total, number_of, hard, MOST_PROCESSES) + NOTHING)
    return number_of, most
