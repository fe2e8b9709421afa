# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach a node of the testbed until the connection is reset once, and never again: a network that a change has cut off."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.loader import connection_loader

DOCUMENTATION = """
name: ft_cut
short_description: Reach a node of the testbed until the connection is reset once
description: Serves one test.
author: The c10m.front_tier contributors
options:
  remote_addr:
    description: The container's name.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
"""
Podman: Any = connection_loader.get("ft_podman", class_only=True)


class Connection(Podman):  # type: ignore[misc]
    """One container, as long as it can be reached."""

    transport = "ft_cut"
    cut = False

    def reset(self, *_args: Any) -> None:
        """Be cut off from now on."""
        Connection.cut = True

    def _in_node(self, command: str, given: bytes | None = None) -> tuple[int, bytes, bytes]:
        if Connection.cut:
            raise AnsibleConnectionFailure("no route to host")
        return super()._in_node(command, given)  # type: ignore[no-any-return]
