# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of interfaces as things that a change writes, through rtnetlink. Private to the collection.

A name is "INTERFACE CIDR". A value is {lifetime: forever, unpreferred or leased; nodad: whether IPv6 leaves out its own check}.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import NODAD, index_of, read_interface_addresses
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

LOCAL, ADDRESS, CACHEINFO, FLAGS = 2, 1, 6, 8
FOREVER = 0xFFFFFFFF


def read(root: Root, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """Return {name: value, None where it is not there}: one dump for all of them. Raises OSError."""
    have = read_interface_addresses()
    found = {name: have.get((interface, cidr)) for name, (interface, _blank, cidr) in ((name, name.partition(" ")) for name in names)}
    return {name: row and value_of(row) for name, row in found.items()}


def value_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the value of an address as rtnetlink shows it."""
    return {"lifetime": row["lifetime"], "nodad": row["nodad"]}


def write(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Add an address or take it away; one that is gone already, also with its interface, is no failure. Raises OSError."""
    interface, _blank, cidr = name.partition(" ")
    host, _slash, prefix = cidr.partition("/")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    raw = socket.inet_pton(family, host)
    try:
        body = struct.pack("=BBBBI", family, int(prefix), 0, 0, index_of(interface))
        if value is None:
            rtnetlink.request(rtnetlink.DELADDR, 0, body, [(LOCAL, raw), (ADDRESS, raw)])
            return
        more: list[rtnetlink.Attribute] = [(FLAGS, NODAD)] if value["nodad"] and family == socket.AF_INET6 else []
        if value["lifetime"] == "unpreferred":
            more.append((CACHEINFO, struct.pack("=IIII", 0, FOREVER, 0, 0)))
        rtnetlink.request(rtnetlink.NEWADDR, rtnetlink.CREATE | rtnetlink.REPLACE, body, [(LOCAL, raw), (ADDRESS, raw), *more])
    except OSError as error:
        if value is not None or error.errno not in (errno.ENODEV, errno.EADDRNOTAVAIL):
            raise


def same(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two addresses are alike; one that is leased lasts as long as its lease, and that is not ours to say."""
    return one["lifetime"] == other["lifetime"] or "leased" in (one["lifetime"], other["lifetime"])
