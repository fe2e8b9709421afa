# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node was at each moment that remember.yml kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Moment = Callable[[str], dict[str, Any]]


@pytest.fixture
def moment(host: Any) -> Moment:
    """Return what gives {audit, files} of this node at a moment."""
    node = str(host.check_output("hostname"))
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])

    def at(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((folder / f"{name}-{node}.json").read_text())
        return found

    return at


@pytest.fixture
def last_octet(host: Any) -> str:
    """Return what the addresses of this node end with."""
    return {"front1": "11", "front2": "12", "front3": "13"}[str(host.check_output("hostname"))]
