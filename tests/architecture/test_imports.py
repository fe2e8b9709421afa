# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import rule: imports go down only, only _ansible knows Ansible, and a managed host needs nothing but Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.closure import COLLECTION, ROOT, closure, imports, lines, source

UTILS = "plugins/module_utils/"

# room -> the rooms that it may import; a room may always import itself
BELOW = {
    "_model": [],
    "_read": ["_model"],
    "_plan": ["_model"],
    "_prove": ["_plan", "_read", "_model"],
    "_apply": ["_plan", "_read", "_model"],
    "_ansible": ["_apply", "_prove", "_plan", "_read", "_model"],
}
# what runs on the controller or is only a front door -> the rooms it may import, and whether it may import ansible
DOORS = {
    "plugins/modules": (["_ansible"], False),
    "plugins/filter": (["plugins/plugin_utils", "_plan", "_model"], True),
    "plugins/action": (["plugins/plugin_utils", "_plan", "_model"], True),
    "plugins/callback": (["plugins/plugin_utils", "_plan", "_model"], True),
    "plugins/plugin_utils": (["_plan", "_model"], True),
    "plugins/doc_fragments": ([], False),
}
THIRD_PARTY_ON_CONTROLLER = {"jinja2", "jmespath", "pytest"}


def place(path: Path, root: Path) -> str:
    """Return the room of a file of module_utils, or the folder of plugins for any other."""
    parts = path.relative_to(root).parts
    return parts[2] if parts[:2] == ("plugins", "module_utils") else "/".join(parts[:2])


def offence(where: str, name: str, root: Path) -> str | None:
    """Return why a file at `where` may not import `name`; None where it may."""
    try:
        target = source(name, root)
    except ValueError as error:
        return str(error)
    if target:
        allowed = BELOW.get(where, DOORS.get(where, ([], False))[0])
        there = place(target, root)
        if there == where or there in allowed:
            return None
        return f"{where} may import {', '.join(allowed) or 'no room'}"
    top = name.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names:
        return None
    if top == "ansible":
        allowed_here = where == "_ansible" or DOORS.get(where, ([], False))[1]
        return None if allowed_here else "only _ansible and what runs on the controller may import ansible"
    if top in THIRD_PARTY_ON_CONTROLLER and where in DOORS and where != "plugins/modules":
        return None
    return "a managed host has only Python's standard library"


def offences(root: Path) -> list[str]:
    """Return every forbidden import of the collection's plugins, with its file and line."""
    return [
        f"{path.relative_to(root)}:{one.line}: imports {one.name}: {why}"
        for path in sorted((root / "plugins").rglob("*.py"))
        for one in imports(path)
        if (why := offence(place(path, root), one.name, root))
    ]


def test_imports_go_down_only() -> None:
    """Every forbidden import is named with its file, its line and what that room may import."""
    assert [] == offences(ROOT)


