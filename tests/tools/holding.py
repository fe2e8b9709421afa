# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client on a node of the testbed holds, and a fixture of it for scenarios whose own fixture `node` says which node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Hold = Callable[..., dict[str, int]]
SECONDS = 20  # that a client waits for its answers


def begin(container: str, number: int, port: int, peers: str = "/usr/local/bin/peers.py") -> tuple[subprocess.Popen[str], dict[str, int]]:
    """Hold requests from a container to itself; return the client, which ends with its input, and {status: how many}."""
    words = ["podman", "exec", "-i", container, "python3", peers, "hold", "127.0.0.1", str(port), str(number), str(SECONDS)]
    client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout
    return client, json.loads(client.stdout.readline())


@pytest.fixture
def hold(node: Any) -> Iterator[Hold]:
    """Return what holds requests from the node itself and gives {status: how many}; all end with the test."""
    clients: list[subprocess.Popen[str]] = []

    def one(number: int, port: int = 80) -> dict[str, int]:
        client, found = begin("ft-" + node.name, number, port)
        clients.append(client)
        return found

    yield one
    for client in clients:
        client.communicate()
