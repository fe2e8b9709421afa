# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on local ports and on paths (FT1xx). Rules: kernel-truths, 1 and 2. Private to the collection."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Found,
    Part,
    address,
    check,
    known_ports,
    switched,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import count, span, texts

RANGE = "net.ipv4.ip_local_port_range"
RESERVED = "net.ipv4.ip_local_reserved_ports"
SERVICES_END = 10240  # below it, services usually listen
HISTORY_END = (6, 18)  # the kernel from which on a port forgets the binds that it had
MORE = {  # what raises the bound that binds a path
    "ports": "Add source addresses (secondary_interfaces) or listeners, or widen net.ipv4.ip_local_port_range (port_range).",
    "nofile": "Raise nofile of the program that connects (fd_limits).",
    "nf_conntrack_max": "Raise net.netfilter.nf_conntrack_max, or leave this traffic out of connection tracking.",
    "fs.file-max": "Raise fs.file-max (fd_limits).",
    "memory": "Add memory, or spread the connections over more hosts.",
}


def _range(case: Case) -> tuple[int, int]:
    """Return (low, high); where they are not known a range that holds nothing."""
    ports = case.snapshot.part("ports")
    low, high = ports.number("low"), ports.number("high")
    return (low, high) if low and high and low <= high <= 65535 else (1, 0)


def _open(case: Case) -> int:
    """Return the set of the range's ports that are not reserved; the empty set where either is not known."""
    ports = case.snapshot.part("ports")
    reserved = known_ports(ports.items("reserved")) if "reserved" in ports.data else None
    return 0 if reserved is None else span(*_range(case)) & ~reserved


def _inside(case: Case, holders: list[Part]) -> list[tuple[int, Part]]:
    """Return (port, holder) of those whose port lies in the range and is not reserved."""
    ports = _open(case)
    return [
        (port, holder) for holder in holders for port in [holder.number("port")] if port is not None and port <= 65535 and ports >> port & 1
    ]


def _texts(numbered: list[tuple[int, Part]]) -> list[str]:
    return texts(known_ports([port for port, holder in numbered]) or 0)


def _ports(case: Case) -> dict[str, object]:
    low, high = _range(case)
    return {"low": low, "high": high, "ports": high - low + 1}


def label(path: Part) -> str:
    """Return how a path is named: "10.0.0.2 -> 10.0.0.9:80", with numbers in place of lists."""
    sources, hosts, ports = path.texts("sources"), path.texts("destinations"), path.numbers("ports")
    here = sources[0] if len(sources) == 1 else ("%d sources" % len(sources) if sources else "any source")
    if len(hosts) == len(ports) == 1:
        return "%s -> %s" % (here, address(hosts[0], ports[0]))
    there = hosts[0] if len(hosts) == 1 else "%d addresses" % len(hosts)
    return "%s -> %s, %s" % (here, there, "port %d" % ports[0] if len(ports) == 1 else "%d ports" % len(ports))


@check(
    "FT101",
    WARNING,
    "The port range {low}-{high} holds {ports} ports, an odd number: connect() looks at {looked} of them for a destination, and"
    " which one it leaves out is chance.",
    'Set net.ipv4.ip_local_port_range to "{better}", an even number of ports.',
)
def odd_range(case: Case) -> Iterator[Found]:
    """The port range holds an odd number of ports."""
    low, high = _range(case)
    if high > low and (high - low) % 2 == 0:  # a range of one port is searched whole
        better = "%d %d" % ((low + 1, high) if low % 2 else (low, high - 1))
        yield RANGE, dict(_ports(case), looked=high - low, better=better)


@check(
    "FT102",
    WARNING,
    "The port range {low}-{high} contains listeners that are not reserved: {listeners}. While their service restarts, an outgoing"
    " connection may take the port, and the service fails with EADDRINUSE.",
    "Add {open} to net.ipv4.ip_local_reserved_ports (port_range with reserve: auto does).",
)
def listener_in_range(case: Case) -> Iterator[Found]:
    """A listener inside the port range is not reserved."""
    found = _inside(case, case.listeners)
    if found:
        names = {
            "%s (%s)" % (address(listener.text("address"), port), listener.text("service") or "service not known")
            for port, listener in found
        }
        yield RESERVED, dict(_ports(case), listeners=sorted(names), open=_texts(found))


