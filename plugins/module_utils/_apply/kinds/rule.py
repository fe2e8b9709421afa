# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of policy routing as things, of this network namespace. Private to the collection.

A name is a rule as _read/routing.py writes it; its value is PROTOCOL where it is there. systemd-networkd takes away the rules of
others when it starts, but spares those that say that they are the kernel's.
"""

from __future__ import annotations

import errno
import ipaddress
import struct

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._read import routing
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

PROTOCOL = "protocol kernel"


def read(root: Root, names: list[str]) -> dict[str, str | None]:
    """Return {name: PROTOCOL, None where there is no such rule of ours}. Raises OSError."""
    there = {rule.name for rule in routing.read_rules() if rule.protocol == routing.KERNEL}
    return {name: PROTOCOL if name in there else None for name in names}


def write(root: Root, name: str, value: str | None) -> None:
    """Add a rule, or take it away. Raises OSError."""
    words = name.split()
    said = dict(zip(words[1::2], words[2::2]))
    source = ipaddress.ip_network(said["from"]) if "from" in said else None
    table = int(said["table"])
    attributes: list[rtnetlink.Attribute] = [(routing.PREF, int(said["pref"])), (routing.TABLE, table)]
    attributes += [(routing.FROM, source.network_address.packed)] if source else []
    attributes += [(routing.IIF, said["iif"])] if "iif" in said else []
    attributes += [(routing.FWMARK, int(said["fwmark"], 16))] if "fwmark" in said else []
    attributes += [(routing.PROTOCOL, bytes([routing.KERNEL]))]
    family = rtnetlink.family_of(4 if words[0] == "inet" else 6)
    length = source.prefixlen if source else 0
    body = struct.pack("=BBBBBBBBI", family, 0, length, 0, table if table < 256 else 0, 0, 0, routing.LOOKUP, 0)
    kind, flags, done = (rtnetlink.DELRULE, 0, errno.ENOENT) if value is None else (rtnetlink.NEWRULE, rtnetlink.NEW, errno.EEXIST)
    try:
        rtnetlink.request(kind, flags, body, attributes)
    except OSError as error:
        if error.errno != done:
            raise


def same(name: str, one: str, other: str) -> bool:
    """Tell whether two values are the same: there is only one."""
    return one == other
