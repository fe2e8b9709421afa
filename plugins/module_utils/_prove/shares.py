# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shares: what each process opens of what is asked of the paths. Private to the collection.

All processes open on all lanes of a path, each beginning at another one; so what one of them cannot get any more, another got.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Path

AUTOMATIC = ("none", "no_port")
SLICE = 32  # ports among which connect() looks for a free one: over a whole range it looks at hundreds for each of the last ones
CROWDED = 0.4  # of the ports of a pair: past the half, connect() finds a free one only slowly (kernel-truths, 1)


class Lane(NamedTuple):
    """One source (None: the kernel picks it) and one listener."""

    source: str | None
    destination: str
    port: int


class Share(NamedTuple):
    """What one process opens of one path.

    path: its place in the list of paths; turn: 0 before all of turn 1 (see turn_of()); ports: those that an `explicit` dialler binds, in
    order; slices: (low, high) for IP_LOCAL_PORT_RANGE, one after the other.
    """

    path: int
    turn: int
    bind: str
    quota: int
    lanes: tuple[Lane, ...]
    ports: tuple[int, ...] = ()
    slices: tuple[tuple[int, int], ...] = ()


class Way(NamedTuple):
    """How the connections of one path are opened, all processes together: see Share."""

    bind: str
    asked: int
    lanes: tuple[Lane, ...]
    ports: tuple[int, ...] = ()
    slices: tuple[tuple[int, int], ...] = ()


def turn_of(bind: str) -> int:
    """Return when a path is dialled: connect()'s own choice leaves out each port that a bound socket holds, so it comes first."""
    return 0 if bind in AUTOMATIC else 1


def way_of(path: Path, asked: int, imitate: bool, snapshot: dict[str, Any], ranges: bool, sources: dict[str, str]) -> Way:
    """Return how a path is opened.

    imitate: exactly as its `bind` says; else in the way that stays fast to the last port: with IP_LOCAL_PORT_RANGE where the kernel
    has it (`ranges`), else with explicit ports. sources: {destination: the source that the kernel picks}.
    """
    lanes = tuple(Lane(source, *listener) for source in (path.sources if path.bind != "none" else (None,)) for listener in path.listeners)
    if path.bind == "explicit" and path.port_range:
        return Way("explicit", asked, lanes, tuple(range(path.port_range[0], path.port_range[1] + 1)))
    if imitate or path.bind not in AUTOMATIC:
        return Way(path.bind, asked, lanes)
    if asked < CROWDED * len(lanes) * portsets.count(portsets.candidates(snapshot)):
        return Way(path.bind, asked, lanes)
    if ranges:
        low, high = portsets.in_range(snapshot)
        slices = tuple((first, min(first + SLICE - 1, high)) for first in range(low, high + 1, SLICE))
        return Way(path.bind, asked, lanes, (), slices)
    usable = portsets.usable(snapshot)
    bound = tuple(Lane(lane.source or sources[lane.destination], lane.destination, lane.port) for lane in lanes)
    return Way("explicit", asked, bound, tuple(port for port in range(1, 65536) if usable >> port & 1))


def shares_of(ways: list[Way], processes: int) -> list[list[Share]]:
    """Return the shares of each process."""
    return [
        [
            Share(
                index,
                turn_of(way.bind),
                way.bind,
                way.asked // processes + (process < way.asked % processes),
                _rotated(way.lanes, process, processes),
                _rotated(way.ports, process, processes),
                _rotated(way.slices, process, processes),
            )
            for index, way in enumerate(ways)
        ]
        for process in range(processes)
    ]


def _rotated(items: Any, process: int, processes: int) -> Any:
    """Return a tuple beginning at this process's part of it."""
    first = len(items) * process // processes
    return items[first:] + items[:first]
