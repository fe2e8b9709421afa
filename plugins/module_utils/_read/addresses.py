# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, local routes and neighbours, through rtnetlink. Private to the collection.

Source: rtnetlink(7), include/uapi/linux/rtnetlink.h, if_addr.h, neighbour.h.
"""

from __future__ import annotations

import re
import socket
import struct
from typing import Any, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, absent_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

FAMILIES: dict[int, str] = {socket.AF_INET: "inet", socket.AF_INET6: "inet6"}
GETADDR, GETROUTE, GETNEIGH = 22, 26, 30
REQUEST, DUMP, ERROR, DONE = 1, 0x300, 2, 3
SOL_NETLINK, STRICT = 270, 12  # NETLINK_GET_STRICT_CHK, Linux 4.20: the kernel itself picks the table that is asked for
TABLE_LOCAL, TYPE_LOCAL = 255, 2
DEPRECATED = 0x20  # IFA_F_DEPRECATED
KEEPALIVED = b"\x12"  # RTPROT_KEEPALIVED, which keepalived writes into IFA_PROTO since Linux 5.18
LIVE = Root()


def read_addresses(root: Root) -> Any:
    """Return the section `addresses`: [{interface, address: CIDR, family, local_route, deprecated}], or the absence.

    A local route stands in it where it covers more than an address by itself (AnyIP), 127.0.0.0/8 among them. moves: true is on what the
    kernel says to be keepalived's.
    """
    if not root.live:
        trie = root.text("/proc/net/fib_trie")
        if isinstance(trie, dict):
            return trie
        inet6 = parse_if_inet6(text_of(root.text("/proc/net/if_inet6")))
        return parse_fib_trie(trie, text_of(root.text("/proc/net/route"))) + inet6
    try:
        found = [item for body in dump(GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0)) for item in parse_address(body)]
        shown = {item["address"].partition("/")[0] for item in found}
        for family in FAMILIES:
            asked = struct.pack("=BBBBBBBBI", family, 0, 0, 0, TABLE_LOCAL, 0, 0, TYPE_LOCAL, 0)
            routes = [item for body in dump(GETROUTE, asked) for item in parse_local_route(body)]
            found += [item for item in routes if _host_of(item["address"]) not in shown]
    except OSError as error:
        return absent_for(error, "rtnetlink")
    return found


def dump(kind: int, body: bytes) -> Iterator[memoryview]:
    """Yield the body of each message that rtnetlink answers to one request. Raises OSError where it is refused."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as netlink:
        netlink.settimeout(10)
        try:
            netlink.setsockopt(SOL_NETLINK, STRICT, 1)
        except OSError:
            pass  # an older kernel sends every table; the parser picks
        netlink.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | DUMP, 1, 0) + body)
        buffer = memoryview(bytearray(1 << 16))
        while True:
            used = netlink.recv_into(buffer)
            offset = 0
            while offset + 16 <= used:
                length, answer = struct.unpack_from("=IH", buffer, offset)
                if answer == DONE or length < 16:
                    return
                if answer == ERROR:
                    raise OSError(-struct.unpack_from("=i", buffer, offset + 16)[0], "rtnetlink refuses the request")
                yield buffer[offset + 16 : offset + length]
                offset += (length + 3) & ~3


def attributes(body: memoryview, offset: int) -> dict[int, bytes]:
    """Return {kind: value} of the attributes of an rtnetlink message from `offset` on."""
    found: dict[int, bytes] = {}
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = bytes(body[offset + 4 : offset + length])
        offset += (length + 3) & ~3
    return found


def _entry(index: int, family: int, raw: bytes, prefix: int, **more: bool) -> dict[str, Any]:
    try:
        name = socket.if_indextoname(index)
    except OSError:
        name = str(index)  # gone meanwhile
    text = "%s/%d" % (socket.inet_ntop(family, raw), prefix)
    return dict({"interface": name, "address": text, "family": FAMILIES[family]}, **more)


def parse_address(body: memoryview) -> Iterator[dict[str, Any]]:
    """Yield what one RTM_NEWADDR says: the address of this end, also of a point-to-point link."""
    family, prefix, flags, _scope, index = struct.unpack_from("=BBBBI", body)
    found = attributes(body, 8)
    raw = found.get(2, found.get(1))  # IFA_LOCAL, else IFA_ADDRESS
    if family in FAMILIES and raw:
        flags |= struct.unpack("=I", found[8])[0] if len(found.get(8, b"")) == 4 else 0  # IFA_FLAGS
        more = {"moves": True} if found.get(11) == KEEPALIVED else {}  # IFA_PROTO
        yield _entry(index, family, raw, prefix, local_route=False, deprecated=bool(flags & DEPRECATED), **more)


