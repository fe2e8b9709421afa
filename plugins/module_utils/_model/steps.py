# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step: one change to one thing of one host, which can be applied, read back and undone. Private to the collection."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

# Sysctls that files, sessions and processes must stay below: they rise before those and fall after them.
CEILINGS = ("fs.nr_open", "fs.file-max")


class Step(NamedTuple):
    """A thing (its kind and its name within the kind), the value it has, and the value it gets; None where it is not there.

    Values are plain data; each kind of thing says which (_apply/kinds).
    """

    kind: str
    name: str
    before: Any
    after: Any

    def undone(self) -> Step:
        """Return the step back."""
        return Step(self.kind, self.name, self.after, self.before)


class Refusal(ValueError):
    """A change that must not be made; the message names the option, the value, the bound and the remedy."""


class Failed(Exception):
    """A change that was begun and undone; the message says which step failed, why, and what an undo could not restore."""


def file_value(text: str, mode: int = 0o644) -> dict[str, Any]:
    """Return the value of a file of our own: owned by root, readable by all."""
    return {"text": text, "mode": mode, "uid": 0, "gid": 0, "context": None}


# Things of which a change has many: one piece of a diff for all that stand together, and what they are of.
MANY = {
    "address": "addresses of %s",
    "local_route": "local routes of %s",
    "process": "processes of %s, nofile soft:hard",
    "rule": "rules of routing",
}


def shown(steps: Iterable[Step]) -> list[dict[str, str]]:
    """Return steps as Ansible's diff shows them; the same in check mode as in the real run."""
    found: list[dict[str, str]] = []
    for step in steps:
        header = _header(step)
        if step.kind not in MANY or not found or found[-1]["before_header"] != header:
            found.append({"before_header": header, "after_header": header, "before": "", "after": ""})
        found[-1]["before"] += _text(step, step.before)
        found[-1]["after"] += _text(step, step.after)
    return found


def _header(step: Step) -> str:
    if step.kind in MANY:
        return MANY[step.kind].replace("%s", step.name.rsplit("/", 2)[0] if step.kind == "process" else step.name.split()[0])
    named = {"file": step.name, "folder": step.name + "/", "unit": "unit %s, nofile soft:hard" % step.name}
    return named.get(step.kind, "%s %s" % (step.kind, step.name))


def plain(step: Step, value: Any) -> Any:
    """Return a value as a result shows it: of a file its text."""
    return value["text"] if step.kind == "file" and value is not None else value


def _text(step: Step, value: Any) -> str:
    if value is None:
        return ""
    if step.kind == "file":
        return str(value["text"])
    if step.kind == "nft_table":
        return str(value)
    if step.kind == "folder":
        return "mode %o\n" % value
    if step.kind == "unit":
        return "".join("%s = %s\n" % (unit, value[unit]) for unit in sorted(value))
    if step.kind in ("address", "local_route"):
        quiet = step.kind == "address" and value["lifetime"] == "unpreferred"
        return "%s%s\n" % (step.name.partition(" ")[2], ", a source only for those that bind it" if quiet else "")
    if step.kind == "rule":
        return step.name + "\n"
    if step.kind == "symlink":
        return "%s -> %s\n" % (step.name, value)
    if step.kind == "process":
        return "%s = %s\n" % (step.name.rsplit("/", 2)[1], "ended" if "gone" in value else "%s:%s" % (value["soft"], value["hard"]))
    if isinstance(value, dict):
        value = ", ".join("%s %s" % (key, value[key]) for key in sorted(value))
    return "%s = %s\n" % (step.name, value)
