# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit out of an installed tarball, in an empty folder: what a user has who knows nothing of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.playbook.conftest import HERE, Place
from tests.tools import tarball


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the collection path with the collection out of its tarball."""
    return tarball.install(tmp_path_factory.mktemp("tarball"))


@pytest.fixture
def place(tmp_path: Path, installed: Path) -> Place:
    """Return an empty folder, and the installed collection."""
    (tmp_path / "work").mkdir()
    return Place(tmp_path / "work", installed)


def test_the_installed_audit_reports_and_its_gate_fails(place: Place) -> None:
    """ansible-playbook finds the playbook by its name: exit 0 without a gate, 2 with one, and the report in the empty folder."""
    place.inventory({"here": {**HERE, "front_tier_connections": 10**9}})
    ran = place.play()
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert {"inventory.yml", "front-tier-report"} == {path.name for path in place.folder.iterdir()}
    assert "audited" == place.report()["hosts"]["here"]["state"] and "Inbound bounds" in ran.stdout
    gated = place.play(front_tier_fail_on="error")
    assert 2 == gated.returncode and "here FT100 front_tier_connections" in " ".join(gated.stdout.split())
    assert place.report()["gate"]["fails"]


def test_the_filter_of_the_installed_collection_computes(place: Place) -> None:
    """The what-if of the guide works from the tarball, too."""
    place.inventory({"here": HERE})
    (place.folder / "what-if.yml").write_text("""---
- hosts: front_tier
  gather_facts: false
  roles: [c10m.front_tier.audit]
  tasks:
    - ansible.builtin.assert:
        that: eight.capacity.outbound.connections > 0 and eight.paths | length == front_tier_audit.paths | length
      vars:
        eight: "{{ front_tier_audit | c10m.front_tier.capacity(nofile=1000000, addresses=8) }}"
""")
    ran = place.play(playbook="what-if.yml", front_tier_upstreams=["10.0.9.10:8080"])
    assert 0 == ran.returncode, ran.stdout + ran.stderr
