# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP sockets, counted and told apart; by sock_diag.py, where there is none by proc_net.py. Private to the collection."""

from __future__ import annotations

import os
import socket
import struct
from collections import Counter
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, Tuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import (
    BIND_NO_PORT,
    CONNECTED,
    FIN_WAIT2,
    TIME_WAIT,
    TRANSPARENT,
    Layout,
    address_of,
    layout_of,
    messages,
    port_filter,
    read_bound,
    read_listeners,
    request,
    runs,
    sample_filter,
)

Take = Callable[["Survey", memoryview, int, Layout], None]
DETAILED = 20000  # sockets beyond this many are counted by tuple only, at half the cost
MOST_PORTS_IN_FILTER = 1500  # 28 bytes each, beside the ports of a sample twice, and an attribute holds 64 KB
BLOCK = 256
EVERY_PORT = portsets.span(0, 65535)

Flow = Tuple[int, bytes]  # the family, and the raw bytes of destination port, source and destination


class Survey:
    """What a dump of connected sockets showed: outgoing ones by flow, accepted ones by (local port[, family, local address])."""

    def __init__(self) -> None:
        self.seen = 0
        self.flows: Counter[Flow] = Counter()
        self.waiting: Counter[Flow] = Counter()
        self.no_port: Counter[Flow] = Counter()
        self.detailed: Counter[Flow] = Counter()
        self.transparent: set[Flow] = set()
        self.ends: Counter[tuple[Any, ...]] = Counter()
        self.cgroups: Counter[int] = Counter()
        self.inodes: set[int] = set()


