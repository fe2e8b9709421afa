# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to the audit: what it shows can be typed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.playbook.conftest import HERE, ROOT, Place

GUIDE = (ROOT / "docs/audit.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.M | re.S)
SPEC = yaml.safe_load((ROOT / "roles/audit/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
OF_THE_PLAYBOOK = {"front_tier_target", "front_tier_report_dir", "front_tier_fail_on", "front_tier_accept"}
PLAYS = [block for block in BLOCKS if block.startswith("- hosts")]


def variables() -> dict[str, Any]:
    """Return all variables that the guide's inventory snippets set."""
    found: dict[str, Any] = {}
    for block in BLOCKS:
        if block not in PLAYS:
            found.update(yaml.safe_load(block))
    return found


def test_the_guide_names_every_variable_and_no_other() -> None:
    """The table of the guide has the variables of the role and of the playbook, with the role's defaults."""
    table = dict(re.findall(r"^\| `(front_tier_\w+)` \| (.*?) \|", GUIDE, re.M))
    assert {*SPEC, *OF_THE_PLAYBOOK} == set(table)
    told = {name: table[name].strip("`") for name in SPEC if "default" in SPEC[name]}
    assert {name: str(SPEC[name]["default"]).replace("'", "") for name in told} == told
    assert set(variables()) <= {*SPEC, *OF_THE_PLAYBOOK}


def test_the_defaults_of_the_role_are_those_it_documents() -> None:
    """defaults/main.yml and meta/argument_specs.yml say the same."""
    defaults = yaml.safe_load((ROOT / "roles/audit/defaults/main.yml").read_text())
    assert {name: one["default"] for name, one in SPEC.items() if "default" in one} == defaults


def test_the_inventory_of_the_guide_works(place: Place) -> None:
    """All its snippets together are understood: the service and the addresses are not here, and that is all that is said."""
    place.inventory({"here": HERE}, **{**variables(), "front_tier_paths": [], "front_tier_service": ""})
    ran = place.play()
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert ["10.0.9.10"] == place.report()["hosts"]["here"]["audit"]["paths"][0]["destinations"]
    assert "200,000" in ran.stdout


@pytest.mark.parametrize("number", range(len(PLAYS)))
def test_a_play_of_the_guide_runs(place: Place, number: int) -> None:
    """Each playbook that the guide shows runs as it is."""
    (place.folder / "play.yml").write_text(
        PLAYS[number].replace("/srv/reports", str(place.folder)).replace("hosts: edge", "hosts: front_tier")
    )
    place.inventory({"here": HERE})
    ran = place.play(playbook="play.yml", front_tier_accept=[])
    assert ran.returncode in ((0, 2) if "fail_on" in PLAYS[number] else (0,)), ran.stdout + ran.stderr
    assert "Error" not in ran.stdout and "undefined" not in ran.stdout
