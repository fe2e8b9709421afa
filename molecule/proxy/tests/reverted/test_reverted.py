# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the proxy was taken back: the node is as it was found, and the site's own HAProxy runs on."""

from __future__ import annotations

from typing import Any


def test_files(host: Any) -> None:
    """Every file of the programs and units is there as before, and none more."""
    now = host.check_output("find /etc/haproxy /etc/nginx /etc/systemd/system -type f -exec sha256sum {} + | sort")
    assert now == host.check_output("cat /root/before")


def test_services(host: Any) -> None:
    """HAProxy still serves what the site gave it, no longer listens for the proxy, and survives a restart; sysctls are back."""
    assert host.socket("tcp://127.0.0.1:8404").is_listening
    assert not host.socket("tcp://0.0.0.0:80").is_listening
    host.check_output("systemctl restart haproxy")
    assert host.check_output("systemctl is-active haproxy") == "active"
    assert host.check_output("sysctl -n net.ipv4.tcp_tw_reuse") == "2"
    assert not host.file("/var/lib/front-tier/sets.json").exists


def test_programs_that_did_not_run(host: Any) -> None:
    """nginx and Varnish, which nobody had started, do not run any more and will not at the next boot."""
    for unit in ("nginx", "varnish"):
        assert host.run(f"systemctl is-active {unit}; systemctl is-enabled {unit}").stdout.split() == ["inactive", "disabled"]
