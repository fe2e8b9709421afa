# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After scale, and again after a restart: the node has what was asked for, by its own tools, and the promise holds."""

from __future__ import annotations

from typing import Any


def test_ports_and_queues(host: Any) -> None:
    """The range is the new one; what was reserved stays so, and the listener inside the range is reserved as well."""
    assert host.check_output("sysctl -n net.ipv4.ip_local_port_range").split() == ["20000", "20999"]
    assert host.check_output("sysctl -n net.ipv4.ip_local_reserved_ports") == "20080,20990-20991"
    assert host.check_output("sysctl -n net.core.somaxconn") == "65535"


def test_addresses(host: Any, last_octet: str) -> None:
    """The interface has its own address and the two more, the IPv4 one as a /32, the IPv6 one not preferred."""
    shown = host.check_output("ip -o address show dev eth1")
    assert f"198.18.2.{last_octet}/24" in shown and f"198.18.2.1{last_octet}/32" in shown
    (six,) = [line for line in shown.splitlines() if f"fd00:198::{last_octet}/128" in line]
    assert "deprecated" in six


def test_descriptors(host: Any) -> None:
    """systemd gives the service the limit, and its main process may open as many; its hard limit was not taken away.

    Processes of another user can be changed only with CAP_SYS_RESOURCE, which nodes may lack: there scale says that they need a restart.
    """
    assert host.check_output("systemctl show --property LimitNOFILE --value nginx") == "16000"
    main = host.check_output("systemctl show --property MainPID --value nginx")
    soft, hard = host.check_output("prlimit --pid %s --nofile --noheadings --raw --output SOFT,HARD", main).split()
    assert soft == "16000" <= hard


def test_the_promise(host: Any, moment: Any, last_octet: str) -> None:
    """A program that dials from both addresses gets, to the connection, what the audit after the change promised: P x S."""
    ports = 1000 - 3  # 20080 and two reserved by the site
    range_ports = moment("scaled")["audit"]["ports"]
    assert range_ports["usable"] == ports
    target = {"11": "198.18.2.12", "12": "198.18.2.13", "13": "198.18.2.11"}[last_octet]
    sources = f"198.18.2.{last_octet},198.18.2.1{last_octet}"
    assert int(host.check_output(f"python3 /usr/local/bin/fill.py no_port 8080 {sources} {target}")) == 2 * ports


def test_nothing_is_unfinished(host: Any) -> None:
    """There is a record of what is ours, and no journal."""
    assert host.check_output("ls /var/lib/front-tier") == "sets.json"
