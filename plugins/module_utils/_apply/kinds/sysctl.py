# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls as things that a change writes: the files below /proc/sys. Private to the collection.

A value is the text as the kernel prints it, with its whitespace folded.
"""

from __future__ import annotations

import os

from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sysctls import OTHER
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, sysctl_path

READ_AT_ONCE = 1 << 20


def read(root: Root, names: list[str]) -> dict[str, str | None]:
    """Return {name: text, None where there is no such sysctl}. Raises OSError where one cannot be read."""
    return {name: _read(root, name) for name in names}


def _read(root: Root, name: str) -> str | None:
    try:
        fd = os.open(root.path(sysctl_path(name)), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return " ".join(os.read(fd, READ_AT_ONCE).decode("utf-8", "replace").split())
    finally:
        os.close(fd)


def write(root: Root, name: str, value: str | None) -> None:
    """Write a sysctl. A list of a page and more takes further writes, which the kernel adds to the first (kernel-truths, 11)."""
    if value is None:
        return  # the module behind it is gone, and its sysctl with it
    if value == "0" and name in OTHER and _read(root, name) == value:
        return  # its other half made it so, and would be made 0 in its turn, or the kernel refuses to hear of it
    fd = os.open(root.path(sysctl_path(name)), os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        left = (value + "\n").encode()
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)


def same(name: str, one: str, other: str) -> bool:
    """Tell whether two texts mean the same: sets of ports and folded whitespace."""
    if name.endswith("_reserved_ports"):
        return _ports(one) == _ports(other)
    return str(one).split() == str(other).split()


def _ports(text: str) -> int:
    from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set

    return int(port_set(item for item in str(text).strip().split(",") if item))
