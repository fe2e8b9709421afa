# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of a run: what each is going to open, what is made sure first, and who leads it. Private to the collection.

All is checked and planned before anything is opened; a listener's sockets are opened, and a dialler's listeners greeted, before the run
goes into the background, so that what fails there fails the call.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Own, Path, PathError, parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._prove import budget, gauge, greeting, syscalls
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.crew import Crew, Terms
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.listener import Gate, listening_socket
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.place import Place
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.shares import shares_of, way_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import source_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.connections import read_established
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import DESTINATION_PORT, SOURCE_PORT

MOST_LISTENERS = 2000
SUBSETS = ("min", "files", "memory", "conntrack")


class Asked(NamedTuple):
    """A path that is asked for. imitate: exactly as its bind or dialer does; connections: None for as many as are predicted."""

    path: Path
    imitate: bool
    connections: int | None


class Side(NamedTuple):
    """One side. planned: what check mode shows; prepare: what may fail before anything is in the background; lead: the parent's work.

    sockets: those that prepare() opened for the parent.
    """

    planned: dict[str, Any]
    prepare: Callable[[], None]
    lead: Callable[[Place], None]
    sockets: list[Gate]


def parsed(given: list[dict[str, Any]]) -> list[Asked]:
    """Return the paths of the option; `connections` may stand beside a path's own keys. Raises PathError."""
    found = []
    for index, item in enumerate(given):
        name = "paths[%d]" % index
        own = {key: value for key, value in item.items() if key != "connections"}
        connections = item.get("connections")
        if connections is not None and not (str(connections).isdecimal() and int(connections) > 0):
            raise PathError('%s.connections "%s" is no number of connections: write 1 or more.%s' % (name, connections, budget.NOTHING))
        imitate = own.get("bind") is not None or own.get("dialer") is not None
        found.append(Asked(parse_path(name, own), imitate, None if connections is None else int(connections)))
    if not found:
        raise PathError("paths: none is given. Write [{destinations: [10.0.0.9], ports: [9000]}].%s" % budget.NOTHING)
    return found


def counter(side: str, kinds: list[dict[str, Any]]) -> Callable[[], list[int]]:
    """Return what counts the established connections of each path or listener by sock_diag, less those of before the run."""
    ends = [{(destination, port) for destination in kind["destinations"] for port in kind["ports"]} for kind in kinds]
    ports = portsets.port_set(port for kind in kinds for port in kind["ports"])

    def count() -> list[int]:
        found = read_established(ports, DESTINATION_PORT if side == "dial" else SOURCE_PORT)
        total = [-kind.get("before", 0) for kind in kinds]
        for (source, destination, port), number in found.items():
            for index, kind in enumerate(kinds):
                if (destination, port) in ends[index] and (side == "listen" or not kind["sources"] or source in kind["sources"]):
                    total[index] += number
        return total

    return count


