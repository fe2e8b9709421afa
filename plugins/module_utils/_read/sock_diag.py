# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP sockets as NETLINK_SOCK_DIAG lists them; whole, those that listen and those that are bound only. Private to the collection.

Source: sock_diag(7), include/uapi/linux/inet_diag.h; layout and cost in kernel-truths, 9. Counting sockets.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

NETLINK_SOCK_DIAG, GETSOCK = 4, 18  # TCPDIAG_GETSOCK dumps both families in one walk through the kernel's tables
REQUEST, DUMP = 1, 0x300
ERROR, DONE = 2, 3
LISTEN, TIME_WAIT, FIN_WAIT2, BOUND, ESTABLISHED = 1 << 10, 6, 5, 1 << 13, 1 << 1
CONNECTED = 0xFFF & ~LISTEN & ~(1 << 7)
SHUTDOWN, CGROUP_ID, SOCKOPT, SKV6ONLY = 8, 21, 22, 11
REJECT = 4  # bytes beyond the end of the bytecode: the socket is not passed
FREEBIND = 15
TRANSPARENT, BIND_NO_PORT = 32, 1  # bits of the two bytes of struct inet_diag_sockopt
SOURCE_PORT, DESTINATION_PORT = 2, 4  # INET_DIAG_BC_S_GE and D_GE; one more is LE
FAMILIES: dict[int, str] = {socket.AF_INET: "inet", socket.AF_INET6: "inet6"}


class Layout(NamedTuple):
    """Where the attributes lie in messages of one size; None where they are missing.

    Only a whole socket has `shutdown`: what is in TIME_WAIT, orphaned in FIN_WAIT2 or half open belongs to no process.
    """

    shutdown: int | None
    cgroup: int | None
    sockopt: int | None
    v6only: int | None


def request(states: int, bytecode: bytes = b"") -> bytes:
    """Return what asks for all sockets in one of the `states` (a bit each) that `bytecode` passes."""
    body = struct.pack("=52xII", states, 0)  # struct inet_diag_req
    if bytecode:
        body += struct.pack("=HH", 4 + len(bytecode), 1) + bytecode
    return struct.pack("=IHHII", 16 + len(body), GETSOCK, REQUEST | DUMP, 1, 0) + body


def port_filter(ports: int, side: int = SOURCE_PORT, then: bytes = b"", otherwise: int = REJECT) -> bytes:
    """Return the bytecode that passes sockets whose local (or remote) port is in the set `ports` and which `then` passes too.

    A binary tree, so that a socket costs a few steps with any number of ports; the set must not be empty. One whose port is not
    in it goes on so many bytes behind `then`: REJECT where nothing follows.
    Source: inet_diag_bc_run(), inet_diag_bc_audit().
    """
    ranges = [text.partition("-") for text in portsets.texts(ports)]
    return _branch([(int(low), int(high or low)) for low, _dash, high in ranges], side, 0, otherwise + len(then)) + then


def sample_filter(listening: int, ports: int) -> bytes:
    """Return the bytecode that passes the outgoing sockets whose local port is in `ports`, and the accepted ones whose peer's port is.

    Accepted is what has a local port that is listened on. Neither set may be empty.
    """
    outgoing = port_filter(ports)
    accepted = port_filter(ports, DESTINATION_PORT, _jump(len(outgoing)), REJECT + len(outgoing))
    return port_filter(listening, SOURCE_PORT, accepted, 0) + outgoing


def _branch(ranges: list[tuple[int, int]], side: int, after: int, reject: int) -> bytes:
    """Return the bytecode for some of the ranges, with `after` bytes of the tree behind it, and `reject` behind the tree.

    A leaf compares with both ends and jumps behind the tree on a match, else to `reject`. A node compares with the upper half's
    first port: the upper half follows, then the lower.
    """
    if len(ranges) == 1:
        low, high = ranges[0]
        program = struct.pack("=BBHBBH", side, 8, 20 + after + reject, 0, 0, low)
        program += struct.pack("=BBHBBH", side + 1, 8, 12 + after + reject, 0, 0, high)
        return program + _jump(after)
    half = len(ranges) // 2
    lower = _branch(ranges[:half], side, after, reject)
    upper = _branch(ranges[half:], side, after + len(lower), reject)
    return struct.pack("=BBHBBH", side, 8, 8 + len(upper), 0, 0, ranges[half][0]) + upper + lower


def _jump(over: int) -> bytes:
    """Return the instruction (INET_DIAG_BC_JMP) that goes on so many bytes behind itself."""
    return struct.pack("=BBH", 1, 4, 4 + over)


def messages(request: bytes) -> Iterator[tuple[memoryview, int]]:
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


def runs(view: memoryview, used: int) -> Iterator[tuple[int, int, int]]:
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


def layout_of(message: memoryview) -> Layout:
    """Return where the attributes lie in a message, and in all of its size."""
    found: dict[int, int] = {}
    offset = 88
    while offset + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if length < 4:
            break
        found[kind] = offset + 4
        offset += (length + 3) & ~3
    return Layout(found.get(SHUTDOWN), found.get(CGROUP_ID), found.get(SOCKOPT), found.get(SKV6ONLY))


def address_of(family: int, raw: bytes) -> str:
    """Return an address as a text; a mapped one as that of IPv4."""
    text = socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw[:16])
    return portsets.plain_address(text)


def _singles(states: int) -> Iterator[tuple[memoryview, Layout]]:
    """Yield each message of a dump by itself: for the few that listen or are bound only."""
    for view, used in messages(request(states)):
        for offset, count, size in runs(view, used):
            layout = layout_of(view[offset : offset + size])
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