@check(
    "FT103",
    WARNING,
    "The port range {low}-{high} contains ports that rules of this host take without a socket: {rules}. connect() may choose one,"
    " and its packets may then meet the rule instead of the connection.",
    "Add {open} to net.ipv4.ip_local_reserved_ports (port_range with reserve: auto does).",
)
def rule_in_range(case: Case) -> Iterator[Found]:
    """A port that rules take without a socket lies inside the port range."""
    found = _inside(case, case.snapshot.part("ports").parts("without_socket"))
    if found:
        rules = {"%d (%s)" % (port, rule.text("by") or "rule not known") for port, rule in found}
        yield RESERVED, dict(_ports(case), rules=sorted(rules), open=_texts(found))


@check(
    "FT104",
    ERROR,
    "All {ports} ports of the range {low}-{high} are reserved: every connect() that leaves its port to the kernel fails with"
    " EADDRNOTAVAIL.",
    "Take ports out of net.ipv4.ip_local_reserved_ports, or widen net.ipv4.ip_local_port_range.",
)
def all_reserved(case: Case) -> Iterator[Found]:
    """The reserved ports cover the whole port range."""
    reserved = known_ports(case.snapshot.part("ports").items("reserved"))
    if reserved and span(*_range(case)) and not _open(case):
        yield RESERVED, _ports(case)


@check(
    "FT105",
    WARNING,
    "The reserved ports leave {left} of the {ports} ports of the range {low}-{high}.",
    "Take ports out of net.ipv4.ip_local_reserved_ports, or widen net.ipv4.ip_local_port_range.",
)
def few_left(case: Case) -> Iterator[Found]:
    """The reserved ports leave less than a tenth of the port range."""
    low, high = _range(case)
    left = count(_open(case))
    if 0 < left * 10 < high - low + 1:
        yield RESERVED, dict(_ports(case), left=left)


@check(
    "FT106",
    INFO,
    "The port range {low}-{high} begins among the ports of services: {open} of them are below 10240 and not reserved, and an"
    " outgoing connection may hold one when its service starts.",
    "Reserve the ports of services that do not run yet, or begin the range at 10240.",
)
def low_range(case: Case) -> Iterator[Found]:
    """The port range begins among the ports of services."""
    among = count(_open(case) & span(0, SERVICES_END - 1))
    if among:
        yield RANGE, dict(_ports(case), open=among)


@check(
    "FT107",
    ERROR,
    "At boot net.ipv4.ip_local_port_range becomes {low}-{high} and net.ipv4.ip_unprivileged_port_start {start}: the kernel refuses"
    " a range that begins below it, so the one that is written last is not set.",
    "Begin the range at {start}, or set net.ipv4.ip_unprivileged_port_start to at most {low}.",
)
def refused_at_boot(case: Case) -> Iterator[Found]:
    """At boot the port range begins below ip_unprivileged_port_start."""
    start = case.at_boot("net.ipv4.ip_unprivileged_port_start")
    bounds = case.limit(RANGE).part("boot").numbers("value")
    if start is not None and len(bounds) == 2 and bounds[0] < start:
        yield RANGE, {"low": bounds[0], "high": bounds[1], "start": start}


def _fills(case: Case) -> Iterator[Found]:
    for path in case.paths:
        used, most, binding = path.number("used"), path.number("connections"), path.text("binding") or "not known"
        if used is not None and most is not None:
            yield (
                label(path),
                {
                    "used": used,
                    "connections": most,
                    "free": path.number("free"),
                    "estimated": path.is_true("estimated"),
                    "allowed": int(round(most * (1 - case.headroom), 6)),
                    "headroom": round(100 * case.headroom),
                    "binding": binding,
                    "_more": MORE.get(binding, "Raise what binds: %s." % binding),
                },
            )


@check(
    "FT108",
    ERROR,
    "The path {subject} is full: it holds {used} of {connections} connections and none is free. What binds is {binding}.",
    "{_more}",
)
def path_full(case: Case) -> Iterator[Found]:
    """A path is full."""
    return (found for found in _fills(case) if found[1]["free"] == 0)


@check(
    "FT109",
    WARNING,
    "The path {subject} holds {used} of {connections} connections; a headroom of {headroom} % allows {allowed}. What binds is {binding}.",
    "{_more}",
)
def path_above_headroom(case: Case) -> Iterator[Found]:
    """A path is above its headroom."""
    return (found for found in _fills(case) if found[1]["used"] > found[1]["allowed"] and found[1]["free"])