@pytest.mark.parametrize(
    ("path", "line", "why"),
    [
        (UTILS + "_model/seeded.py", f"from {COLLECTION}plugins.module_utils._read.root import Root", "_model may import no room"),
        (UTILS + "_read/seeded.py", f"from {COLLECTION}plugins.module_utils._read import root", None),
        (UTILS + "_plan/seeded.py", f"from {COLLECTION}plugins.module_utils._read.root import Root", "_plan may import _model"),
        (UTILS + "_read/seeded.py", "from ansible.module_utils.basic import AnsibleModule", "only _ansible"),
        (UTILS + "_read/seeded.py", "def read():\n    import yaml", "only Python's standard library"),
        (UTILS + "_ansible/seeded.py", "from ansible.module_utils.basic import AnsibleModule", None),
        ("plugins/modules/seeded.py", f"from {COLLECTION}plugins.module_utils._model import absence", "may import _ansible"),
        ("plugins/modules/seeded.py", "import jmespath", "only Python's standard library"),
        ("plugins/filter/seeded.py", "import jmespath", None),
        (UTILS + "_read/seeded.py", f"from {COLLECTION}plugins.module_utils._read.gone import x", "no file of the collection"),
        (
            "plugins/filter/seeded.py",
            f"import {COLLECTION}plugins.module_utils._read.root",
            "may import plugins/plugin_utils, _plan, _model",
        ),
    ],
)
def test_the_rule_finds_a_seeded_offence(tmp_path: Path, path: str, line: str, why: str | None) -> None:
    """A forbidden import in a collection of three files is found, an allowed one is not."""
    for name, text in ((UTILS + "_model/absence.py", ""), (UTILS + "_read/root.py", ""), (path, line + "\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = offences(tmp_path)
    assert (1 if why else 0) == len(found)
    assert all(one.startswith(path) and why and why in one for one in found)


def test_every_room_is_known() -> None:
    """A new folder of module_utils needs a place in the rule."""
    assert {path.name for path in (ROOT / UTILS).iterdir() if path.name != "__pycache__"} <= set(BELOW)


def test_no_init_files() -> None:
    """The collection needs no __init__.py; an empty file would only travel."""
    assert [] == sorted(str(path.relative_to(ROOT)) for path in (ROOT / "plugins").rglob("__init__.py"))


TRAVELLING = [path for path in sorted((ROOT / "plugins/modules").glob("*.py")) if len(closure(path)) > 1]


@pytest.mark.parametrize("module", TRAVELLING, ids=lambda path: path.stem)
def test_the_closure_is_what_ansible_packs(module: Path, tmp_path: Path) -> None:
    """The files that tests/tools/closure.py counts are those that really travel to a host with a module."""
    own = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/live"), "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TEMP": str(tmp_path)}
    words = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "localhost", "-m"]
    # In check mode: a module that changes hosts must not change this one.
    command = [str(Path(sys.executable).with_name("ansible")), *words, f"c10m.front_tier.{module.stem}", "--check"]
    subprocess.run(command, env={**os.environ, **own}, check=False, capture_output=True)
    (wrapper,) = tmp_path.glob("*/AnsiballZ_*.py")
    subprocess.run([sys.executable, wrapper, "explode"], check=True, capture_output=True)
    packed = (path.relative_to(wrapper.parent / "debug_dir") for path in wrapper.parent.rglob("debug_dir/ansible_collections/**/*.py"))
    travelled = {path.as_posix().split("front_tier/", 1)[1] for path in packed if path.name != "__init__.py"}
    assert travelled == {path.relative_to(ROOT).as_posix() for path in closure(module)}


# Lines that are compiled at every task of the two modules that run most, and what they may come to (docs/benchmarks.md). Who adds to
# them takes something else away, or raises the bound knowingly.
AUDIT_LINES, SETTINGS_LINES = 4390, 2300
PLANNED = """
import json, sys
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import change, specification
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
params = {name: one.get("default") for name, one in specification("kernel_settings").items()}
change({**params, "settings": {"net.core.somaxconn": 4096}}, "kernel_settings", True, Root(sys.argv[1]))
print(json.dumps([one.__file__ for name, one in sys.modules.items() if name.startswith("ansible_collections.c10m.") and one.__file__]))
"""


def test_an_audit_carries_no_more_than_its_budget() -> None:
    """All of it is compiled."""
    assert AUDIT_LINES >= sum(map(lines, closure(ROOT / "plugins/modules/connection_limits_info.py")))


def test_settings_import_no_more_than_their_budget(tmp_path: Path) -> None:
    """Of all that travels with a change, one of sysctls imports the part that it takes."""
    for name, text in (
        ("proc/sys/net/core/somaxconn", "4096"),
        ("run/systemd/system/x", ""),
        ("etc/sysctl.d/10-x.conf", "vm.swappiness = 1"),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text + "\n")
    command = [sys.executable, "-c", PLANNED, str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT / ".build/live")}, check=True, capture_output=True, text=True)
    imported = [Path(path) for path in json.loads(done.stdout)]
    assert SETTINGS_LINES // 2 < sum(map(lines, imported)) <= SETTINGS_LINES


@pytest.mark.parametrize("module", ["kernel_settings", "host_config"])
def test_what_a_change_finds_by_its_name_travels(module: str) -> None:
    """All sections and kinds of things go along with every module that changes a host: it may have to undo what another began."""
    sections, kinds = (sorted((ROOT / UTILS / room).glob("*.py")) for room in ("_ansible/sections", "_apply/kinds"))
    assert sections and kinds and set(closure(ROOT / f"plugins/modules/{module}.py")) >= {*sections, *kinds}
