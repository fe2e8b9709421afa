# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot cases: files that an administrator leaves on a host, and what a real boot has to make of them.

A case gives two things to hold against each other after the boot: what the audit predicted before it, for every limit
it knows, and what is written here, by key, so that a case whose trap does not close is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from machine import Link

# On the kernel command line of every machine: only a boot can show what it does beside files that say otherwise.
ON_COMMAND_LINE = {"net.ipv4.tcp_max_syn_backlog": "7777", "net.core.somaxconn": "8888"}
COMMAND_LINE = " ".join("sysctl.%s=%s" % item for item in ON_COMMAND_LINE.items())

USER = "ft"
INTERFACE = "ctl0"
LATE_INTERFACE = "lan9"  # comes long after the boot
CONNTRACK = "net.netfilter.nf_conntrack_max"


@dataclass(frozen=True)
class Case:
    """Files by path; what they give by key, as /proc/sys shows it; `decided_by`: file:line where it is spelled otherwise.

    `not_the_value`: keys whose written value must NOT be in force, and for which the audit says that it is lost.
    `services` and `users` give (soft, hard). `releases` holds what is different on a release.
    """

    name: str
    why: str
    files: Mapping[str, str | Link]
    values: Mapping[str, str] = field(default_factory=dict)
    decided_by: Mapping[str, str] = field(default_factory=dict)
    not_the_value: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    users: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    releases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def values_on(self, suite: str) -> dict[str, str]:
        """Return what each key has to be after the boot on a release."""
        return {**self.values, **self.releases.get(suite, {})}

    def source_of(self, key: str, value: str) -> str | None:
        """Return `file:line` of the line that decides a key with this value; None where no file of the case does."""
        if key in self.decided_by:
            return self.decided_by[key]
        found = [
            "%s:%d" % (path, number)
            for path, text in self.files.items()
            if not isinstance(text, Link) and "sysctl" in path
            for number, line in enumerate(text.splitlines(), 1)
            if [word.strip() for word in line.split("=", 1)] == [key, value]
        ]
        if not found and ON_COMMAND_LINE.get(key) == value:
            return "/proc/cmdline"
        # A linked file goes by its name in the folder that systemd reads.
        return found[-1].replace("/etc/sysctl.conf:", "/etc/sysctl.d/99-sysctl.conf:") if found else None


def _service(port: int, *lines: str) -> str:
    return "\n".join(("[Service]", "ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 %d" % port, "WorkingDirectory=/tmp", *lines))


def _wanted(name: str) -> dict[str, str | Link]:
    return {"/etc/systemd/system/multi-user.target.wants/" + name: Link("/etc/systemd/system/" + name)}


PLAIN = "ft-plain.service"
PLAIN_SERVICE = {"/etc/systemd/system/ft-plain.service": _service(8081), **_wanted("ft-plain.service")}

LAYERS = Case(
    name="layers",
    why="every layer says something: command line, sysctl.d, sysctl.conf, a module that loads later, the manager's default",
    files={
        "/etc/sysctl.d/60-vm.conf": """\
# Written by the test.
fs.nr_open = 2000000
fs.file-max = 3000000
net.ipv4.tcp_mem = 11000 15000 22000
net.ipv4.ip_local_port_range = 20000 60999
net.ipv4.ip_local_reserved_ports = 30000-30009,40000
net.core.somaxconn = 5555
net.netfilter.nf_conntrack_max = 123456
net.ipv4.conf.lan9.rp_filter = 2
""",
        "/etc/sysctl.conf": "net.core.somaxconn=6666\nnet.core.netdev_max_backlog=4321\n",
        "/etc/systemd/system.conf.d/60-vm.conf": "[Manager]\nDefaultLimitNOFILE=1500000:1500000\n",
        "/etc/security/limits.d/60-vm.conf": "%s soft nofile 3000\n%s hard nofile 4000\n" % (USER, USER),
        **PLAIN_SERVICE,
    },
    values={
        "fs.nr_open": "2000000",
        "fs.file-max": "3000000",
        "net.ipv4.tcp_mem": "11000 15000 22000",
        "net.ipv4.ip_local_port_range": "20000 60999",
        "net.ipv4.ip_local_reserved_ports": "30000-30009,40000",
        "net.core.somaxconn": "6666",
        "net.core.netdev_max_backlog": "4321",
        "net.ipv4.conf.lan9.rp_filter": "2",
        "net.ipv4.tcp_max_syn_backlog": "7777",
    },
    # Debian 13 has no link 99-sysctl.conf any more: at a boot nothing reads /etc/sysctl.conf.
    releases=dict.fromkeys(("trixie", "sid"), {"net.core.somaxconn": "5555", "net.core.netdev_max_backlog": "1000"}),
    # The module comes with the first rule that needs it, long after systemd-sysctl wrote to a file that was not there.
    not_the_value={CONNTRACK: "123456"},
    services={"ft-plain.service": (1500000, 1500000)},
    users={USER: (3000, 4000)},
)