def listening(params: dict[str, Any], terms: Terms, reserve: budget.Reserve) -> Side:
    """Return the side that listens: on what the paths dial of this host's addresses. Raises PathError."""
    paths = [asked.path for asked in parsed(params["paths"])]
    snapshot = read_snapshot(Root(), SUBSETS, [], sample=1)
    own = Own(snapshot)
    listeners = sorted({one for path in paths for one in path.listeners if one[0] in own})
    if not listeners:
        raise PathError("paths: this host has none of their destinations. Start the listeners on the hosts that do.%s" % budget.NOTHING)
    _check_number(len(listeners))
    total = params["connections"] or params["cap"]
    budget.check_host(snapshot, paths, total, params["cap"], reserve, gauge.Memory().available(), dials=False)
    processes, most = budget.processes_for(total, params["processes"], len(listeners))
    room = min(most, -(-total // processes))
    kinds = [{"destinations": [address], "ports": [port]} for address, port in listeners]
    sockets: list[Gate] = []

    def prepare() -> None:
        for address, port in listeners:
            try:
                sockets.append(listening_socket(address, port))
            except OSError as error:
                text = "%s port %d cannot be listened on: %s. Dial another port.%s"
                raise PathError(text % (address, port, error.strerror, budget.NOTHING)) from error

    def lead(place: Place) -> None:
        Crew(place, "listen", terms, kinds, counter("listen", kinds)).listen(sockets, processes, room, params["run"])

    return Side({"listeners": kinds, "processes": processes, "room": processes * room}, prepare, lead, sockets)


def dialling(params: dict[str, Any], terms: Terms, reserve: budget.Reserve) -> Side:
    """Return the side that dials. Raises PathError."""
    asked = parsed(params["paths"])
    paths = [one.path for one in asked]
    _check_number(len({listener for path in paths for listener in path.listeners}))
    sources = _sources(paths)
    budget.check_overlap(paths, sources)
    snapshot = read_snapshot(Root(), SUBSETS, paths, sample=0)
    capacities = [budget.predicted(snapshot, path) for path in paths]
    each = [one.connections or _part(params["connections"], index, len(asked)) for index, one in enumerate(asked)]
    shared = params["trust_target"]
    numbers = [budget.wanted(capacities[index], path, each[index], shared, reserve) for index, path in enumerate(paths)]
    fitting = budget.check_host(snapshot, paths, sum(numbers), params["cap"], reserve, gauge.Memory().available(), dials=True)
    processes, _most = budget.processes_for(sum(numbers), params["processes"], 0)
    ranges = syscalls.has_port_range()
    ways = [way_of(path, numbers[index], asked[index].imitate, snapshot, ranges, sources) for index, path in enumerate(paths)]
    kinds = [
        {
            "sources": list(path.sources),
            "destinations": list(path.destinations),
            "ports": list(path.ports),
            "bind": path.bind,
            "dialer": path.dialer,
            "asked": numbers[index],
            "predicted": capacities[index]["free"],
            "at_most": max(capacities[index]["free"], capacities[index]["at_most"] - capacities[index]["used"]),
            "binding": capacities[index]["binding"],
        }
        for index, path in enumerate(paths)
    ]
    for kind, number in zip(kinds, counter("dial", kinds)()):
        kind["before"] = number

    def prepare() -> None:
        if not params["trust_target"]:
            _greet(params["run"], paths)

    def lead(place: Place) -> None:
        Crew(place, "dial", terms, kinds, counter("dial", kinds)).dial(shares_of(ways, processes), params["rate"])

    planned = {"paths": kinds, "asked": sum(numbers), "predicted": sum(kind["predicted"] for kind in kinds)}
    planned.update(memory_allows=fitting, processes=processes)
    return Side(planned, prepare, lead, [])


def _check_number(listeners: int) -> None:
    if listeners > MOST_LISTENERS:
        raise PathError("paths: %d listeners; one run has at most %d. Split it.%s" % (listeners, MOST_LISTENERS, budget.NOTHING))


def _part(connections: int | None, index: int, parts: int) -> int | None:
    """Return a path's part of the connections that are asked of all together; None where no number is."""
    return None if connections is None else connections // parts + (index < connections % parts)


def _sources(paths: list[Path]) -> dict[str, str]:
    """Return the source that the kernel picks for each destination of the paths that bind none. Raises PathError without a route."""
    found = {}
    for destination in {one for path in paths if path.bind == "none" for one in path.destinations}:
        source = source_for(destination)
        if is_absent(source):
            raise PathError("paths: %s. Name destinations that this host can reach.%s" % (source["detail"], budget.NOTHING))
        found[destination] = source
    return found


def _greet(run: str, paths: list[Path]) -> None:
    strange = greeting.strangers(run, sorted({listener for path in paths for listener in path.listeners}))
    if strange:
        first = "; ".join("%s port %d: %s" % one for one in strange[:5])
        raise PathError(
            "%d of the listeners do not belong to run %s: %s. Start them with side: listen, or say trust_target: true to dial a service "
            "of others.%s" % (len(strange), run, first, budget.NOTHING)
        )
