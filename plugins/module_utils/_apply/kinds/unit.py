# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd has loaded of units: it follows from their files once the manager is told to load them. Private to the collection.

There is one such thing in a change, with one reload. Its name is the names of the units, with blanks between them; a value is
{unit: soft:hard}, the units left out of which nothing is known.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import pair
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.systemd import parse_show, read_live

MANAGER = "DefaultLimitNOFILE"
MOST_SECONDS = 90.0


def runs(root: Root) -> bool:
    """Tell whether systemd runs here: sd_booted(3). A tree has none."""
    return root.live and root.exists("/run/systemd/system")


def read(root: Root, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return {name: {unit: soft:hard as loaded}}."""
    return {name: _read(root, name.split()) for name in names}


def _read(root: Root, units: list[str]) -> dict[str, str]:
    shown = read_live(root, [unit for unit in units if unit != MANAGER and "@." not in unit])
    found = {unit: live["nofile"] for unit, live in shown.items()}
    if MANAGER in units and runs(root):
        found.update(_manager())
    return {unit: pair(nofile) for unit, nofile in found.items() if isinstance(nofile, dict) and "soft" in nofile}


def _manager() -> dict[str, Any]:
    text = text_of(run("systemctl", "show", "--no-pager", "-p", "DefaultLimitNOFILE,DefaultLimitNOFILESoft"))
    shown = parse_show("Id=%s\n" % MANAGER + text.replace("Default", ""))
    return {one["id"]: one["nofile"] for one in shown}


def write(root: Root, name: str, value: dict[str, Any] | None) -> None:
    """Have systemd load what the files say. Raises OSError where it refuses; where it does not run there is nothing to load."""
    if runs(root):
        answer = run("systemctl", "daemon-reload", seconds=MOST_SECONDS)
        if is_absent(answer):
            raise OSError(0, answer["detail"])


def same(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether what both know of units is the same."""
    return all(one[unit] == other[unit] for unit in one if unit in other)
