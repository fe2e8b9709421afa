# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record this host as a tree of plain files: every file and link that an audit asks for, and `expected.json` beside it.

usage: python3 record.py FOLDER [pid ...]     (the folder above ansible_collections in PYTHONPATH)

Of the processes only those named are recorded. Names of this machine (its hostname, what /proc/1/environ holds) are not.
`python3 record.py --expect FOLDER` writes expected.json anew, for a tree that was changed by hand.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.module_utils._read import processes, sysctl
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, sysctl_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot

NET = [
    "tcp",
    "tcp6",
    "snmp",
    "netstat",
    "sockstat",
    "sockstat6",
    "fib_trie",
    "route",
    "if_inet6",
    "stat/arp_cache",
    "stat/ndisc_cache",
    "stat/nf_conntrack",
]
PROC = ["meminfo", "stat", "loadavg", "uptime", "cmdline", "self/cgroup", "self/status", "self/mountinfo", "modules"]
KEPT = (
    "host",
    "limits",
    "ports",
    "sockets",
    "listeners",
    "services",
    "addresses",
    "counters",
    "memory",
    "conntrack",
    "boot",
    "paths",
    "capacity",
)
HIDDEN = {"/proc/sys/kernel/hostname": "recorded\n", "/proc/1/environ": ""}
# What `expected.json` leaves out since it is of the moment of reading.
OF_THE_MOMENT = ("read_at",)


def files(pids: list[int]) -> list[str]:
    """Return every file that is worth recording."""
    names = [sysctl_path(name) for name in sysctl.SYSCTLS] + ["/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname"]
    names += ["/proc/sys/fs/file-nr", "/proc/1/comm"] + ["/proc/" + name for name in PROC] + ["/proc/net/" + name for name in NET]
    for pid in pids:
        names += ["/proc/%d/%s" % (pid, name) for name in ("stat", "status", "limits", "cgroup", "comm")]
    return names


def save(folder: str, path: str, text: str) -> None:
    """Write one recorded file; numbers of /proc/stat that only grow are left out."""
    where = folder + path
    os.makedirs(os.path.dirname(where), exist_ok=True)
    if path == "/proc/stat":
        text = "".join("%s 0\n" % line.split()[0] for line in text.splitlines() if line.startswith("cpu"))
    with open(where, "w", encoding="utf-8") as file:
        file.write(text)


def record(folder: str, pids: list[int]) -> None:
    """Record the files and the links of descriptors."""
    live = Root()
    for path in files(pids):
        text = HIDDEN.get(path, live.text(path))
        if isinstance(text, str):
            save(folder, path, text)
    for pid in pids:
        os.makedirs("%s/proc/%d/fd" % (folder, pid), exist_ok=True)
        for number, inode in enumerate(processes.socket_inodes(live, pid)):
            if inode:
                os.symlink("socket:[%d]" % inode, "%s/proc/%d/fd/%d" % (folder, pid, number))


def facts_of(folder: str) -> dict[str, Any]:
    """Return what an audit makes of a recorded host, less what is of the moment, as it comes out of JSON."""
    found = json.loads(json.dumps(complete(read_snapshot(Root(folder)))))
    for name in OF_THE_MOMENT:
        found["host"].pop(name)
    return {name: found.get(name) for name in KEPT} | {"findings": [one["id"] for one in found["findings"]]}


def expect(folder: str) -> None:
    """Write expected.json beside the tree."""
    with open(os.path.join(os.path.dirname(folder), "expected.json"), "w", encoding="utf-8") as file:
        json.dump(facts_of(folder), file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    top = sys.argv[-1] if sys.argv[1] == "--expect" else sys.argv[1]
    if sys.argv[1] != "--expect":
        record(top, [int(pid) for pid in sys.argv[2:]])
    expect(top)
