# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gauge: what the host's own counters and its memory say before, while and after connections are held. Private to the collection."""

from __future__ import annotations

import os
import re
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, number
from ansible_collections.c10m.front_tier.plugins.module_utils._read.counters import read_counters
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import read_sockstat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import read_cgroups
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.services import MEMORY, parse_mounts, read_group

LOSSES = ("RetransSegs", "TCPSynRetrans", "TCPTimeouts", "ListenDrops", "ListenOverflows", "TCPAbortOnMemory", "TCPTimeWaitOverflow")


def kilobytes(text: str, *names: str) -> int:
    """Return the sum of some lines of /proc/meminfo or smaps_rollup, in bytes."""
    found = dict(re.findall(r"^(\w+):\s*(\d{1,18}) kB", text, re.M | re.A))
    return 1024 * sum(int(found.get(name, 0)) for name in names)


class Memory:
    """The memory that may still be used: of the machine, or of the control group that has less."""

    def __init__(self) -> None:
        self.root = Root()
        self.mounts = parse_mounts(text_of(self.root.text("/proc/self/mountinfo")))
        self.cgroups = read_cgroups(self.root, os.getpid())

    def available(self) -> int:
        """Return the bytes of it."""
        sockets = number(read_sockstat(self.root)["alloc"]) or 0
        left = [memory.left(kilobytes(text_of(self.root.text("/proc/meminfo")), "MemAvailable"), sockets)]
        group = read_group(self.root, self.mounts, self.cgroups, MEMORY)
        if group.get("limit") != UNLIMITED and number(group.get("used")) is not None:
            left.append(int(group["limit"]) - int(group["used"]))
        return max(0, min(left))


def memory_total() -> int:
    """Return the bytes of the machine."""
    return kilobytes(text_of(Root().text("/proc/meminfo")), "MemTotal")


def read(pids: Iterable[int]) -> dict[str, Any]:
    """Return {slab, available, processes: bytes, losses: {counter: number}} as of now."""
    root = Root()
    meminfo = text_of(root.text("/proc/meminfo"))
    counters = read_counters(root)
    return {
        "slab": kilobytes(meminfo, "Slab"),
        "available": kilobytes(meminfo, "MemAvailable"),
        "processes": sum(kilobytes(text_of(root.text("/proc/%d/smaps_rollup" % pid)), "Pss") for pid in pids),
        "losses": {name: counters[name] for name in LOSSES if name in counters},
    }


def spent(before: dict[str, Any], after: dict[str, Any], held: int) -> dict[str, Any]:
    """Return {memory: bytes for each of `held` connections, losses: what was counted meanwhile}.

    kernel: slab pages of the whole machine, so also those of the other end where it is on this host; processes: of the probe.
    """
    each = max(1, held)
    return {
        "memory": {
            "kernel": round((after["slab"] - before["slab"]) / each),
            "processes": round((after["processes"] - before["processes"]) / each),
            "available": round((before["available"] - after["available"]) / each),
        },
        "losses": {name: after["losses"].get(name, 0) - number for name, number in before["losses"].items()},
    }