@check(
    "FT110",
    WARNING,
    "The path {subject} binds its sources without IP_BIND_ADDRESS_NO_PORT: a port serves one connection to one of its {listeners}"
    " listeners, {connections} in all; with it up to {no_port}.",
    "Let the program set IP_BIND_ADDRESS_NO_PORT before bind(), as HAProxy and nginx do.",
)
def plain_bind(case: Case) -> Iterator[Found]:
    """A plain bind wastes ports."""
    for path in case.paths:
        listeners, most = len(path.items("destinations")) * len(path.items("ports")), path.number("connections")
        if path.text("bind") == "plain" and path.text("binding") == "ports" and listeners > 1 and most:
            yield label(path), {"listeners": listeners, "connections": most, "no_port": most * listeners}


@check(
    "FT111",
    INFO,
    "{sockets} outgoing connections do not show IP_BIND_ADDRESS_NO_PORT. Those that were bound all the same keep their port from"
    " every other connection, at most {possible} of {usable} usable ports; which they are cannot be seen.",
    "Let programs that bind a source address set IP_BIND_ADDRESS_NO_PORT; those that bind none need nothing.",
)
def maybe_plain(case: Case) -> Iterator[Found]:
    """Connected sockets may hold ports by a plain bind."""
    usable = case.snapshot.part("ports").number("usable")
    pairs = [(flow.number("connections"), flow.number("no_port")) for flow in case.flows if not flow.is_true("accepted")]
    sockets = sum(max(0, most - free) for most, free in pairs if most is not None and free is not None)
    shows = case.sockets.text("source") == "sock_diag"  # /proc/net/tcp does not say how a socket was bound
    if usable and shows and min(sockets, usable) > case.headroom * usable:
        yield RANGE, {"sockets": sockets, "possible": min(sockets, usable), "usable": usable}


@check(
    "FT112",
    INFO,
    "Sockets that are bound and neither listen nor connect hold ports of the range {low}-{high}: {open}. connect() leaves them out"
    " for every source.",
    "Close what holds them (ss --tcp --processes --bound-inactive names it), or let it bind outside the range.",
)
def bound_only(case: Case) -> Iterator[Found]:
    """Sockets that are only bound hold ports of the range."""
    ports = _texts(_inside(case, case.sockets.parts("bound")))
    if ports:
        yield RANGE, dict(_ports(case), held=count(known_ports(ports) or 0), open=ports)


switched(
    "FT113",
    WARNING,
    "ip_autobind_reuse hands out ports that are in use",
    "net.ipv4.ip_autobind_reuse",
    1,
    "{subject} is 1: bind() with SO_REUSEADDR hands out ports that are in use, and connect() then fails with EADDRNOTAVAIL by"
    " chance, long before the ports are spent.",
    "Set {subject} to 0, and let programs set IP_BIND_ADDRESS_NO_PORT.",
)


@check(
    "FT114",
    INFO,
    "Linux {kernel} does not list sockets that are bound and neither listen nor connect: each of them takes one of the usable"
    " ports that are counted here.",
    "Linux 6.8 and later list them; before, look for programs that bind and wait.",
)
def bound_unseen(case: Case) -> Iterator[Found]:
    """Sockets that are only bound cannot be seen on this kernel."""
    bound = case.sockets.data.get("bound")
    if isinstance(bound, dict) and bound.get("absent") == "too_old":
        yield "sockets.bound", {"kernel": case.host.text("kernel") or "here"}


@check(
    "FT116",
    INFO,
    "The rules behind the capacities were not run against Linux {kernel}: its numbers are computed, not proven.",
    "Prove a path with connections that are really opened (connection_probe), or run the truth tests on this kernel.",
)
def kernel_unproven(case: Case) -> Iterator[Found]:
    """The capacity is not proven on this kernel."""
    if case.host.data.get("kernel_proven") is False:
        yield "host.kernel", {"kernel": case.host.text("kernel") or "here"}


@check(
    "FT117",
    INFO,
    "Linux {kernel} keeps a port that an explicit bind once touched from connect()'s own choice while any socket holds it: the"
    " path {subject}, at {used} of {connections} connections, may end before its last port.",
    "Leave more headroom on this path, or use Linux 6.18 or later.",
)
def port_history(case: Case) -> Iterator[Found]:
    """Ports may be lost to the history of their binds."""
    version = case.kernel()
    for subject, evidence in _fills(case) if version and version < HISTORY_END else ():
        if evidence["binding"] == "ports" and evidence["used"] * 2 > evidence["connections"]:  # where the last ports matter
            yield subject, {"kernel": case.host.text("kernel"), "used": evidence["used"], "connections": evidence["connections"]}
