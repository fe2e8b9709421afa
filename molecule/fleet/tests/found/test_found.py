# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies as they are found: what the plan says of a pair is what the site's own HAProxy holds."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["podman://ft-front1", "podman://ft-front2"]
PORTS = 240


def test_held_as_predicted(node: Any, hold: Any) -> None:
    """HAProxy, as the site has it, holds on its one pair what the plan gives a pair; the next request gets 503."""
    hop = node.hop("cache")
    assert (hop["usable_ports"], hop["pairs"], hop["now"]) == (PORTS, 2, 2 * 2 * PORTS)
    assert hold(hop["usable_ports"] + 2, 81) == {"200": PORTS, "503": 2}
    assert sum(node.held().values()) == PORTS
