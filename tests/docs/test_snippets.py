# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation shows can be typed: names that exist, options that modules understand, examples that run."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).resolve().parents[2]
OURS = "c10m.front_tier."
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("roles/*/README.md")])
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
SPEC = ("type", "elements", "choices", "default", "required")


@functools.cache
def documented() -> dict[str, Any]:
    """Return {module: what ansible-doc says of it}, with the fragments in it."""
    words = [str(Path(sys.executable).with_name("ansible-doc")), "--json", *(OURS + name for name in MODULES)]
    found: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return {name[len(OURS) :]: one for name, one in found.items()}


def specification(options: dict[str, Any]) -> dict[str, Any]:
    """Return the argument specification that documented options describe."""
    return {
        name: {key: one[key] for key in SPEC if key in one}
        | ({"options": specification(one["suboptions"])} if one.get("suboptions") else {})
        for name, one in options.items()
    }


def plain(value: Any) -> Any:
    """Return a value without the parts that only templating gives."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if "{{" not in str(key) and not templated(one)}
    return [plain(one) for one in value if not templated(one)] if isinstance(value, list) else value


def templated(value: Any) -> bool:
    """Tell whether Ansible has yet to compute a value."""
    return isinstance(value, str) and "{{" in value


def blocks(page: Path) -> Iterator[Any]:
    """Yield the YAML of a page, block by block. One that does not parse fails the test."""
    for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S):
        yield from yaml.safe_load_all(text)


def tasks(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield (module of ours, its options) of all tasks in a piece of YAML."""
    if isinstance(value, dict):
        for key, one in value.items():
            if str(key).startswith(OURS) and key[len(OURS) :] in MODULES:
                yield key[len(OURS) :], one or {}
            yield from tasks(one)
    elif isinstance(value, list):
        for one in value:
            yield from tasks(one)


def problems(module: str, options: dict[str, Any]) -> list[str]:
    """Return what the module would say of options, as Ansible itself finds it."""
    spec = specification(documented()[module]["doc"]["options"])
    given = plain(options)
    left = {name: one for name, one in options.items() if templated(one)}
    spec = {name: {key: value for key, value in one.items() if key != "required" or name not in left} for name, one in spec.items()}
    return list(ArgumentSpecValidator(spec).validate(given).error_messages)


@pytest.mark.parametrize("module", MODULES)
def test_every_example_of_a_module_is_understood(module: str) -> None:
    """Its EXAMPLES are tasks, at least one of this module, with options that it has."""
    found = list(tasks(yaml.safe_load(documented()[module]["examples"])))
    assert module in dict(found)
    assert [(name, problem) for name, options in found for problem in problems(name, options)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_task_of_a_page_is_understood(page: Path) -> None:
    """Every block of YAML parses, and its tasks have options that the modules have."""
    assert [(name, problem) for block in blocks(page) for name, options in tasks(block) for problem in problems(name, options)] == []


def test_every_name_of_ours_exists() -> None:
    """A page that says c10m.front_tier.NAME means a module, an action, a role, a playbook, a filter or a callback."""
    known = {path.stem for kind in ("modules", "action", "filter", "callback") for path in (ROOT / "plugins" / kind).iterdir()}
    known |= {path.stem for path in (ROOT / "playbooks").glob("*.yml")} | {path.name for path in (ROOT / "roles").iterdir()}
    known |= {"plugins", "front_tier", "testbed"}  # the package, the action group, and the label of what containers of tests leave
    wrong = [
        "%s: %s" % (page.relative_to(ROOT), name)
        for page in PAGES
        for name in re.findall(r"c10m\.front_tier\.([a-z_]+)", page.read_text())
        if name not in known
    ]
    assert wrong == []


def test_every_target_of_make_exists() -> None:
    """`make NAME` on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    wrong = [
        "%s: make %s" % (page.relative_to(ROOT), name)
        for page in PAGES
        for name in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.M)
        if name not in targets
    ]
    assert wrong == []


RUN = ("kernel_settings", "port_range", "secondary_interfaces", "transparent_routing", "host_config")
LAID = """set -e
ip link set lo up
for one in 0 1; do
    ip link add eth$one type veth peer name far$one; ip link set eth$one up; ip link set far$one up
done
ip address add 10.0.0.2/24 dev eth0; ip address add 192.0.2.11/24 dev eth1
exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root for a namespace, and nft")
@pytest.mark.parametrize("module", RUN)
def test_the_examples_of_a_module_run(module: str, tmp_path: Path) -> None:
    """Each of them, in check mode in a network namespace with two interfaces, ends without an error and tells a change where it should.

    `units` are left out, which this machine may not have, and so is the way to keep addresses: the namespace has no network manager.
    """
    examples = yaml.safe_load(documented()[module]["examples"])
    for task in examples:
        options = task[OURS + module]
        options.pop("fd_limits", None)
        options.pop("backend", None)
        if module == "secondary_interfaces":
            options["persist"] = False
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": examples}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    words = [str(Path(sys.executable).with_name("ansible-playbook")), "--check", "-i", "localhost,", "play.yml"]
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_LOCALHOST_WARNING": "false"}
    inside = ["unshare", "--net", "--mount", "sh", "-c", "mount -t sysfs none /sys; " + LAID, "sh", *words]
    ran = subprocess.run(inside, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    presents = sum(task[OURS + module].get("state", "present") == "present" for task in examples)
    assert ran.stdout.count("changed: [localhost]") == presents, ran.stdout
