# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a proof: no process, no connection, no TIME_WAIT and no folder of it is left on any node."""

from __future__ import annotations

from typing import Any


def test_nothing_is_left(host: Any) -> None:
    """The node is as before."""
    assert "" == host.check_output("ss -Htan '( sport = :9000 or sport = :9001 or dport = :9000 or dport = :9001 )'")
    assert "" == host.check_output("ls /run/front-tier-probe")
    assert [] == host.process.filter(comm="python3", user="root", args="connection_probe")