def random_ports(sample: int, total: int) -> tuple[int, float]:
    """Return a random set of ports that about `sample` of `total` sockets have, and the share of all ports that it is.

    In each block of 256 ports it is a stretch of the same even length at a random place, since connect() favours one parity.
    """
    length = min(BLOCK, max(2, 2 * round(BLOCK / 2 * sample / max(1, total))))
    ports = 0
    for block, offset in enumerate(os.urandom(65536 // BLOCK)):
        stretch = portsets.span(offset, offset + length - 1)
        ports |= (stretch & portsets.span(0, BLOCK - 1) | stretch >> BLOCK) << BLOCK * block
    return ports, length / float(BLOCK)


def _runs(bytecode: bytes) -> Iterator[tuple[memoryview, int, Layout]]:
    """Yield (messages of one size, that size, its layout) of the connected sockets that `bytecode` passes."""
    layouts: dict[int, Layout] = {}
    for view, used in messages(request(CONNECTED, bytecode)):
        for offset, count, size in runs(view, used):
            layout = layouts.get(size) or layouts.setdefault(size, layout_of(view[offset : offset + size]))
            yield view[offset : offset + count * size], size, layout


def _survey(bytecode: bytes, take: Take) -> Survey:
    """Count the connected sockets that `bytecode` passes with `take`."""
    survey = Survey()
    for run, size, layout in _runs(bytecode):
        take(survey, run, size, layout)
        survey.seen += len(run) // size
    return survey


def _survey_both(listeners: list[dict[str, Any]], ports: int, take: Take) -> tuple[Survey, Survey]:
    """Count the outgoing sockets and the accepted ones of a sample in one walk: with a million sockets it is most of the time."""
    outgoing, accepted = Survey(), Survey()
    own = {one["port"].to_bytes(2, "big") for one in listeners}
    for run, size, layout in _runs(sample_filter(portsets.held_by(listeners), ports)):
        mine = [port in own for (port,) in struct.iter_unpack("=20x2s%dx" % (size - 22), run)]
        for survey, taken, one in ((outgoing, False, _take_outgoing), (accepted, True, take)):
            places = [place for place, is_own in enumerate(mine) if is_own is taken]
            if places:
                one(survey, memoryview(b"".join(run[place * size : (place + 1) * size] for place in places)), size, layout)
                survey.seen += len(places)
    return outgoing, accepted


def _take_outgoing(survey: Survey, run: memoryview, size: int, layout: Layout) -> None:
    """Count a run by flow; the first DETAILED also by flags and control group."""
    if layout.cgroup is None or layout.sockopt is None:  # TIME_WAIT and FIN_WAIT2 without a socket of their own
        for (family, state, raw), number in Counter(struct.iter_unpack("=16xBB4x34s%dx" % (size - 56), run)).items():
            survey.flows[family, raw] += number
            if state in (TIME_WAIT, FIN_WAIT2):
                survey.waiting[family, raw] += number
    elif survey.seen >= DETAILED:
        survey.flows.update(struct.iter_unpack("=16xB5x34s%dx" % (size - 56), run))
    else:
        gap = layout.sockopt - layout.cgroup - 8
        fields = "=16xB5x34s%dxQ%dxBB%dx" % (layout.cgroup - 56, gap, size - layout.sockopt - 2)
        for (family, raw, cgroup, flags, more), number in Counter(struct.iter_unpack(fields, run)).items():
            flow = (family, raw)
            survey.flows[flow] += number
            survey.detailed[flow] += number
            survey.cgroups[cgroup] += number
            survey.no_port[flow] += number if more & BIND_NO_PORT else 0
            if flags & TRANSPARENT:
                survey.transparent.add(flow)
        survey.inodes.update(chain.from_iterable(struct.iter_unpack("=84xI%dx" % (size - 88), run)))


def _take_accepted(survey: Survey, run: memoryview, size: int, layout: Layout, fields: str = "=20x2s%dx", used: int = 22) -> None:
    """Count a run by local port alone: the peers of a listener may be a million different ones."""
    if layout.shutdown is None:
        return
    survey.ends.update(struct.iter_unpack(fields % (size - used), run))
    if survey.seen < DETAILED and layout.cgroup is not None:
        survey.cgroups.update(chain.from_iterable(struct.iter_unpack("=%dxQ%dx" % (layout.cgroup, size - layout.cgroup - 8), run)))
        survey.inodes.update(chain.from_iterable(struct.iter_unpack("=84xI%dx" % (size - 88), run)))


def _take_accepted_by_address(survey: Survey, run: memoryview, size: int, layout: Layout) -> None:
    """Count a run by family, local port and address, for listeners that share a port on different addresses."""
    _take_accepted(survey, run, size, layout, "=16xB3x2s2x16s%dx", 40)


def _flows(survey: Survey, scale: float) -> Iterator[dict[str, Any]]:
    for flow, number in survey.flows.most_common():
        family, raw = flow
        waiting, detailed = survey.waiting[flow], survey.detailed[flow]
        no_port = survey.no_port[flow] * (number - waiting) / detailed if detailed else 0
        source = address_of(family, raw[2:18])
        yield {
            "source": source,
            "destination": address_of(family, raw[18:34]),
            "port": int.from_bytes(raw[:2], "big"),
            "family": "inet6" if ":" in source else "inet",
            "connections": round((number - waiting) * scale),
            "no_port": round(no_port * scale),
            "time_wait": round(waiting * scale),
            "transparent": flow in survey.transparent,
        }


def merged(flows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the flows with one row for each (source, destination, port): an IPv6 socket may hold an IPv4 connection."""
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    for flow in flows:
        row = rows.setdefault((flow["source"], flow["destination"], flow["port"]), flow)
        if row is not flow:
            row.update({name: row[name] + flow[name] for name in ("connections", "no_port", "time_wait")})
            row["transparent"] |= flow["transparent"]
    return list(rows.values())


def read_sockets(
    root: Root,
    candidates: int,
    total: int,
    sample: int = DETAILED,
    exact: set[tuple[str, int]] | None = None,
    sources: set[str] | None = None,
    delay_ms: int = 1000,
) -> dict[str, Any]:
    """Return the TCP sockets of this namespace: {listeners, bound, flows, seen, total, sampled, error, source, by_cgroup, inodes}.

    candidates: the set of ports that connect() chooses from; total: connected sockets by the kernel's own count. With more than
    `sample` (0: never) only those on a random set of ports are looked at: the local port of an outgoing one, the peer's of an
    accepted one. What a dump begins with is no random sample: since Linux 6.15 (inet_ehashfn()) the sockets of one source and
    listener lie side by side in the kernel's table. `error`: see sampling_error().
    exact, sources: (destination, port) pairs and bound sources whose local ports are listed in `held` where all were seen.
    """
    if root.live:
        try:
            return _read_sock_diag(root, candidates, total, sample, exact or set(), sources or set(), delay_ms)
        except OSError:  # no NETLINK_SOCK_DIAG here, or not all of it (gVisor, seccomp)
            pass
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.proc_net import read_proc_net

    return read_proc_net(root)


def _read_sock_diag(
    root: Root, candidates: int, total: int, sample: int, exact: set[tuple[str, int]], sources: set[str], delay_ms: int
) -> dict[str, Any]:
    listeners = read_listeners()
    total -= len(listeners)
    sampled = 0 < sample < total
    ports, share = random_ports(sample, total) if sampled else (EVERY_PORT, 1.0)
    scale = 1 / share
    harmless = portsets.span(1024, 65535) & ~candidates | portsets.span(600, 1023)
    *surveys, bound = together(total > DETAILED, *_walks(listeners, ports, sampled), lambda: read_bound(harmless))
    outgoing, accepted = surveys if len(surveys) == 2 else surveys[0]
    groups = [group for group in (outgoing, accepted) if group]
    seen = sum(group.seen for group in groups)
    by_end: Counter[tuple[int, str]] = Counter()
    by_cgroup: Counter[int] = Counter()
    for group in groups:
        times = scale * group.seen / max(1, min(group.seen, DETAILED))
        by_cgroup.update({cgroup: round(number * times) for cgroup, number in group.cgroups.items()})
    for end, number in (accepted.ends if accepted else {}).items():
        family, port, address = end if len(end) == 3 else (0, end[0], b"")
        by_end[int.from_bytes(port, "big"), _end_of(family, address) if address else ""] += round(number * scale)
    count_accepted(listeners, by_end)
    if listeners and not accepted:
        unknown = absent("unknown", "more than %d ports are listened on" % MOST_PORTS_IN_FILTER)
        listeners = [dict(one, connections=unknown) for one in listeners]
    flows = merged(_flows(outgoing, scale) if outgoing else ())
    if (exact or sources) and not sampled:
        from ansible_collections.c10m.front_tier.plugins.module_utils._read.held import read_held, write_held

        write_held(flows, read_held(exact, sources, delay_ms))
    return {
        "listeners": listeners,
        "bound": bound,
        "flows": flows,
        "seen": seen,
        "total": total if sampled else seen,
        "sampled": sampled,
        "error": sampling_error(share, total),
        "source": "sock_diag",
        "by_cgroup": dict(by_cgroup),
        "inodes": set().union(*(group.inodes for group in groups)),
    }


def together(worthwhile: bool, *jobs: Callable[[], Any]) -> list[Any]:
    """Return what each job returns. Where it is worthwhile they run at once: while one waits for the kernel, another computes."""
    if not worthwhile:
        return [job() for job in jobs]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def sampling_error(share: float, total: int) -> float:
    """Return the relative standard error of a flow that has 10 % of `total` sockets, of which a random `share` was looked at.

    Programs that choose their own few ports (bind `explicit`) may be further off, since whole ports are in the sample or not.
    """
    return float(round(((1 - share) / (share * 0.1 * total)) ** 0.5, 4)) if share < 1 else 0.0


def _walks(listeners: list[dict[str, Any]], ports: int, sampled: bool) -> list[Callable[[], Any]]:
    """Return how to survey the outgoing sockets and the accepted ones: apart, or one walk through the kernel's table for both of a sample.

    The kernel tells them apart by their local port. With too many ports to list, all are taken as outgoing. Accepted ones are
    counted by local address too where listeners share a port.
    """
    listening = portsets.held_by(listeners)
    if not 0 < portsets.count(listening) <= MOST_PORTS_IN_FILTER:
        some = port_filter(ports) if sampled else b""
        return [lambda: _survey(some, _take_outgoing), lambda: None]
    apart = len({(one["address"], one["port"]) for one in listeners}) > portsets.count(listening)
    take = _take_accepted_by_address if apart else _take_accepted
    if sampled:
        return [lambda: _survey_both(listeners, ports, take)]
    return [lambda: _survey(port_filter(EVERY_PORT & ~listening), _take_outgoing), lambda: _survey(port_filter(listening), take)]


def _end_of(family: int, raw: bytes) -> str:
    return socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw[:16])


def count_accepted(listeners: list[dict[str, Any]], by_end: Counter[tuple[int, str]]) -> None:
    """Write how many connections each listener has accepted or holds ready, of {(local port, local address): connections}.

    They belong to the listener on that address, else to the wildcard; several there (SO_REUSEPORT) share them evenly.
    Without an address (an empty one) they belong to the port.
    """
    ports: dict[int, list[dict[str, Any]]] = {}
    for one in listeners:
        one["connections"] = 0
        ports.setdefault(one["port"], []).append(one)
    for (port, address), number in by_end.items():
        owners = _owners(ports.get(port, []), address) if address else ports.get(port, [])
        for index, one in enumerate(owners):
            one["connections"] += number // len(owners) + (index < number % len(owners))


def _owners(listeners: list[dict[str, Any]], address: str) -> list[dict[str, Any]]:
    plain = portsets.plain_address(address)
    for wanted in (address, plain, portsets.ANY4 if address == plain and ":" not in plain else "", portsets.ANY6):
        found = [one for one in listeners if one["address"] == wanted]
        if found:
            return found
    return []
