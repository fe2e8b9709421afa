# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot: everything that was read from one host at one moment, as plain data (docs/snapshot.md). Private to the collection."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent, known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Path, needed
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import candidates, ports_section
from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import read_addresses, read_neighbours, source_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.cluster import mark_moving
from ansible_collections.c10m.front_tier.plugins.module_utils._read.host import read_host
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import read_sockstat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sockets import DETAILED, read_sockets
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl import read_sysctls

SUBSETS = ("min", "files", "ports", "accept", "memory", "conntrack", "sockets", "boot", "services")
MOST_ROWS = 500  # of flows: a snapshot stays a fact of bounded size


def read_snapshot(
    root: Root, subsets: Iterable[str] = SUBSETS, paths: Iterable[Path] = (), services: Iterable[str | int] = (), sample: int = DETAILED
) -> dict[str, Any]:
    """Return the snapshot of the host below `root`: the subsets asked for, and always `min`.

    paths: what is known of their sockets is read to the port where no sampling is needed; services: units or processes to look
    at although nothing shows them; sample: see read_sockets(). Changes nothing; what cannot be read is an absence.
    """
    wanted = [name for name in SUBSETS if name == "min" or name in subsets]
    host = read_host(root)
    host.update(subsets=wanted, read_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    addresses = read_addresses(root)
    mark_moving(root, known(addresses, []))
    interfaces = sorted({row["interface"] for row in known(addresses, []) if row["interface"] != "lo"})
    snapshot: dict[str, Any] = {"host": host, "addresses": addresses, "limits": read_sysctls(root, wanted, interfaces, host["container"])}
    _read_min(root, snapshot, list(paths), sample)
    for name, read in READERS.items():  # boot last: it writes into what the others found
        if name in wanted:
            read(root, snapshot, list(services))
    snapshot["ports"] = dict(ports_section(snapshot), **snapshot.pop("without_socket", {}))
    _fill_used(root, snapshot)
    _tidy(snapshot)
    return snapshot


def _read_min(root: Root, snapshot: dict[str, Any], paths: list[Path], sample: int) -> None:
    """Read the sockets, and the source that the kernel picks for each destination."""
    totals = read_sockstat(root)
    delay = Limits(snapshot).number("net.ipv4.tcp_tw_reuse_delay")
    exact, sources = needed(paths)
    alive = sum(number(totals.get(name)) or 0 for name in ("inuse", "time_wait"))
    sockets = read_sockets(root, candidates(snapshot), alive, sample, exact, sources, 1000 if delay is None else delay)
    snapshot["listeners"] = sockets.pop("listeners")
    established = _established(root)
    snapshot["sockets"] = dict(
        sockets,
        tcp={
            "established": established,
            "time_wait": totals.get("time_wait"),
            "listen": len(snapshot["listeners"]),
            "orphan": totals.get("orphan"),
            "allocated": totals.get("alloc"),
            "memory_pages": totals.get("memory_pages"),
        },
    )
    if root.live:
        chosen = {path.destinations: None for path in paths if path.bind == "none"}
        snapshot["routes"] = [{"destination": one, "source": source_for(one)} for group in chosen for one in group]


def _established(root: Root) -> Any:
    """Return CurrEstab: ESTABLISHED and CLOSE_WAIT of both families in this namespace. Source: /proc/net/snmp, RFC 4022."""
    lines = [line.split() for line in text_of(root.text("/proc/net/snmp")).splitlines() if line.startswith("Tcp:")]
    try:
        return int(lines[1][lines[0].index("CurrEstab")])
    except (IndexError, ValueError):
        return absent("unreadable", "/proc/net/snmp has no CurrEstab")


def _read_files(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    nofile = {"soft": "unlimited" if soft == -1 else soft, "hard": "unlimited" if hard == -1 else hard}
    words = text_of(root.text("/proc/sys/fs/file-nr")).split()
    opened = int(words[0]) if words and words[0].isdecimal() else absent("unreadable", "/proc/sys/fs/file-nr")
    snapshot["files"] = {"open": opened, "nofile_self": nofile if root.live else absent("unknown", "not this machine")}


def _read_ports(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.nat import read_ports_without_socket

    snapshot["without_socket"] = {"without_socket": read_ports_without_socket(root)}


def _read_accept(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.counters import read_counters

    snapshot["counters"] = read_counters(root)


def _read_memory(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import read_memory

    snapshot["memory"] = dict(read_memory(root), tcp_pages=snapshot["sockets"]["tcp"]["memory_pages"])


def _read_conntrack(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.conntrack import read_conntrack

    snapshot["conntrack"] = read_conntrack(root, Limits(snapshot).by_name)


def _read_sockets(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    snapshot["neighbours"] = read_neighbours(root)


def _read_services(root: Root, snapshot: dict[str, Any], services: list[str | int]) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.services import read_services

    snapshot["services"] = read_services(root, dict(snapshot["sockets"], listeners=snapshot["listeners"]), services)


def _read_boot(root: Root, snapshot: dict[str, Any], _services: list[str | int]) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.boot import read_boot

    read_boot(root, snapshot)


READERS: dict[str, Callable[[Root, dict[str, Any], list[str | int]], None]] = {
    "files": _read_files,
    "ports": _read_ports,
    "accept": _read_accept,
    "memory": _read_memory,
    "conntrack": _read_conntrack,
    "sockets": _read_sockets,
    "services": _read_services,
    "boot": _read_boot,
}


def _fill_used(root: Root, snapshot: dict[str, Any]) -> None:
    """Write what is used of a limit beside its value, where the kernel counts it."""
    tcp = snapshot["sockets"]["tcp"]
    tasks = text_of(root.text("/proc/loadavg")).split()[3:4]
    threads = int(tasks[0].split("/")[1]) if tasks and tasks[0].partition("/")[2].isdecimal() else None
    used = {
        "fs.file-max": known((snapshot.get("files") or {}).get("open")),
        "kernel.threads-max": threads,
        "kernel.pid_max": threads,
        "net.ipv4.tcp_max_tw_buckets": known(tcp["time_wait"]),
        "net.ipv4.tcp_max_orphans": known(tcp["orphan"]),
        "net.ipv4.tcp_mem": known(tcp["memory_pages"]),
        "net.netfilter.nf_conntrack_max": Limits(snapshot).number("net.netfilter.nf_conntrack_count"),
    }
    for row in snapshot["limits"]:
        if not is_absent(row["value"]):
            row["used"] = used.get(row["name"])


def _tidy(snapshot: dict[str, Any]) -> None:
    """Take out what was needed to join the readers only, and bound the number of rows."""
    snapshot["sockets"].pop("inodes", None)
    snapshot["sockets"].pop("by_cgroup", None)
    for one in snapshot["listeners"]:
        one.pop("inode", None)
        one.pop("cgroup", None)
        one.setdefault("service", None)
    flows = snapshot["sockets"]["flows"]
    flows.sort(key=lambda row: ("ports" not in row, -row["connections"] - row["time_wait"], row["destination"], row["port"]))
    exact = sum("ports" in row for row in flows)
    snapshot["sockets"]["flows"] = flows[: max(MOST_ROWS, exact)]
