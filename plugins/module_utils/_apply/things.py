# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things of a host that steps change: each kind is read, written and compared by a file of its own. Private to the collection."""

from __future__ import annotations

import importlib
import os
import socket
from typing import TYPE_CHECKING, Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import file, folder, sysctl
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Step
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, sysctl_path

if TYPE_CHECKING:  # found by their names: what is imported anywhere travels with a module
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import (  # noqa: F401
        address,
        link,
        local_route,
        nft_table,
        process,
        route,
        rule,
        service,
        symlink,
        unit,
    )

KINDS: dict[str, Any] = {"file": file, "folder": folder, "sysctl": sysctl}
FOLLOWING = ("unit", "service")  # what the system derives from files: it comes last, also on the way back
REFRESHED = ("unit",)  # of these, what has no value of its own: on the way back it is what the files then make it


def kind_of(kind: str) -> Any:
    """Return the file of a kind: read(root, names) -> {name: value}, write(root, name, value), same(name, one, other).

    The kinds that few changes have are imported when one of them does.
    """
    return KINDS.get(kind) or importlib.import_module("%s.kinds.%s" % (__name__.rpartition(".")[0], kind))


def read(root: Root, kind: str, names: Iterable[str]) -> dict[str, Any]:
    """Return {name: value now, None where it is not there}. Raises OSError where one cannot be read."""
    return dict(kind_of(kind).read(root, list(names)))


def write(root: Root, kind: str, name: str, value: Any) -> None:
    """Give a thing its value; None takes it away. Raises OSError."""
    kind_of(kind).write(root, name, value)


def same(kind: str, name: str, one: Any, other: Any) -> bool:
    """Tell whether two values mean the same, None among them."""
    if one is None or other is None:
        return one is other
    return bool(kind_of(kind).same(name, one, other))


def clean_up(root: Root, kind: str, name: str) -> None:
    """Take away what a killed write left behind."""
    if kind in ("file", "symlink"):
        kind_of(kind).clean_up(root, name)


def why_left(root: Root, kind: str, name: str, value: Any) -> str | None:
    """Return why a thing can never again have a value that it had, in words; None where it may be tried.

    What carries a thing takes it along: an interface or a module its sysctls, an interface its addresses and routes, a folder its files.
    """
    if value is None:
        others = kind == "folder" and bool(root.names(name))
        return "it stays, since others have put something into it" if others else None
    if kind == "sysctl":
        return None if root.exists(sysctl_path(name)) else "it is gone, with the interface or the module that it was of"
    if kind in ("file", "folder", "symlink"):
        return None if root.exists(os.path.dirname(name)) else "it is gone, with the folder that it was in"
    words = name.split() if kind in ("address", "local_route") else value.split("dev ")[-1:] if kind == "route" else []
    interface = value["parent"] if kind == "link" else words[0] if words else None
    there = interface is None or interface in {one for _index, one in socket.if_nameindex()}
    return None if there else "it is gone, with the interface %s" % interface


def routes_beside(steps: Iterable[Step]) -> set[str]:
    """Return the routes of others that may go with addresses and interfaces of these steps; an empty set where there are none."""
    if not any(step.kind in ("address", "link") and step.before is None for step in steps):
        return set()
    ours = {step.name for step in steps if step.kind == "local_route"}
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_ways

    try:
        return {way.text for way in read_ways() if way.local not in ours}
    except OSError:
        return set()  # it is for the words alone
