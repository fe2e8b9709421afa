# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to users: none ends with the complaint, each says what to do."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).resolve().parents[2]
RAISED = {
    "Refusal",
    "PathError",
    "PlanError",
    "GateError",
    "ExpressionError",
    "AuditError",
    "Failed",
    "AnsibleFilterError",
    "AnsibleActionFail",
}
CALLED = {"_refuse": 2, "refuse": 0, "fail_json": None}  # which argument has the words; None: msg
# An imperative, or a bound that says what may be written instead.
REMEDY = re.compile(
    r"\b(add|allow|ask|audit|choose|dial|end|exclude|give|have|install|keep|leave|let|list all|log|look|lower|make|mend|name|open|override|"
    r"put|raise|read it again|record|register|remove|reserve|restore|run|say|set|split|start|switch|take|try|turn|upgrade|use|wait|widen|"
    r"write|must be|it is one of|(?:is not one|is none) of %s|(?:keys|subsets) are)\b",
    re.I,
)
# Whose last words, which say what to do, come from elsewhere.
ELSEWHERE = (
    "%s does not exist on this host. %s",
    "%s Nothing was dialled.",
    "gateway %s %s. Nothing was changed.",
    "%s seems to be managed by %s, and this is no time to guess. %s",
    "%s is managed by none of %s that can be seen. %s",
    '%s: no host is in a group "%s". There are %s. If it is outside the inventory, %s.',
    '"%s" refuses the files as they would be: %s%s',
)


def words_of(node: ast.AST, names: dict[str, str]) -> str:
    """Return the literal text of an expression, with what is put into it as %s; a name stands for what it was given in the file."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.BinOp):
        return words_of(node.left, names) + (words_of(node.right, names) if isinstance(node.op, ast.Add) else "")
    if isinstance(node, ast.IfExp):
        return words_of(node.body, names) + words_of(node.orelse, names)
    if isinstance(node, ast.Name):
        return names.get(node.id, "%s")
    return "%s"


def messages() -> Iterator[tuple[str, str]]:
    """Yield (place, words) of every message that a plugin refuses or fails with. What is only put together from others has no words."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for scope in [one for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.Module))]:
            given = [one for one in ast.walk(scope) if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)]
            names = {one.targets[0].id: words_of(one.value, {}) for one in given if isinstance(one.targets[0], ast.Name)}
            calls = [one for one in ast.walk(scope) if isinstance(one, ast.Call)] if isinstance(scope, ast.FunctionDef) else []
            for call in calls:
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                if name in RAISED or name in CALLED and path.parent.name != "_prove":
                    index = CALLED.get(name, 0)
                    chosen = call.args[index : index + 1] if index is not None else [one.value for one in call.keywords if one.arg == "msg"]
                    for node in chosen:
                        yield "%s:%d" % (path.relative_to(ROOT), node.lineno), words_of(node, names)


def test_every_message_of_a_plugin_says_what_to_do() -> None:
    """A message has more than a complaint: an imperative, or the values that would be right."""
    found = dict(messages())
    assert len(found) > 250
    literal = {place: text for place, text in found.items() if len(re.sub(r"%[-.\dsrdfgo]+|\W", "", text)) > 12}
    assert len(literal) > 200
    assert {} == {place: text for place, text in literal.items() if not REMEDY.search(text) and text not in ELSEWHERE}
    assert [] == [text for text in ELSEWHERE if text not in found.values()]


def test_every_failure_of_a_role_or_playbook_says_what_to_do() -> None:
    """The message of a task that fails or asserts says what to do, unless a filter has made all of it."""

    def tasks(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
            for item in value.values():
                yield from tasks(item)
        elif isinstance(value, list):
            for item in value:
                yield from tasks(item)

    found = {}
    for path in sorted([*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").rglob("*.yml")]):
        for task in tasks(yaml.safe_load(path.read_text())):
            given = task.get("ansible.builtin.fail") or task.get("ansible.builtin.assert")
            if isinstance(given, dict):
                found["%s: %s" % (path.relative_to(ROOT), task.get("name"))] = str(given.get("msg") or given.get("fail_msg") or "")
    assert len(found) >= 5
    made = re.compile(r"\{\{ (\(front_tier__tried|front_tier__unmet|front_tier__proof_fleet)")
    assert {} == {place: text for place, text in found.items() if not REMEDY.search(text) and not made.search(text)}
