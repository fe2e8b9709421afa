# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change keeps for systemd-networkd is what a real networkd makes of it: in namespaces that are as a host after a boot."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

from tests.addresses import wire as wires

PROGRAM = next((path for path in ("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd") if os.path.exists(path)), None)
# A private /run and /etc/systemd/network, so that nothing of the machine is touched and no bus is there; a read-only /sys means no udev.
BOOT = """
set -e
mount --make-rprivate /
mount -t tmpfs run /run
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
chown -R systemd-network /run/systemd/netif
mount -t sysfs -o ro sys /sys
mount --bind "$1/etc/systemd/network" /etc/systemd/network
ip link set lo up
ip link add front0 type veth peer name back0
ip link set back0 up
exec "$2"
"""
ITEM = {"backend": "networkd", "duplicate_check": False, "in_use": "refuse", "live": False, "persist": True}
WANTED = [
    dict(ITEM, interface="front0", kind="address", addresses=["10.77.1.1-10.77.2.44", "10.77.0.10/24", "fd77::10"]),
    dict(ITEM, interface="front0", kind="macvlan", addresses=["10.77.0.20", "fd77::20"]),
    dict(ITEM, interface="lo", kind="local_route", addresses=["10.99.0.0/24", "fd99::/64"]),
]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: namespaces"),
    pytest.mark.skipif(PROGRAM is None, reason="systemd-networkd is not installed"),
    pytest.mark.skipif(not os.path.exists("/etc/machine-id"), reason="networkd needs a machine-id"),
]


def inside(pid, *command):
    """Return what a command says in the network namespace of a process."""
    done = subprocess.run(["nsenter", "--net=/proc/%d/ns/net" % pid, *command], capture_output=True, text=True, check=False)
    return done.stdout


def addresses(pid):
    """Return {address with prefix: (interface, preferred lifetime)}."""
    rows = json.loads(inside(pid, "ip", "-j", "addr") or "[]")
    return {
        "%s/%d" % (one["local"], one["prefixlen"]): (row["ifname"], one["preferred_life_time"])
        for row in rows
        for one in row["addr_info"]
        if one["scope"] == "global"
    }


def test_a_real_networkd_brings_all_of_it_up(tmp_path):
    """After a start of networkd every address, the macvlan and the routes are there, IPv6 with a preferred lifetime of 0."""
    wire = wires.Wire(tmp_path / "tree")
    try:
        params = {name: option.get("default") for name, option in wires.COMMON.items()}
        params.update(dict.fromkeys(wires.SECTIONS), secondary_interfaces=WANTED)
        answer = wire.run(params, section=None)
    finally:
        wire.close()
    assert "result" in answer, answer
    forever = (1 << 32) - 1
    wanted = {"10.77.%d.%d/32" % (1 + at // 256, at % 256): ("front0", forever) for at in range(1, 301)}
    wanted.update({"10.77.0.10/24": ("front0", forever), "fd77::10/128": ("front0", 0), "10.77.0.1/24": ("front0", forever)})
    wanted.update({"10.77.0.20/32": ("front0-ft", forever), "fd77::20/128": ("front0-ft", 0)})
    with open(tmp_path / "log", "w") as log:
        command = ["unshare", "-n", "-m", "sh", "-c", BOOT, "sh", str(wire.tree), PROGRAM]
        networkd = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while addresses(networkd.pid) != wanted and time.monotonic() < deadline and networkd.poll() is None:
            time.sleep(0.3)
        found = addresses(networkd.pid)
        routes = inside(networkd.pid, "ip", "route", "show", "table", "local") + inside(
            networkd.pid, "ip", "-6", "route", "show", "table", "local"
        )
    finally:
        networkd.kill()
        networkd.wait()
    assert wanted == found, (tmp_path / "log").read_text()
    assert "local 10.99.0.0/24 dev lo" in routes and "local fd99::/64 dev lo" in routes
