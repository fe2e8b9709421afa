# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After front_tier_state: absent a balancer is what it was."""

from __future__ import annotations

from typing import Any


def test_everything_is_as_before(host: Any) -> None:
    """Files, rules and rulesets are those of the beginning, and HAProxy runs as root with its user, as the distribution has it."""
    script = "find /etc/haproxy /etc/systemd /etc/sysctl.d /usr/local -type f -exec sha256sum {} +; ip rule; ip -6 rule; nft list ruleset"
    now = host.check_output(script).splitlines()
    assert sorted(filter(None, now)) == sorted(filter(None, host.file("/root/before").content_string.splitlines()))
    assert host.check_output("systemctl is-active haproxy") == "active"
    assert host.check_output("systemctl show -p User --value haproxy") == ""
    assert not host.file("/etc/front-tier").exists
