# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Ansible community asks of a collection that it includes, as far as a test can tell; and what the artifact holds.

Source: collection_requirements.rst of ansible-documentation. Sanity, links, FQCNs and licences have tests of their own.
"""

from __future__ import annotations

import ast
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.tools import tarball

ROOT = Path(__file__).resolve().parents[2]
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())
README = " ".join((ROOT / "README.md").read_text().split())
MODULES = sorted((ROOT / "plugins/modules").glob("*.py"))
TAGS = {
    "application",
    "cloud",
    "database",
    "eda",
    "infrastructure",
    "linux",
    "monitoring",
    "networking",
    "security",
    "storage",
    "tools",
    "windows",
}
KNOWN = {
    "action", "become", "cache", "callback", "cliconf", "connection", "doc_fragments", "filter", "httpapi", "inventory", "lookup",
    "module_utils", "modules", "netconf", "plugin_utils", "shell", "strategy", "sub_plugins", "terminal", "test", "vars",
}  # fmt: skip
MOST = 3_000_000  # bytes of the artifact
WANTED = re.compile(
    r"(README\.md|CHANGELOG\.rst|CONTRIBUTING\.md|CODE_OF_CONDUCT\.md|REUSE\.toml|\.ansible-lint|MANIFEST\.json|FILES\.json|"
    r"LICENSES/[\w.-]+\.txt|changelogs/(config|changelog)\.yaml|docs/[\w./-]+\.md|docs/figures/\w+\.svg|meta/[\w-]+\.(yml|txt)|playbooks/[\w/]+\.yml|"
    r"plugins/[\w/]+\.(py|yml)|roles/\w+/README\.md|roles/\w+/(defaults|handlers|meta|tasks|vars)/[\w/]+\.yml|"
    r"roles/\w+/templates/[\w./-]+\.j2|roles/\w+/files/[\w-]+\.py)"
)


def documentation(path: Path) -> dict[str, object]:
    """Return what a module documents."""
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
    }
    return {name: yaml.safe_load(text) for name, text in found.items()}


@pytest.mark.parametrize(
    "said",
    [
        "semantic versioning", "code of conduct", "https://forum.ansible.com/c/help/6", "tags `networking`, `linux`",
        "Python 3.7 and older are not supported", "ansible-core 2.18 or newer", "is deprecated one minor release before", "CONTRIBUTING.md",
        "GPL-3.0-or-later",
    ],
)  # fmt: skip
def test_the_readme_says_it(said: str) -> None:
    """Versions, policies, where to talk, what is not supported."""
    assert said in README


def test_galaxy_knows_what_it_needs() -> None:
    """A required tag, no dependencies, where to find what; and the version of ansible-core."""
    assert TAGS & set(GALAXY["tags"]) and {} == GALAXY["dependencies"] and ["GPL-3.0-or-later"] == GALAXY["license"]
    assert all(GALAXY[key].startswith("https://") for key in ("repository", "documentation", "homepage", "issues"))
    assert ">=2.18.0" == yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["requires_ansible"]
    environment = yaml.safe_load((ROOT / "meta/execution-environment.yml").read_text())
    assert "jmespath" in (ROOT / environment["dependencies"]["python"]).read_text().split()


def test_galaxy_and_the_pages_speak_of_one_version() -> None:
    """The tarball that the README installs is the one that galaxy.yml names, and no page names another."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").rglob("README.md")]
    named = {version for page in pages for version in re.findall(r"c10m-front_tier-([\w.+-]+?)\.tar\.gz", page.read_text())}
    assert {GALAXY["version"]} == named


def test_folders_of_plugins_are_those_that_ansible_knows() -> None:
    """Nothing else lies below plugins/."""
    assert KNOWN >= {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()}


def test_what_is_not_private_is_documented() -> None:
    """A utility without an underscore is for users, so a page of the docs names it; every other says that it is private."""
    for path in (ROOT / "plugins").glob("*_utils/**/*.py"):
        inside = path.relative_to(ROOT / "plugins").parts[1:]
        if not any(part.startswith("_") for part in inside):
            assert any(f"plugin_utils.{path.stem}" in page.read_text() for page in (ROOT / "docs").glob("*.md")), path
        elif path.parts[-2] in ("_report", "_policy") or inside[0] == "_gate.py":
            assert "Private to the collection." in path.read_text()[:1500], path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_documents_what_it_must(path: Path) -> None:
    """Documentation, examples with full names, return values, since when; a module that only reads says so of check mode."""
    told = documentation(path)
    about = told["DOCUMENTATION"]
    assert isinstance(about, dict) and about["version_added"] and {"DOCUMENTATION", "EXAMPLES", "RETURN"} <= set(told)
    assert tuple(map(int, str(about["version_added"]).split("."))) <= tuple(map(int, GALAXY["version"].split(".")))
    assert f"c10m.front_tier.{path.stem}:" in path.read_text()
    if path.stem.endswith("_info"):
        assert "c10m.front_tier._attributes.info" in about["extends_documentation_fragment"]
    state = about.get("options", {}).get("state", {})
    assert not {"get", "list", "query", "info"} & set(state.get("choices", []))


def test_sanity_is_told_to_ignore_nothing() -> None:
    """There is no ignore file."""
    assert [] == list((ROOT / "tests/sanity").glob("ignore*")) if (ROOT / "tests/sanity").exists() else True


def test_the_artifact_holds_what_users_need_and_no_more(tmp_path: Path) -> None:
    """Less than 3 MB, no file of developers, nothing that can be run, no link, and every file of a kind that has its place."""
    built = tarball.build(tmp_path)
    assert MOST > built.stat().st_size
    with tarfile.open(built) as archive:
        members = [member for member in archive if not member.isdir()]
    assert [] == [member.name for member in members if not member.isfile() or member.size > 300_000 and member.name != "FILES.json"]
    assert [] == [member.name for member in members if not WANTED.fullmatch(member.name)]
