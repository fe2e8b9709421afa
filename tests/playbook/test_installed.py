# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit out of an installed tarball, in an empty folder: what a user has who knows nothing of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.playbook.conftest import HERE, ROOT, Place

GALAXY = str(Path(sys.executable).with_name("ansible-galaxy"))


def tracked() -> list[str]:
    """Return the files that git tracks or would track, as far as they exist."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no git work tree here, so which files belong to the tarball is not known")
    return [name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the tarball from a clean copy and install it without a network; return the collection path."""
    top = tmp_path_factory.mktemp("tarball")
    for name in tracked():
        target = top / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "HOME": str(top),
        "LC_ALL": "C.UTF-8",
    }

    def galaxy(*words: str) -> None:
        ran = subprocess.run([GALAXY, "collection", *words], cwd=top, env=environment, capture_output=True, text=True, check=False)
        assert 0 == ran.returncode, ran.stdout + ran.stderr

    galaxy("build", "--output-path", str(top / "dist"), str(top / "source"))
    (tarball,) = (top / "dist").glob("*.tar.gz")
    galaxy("install", "--offline", "-p", str(top / "collections"), str(tarball))
    return top / "collections"


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