MODULE = Case(
    name="module",
    why="modules-load.d brings conntrack before systemd-sysctl; spellings, masks and folders decide the rest",
    files={
        "/etc/modules-load.d/60-vm.conf": "nf_conntrack\n",
        "/etc/sysctl.d/60-vm.conf": """\
net/netfilter/nf_conntrack_max = 123456
net/ipv4/tcp_fin_timeout = 33
net.core/somaxconn = 5555
-net.ipv4.tcp_keepalive_time = 1234
-net.ipv4.tcp_no_such_key = 1
net.ipv4.conf.*.rp_filter = 1
-net.ipv4.conf.all.rp_filter
net.ipv4.tcp_syn_retries=3
  net.ipv4.tcp_synack_retries   =   4
; net.ipv4.tcp_keepalive_intvl = 77
# net.ipv4.tcp_keepalive_intvl = 78
a line that says nothing
net.ipv4.tcp_syn_retries=5
""",
        # masked: a link to /dev/null in /etc hides the file of that name in /usr/lib
        "/usr/lib/sysctl.d/70-masked.conf": "net.ipv4.tcp_keepalive_intvl = 11\n",
        "/etc/sysctl.d/70-masked.conf": Link("/dev/null"),
        # replaced as a whole by the file of that name in /etc
        "/usr/lib/sysctl.d/71-same.conf": "net.ipv4.tcp_keepalive_probes = 3\nnet.ipv4.tcp_abort_on_overflow = 1\n",
        "/etc/sysctl.d/71-same.conf": "net.ipv4.tcp_abort_on_overflow = 0\n",
        "/usr/local/lib/sysctl.d/72-local.conf": "net.ipv4.ip_nonlocal_bind = 1\n",
        # /usr/lib sorts between those of /etc by its name alone
        "/usr/lib/sysctl.d/95-late.conf": "net.ipv4.tcp_max_orphans = 4444\n",
        "/etc/sysctl.d/94-early.conf": "net.ipv4.tcp_max_orphans = 5555\n",
        "/etc/sysctl.d/99-ignored.cnf": "net.ipv4.tcp_max_orphans = 6666\n",
        "/etc/systemd/system/ft-web.service": _service(8080, "LimitNOFILE=3000:4000"),
        "/etc/systemd/system/ft-web.service.d/10-a.conf": "[Service]\nLimitNOFILE=5000\n",
        "/usr/lib/systemd/system/ft-web.service.d/20-b.conf": "[Service]\nLimitNOFILE=6000:7000\n",
        "/usr/lib/systemd/system/ft-web.service.d/30-c.conf": "[Service]\nLimitNOFILE=8000\n",
        "/etc/systemd/system/ft-web.service.d/30-c.conf": Link("/dev/null"),
        "/etc/security/limits.d/60-vm.conf": "* - nofile 2000\n%s hard nofile 2500\n" % USER,
        **_wanted("ft-web.service"),
        **PLAIN_SERVICE,
    },
    values={
        CONNTRACK: "123456",
        "net.core.somaxconn": "8888",  # the first separator was a dot: the slash is part of a name that does not exist
        "net.ipv4.tcp_fin_timeout": "33",
        "net.ipv4.tcp_keepalive_time": "1234",
        "net.ipv4.tcp_keepalive_intvl": "75",
        "net.ipv4.tcp_keepalive_probes": "9",
        "net.ipv4.tcp_abort_on_overflow": "0",
        "net.ipv4.tcp_syn_retries": "5",
        "net.ipv4.tcp_synack_retries": "4",
        "net.ipv4.ip_nonlocal_bind": "1",
        "net.ipv4.tcp_max_orphans": "4444",
        "net.ipv4.conf.%s.rp_filter" % INTERFACE: "1",
        "net.ipv4.conf.default.rp_filter": "1",
        "net.ipv4.tcp_max_syn_backlog": "7777",
    },
    decided_by={
        CONNTRACK: "/etc/sysctl.d/60-vm.conf:1",
        "net.ipv4.tcp_fin_timeout": "/etc/sysctl.d/60-vm.conf:2",
        "net.ipv4.tcp_keepalive_time": "/etc/sysctl.d/60-vm.conf:4",
        "net.ipv4.conf.%s.rp_filter" % INTERFACE: "/etc/sysctl.d/60-vm.conf:6",
        "net.ipv4.conf.default.rp_filter": "/etc/sysctl.d/60-vm.conf:6",
    },
    services={"ft-web.service": (6000, 7000)},
)

