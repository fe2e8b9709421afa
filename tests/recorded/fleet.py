# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up fleet of any size, every host different, in the shape of docs/snapshot.md: what the tests of the report read.

The numbers agree with each other where the report shows them side by side, but they were not measured anywhere.
Run it to write one file: `python3 tests/recorded/fleet.py 300 > fleet.json`.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

KINDS = ("edge", "cache", "web", "gate")
KERNELS = ("5.10.0-32-cloud-amd64", "6.1.0-56-cloud-amd64", "6.12.41+deb13-amd64", "6.18.44")
SERVICES = {"edge": "haproxy.service", "cache": "varnish.service", "web": "nginx.service", "gate": "haproxy.service"}
ARTICLE = (
    "The article subtracts open files from 65535 and multiplies by the addresses that connect; open files take no ports, "
    "and only the ports of ip_local_port_range can be used."
)
REPORTED = (
    (
        "FT101",
        "warning",
        "net.ipv4.ip_local_port_range",
        "the range 32768-60999 uses 28232 of the 64512 ports it could use.",
        "Widen it with c10m.front_tier.port_range: low 1024, high 65535.",
    ),
    (
        "FT104",
        "error",
        "net.core.somaxconn",
        "4096 now, but the next boot sets 128: /etc/sysctl.d/99-old.conf:3 wins.",
        "Remove line 3 of /etc/sysctl.d/99-old.conf, or set on_override: outrank.",
    ),
    (
        "FT110",
        "error",
        "haproxy.service",
        "its processes hold 981 of 1024 descriptors.",
        "Set LimitNOFILE of haproxy.service to at least 400100.",
    ),
    (
        "FT117",
        "warning",
        "0.0.0.0:443",
        "the backlog 65535 was cut to 4096 by net.core.somaxconn.",
        "Raise net.core.somaxconn to 65535 and reload haproxy.service.",
    ),
    (
        "FT121",
        "error",
        "net.netfilter.nf_conntrack_max",
        "connection tracking holds 241022 of 262144 entries.",
        "Raise net.netfilter.nf_conntrack_max, or do not track these connections.",
    ),
    (
        "FT130",
        "info",
        "net.ipv4.ip_local_port_range",
        "the range has an odd number of ports: each tuple may lose one.",
        "Use an even range, for example 1024-65535.",
    ),
    (
        "FT133",
        "info",
        "tuned",
        "the tuned profile throughput-performance sets some of these keys.",
        "Change the profile, or switch it off.",
    ),
)


