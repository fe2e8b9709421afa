# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local routes to whole prefixes (AnyIP) as things that a change writes. Private to the collection.

A name is "INTERFACE PREFIX". A value is {type: local}.
"""

from __future__ import annotations

import errno

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import TABLE_LOCAL, TYPE_LOCAL
from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import index_of, read_ways
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

OUT, SCOPE_HOST = 4, 254
VALUE = {"type": "local"}


def read(root: Root, names: list[str]) -> dict[str, dict[str, str] | None]:
    """Return {name: value, None where there is no such route}. Raises OSError."""
    local = {way.local for way in read_ways()}
    return {name: dict(VALUE) if name in local else None for name in names}


def write(root: Root, name: str, value: dict[str, str] | None) -> None:
    """Add a local route or take it away; one that is gone already is no failure. Raises OSError."""
    interface, _blank, prefix = name.partition(" ")
    kind, flags = (rtnetlink.DELROUTE, 0) if value is None else (rtnetlink.NEWROUTE, rtnetlink.CREATE | rtnetlink.REPLACE)
    try:
        out = index_of(interface)
        rtnetlink.route(kind, flags, prefix, TABLE_LOCAL, [(OUT, out)], type=TYPE_LOCAL, scope=0 if ":" in prefix else SCOPE_HOST)
    except OSError as error:
        if value is not None or error.errno not in (errno.ESRCH, errno.ENODEV):
            raise


def same(name: str, one: dict[str, str], other: dict[str, str]) -> bool:
    """Tell whether two routes are alike: there is only one way to be local."""
    return one == other
