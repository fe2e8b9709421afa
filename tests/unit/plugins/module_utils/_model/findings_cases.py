# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each finding: what makes a healthy host have it, what just does not, and the whole text that a user then reads."""

from __future__ import annotations

# (id, changes that make it, the smallest further change that unmakes it, severity, subject, message, remedy, evidence)
CASES = [
    (
        "FT101",
        {"ports/high": 60998},
        {"ports/low": 60998},
        "warning",
        "net.ipv4.ip_local_port_range",
        (
            "The port range 32768-60998 holds 28231 ports, an odd number: connect() looks at 28230 of them for a"
            " destination, and which one it leaves out is chance."
        ),
        'Set net.ipv4.ip_local_port_range to "32768 60997", an even number of ports.',
        {"low": 32768, "high": 60998, "ports": 28231, "looked": 28230, "better": "32768 60997"},
    ),
    (
        "FT102",
        {"listeners/0/port": 32768},
        {"listeners/0/port": 32767},
        "warning",
        "net.ipv4.ip_local_reserved_ports",
        (
            "The port range 32768-60999 contains listeners that are not reserved: 0.0.0.0:32768 (haproxy.service)."
            " While their service restarts, an outgoing connection may take the port, and the service fails with"
            " EADDRINUSE."
        ),
        "Add 32768 to net.ipv4.ip_local_reserved_ports (port_range with reserve: auto does).",
        {"low": 32768, "high": 60999, "ports": 28232, "listeners": ["0.0.0.0:32768 (haproxy.service)"], "open": ["32768"]},
    ),
    (
        "FT103",
        {"ports/without_socket/0/port": 60999},
        {"ports/reserved": ["60999"]},
        "warning",
        "net.ipv4.ip_local_reserved_ports",
        (
            "The port range 32768-60999 contains ports that rules of this host take without a socket: 60999 (nft dnat"
            " in table ip nat). connect() may choose one, and its packets may then meet the rule instead of the"
            " connection."
        ),
        "Add 60999 to net.ipv4.ip_local_reserved_ports (port_range with reserve: auto does).",
        {"low": 32768, "high": 60999, "ports": 28232, "rules": ["60999 (nft dnat in table ip nat)"], "open": ["60999"]},
    ),
    (
        "FT104",
        {"ports/reserved": ["32768-60999"]},
        {"ports/reserved": ["32768-60998"]},
        "error",
        "net.ipv4.ip_local_reserved_ports",
        (
            "All 28232 ports of the range 32768-60999 are reserved: every connect() that leaves its port to the kernel"
            " fails with EADDRNOTAVAIL."
        ),
        "Take ports out of net.ipv4.ip_local_reserved_ports, or widen net.ipv4.ip_local_port_range.",
        {"low": 32768, "high": 60999, "ports": 28232},
    ),
    (
        "FT105",
        {"ports/low": 40000, "ports/high": 40099, "ports/reserved": ["40009-40099"]},
        {"ports/reserved": ["40010-40099"]},
        "warning",
        "net.ipv4.ip_local_reserved_ports",
        "The reserved ports leave 9 of the 100 ports of the range 40000-40099.",
        "Take ports out of net.ipv4.ip_local_reserved_ports, or widen net.ipv4.ip_local_port_range.",
        {"low": 40000, "high": 40099, "ports": 100, "left": 9},
    ),
    (
        "FT106",
        {"ports/low": 10238},
        {"ports/reserved": ["10238-10239"]},
        "info",
        "net.ipv4.ip_local_port_range",
        (
            "The port range 10238-60999 begins among the ports of services: 2 of them are below 10240 and not"
            " reserved, and an outgoing connection may hold one when its service starts."
        ),
        "Reserve the ports of services that do not run yet, or begin the range at 10240.",
        {"low": 10238, "high": 60999, "ports": 50762, "open": 2},
    ),
    (
        "FT107",
        {"limits/net.ipv4.ip_local_port_range/boot/value": [1023, 65534]},
        {"limits/net.ipv4.ip_unprivileged_port_start/boot/value": 1023},
        "error",
        "net.ipv4.ip_local_port_range",
        (
            "At boot net.ipv4.ip_local_port_range becomes 1023-65534 and net.ipv4.ip_unprivileged_port_start 1024: the"
            " kernel refuses a range that begins below it, so the one that is written last is not set."
        ),
        "Begin the range at 1024, or set net.ipv4.ip_unprivileged_port_start to at most 1023.",
        {"low": 1023, "high": 65534, "start": 1024},
    ),
    (
        "FT108",
        {"paths/0/used": 28230, "paths/0/free": 0},
        {"paths/0/used": 28229, "paths/0/free": 1},
        "error",
        "10.0.0.2 -> 10.0.0.9:8080",
        ("The path 10.0.0.2 -> 10.0.0.9:8080 is full: it holds 28230 of 28230 connections and none is free. What binds is ports."),
        ("Add source addresses (secondary_interfaces) or listeners, or widen net.ipv4.ip_local_port_range (port_range)."),
        {"used": 28230, "connections": 28230, "free": 0, "estimated": False, "allowed": 22584, "headroom": 20, "binding": "ports"},
    ),
    (
        "FT109",
        {"paths/0/used": 22585, "paths/0/free": 5645},
        {"paths/0/used": 22584, "paths/0/free": 5646},
        "warning",
        "10.0.0.2 -> 10.0.0.9:8080",
        ("The path 10.0.0.2 -> 10.0.0.9:8080 holds 22585 of 28230 connections; a headroom of 20 % allows 22584. What binds is ports."),
        ("Add source addresses (secondary_interfaces) or listeners, or widen net.ipv4.ip_local_port_range (port_range)."),
        {"used": 22585, "connections": 28230, "free": 5645, "estimated": False, "allowed": 22584, "headroom": 20, "binding": "ports"},
    ),
    (
        "FT110",
        {"paths/0/bind": "plain", "paths/0/ports": [8080, 8081]},
        {"paths/0/ports": [8080]},
        "warning",
        "10.0.0.2 -> 10.0.0.9, 2 ports",
        (
            "The path 10.0.0.2 -> 10.0.0.9, 2 ports binds its sources without IP_BIND_ADDRESS_NO_PORT: a port serves"
            " one connection to one of its 2 listeners, 28230 in all; with it up to 56460."
        ),
        "Let the program set IP_BIND_ADDRESS_NO_PORT before bind(), as HAProxy and nginx do.",
        {"listeners": 2, "connections": 28230, "no_port": 56460},
    ),
    (
        "FT111",
        {"sockets/flows/0/connections": 5647, "sockets/flows/0/no_port": 0},
        {"sockets/flows/0/no_port": 1},
        "info",
        "net.ipv4.ip_local_port_range",
        (
            "5647 outgoing connections do not show IP_BIND_ADDRESS_NO_PORT. Those that were bound all the same keep"
            " their port from every other connection, at most 5647 of 28230 usable ports; which they are cannot be"
            " seen."
        ),
        ("Let programs that bind a source address set IP_BIND_ADDRESS_NO_PORT; those that bind none need nothing."),
        {"sockets": 5647, "possible": 5647, "usable": 28230},
    ),
    (
        "FT112",
        {"sockets/bound/0/port": 50000},
        {"ports/reserved": ["50000"]},
        "info",
        "net.ipv4.ip_local_port_range",
        (
            "Sockets that are bound and neither listen nor connect hold ports of the range 32768-60999: 50000."
            " connect() leaves them out for every source."
        ),
        ("Close what holds them (ss --tcp --processes --bound-inactive names it), or let it bind outside the range."),
        {"low": 32768, "high": 60999, "ports": 28232, "held": 1, "open": ["50000"]},
    ),
    (
        "FT113",
        {"limits/net.ipv4.ip_autobind_reuse/value": 1, "limits/net.ipv4.ip_autobind_reuse/boot/value": 1},
        {"limits/net.ipv4.ip_autobind_reuse/value": 0},
        "warning",
        "net.ipv4.ip_autobind_reuse",
        (
            "net.ipv4.ip_autobind_reuse is 1: bind() with SO_REUSEADDR hands out ports that are in use, and connect()"
            " then fails with EADDRNOTAVAIL by chance, long before the ports are spent."
        ),
        "Set net.ipv4.ip_autobind_reuse to 0, and let programs set IP_BIND_ADDRESS_NO_PORT.",
        {"value": 1},
    ),
    (
        "FT114",
        {"sockets/bound": {"absent": "too_old", "detail": "since Linux 6.8"}},
        {"sockets/bound": {"absent": "no_permission", "detail": ""}},
        "info",
        "sockets.bound",
        (
            "Linux 6.1.0-56-amd64 does not list sockets that are bound and neither listen nor connect: each of them"
            " takes one of the usable ports that are counted here."
        ),
        "Linux 6.8 and later list them; before, look for programs that bind and wait.",
        {"kernel": "6.1.0-56-amd64"},
    ),
    (
        "FT116",
        {"host/kernel_proven": False},
        {"host/kernel_proven": None},
        "info",
        "host.kernel",
        ("The rules behind the capacities were not run against Linux 6.1.0-56-amd64: its numbers are computed, not proven."),
        ("Prove a path with connections that are really opened (connection_probe), or run the truth tests on this kernel."),
        {"kernel": "6.1.0-56-amd64"},
    ),
    (
        "FT117",
        {"paths/0/used": 14116, "paths/0/free": 14114},
        {"host/kernel": "6.18.0"},
        "info",
        "10.0.0.2 -> 10.0.0.9:8080",
        (
            "Linux 6.1.0-56-amd64 keeps a port that an explicit bind once touched from connect()'s own choice while"
            " any socket holds it: the path 10.0.0.2 -> 10.0.0.9:8080, at 14116 of 28230 connections, may end before"
            " its last port."
        ),
        "Leave more headroom on this path, or use Linux 6.18 or later.",
        {"kernel": "6.1.0-56-amd64", "used": 14116, "connections": 28230},
    ),
    (
        "FT201",
        {"services/0/boot/nofile": {"soft": 200000, "hard": 2000100}, "services/0/live/nofile": {"soft": 200000, "hard": 2000100}},
        {"limits/fs.nr_open/value": 2000100, "limits/fs.nr_open/boot/value": 2000100},
        "error",
        "haproxy.service",
        (
            "haproxy.service asks for 2000100 files, and fs.nr_open will be 1048576: the kernel refuses more, and"
            " systemd then starts it with less and without an error."
        ),
        "Set fs.nr_open to at least 2000100 (fd_limits sets both), or LimitNOFILE to at most 1048576.",
        {"nofile": 2000100, "nr_open": 1048576},
    ),
    (
        "FT202",
        {"services/0/live/nofile": {"soft": 200000, "hard": 200001}, "services/0/boot/nofile": {"soft": 200000, "hard": 200001}},
        {"services/0/main_pid": 814},
        "warning",
        "haproxy.service",
        (
            "haproxy.service: its main process 812 runs with nofile 200000:200000, the unit says 200000:200001 now. A"
            " restart gives it that, unless the program sets its own."
        ),
        ("Restart haproxy.service, or give its processes the unit's limit (fd_limits does so without a restart)."),
        {"pid": 812, "running": {"soft": 200000, "hard": 200000}, "unit": {"soft": 200000, "hard": 200001}},
    ),
    (
        "FT203",
        {
            "services/0/processes/0/nofile": {"soft": 1024, "hard": 4096},
            "services/0/processes/1/nofile": {"soft": 1024, "hard": 4096},
            "services/0/processes/1/files_open": 23,
        },
        {"services/0/processes/1/nofile": {"soft": 1025, "hard": 4096}},
        "warning",
        "haproxy.service",
        (
            "haproxy.service accepts connections with a soft nofile of 1024 (hard 4096): unless haproxy raises it"
            " itself, accept() fails with EMFILE at 1024 open files."
        ),
        ("Set nofile of haproxy.service (fd_limits) to the connections it must hold, twice that for a proxy, plus 100; then restart it."),
        {"soft": 1024, "hard": 4096, "program": "haproxy"},
    ),
    (
        "FT204",
        {
            "services/0/processes/1/nofile": {"soft": 1024, "hard": "unlimited"},
            "services/0/processes/1/files_open": 23,
            "limits/fs.nr_open/value": 39062501,
            "limits/fs.nr_open/boot/value": 39062501,
        },
        {"limits/fs.nr_open/value": 39062500},
        "warning",
        "haproxy.service",
        (
            "haproxy makes a table for every file it may open, 64 bytes each: a hard nofile of 39062501 makes that"
            " 2500000064 bytes of the host's 25000000000."
        ),
        ("Set nofile of haproxy.service to what it needs (fd_limits), or limit the program itself (HAProxy: maxconn or fd-hard-limit)."),
        {"program": "haproxy", "bytes": 64, "kind": "hard", "files": 39062501, "total": 2500000064, "memory": 25000000000},
    ),
    (
        "FT205",
        {"services/0/processes/1/files_open": 200000},
        {"services/0/processes/1/files_open": 199999},
        "error",
        "haproxy.service",
        ("haproxy.service: process 813 has 200000 files open and may have 200000: accept() and connect() fail with EMFILE."),
        "Raise nofile of haproxy.service above 200000 (fd_limits does it without a restart).",
        {"pid": 813, "files_open": 200000, "soft": 200000, "share": 100},
    ),
    (
        "FT206",
        {"services/0/processes/1/files_open": 160001},
        {"services/0/processes/1/files_open": 160000},
        "warning",
        "haproxy.service",
        "haproxy.service: process 813 has 160001 of 200000 files open (80 %).",
        "Raise nofile of haproxy.service above 200000 (fd_limits does it without a restart).",
        {"pid": 813, "files_open": 160001, "soft": 200000, "share": 80},
    ),
    (
        "FT207",
        {"limits/fs.file-max/used": 1600001},
        {"limits/fs.file-max/used": 1600000},
        "warning",
        "fs.file-max",
        ("The machine has 1600001 files open, and fs.file-max is 2000000 (80 %): at the limit all but root get ENFILE."),
        "Set fs.file-max to at least 3200002 (fd_limits).",
        {"used": 1600001, "limit": 2000000, "share": 80, "wanted": 3200002},
    ),
    (
        "FT208",
        {"limits/nofile/value": {"soft": 1024, "hard": 1048577}, "limits/nofile/boot/value": {"soft": 1024, "hard": 1048577}},
        {"limits/nofile/value": {"soft": 1024, "hard": 1048576}},
        "error",
        "@web",
        (
            "/etc/security/limits.d/50.conf:2 gives @web a nofile of 1048577, above fs.nr_open 1048576: pam_limits"
            " cannot set it, and sshd, su and sudo refuse the session."
        ),
        "Set fs.nr_open to at least 1048577, or nofile of @web to at most 1048576 (fd_limits).",
        {"nofile": 1048577, "nr_open": 1048576, "source": "/etc/security/limits.d/50.conf:2"},
    ),
    (
        "FT209",
        {"limits/kernel.threads-max/used": 152001},
        {"limits/kernel.threads-max/used": 152000},
        "warning",
        "kernel.threads-max",
        ("The machine runs 152001 threads, and kernel.threads-max is 190000 (80 %): at the limit fork() fails with EAGAIN."),
        "Set kernel.threads-max to at least 304002.",
        {"used": 152001, "limit": 190000, "share": 80, "wanted": 304002},
    ),
    (
        "FT210",
        {"services/0/tasks/used": 3933},
        {"services/0/tasks/used": 3932},
        "warning",
        "haproxy.service",
        "haproxy.service runs 3933 of 4915 tasks (80 %): at the limit it starts no further thread or worker.",
        "Set TasksMax of haproxy.service to at least 7866.",
        {"used": 3933, "limit": 4915, "share": 80, "wanted": 7866},
    ),
    (
        "FT211",
        {"limits/fs.epoll.max_user_watches/value": 199999, "limits/fs.epoll.max_user_watches/boot/value": 199999},
        {"limits/fs.epoll.max_user_watches/value": 200000},
        "info",
        "haproxy.service",
        ("fs.epoll.max_user_watches is 199999, below the 200000 files of haproxy.service: its user gets ENOSPC from epoll_ctl() first."),
        "Set fs.epoll.max_user_watches to at least 200000.",
        {"watches": 199999, "soft": 200000},
    ),
    (
        "FT212",
        {"services/0/needs_reload": True},
        {"services/0/needs_reload": False},
        "warning",
        "haproxy.service",
        "The files of haproxy.service changed after systemd read them: a restart still uses the old ones.",
        "Run systemctl daemon-reload, then restart haproxy.service.",
        {},
    ),
    (
        "FT213",
        {"limits/fs.file-max/value": 199999, "limits/fs.file-max/boot/value": 199999},
        {"limits/fs.file-max/value": 200000},
        "warning",
        "haproxy.service",
        ("fs.file-max is 199999, below the nofile 200000 of haproxy.service: it gets ENFILE before it has its files."),
        "Set fs.file-max to at least 400000 (fd_limits).",
        {"file_max": 199999, "soft": 200000, "wanted": 400000},
    ),
    (
        "FT301",
        {"limits/net.core.somaxconn/value": 511, "limits/net.core.somaxconn/boot/value": 511},
        {"limits/net.core.somaxconn/value": 512},
        "info",
        "net.core.somaxconn",
        (
            "net.core.somaxconn is 511, and so is the backlog of 0.0.0.0:80 (haproxy.service): listen() may have asked"
            " for more and been cut."
        ),
        ("Set net.core.somaxconn to the backlog that the programs ask for, then restart or reload them: it is read in listen()."),
        {"somaxconn": 511, "listeners": ["0.0.0.0:80 (haproxy.service)"]},
    ),
    (
        "FT302",
        {"listeners/0/backlog": 4096},
        {"limits/net.core.somaxconn/value": 4096},
        "info",
        "net.core.somaxconn",
        (
            "net.core.somaxconn is 8192, but the backlog of 0.0.0.0:80 (haproxy.service) is 4096, the kernel's default"
            " for it: they may have called listen() before it was raised."
        ),
        ("Restart or reload these services: somaxconn is read in listen(). If one asks for 4096 itself, raise its own setting."),
        {"somaxconn": 8192, "listeners": ["0.0.0.0:80 (haproxy.service)"], "backlog": 4096},
    ),
    (
        "FT303",
        {"listeners/0/queued": 512},
        {"listeners/0/queued": 511},
        "error",
        "0.0.0.0:80 (haproxy.service)",
        (
            "The accept queue of 0.0.0.0:80 (haproxy.service) is full: 512 connections wait for accept(), its backlog"
            " is 511. Further SYNs are dropped, and clients hang."
        ),
        ("See why the program does not accept (its own maxconn, its nofile, its CPU), then raise its backlog and net.core.somaxconn."),
        {"queued": 512, "backlog": 511},
    ),
    (
        "FT304",
        {"counters/ListenOverflows": 7, "counters/ListenDrops": 7},
        {"counters/ListenOverflows": 0},
        "warning",
        "ListenOverflows",
        "ListenOverflows is 7: so often since boot a connection came to a full accept queue and was dropped.",
        ("Raise the program's backlog and net.core.somaxconn, and restart it; if the queue is full at rest, it accepts too slowly."),
        {"count": 7},
    ),
    (
        "FT305",
        {"counters/ListenOverflows": 7, "counters/TCPReqQFullDrop": 2, "counters/ListenDrops": 10},
        {"counters/ListenDrops": 9},
        "warning",
        "ListenDrops",
        (
            "ListenDrops is 10, 1 more than ListenOverflows (7) and TCPReqQFullDrop (2): so many SYNs were dropped"
            " since boot for another reason than a full queue."
        ),
        "Look for memory pressure, and for net.ipv4.tcp_max_syn_backlog while net.ipv4.tcp_syncookies is 0.",
        {"count": 1, "drops": 10, "overflows": 7, "queue": 2},
    ),
    (
        "FT306",
        {"counters/TCPReqQFullDrop": 1},
        {"counters/TCPReqQFullDrop": 0},
        "warning",
        "TCPReqQFullDrop",
        ("TCPReqQFullDrop is 1: so many SYNs were dropped since boot because a SYN queue was full and SYN cookies were off."),
        "Set net.ipv4.tcp_syncookies to 1, and raise the program's backlog and net.core.somaxconn.",
        {"count": 1},
    ),
    (
        "FT307",
        {"counters/TCPReqQFullDoCookies": 1},
        {"counters/TCPReqQFullDoCookies": 0},
        "info",
        "TCPReqQFullDoCookies",
        "TCPReqQFullDoCookies is 1: so many SYN cookies were sent since boot because a SYN queue was full.",
        "If this is no attack, raise the program's backlog and net.core.somaxconn, and restart it.",
        {"count": 1},
    ),
    (
        "FT308",
        {"limits/net.ipv4.tcp_syncookies/value": 0},
        {"limits/net.ipv4.tcp_syncookies/value": 1},
        "warning",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_syncookies is 0: when a SYN queue is full, SYNs are dropped.",
        "Set net.ipv4.tcp_syncookies to 1.",
        {"value": 0},
    ),
    (
        "FT309",
        {"limits/net.ipv4.tcp_abort_on_overflow/value": 1},
        {"limits/net.ipv4.tcp_abort_on_overflow/value": 0},
        "warning",
        "net.ipv4.tcp_abort_on_overflow",
        (
            "net.ipv4.tcp_abort_on_overflow is 1: a client whose handshake ends at a full accept queue is reset, where"
            " it would have been let in a moment later."
        ),
        "Set net.ipv4.tcp_abort_on_overflow to 0.",
        {"value": 1},
    ),
    (
        "FT310",
        {"limits/net.ipv4.tcp_syncookies/value": 0, "limits/net.ipv4.tcp_max_syn_backlog/value": 680},
        {"limits/net.ipv4.tcp_max_syn_backlog/value": 681},
        "warning",
        "0.0.0.0:80 (haproxy.service)",
        (
            "net.ipv4.tcp_max_syn_backlog is 680 with SYN cookies off: a listener holds at most 511 half-open"
            " connections, below the backlog 511 of 0.0.0.0:80 (haproxy.service)."
        ),
        "Set net.ipv4.tcp_syncookies to 1, or net.ipv4.tcp_max_syn_backlog to at least 681.",
        {"max": 680, "held": 511, "backlog": 511, "needed": 681},
    ),
    (
        "FT401",
        {"sockets/tcp/time_wait": 80001},
        {"sockets/tcp/time_wait": 80000},
        "warning",
        "net.ipv4.tcp_max_tw_buckets",
        (
            "80001 connections are in TIME_WAIT, and net.ipv4.tcp_max_tw_buckets is 100000 (80 %): beyond it they end"
            " at once, without the protection against late segments."
        ),
        ("Set net.ipv4.tcp_max_tw_buckets to at least 160002, or keep connections open (keepalive) so that fewer end."),
        {"used": 80001, "limit": 100000, "share": 80, "wanted": 160002},
    ),
    (
        "FT402",
        {"counters/TCPTimeWaitOverflow": 40},
        {"counters/TCPTimeWaitOverflow": 0},
        "warning",
        "TCPTimeWaitOverflow",
        ("TCPTimeWaitOverflow is 40: so many connections skipped TIME_WAIT since boot because net.ipv4.tcp_max_tw_buckets was reached."),
        "Raise net.ipv4.tcp_max_tw_buckets.",
        {"count": 40},
    ),
    (
        "FT403",
        {"limits/net.ipv4.tcp_timestamps/value": 0, "limits/net.ipv4.tcp_tw_reuse/value": 1},
        {"limits/net.ipv4.tcp_tw_reuse/value": 2},
        "warning",
        "net.ipv4.tcp_tw_reuse",
        ("net.ipv4.tcp_tw_reuse is 1 but net.ipv4.tcp_timestamps is 0: no TIME_WAIT is reused without timestamps."),
        "Set net.ipv4.tcp_timestamps to 1, here and on the hosts that are dialled.",
        {"reuse": 1},
    ),
    (
        "FT404",
        {"sockets/flows/0/time_wait": 5647},
        {"sockets/flows/0/time_wait": 5646},
        "warning",
        "10.0.0.2 -> 10.0.0.9:8080",
        (
            "TIME_WAIT holds 5647 of the 28230 usable ports of 10.0.0.2 -> 10.0.0.9:8080, and net.ipv4.tcp_tw_reuse 2"
            " does not free them: at most 470 new connections a second last."
        ),
        "Set net.ipv4.tcp_tw_reuse to 1, or keep these connections open (keepalive).",
        {"source": "10.0.0.2", "time_wait": 5647, "usable": 28230, "reuse": 2, "rate": 470},
    ),
    (
        "FT405",
        {"sockets/tcp/orphan": 25001},
        {"sockets/tcp/orphan": 25000},
        "warning",
        "net.ipv4.tcp_max_orphans",
        (
            "25001 closed connections still send, and net.ipv4.tcp_max_orphans is 100000: from a quarter of it on the"
            " kernel resets some of them."
        ),
        "Set net.ipv4.tcp_max_orphans to at least 200008, or see why peers do not take their last data.",
        {"used": 25001, "limit": 100000, "share": 25, "wanted": 200008},
    ),
    (
        "FT406",
        {"sockets/tcp/established": 10000},
        {"sockets/tcp/established": 9999},
        "info",
        "net.ipv4.tcp_keepalive_time",
        (
            "10000 connections are established, and keepalive takes 7875 seconds to find that a peer is gone: until"
            " then each holds a descriptor and its port."
        ),
        ("Set net.ipv4.tcp_keepalive_time to what your clients bear (300 is common), for programs that switch keepalive on."),
        {"established": 10000, "seconds": 7875},
    ),
    (
        "FT407",
        {
            "services/0/processes": [
                {"pid": 812, "nofile": {"soft": 200000, "hard": 200000}, "files_open": 20, "connections": 0, "age": 9000},
                {"pid": 813, "nofile": {"soft": 200000, "hard": 200000}, "files_open": 900, "connections": 700, "age": 3600},
                {"pid": 901, "nofile": {"soft": 200000, "hard": 200000}, "files_open": 400, "connections": 300, "age": 40},
            ]
        },
        {"services/0/processes/1/age": 50},
        "warning",
        "haproxy.service",
        (
            "Workers of an earlier start still run in haproxy.service (processes: 1, connections: 700): the oldest is"
            " 3600 seconds old, the newest worker 40. Until its connections end, each keeps its ports, files and"
            " memory."
        ),
        ("Set a time after which old workers end (HAProxy: hard-stop-after; nginx: worker_shutdown_timeout), and reload less often."),
        {"processes": 1, "connections": 700, "age": 3600, "newest": 40},
    ),
    (
        "FT408",
        {"limits/net.ipv4.tcp_fin_timeout/value": 59, "limits/net.ipv4.tcp_fin_timeout/boot/value": 59},
        {"limits/net.ipv4.tcp_fin_timeout/value": 60},
        "info",
        "net.ipv4.tcp_fin_timeout",
        ("net.ipv4.tcp_fin_timeout is 59 seconds: it ends orphans in FIN_WAIT2 and shortens no TIME_WAIT, which lasts 60 seconds."),
        ("For ports use net.ipv4.tcp_tw_reuse = 1; set net.ipv4.tcp_fin_timeout back to 60 if TIME_WAIT was the reason."),
        {"value": 59},
    ),
    (
        "FT411",
        {"conntrack/entries": 262144},
        {"conntrack/entries": 262143},
        "error",
        "net.netfilter.nf_conntrack_max",
        ("The connection table is full: 262144 of 262144 entries. Every new connection is dropped without an answer."),
        (
            "Set net.netfilter.nf_conntrack_max to at least 524288 (256 bytes an entry), or leave the front traffic"
            " out of tracking (notrack)."
        ),
        {"used": 262144, "limit": 262144, "wanted": 524288},
    ),
    (
        "FT412",
        {"conntrack/entries": 209716},
        {"conntrack/entries": 209715},
        "warning",
        "net.netfilter.nf_conntrack_max",
        ("The connection table holds 209716 of 262144 entries (80 %): when it is full, new connections are dropped without an answer."),
        (
            "Set net.netfilter.nf_conntrack_max to at least 419432 (256 bytes an entry), or leave the front traffic"
            " out of tracking (notrack)."
        ),
        {"used": 209716, "limit": 262144, "share": 80, "wanted": 419432},
    ),
    (
        "FT413",
        {"conntrack/drop": 5},
        {"conntrack/drop": 0},
        "warning",
        "net.netfilter.nf_conntrack_max",
        ("/proc/net/stat/nf_conntrack counts 5 under drop: so many packets got no entry since boot, as in a full table."),
        "Raise net.netfilter.nf_conntrack_max, or leave the front traffic out of tracking (notrack).",
        {"count": 5},
    ),
    (
        "FT414",
        {"conntrack/max": 524289, "conntrack/buckets": 65536},
        {"conntrack/max": 524288},
        "warning",
        "net.netfilter.nf_conntrack_buckets",
        ("The connection table may hold 524289 entries in 65536 buckets, 8 in each: every packet searches a chain of that length."),
        "Set net.netfilter.nf_conntrack_buckets to 524289 (8 bytes each).",
        {"max": 524289, "buckets": 65536, "each": 8},
    ),
    (
        "FT415",
        {
            "capacity/inbound/binding": "nf_conntrack_max",
            "capacity/inbound/connections": 261144,
            "capacity/inbound/bounds/0/connections": 1000000,
        },
        {"capacity/inbound/binding": "nofile"},
        "warning",
        "net.netfilter.nf_conntrack_max",
        ("The connection table ends the capacity at 261144 connections (inbound); what binds next allows 1000000 (nofile)."),
        ("Set net.netfilter.nf_conntrack_max to at least 1001000 (256 bytes an entry), or leave this traffic out of tracking (notrack)."),
        {"connections": 261144, "side": "inbound", "next": 1000000, "name": "nofile", "needed": 1001000},
    ),
    (
        "FT416",
        {"conntrack/entries": 131073},
        {"conntrack/entries": 131072},
        "warning",
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        (
            "The connection table is 50 % full, and net.netfilter.nf_conntrack_tcp_timeout_established keeps the entry"
            " of a silent connection for 5 days."
        ),
        (
            "Set net.netfilter.nf_conntrack_tcp_timeout_established to more than your longest silence (86400 is a"
            " day); keepalive must be shorter."
        ),
        {"share": 50, "days": 5},
    ),
    (
        "FT417",
        {"conntrack/early_drop": 5},
        {"conntrack/early_drop": 0},
        "info",
        "net.netfilter.nf_conntrack_max",
        ("/proc/net/stat/nf_conntrack counts 5 under early_drop: so many entries were thrown out since boot to make room."),
        "Raise net.netfilter.nf_conntrack_max; a flood of SYNs does the same.",
        {"count": 5},
    ),
    (
        "FT501",
        {"sockets/tcp/memory_pages": 560001},
        {"sockets/tcp/memory_pages": 560000},
        "error",
        "net.ipv4.tcp_mem",
        ("TCP buffers hold 560001 pages, above the maximum 560000 of net.ipv4.tcp_mem: data is dropped and sent again."),
        ("Set net.ipv4.tcp_mem to a maximum of at least 1120002 pages if the memory allows, or hold fewer busy connections."),
        {"used": 560001, "high": 560000, "wanted": 1120002},
    ),
    (
        "FT502",
        {"sockets/tcp/memory_pages": 296001},
        {"sockets/tcp/memory_pages": 296000},
        "warning",
        "net.ipv4.tcp_mem",
        (
            "TCP buffers hold 296001 pages; from 370000 on, the second value of net.ipv4.tcp_mem, the kernel shrinks"
            " windows, and from 560000 on it drops data."
        ),
        ("Raise net.ipv4.tcp_mem if the memory allows, or lower the maximum of net.ipv4.tcp_rmem and net.ipv4.tcp_wmem."),
        {"used": 296001, "pressure": 370000, "high": 560000},
    ),
    (
        "FT503",
        {"capacity/outbound/binding": "memory", "capacity/outbound/connections": 2000000},
        {"capacity/outbound/binding": "ports"},
        "info",
        "outbound",
        "Memory ends the outbound capacity at 2000000 connections: idle, 3.8 KB each.",
        "Add memory or hosts; connections that carry data need more than idle ones.",
        {"side": "outbound", "connections": 2000000, "detail": "idle, 3.8 KB each"},
    ),
    (
        "FT504",
        {"services/0/memory/used": 900000001},
        {"services/0/memory/used": 900000000},
        "warning",
        "haproxy.service",
        ("haproxy.service uses 900000001 of 1000000000 bytes (90 %), page cache included: at the limit its processes are killed."),
        "Raise MemoryMax of haproxy.service, or hold fewer connections in it.",
        {"used": 900000001, "limit": 1000000000, "share": 90, "wanted": 1800000002},
    ),
    (
        "FT505",
        {"counters/TCPAbortOnMemory": 3},
        {"counters/TCPAbortOnMemory": 0},
        "warning",
        "TCPAbortOnMemory",
        ("TCPAbortOnMemory is 3: so many connections were reset since boot for lack of TCP memory or for too many orphans."),
        "See net.ipv4.tcp_mem and net.ipv4.tcp_max_orphans, and raise the one that was reached.",
        {"count": 3},
    ),
    (
        "FT506",
        {"counters/PruneCalled": 3},
        {"counters/PruneCalled": 0},
        "info",
        "PruneCalled",
        "PruneCalled is 3: so often since boot a socket's receive buffer was over its size and was pruned.",
        "Let the program read faster, or raise the maximum of net.ipv4.tcp_rmem.",
        {"count": 3},
    ),
    (
        "FT507",
        {"sockets/tcp/established": 262145},
        {"sockets/tcp/established": 262144},
        "info",
        "net.ipv4.tcp_ehash_entries",
        ("262145 connections are established in a hash table of 262144 buckets: each packet searches a chain of 1 or more."),
        ("Boot with thash_entries=524288, or set net.ipv4.tcp_child_ehash_entries before the namespace is made."),
        {"established": 262145, "buckets": 262144, "each": 1, "needed": 524288},
    ),
    (
        "FT508",
        {"limits/net.ipv4.tcp_mem/value": [4194304, 6291456, 8388608], "limits/net.ipv4.tcp_mem/boot/value": [4194304, 6291456, 8388608]},
        {"host/memory": 34359738368},
        "warning",
        "net.ipv4.tcp_mem",
        ("net.ipv4.tcp_mem allows TCP 8388608 pages, 34359738368 bytes, and the machine has 25000000000: it counts pages, not bytes."),
        "Set net.ipv4.tcp_mem in pages of 4096 bytes; its maximum should be below 6103515.",
        {"high": 8388608, "bytes": 34359738368, "memory": 25000000000, "page": 4096, "pages": 6103515},
    ),
    (
        "FT509",
        {"counters/TCPMemoryPressures": 1},
        {"counters/TCPMemoryPressures": 0},
        "warning",
        "TCPMemoryPressures",
        "TCPMemoryPressures is 1: so often since boot TCP came under memory pressure and shrank windows.",
        ("Raise net.ipv4.tcp_mem if the memory allows, or lower the maximum of net.ipv4.tcp_rmem and net.ipv4.tcp_wmem."),
        {"count": 1},
    ),
    (
        "FT601",
        {"limits/net.core.somaxconn/value": 4096},
        {"limits/net.core.somaxconn/value": 8192},
        "warning",
        "net.core.somaxconn",
        ("net.core.somaxconn is 4096 now and will be 8192 after the next boot: /etc/sysctl.d/50-web.conf:3 says so."),
        (
            "If 8192 is right, set it now; if 4096 is right, write it where /etc/sysctl.d/50-web.conf:3 does not"
            " override it (kernel_settings does both)."
        ),
        {"live": "4096", "boot": "8192", "source": "/etc/sysctl.d/50-web.conf:3"},
    ),
    (
        "FT602",
        {"limits/net.core.somaxconn/boot/overrides": ["/etc/sysctl.d/10-a.conf:1", "/usr/lib/sysctl.d/50-x.conf:9"]},
        {"limits/net.core.somaxconn/boot/overrides": ["/usr/lib/sysctl.d/50-x.conf:9"]},
        "warning",
        "/etc/sysctl.d/50-web.conf:3",
        ("/etc/sysctl.d/50-web.conf:3 decides net.core.somaxconn at boot and overrides /etc/sysctl.d/10-a.conf:1."),
        "Keep one of the lines: the file that sorts last counts.",
        {"keys": ["net.core.somaxconn"], "overrides": ["/etc/sysctl.d/10-a.conf:1"]},
    ),
    (
        "FT603",
        {
            "limits/net.netfilter.nf_conntrack_max/boot/lost": (
                "net.netfilter.nf_conntrack_max is set before nf_conntrack is loaded and is dropped: no file in"
                " modules-load.d names the module."
            ),
            "limits/net.netfilter.nf_conntrack_max/boot/source": "/etc/sysctl.d/50-web.conf:4",
            "boot/problems": [
                {
                    "kind": "lost",
                    "source": "/etc/sysctl.d/50-web.conf:4",
                    "message": (
                        "net.netfilter.nf_conntrack_max is set before nf_conntrack is loaded and is dropped: no file in"
                        " modules-load.d names the module."
                    ),
                }
            ],
        },
        {"limits/net.netfilter.nf_conntrack_max/boot/lost": None, "boot/problems": []},
        "warning",
        "/etc/sysctl.d/50-web.conf",
        (
            "/etc/sysctl.d/50-web.conf: line 4: net.netfilter.nf_conntrack_max is set before nf_conntrack is loaded"
            " and is dropped: no file in modules-load.d names the module."
        ),
        "Name the module in a file of /etc/modules-load.d: it is then loaded before the files are read.",
        {
            "count": 1,
            "lines": [
                (
                    "line 4: net.netfilter.nf_conntrack_max is set before nf_conntrack is loaded and is dropped: no file in"
                    " modules-load.d names the module."
                )
            ],
        },
    ),
    (
        "FT604",
        {"limits/net.ipv4.conf.eth0.rp_filter/boot/applies": "device-add"},
        {"limits/net.ipv4.conf.eth0.rp_filter/boot/source": "/usr/lib/sysctl.d/50-default.conf:23"},
        "info",
        "net.ipv4.conf",
        (
            "Set by /etc/sysctl.d/50-web.conf:3 when their interface appears, not before:"
            " net.ipv4.conf.eth0.rp_filter. An interface that comes later has other values until then."
        ),
        "Nothing, if the interfaces are there at boot; else set the value where the interface is configured.",
        {"keys": ["net.ipv4.conf.eth0.rp_filter"], "sources": ["/etc/sysctl.d/50-web.conf:3"]},
    ),
    (
        "FT605",
        {
            "boot/problems": [
                {
                    "kind": "unknown_key",
                    "source": "/etc/sysctl.d/9.conf:4",
                    "message": "This kernel has no net.core.somaxcon: the line does nothing.",
                }
            ]
        },
        {"boot/problems/0/kind": "garbage"},
        "warning",
        "/etc/sysctl.d/9.conf",
        "/etc/sysctl.d/9.conf: line 4: This kernel has no net.core.somaxcon: the line does nothing.",
        "Correct the name of the key, or take the line out of /etc/sysctl.d/9.conf.",
        {"count": 1, "lines": ["line 4: This kernel has no net.core.somaxcon: the line does nothing."]},
    ),
    (
        "FT606",
        {
            "boot/problems": [
                {
                    "kind": "garbage",
                    "source": "/etc/sysctl.d/9.conf:4",
                    "message": "somaxconn 5 is not an assignment and is skipped at boot.",
                },
                {"kind": "garbage", "source": "/etc/sysctl.d/9.conf:7", "message": "x is not an assignment and is skipped at boot."},
            ]
        },
        {"boot/problems": []},
        "warning",
        "/etc/sysctl.d/9.conf",
        (
            "/etc/sysctl.d/9.conf: line 4: somaxconn 5 is not an assignment and is skipped at boot. line 7: x is not"
            " an assignment and is skipped at boot."
        ),
        "Correct /etc/sysctl.d/9.conf.",
        {
            "count": 2,
            "lines": [
                "line 4: somaxconn 5 is not an assignment and is skipped at boot.",
                "line 7: x is not an assignment and is skipped at boot.",
            ],
        },
    ),
    (
        "FT607",
        {
            "boot/problems": [
                {
                    "kind": "by_hand",
                    "source": "/etc/sysctl.conf:2",
                    "message": (
                        "net.core.somaxconn = 65535 is not applied at boot: systemd reads no /etc/sysctl.conf here, only sysctl"
                        " --system does."
                    ),
                }
            ]
        },
        {"boot/problems/0/kind": "unknown_key"},
        "warning",
        "/etc/sysctl.conf",
        (
            "/etc/sysctl.conf: line 2: net.core.somaxconn = 65535 is not applied at boot: systemd reads no"
            " /etc/sysctl.conf here, only sysctl --system does."
        ),
        "Move these lines to a file in /etc/sysctl.d.",
        {
            "count": 1,
            "lines": [
                (
                    "line 2: net.core.somaxconn = 65535 is not applied at boot: systemd reads no /etc/sysctl.conf here, only"
                    " sysctl --system does."
                )
            ],
        },
    ),
    (
        "FT608",
        {"boot/tuned": "throughput-performance"},
        {"boot/tuned": None},
        "info",
        "tuned",
        (
            "tuned is active with the profile throughput-performance: it sets sysctls after the files of sysctl.d were"
            " read, and may change them."
        ),
        ("See tuned-adm profile_info, and keep a sysctl in one of the two places (tuned: reapply_sysctl in tuned-main.conf)."),
        {"profile": "throughput-performance"},
    ),
    (
        "FT609",
        {"services/0/boot/overrides": ["/etc/systemd/system/haproxy.service.d/10.conf:2"]},
        {"services/0/boot/overrides": ["/usr/lib/systemd/system/haproxy.service:30"]},
        "warning",
        "haproxy.service",
        (
            "/etc/systemd/system/haproxy.service.d/50.conf:2 decides nofile of haproxy.service and overrides"
            " /etc/systemd/system/haproxy.service.d/10.conf:2."
        ),
        "Keep one of the lines: the drop-in that sorts last counts.",
        {"source": "/etc/systemd/system/haproxy.service.d/50.conf:2", "overrides": ["/etc/systemd/system/haproxy.service.d/10.conf:2"]},
    ),
    (
        "FT610",
        {"services/0/boot/nofile": {"soft": 200000, "hard": 300000}},
        {"services/0/boot/nofile": {"soft": 200000, "hard": 200000}},
        "warning",
        "haproxy.service",
        ("haproxy.service has nofile 200000:200000 in systemd now and will have 200000:300000 after the next boot."),
        ("Run systemctl daemon-reload and restart haproxy.service if 200000:300000 is right; else correct its drop-in (fd_limits)."),
        {"live": {"soft": 200000, "hard": 200000}, "boot": {"soft": 200000, "hard": 300000}},
    ),
    (
        "FT611",
        {"limits/net.ipv4.tcp_tw_reuse/value": 1},
        {"limits/net.ipv4.tcp_tw_reuse/value": 2},
        "warning",
        "net.ipv4.tcp_tw_reuse",
        "net.ipv4.tcp_tw_reuse is 1 now and will be 2 after the next boot: no file sets it.",
        ("Write it to a file in /etc/sysctl.d (kernel_settings does), unless a program sets it whenever it starts."),
        {"live": "1", "boot": "2", "source": None},
    ),
    (
        "FT612",
        {
            "boot/problems": [
                {
                    "kind": "masked",
                    "source": "/etc/sysctl.d/99-x.conf",
                    "message": "It is empty and so switches /usr/lib/sysctl.d/99-x.conf off.",
                }
            ]
        },
        {"boot/problems": []},
        "info",
        "/etc/sysctl.d/99-x.conf",
        "/etc/sysctl.d/99-x.conf: It is empty and so switches /usr/lib/sysctl.d/99-x.conf off.",
        "Nothing, if that is meant; else take /etc/sysctl.d/99-x.conf away.",
        {"count": 1, "lines": ["It is empty and so switches /usr/lib/sysctl.d/99-x.conf off."]},
    ),
    (
        "FT613",
        {
            "boot/problems": [
                {
                    "kind": "volatile",
                    "source": "/run/sysctl.d/99-x.conf",
                    "message": "/run is empty after a restart: this file counts only until then.",
                }
            ]
        },
        {"boot/problems": []},
        "info",
        "/run/sysctl.d/99-x.conf",
        "/run/sysctl.d/99-x.conf: /run is empty after a restart: this file counts only until then.",
        "Move /run/sysctl.d/99-x.conf to /etc/sysctl.d if it is to stay.",
        {"count": 1, "lines": ["/run is empty after a restart: this file counts only until then."]},
    ),
    (
        "FT614",
        {
            "boot/problems": [
                {
                    "kind": "not_applied",
                    "source": "/etc/sysctl.d/50-web.conf:1",
                    "message": "Process 1 is bash, no init system: no file of sysctl.d is read at boot.",
                }
            ]
        },
        {"boot/problems": []},
        "info",
        "/etc/sysctl.d/50-web.conf",
        ("/etc/sysctl.d/50-web.conf: line 1: Process 1 is bash, no init system: no file of sysctl.d is read at boot."),
        "Set these sysctls on the machine or by the engine that starts this container.",
        {"count": 1, "lines": ["line 1: Process 1 is bash, no init system: no file of sysctl.d is read at boot."]},
    ),
    (
        "FT615",
        {
            "boot/problems": [
                {
                    "kind": "no_interface",
                    "source": "/etc/sysctl.d/50-web.conf:1",
                    "message": "net.ipv4.conf.eth9.rp_filter waits for an interface eth9, which is not here.",
                }
            ]
        },
        {"boot/problems": []},
        "info",
        "/etc/sysctl.d/50-web.conf",
        ("/etc/sysctl.d/50-web.conf: line 1: net.ipv4.conf.eth9.rp_filter waits for an interface eth9, which is not here."),
        "Correct the name of the interface in /etc/sysctl.d/50-web.conf, or take the line out.",
        {"count": 1, "lines": ["line 1: net.ipv4.conf.eth9.rp_filter waits for an interface eth9, which is not here."]},
    ),
    (
        "FT701",
        {"listeners/0/transparent": True, "limits/net.ipv4.ip_forward/value": 0},
        {"listeners/0/transparent": False},
        "warning",
        "net.ipv4.ip_forward",
        (
            "Sockets are transparent here, and net.ipv4.ip_forward is 0: what the balancer does not take itself, such"
            " as other ports and ICMP between clients and servers, is dropped."
        ),
        "Set net.ipv4.ip_forward to 1 (transparent_routing does).",
        {},
    ),
    (
        "FT702",
        {
            "sockets/flows/0/transparent": True,
            "limits/net.ipv4.conf.eth0.rp_filter/value": 0,
            "limits/net.ipv4.conf.all.rp_filter/value": 1,
        },
        {"limits/net.ipv4.conf.eth0.rp_filter/value": 2},
        "warning",
        "net.ipv4.conf.all.rp_filter",
        (
            "Sockets are transparent here, and rp_filter is strict (1) on eth0: packets whose way back leads over"
            " another interface are dropped."
        ),
        "Set net.ipv4.conf.all.rp_filter to 2 (loose): of `all` and the interface, the higher value counts.",
        {"interfaces": ["eth0"]},
    ),
    (
        "FT703",
        {"counters/IPReversePathFilter": 2},
        {"counters/IPReversePathFilter": 0},
        "warning",
        "IPReversePathFilter",
        ("IPReversePathFilter is 2: so many packets were dropped since boot because their way back leads over another interface."),
        "Add the missing route (ip rule from ADDRESS), or set rp_filter to 2 (loose) on that interface.",
        {"count": 2},
    ),
    (
        "FT704",
        {"addresses/2": {"interface": "lo", "address": "2001:db8:5::/64", "family": "inet6", "local_route": True}},
        {"limits/net.ipv6.ip_nonlocal_bind/value": 1},
        "info",
        "net.ipv6.ip_nonlocal_bind",
        (
            "IPv6 addresses come from local routes (2001:db8:5::/64), and net.ipv6.ip_nonlocal_bind is 0: only"
            " programs that set IPV6_FREEBIND or IPV6_TRANSPARENT can bind them."
        ),
        "Set net.ipv6.ip_nonlocal_bind to 1, or let the program set IPV6_FREEBIND.",
        {"prefixes": ["2001:db8:5::/64"]},
    ),
    (
        "FT705",
        {"neighbours/inet6": 820},
        {"neighbours/inet6": 819},
        "warning",
        "net.ipv6.neigh.default.gc_thresh3",
        (
            "The neighbour table holds 820 entries, and net.ipv6.neigh.default.gc_thresh3 is 1024 (80 %): beyond it no"
            " new peer on the link can be reached."
        ),
        ("Set net.ipv6.neigh.default.gc_thresh3 to at least 1640, and gc_thresh2 and gc_thresh1 to a half and a quarter of it."),
        {"used": 820, "limit": 1024, "share": 80, "wanted": 1640},
    ),
    (
        "FT706",
        {"limits/net.ipv4.conf.eth0.promote_secondaries/value": 0},
        {"addresses/1/address": "10.0.1.3/24"},
        "warning",
        "eth0",
        ("2 addresses of eth0 share the subnet 10.0.0.0/24, and promote_secondaries is 0: when the first one is deleted, all are gone."),
        "Set net.ipv4.conf.eth0.promote_secondaries to 1, or give the further addresses as /32.",
        {"count": 2, "subnet": "10.0.0.0/24"},
    ),
    (
        "FT801",
        {"unfinished": "/var/lib/front-tier/journal"},
        {"unfinished": None},
        "warning",
        "/var/lib/front-tier/journal",
        ("/var/lib/front-tier/journal is the journal of a change by this collection that did not end: the host may be between two states."),
        ("Run any task of this collection that changes the host: it undoes that change before it does anything else."),
        {},
    ),
]
