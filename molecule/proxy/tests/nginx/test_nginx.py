# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx 1.18, 1.22 and 1.26 with a lane for each source: held = predicted, also over two reloads under load, and after a kill."""

from __future__ import annotations

from typing import Any

EACH = 19


def test_held_as_predicted_over_two_reloads_under_load(node: Any, hold: Any, host: Any) -> None:
    """Each generation of workers holds its share of each line to the connection; the next request gets 502, and no connect fails."""
    host.check_output(": > /var/log/nginx/error.log")
    for worker in (1, 2, 3):
        assert hold(4 * EACH + 2) == {"200": 4 * EACH, "502": 2}
        expected = {(source, there): EACH * worker for source in node.sources for there in node.listeners}
        node.until(lambda wanted=expected: node.held() == wanted)
        if worker < 3:
            pids = set(host.check_output("pgrep nginx").split())
            host.check_output("systemctl reload nginx")
            node.until(lambda before=pids: set(host.check_output("pgrep nginx").split()) - before)
    assert "Cannot assign requested address" not in host.file("/var/log/nginx/error.log").content_string


def test_starts_after_a_kill(host: Any) -> None:
    """Sockets of lanes that a killed nginx left do not keep the next one from starting."""
    host.check_output("systemctl kill -s KILL nginx; sleep 1; ls /run/front-tier-lane-1.sock; systemctl start nginx")
    assert host.socket("tcp://0.0.0.0:80").is_listening
