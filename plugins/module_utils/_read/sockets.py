# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP sockets through NETLINK_SOCK_DIAG, with /proc/net/tcp (proc_net.py) as the fallback. Private to the collection.

Source: sock_diag(7), include/uapi/linux/inet_diag.h; layout and cost in kernel-truths, 9. Counting sockets.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections import Counter
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, NamedTuple, Tuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

NETLINK_SOCK_DIAG, GETSOCK = 4, 18  # TCPDIAG_GETSOCK dumps both families in one walk through the kernel's tables
REQUEST, DUMP = 1, 0x300
ERROR, DONE = 2, 3
LISTEN, TIME_WAIT, FIN_WAIT2, BOUND, ESTABLISHED = 1 << 10, 6, 5, 1 << 13, 1 << 1
CONNECTED = 0xFFF & ~LISTEN & ~(1 << 7)
SHUTDOWN, CGROUP_ID, SOCKOPT, SKV6ONLY = 8, 21, 22, 11
TIME_WAIT_MS = 60000
FREEBIND = 15
TRANSPARENT, BIND_NO_PORT = 32, 1  # bits of the two bytes of struct inet_diag_sockopt
DETAILED = 20000  # sockets beyond this many are counted by tuple only, at half the cost
MOST_PORTS_IN_FILTER = 2000  # 28 bytes each, and an attribute holds 64 KB
SOURCE_PORT, DESTINATION_PORT = 2, 4  # INET_DIAG_BC_S_GE and D_GE; one more is LE
BLOCK = 256
EVERY_PORT = portsets.span(0, 65535)
FAMILIES: dict[int, str] = {socket.AF_INET: "inet", socket.AF_INET6: "inet6"}


Flow = Tuple[int, bytes]  # the family, and the raw bytes of destination port, source and destination


class Layout(NamedTuple):
    """Where the attributes lie in messages of one size; None where they are missing.

    Only a whole socket has `shutdown`: what is in TIME_WAIT, orphaned in FIN_WAIT2 or half open belongs to no process.
    """

    shutdown: int | None
    cgroup: int | None
    sockopt: int | None
    v6only: int | None


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


def _request(states: int, bytecode: bytes = b"") -> bytes:
    body = struct.pack("=52xII", states, 0)  # struct inet_diag_req
    if bytecode:
        body += struct.pack("=HH", 4 + len(bytecode), 1) + bytecode
    return struct.pack("=IHHII", 16 + len(body), GETSOCK, REQUEST | DUMP, 1, 0) + body


def port_filter(ports: int, side: int = SOURCE_PORT, then: bytes = b"") -> bytes:
    """Return the bytecode that passes sockets whose local (or remote) port is in the set `ports` and which `then` passes too.

    A binary tree, so that a socket costs a few steps with any number of ports; the set must not be empty.
    Source: inet_diag_bc_run(), inet_diag_bc_audit().
    """
    ranges = [text.partition("-") for text in portsets.texts(ports)]
    return _branch([(int(low), int(high or low)) for low, _dash, high in ranges], side, 0, 4 + len(then)) + then


def _branch(ranges: list[tuple[int, int]], side: int, after: int, reject: int) -> bytes:
    """Return the bytecode for some of the ranges, with `after` bytes of the tree behind it, and `reject` behind the tree.

    A leaf compares with both ends and jumps (INET_DIAG_BC_JMP, 1) behind the tree on a match, else to `reject`, which is 4 bytes
    beyond the end of everything. A node compares with the upper half's first port: the upper half follows, then the lower.
    """
    if len(ranges) == 1:
        low, high = ranges[0]
        program = struct.pack("=BBHBBH", side, 8, 20 + after + reject, 0, 0, low)
        program += struct.pack("=BBHBBH", side + 1, 8, 12 + after + reject, 0, 0, high)
        return program + struct.pack("=BBH", 1, 4, 4 + after)
    half = len(ranges) // 2
    lower = _branch(ranges[:half], side, after, reject)
    upper = _branch(ranges[half:], side, after + len(lower), reject)
    return struct.pack("=BBHBBH", side, 8, 8 + len(upper), 0, 0, ranges[half][0]) + upper + lower


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


