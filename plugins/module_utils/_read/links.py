# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces with their addresses and local routes, as rtnetlink shows them now. Private to the collection.

Always of the network namespace that this process is in. Source: rtnetlink(7), if_link.h, if_addr.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any, Iterable, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import (
    DEPRECATED,
    FAMILIES,
    GETADDR,
    GETROUTE,
    TABLE_LOCAL,
    TYPE_LOCAL,
    attributes,
    dump,
)

GETLINK = 18
UP, LOOPBACK, NO_ARP, LOWER_UP = 0x1, 0x8, 0x80, 0x10000
SECONDARY, NODAD, PERMANENT = 0x1, 0x2, 0x80  # IFA_F_SECONDARY and so on
ETHERNET = 1
GATEWAY, OUT, PREFSRC, MULTIPATH, TABLE = 5, 4, 7, 9, 15  # RTA_GATEWAY, RTA_OIF and so on
MAIN = 254  # RT_TABLE_MAIN
BY_KERNEL, BY_ROUTERS = 2, 9  # RTPROT_KERNEL, RTPROT_RA: such routes come back with what they came from


def read_links() -> dict[str, dict[str, Any]]:
    """Return {interface: {index, flags, ethernet, mac, type, parent}}; type: macvlan, dummy, veth and so on. Raises OSError."""
    rows = []
    for body in dump(GETLINK, struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)):
        _family, _pad, hardware, index, flags = struct.unpack_from("=BBHiI", body)
        found = attributes(body, 16)
        info = attributes(memoryview(found.get(18, b"")), 0)  # IFLA_LINKINFO
        rows.append(
            {
                "name": found[3].rstrip(b"\0").decode("utf-8", "replace"),
                "index": index,
                "flags": flags,
                "ethernet": hardware == ETHERNET,
                "mac": found.get(1, b""),
                "type": info.get(1, b"").rstrip(b"\0").decode("ascii", "replace"),
                "parent": struct.unpack("=I", found[5])[0] if 5 in found else 0,
            }
        )
    names = {row["index"]: row["name"] for row in rows}
    return {row.pop("name"): dict(row, parent=names.get(row["parent"])) for row in rows}


def index_of(name: str) -> int:
    """Return the number of an interface. Raises OSError with ENODEV where there is none (older Pythons give no errno)."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise OSError(errno.ENODEV, "there is no interface %s" % name) from None


def read_interface_addresses() -> dict[tuple[str, str], dict[str, Any]]:
    """Return {(interface, CIDR): {lifetime, nodad, secondary}} of every address. Raises OSError.

    lifetime: `forever`; `unpreferred` is forever, too, but nothing takes it by itself; `leased` is one that ends (DHCP, router
    advertisements). secondary: it goes when the first address of its network does.
    """
    names = dict(socket.if_nameindex())
    found = {}
    for body in dump(GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0)):
        family, prefix, flags, _scope, index = struct.unpack_from("=BBBBI", body)
        parts = attributes(body, 8)
        raw = parts.get(2, parts.get(1))  # IFA_LOCAL, else IFA_ADDRESS
        if family not in FAMILIES or not raw:
            continue
        flags |= struct.unpack("=I", parts[8])[0] if len(parts.get(8, b"")) == 4 else 0
        lifetime = "leased" if not flags & PERMANENT else "unpreferred" if flags & DEPRECATED else "forever"
        cidr = "%s/%d" % (socket.inet_ntop(family, raw), prefix)
        row = {"lifetime": lifetime, "nodad": bool(flags & NODAD), "secondary": family == socket.AF_INET and bool(flags & SECONDARY)}
        found[names.get(index, str(index)), cidr] = row
    return found


class Way(NamedTuple):
    """A route that somebody has set. text: as `ip route` has it; local: "INTERFACE PREFIX" of one in the table local, or empty."""

    text: str
    interfaces: set[str]
    gateways: set[str]
    source: str
    family: int
    local: str


def read_ways(by_routers: bool = False) -> list[Way]:
    """Return the routes of all tables that somebody has set, and those by router advertisements where asked. Raises OSError."""
    return [way for protocol, way in _every_way(FAMILIES) if by_routers or protocol != BY_ROUTERS]


def read_advertised() -> dict[str, list[str]]:
    """Return {interface: [route as `ip route` has it]} of the IPv6 routes that router advertisements brought. Raises OSError."""
    found: dict[str, list[str]] = {}
    for protocol, way in _every_way((socket.AF_INET6,)):
        for interface in way.interfaces if protocol == BY_ROUTERS else ():
            found.setdefault(interface, []).append(way.text.replace("::/0", "default"))
    return found


def _every_way(families: Iterable[int]) -> Iterator[tuple[int, Way]]:
    """Yield (protocol, route) of all tables, less those that the kernel made itself."""
    names = dict(socket.if_nameindex())
    for family in families:
        for body in dump(GETROUTE, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)):
            prefix, table, protocol, kind = struct.unpack_from("=xBxxBBxB", body)
            if protocol == BY_KERNEL:
                continue
            parts = attributes(body, 12)
            yield protocol, _way(family, prefix, _number_of(parts.get(TABLE)) or table, kind, parts, names)


def _way(family: int, prefix: int, table: int, kind: int, parts: dict[int, bytes], names: dict[int, str]) -> Way:
    width = 4 if family == socket.AF_INET else 16
    hops = [parts, *_hops(parts.get(MULTIPATH, b""))]
    gateways = [socket.inet_ntop(family, hop[GATEWAY]) for hop in hops if len(hop.get(GATEWAY, b"")) == width]
    interfaces = [names.get(index, str(index)) for index in (_number_of(hop.get(OUT)) for hop in hops) if index]
    source = socket.inet_ntop(family, parts[PREFSRC]) if len(parts.get(PREFSRC, b"")) == width else ""
    to = "%s/%d" % (socket.inet_ntop(family, parts.get(1, b"\0" * width)), prefix)
    local = "%s %s" % (interfaces[0], to) if kind == TYPE_LOCAL and table == TABLE_LOCAL and interfaces else ""
    words = ["local %s" % to if kind == TYPE_LOCAL else to, *("via %s" % one for one in gateways), *("dev %s" % one for one in interfaces)]
    words += ["src %s" % source] if source else []
    words += ["table %d" % table] if table not in (MAIN, TABLE_LOCAL) else []
    return Way(" ".join(words), set(interfaces), set(gateways), source, family, local)


def _hops(packed: bytes) -> list[dict[int, bytes]]:
    """Return the attributes of each next hop of a route that has several (struct rtnexthop)."""
    found, offset = [], 0
    while offset + 8 <= len(packed):
        length, index = struct.unpack_from("=Hxxi", packed, offset)
        if length < 8:
            break
        found.append({**attributes(memoryview(packed[offset : offset + length]), 8), OUT: struct.pack("=I", index)})
        offset += length + 3 & ~3
    return found


def _number_of(raw: bytes | None) -> int:
    """Return an attribute of 32 bits as a number, 0 where there is none."""
    return int(struct.unpack("=I", raw)[0]) if raw and len(raw) == 4 else 0
