# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local addresses over which people, and this very run, are logged in. Private to the collection."""

from __future__ import annotations

import os
import re
from typing import Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import parse_stat, socket_owners
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import read_listeners

PORT = 22  # also where systemd listens for sshd
MOST_PARENTS = 64


def read_ssh_addresses(root: Root, connections: Iterable[tuple[str, int, str]]) -> set[str]:
    """Return the local addresses of connections to sshd's listeners, and the one that this run came over, also under sudo."""
    ports = sshd_ports(root)
    return {local for local, port, _peer in connections if port in ports} | session_addresses(root, os.getpid())


def sshd_ports(root: Root) -> set[int]:
    """Return the ports that sshd listens on, and its usual one."""
    listeners = read_listeners()
    owners = socket_owners(root, [one["inode"] for one in listeners])
    programs = {pid: (parse_stat(text_of(root.text("/proc/%d/stat" % pid))) or {}).get("program", "") for pid in set(owners.values())}
    return {PORT} | {one["port"] for one in listeners if programs.get(owners.get(one["inode"], 0), "").startswith("sshd")}


def session_addresses(root: Root, pid: int) -> set[str]:
    """Return the local addresses in SSH_CONNECTION of a process and of its parents: sudo takes it out of the environment."""
    found = set()
    for _dummy in range(MOST_PARENTS):
        environment = "\0" + text_of(root.text("/proc/%d/environ" % pid))
        match = re.search(r"\0SSH_CONNECTION=\S+ \d+ ([0-9A-Fa-f:.]+)(%\S+)? \d+(\0|\Z)", environment)
        if match:
            found.add(re.sub(r"^::ffff:(?=\d+\.)", "", match.group(1)))
        stat = parse_stat(text_of(root.text("/proc/%d/stat" % pid)))
        if not stat or stat["parent"] < 1:
            break
        pid = stat["parent"]
    return found
