# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client on a node of the testbed holds: a fixture for scenarios whose own fixture `node` says which node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Hold = Callable[..., dict[str, int]]
SECONDS = 20  # that a client waits for its answers


@pytest.fixture
def hold(node: Any) -> Iterator[Hold]:
    """Return what holds requests from the node itself and gives {status: how many}; all end with the test."""
    clients: list[subprocess.Popen[str]] = []

    def begin(number: int, port: int = 80) -> dict[str, int]:
        words = ["podman", "exec", "-i", "ft-" + node.name, "python3", "/usr/local/bin/peers.py", "hold", "127.0.0.1"]
        client = subprocess.Popen([*words, str(port), str(number), str(SECONDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        clients.append(client)
        assert client.stdout
        found: dict[str, int] = json.loads(client.stdout.readline())
        return found

    yield begin
    for client in clients:
        client.communicate()