def limit(name: str, value: Any, unit: str | None = None, boot: Any = None, where: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one limit; `boot` is its value after the next boot where that is not the same."""
    source = "/proc/sys/" + name.replace(".", "/")
    after = {"value": value if boot is None else boot, "source": where, "applies": "boot", "overrides": [], "lost": None}
    return {"name": name, "scope": "netns", "unit": unit, "value": value, "used": None, "source": source, "boot": after, **more}


def bound(name: str, connections: Any, detail: str, **more: Any) -> dict[str, Any]:
    """Return one bound of a capacity."""
    return {"name": name, "connections": connections, "detail": detail, **more}


def direction(bounds: list[dict[str, Any]], used: int) -> dict[str, Any]:
    """Return the capacity that the smallest of the bounds gives."""
    least = min(entry["connections"] for entry in bounds)
    names = [entry["name"] for entry in bounds if entry["connections"] == least]
    return {"connections": least, "binding": names[0], "used": min(used, least), "tied": names[1:], "bounds": bounds}


def host(number: int, seed: int = 1) -> dict[str, Any]:
    """Return host `number` of the fleet: the same one for the same seed."""
    dice = random.Random(seed * 100003 + number)
    kind = dice.choice(KINDS)
    service = SERVICES[kind]
    root = dice.random() < 0.8
    memory = dice.choice((2, 4, 8, 16, 64, 256)) * 10**9
    nofile = dice.choice((1024, 1024, 65536, 524288, 1048576))
    low = dice.choice((1024, 10240, 32768, 32769))
    high = dice.choice((60999, 65535))
    somaxconn = dice.choice((128, 4096, 65535))
    blocked = [{"port": low + 7 * place, "by": "tcp listener 0.0.0.0"} for place in range(dice.randrange(3))]
    ports = high - low + 1 - len(blocked)
    address = "10.%d.%d.%d" % (dice.randrange(8), number // 250, number % 250 + 1)
    load = dice.choice((0.0, 0.02, 0.1, 0.4, 0.79, 0.97))
    per_end = dice.choice((3.8, 8.2, 34.0))
    in_memory = int(memory * 0.8 / (per_end * 1000))
    conntrack = dice.random() < 0.5
    shared = [bound("memory", in_memory, "idle, %.1f KB each" % per_end)]
    shared += [bound("conntrack", 262144, "nf_conntrack_max 262144", limit="net.netfilter.nf_conntrack_max")] if conntrack else []
    files = bound("nofile", nofile - 12, "%d descriptors, 12 of its own" % nofile, limit="%s nofile %d" % (service, nofile))
    inbound = direction([files, *shared, bound("file_max", 9223372036854775807 if root else 1630000, "fs.file-max")], 0)
    inbound["used"] = int(inbound["connections"] * load)
    upstreams = ["10.0.9.%d" % (10 + place) for place in range(dice.choice((1, 1, 2, 4)))]
    pairs = len(upstreams)
    odd = (high - low + 1) % 2
    reach = (ports - odd) * pairs
    port_bound = bound("ports", reach, "%d usable ports x 1 source x %d listener%s" % (ports, pairs, "" if pairs == 1 else "s"))
    outbound = direction([port_bound, files, *shared], 0)
    outbound["used"] = int(outbound["connections"] * load)
    path_capacity = direction([port_bound, *shared], outbound["used"])
    paths = [
        {
            "sources": [address],
            "destinations": upstreams,
            "ports": [8080],
            "family": "inet",
            "bind": dice.choice(("no_port", "none")),
            "dialer": service.split(".")[0],
            "pairs": pairs,
            "usable_ports": ports,
            **path_capacity,
            "at_most": path_capacity["connections"] + odd * pairs * (path_capacity["binding"] == "ports"),
            "free": path_capacity["connections"] - path_capacity["used"],
            "estimated": dice.random() < 0.3,
            "article_estimate": 65535 - 23,
            "article_note": ARTICLE,
            "rate": round(ports * pairs / 60, 1),
            "notes": [],
        }
    ]
    findings = [
        {
            "id": name,
            "severity": severity,
            "subject": subject,
            "message": message,
            "remedy": remedy,
            "evidence": {"value": dice.randrange(10**5), "source": "/proc/sys/net"},
            "outside": dice.random() < 0.1,
        }
        for name, severity, subject, message, remedy in dice.sample(REPORTED, dice.randrange(len(REPORTED)))
    ]
    hidden = {"absent": "no_permission", "detail": "/proc/812/fd: Permission denied"}
    worker = {
        "pid": 812,
        "program": kind,
        "nofile": {"soft": nofile, "hard": 1048576},
        "files_open": 23 if root else hidden,
        "connections": inbound["used"],
        "age": 3600,
        "uid": 33,
    }
    limits = [
        limit("net.ipv4.ip_local_port_range", [low, high], "ports"),
        limit("net.core.somaxconn", somaxconn, "connections", dice.choice((None, 65535)), "/etc/sysctl.d/50-web.conf:3"),
        limit("net.ipv4.tcp_tw_reuse", 2),
        limit("fs.file-max", 9223372036854775807, "files", used=1216),
        limit(
            "net.ipv4.tcp_mem",
            [376230, 501641, 752460] if root else {"absent": "unknown", "detail": "/proc/sys/net/ipv4/tcp_mem: not present"},
            "pages",
        ),
    ]
    if conntrack:
        entry = limit("net.netfilter.nf_conntrack_max", 262144, "connections", 1048576, "/etc/sysctl.d/60-track.conf:1")
        entry["boot"]["lost"] = dice.choice((None, "nf_conntrack is loaded after systemd-sysctl has run"))
        limits.append(entry)
    return {
        "host": {
            "system": "Linux",
            "kernel": dice.choice(KERNELS),
            "hostname": "%s-%03d" % (kind, number),
            "privileged": root,
            "container": dice.choice((None, None, None, "docker")),
            "init": "systemd",
            "cpus": 2,
            "memory": memory,
            "page_size": 4096,
            "read_at": "2026-11-23T16:%02d:%02dZ" % (number // 60 % 60, number % 60),
            "subsets": ["min", "files", "accept", "boot", "services"],
            "kernel_proven": dice.random() < 0.8,
        },
        "limits": limits,
        "ports": {"low": low, "high": high, "reserved": [], "usable": ports, "blocked": blocked, "without_socket": []},
        "sockets": {
            "tcp": {"established": inbound["used"], "time_wait": 3, "listen": 4, "orphan": 0, "allocated": 20, "memory_pages": 2},
            "sampled": load > 0.5,
            "seen": 20,
            "total": 20,
            "error": 0.0,
            "source": "sock_diag",
            "bound": [] if dice.random() < 0.5 else {"absent": "too_old", "detail": "bound sockets are listed since Linux 6.8"},
            "flows": [
                {
                    "source": address,
                    "destination": upstreams[0],
                    "port": 8080,
                    "family": "inet",
                    "connections": outbound["used"],
                    "no_port": 0,
                    "time_wait": 0,
                    "transparent": False,
                }
            ],
        },
        "listeners": [
            {
                "address": "0.0.0.0",
                "port": 443,
                "family": "inet",
                "v6only": False,
                "backlog": min(somaxconn, 65535),
                "queued": 0,
                "connections": inbound["used"],
                "transparent": False,
                "service": service,
                "uid": 0,
            }
        ],
        "services": [
            {
                "name": service,
                "program": kind,
                "main_pid": 812,
                "processes": [worker],
                "connections": inbound["used"],
                "memory": {"limit": "unlimited", "used": 123456, "source": "/sys/fs/cgroup/memory.max"},
                "tasks": {"limit": 4915, "used": 3, "source": "/sys/fs/cgroup/pids.max"},
                "live": {"nofile": {"soft": nofile, "hard": 1048576}},
                "boot": {
                    "nofile": {"soft": dice.choice((nofile, 524288)), "hard": 1048576},
                    "source": "/etc/systemd/system/%s.d/50-front-tier.conf:2" % service,
                    "overrides": [],
                },
                "needs_reload": False,
            }
        ],
        "addresses": [{"interface": "eth0", "address": address + "/24", "family": "inet", "local_route": False, "deprecated": False}],
        "counters": {"CurrEstab": inbound["used"], "ListenOverflows": 0, "ListenDrops": 0},
        "memory": {"total": memory, "available": int(memory * 0.8), "tcp_pages": 2},
        "boot": {"problems": [], "tuned": None, "modules_load": []},
        "unfinished": None,
        "paths": paths,
        "capacity": {"inbound": inbound, "outbound": outbound},
        "findings": findings,
    }


def fleet(size: int, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Return `size` hosts by their name in the inventory."""
    hosts = (host(number, seed) for number in range(size))
    return {entry["host"]["hostname"]: entry for entry in hosts}


if __name__ == "__main__":
    json.dump(fleet(int(sys.argv[1]) if len(sys.argv) > 1 else 300), sys.stdout, indent=1)
