# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP sockets through NETLINK_SOCK_DIAG, with /proc/net/tcp as the fallback. Private to the collection.

Source: sock_diag(7), include/uapi/linux/inet_diag.h; layout and cost in kernel-truths, 9. Counting sockets.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
REQUEST, DUMP = 1, 0x300
ERROR, DONE = 2, 3
LISTEN, TIME_WAIT, FIN_WAIT2, BOUND = 1 << 10, 6, 5, 1 << 13
CONNECTED = 0xFFF & ~LISTEN & ~(1 << 7)
CGROUP_ID, SOCKOPT, SKV6ONLY = 21, 22, 11
TIME_WAIT_MS = 60000
TRANSPARENT, BIND_NO_PORT = 32, 1  # bits of the two bytes of struct inet_diag_sockopt
DETAILED = 20000  # sockets beyond this many are counted by tuple only, at half the cost
MOST_PORTS_IN_FILTER = 64
FAMILIES: dict[int, str] = {socket.AF_INET: "inet", socket.AF_INET6: "inet6"}


class Layout(NamedTuple):
    """Where the attributes lie in messages of one size; None where they are missing."""

    cgroup: int | None
    sockopt: int | None
    v6only: int | None


class Survey:
    """What a dump of connected sockets of one family showed, by the raw bytes of (destination port, source, destination)."""

    def __init__(self, family: int) -> None:
        self.family = family
        self.seen = 0
        self.whole = True
        self.flows: Counter[bytes] = Counter()
        self.waiting: Counter[bytes] = Counter()
        self.no_port: Counter[bytes] = Counter()
        self.detailed: Counter[bytes] = Counter()
        self.transparent: set[bytes] = set()
        self.cgroups: Counter[int] = Counter()
        self.inodes: set[int] = set()


def _request(family: int, states: int, bytecode: bytes = b"") -> bytes:
    body = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 0, 0, states)
    if bytecode:
        body += struct.pack("=HH", 4 + len(bytecode), 1) + bytecode
    return struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, 1, 0) + body


