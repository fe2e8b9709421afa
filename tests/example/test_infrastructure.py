# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""examples/infrastructure as its user has it: copied into an empty folder, with the collection out of the tarball, without a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact
from tests.recorded.fleet import bound, direction, host
from tests.tools import container, tarball

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/infrastructure"
RELEASE = "bookworm"
STAGES = ("setup", "lint", "test", "audit", "gate")


class Repository:
    """The copy, and what runs in it."""

    def __init__(self, folder: Path, collections: Path) -> None:
        self.folder = folder / "infrastructure"
        shutil.copytree(EXAMPLE, self.folder)
        shutil.copytree(collections, self.folder / "collections")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "MOLECULE", "PYTEST"))}
        home = folder / "home"
        home.mkdir()
        self.environment = {
            **kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "ANSIBLE_REMOTE_TEMP": str(home / "tmp"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSIBLE_BECOME_METHOD": "ansible.builtin.su",
        }  # fmt: skip

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy."""
        return subprocess.run(
            words, cwd=self.folder, env={**self.environment, **more}, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    def here(self) -> None:
        """Let every host of the inventory be this machine, so that nothing goes over a network."""
        path = self.folder / "inventory/hosts.yml"
        local = f", ansible_connection: local, ansible_python_interpreter: {sys.executable}}}"
        path.write_text(re.sub(r"(ansible_host: [\d.]+)}", r"\1" + local, path.read_text()))

    def remember(self, nofile: int) -> None:
        """Put audits of all hosts into the fact cache, each of a service that may open `nofile` files."""
        facts = {}
        for number, name in enumerate(("edge-1", "edge-2", "origin-1", "origin-2")):
            one = host(number)
            one["services"][0]["processes"][0]["nofile"] = {"soft": nofile, "hard": nofile}
            one["capacity"]["inbound"] = direction([bound("nofile", nofile - 12, "descriptors")], 10)
            facts[name] = fact.kept({**one, "findings": [], "paths": []})
        (self.folder / "given.json").write_text(json.dumps({"given": facts}))
        (self.folder / "keep.yml").write_text("""---
- hosts: front_tier
  gather_facts: false
  tasks: [{ansible.builtin.set_fact: {front_tier_audit: "{{ given[inventory_hostname] }}", cacheable: true}}]
""")
        ran = self.run("ansible-playbook", "keep.yml", "-e", "@given.json")
        assert 0 == ran.returncode, ran.stdout + ran.stderr

    def junit(self) -> dict[str, Any]:
        """Return {policy: failures} of the XML that a CI system reads."""
        top = ElementTree.parse(self.folder / "front-tier-report/front-tier-policy.xml").getroot()
        return {str(suite.get("name")): int(str(suite.get("failures"))) for suite in top}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the collection path with the collection out of its tarball, and what reaches containers.

    containers.podman cannot be had without a network; the testbed's own connection through `podman exec` stands in for its plugin.
    """
    collections = tarball.install(tmp_path_factory.mktemp("tarball"))
    plugin = collections / "ansible_collections/containers/podman/plugins/connection/podman.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text((ROOT / "molecule/connection_plugins/ft_podman.py").read_text().replace("ft_podman", "podman"))
    return collections


@pytest.fixture
def repository(tmp_path: Path, installed: Path) -> Repository:
    """Return a copy of the example."""
    return Repository(tmp_path, installed)


def test_both_ci_systems_run_what_a_person_runs() -> None:
    """Every stage of ci.sh is run by each of them, and what they run otherwise is what the README says."""
    gitlab = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text())
    github = yaml.safe_load((EXAMPLE / ".github/workflows/front-tier.yml").read_text())
    one = [*gitlab["before_script"], *(line for job in gitlab.values() if isinstance(job, dict) for line in job.get("script", []))]
    other = [step["run"] for job in github["jobs"].values() for step in job["steps"] if "run" in step]
    for stage in STAGES:
        assert [line for line in one if f"ci.sh {stage}" in line] and [line for line in other if f"ci.sh {stage}" in line], stage
        assert f"sh ci.sh {stage}" in (EXAMPLE / "README.md").read_text()
    assert "front-tier-report/front-tier-policy.xml" == gitlab["gate"]["artifacts"]["reports"]["junit"]


