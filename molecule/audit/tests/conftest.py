# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests compare: the audit of a node as converge.yml left it, and what the node's own tools say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Audit = dict[str, Any]


@pytest.fixture(scope="module")
def node(host: Any) -> str:
    """Return the node's name in the inventory."""
    return str(host.check_output("hostname"))


@pytest.fixture(scope="module")
def audit(node: str) -> Audit:
    """Return what the role left as the fact front_tier_audit of this node."""
    text = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], node + ".json").read_text()
    found: Audit = json.loads(text)
    return found


@pytest.fixture(scope="module")
def facts(node: str) -> dict[str, Any]:
    """Return what prepare.yml put in place on this node."""
    found: dict[str, Any] = yaml.safe_load(Path(__file__).parents[1].joinpath("vars", "facts.yml").read_text())[node]
    return found


@pytest.fixture(scope="module")
def sysctls(host: Any) -> dict[str, str]:
    """Return every sysctl that the node shows, as `sysctl -a` prints it: one blank between words."""
    lines = host.run("sysctl --all --ignore").stdout.splitlines()
    pairs = (line.partition(" = ")[::2] if " = " in line else (line.partition(" =")[0], "") for line in lines)
    return {name: " ".join(value.split()) for name, value in pairs}


@pytest.fixture(scope="session")
def printed() -> Callable[[Any], str]:
    """Return what gives a value of a snapshot the form in which sysctl prints it."""

    def form(value: Any) -> str:
        if isinstance(value, list):
            return ("," if any(isinstance(item, str) for item in value) else " ").join(map(str, value))
        return str(value)

    return form
