# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this scenario put in place is found, on the node where it was put and nowhere else."""

from __future__ import annotations

from typing import Any

EVERYWHERE = {
    ("FT102", "net.ipv4.ip_local_reserved_ports"),  # a listener inside the range
    ("FT203", "haproxy.service"),  # a soft limit of 1024 or less on a service that accepts
    ("FT301", "net.core.somaxconn"),  # cuts nginx's backlog
    ("FT601", "net.ipv4.tcp_fin_timeout"),  # the file says 45
    ("FT602", "/etc/sysctl.d/60-later.conf:1"),  # overrides somaxconn
    ("FT605", "/etc/sysctl.d/50-web.conf"),  # a key that no kernel has
    ("FT611", "net.ipv4.tcp_tw_reuse"),  # set by hand
    ("FT611", "net.ipv4.tcp_keepalive_probes"),  # set by a file in /run
    ("FT612", "/etc/sysctl.d/80-masked.conf"),
    ("FT613", "/run/sysctl.d/90-volatile.conf"),
}
HERE = {
    "front1": {("FT202", "nginx.service")},  # systemd knows of the new drop-in, the running nginx does not
    "front2": {
        ("FT101", "net.ipv4.ip_local_port_range"),  # an odd number of ports
        ("FT212", "nginx.service"),  # systemd does not know of the new drop-in
        ("FT607", "/etc/sysctl.conf"),  # Debian 13 does not read it at boot
    },
    "front3": {
        ("FT100", "front_tier_connections"),  # 500 were wanted
        ("FT103", "net.ipv4.ip_local_reserved_ports"),  # a redirected port in the range
        ("FT212", "nginx.service"),
    },
}


def test_what_was_put_in_place_is_found(audit: Any, node: str) -> None:
    """Each fact of the scenario has its finding, and what belongs to one node only is not found on another."""
    found = {(one["id"], one["subject"]) for one in audit["findings"]}
    assert EVERYWHERE | HERE[node] <= found
    elsewhere = set.union(*(here for name, here in HERE.items() if name != node)) - HERE[node]
    assert not elsewhere & found


def test_nothing_is_worse_than_it_is(audit: Any) -> None:
    """No finding is an error: nothing here loses connections; and no file that can be read counts as unreadable."""
    assert [one for one in audit["findings"] if one["severity"] == "error" or one["id"] == "FT606"] == []


def test_a_container_is_told_apart(audit: Any) -> None:
    """The audit knows that the node is a container of podman with systemd, where root has the network's capabilities."""
    host = audit["host"]
    assert (host["container"], host["init"], host["privileged"]) == ("podman", "systemd", True)
