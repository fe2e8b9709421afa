# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the set has ended a node is as it was."""

from __future__ import annotations

from typing import Any


def test_files_and_folders_are_as_before(host: Any) -> None:
    """Names, modes, owners, sizes and contents; of our state only the empty folder is left."""
    folders = "/etc/systemd /etc/security /etc/sysctl.d /etc/modules-load.d"
    now = host.check_output("find %s -ls | awk '{print $1, $3, $5, $6, $7, $11, $12, $13}' | sort" % folders)
    assert now.splitlines() == host.file("/root/files").content_string.splitlines()
    sums = host.check_output("find /etc/systemd /etc/security /etc/sysctl.d -type f -exec sha256sum {} + | sort")
    assert sums.splitlines() == host.file("/root/sums").content_string.splitlines()
    assert host.check_output("ls -A /var/lib/front-tier") == ""


def test_values_are_as_before(host: Any, shown: Any) -> None:
    """Sysctls, what systemd gives a service, and what a session gets."""
    now = host.check_output("sysctl -a 2> /dev/null | grep -E 'somaxconn|max_syn_backlog|ip_local_(port|reserved)'")
    assert now == host.file("/root/sysctls").content_string.strip()
    assert shown("nginx.service") == shown("holder@one.service") == shown("") == "1024:524288"
    assert host.check_output("su - app -c 'ulimit -Hn'") != "16000"
