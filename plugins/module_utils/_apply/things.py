# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things of a host that steps change: each kind is read, written and compared by a file of its own. Private to the collection."""

from __future__ import annotations

from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import file, folder, sysctl
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

KINDS: dict[str, Any] = {"file": file, "folder": folder, "sysctl": sysctl}
FOLLOWING = ("unit", "service")  # what the system derives from files: it comes last, also on the way back
REFRESHED = ("unit",)  # of these, what has no value of its own: on the way back it is what the files then make it


def kind_of(kind: str) -> Any:
    """Return the file of a kind: read(root, names) -> {name: value}, write(root, name, value), same(name, one, other).

    The kinds that few changes have are imported when one of them does.
    """
    if kind == "process":
        from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import process

        return process
    if kind == "unit":
        from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import unit

        return unit
    if kind in ("symlink", "route", "rule", "nft_table", "service"):
        from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import nft_table, route, rule, service, symlink

        return {"symlink": symlink, "route": route, "rule": rule, "nft_table": nft_table, "service": service}[kind]
    if kind in ("address", "link", "local_route"):
        from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import address, link, local_route

        return {"address": address, "link": link, "local_route": local_route}[kind]
    return KINDS[kind]


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
