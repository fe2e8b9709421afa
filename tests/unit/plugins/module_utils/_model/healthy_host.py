# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole snapshot of a host without a finding, its path and its capacity; and a way to change single values of them."""

from __future__ import annotations

import copy

WEB = "/etc/sysctl.d/50-web.conf:3"


def _limit(name, value, boot=None, source=None, scope="netns", used=None, **more):
    then = {"value": value if boot is None else boot, "source": source, "applies": "boot", "overrides": [], "lost": None}
    return dict(more, name=name, scope=scope, unit=None, value=value, used=used, source="/proc/sys/" + name.replace(".", "/"), boot=then)


LIMITS = [
    _limit("net.ipv4.ip_local_port_range", [32768, 60999]),
    _limit("net.ipv4.ip_local_reserved_ports", ["40000-40001"], ["40000", "40001"], WEB),
    _limit("net.ipv4.ip_unprivileged_port_start", 1024),
    _limit("net.ipv4.ip_autobind_reuse", 0),
    _limit("net.ipv4.tcp_tw_reuse", 2),
    _limit("net.ipv4.tcp_timestamps", 1),
    _limit("fs.nr_open", 1048576, scope="kernel"),
    _limit("fs.file-max", 2000000, source=WEB, scope="kernel", used=5000),
    _limit("fs.epoll.max_user_watches", 5491511, scope="kernel"),
    _limit("kernel.pid_max", 4194304, scope="kernel", used=300),
    _limit("kernel.threads-max", 190000, scope="kernel", used=300),
    _limit("net.core.somaxconn", 8192, source=WEB),
    _limit("net.ipv4.tcp_max_syn_backlog", 1024, source=WEB),
    _limit("net.ipv4.tcp_syncookies", 1),
    _limit("net.ipv4.tcp_abort_on_overflow", 0),
    _limit("net.ipv4.tcp_fin_timeout", 60),
    _limit("net.ipv4.tcp_max_tw_buckets", 100000),
    _limit("net.ipv4.tcp_max_orphans", 100000, scope="kernel"),
    _limit("net.ipv4.tcp_keepalive_time", 7200),
    _limit("net.ipv4.tcp_keepalive_intvl", 75),
    _limit("net.ipv4.tcp_keepalive_probes", 9),
    _limit("net.ipv4.ip_forward", 1, source=WEB),
    _limit("net.ipv6.ip_nonlocal_bind", 0),
    _limit("net.ipv4.conf.all.rp_filter", 0),
    _limit("net.ipv4.conf.eth0.rp_filter", 2, source=WEB),
    _limit("net.ipv4.conf.all.promote_secondaries", 0),
    _limit("net.ipv4.conf.eth0.promote_secondaries", 1, source="/usr/lib/sysctl.d/50-default.conf:30"),
    _limit("net.ipv4.neigh.default.gc_thresh3", 1024, scope="kernel"),
    _limit("net.ipv6.neigh.default.gc_thresh3", 1024, scope="kernel"),
    _limit("net.ipv4.tcp_mem", [280000, 370000, 560000], scope="kernel"),
    _limit("net.ipv4.tcp_ehash_entries", 262144, scope="kernel"),
    _limit("net.netfilter.nf_conntrack_max", 262144, scope="kernel"),
    _limit("net.netfilter.nf_conntrack_buckets", 262144, scope="kernel"),
    _limit("net.netfilter.nf_conntrack_tcp_timeout_established", 432000),
    _limit("DefaultLimitNOFILE", {"soft": 1024, "hard": 524288}, scope="unit"),
    dict(_limit("nofile", {"soft": 1024, "hard": 4096}, scope="user", subject="@web"), source="/etc/security/limits.d/50.conf:2"),
]
SNAPSHOT = {
    "host": {
        "system": "Linux", "kernel": "6.1.0-56-amd64", "hostname": "a", "container": None, "privileged": True, "init": "systemd",
        "cpus": 2, "memory": 25000000000, "page_size": 4096, "read_at": "2026-11-23T16:20:00Z", "kernel_proven": True,
        "subsets": ["min", "files", "ports", "accept", "memory", "conntrack", "sockets", "boot", "services"],
    },
    "limits": LIMITS,
    "ports": {
        "low": 32768, "high": 60999, "reserved": ["40000-40001"], "usable": 28230, "blocked": [],
        "without_socket": [{"port": 30080, "by": "nft dnat in table ip nat"}],
    },
    "sockets": {
        "tcp": {"established": 2000, "time_wait": 30, "listen": 2, "orphan": 3, "allocated": 2100, "memory_pages": 2000},
        "sampled": False, "seen": 2000, "total": 2000, "error": 0.0, "source": "sock_diag",
        "bound": [{"address": "10.0.0.2", "port": 20000, "family": "inet"}],
        "flows": [{
            "source": "10.0.0.2", "destination": "10.0.0.9", "port": 8080, "family": "inet", "connections": 1000, "no_port": 1000,
            "time_wait": 30, "transparent": False,
        }],
    },
    "listeners": [
        {"address": "0.0.0.0", "port": 80, "family": "inet", "v6only": False, "backlog": 511, "queued": 2, "connections": 1000,
         "transparent": False, "service": "haproxy.service", "uid": 0},
        {"address": "::", "port": 22, "family": "inet6", "v6only": False, "backlog": 128, "queued": 0, "connections": 1,
         "transparent": False, "service": "ssh.service", "uid": 0},
    ],
    "services": [
        {
            "name": "haproxy.service", "program": "haproxy", "main_pid": 812, "connections": 2000,
            "processes": [
                {"pid": 812, "program": "haproxy", "nofile": {"soft": 200000, "hard": 200000}, "files_open": 20, "connections": 0,
                 "age": 3700, "uid": 0},
                {"pid": 813, "program": "haproxy", "nofile": {"soft": 200000, "hard": 200000}, "files_open": 2030,
                 "connections": 2000, "age": 3600, "uid": 99},
            ],
            "memory": {"limit": 1000000000, "used": 200000000, "source": "/sys/fs/cgroup/system.slice/haproxy.service/memory.max"},
            "tasks": {"limit": 4915, "used": 8, "source": "/sys/fs/cgroup/system.slice/haproxy.service/pids.max"},
            "live": {"nofile": {"soft": 200000, "hard": 200000}},
            "boot": {"nofile": {"soft": 200000, "hard": 200000}, "source": "/etc/systemd/system/haproxy.service.d/50.conf:2",
                     "overrides": []},
            "needs_reload": False,
        },
        {
            "name": "ssh.service", "program": "sshd", "main_pid": 700, "connections": 1,
            "processes": [{"pid": 700, "program": "sshd", "nofile": {"soft": 1024, "hard": 524288}, "files_open": 5, "connections": 1,
                           "age": 9000, "uid": 0}],
            "memory": {"limit": "unlimited", "used": 5000000, "source": "/sys/fs/cgroup/system.slice/ssh.service/memory.max"},
            "tasks": {"limit": 4915, "used": 1, "source": "/sys/fs/cgroup/system.slice/ssh.service/pids.max"},
            "live": {"nofile": {"soft": 1024, "hard": 524288}},
            "boot": {"nofile": {"soft": 1024, "hard": 524288}, "source": None, "overrides": []},
            "needs_reload": False,
        },
    ],
    "addresses": [
        {"interface": "eth0", "address": "10.0.0.2/24", "family": "inet", "local_route": False, "deprecated": False},
        {"interface": "eth0", "address": "10.0.0.3/24", "family": "inet", "local_route": False, "deprecated": False},
        {"interface": "lo", "address": "10.99.0.0/24", "family": "inet", "local_route": True, "deprecated": False},
    ],
    "counters": dict.fromkeys(
        ("ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies", "TCPTimeWaitOverflow", "TCPAbortOnMemory",
         "PruneCalled", "TCPMemoryPressures", "IPReversePathFilter"), 0),
    "memory": {"total": 25000000000, "available": 20000000000, "tcp_pages": 2000},
    "conntrack": {"active": True, "entries": 2000, "max": 262144, "buckets": 262144, "drop": 0, "early_drop": 0, "insert_failed": 0},
    "neighbours": {"inet": 3, "inet6": 2},
    "files": {"open": 5000, "nofile_self": {"soft": 1024, "hard": 20000}},
    "boot": {"applied_by": "systemd", "problems": [], "tuned": None, "modules_load": ["nf_conntrack"]},
    "unfinished": None,
}  # fmt: skip
PATHS = [{
    "sources": ["10.0.0.2"], "destinations": ["10.0.0.9"], "ports": [8080], "family": "inet", "bind": "no_port", "dialer": "haproxy",
    "service": None, "pairs": 1, "usable_ports": 28230, "connections": 28230, "at_most": 28230, "used": 1000, "free": 27230,
    "binding": "ports", "tied": [], "estimated": False, "rate": 470.5,
    "bounds": [{"name": "ports", "connections": 28230, "detail": "28230 usable ports x 1 pairs of source and listener"},
               {"name": "memory", "connections": 2000000, "detail": "idle, 3.8 KB each"}],
}]  # fmt: skip
CAPACITY = {
    "inbound": {"connections": 200000, "binding": "nofile", "used": 1001, "tied": [],
                "bounds": [{"name": "nofile", "connections": 200000, "detail": "descriptors of 2 listening processes"},
                           {"name": "nf_conntrack_max", "connections": 261144, "detail": "262144 entries less 2000 in use"}]},
    "outbound": {"connections": 28230, "binding": "ports", "used": 1000, "tied": [],
                 "bounds": [{"name": "ports", "connections": 28230, "detail": "the capacity of one path"},
                            {"name": "memory", "connections": 2000000, "detail": "idle, 3.8 KB each"}]},
}  # fmt: skip


def host(changes=None):
    """Return (snapshot, paths, capacity) of the healthy host with {"a/b/0/c": value} changed.

    A limit is found by its name, any other row of a list by its number; "..." as the value takes the key out.
    """
    whole = copy.deepcopy({"snapshot": SNAPSHOT, "paths": PATHS, "capacity": CAPACITY})
    for where, value in (changes or {}).items():
        words = where.split("/")
        at = whole if words[0] in ("paths", "capacity") else whole["snapshot"]
        for word in words[:-1]:
            at = _step(at, word)
        last = int(words[-1]) if isinstance(at, list) else words[-1]
        if value is ...:
            del at[last]
        else:
            at[last] = copy.deepcopy(value)
    return whole["snapshot"], whole["paths"], whole["capacity"]


def _step(at, word):
    if isinstance(at, dict):
        return at[word]
    return at[int(word)] if word.isdigit() else next(row for row in at if row["name"] == word)
