# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a restart of the node everything has its limits from the files alone."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("unit", ["nginx.service", "holder@one.service"])
def test_units_start_with_their_limits(running: Any, shown: Any, unit: str) -> None:
    """Both limits are those of the drop-in, in systemd and in every process."""
    assert running(unit) == {"12000:16000"}
    assert shown(unit) == "12000:16000"


def test_what_says_nothing_itself_has_the_default(running: Any, shown: Any) -> None:
    """A service of the distribution started with the manager's default."""
    assert shown("") == "12000:16000"
    assert shown("dbus.service") == "12000:16000"


def test_ports_and_queues_are_kept(host: Any) -> None:
    """The range, the reserved ports and the queues are set at boot."""
    told = host.check_output("sysctl -n net.ipv4.ip_local_port_range net.core.somaxconn net.ipv4.tcp_max_syn_backlog")
    assert told.split() == ["10240", "65535", "65535", "65535"]
