# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy 2.2, 2.6 and 3.0 as the role leaves them: held = predicted, also over two reloads under load."""

from __future__ import annotations

import re
from typing import Any

# 60 ports, 95 % of them are 57, and three workers share these
EACH = 19


def test_held_as_predicted_over_two_reloads_under_load(node: Any, hold: Any, host: Any) -> None:
    """Each worker holds its share of each line to the connection; the next is refused with sQ--, none ever fails with SC--."""
    host.check_output("journalctl --rotate --vacuum-time=1s -q")
    for worker in (1, 2, 3):
        assert hold(4 * EACH + 2) == {"200": 4 * EACH, "503": 2}
        expected = {(source, there): EACH * worker for source in node.sources for there in node.listeners}
        node.until(lambda wanted=expected: node.held() == wanted)  # a health check is there for a moment
        if worker < 3:
            pids = set(host.check_output("pgrep haproxy").split())
            host.check_output("systemctl reload haproxy")
            node.until(lambda before=pids: set(host.check_output("pgrep haproxy").split()) - before)
    log = host.check_output("journalctl -q -u haproxy --no-pager")
    assert log.count(" sQ-- ") == 6 and " SC-- " not in log and "is DOWN" not in log


def test_limits(host: Any) -> None:
    """The worker has the maxconn that was written, and may open what that needs; the site's own part works on."""
    part = host.file("/etc/haproxy/conf.d/50-front-tier-proxy.cfg").content_string
    written = int(re.findall(r"^\s+maxconn (\d+)", part, re.MULTILINE)[0])
    assert written == 4 * EACH + 16
    assert host.check_output("systemctl show --property LimitNOFILE --value haproxy") == "4000"
    script = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); s.sendall(b'show info\\n');"
        " print(b''.join(iter(lambda: s.recv(65536), b'')).decode())"
    )
    info = host.check_output("python3 -c %s", script)
    shown = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    assert int(shown["Maxconn"]) == written and int(shown["Ulimit-n"]) >= 2 * written
    assert host.socket("tcp://127.0.0.1:8404").is_listening


def test_hooks_ran_only_around_a_change(host: Any) -> None:
    """The files of the user ran before and after the host was changed, and not where nothing was to change."""
    lines = host.check_output("cat /root/hooks").splitlines()
    assert len(lines) % 2 == 0 and len(lines) in (2, 6)
