# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP sockets from /proc/net/tcp and tcp6, where there is no NETLINK_SOCK_DIAG. Private to the collection."""

from __future__ import annotations

import socket
from collections import Counter
from itertools import islice
from typing import Any, Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, absent_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import FAMILIES, FIN_WAIT2, TIME_WAIT
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sockets import count_accepted, merged


def parse_proc_net_tcp(lines: Iterable[str], family: int) -> Iterator[tuple[str, int, str, int, int, int, int, int]]:
    """Yield (source, port, destination, port, state, queued, uid, inode) for each line of /proc/net/tcp or tcp6. Source: proc(5)."""
    for line in islice(lines, 1, None):
        words = line.split()
        try:
            (source, sport), (destination, dport) = words[1].split(":"), words[2].split(":")
            raw = [b"".join(bytes.fromhex(part[at : at + 8])[::-1] for at in range(0, len(part), 8)) for part in (source, destination)]
            ports = int(sport, 16), int(dport, 16)
            if max(ports) > 65535 or min(ports) < 0:
                continue
            yield (
                socket.inet_ntop(family, raw[0]),
                ports[0],
                socket.inet_ntop(family, raw[1]),
                ports[1],
                int(words[3], 16),
                int(words[4].split(":")[1], 16),
                int(words[7]),
                int(words[9]),
            )
        except (IndexError, ValueError):
            continue


def read_proc_net(root: Root) -> dict[str, Any]:
    """Return what read_sockets() does, from /proc/net/tcp and tcp6: without backlogs, flags and bound-only sockets."""
    listeners: list[dict[str, Any]] = []
    by_end: Counter[tuple[int, str]] = Counter()
    rest: Counter[tuple[int, int, str, str, int, bool]] = Counter()
    inodes: set[int] = set()
    source_of: Any = "/proc/net/tcp"
    for family, path in ((socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6")):
        try:
            for source, sport, destination, dport, state, queued, uid, inode in parse_proc_net_tcp(root.lines(path), family):
                if state == 10:
                    listeners.append(
                        {
                            "address": source,
                            "port": sport,
                            "family": FAMILIES[family],
                            "v6only": False,
                            "inode": inode,
                            "backlog": absent("unknown", path + " does not show the backlog"),
                            "queued": queued,
                            "uid": uid,
                            "cgroup": None,
                            "transparent": False,
                        }
                    )
                    continue
                plain = portsets.plain_address
                rest[family, sport, plain(source), plain(destination), dport, state in (TIME_WAIT, FIN_WAIT2) and not inode] += 1
                inodes.add(inode)
                if state not in (TIME_WAIT, 3) and (inode or state != FIN_WAIT2):
                    by_end[sport, source] += 1
        except OSError as error:
            if family == socket.AF_INET:  # without IPv6 there is no tcp6
                source_of = absent_for(error, path)
    count_accepted(listeners, by_end)
    listening = {one["port"] for one in listeners}
    flows = merged(
        {
            "source": source,
            "destination": destination,
            "port": port,
            "family": "inet6" if ":" in source else "inet",
            "connections": 0 if waits else number,
            "no_port": 0,
            "time_wait": number if waits else 0,
            "transparent": False,
        }
        for (_family, sport, source, destination, port, waits), number in rest.items()
        if sport not in listening
    )
    seen = sum(rest.values())
    return {
        "listeners": listeners,
        "flows": sorted(flows, key=lambda flow: -flow["connections"] - flow["time_wait"]),
        "seen": seen,
        "total": seen,
        "sampled": False,
        "error": 0.0,
        "bound": absent("unknown", "/proc/net/tcp does not list bound-only sockets"),
        "source": source_of,
        "by_cgroup": {},
        "inodes": inodes,
    }
