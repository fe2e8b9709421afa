# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies as the plan of the fleet made them: held = predicted, also over two reloads under load."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["podman://ft-front1", "podman://ft-front2"]


def test_held_as_predicted_over_two_reloads_under_load(node: Any, hold: Any, host: Any) -> None:
    """Each worker holds its share of each line to the connection; the next is refused with sQ--, none ever fails with SC--."""
    host.check_output("journalctl --rotate --vacuum-time=1s -q")
    sources, upstreams = node.variables["front_tier_sources"], node.variables["front_tier_upstreams"]
    hop, each = node.hop("cache"), node.variables["front_tier_line_maxconn"] // 3
    assert hop["line_caps"] == 2 * len(sources) * len(upstreams) * each and hop["reached"]
    carried = min(hop["line_caps"], hop["planned"]) // 2
    for worker in (1, 2, 3):
        assert hold(carried + 2) == {"200": carried, "503": 2}
        expected = {(source, there): each * worker for source in sources for there in upstreams}
        node.until(lambda wanted=expected: node.held() == wanted)  # a health check is there for a moment
        if worker < 3:
            pids = set(host.check_output("pgrep haproxy").split())
            host.check_output("systemctl reload haproxy")
            node.until(lambda before=pids: set(host.check_output("pgrep haproxy").split()) - before)
    log = host.check_output("journalctl -q -u haproxy --no-pager")
    assert log.count(" sQ-- ") == 6 and " SC-- " not in log and "is DOWN" not in log
