# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node of the ring, and what a client on it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools.holding import hold

__all__ = ["hold"]


class Node:
    """One node: its name, its sources and the listeners that it dials."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.name = str(host.check_output("hostname"))
        octet = 10 + int(self.name[-1])
        self.sources = ["198.18.2.%d%d" % (block, octet) for block in (1, 2)]
        self.origin = "198.18.2.%d" % (11 + int(self.name[-1]) % 3)
        self.listeners = ["%s:%d" % (self.origin, port) for port in (8080, 8081)]

    def held(self) -> dict[tuple[str, str], int]:
        """Return {(source, listener): connections} to the origin, counted by the node's kernel."""
        found: dict[tuple[str, str], int] = {}
        for line in self.host.check_output("ss -Htn state established dst %s", self.origin).splitlines():
            source, there = line.split()[2].rpartition(":")[0], line.split()[3]
            if there in self.listeners:
                found[source, there] = found.get((source, there), 0) + 1
        return found

    def until(self, true: Callable[[], Any], seconds: float = 20) -> None:
        """Wait for something."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "not within %g s" % seconds
            time.sleep(0.2)


@pytest.fixture
def node(host: Any) -> Node:
    """Return the node under test, with nothing left of the test before."""
    found = Node(host)
    found.until(lambda: sum(found.held().values()) <= len(found.listeners) * 2)
    return found