def parse_local_route(body: memoryview) -> Iterator[dict[str, Any]]:
    """Yield what one RTM_NEWROUTE says, where it is a route of type local in the table local."""
    family, prefix, _src, _tos, table, _protocol, _scope, kind = struct.unpack_from("=BBBBBBBB", body)
    found = attributes(body, 12)
    if family in FAMILIES and table == TABLE_LOCAL and kind == TYPE_LOCAL:
        raw = found.get(1, b"\0" * (4 if family == socket.AF_INET else 16))  # RTA_DST; a default route has none
        index = struct.unpack("=I", found[4])[0] if len(found.get(4, b"")) == 4 else 0  # RTA_OIF
        yield _entry(index, family, raw, prefix, local_route=True, deprecated=False)


def _host_of(cidr: str) -> str | None:
    address, _slash, prefix = cidr.partition("/")
    return address if prefix == ("128" if ":" in address else "32") else None


def parse_fib_trie(text: str, routes: str = "") -> list[dict[str, Any]]:
    """Return the IPv4 part of `addresses` as /proc/net/fib_trie and /proc/net/route of a recorded host show it.

    Neither says the prefix length of an address: it is taken from the connected network around it, and so is the
    interface, else `unknown`.
    """
    networks = []
    for words in (line.split() for line in routes.splitlines()[1:]):
        if len(words) > 7 and re.match(r"[0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{8}\Z", " ".join((words[1], words[2], words[7]))):
            network, gateway, mask = (socket.ntohl(int(word, 16)) for word in (words[1], words[2], words[7]))
            if mask and not gateway:
                networks.append((mask, network, words[0]))
    networks = sorted({*networks, (0xFF000000, 0x7F000000, "lo")}, reverse=True)
    found: dict[str, dict[str, Any]] = {}
    for address, length in re.findall(r"^ *\|-- ([\d.]{7,15})\n((?: +/\d+ .*\n?)+)", text, re.M | re.A):
        try:
            number = int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big")
        except OSError:
            continue
        for prefix in re.findall(r"/(\d{1,2}) host LOCAL", length, re.A):
            around = next((item for item in networks if number & item[0] == item[1]), None)
            host = prefix == "32"
            cidr = "%s/%s" % (address, bin(around[0]).count("1") if host and around else prefix)
            name = around[2] if around else "unknown"
            entry = {"interface": name, "address": cidr, "family": "inet", "local_route": not host}
            found[cidr] = dict(entry, deprecated=False)
    return list(found.values())


def parse_if_inet6(text: str) -> list[dict[str, Any]]:
    """Return the IPv6 part of `addresses` of /proc/net/if_inet6: address, index, prefix, scope, flags, name."""
    found = []
    for line in text.splitlines():
        match = re.match(r"([0-9a-f]{32}) [0-9a-f]+ ([0-9a-f]{2}) [0-9a-f]{2} ([0-9a-f]{2,8}) +(\S+)\s*\Z", line)
        if match and int(match.group(2), 16) <= 128:
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(match.group(1)))
            cidr, flags = "%s/%d" % (address, int(match.group(2), 16)), int(match.group(3), 16)
            entry = {"interface": match.group(4), "address": cidr, "family": "inet6", "local_route": False}
            found.append(dict(entry, deprecated=bool(flags & DEPRECATED)))
    return found


def source_for(destination: str) -> Any:
    """Return the address that the kernel takes as the source towards `destination`, or the absence: there is no route.

    connect() of a UDP socket asks the routing table and sends nothing: connect(2), udp(7).
    """
    try:
        family, kind, _protocol, _name, address = socket.getaddrinfo(
            destination, 9, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )[0]
        with socket.socket(family, kind) as udp:
            udp.connect(address)
            return str(udp.getsockname()[0]).partition("%")[0]
    except (OSError, UnicodeError, ValueError) as error:
        return absent("unknown", "no source address towards %s: %s" % (destination, error))


def read_neighbours(root: Root = LIVE) -> dict[str, Any]:
    """Return {inet, inet6: entries in the neighbour tables, of the whole machine where that can be seen, else of here}.

    The thresholds hold for the machine, and /proc/net/stat has its number, but only in the first network namespace.
    """
    tables = ((socket.AF_INET, "arp_cache"), (socket.AF_INET6, "ndisc_cache"))
    return {FAMILIES[family]: _neighbours(root, family, name) for family, name in tables}


def _neighbours(root: Root, family: int, name: str) -> Any:
    text = root.text("/proc/net/stat/" + name)
    match = re.match(r"entries\b[^\n]*\n([0-9a-f]{8,16})\b", text_of(text))
    if match:
        return int(match.group(1), 16)
    if not root.live:
        return text if isinstance(text, dict) else absent("unreadable", "/proc/net/stat/%s: no entries" % name)
    try:
        return sum(1 for _body in dump(GETNEIGH, struct.pack("=BBHiHBB", family, 0, 0, 0, 0, 0, 0)))
    except OSError as error:
        return absent_for(error, "rtnetlink")
