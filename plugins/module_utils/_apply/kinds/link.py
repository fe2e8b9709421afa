# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of our own (macvlan, dummy) as things that a change makes and takes away. Private to the collection.

A name is that of the interface. A value is {type, parent: the interface below a macvlan, else None}.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import UP, index_of, read_links
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

NAME, PARENT, INFO, TYPE, DATA, MODE, BRIDGE = 3, 5, 18, 1, 2, 1, 4
ACCEPT_RA = "/proc/sys/net/ipv6/conf/%s/accept_ra"


def read(root: Root, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """Return {name: value, None where there is no such interface}. Raises OSError."""
    links = read_links()
    return {name: {key: links[name][key] for key in ("type", "parent")} if name in links else None for name in names}


def write(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Make an interface and bring it up, or take it away with what it carries. Raises OSError.

    It takes no addresses and routes from router advertisements: it is to have what was asked for, and no way out of its own.
    """
    if value is None:
        try:
            rtnetlink.request(rtnetlink.DELLINK, 0, _body(index_of(name)))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
        return
    info: list[rtnetlink.Attribute] = [(TYPE, value["type"])]
    more: list[rtnetlink.Attribute] = []
    if value["parent"]:
        more.append((PARENT, index_of(value["parent"])))
        info.append((DATA, rtnetlink.pack([(MODE, BRIDGE)])))
    rtnetlink.request(rtnetlink.NEWLINK, rtnetlink.NEW, _body(0), [(NAME, name), *more, (INFO, rtnetlink.pack(info))])
    try:
        fd = os.open(ACCEPT_RA % name, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        pass  # a host without IPv6
    else:
        try:
            os.write(fd, b"0\n")
        finally:
            os.close(fd)
    rtnetlink.request(rtnetlink.NEWLINK, 0, _body(index_of(name), UP))


def _body(index: int, flags: int = 0) -> bytes:
    return struct.pack("=BBHiII", 0, 0, 0, index, flags, flags)


def same(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two interfaces are of the same type on the same parent."""
    return one == other
