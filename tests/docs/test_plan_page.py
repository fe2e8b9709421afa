# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked example of docs/plan.md is what the code prints, and its tables name what the code knows."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.c10m.front_tier.plugins.filter.plan import FLEET, VARIABLES, plan
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.hops import KEYS
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.plan import render
from tests.recorded import tiers

PAGE = (Path(__file__).resolve().parents[2] / "docs/plan.md").read_text()


def test_the_worked_example_is_what_is_printed() -> None:
    """The plan of the recorded inventory, printed, is the block in the page, letter for letter."""
    printed = "\n".join("".join(text for text, _tone in line).rstrip() for line in render(plan(tiers.example())))
    shown = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert shown is not None
    assert shown.group(1).strip("\n") == printed.strip("\n")


def test_every_key_and_variable_is_explained() -> None:
    """Each key of a hop and each variable that the plan reads stands in the page."""
    names = [*KEYS, *(name for name in (*VARIABLES, *FLEET) if name != "front_tier_transparent_method")]
    assert [name for name in names if f"`{name}`" not in PAGE and f"{name}:" not in PAGE] == []
