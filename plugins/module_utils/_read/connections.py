# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections of this namespace by their addresses, whole: for what asks who talks to whom. Private to the collection."""

from __future__ import annotations

import struct
from collections import Counter

from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import (
    CONNECTED,
    DESTINATION_PORT,
    ESTABLISHED,
    TIME_WAIT,
    address_of,
    messages,
    port_filter,
    request,
    runs,
)


def read_connections() -> Counter[tuple[str, int, str]]:
    """Return {(local address, local port, remote address): connections} of this namespace; what is in TIME_WAIT carries none."""
    raw: Counter[tuple[int, bytes, bytes, bytes]] = Counter()
    for view, used in messages(request(CONNECTED & ~(1 << TIME_WAIT))):
        for offset, count, size in runs(view, used):
            raw.update(struct.iter_unpack("=16xB3x2s2x16s16s%dx" % (size - 56), view[offset : offset + count * size]))
    found: Counter[tuple[str, int, str]] = Counter()
    for (family, port, source, destination), number in raw.items():
        found[address_of(family, source), int.from_bytes(port, "big"), address_of(family, destination)] += number
    return found


def read_established(ports: int, side: int) -> Counter[tuple[str, str, int]]:
    """Return {(source, destination, port): ESTABLISHED connections} to a port of the set, as the sockets that dialled them say it.

    With side SOURCE_PORT those accepted on a port of the set, with an empty source.
    """
    raw: Counter[tuple[int, bytes]] = Counter()
    fields, used = ("=16xB5x34s%dx", 56) if side == DESTINATION_PORT else ("=16xB3x20s%dx", 40)
    for view, size_of_all in messages(request(ESTABLISHED, port_filter(ports, side))):
        for offset, count, size in runs(view, size_of_all):
            raw.update(struct.iter_unpack(fields % (size - used), view[offset : offset + count * size]))
    found: Counter[tuple[str, str, int]] = Counter()
    for (family, end), number in raw.items():
        outgoing = len(end) == 34
        source = address_of(family, end[2:18]) if outgoing else ""
        destination = address_of(family, end[18:34] if outgoing else end[4:20])
        found[source, destination, int.from_bytes(end[:2], "big")] += number
    return found
