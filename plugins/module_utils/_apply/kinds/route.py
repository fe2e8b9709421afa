# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of a table of our own as things, of this network namespace. Private to the collection.

A name is "inet table 100 default", a value where the route leads: "local dev lo", "via 10.0.0.1 dev eth1", "dev eth1".
"""

from __future__ import annotations

import errno
import ipaddress
import socket

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._read import routing
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

EVERYWHERE = {"inet": "0.0.0.0/0", "inet6": "::/0"}
LINK, HOST = 253, 254  # RT_SCOPE_LINK, RT_SCOPE_HOST


def read(root: Root, names: list[str]) -> dict[str, str | None]:
    """Return {name: where it leads, None where there is no such route}. Raises OSError."""
    tables = {int(name.split()[2]) for name in names}
    there = {route.name: route.way for table in tables for route in routing.read_routes(table)}
    return {name: there.get(name) for name in names}


def write(root: Root, name: str, value: str | None) -> None:
    """Put a route in place, or take it away. Raises OSError."""
    family, _table, number, destination = name.split()
    network, table = EVERYWHERE[family] if destination == "default" else destination, int(number)
    if value is None:
        try:
            rtnetlink.route(rtnetlink.DELROUTE, 0, network, table, type=0, scope=255)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise
        return
    words = value.split()
    local = words[0] == "local"
    said = dict(zip(words[local::2], words[local + 1 :: 2]))
    attributes: list[rtnetlink.Attribute] = [(4, socket.if_nametoindex(said["dev"]))]
    attributes += [(5, ipaddress.ip_address(said["via"]).packed)] if "via" in said else []
    scope = 0 if "via" in said or family == "inet6" else HOST if local else LINK
    flags = rtnetlink.CREATE | rtnetlink.REPLACE
    rtnetlink.route(rtnetlink.NEWROUTE, flags, network, table, attributes, type=2 if local else 1, scope=scope, protocol=routing.KERNEL)


def same(name: str, one: str, other: str) -> bool:
    """Tell whether two routes lead the same way."""
    return one.split() == other.split()
