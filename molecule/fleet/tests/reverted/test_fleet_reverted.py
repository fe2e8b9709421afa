# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the fleet was taken back: every node is as it was found."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["podman://ft-front1", "podman://ft-front2", "podman://ft-front3", "podman://ft-origin2"]


def test_files(host: Any) -> None:
    """Every file in /etc is there as before, and none more; nothing is recorded any more."""
    now = host.check_output("find /etc -type f -exec sha256sum {} + | sort > /root/after; diff /root/before /root/after; true")
    assert [line for line in now.splitlines() if line[:1] in "<>" and not line.endswith(("/etc/hosts", "/etc/resolv.conf"))] == []
    assert not host.file("/var/lib/front-tier/sets.json").exists


def test_kernel(host: Any) -> None:
    """Ports and addresses are those of before."""
    assert host.check_output("sysctl -n net.ipv4.ip_local_port_range").split() == ["40000", "40239"]
    assert len(host.check_output("ip -o -4 address show dev eth1").splitlines()) == 1


def test_hooks_ran_in_pairs(host: Any) -> None:
    """The task files of the user ran before and after each change of a proxy, and not where nothing was to change."""
    name = host.check_output("hostname")
    lines = host.check_output("cat /root/hooks 2> /dev/null || true").splitlines()
    assert (len(lines) > 0) == (name != "front3")
