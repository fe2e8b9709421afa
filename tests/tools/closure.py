# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import closure: every file of the collection that travels to a host with a module."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.c10m.front_tier."


class Import(NamedTuple):
    """One imported module, or name of one, and the line that imports it."""

    name: str
    line: int


def imports(path: Path) -> Iterator[Import]:
    """Yield the dotted names that a file imports, wherever in it; `from a import b` gives a.b. No relative ones."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno}: relative import; name the module in full")
            yield from (Import(f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def source(name: str, root: Path = ROOT) -> Path | None:
    """Return the collection's file that a dotted name means (a module, or a name in it); None for anything else."""
    if not name.startswith(COLLECTION):
        return None
    parts = name[len(COLLECTION) :].split(".")
    for end in (len(parts), len(parts) - 1):
        path = root.joinpath(*parts[:end]).with_suffix(".py")
        if end and path.is_file():
            return path
    raise ValueError(f"no file of the collection holds {name}")


def closure(start: Path, root: Path = ROOT) -> list[Path]:
    """Return the file and all files of the collection that it imports, directly or not, sorted.

    Imports inside functions count: Ansible packs what a file could import, not what a call does.
    """
    found, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [file for one in imports(path) if (file := source(one.name, root))]
    return sorted(found)


def lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def table(module: str) -> str:
    """Return the closure of a module of the collection as text: lines a file, and the sum."""
    files = closure(ROOT / f"plugins/modules/{module}.py")
    rows = [f"{lines(path):6d}  {path.relative_to(ROOT)}" for path in files]
    return "\n".join([*rows, f"{sum(map(lines, files)):6d}  lines in {len(files)} files travel with {module}"])


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
    print("\n\n".join(map(table, names)))