def port_filter(ports: Iterable[int], inside: bool) -> bytes:
    """Return the bytecode that passes sockets whose local port is (or is not) one of `ports`, at least one.

    For each port: INET_DIAG_BC_S_EQ (11; on a match on to the jump behind it, else over it), then INET_DIAG_BC_JMP (1) to the
    end, which passes the socket, or 4 bytes beyond, which rejects it. Source: inet_diag_bc_run() and inet_diag_bc_audit().
    """
    wanted = list(ports)
    program = b""
    for left in range(12 * len(wanted), 0, -12):
        port = wanted[len(wanted) - left // 12]
        last_mismatch_rejects = 4 if inside and left == 12 else 0
        program += struct.pack("=BBHBBHBBH", 11, 8, 12 + last_mismatch_rejects, 0, 0, port, 1, 4, left - 8 + (0 if inside else 4))
    return program


def _messages(family: int, states: int, bytecode: bytes = b"") -> Iterator[tuple[memoryview, int]]:
    """Yield (buffer, bytes used) for each datagram of a dump. Raises OSError where the kernel refuses it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as diag:
        diag.settimeout(10)
        diag.send(_request(family, states, bytecode))
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


def _runs(view: memoryview, used: int) -> Iterator[tuple[int, int, int]]:
    """Yield (offset, count, message size) for each run of messages of one size, up to a message that ends the dump."""
    offset = 0
    while offset + 16 <= used:
        size = view[offset] | view[offset + 1] << 8
        if size < 88 or view[offset + 4] != SOCK_DIAG_BY_FAMILY:
            return
        most = (used - offset) // size
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
    return Layout(found.get(CGROUP_ID), found.get(SOCKOPT), found.get(SKV6ONLY))


def _address(family: int, raw: bytes) -> str:
    text = socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw[:16])
    return portsets.plain_address(text)


def _singles(family: int, states: int) -> Iterator[tuple[memoryview, Layout]]:
    """Yield each message of a dump by itself: for the few that listen or are bound only."""
    for view, used in _messages(family, states):
        for offset, count, size in _runs(view, used):
            layout = _layout(view[offset : offset + size])
            for index in range(count):
                yield view[offset + index * size : offset + (index + 1) * size], layout


def _end(family: int, message: memoryview, layout: Layout) -> dict[str, Any]:
    raw = bytes(message[24:40])
    return {
        "address": socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw),
        "port": struct.unpack_from(">H", message, 20)[0],
        "family": FAMILIES[family],
        "v6only": bool(layout.v6only is not None and message[layout.v6only]),
    }


def read_listeners() -> list[dict[str, Any]]:
    """Return every listening TCP socket of this namespace; `backlog` as listen() got it, cut by somaxconn at that moment."""
    found = []
    for family in FAMILIES:
        for message, layout in _singles(family, LISTEN):
            queued, backlog, uid, inode = struct.unpack_from("=IIII", message, 72)
            cgroup = struct.unpack_from("=Q", message, layout.cgroup)[0] if layout.cgroup else None
            found.append(
                dict(
                    _end(family, message, layout),
                    backlog=backlog,
                    queued=queued,
                    uid=uid,
                    inode=inode,
                    cgroup=cgroup,
                    transparent=bool(layout.sockopt and message[layout.sockopt] & TRANSPARENT),
                )
            )
    return sorted(found, key=lambda one: (one["port"], one["address"], one["inode"]))


def read_bound(free_of_harm: int) -> list[dict[str, Any]] | dict[str, str]:
    """Return the TCP sockets that are bound and neither listen nor are connected, or the absence before Linux 6.8.

    An older kernel answers the unknown state with an empty dump and no error; a socket of our own, bound to one of the ports
    `free_of_harm` (which no connect() chooses), tells the two apart. Source: kernel-truths, 9 and Other kernels.
    """
    found = _bound()
    if found:
        return found
    too_old = absent("too_old", "bound-only sockets are listed since Linux 6.8")
    for port in _some(free_of_harm, 40):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
            try:
                own.bind(("127.0.0.1", port))
            except OSError:
                continue
            return [] if _bound() else too_old
    return absent("unknown", "bound-only sockets: none is listed, and no port was left to see whether this kernel lists them")


def _bound() -> list[dict[str, Any]]:
    return [_end(family, message, layout) for family in FAMILIES for message, layout in _singles(family, BOUND)]


def _some(ports: int, most: int) -> Iterator[int]:
    """Yield at most `most` ports of the set, the highest first."""
    while ports and most:
        port = ports.bit_length() - 1
        yield port
        ports &= ~(1 << port)
        most -= 1


def _survey(family: int, sample: int, bytecode: bytes, take: Callable[[Survey, memoryview, int, Layout], None]) -> Survey:
    """Count the connected sockets that `bytecode` passes with `take`, until `sample` are seen (0: all)."""
    survey = Survey(family)
    layouts: dict[int, Layout] = {}
    for view, used in _messages(family, CONNECTED, bytecode):
        for offset, count, size in _runs(view, used):
            layout = layouts.get(size) or layouts.setdefault(size, _layout(view[offset : offset + size]))
            take(survey, view[offset : offset + count * size], size, layout)
            survey.seen += count
        if sample and survey.seen >= sample:
            survey.whole = False
            break
    return survey


def _take_outgoing(survey: Survey, run: memoryview, size: int, layout: Layout) -> None:
    """Count a run by (destination port, source, destination); the first DETAILED also by flags and control group."""
    skipped = size - 44 if survey.family == socket.AF_INET else size - 56
    key = "%ds" % (22 if survey.family == socket.AF_INET else 34)
    if layout.cgroup is None or layout.sockopt is None:  # TIME_WAIT and FIN_WAIT2 without a socket of their own
        for (state, raw), number in Counter(struct.iter_unpack("=17xB4x%s%dx" % (key, skipped), run)).items():
            survey.flows[raw] += number
            if state in (TIME_WAIT, FIN_WAIT2):
                survey.waiting[raw] += number
    elif survey.seen >= DETAILED:
        for raw, number in Counter(chain.from_iterable(struct.iter_unpack("=22x%s%dx" % (key, skipped), run))).items():
            survey.flows[raw] += number
    else:
        gap = layout.sockopt - layout.cgroup - 8
        fields = "=22x%s%dxQ%dxBB%dx" % (key, skipped - (size - layout.cgroup), gap, size - layout.sockopt - 2)
        for (raw, cgroup, flags, more), number in Counter(struct.iter_unpack(fields, run)).items():
            survey.flows[raw] += number
            survey.detailed[raw] += number
            survey.cgroups[cgroup] += number
            survey.no_port[raw] += number if more & BIND_NO_PORT else 0
            if flags & TRANSPARENT:
                survey.transparent.add(raw)
        survey.inodes.update(chain.from_iterable(struct.iter_unpack("=84xI%dx" % (size - 88), run)))


def _take_accepted(survey: Survey, run: memoryview, size: int, layout: Layout) -> None:
    """Count a run by local port alone: the peers of a listener may be a million different ones."""
    survey.flows.update(chain.from_iterable(struct.iter_unpack("=20x2s%dx" % (size - 22), run)))
    if survey.seen < DETAILED and layout.cgroup is not None:
        survey.cgroups.update(chain.from_iterable(struct.iter_unpack("=%dxQ%dx" % (layout.cgroup, size - layout.cgroup - 8), run)))
        survey.inodes.update(chain.from_iterable(struct.iter_unpack("=84xI%dx" % (size - 88), run)))


def _held(exact: set[tuple[str, int]], sources: set[str], delay_ms: int) -> dict[tuple[str, str, int], dict[str, int]]:
    """Return the local ports of each (source, destination, port) that a path asks about, as sets of ports by what holds them."""
    held: dict[tuple[str, str, int], dict[str, int]] = {}
    for family in FAMILIES:
        for view, used in _messages(family, CONNECTED):
            for offset, count, size in _runs(view, used):
                fields = struct.Struct("=17xB2x2s2s16s16s12xI%dx" % (size - 72))
                for state, sport, dport, src, dst, expires in fields.iter_unpack(view[offset : offset + count * size]):
                    source, destination = _address(family, src), _address(family, dst)
                    port = int.from_bytes(dport, "big")
                    if (destination, port) not in exact and source not in sources:
                        continue
                    old = state == TIME_WAIT and TIME_WAIT_MS - expires >= delay_ms
                    kind = "waited" if old else "waiting" if state in (TIME_WAIT, FIN_WAIT2) else "ports"
                    sets = held.setdefault((source, destination, port), {"ports": 0, "waiting": 0, "waited": 0})
                    sets[kind] |= 1 << int.from_bytes(sport, "big")
    return held


def _flows(survey: Survey, scale: float) -> list[dict[str, Any]]:
    rows = []
    family, width = survey.family, 4 if survey.family == socket.AF_INET else 16
    for raw, number in survey.flows.most_common():
        waiting, detailed = survey.waiting[raw], survey.detailed[raw]
        no_port = survey.no_port[raw] * (number - waiting) / detailed if detailed else 0
        rows.append(
            {
                "source": _address(family, raw[2 : 2 + width]),
                "destination": _address(family, raw[18 : 18 + width]),
                "port": int.from_bytes(raw[:2], "big"),
                "family": FAMILIES[family],
                "connections": round((number - waiting) * scale),
                "no_port": round(no_port * scale),
                "time_wait": round(waiting * scale),
                "transparent": raw in survey.transparent,
            }
        )
    return rows


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

    candidates: the set of ports that connect() chooses from; total: connected sockets by the kernel's own count; sample: at
    most so many connected sockets are looked at in each of the two groups, accepted and outgoing (0: all). The kernel walks its
    hash table, so the first ones are a random sample: a share p of n seen has the standard error sqrt(p (1 - p) / n).
    exact, sources: (destination, port) pairs and bound sources whose local ports are listed in `held` where all were seen.
    """
    if not root.live:
        return _read_proc_net(root)
    try:
        listeners = read_listeners()
    except OSError:  # no NETLINK_SOCK_DIAG here (gVisor, seccomp)
        return _read_proc_net(root)
    bound = read_bound(portsets.span(1024, 65535) & ~candidates | portsets.span(600, 1023))
    listening = sorted({one["port"] for one in listeners})
    split = 0 < len(listening) <= MOST_PORTS_IN_FILTER
    outgoing = [_survey(family, sample, port_filter(listening, False) if split else b"", _take_outgoing) for family in FAMILIES]
    accepted = [_survey(family, sample, port_filter(listening, True), _take_accepted) for family in FAMILIES] if split else []
    groups = outgoing + accepted
    seen = sum(group.seen for group in groups)
    part = sum(group.seen for group in groups if not group.whole)
    total = max(seen, total - len(listeners)) if part else seen
    scale = (total - seen + part) / part if part else 1.0
    by_port: Counter[int] = Counter()
    by_cgroup: Counter[int] = Counter()
    for group in groups:
        times = 1.0 if group.whole else scale
        by_cgroup.update(
            {cgroup: round(number * times * group.seen / min(group.seen, DETAILED)) for cgroup, number in group.cgroups.items()}
        )
        if group in accepted:
            by_port.update({int.from_bytes(raw, "big"): round(number * times) for raw, number in group.flows.items()})
    _count_accepted(listeners, by_port)
    flows = [flow for group in outgoing for flow in _flows(group, 1.0 if group.whole else scale)]
    if exact and not part:
        _hold(flows, _held(exact, sources or set(), delay_ms))
    return {
        "listeners": listeners,
        "bound": bound,
        "flows": flows,
        "seen": seen,
        "total": total,
        "sampled": bool(part),
        "error": round((0.9 / 0.1 / part) ** 0.5, 4) if part else 0.0,
        "source": "sock_diag",
        "by_cgroup": dict(by_cgroup),
        "inodes": set().union(*(group.inodes for group in groups)),
    }


def _count_accepted(listeners: list[dict[str, Any]], by_port: Counter[int]) -> None:
    """Share the sockets of each local port evenly among its listeners, as SO_REUSEPORT would."""
    siblings = Counter(one["port"] for one in listeners)
    given: Counter[int] = Counter()
    for one in listeners:
        whole, rest = divmod(by_port[one["port"]], siblings[one["port"]])
        one["connections"] = whole + (given[one["port"]] < rest)
        given[one["port"]] += 1


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


def parse_proc_net_tcp(text: str, family: int) -> Iterator[tuple[str, int, str, int, int, int, int]]:
    """Yield (source, port, destination, port, state, queued, inode) for each line of /proc/net/tcp or tcp6. Source: proc(5)."""
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            (source, sport), (destination, dport) = words[1].split(":"), words[2].split(":")
            raw = [b"".join(bytes.fromhex(part[at : at + 8])[::-1] for at in range(0, len(part), 8)) for part in (source, destination)]
            yield (
                socket.inet_ntop(family, raw[0]),
                int(sport, 16),
                socket.inet_ntop(family, raw[1]),
                int(dport, 16),
                int(words[3], 16),
                int(words[4].split(":")[1], 16),
                int(words[9]),
            )
        except (IndexError, ValueError):
            continue


def _read_proc_net(root: Root) -> dict[str, Any]:
    """Return what read_sockets() does, from /proc/net/tcp and tcp6: without backlogs, flags and bound-only sockets."""
    listeners: list[dict[str, Any]] = []
    rest = []
    for family, path in ((socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6")):
        for source, sport, destination, dport, state, queued, inode in parse_proc_net_tcp(text_of(root.text(path)), family):
            if state == 10:
                listeners.append(
                    {
                        "address": source,
                        "port": sport,
                        "family": FAMILIES[family],
                        "v6only": False,
                        "inode": inode,
                        "backlog": absent("unknown", path + " does not show the backlog"),
                        "queued": queued,
                        "uid": 0,
                        "cgroup": None,
                        "transparent": False,
                    }
                )
            else:
                plain = portsets.plain_address
                rest.append((plain(source), sport, plain(destination), dport, FAMILIES[family], state, inode))
    listening = {one["port"] for one in listeners}
    _count_accepted(listeners, Counter(one[1] for one in rest if one[1] in listening))
    keys = [(one[0], one[2], one[3], one[4]) for one in rest if one[1] not in listening]
    waiting = Counter((one[0], one[2], one[3], one[4]) for one in rest if one[5] == TIME_WAIT)
    flows = [
        {
            "source": source,
            "destination": destination,
            "port": port,
            "family": family,
            "connections": number - waiting[key],
            "no_port": 0,
            "time_wait": waiting[key],
            "transparent": False,
        }
        for key, number in Counter(keys).most_common()
        for source, destination, port, family in [key]
    ]
    return {
        "listeners": listeners,
        "flows": flows,
        "seen": len(rest),
        "total": len(rest),
        "sampled": False,
        "error": 0.0,
        "bound": absent("unknown", "/proc/net/tcp does not list bound-only sockets"),
        "source": "/proc/net/tcp",
        "by_cgroup": {},
        "inodes": {one[6] for one in rest},
    }
