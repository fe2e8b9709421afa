# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit: one bound in force on a host; and the table of the sysctls that bound connections. Private to the collection."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent, known, number


class Sysctl(NamedTuple):
    """What is known of a sysctl before it is read.

    scope: `kernel` (one value for the machine) or `netns` (one for each network namespace); unit: of its value, None for
    a switch; default: the kernel's own value where it does not depend on the machine, None where it does or is not known.
    """

    subset: str
    scope: str
    unit: str | None
    default: int | str | None = None


# Scopes: kernel-truths, 8. Which sysctl lives where. Defaults: Documentation/networking/ip-sysctl.rst, a new namespace's values.
SYSCTLS: dict[str, Sysctl] = {
    "fs.file-max": Sysctl("files", "kernel", "files"),
    "fs.nr_open": Sysctl("files", "kernel", "files"),
    "fs.epoll.max_user_watches": Sysctl("files", "kernel", "files"),
    "kernel.pid_max": Sysctl("files", "kernel", "processes"),
    "kernel.threads-max": Sysctl("files", "kernel", "processes"),
    "net.ipv4.ip_local_port_range": Sysctl("min", "netns", "ports", "32768 60999"),
    "net.ipv4.ip_local_reserved_ports": Sysctl("min", "netns", "ports", ""),
    "net.ipv4.ip_unprivileged_port_start": Sysctl("ports", "netns", "ports", 1024),
    "net.ipv4.ip_autobind_reuse": Sysctl("ports", "netns", None, 0),
    "net.ipv4.tcp_tw_reuse": Sysctl("min", "netns", None, 2),
    "net.ipv4.tcp_tw_reuse_delay": Sysctl("min", "netns", "milliseconds", 1000),
    "net.ipv4.tcp_timestamps": Sysctl("min", "netns", None, 1),
    "net.core.somaxconn": Sysctl("accept", "netns", "connections", 4096),
    "net.ipv4.tcp_max_syn_backlog": Sysctl("accept", "netns", "connections"),
    "net.ipv4.tcp_syncookies": Sysctl("accept", "netns", None, 1),
    "net.ipv4.tcp_abort_on_overflow": Sysctl("accept", "netns", None, 0),
    "net.ipv4.tcp_synack_retries": Sysctl("accept", "netns", None, 5),
    "net.core.netdev_max_backlog": Sysctl("accept", "kernel", "packets", 1000),
    "net.ipv4.tcp_fin_timeout": Sysctl("sockets", "netns", "seconds", 60),
    "net.ipv4.tcp_max_tw_buckets": Sysctl("sockets", "netns", "connections"),
    "net.ipv4.tcp_max_orphans": Sysctl("sockets", "kernel", "connections"),
    "net.ipv4.tcp_keepalive_time": Sysctl("sockets", "netns", "seconds", 7200),
    "net.ipv4.tcp_keepalive_intvl": Sysctl("sockets", "netns", "seconds", 75),
    "net.ipv4.tcp_keepalive_probes": Sysctl("sockets", "netns", None, 9),
    "net.ipv4.tcp_syn_retries": Sysctl("sockets", "netns", None, 6),
    "net.ipv4.ip_forward": Sysctl("sockets", "netns", None, 0),
    "net.ipv4.ip_nonlocal_bind": Sysctl("sockets", "netns", None, 0),
    "net.ipv6.ip_nonlocal_bind": Sysctl("min", "netns", None, 0),
    "net.ipv6.bindv6only": Sysctl("sockets", "netns", None, 0),
    "net.ipv4.conf.all.rp_filter": Sysctl("sockets", "netns", None, 0),
    "net.ipv4.conf.default.rp_filter": Sysctl("sockets", "netns", None, 0),
    "net.ipv4.conf.all.promote_secondaries": Sysctl("sockets", "netns", None, 0),
    "net.ipv4.neigh.default.gc_thresh1": Sysctl("sockets", "kernel", "entries", 128),
    "net.ipv4.neigh.default.gc_thresh2": Sysctl("sockets", "kernel", "entries", 512),
    "net.ipv4.neigh.default.gc_thresh3": Sysctl("sockets", "kernel", "entries", 1024),
    "net.ipv6.neigh.default.gc_thresh3": Sysctl("sockets", "kernel", "entries", 1024),
    "net.ipv4.tcp_mem": Sysctl("memory", "kernel", "pages"),
    "net.ipv4.tcp_rmem": Sysctl("memory", "netns", "bytes"),
    "net.ipv4.tcp_wmem": Sysctl("memory", "netns", "bytes"),
    "net.core.rmem_max": Sysctl("memory", "kernel", "bytes"),
    "net.core.wmem_max": Sysctl("memory", "kernel", "bytes"),
    "net.core.optmem_max": Sysctl("memory", "netns", "bytes"),
    "net.ipv4.tcp_ehash_entries": Sysctl("memory", "kernel", "entries"),
    "net.ipv4.tcp_child_ehash_entries": Sysctl("memory", "netns", "entries"),
    "vm.overcommit_memory": Sysctl("memory", "kernel", None, 0),
    "vm.max_map_count": Sysctl("memory", "kernel", "entries"),
    "net.netfilter.nf_conntrack_max": Sysctl("conntrack", "kernel", "connections"),
    "net.netfilter.nf_conntrack_buckets": Sysctl("conntrack", "kernel", "entries"),
    "net.netfilter.nf_conntrack_count": Sysctl("conntrack", "netns", "connections"),
    "net.netfilter.nf_conntrack_tcp_timeout_established": Sysctl("conntrack", "netns", "seconds", 432000),
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait": Sysctl("conntrack", "netns", "seconds", 120),
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait": Sysctl("conntrack", "netns", "seconds", 60),
    "net.netfilter.nf_conntrack_tcp_loose": Sysctl("conntrack", "netns", None, 1),
}
INTERFACE_SYSCTLS = ("net.ipv4.conf.%s.rp_filter", "net.ipv4.conf.%s.promote_secondaries")  # read for each interface as well


def values(name: str, text: str) -> int | str | list[int] | list[str]:
    """Return a sysctl's text as plain data: a whole number, a list of whole numbers, a list of port texts, or the text itself."""
    if name.endswith("_reserved_ports"):
        return [item for item in text.strip().split(",") if item]
    words = text.split()
    try:
        whole = [int(word) for word in words]
    except ValueError:
        return text.strip()
    return whole[0] if len(whole) == 1 else (whole or "")


class Limits:
    """The `limits` of a snapshot by name: `value("net.core.somaxconn")` is the number in force."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.by_name: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in snapshot.get("limits") or []}

    def entry(self, name: str) -> dict[str, Any] | None:
        """Return the whole limit, None where it was not read."""
        return self.by_name.get(name)

    def value(self, name: str) -> Any:
        """Return the value in force; None where it is an absence or was not read."""
        return known((self.by_name.get(name) or {}).get("value"))

    def number(self, name: str) -> int | None:
        """Return the value in force where it is a whole number, else None."""
        return number(self.value(name))

    def boot(self, name: str) -> Any:
        """Return the value that the next boot is expected to give; None where it is not known."""
        return known(((self.by_name.get(name) or {}).get("boot") or {}).get("value"))

    def present(self, name: str) -> bool:
        """Tell whether the value was read and is no absence."""
        return name in self.by_name and not is_absent(self.by_name[name].get("value"))
