# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capacity: the most connections that a path or a host can hold, its bounds, and the one that binds. Private to the collection."""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent, known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS, Own, Path, explicit_ports

OWN_FILES = 3  # standard input, output and error
TIME_WAIT_SECONDS = 60
TOGETHER = 1  # seconds within which the processes of one start begin
ARTICLE_PORTS = 65535
HUGE = 1 << 48  # fs.file-max is 2^63 - 1 where nobody sets it: no bound
# Programs whose main process only looks after the workers that accept.
SUPERVISED = ("nginx", "haproxy", "apache2", "httpd", "varnishd", "php-fpm")


class Ports(NamedTuple):
    """What the ports allow on a path. usable: ports that one source can use; promised <= at_most; used and free now."""

    usable: int
    promised: int
    at_most: int
    used: int
    free: int
    estimated: bool
    detail: str


def bound(name: str, connections: int, detail: str, **more: Any) -> dict[str, Any]:
    """Return one candidate of a capacity."""
    return dict(more, name=name, connections=max(0, connections), detail=detail)


def smallest(bounds: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return {connections, binding, tied, bounds}: the bounds by size, the smallest of them binds."""
    ranked = sorted(bounds, key=lambda one: int(one["connections"]))
    if not ranked:
        return {"connections": "unlimited", "binding": None, "tied": [], "bounds": []}
    least = ranked[0]["connections"]
    return {
        "connections": least,
        "binding": ranked[0]["name"],
        "bounds": ranked,
        "tied": [one["name"] for one in ranked[1:] if one["connections"] == least],
    }


def time_wait_reuse(snapshot: dict[str, Any]) -> int:
    """Return when connect() may take a port whose TIME_WAIT to this destination is old enough: 0 never, 1 always, 2 on loopback.

    Source: tcp_twsk_unique(); ip-sysctl.rst, tcp_tw_reuse: both need timestamps.
    """
    limits = Limits(snapshot)
    return 0 if limits.number("net.ipv4.tcp_timestamps") == 0 else limits.number("net.ipv4.tcp_tw_reuse") or 0


def _reusable(reuse: int, source: str, destination: str) -> bool:
    loopback = reuse == 2 and any(ipaddress.ip_address(address).is_loopback for address in (source, destination))
    return reuse == 1 or loopback


def _flows(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    return list((snapshot.get("sockets") or {}).get("flows") or [])


def _by_source(snapshot: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for flow in _flows(snapshot):
        found.setdefault(flow["source"], []).append(flow)
    return found


def _sampled(snapshot: dict[str, Any]) -> bool:
    return bool((snapshot.get("sockets") or {}).get("sampled"))


def _held(flow: dict[str, Any], *kinds: str) -> int:
    return portsets.port_set(item for kind in kinds for item in flow.get(kind) or [])


def tuples(snapshot: dict[str, Any], path: Path) -> list[tuple[str, str, int]]:
    """Return every (source, destination, port) of a path; with bind `none` the kernel's own source for each destination."""
    if path.bind != "none":
        return [(source, destination, port) for source in path.sources for destination, port in path.listeners]
    seen = {flow["destination"]: flow["source"] for flow in sorted(_flows(snapshot), key=lambda flow: int(flow["connections"]))}
    routes = dict(seen, **{row["destination"]: known(row["source"], "") for row in snapshot.get("routes") or []})
    return [(routes.get(destination) or "", destination, port) for destination, port in path.listeners]


def _own_listeners(snapshot: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """Return the path's own listeners that lie on this host: they are in the way like any listener, though not open yet."""
    own = Own(snapshot)
    here = {destination for destination in path.destinations if destination in own}
    return [{"address": destination, "port": port} for destination, port in path.listeners if destination in here]


def automatic_ports(snapshot: dict[str, Any], path: Path) -> Ports:
    """Count the ports of a path whose program lets connect() choose (bind `none` and `no_port`): P for each tuple.

    Source: kernel-truths, 1. connect() and ports, 2. Reserved ports, listeners, UDP, TIME_WAIT.
    """
    usable = portsets.candidates(snapshot) & ~portsets.held_by(portsets.holders(snapshot) + _own_listeners(snapshot, path))
    width = portsets.count(usable)
    least = max(0, width - portsets.is_odd(snapshot))
    flows = {(flow["source"], flow["destination"], flow["port"]): flow for flow in _flows(snapshot)}
    used, free, estimated = 0, 0, False
    nowhere = {row["destination"] for row in snapshot.get("routes") or [] if is_absent(row["source"])} if path.bind == "none" else set()
    pairs = [pair for pair in tuples(snapshot, path) if pair[1] not in nowhere]
    reuse = time_wait_reuse(snapshot)
    for key in pairs:
        flow = flows.get(key, {})
        if "ports" in flow or not flow:
            kinds = ("ports", "waiting") if flow and _reusable(reuse, key[0], key[1]) else ("ports", "waiting", "waited")
            taken = portsets.count(_held(flow, *kinds) & usable)
        else:
            taken, estimated = min(width, flow["connections"] + flow["time_wait"]), _sampled(snapshot)
        used += taken
        free += max(0, least - taken)
    detail = "%d usable ports x %d %s" % (width, len(pairs), "listeners" if path.bind == "none" else "pairs of source and listener")
    detail += "; no route to %s" % ", ".join(sorted(nowhere.intersection(path.destinations))) if len(pairs) < len(path.listeners) else ""
    return Ports(width, least * len(pairs), width * len(pairs), used, free, estimated, detail)


def plain_ports(snapshot: dict[str, Any], path: Path) -> Ports:
    """Count the ports of a path whose program binds (address, 0): P for each source, however many listeners there are."""
    widths, used, free, promised = [], 0, 0, 0
    estimated = False
    candidates, odd, flows = portsets.candidates(snapshot), portsets.is_odd(snapshot), _by_source(snapshot)
    holders = portsets.holders(snapshot) + _own_listeners(snapshot, path)
    for source in path.sources:
        usable = candidates & ~portsets.held_by(holders, source)
        taken, uncertain = 0, 0
        for flow in flows.get(source, []):
            taken |= _held(flow, "ports", "waiting", "waited")
            uncertain += 0 if "ports" in flow else flow["connections"] + flow["time_wait"]
        estimated |= uncertain > 0  # of a path that nobody asked for, or a sample: at most a port each
        width = portsets.count(usable)
        busy = min(width, portsets.count(usable & taken) + uncertain)
        least = max(0, width - odd)
        widths.append(width)
        promised += least
        used += busy
        free += max(0, least - busy)
    detail = "%d usable ports on %d sources; listeners do not multiply them" % (max(widths), len(widths))
    return Ports(max(widths), promised, sum(widths), used, free, estimated, detail)


def explicit_ports_of(snapshot: dict[str, Any], path: Path) -> Ports:
    """Count the ports of a path whose program binds (address, port) out of its own range: width for each tuple.

    A port that another socket holds on the source is not promised, since SO_REUSEADDR cannot be seen; `at_most` counts it
    unless something listens there. Reserved ports do not matter. Source: kernel-truths, 1 and 2.
    """
    wanted = explicit_ports(path)
    own, flows = _own_listeners(snapshot, path), _by_source(snapshot)
    listening, holders = list(snapshot.get("listeners") or []) + own, portsets.holders(snapshot) + own
    promised = at_most = used = free = widest = 0
    estimated = False
    for source in path.sources:
        open_to = wanted & ~portsets.held_by(listening, source)
        mine = flows.get(source, [])
        estimated |= any("ports" not in flow for flow in mine)
        ours = {(flow["destination"], flow["port"]): flow for flow in mine}
        others = portsets.held_by(holders, source)
        for flow in mine:
            if (flow["destination"], flow["port"]) not in path.listeners:
                others |= _held(flow, "ports", "waiting", "waited")
        sure = open_to & ~others
        widest = max(widest, portsets.count(sure))
        for listener in path.listeners:
            taken = portsets.count(sure & _held(ours.get(listener, {}), "ports", "waiting", "waited"))
            promised += portsets.count(sure)
            at_most += portsets.count(open_to)
            used += taken
            free += portsets.count(sure) - taken
    detail = "%d ports of its own range x %d pairs of source and listener" % (widest, len(path.sources) * len(path.listeners))
    return Ports(widest, promised, at_most, used, free, estimated, detail)


def path_ports(snapshot: dict[str, Any], path: Path) -> Ports:
    """Count what the ports allow on a path, by how its program binds."""
    own, nonlocal_bind = Own(snapshot), Limits(snapshot).number("net.ipv6.ip_nonlocal_bind") == 1
    bindable = tuple(source for source in path.sources if path.bind == "none" or own.may_bind(source, nonlocal_bind))
    if len(bindable) < len(path.sources):
        why = "%s cannot be bound: only a local route gives it, and net.ipv6.ip_nonlocal_bind is not 1"
        refused = why % ", ".join(source for source in path.sources if source not in bindable)
        if not bindable:
            return Ports(0, 0, 0, 0, 0, False, refused)
        found = path_ports(snapshot, path._replace(sources=bindable))
        return found._replace(detail="%s; %s" % (found.detail, refused))
    if path.bind == "plain":
        return plain_ports(snapshot, path)
    return explicit_ports_of(snapshot, path) if path.bind == "explicit" else automatic_ports(snapshot, path)


def _names(snapshot: dict[str, Any], service: str | None) -> set[str]:
    """Return what a service that a user named may be called in the snapshot: a unit, with or without its ending, or by an alias."""
    rows = snapshot.get("services") or []
    return {str(service), "%s.service" % service} | {row["name"] for row in rows if service in (row.get("asked") or [])}


def _processes(snapshot: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    for service in snapshot.get("services") or []:
        processes = [one for one in service.get("processes") or [] if path.pid in (None, one.get("pid"))]
        if processes and (path.pid is not None or service["name"] in _names(snapshot, path.service)):
            return workers(dict(service, processes=processes))
    return []


def workers(service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the processes of a service that take connections: all but a main process that only looks after the others.

    What a reload left takes no more: of nginx it says so itself, of HAProxy those of the last start alone do.
    """
    processes = list(service.get("processes") or [])
    if service.get("program") in SUPERVISED and len(processes) > 1:
        processes = [one for one in processes if one.get("pid") != service.get("main_pid")] or processes
    processes = [one for one in processes if not one.get("draining")] or processes
    if service.get("program") == "haproxy":
        ages = {one.get("pid"): number(one.get("age")) or 0 for one in processes}
        return [one for one in processes if ages[one.get("pid")] <= min(ages.values(), default=0) + TOGETHER]
    return processes


def descriptors(processes: Iterable[dict[str, Any]]) -> tuple[int, int] | None:
    """Return (connections that the processes can hold in all, how many more now); None where no limit binds or is known.

    One end of a connection is one descriptor; what a process keeps open beside its connections is subtracted.
    """
    most = more = 0
    for process in processes:
        soft, opened = number((known(process.get("nofile"), {}) or {}).get("soft")), number(process.get("files_open"))
        if soft is None or opened is None:
            return None
        left = max(0, soft - opened)
        most += left + (number(process.get("connections")) or 0)
        more += left
    return most, more


def _ends(path: Path) -> int:
    """Return how many ends a connection of the path has in its program: a proxy relays each."""
    return DIALERS[path.dialer].files if path.dialer else 1


def _nofile(snapshot: dict[str, Any], path: Path) -> tuple[int, int, str] | None:
    """Return (connections in all, more now, detail) that descriptors allow on a path; None where it has no descriptor bound."""
    each = _ends(path)
    if path.nofile is not None:
        budget = max(0, path.nofile - OWN_FILES)
        detail = "nofile %d less %d of the process's own" % (path.nofile, OWN_FILES)
        found: tuple[int, int] | None = (budget, budget)
    elif path.service or path.pid is not None:
        found = descriptors(_processes(snapshot, path))
        detail = "nofile of %s less what is open beside connections" % (path.service or "process %s" % path.pid)
    else:
        return None
    if found is None or (found == (0, 0) and path.nofile is None and not _processes(snapshot, path)):
        return None
    return found[0] // each, found[1] // each, detail + (", %d descriptors a connection" % each if each > 1 else "")


def machine_bounds(snapshot: dict[str, Any], each: int, used: int, program: str | None, ends: int = 1) -> Iterator[dict[str, Any]]:
    """Yield the bounds of the whole machine for one more connection at `each` bytes; `used` are already held.

    ends: descriptors and conntrack entries of each, 2 where it is relayed.
    """
    limits = Limits(snapshot)
    available = memory.available(snapshot)
    if available is not None:
        what = "idle, %.1f KB each: the kernel's side%s" % (each / 1000.0, " and %s's" % program if program in memory.PROGRAMS else "")
        yield bound("memory", available // each + used, what)
    most, opened = limits.number("fs.file-max"), number((limits.entry("fs.file-max") or {}).get("used"))
    if most is not None and opened is not None and most < HUGE:
        yield bound("fs.file-max", (most - opened) // ends + used, "fs.file-max %d less %d open; root is exempt" % (most, opened))
    track = snapshot.get("conntrack") or {}
    top, entries = limits.number("net.netfilter.nf_conntrack_max"), number(track.get("entries"))
    if track.get("active") is True and top and entries is not None:
        yield bound("nf_conntrack_max", (top - entries) // ends + used, "%d entries less %d in use" % (top, entries))


def _conntrack(snapshot: dict[str, Any]) -> bool:
    return (snapshot.get("conntrack") or {}).get("active") is True


def article_estimate(path: Path, opened: int | None) -> int:
    """Return the article's number: (65535 - open files) x connecting IPs."""
    return (ARTICLE_PORTS - (opened or 0)) * max(1, len(path.sources))


def path_capacity(snapshot: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the capacity of one path as the `paths` section shows it; `connections` is a promise, `free` what is left now."""
    ports = path_ports(snapshot, path)
    bounds = [bound("ports", ports.promised, ports.detail)]
    files = _nofile(snapshot, path)
    if files:
        bounds.append(bound("nofile", files[0], files[2]))
    machine = list(machine_bounds(snapshot, memory.for_dialled(path.dialer, _conntrack(snapshot)), ports.used, path.dialer, _ends(path)))
    found = smallest(bounds + machine)
    others = [one["connections"] for one in bounds[1:] + machine]
    free = min([ports.free] + ([files[1]] if files else []) + [one["connections"] - ports.used for one in machine])
    pairs = tuples(snapshot, path)
    processes = _processes(snapshot, path) if path.service or path.pid is not None else []
    opened = sum(number(one.get("files_open")) or 0 for one in processes)
    estimate = article_estimate(path, opened)
    reuse = time_wait_reuse(snapshot)
    return dict(
        found,
        sources=list(path.sources) or sorted({one[0] for one in pairs if one[0]}),
        destinations=list(path.destinations),
        ports=list(path.ports),
        family=path.family,
        bind=path.bind,
        dialer=path.dialer,
        service=path.service,
        pairs=len(pairs),
        usable_ports=ports.usable,
        at_most=min([ports.at_most] + others),
        used=ports.used,
        free=max(0, free),
        estimated=ports.estimated,
        article_estimate=estimate,
        article_note=_why_not(path, ports, found["connections"], estimate),
        rate=round(ports.promised / float(TIME_WAIT_SECONDS), 1),
        time_wait_reuse=all(_reusable(reuse, source, destination) for source, destination in {one[:2] for one in pairs if one[0]}),
    )


def _why_not(path: Path, ports: Ports, connections: int, estimate: int) -> str:
    """Return one sentence on why the article's estimate is not the number."""
    if estimate == connections:
        return "The article's estimate is right here."
    why = "open files take no ports; %d of 65535 ports can be used" % ports.usable
    if path.bind == "plain":
        return why + ", and a plain bind takes each of them once for all destinations."
    return why + ", each once for every pair of source and listener."


def _listening(snapshot: dict[str, Any], service: str | None) -> list[dict[str, Any]]:
    names = {one.get("service") for one in snapshot.get("listeners") or []}
    wanted = _names(snapshot, service) if service else names
    return [one for one in snapshot.get("services") or [] if one["name"] in wanted and one.get("processes")]


def inbound(snapshot: dict[str, Any], service: str | None = None) -> dict[str, Any]:
    """Return how many connections the host can accept: by `service`, else by all its listening services together.

    Ports do not bound it: every client brings an address and a port of its own.
    """
    services = _listening(snapshot, service)
    used = sum(
        number(one.get("connections")) or 0
        for one in snapshot.get("listeners") or []
        if not service or one.get("service") in _names(snapshot, service)
    )
    bounds = []
    budgets = [(one, descriptors(workers(one))) for one in services]
    if budgets and all(budget is not None for _one, budget in budgets):
        total = sum(budget[0] for _one, budget in budgets if budget)
        soft = ", ".join(sorted({"%s nofile %s" % (one["name"], workers(one)[0]["nofile"]["soft"]) for one in services}))
        bounds.append(
            bound("nofile", total, "descriptors of %d listening processes" % sum(len(workers(one)) for one in services), limit=soft)
        )
    elif not services:
        bounds.extend(_new_service(snapshot))
    program = services[0].get("program") if len(services) == 1 else None
    each = memory.for_accepted(program, _conntrack(snapshot))
    bounds.extend(machine_bounds(snapshot, each, used, program))
    for one in services:
        room = known(one.get("memory"), {}) or {}
        if number(room.get("limit")) is not None and number(room.get("used")) is not None:
            bounds.append(
                bound(
                    "cgroup memory",
                    (room["limit"] - room["used"]) // each + used,
                    "%s may use %d bytes, %d are used; idle" % (one["name"], room["limit"], room["used"]),
                )
            )
    return dict(smallest(bounds), used=used, services=[one["name"] for one in services])


def _new_service(snapshot: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the descriptor bound of a service that would be started now, where none is seen to listen."""
    entry = Limits(snapshot).entry("DefaultLimitNOFILE") or {}
    value = known(entry.get("value")) or known((snapshot.get("files") or {}).get("nofile_self")) or {}
    soft, hard = number(value.get("soft")), value.get("hard")
    if soft is not None:
        whose = "a service started now" if known(entry.get("value")) else "a process started from this session"
        yield bound("nofile", soft - OWN_FILES, "%s: soft limit %d, which it may raise to its hard limit %s" % (whose, soft, hard))


def outbound(snapshot: dict[str, Any], paths: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many connections the host can open: along its paths together, else from one source to one listener."""
    used = sum(int(path["used"]) for path in paths)
    each = memory.for_dialled(None, _conntrack(snapshot))
    if paths:
        names = sorted({path["binding"] for path in paths})
        bounds = [
            bound(
                names[0] if len(names) == 1 else "paths",
                _together(paths),
                "the capacity of one path" if len(paths) == 1 else "the capacities of %d paths together" % len(paths),
            )
        ]
    else:
        usable = portsets.usable(snapshot)
        least = portsets.count(usable) - (portsets.is_odd(snapshot) and usable > 0)
        bounds = [bound("ports", least, "from one source address to one listener; every further pair adds as many")]
    return dict(smallest(bounds + list(machine_bounds(snapshot, each, used, None))), used=used, paths=len(paths))


def _together(paths: list[dict[str, Any]]) -> int:
    """Return what paths hold together: the descriptors of a service are shared by all of its paths."""
    total = 0
    for service in {path.get("service") for path in paths}:
        mine = [path for path in paths if path.get("service") == service]
        whole = sum(int(path["connections"]) for path in mine)
        shared = [one["connections"] for path in mine for one in path["bounds"] if service and one["name"] == "nofile"]
        total += min([whole, *shared])
    return total
