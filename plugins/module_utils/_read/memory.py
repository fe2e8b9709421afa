# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory: what the machine has, and what sockets take of it. Private to the collection."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of


def read_memory(root: Root) -> dict[str, Any]:
    """Return {total, available: bytes, tcp_pages: pages that TCP buffers hold, of the whole machine}."""
    return dict(parse_meminfo(root.text("/proc/meminfo")), tcp_pages=read_sockstat(root)["memory_pages"])


def parse_meminfo(text: Any) -> dict[str, Any]:
    """Return {total, available} in bytes of /proc/meminfo (or of the absence of its text): proc_meminfo(5)."""
    if is_absent(text):
        return {"total": text, "available": text}
    found = dict(re.findall(r"^(\w+):\s*(\d{1,18}) kB", text, re.M | re.A))
    return {
        name: int(found[key]) * 1024 if key in found else absent("unknown", "/proc/meminfo: no %s" % key)
        for name, key in (("total", "MemTotal"), ("available", "MemAvailable"))
    }


def read_sockstat(root: Root) -> dict[str, Any]:
    """Return {inuse, orphan, time_wait, alloc: TCP sockets of both families, memory_pages}.

    `inuse` (listeners and connections, without TIME_WAIT) and `time_wait` are of this network namespace;
    `orphan`, `alloc` and `memory_pages` of the whole machine: net/ipv4/proc.c.
    """
    return parse_sockstat(root.text("/proc/net/sockstat"), root.text("/proc/net/sockstat6"))


def parse_sockstat(text: Any, text6: Any = "") -> dict[str, Any]:
    """Return what read_sockstat() does, of the texts (or absences) of sockstat and of sockstat6."""
    tcp, tcp6 = _fields(text, "TCP"), _fields(text6, "TCP6")
    missing = text if is_absent(text) else absent("unknown", "/proc/net/sockstat: no such TCP field")
    names = (("inuse", "inuse"), ("orphan", "orphan"), ("time_wait", "tw"), ("alloc", "alloc"), ("memory_pages", "mem"))
    values: dict[str, Any] = {name: tcp.get(field, missing) for name, field in names}
    if "inuse" in tcp:
        values["inuse"] += tcp6.get("inuse", 0)
    return values


def _fields(text: Any, protocol: str) -> dict[str, int]:
    for line in text_of(text).splitlines():
        name, colon, rest = line.partition(":")
        if name == protocol and colon:
            return {key: int(value) for key, value in re.findall(r"(\w+) (\d{1,18})\b", rest, re.A)}
    return {}
