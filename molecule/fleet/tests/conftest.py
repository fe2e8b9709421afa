# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of the fleet, and what a client on it holds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tools.holding import hold

__all__ = ["hold"]


class Node:
    """One proxy: what the last plan says of it, and what its kernel counts."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.name = str(host.check_output("hostname"))
        folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
        self.plan: dict[str, Any] = json.loads((folder / "report/front-tier-plan.json").read_text())
        self.variables: dict[str, Any] = self.plan["hosts"][self.name]["variables"]

    def hop(self, name: str) -> dict[str, Any]:
        """Return a hop of the plan."""
        found: dict[str, Any] = next(hop for hop in self.plan["hops"] if hop["name"] == name)
        return found

    def held(self) -> dict[tuple[str, str], int]:
        """Return {(source, listener): connections} to the origins, counted by the node's kernel."""
        found: dict[tuple[str, str], int] = {}
        for line in self.host.check_output("ss -Htn state established dport = :8080").splitlines():
            source, there = line.split()[2].rpartition(":")[0], line.split()[3]
            found[source, there] = found.get((source, there), 0) + 1
        return found

    def until(self, true: Callable[[], Any], seconds: float = 30) -> None:
        """Wait for something."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "not within %g s: %s" % (seconds, self.held())
            time.sleep(0.2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Keep of each test the hosts that its file names: molecule names all with --hosts, and then testinfra_hosts does not count."""
    others = [item for item in items if item.callspec.id not in item.module.testinfra_hosts]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture
def node(host: Any) -> Node:
    """Return the proxy under test, with nothing left of the test before."""
    found = Node(host)
    found.until(lambda: sum(found.held().values()) <= 8)
    return found
