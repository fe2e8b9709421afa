# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests ask a node with its own tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def shown(host: Any) -> Callable[[str], str]:
    """Return soft:hard of a unit as systemd has it loaded; an empty name is the manager itself."""

    def shown(unit: str) -> str:
        name = "LimitNOFILE" if unit else "DefaultLimitNOFILE"
        command = "systemctl show -p %sSoft -p %s %s" % (name, name, unit)
        told = dict(line.split("=") for line in host.check_output(command).splitlines())
        return told[name + "Soft"] + ":" + told[name]

    return shown


@pytest.fixture
def running(host: Any) -> Callable[[str], set[str]]:
    """Return {soft:hard} of all processes of a unit, as the kernel has them."""

    def running(unit: str) -> set[str]:
        group = host.check_output("systemctl show -p ControlGroup --value " + unit)
        root = "/sys/fs/cgroup/systemd" if host.file("/sys/fs/cgroup/systemd").exists else "/sys/fs/cgroup"
        pids = host.check_output("find %s%s -name cgroup.procs -exec cat {} +" % (root, group)).split()
        assert pids
        rows = [host.check_output("grep 'Max open files' /proc/%s/limits" % pid).split() for pid in pids]
        return {"%s:%s" % (row[3], row[4]) for row in rows}

    return running
