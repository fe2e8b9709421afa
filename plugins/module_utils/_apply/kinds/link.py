# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of our own (macvlan, dummy) as things that a change makes and takes away. Private to the collection.

A name is that of the interface. A value is {type, parent: the interface below a macvlan, else None}.
"""

from __future__ import annotations

import errno
import struct
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import UP, index_of, read_links
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

NAME, PARENT, INFO, TYPE, DATA, MODE, BRIDGE = 3, 5, 18, 1, 2, 1, 4


def read(root: Root, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """Return {name: value, None where there is no such interface}. Raises OSError."""
    links = read_links()
    return {name: {key: links[name][key] for key in ("type", "parent")} if name in links else None for name in names}


def write(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Make an interface, up at once, or take it away with what it carries. Raises OSError."""
    if value is None:
        try:
            rtnetlink.request(rtnetlink.DELLINK, 0, struct.pack("=BBHiII", 0, 0, 0, index_of(name), 0, 0))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
        return
    info: list[rtnetlink.Attribute] = [(TYPE, value["type"])]
    more: list[rtnetlink.Attribute] = []
    if value["parent"]:
        more.append((PARENT, index_of(value["parent"])))
        info.append((DATA, rtnetlink.pack([(MODE, BRIDGE)])))
    body = struct.pack("=BBHiII", 0, 0, 0, 0, UP, UP)
    rtnetlink.request(rtnetlink.NEWLINK, rtnetlink.NEW, body, [(NAME, name), *more, (INFO, rtnetlink.pack(info))])


def same(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two interfaces are of the same type on the same parent."""
    return one == other
