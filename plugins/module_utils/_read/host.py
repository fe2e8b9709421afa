# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host: its kernel and size, whether it is a container, what may be seen of it. Private to the collection."""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.container import read_container
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import parse_meminfo
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

CAP_NET_ADMIN = 12


def read_host(root: Root) -> dict[str, Any]:
    """Return the section `host` of a snapshot, less `read_at`, `subsets` and `kernel_proven`."""
    uname = os.uname()
    return {
        "system": uname.sysname if root.live else "Linux",
        "kernel": uname.release if root.live else _line(root, "/proc/sys/kernel/osrelease"),
        "hostname": uname.nodename if root.live else _line(root, "/proc/sys/kernel/hostname"),
        "container": read_container(root),
        "privileged": is_privileged(root),
        "init": "systemd" if root.exists("/run/systemd/system") else "other",  # sd_booted(3)
        "cpus": len(re.findall(r"^cpu\d", text_of(root.text("/proc/stat")), re.M)) or absent("unknown", "/proc/stat: none"),
        "memory": parse_meminfo(root.text("/proc/meminfo"))["total"],
        "page_size": os.sysconf("SC_PAGE_SIZE") if root.live else absent("unknown", "a recorded host does not say"),
    }


def is_privileged(root: Root) -> bool:
    """Tell whether this process really holds CAP_NET_ADMIN (uid 0 in a container often does not)."""
    found = re.search(r"^CapEff:\s*([0-9a-fA-F]{1,16})\s*$", text_of(root.text("/proc/self/status")), re.M)
    return bool(found and int(found.group(1), 16) >> CAP_NET_ADMIN & 1)


def _line(root: Root, path: str) -> Any:
    text = root.text(path)
    return text if is_absent(text) else text_of(text).strip()