def test_it_passes_its_own_lint(repository: Repository) -> None:
    """Syntax, roles and modules are found in the installed collection, and ansible-lint has no remark."""
    ran = repository.run("sh", "ci.sh", "lint")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "'production'" in ran.stdout + ran.stderr


def test_the_audit_fills_the_cache_and_the_table(repository: Repository) -> None:
    """Every host is read, here by a local connection; the run ends with the table of capacities."""
    repository.here()
    ran = repository.run("sh", "ci.sh", "audit")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert 4 == len(list((repository.folder / ".cache/facts").glob("*-*")))
    assert re.search(r"PLAY RECAP.*^  origin-2 +[\d,]+", ran.stdout, re.M | re.S)


def test_the_gate_reaches_no_host_and_stops_a_pipeline(repository: Repository) -> None:
    """Plan and policies come from the fact cache; the exit status and the XML say what is wrong, and with more descriptors all is well."""
    repository.remember(nofile=1024)
    ran = repository.run("sh", "ci.sh", "gate")
    assert ran.returncode and "edges-hold-what-we-sold" in ran.stdout, ran.stdout + ran.stderr
    assert (2, 4) == (repository.junit()["edges-hold-what-we-sold"], repository.junit()["no-soft-nofile-1024"])
    assert (repository.folder / "front-tier-report/front-tier-plan.json").exists()
    repository.remember(nofile=524288)
    ran = repository.run("sh", "ci.sh", "gate")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert {0} == set(repository.junit().values())


@pytest.mark.skipif(shutil.which("git") is None, reason="ansible-pull needs git")
def test_a_host_pulls_and_judges_itself(repository: Repository, tmp_path: Path) -> None:
    """ansible-pull fetches the repository and runs local.yml on the one host whose name it has; here in check mode."""
    repository.here()
    inventory = repository.folder / "inventory/hosts.yml"
    inventory.write_text(inventory.read_text().replace("edge-1:", socket.gethostname() + ":"))
    for words in (("init", "-q"), ("add", "-A", "-f", "."), ("-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "one")):
        assert 0 == repository.run("git", *words).returncode
    here = {"edge_packages": [], "front_tier_nofile": 0, "front_tier_service": "", "front_tier_skip_unavailable": True,
            "front_tier_connections": 100, "edge_report_dir": str(tmp_path / "report")}  # fmt: skip
    ran = repository.run(
        "ansible-pull", "--url", f"file://{repository.folder}", "--directory", str(tmp_path / "pulled"), "--inventory", "inventory",
        "--check", "-e", json.dumps(here),
    )  # fmt: skip
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    told = json.loads((tmp_path / "report/front-tier.json").read_text())
    assert [socket.gethostname()] == list(told["hosts"])


@pytest.mark.skipif(not container.has_image(RELEASE), reason=container.WHY_NOT)
def test_its_molecule_scenario_passes(repository: Repository, tmp_path: Path) -> None:
    """Its role runs in a container with systemd, changes nothing the second time, and its testinfra tests hold."""
    limits = tmp_path / "containers.conf"
    limits.write_text(f"[containers]\ndefault_ulimits = {json.dumps(container.ulimits())}\n")
    prefix = "ft-example-%d" % os.getpid()
    more = {
        "CONTAINERS_CONF": str(limits),
        "FRONT_TIER_TEST_IMAGE": container.image(RELEASE),
        "FRONT_TIER_TEST_NETWORK": "none",
        "FRONT_TIER_TEST_PREFIX": prefix,
    }
    try:
        ran = repository.run("sh", "ci.sh", "test", **more)
    finally:
        container.remove(prefix + "-edge-1")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout and "failed=0" in ran.stdout
