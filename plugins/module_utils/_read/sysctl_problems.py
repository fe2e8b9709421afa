# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the files that set sysctls at boot. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import clipped, problem
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import (
    BY_HAND,
    DEVICE,
    is_glob,
    key_name,
    lines_for,
    module_behind,
    settled_lines,
    when,
)


def sysctl_problems(files: dict[str, Any], modules: dict[str, Any]) -> list[dict[str, str]]:
    """Return what is wrong with the files: {kind, source, message}, in reading order.

    kind: `not_applied` (nothing reads them), `garbage`, `unreadable`, `masked`, `volatile` (lies in /run), `lost` (comes before
    its module), `unknown_key` (this kernel has no such key), `no_interface`, `by_hand` (/etc/sysctl.conf is not read at boot).
    """
    found: list[dict[str, str]] = list(files["problems"])
    if not files["applied_by"]:
        return [problem("not_applied", line["source"], files["detail"]) for line in files["lines"][:1]] + found
    for line in files["lines"]:
        _applies, lost = when(line, modules, files["applied_by"])
        device = DEVICE.match(line["key"])
        if lost and line["value"] is not None and not is_glob(line["key"]):
            found.append(problem("lost", line["source"], lost))
        elif not line.get("present", True) and not line["quiet"] and module_behind(line["key"]) is None:
            if device:
                found.append(
                    problem(
                        "no_interface",
                        line["source"],
                        "%s waits for an interface %s, which is not here." % (clipped(key_name(line["key"])), clipped(device.group(1))),
                    )
                )
            else:
                found.append(
                    problem(
                        "unknown_key", line["source"], "This kernel has no %s: the line does nothing." % (clipped(key_name(line["key"])))
                    )
                )
    late = settled_lines(files["lines"])
    for key, history in settled_lines(files["by_hand"]).items():
        line, chain = history[-1], lines_for(late, key)
        if line["value"] is not None and (not chain or chain[-1][1]["value"] != line["value"]):
            found.append(
                problem(
                    "by_hand",
                    line["source"],
                    "%s = %s is not applied at boot: systemd reads no %s here, only "
                    "sysctl --system does." % (clipped(key_name(key)), clipped(line["value"]), BY_HAND),
                )
            )
    return found
