# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of units that it has loaded. Private to the collection."""

from __future__ import annotations

import re
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

UNIT_NAME = re.compile(r"[\w:.\\@][\w:.\\@-]{0,240}\.(service|scope|socket|mount|swap)\Z", re.A)
PROPERTIES = "Id,LoadState,MainPID,LimitNOFILE,LimitNOFILESoft,TasksMax,MemoryMax,NeedDaemonReload"
HUGE = 1 << 62  # what version 1 and systemd write for no limit is near 2^63 or 2^64


def read_live(root: Root, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return {name: {id, exists, main_pid, nofile, tasks, memory, needs_reload}} as systemd resolved it, in one call.

    Empty where systemd does not run or does not answer: systemctl(1), org.freedesktop.systemd1(5).
    """
    units = [name for name in names if UNIT_NAME.match(name)]
    if not units or not root.live or not root.exists("/run/systemd/system"):
        return {}
    text = run("systemctl", "show", "--no-pager", "-p", PROPERTIES, "--", *units)
    blocks = parse_show(text_of(text))
    return dict(zip(units, blocks)) if len(blocks) == len(units) else {}


def parse_show(text: str) -> list[dict[str, Any]]:
    """Return what `systemctl show` says of each unit, in the order in which they were asked for."""
    found = []
    for block in text.strip("\n").split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if not values.get("Id"):
            continue
        soft, hard = amount(values.get("LimitNOFILESoft")), amount(values.get("LimitNOFILE"))
        nofile = {"soft": soft, "hard": hard} if not is_absent(soft) and not is_absent(hard) else hard
        entry = {"id": values["Id"], "exists": values.get("LoadState") not in ("not-found", "bad-setting", "error")}
        entry.update(nofile=nofile, tasks=amount(values.get("TasksMax")), memory=amount(values.get("MemoryMax")))
        main = amount(values.get("MainPID"))
        found.append(dict(entry, main_pid=main, needs_reload=values.get("NeedDaemonReload") == "yes"))
    return found


def amount(text: str | None) -> Any:
    """Return a number as systemd and control groups write it, `unlimited` for no limit, or the absence."""
    if text in ("infinity", "max"):
        return UNLIMITED
    if not re.match(r"\d{1,20}\Z", text or "", re.A):
        return absent("unknown", "systemd does not say")
    return UNLIMITED if int(text or 0) >= HUGE else int(text or 0)
