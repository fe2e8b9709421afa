# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After revert, and again after a restart: the node is what it was, in limits, boot values, ports, addresses and files."""

from __future__ import annotations

from typing import Any

# What the machine around the nodes does meanwhile.
MOVING = ("net.netfilter.nf_conntrack_count", "fs.file-nr")


def test_the_last_audit_is_the_first(moment: Any) -> None:
    """Every limit, its boot value and the source of it, the ports and the addresses are as before."""
    first, last = moment("first")["audit"], moment("last")["audit"]
    told = [
        [{key: row[key] for key in row if key != "used"} for row in one["limits"] if row["name"] not in MOVING] for one in (first, last)
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 25
    assert first["ports"] == last["ports"]
    # link-local ones follow from the hardware address, which a container has anew at each start
    addresses = [sorted(str(row) for row in one["addresses"] if not row["address"].startswith("fe80:")) for one in (first, last)]
    assert addresses[0] == addresses[1]
    assert [one["boot"] for one in first["services"]] == [one["boot"] for one in last["services"]]


def test_every_file_is_as_before(moment: Any) -> None:
    """Names, owners, modes, links and contents below /etc are those of the beginning, and nothing of ours is left."""
    assert moment("first")["files"] == moment("last")["files"]
    assert len(moment("first")["files"]) > 100
    assert moment("scaled")["files"] != moment("first")["files"]


def test_the_kernel_says_so_too(host: Any, last_octet: str) -> None:
    """The node's own tools show the old range and no further address."""
    assert host.check_output("sysctl -n net.ipv4.ip_local_port_range").split() == ["32768", "32967"]
    assert host.check_output("sysctl -n net.ipv4.ip_local_reserved_ports") == "20990-20991"
    shown = host.check_output("ip -o address show dev eth1")
    assert f"198.18.2.{last_octet}/24" in shown
    assert f"198.18.2.1{last_octet}/" not in shown and "fd00:198::" not in shown
