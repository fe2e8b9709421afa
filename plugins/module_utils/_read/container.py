# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is a container, and whose. Private to the collection."""

from __future__ import annotations

import re

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

CONTAINERS = ("docker", "podman", "lxc", "systemd-nspawn", "kubernetes")
# Where a manager's name stands: in the path of a control group, or of what is mounted over /etc/hosts and the like.
TRACES = (
    ("kubernetes", r"kubepods|/kubelet/pods/"),
    ("podman", r"libpod|/containers/storage/"),
    ("docker", r"/docker[/-]"),
    ("lxc", r"/lxc[./]"),
)
# The first namespaces of a kernel have fixed numbers: include/linux/proc_ns.h.
FIRST_NAMESPACES = {"pid": "pid:[4026531836]", "uts": "uts:[4026531838]", "ipc": "ipc:[4026531839]"}


def read_container(root: Root) -> str | None:
    """Return what kind of container this is, `other` where it is one of an unknown kind, None where it is none.

    A marker file alone is no proof: an image that became a virtual machine still has it, so it counts only where
    this process lives in a namespace of its own.
    """
    if root.exists("/var/run/secrets/kubernetes.io"):
        return "kubernetes"
    environ = dict(item.partition("=")[::2] for item in text_of(root.text("/proc/1/environ")).split("\0"))
    name = text_of(root.text("/run/systemd/container")).strip() or environ.get("container", "")
    if name:
        return name if name in CONTAINERS else "lxc" if name.startswith("lxc") else "other"
    traced = parse_traces(*(text_of(root.text("/proc/self/" + file)) for file in ("cgroup", "mountinfo")))
    if traced:
        return traced
    links = {name: root.link("/proc/self/ns/" + name) for name in FIRST_NAMESPACES}
    if all(link in (None, FIRST_NAMESPACES[name]) for name, link in links.items()) and any(links.values()):
        return None
    for path, name in (("/run/.containerenv", "podman"), ("/.dockerenv", "docker")):
        if root.exists(path):
            return name
    return "other" if links["pid"] not in (None, FIRST_NAMESPACES["pid"]) else None


def parse_traces(cgroup: str, mountinfo: str) -> str | None:
    """Return the manager whose traces /proc/self/cgroup and mountinfo show; None for none.

    Of mountinfo only what is mounted over /etc/hosts, /etc/hostname and /etc/resolv.conf counts: the machine around
    the containers sees their layers as mounts too.
    """
    mounts = [line.split() for line in mountinfo.splitlines()]
    roots = [words[3] for words in mounts if len(words) > 4 and words[4].startswith(("/etc/host", "/etc/resolv.conf"))]
    text = "\n".join([cgroup, *roots])
    return next((name for name, pattern in TRACES if re.search(pattern, text)), None)
