# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses, routes and rules written through rtnetlink: one request, one answer. Private to the collection.

Source: rtnetlink(7), netlink(7), include/uapi/linux/rtnetlink.h, fib_rules.h.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from typing import Iterable, Tuple, Union

NEWLINK, DELLINK, NEWADDR, DELADDR, NEWROUTE, DELROUTE, NEWRULE, DELRULE = 16, 17, 20, 21, 24, 25, 32, 33
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400
NEW = CREATE | EXCLUSIVE  # EEXIST where it is there already
ERROR, REQUEST, ACK = 2, 1, 4
SOL_NETLINK, CAP_ACK, EXT_ACK = 270, 10, 11
CAPPED, MESSAGE = 0x100, 1  # NLM_F_CAPPED: the request is not repeated in the answer; NLMSGERR_ATTR_MSG
Attribute = Tuple[int, Union[bytes, int, str]]


def pack(attributes: Iterable[Attribute]) -> bytes:
    """Return attributes as bytes: an int as 32 bits, a str with its NUL; what is packed already nests as it is."""
    packed = b""
    for kind, value in attributes:
        if isinstance(value, int):
            value = struct.pack("=I", value)
        elif isinstance(value, str):
            value = os.fsencode(value) + b"\0"
        packed += struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    return packed


def request(kind: int, flags: int, body: bytes, attributes: Iterable[Attribute] = ()) -> None:
    """Send one request and wait for its acknowledgement. Raises OSError with the kernel's errno and, where it says more, its words."""
    payload = body + pack(attributes)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as netlink:
        netlink.settimeout(10)
        for option in (CAP_ACK, EXT_ACK):
            try:
                netlink.setsockopt(SOL_NETLINK, option, 1)
            except OSError:
                pass  # an older kernel gives the number alone
        netlink.send(struct.pack("=IHHII", 16 + len(payload), kind, REQUEST | ACK | flags, 1, 0) + payload)
        answer = netlink.recv(1 << 16)
    _length, answered, answer_flags = struct.unpack_from("=IHH", answer)
    code = -struct.unpack_from("=i", answer, 16)[0]
    if answered != ERROR or code:
        raise OSError(code, _words(answer, answer_flags) or os.strerror(code))


def _words(answer: bytes, flags: int) -> str:
    """Return what an extended acknowledgement says, an empty text where it says nothing."""
    offset = 36 if flags & CAPPED else 20 + (struct.unpack_from("=I", answer, 20)[0] + 3 & ~3)
    while offset + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, offset)
        if kind & 0x3FFF == MESSAGE:
            return answer[offset + 4 : offset + length].rstrip(b"\0").decode("utf-8", "replace")
        offset += max(4, length + 3 & ~3)
    return ""


def route(kind: int, flags: int, destination: str, table: int, attributes: Iterable[Attribute] = (), **fields: int) -> None:
    """Add (NEWROUTE) or take away (DELROUTE) the route to a network such as 10.99.0.0/24. Raises OSError.

    fields: type, protocol and scope of struct rtmsg; by default those of a unicast route of ours, for DELROUTE any protocol.
    attributes: RTA_OIF (4), RTA_GATEWAY (5), RTA_PREFSRC (7) and so on.
    """
    network = ipaddress.ip_network(destination)
    protocol = fields.get("protocol", 0 if kind == DELROUTE else 4)  # RTPROT_STATIC
    scope, route_type = fields.get("scope", 0), fields.get("type", 1)
    body = struct.pack("=BBBBBBBBI", family_of(network.version), network.prefixlen, 0, 0, table & 0xFF, protocol, scope, route_type, 0)
    where = [(1, network.network_address.packed)] if network.prefixlen else []
    request(kind, flags, body, [*where, *attributes, (15, table)])


def family_of(version: int) -> int:
    """Return the address family of an IP version."""
    return int(socket.AF_INET if version == 4 else socket.AF_INET6)