ODD = Case(
    name="odd",
    why="what looks decided and is not: refused values, odd numbers, files that a restart empties, other programs' files",
    files={
        "/etc/sysctl.d/60-vm.conf": """\
net.core.somaxconn = 5555
net.ipv4.ip_local_port_range = 61000 20000
net.ipv4.tcp_max_orphans = 0x4000
net.ipv4.tcp_keepalive_time = 010
net.ipv4.tcp_fin_timeout = soon
net.ipv4.tcp_keepalive_probes = 7 # a remark that is none
net.ipv4.tcp_rmem = 4096 100000
net.ipv4.tcp_syn_retries =
net.ipv4.tcp_synack_retries
net.ipv4.neigh.default.gc_thresh1 = 256
net.ipv4.neigh.default.gc_thresh? = 2048
""",
        # emptied by a restart
        "/run/sysctl.d/90-run.conf": "net.ipv4.tcp_abort_on_overflow = 1\n",
        "/run/sysctl.d/60-vm.conf": "net.core.somaxconn = 1\n",
        # systemd-sysctl does not read it, only the command `sysctl --system` does on some releases
        "/etc/sysctl.d/sub/99-deep.conf": "net.core.somaxconn = 2\n",
        "/etc/sysctl.d/.98-hidden.conf": "net.core.somaxconn = 3\n",
        "/etc/sysctl.d/98-backup.conf~": "net.core.somaxconn = 4\n",
        "/etc/sysctl.d/97-dangling.conf": Link("/nowhere/at/all.conf"),
        "/etc/sysctl.d/96-linked.conf": Link("/root/linked.txt"),
        "/root/linked.txt": "net.ipv4.tcp_keepalive_intvl = 44\n",
        "/etc/systemd/system/service.d/05-all.conf": "[Service]\nLimitNOFILE=9000:9500\n",
        "/etc/systemd/system/ft-.service.d/06-prefix.conf": "[Service]\nLimitNOFILE=9001:9501\n",
        "/etc/systemd/system/ft-web.service": _service(8080),
        "/etc/systemd/system/ft-web.service.d/60-vm.conf": "[Service]\nLimitNOFILE=9100\nLimitNOFILE=\n",
        **_wanted("ft-web.service"),
        **PLAIN_SERVICE,
    },
    values={
        "net.core.somaxconn": "5555",
        "net.ipv4.ip_local_port_range": "32768 60999",
        "net.ipv4.tcp_max_orphans": "16384",
        "net.ipv4.tcp_keepalive_time": "8",
        "net.ipv4.tcp_fin_timeout": "60",
        "net.ipv4.tcp_keepalive_probes": "7",
        "net.ipv4.tcp_abort_on_overflow": "0",
        "net.ipv4.tcp_keepalive_intvl": "44",
        "net.ipv4.tcp_max_syn_backlog": "7777",
    },
    decided_by={
        "net.ipv4.tcp_keepalive_intvl": "/etc/sysctl.d/96-linked.conf:1",
        "net.ipv4.ip_local_port_range": "/etc/sysctl.d/60-vm.conf:2",
        "net.ipv4.tcp_max_orphans": "/etc/sysctl.d/60-vm.conf:3",
        "net.ipv4.tcp_keepalive_time": "/etc/sysctl.d/60-vm.conf:4",
        "net.ipv4.tcp_fin_timeout": "/etc/sysctl.d/60-vm.conf:5",
        "net.ipv4.tcp_keepalive_probes": "/etc/sysctl.d/60-vm.conf:6",
    },
    not_the_value={"net.ipv4.ip_local_port_range": "61000 20000", "net.ipv4.tcp_fin_timeout": "soon"},
)

CASES = (LAYERS, MODULE, ODD)
