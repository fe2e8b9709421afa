# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an idle connection costs in memory: the kernel's side and the program's. Private to the collection."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS

# Bytes of slab pages for each end. Source: kernel-truths, 7. Memory.
DIALLED_END = 4010
ACCEPTED_END = 3790
CONNTRACK_ENTRY = 256
# Of an end, its inode (862) and dentry (195): the kernel counts their caches as reclaimable, and so in MemAvailable, but they go only with
# the socket. Source: net/socket.c, init_inodecache(); mm/page_alloc.c, si_mem_available().
PINNED = 1057


class Cost(NamedTuple):
    """Bytes that a program adds to the bare ends, its threads and watches in the kernel included. Measured: docs/memory.md.

    client: for a client's connection between two requests; relayed: for a client's connection and the one dialled for it together,
    the dearest idle state without TLS.
    """

    client: int
    relayed: int


PROGRAMS: dict[str, Cost] = {
    "haproxy": Cost(1500, 5600),
    "nginx": Cost(820, 35200),
    "varnish": Cost(2300, 170500),
    "varnishd": Cost(2300, 170500),  # as a process is called
}


def left(available: int, sockets: int) -> int:
    """Return the bytes that may still be used: MemAvailable, less what only counts as reclaimable while so many TCP sockets are there."""
    return max(0, available - PINNED * sockets)


def available(snapshot: dict[str, Any]) -> int | None:
    """Return the bytes that may still be used on the host of a snapshot; None where they could not be read."""
    free = number((known(snapshot.get("memory"), {}) or {}).get("available"))
    tcp = known((known(snapshot.get("sockets"), {}) or {}).get("tcp"), {}) or {}
    return None if free is None else left(free, number(tcp.get("allocated")) or 0)


def for_dialled(program: str | None, conntrack: bool, sharing: int = 1) -> int:
    """Return the bytes that one more idle connection costs the host that dials it; a relaying program also accepts one for it.

    sharing: how many listeners each local port is used for, since these connections share its bind buckets.
    """
    cost, relays = PROGRAMS.get(program or ""), program in DIALERS
    ends = ACCEPTED_END + (DIALLED_END - ACCEPTED_END) // max(1, sharing) + (ACCEPTED_END if relays else 0) + (cost.relayed if cost else 0)
    return ends + CONNTRACK_ENTRY * conntrack * (2 if relays else 1)


def for_accepted(program: str | None, conntrack: bool) -> int:
    """Return the bytes that one more idle connection costs the host that accepts it, without what is dialled for it."""
    cost = PROGRAMS.get(program or "")
    return ACCEPTED_END + (cost.client if cost else 0) + CONNTRACK_ENTRY * conntrack
