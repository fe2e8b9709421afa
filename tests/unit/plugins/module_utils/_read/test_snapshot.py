# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot of a small recorded host: what each subset adds, and what goes into another one's rows."""

from __future__ import annotations

import json

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import MOST_ROWS, SUBSETS, read_snapshot

TABLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: %s %s %s 00000000:00000000 00:00000000 00000000     0        0 %d 1 0 20 4 1 10 -1\n"
FIELDS = " ".join(str(number) for number in range(5, 53))
HOST = {
    "/run/systemd/system/": "",
    "/proc/sys/net/ipv4/ip_local_port_range": "40000\t40099\n",
    "/proc/sys/net/ipv4/ip_local_reserved_ports": "40000-40009\n",
    "/proc/sys/net/core/somaxconn": "4096\n",
    "/proc/sys/fs/file-max": "1000\n",
    "/proc/sys/fs/file-nr": "200\t0\t1000\n",
    "/proc/sys/kernel/threads-max": "500\n",
    "/proc/loadavg": "0.1 0.1 0.1 3/77 900\n",
    "/proc/net/snmp": "Tcp: RtoAlgorithm CurrEstab OutSegs\nTcp: 1 12 99\n",
    "/proc/net/sockstat": "TCP: inuse 9 orphan 1 tw 3 alloc 20 mem 2\n",
    "/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 800 kB\n",
    "/proc/net/tcp": TABLE + ROW % ("00000000:0050", "00000000:0000", "0A", 11) + ROW % ("0200000A:9C50", "0900000A:0050", "01", 12),
    "/proc/7/stat": "7 (web) S 1 " + FIELDS,
    "/proc/7/cgroup": "0::/system.slice/web.service\n",
    "/proc/7/status": "Uid:\t33\t33\t33\t33\n",
    "/proc/7/limits": "Max open files            1024                 4096                 files     \n",
    "/proc/7/fd/3": ("link", "socket:[11]"),
    "/usr/lib/systemd/system/web.service": "[Service]\nLimitNOFILE=9000\n",
    "/etc/sysctl.d/50-a.conf": "net.core.somaxconn = 128\nnet.ipv4.ip_local_port_range = 5 what\n",
}


def limit(snapshot, name):
    """Return a limit of a snapshot."""
    return next(row for row in snapshot["limits"] if row["name"] == name)


def test_min_is_always_read(plant):
    """Without any subset there are ports, sockets, listeners, addresses, and the limits of these."""
    snapshot = read_snapshot(plant(HOST), [])
    assert snapshot["host"]["subsets"] == ["min"]
    assert (snapshot["ports"]["low"], snapshot["ports"]["usable"], snapshot["sockets"]["tcp"]["established"]) == (40000, 90, 12)
    assert [one["port"] for one in snapshot["listeners"]] == [80]
    assert not {"services", "boot", "memory", "counters", "conntrack", "files"} & set(snapshot)


@pytest.mark.parametrize("subset", SUBSETS)
def test_each_subset_by_itself(plant, subset):
    """Every subset can be read alone, and the snapshot is plain data."""
    snapshot = read_snapshot(plant(HOST), [subset])
    assert snapshot["host"]["subsets"] == sorted({"min", subset}, key=SUBSETS.index)
    json.dumps(snapshot)


def test_what_is_used_stands_beside_the_limit(plant):
    """Open files, threads and waiting sockets are counted where the kernel counts them, else nothing is said."""
    snapshot = read_snapshot(plant(HOST))
    assert [limit(snapshot, name)["used"] for name in ("fs.file-max", "kernel.threads-max", "net.core.somaxconn")] == [200, 77, None]


def test_the_boot_value_of_a_service_that_listens(plant):
    """Boot values are written into what the other subsets found, also into services."""
    (service,) = read_snapshot(plant(HOST))["services"]
    assert (service["name"], service["processes"][0]["nofile"]) == ("web.service", {"soft": 1024, "hard": 4096})
    assert service["boot"] == {"nofile": {"soft": 9000, "hard": 9000}, "source": "/usr/lib/systemd/system/web.service:2", "overrides": []}


def test_a_boot_value_that_the_kernel_refuses(plant):
    """A line that the kernel will not take is lost: the boot value is the kernel's own, and says why."""
    snapshot = read_snapshot(plant(HOST))
    assert limit(snapshot, "net.core.somaxconn")["boot"]["value"] == 128
    boot = limit(snapshot, "net.ipv4.ip_local_port_range")["boot"]
    assert (boot["value"], boot["lost"]) == ([32768, 60999], 'The kernel takes no "5 what": the line does nothing.')
    assert boot["source"] == "/etc/sysctl.d/50-a.conf:2"


def test_what_only_joins_readers_does_not_stay(plant):
    """Inodes and control groups are no part of a snapshot."""
    snapshot = read_snapshot(plant(HOST))
    assert not {"inodes", "by_cgroup"} & set(snapshot["sockets"])
    assert not {"inode", "cgroup"} & set(snapshot["listeners"][0]) and snapshot["listeners"][0]["service"] == "web.service"


def test_flows_are_bounded_and_listeners_are_not(plant):
    """The busiest flows stay; every listener does, since each may be in the way."""
    listeners = [ROW % ("00000000:%04X" % (5000 + one), "00000000:0000", "0A", 1000 + one) for one in range(MOST_ROWS + 100)]
    flows = [ROW % ("0200000A:9C50", "%08X:0050" % (0x0100000A + (one << 16)), "01", 9000 + one) for one in range(MOST_ROWS + 50)]
    flows += [ROW % ("0200000A:9C51", "0900010A:0050", "01", 8000)] * 3
    snapshot = read_snapshot(plant(dict(HOST, **{"/proc/net/tcp": TABLE + "".join(listeners + flows)})), [])
    assert len(snapshot["listeners"]) == MOST_ROWS + 100 and len(snapshot["sockets"]["flows"]) == MOST_ROWS
    assert snapshot["sockets"]["flows"][0]["connections"] == 3 and snapshot["sockets"]["seen"] == MOST_ROWS + 53


@pytest.mark.parametrize(
    "path, content",
    [
        ("/proc/loadavg", "0 0 0 3/\u00b2 9\n"),
        ("/proc/loadavg", "junk"),
        ("/proc/sys/fs/file-nr", "\u00b2\t0\t1\n"),
        ("/proc/net/snmp", "Tcp: CurrEstab\nTcp: x\n"),
        ("/proc/net/snmp", "Tcp: CurrEstab\n"),
        ("/proc/net/snmp", "Tcp:\nTcp:\n"),
    ],
)
def test_numbers_that_are_none(plant, path, content):
    """What only looks like a number, or is missing, is an absence or nothing, and no crash."""
    snapshot = read_snapshot(plant(dict(HOST, **{path: content})))
    if path == "/proc/loadavg":
        assert limit(snapshot, "kernel.threads-max")["used"] is None
    elif path == "/proc/net/snmp":
        assert is_absent(snapshot["sockets"]["tcp"]["established"])
    else:
        assert is_absent(snapshot["files"]["open"])


def test_live_paths_get_the_source_that_the_kernel_picks():
    """For a path without a bind this machine's routing table is asked."""
    snapshot = read_snapshot(Root(), [], [parse_path("p", {"destinations": ["127.0.0.1", "127.0.0.9"], "ports": [80]})], sample=10)
    assert snapshot["routes"] == [{"destination": one, "source": "127.0.0.1"} for one in ("127.0.0.1", "127.0.0.9")]
