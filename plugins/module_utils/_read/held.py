# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local ports of the connections that a path asks about, one by one. Private to the collection."""

from __future__ import annotations

import socket
import struct
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import (
    CONNECTED,
    FIN_WAIT2,
    TIME_WAIT,
    address_of,
    messages,
    request,
    runs,
)

TIME_WAIT_MS = 60000


def read_held(exact: set[tuple[str, int]], sources: set[str], delay_ms: int) -> dict[tuple[str, str, int], dict[str, int]]:
    """Return the local ports of each (source, destination, port) that a path asks about, as sets of ports by what holds them."""
    held: dict[tuple[str, str, int], dict[str, int]] = {}
    wanted = {(family, struct.pack(">H", port), raw) for address, port in exact for family, raw in _raw(address)}
    bound = {pair for address in sources for pair in _raw(address)}
    for view, used in messages(request(CONNECTED)):
        for offset, count, size in runs(view, used):
            fields = struct.Struct("=16xBB2x2s2s16s16s12xI%dx" % (size - 72))
            for family, state, sport, dport, src, dst, expires in fields.iter_unpack(view[offset : offset + count * size]):
                if (family, dport, dst) not in wanted and (family, src) not in bound:
                    continue
                old = state == TIME_WAIT and TIME_WAIT_MS - expires >= delay_ms
                kind = "waited" if old else "waiting" if state in (TIME_WAIT, FIN_WAIT2) else "ports"
                key = (address_of(family, src), address_of(family, dst), int.from_bytes(dport, "big"))
                sets = held.setdefault(key, {"ports": 0, "waiting": 0, "waited": 0})
                sets[kind] |= 1 << int.from_bytes(sport, "big")
    return held


def _raw(address: str) -> list[tuple[int, bytes]]:
    """Return the family and the 16 bytes by which messages name an address: IPv4 stands in those of IPv6 too, mapped."""
    if ":" in address:
        return [(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))]
    raw = socket.inet_pton(socket.AF_INET, address)
    return [(socket.AF_INET, raw + bytes(12)), (socket.AF_INET6, bytes(10) + b"\xff\xff" + raw)]


def write_held(flows: list[dict[str, Any]], held: dict[tuple[str, str, int], dict[str, int]]) -> None:
    """Write the local ports into the flows that a path asks about; add the flows that only accepted sockets make."""
    rows = {(row["source"], row["destination"], row["port"]): row for row in flows}
    for key, sets in held.items():
        source, destination, port = key
        row = rows.get(key)
        if row is None:
            row = {
                "source": source,
                "destination": destination,
                "port": port,
                "family": "inet6" if ":" in source else "inet",
                "connections": portsets.count(sets["ports"]),
                "no_port": 0,
                "time_wait": portsets.count(sets["waiting"] | sets["waited"]),
                "transparent": False,
                "accepted": True,
            }
            flows.append(row)
        row.update({kind: portsets.texts(ports) for kind, ports in sets.items()})
