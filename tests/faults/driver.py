# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change to a host that is a tree of plain files, with one real process: what the fault tests run, break and kill.

usage: python driver.py TREE present|other|absent|kept|undo|look
(prints the result or the error as JSON; "begin" on a line of its own before)
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import SECTIONS
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import process
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import nofile_d
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.transaction import Failed
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot

SYSCTLS = {
    "fs/file-max": "15000",
    "fs/nr_open": "10000",
    "net/core/somaxconn": "4096",
    "net/ipv4/ip_local_port_range": "32768\t60999",
    "net/ipv4/ip_local_reserved_ports": "",
    "net/ipv4/ip_unprivileged_port_start": "1024",
    "net/ipv4/tcp_fin_timeout": "60",
    "net/netfilter/nf_conntrack_max": "65536",
}
COMMON = {"name": "front-tier", "persist": True, "live": True, "on_override": "fail", "skip_unavailable": False, "lock_timeout": 5.0}
WANTED = {
    "present": {
        "kernel_settings": {
            "settings": {"net.core.somaxconn": 65535, "net/ipv4/tcp_fin_timeout": 15, "net.netfilter.nf_conntrack_max": 1000000}
        },
        "port_range": {"low": 10240, "high": 65535, "reserve": ["20000-20009"]},
        "fd_limits": {"nofile": {"soft": 12000, "hard": 16000}, "users": ["app"], "units": ["web"], "default": True},
    },
    "other": {
        "kernel_settings": {"settings": {"net.core.somaxconn": 1024}},
        "fd_limits": {"nofile": {"soft": 11000, "hard": 12000}, "users": [], "units": ["web"], "default": False},
    },
    "absent": {"kernel_settings": None, "port_range": None, "fd_limits": None},
    "undo": {"undo": "now"},
}
WANTED["kept"] = {**WANTED["other"], "undo": "keep"}
UNIT = "web.service"
SOFT, HARD = 1024, 16000  # of the process in it: the soft limit is raised, which takes no capability
LIMITS = "import resource, time; resource.setrlimit(resource.RLIMIT_NOFILE, (%d, %d)); print(flush=True); time.sleep(7200)"

LOADED = (read_snapshot, nofile_d, process)  # before the begin: a change imports them only where it needs them


@functools.lru_cache(maxsize=None)
def child() -> int:
    """Return the process in the host's unit, one for all hosts of a test run."""
    started = subprocess.Popen([sys.executable, "-c", LIMITS % (SOFT, HARD)], stdout=subprocess.PIPE)
    atexit.register(started.kill)
    if started.stdout:
        started.stdout.read(1)
    return started.pid


def make(tree: Path) -> None:
    """Make the host: its sysctls as files, systemd's traces, a file of someone else, a unit with a process."""
    files = {"/proc/sys/" + name: value + "\n" for name, value in SYSCTLS.items()}
    files.update({"/run/systemd/system/.keep": "", "/etc/sysctl.d/10-other.conf": "net.core.somaxconn = 512\n", "/var/lib/.keep": ""})
    pid = child()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (SOFT, HARD))
    files.update({"/proc/1/cgroup": "0::/init.scope\n", "/proc/%d/cgroup" % pid: "0::/system.slice/%s\n" % UNIT})
    files.update({"/proc/%d/stat" % pid: Path("/proc/%d/stat" % pid).read_text(), "/etc/systemd/system/.keep": ""})
    files.update({"/etc/security/limits.conf": "# kept\n", "/usr/lib/systemd/system/" + UNIT: "[Service]\nExecStart=/bin/web\n"})
    for name, text in files.items():
        path = Path(str(tree) + name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main() -> None:
    """Make the change."""
    tree, what = sys.argv[1:]
    params: dict[str, Any] = dict(COMMON, state="absent" if what == "absent" else "present", **dict.fromkeys(SECTIONS))
    params.update(WANTED["undo" if what == "look" else what])
    if what == "absent":
        params.update(dict.fromkeys(WANTED[what], {}))
    os.write(1, b"begin\n")
    try:
        answer = {"result": change.change(params, None, what == "look", Root(tree))}
    except (Refusal, Failed, OSError) as error:
        answer = {"error": str(error)}
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