def _messages(request: bytes) -> Iterator[tuple[memoryview, int]]:
    """Yield (buffer, bytes used) for each datagram of a dump. Raises OSError where the kernel refuses it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as diag:
        diag.settimeout(10)
        diag.send(request)
        buffer = bytearray(1 << 16)
        view = memoryview(buffer)
        while True:
            size = diag.recv_into(buffer)
            kind = struct.unpack_from("=H", buffer, 4)[0]
            if size < 16 or kind == DONE:
                return
            if kind == ERROR:
                raise OSError(-struct.unpack_from("=i", buffer, 16)[0], "sock_diag refuses the dump")
            yield view, size
            if struct.unpack_from("=IH", buffer, size - 20) == (20, DONE):  # behind the last sockets, as rtnetlink sends it
                return


def _runs(view: memoryview, used: int) -> Iterator[tuple[int, int, int]]:
    """Yield (offset, count, message size) for each run of messages of one size, up to a message that ends the dump."""
    offset = 0
    while offset + 16 <= used:
        size = view[offset] | view[offset + 1] << 8
        most = (used - offset) // size if size else 0
        if size < 88 or not most or view[offset + 4] != GETSOCK:
            return
        low, high = view[offset:used:size], view[offset + 1 : used : size]
        count = 1
        if low[:most].tobytes().count(low[0]) == most == high[:most].tobytes().count(high[0]):
            count = most
        else:
            while count < most and low[count] == low[0] and high[count] == high[0]:
                count += 1
        yield offset, count, size
        offset += count * ((size + 3) & ~3)


def _layout(message: memoryview) -> Layout:
    found: dict[int, int] = {}
    offset = 88
    while offset + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if length < 4:
            break
        found[kind] = offset + 4
        offset += (length + 3) & ~3
    return Layout(found.get(SHUTDOWN), found.get(CGROUP_ID), found.get(SOCKOPT), found.get(SKV6ONLY))


def _address(family: int, raw: bytes) -> str:
    text = socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw[:16])
    return portsets.plain_address(text)


def _singles(states: int) -> Iterator[tuple[memoryview, Layout]]:
    """Yield each message of a dump by itself: for the few that listen or are bound only."""
    for view, used in _messages(_request(states)):
        for offset, count, size in _runs(view, used):
            layout = _layout(view[offset : offset + size])
            for index in range(count):
                yield view[offset + index * size : offset + (index + 1) * size], layout


def _end(message: memoryview, layout: Layout) -> dict[str, Any]:
    family, raw = message[16], bytes(message[24:40])
    return {
        "address": socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw),
        "port": struct.unpack_from(">H", message, 20)[0],
        "family": FAMILIES[family],
        "v6only": bool(layout.v6only is not None and message[layout.v6only]),
    }


def read_listeners() -> list[dict[str, Any]]:
    """Return every listening TCP socket of this namespace; `backlog` as listen() got it, cut by somaxconn at that moment."""
    found = []
    for message, layout in _singles(LISTEN):
        queued, backlog, uid, inode = struct.unpack_from("=IIII", message, 72)
        cgroup = struct.unpack_from("=Q", message, layout.cgroup)[0] if layout.cgroup else None
        transparent = bool(layout.sockopt and message[layout.sockopt] & TRANSPARENT)
        more = {"backlog": backlog, "queued": queued, "uid": uid, "inode": inode, "cgroup": cgroup, "transparent": transparent}
        found.append(dict(_end(message, layout), **more))
    return sorted(found, key=lambda one: (one["port"], one["address"], one["inode"]))


def read_listening(root: Root) -> int:
    """Return the set of ports that TCP sockets of this namespace listen on."""
    if root.live:
        with contextlib.suppress(OSError):  # no NETLINK_SOCK_DIAG here
            return portsets.held_by(read_listeners())
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.proc_net import read_proc_net

    return portsets.held_by(read_proc_net(root)["listeners"])


def read_connections() -> Counter[tuple[str, int, str]]:
    """Return {(local address, local port, remote address): connections} of this namespace; what is in TIME_WAIT carries none."""
    raw: Counter[tuple[int, bytes, bytes, bytes]] = Counter()
    for view, used in _messages(_request(CONNECTED & ~(1 << TIME_WAIT))):
        for offset, count, size in _runs(view, used):
            raw.update(struct.iter_unpack("=16xB3x2s2x16s16s%dx" % (size - 56), view[offset : offset + count * size]))
    found: Counter[tuple[str, int, str]] = Counter()
    for (family, port, source, destination), number in raw.items():
        found[_address(family, source), int.from_bytes(port, "big"), _address(family, destination)] += number
    return found


def read_established(ports: int, side: int) -> Counter[tuple[str, str, int]]:
    """Return {(source, destination, port): ESTABLISHED connections} to a port of the set, as the sockets that dialled them say it.

    With side SOURCE_PORT those accepted on a port of the set, with an empty source.
    """
    raw: Counter[tuple[int, bytes]] = Counter()
    fields, used = ("=16xB5x34s%dx", 56) if side == DESTINATION_PORT else ("=16xB3x20s%dx", 40)
    for view, size_of_all in _messages(_request(ESTABLISHED, port_filter(ports, side))):
        for offset, count, size in _runs(view, size_of_all):
            raw.update(struct.iter_unpack(fields % (size - used), view[offset : offset + count * size]))
    found: Counter[tuple[str, str, int]] = Counter()
    for (family, end), number in raw.items():
        outgoing = len(end) == 34
        source = _address(family, end[2:18]) if outgoing else ""
        destination = _address(family, end[18:34] if outgoing else end[4:20])
        found[source, destination, int.from_bytes(end[:2], "big")] += number
    return found


def read_bound(free_of_harm: int) -> list[dict[str, Any]] | dict[str, str]:
    """Return the TCP sockets that are bound and neither listen nor are connected, or the absence before Linux 6.8.

    An older kernel answers the unknown state with an empty dump and no error; a socket of our own, bound to one of the ports
    `free_of_harm` (which no connect() chooses) while we look, tells the two apart. Source: kernel-truths, 9 and Other kernels.
    """
    for port in _some(free_of_harm, 40):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
            try:
                own.setsockopt(socket.IPPROTO_IP, FREEBIND, 1)  # also where lo is down
                own.bind(("127.0.0.1", port))
            except OSError:
                continue
            found = _bound()
        others = [one for one in found if (one["address"], one["port"]) != ("127.0.0.1", port)]
        return others if found else absent("too_old", "bound-only sockets are listed since Linux 6.8")
    return _bound() or absent("unknown", "bound-only sockets: none is listed, and no port was left to see whether this kernel lists them")


def _bound() -> list[dict[str, Any]]:
    return [_end(message, layout) for message, layout in _singles(BOUND)]


def _some(ports: int, most: int) -> Iterator[int]:
    """Yield at most `most` ports of the set, the highest first."""
    while ports and most:
        port = ports.bit_length() - 1
        yield port
        ports &= ~(1 << port)
        most -= 1


def _survey(bytecode: bytes, take: Callable[[Survey, memoryview, int, Layout], None]) -> Survey:
    """Count the connected sockets that `bytecode` passes with `take`."""
    survey = Survey()
    layouts: dict[int, Layout] = {}
    for view, used in _messages(_request(CONNECTED, bytecode)):
        for offset, count, size in _runs(view, used):
            layout = layouts.get(size) or layouts.setdefault(size, _layout(view[offset : offset + size]))
            take(survey, view[offset : offset + count * size], size, layout)
            survey.seen += count
    return survey


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


def _held(exact: set[tuple[str, int]], sources: set[str], delay_ms: int) -> dict[tuple[str, str, int], dict[str, int]]:
    """Return the local ports of each (source, destination, port) that a path asks about, as sets of ports by what holds them."""
    held: dict[tuple[str, str, int], dict[str, int]] = {}
    wanted = {(family, struct.pack(">H", port), raw) for address, port in exact for family, raw in _raw(address)}
    bound = {pair for address in sources for pair in _raw(address)}
    for view, used in _messages(_request(CONNECTED)):
        for offset, count, size in _runs(view, used):
            fields = struct.Struct("=16xBB2x2s2s16s16s12xI%dx" % (size - 72))
            for family, state, sport, dport, src, dst, expires in fields.iter_unpack(view[offset : offset + count * size]):
                if (family, dport, dst) not in wanted and (family, src) not in bound:
                    continue
                old = state == TIME_WAIT and TIME_WAIT_MS - expires >= delay_ms
                kind = "waited" if old else "waiting" if state in (TIME_WAIT, FIN_WAIT2) else "ports"
                key = (_address(family, src), _address(family, dst), int.from_bytes(dport, "big"))
                sets = held.setdefault(key, {"ports": 0, "waiting": 0, "waited": 0})
                sets[kind] |= 1 << int.from_bytes(sport, "big")
    return held


def _raw(address: str) -> list[tuple[int, bytes]]:
    """Return the family and the 16 bytes by which messages name an address: IPv4 stands in those of IPv6 too, mapped."""
    if ":" in address:
        return [(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))]
    raw = socket.inet_pton(socket.AF_INET, address)
    return [(socket.AF_INET, raw + bytes(12)), (socket.AF_INET6, bytes(10) + b"\xff\xff" + raw)]


def _flows(survey: Survey, scale: float) -> Iterator[dict[str, Any]]:
    for flow, number in survey.flows.most_common():
        family, raw = flow
        waiting, detailed = survey.waiting[flow], survey.detailed[flow]
        no_port = survey.no_port[flow] * (number - waiting) / detailed if detailed else 0
        source = _address(family, raw[2:18])
        yield {
            "source": source,
            "destination": _address(family, raw[18:34]),
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
    surveys = _surveys(listeners, portsets.held_by(listeners), ports, sampled)
    outgoing, accepted, bound = together(total > DETAILED, *surveys, lambda: read_bound(harmless))
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
        _hold(flows, _held(exact, sources, delay_ms))
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


def _surveys(listeners: list[dict[str, Any]], listening: int, ports: int, sampled: bool) -> list[Callable[[], Survey | None]]:
    """Return how to survey the outgoing sockets and the accepted ones: apart, since the kernel tells them apart by their local port.

    With too many ports to list, all are taken as outgoing. Accepted ones are counted by local address too where listeners share a port.
    """
    if not 0 < portsets.count(listening) <= MOST_PORTS_IN_FILTER:
        some = port_filter(ports) if sampled else b""
        return [lambda: _survey(some, _take_outgoing), lambda: None]
    apart = len({(one["address"], one["port"]) for one in listeners}) > portsets.count(listening)
    take = _take_accepted_by_address if apart else _take_accepted
    others = ports & ~listening
    peers = port_filter(ports, DESTINATION_PORT) if sampled else b""
    return [
        lambda: _survey(port_filter(others), _take_outgoing) if others else None,
        lambda: _survey(port_filter(listening, SOURCE_PORT, peers), take),
    ]


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


def _hold(flows: list[dict[str, Any]], held: dict[tuple[str, str, int], dict[str, int]]) -> None:
    """Write the local ports into the flows that a path asks about; add the flows that only accepted sockets make."""
    rows = {(row["source"], row["destination"], row["port"]): row for row in flows}
    for key, sets in held.items():
        source, destination, port = key
        row = rows.get(key)
        if row is None:
            row = {
                "source": source,
                "destination": destination,
                "port": port,
                "family": "inet6" if ":" in source else "inet",
                "connections": portsets.count(sets["ports"]),
                "no_port": 0,
                "time_wait": portsets.count(sets["waiting"] | sets["waited"]),
                "transparent": False,
                "accepted": True,
            }
            flows.append(row)
        row.update({kind: portsets.texts(ports) for kind, ports in sets.items()})
