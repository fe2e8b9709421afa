# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs has its limits without a restart, and systemd has loaded what the files say."""

from __future__ import annotations

from typing import Any

import pytest


def test_every_worker_is_raised_without_a_restart(host: Any, running: Any) -> None:
    """All processes of a unit have the soft limit, and no less hard limit than before. (Those of nginx are another user's, which takes
    CAP_SYS_RESOURCE: without it they wait for a restart.)"""
    (limits,) = running("holder@one.service")
    soft, hard = map(int, limits.split(":"))
    assert soft == 12000
    assert hard >= 16000
    assert host.check_output("systemctl show --property=MainPID --value holder@one") == host.file("/root/pid").content_string.strip()


@pytest.mark.parametrize("unit", ["nginx.service", "holder@one.service", ""])
def test_systemd_has_loaded_it(host: Any, shown: Any, unit: str) -> None:
    """The units, an instance of a template and the default have it; nothing waits for a reload."""
    assert shown(unit) == "12000:16000"
    assert not unit or host.check_output("systemctl show -p NeedDaemonReload --value " + unit) == "no"


def test_a_session_gets_it(host: Any) -> None:
    """A new session of the user has both limits; one of another user has them not."""
    assert host.check_output("su - app -c 'ulimit -Sn; ulimit -Hn'").split() == ["12000", "16000"]
    assert host.check_output("su -s /bin/sh nobody -c 'ulimit -Hn'") != "16000"
