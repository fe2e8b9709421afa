# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transparent routing as a user asks for it: checked, and turned into rules, routes, a table of nftables and files. Pure.

Private to the collection. Rules and routes are named in words that ip(8) takes too.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Any, Iterable, NamedTuple, NoReturn, Sequence, Union

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal

NOTHING = " Nothing was changed."
PREFERENCE = 100  # of our rules: before those of the table main (32766)
SYSTEM_TABLES = (253, 254, 255)
INTERFACE = re.compile(r"[A-Za-z0-9_.@+-]{1,15}\Z", re.A)
FAMILIES = {4: "inet", 6: "inet6"}
NETFILTER = {4: "ip", 6: "ip6"}  # the same in the words of nft
MANAGED = "# Managed by the Ansible collection c10m.front_tier, set %s: changes here are overwritten.\n"
FOLDER = "/etc/front-tier"
UNITS = "/etc/systemd/system"
WANTED_BY = ("multi-user.target", "nftables.service")
NEEDED = {
    "return_path": ("interfaces",),
    "intercept": ("interfaces", "client_interfaces", "addresses", "ports"),
    "backend_route": ("addresses", "gateway"),
}
OF_USE = {
    "return_path": ("interfaces", "notrack"),
    "intercept": ("interfaces", "client_interfaces", "addresses", "ports", "proxy_port", "when_down", "notrack"),
    "backend_route": ("addresses", "gateway", "interfaces"),
}
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Asked(NamedTuple):
    """What a user asked for, checked."""

    method: str
    interfaces: list[str]
    client_interfaces: list[str]
    networks: list[Network]
    ports: list[int]
    proxy_port: int | None
    notrack: list[int]
    closed: bool
    gateway: Address | None
    mark: int
    table: int

    @property
    def marked(self) -> list[str]:
        """Return the interfaces on which packets get the mark; none for a backend."""
        return sorted({*self.interfaces, *self.client_interfaces}) if self.method != "backend_route" else []


def parse(options: dict[str, Any]) -> Asked:
    """Return the options checked by themselves. Raises Refusal."""
    method = options["method"]
    _check_use(method, options)
    for option in ("interfaces", "client_interfaces"):
        for name in options[option]:
            if not INTERFACE.match(name):
                _refuse(option, name, "it is no name of an interface (1 to 15 letters, digits and _ . @ + -)")
    proxy_port = options["proxy_port"]
    for option, ports in (("ports", options["ports"]), ("notrack", options["notrack"]), ("proxy_port", [proxy_port])):
        for port in ports:
            if port is not None and not 0 < port < 65536:
                _refuse(option, port, "it must be 1 to 65535")
    mark, table = options["mark"], options["table"]
    if not 0 < mark < 1 << 32:
        _refuse("mark", mark, "it must be 1 to 4294967295")
    if not 0 < table < 1 << 32 or table in SYSTEM_TABLES:
        _refuse("table", table, "take a number from 1 to 4294967295 that is not one of the system's own (253, 254, 255)")
    return Asked(
        method,
        sorted(set(options["interfaces"])),
        sorted(set(options["client_interfaces"])),
        _networks(options["addresses"], method),
        sorted(set(options["ports"])),
        proxy_port,
        sorted(set(options["notrack"])),
        options["when_down"] == "closed",
        _gateway(options["gateway"], options["addresses"]),
        mark,
        table,
    )


def _check_use(method: str | None, options: dict[str, Any]) -> None:
    """Check that the method has what it needs and nothing that it has no use for. Raises Refusal."""
    if method is None:
        _refuse("method", None, "name one of %s" % ", ".join(NEEDED))
    for option in NEEDED[method]:
        if not options[option]:
            _refuse(option, None, "method %s needs it: name it" % method)
    for option in sorted({name for names in OF_USE.values() for name in names} - set(OF_USE[method])):
        if options[option] not in (None, []):
            _refuse(option, options[option], "it means nothing with method %s: leave it out" % method)


def _networks(texts: Sequence[str], method: str) -> list[Network]:
    """Return the networks, those that adjoin or cover one another as one, as nft lists them; for a backend its single addresses."""
    found: list[Network] = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            _refuse("addresses", text, "%s: write one such as 10.0.0.5 or 10.0.0.0/24" % error)
        if method == "backend_route" and network.prefixlen != network.max_prefixlen:
            _refuse("addresses", text, "name single addresses of this host")
        found.append(network)
    if method == "backend_route":
        return sorted(set(found), key=lambda one: (one.version, one.network_address.packed))
    four = ipaddress.collapse_addresses(one for one in found if isinstance(one, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(one for one in found if isinstance(one, ipaddress.IPv6Network))
    return [*four, *six]


def _gateway(text: str | None, addresses: Sequence[str]) -> Address | None:
    if text is None:
        return None
    try:
        gateway = ipaddress.ip_address(text)
    except ValueError as error:
        _refuse("gateway", text, "%s: write one such as 10.0.0.1" % error)
    for address in addresses:
        if ipaddress.ip_network(address).version != gateway.version:
            _refuse("gateway", text, "it is not of the same family as %s; use a set of its own for each family" % address)
    return gateway


def _refuse(option: str, value: Any, why: str) -> NoReturn:
    shown = option if value is None else "%s %s" % (option, value)
    raise Refusal("%s: %s.%s" % (shown, why, NOTHING))


def label(name: str) -> str:
    """Return what a set's files and unit are called; no two sets have the same."""
    return "front-tier" if name == "front-tier" else "front-tier-" + name


def table_of(name: str) -> str:
    """Return the name of a set's table of nftables."""
    return "inet " + label(name).replace("front-tier", "front_tier", 1)


def rules_of(asked: Asked, ipv6: bool) -> list[str]:
    """Return the rules. One with a mark always says the interface: without it, it would catch what this host sends, too."""
    if asked.method == "backend_route":
        sources = ((FAMILIES[one.version], one.network_address) for one in asked.networks)
        return ["%s pref %d from %s table %d" % (family, PREFERENCE, source, asked.table) for family, source in sources]
    return [
        "%s pref %d iif %s fwmark %s table %d" % (family, PREFERENCE, interface, hex(asked.mark), asked.table)
        for family in _families(ipv6)
        for interface in asked.marked
    ]


def routes_of(asked: Asked, ipv6: bool, link: tuple[str, str] | None) -> dict[str, str]:
    """Return {route: where it leads}; link: the interface and the network that the gateway is on."""
    if asked.gateway is None or link is None:
        return {"%s table %d default" % (family, asked.table): "local dev lo" for family in _families(ipv6)}
    interface, network = link
    begin = "%s table %d " % (FAMILIES[asked.gateway.version], asked.table)
    return {begin + network: "dev " + interface, begin + "default": "via %s dev %s" % (asked.gateway, interface)}


def _families(ipv6: bool) -> tuple[str, ...]:
    return ("inet", "inet6") if ipv6 else ("inet",)


def ruleset(asked: Asked, name: str) -> str | None:
    """Return the table of nftables, as `nft list table` prints it; None where the method needs none."""
    if asked.method == "backend_route":
        return None
    mark = "meta mark set 0x%08x accept" % asked.mark
    # A wildcard listener is transparent, too: without this, connections of the servers to its port elsewhere would end here.
    own = "socket transparent 1 socket wildcard 0" if asked.method == "intercept" else "socket transparent 1"
    lines = [*_taken(asked, mark), "iifname %s meta l4proto tcp %s %s" % (_one_of(_quoted(asked.interfaces)), own, mark)]
    chains = [_chain("prerouting", "prerouting priority mangle", lines)]
    if asked.notrack:
        untracked = ["tcp %s %s notrack" % (side, _one_of(asked.notrack)) for side in ("dport", "sport")]
        chains += [_chain("untracked_" + hook, "%s priority raw" % hook, untracked) for hook in ("prerouting", "output")]
    return "table %s {\n%s}\n" % (table_of(name), "\n".join(chains))


def _taken(asked: Asked, mark: str) -> list[str]:
    """Return the lines that hand clients' packets to the proxy, and those that drop what no proxy took."""
    lines = []
    for closed in (False, True) if asked.closed else (False,):
        for version, word in NETFILTER.items():
            networks = [_plain(one) for one in asked.networks if one.version == version]
            begin = "iifname %s %s daddr %s tcp dport" % (_one_of(_quoted(asked.client_interfaces)), word, _one_of(networks))
            if not networks or not asked.ports:
                continue
            if closed:
                lines.append("%s %s drop" % (begin, _one_of(asked.ports)))
            elif asked.proxy_port:
                lines.append("%s %s tproxy %s to :%d %s" % (begin, _one_of(asked.ports), word, asked.proxy_port, mark))
            else:
                lines += ["%s %d tproxy %s to :%d %s" % (begin, port, word, port, mark) for port in asked.ports]
    return lines


def _chain(name: str, hook: str, lines: Iterable[str]) -> str:
    return "\tchain %s {\n\t\ttype filter hook %s; policy accept;\n%s\t}\n" % (name, hook, "".join("\t\t%s\n" % line for line in lines))


def _quoted(names: Iterable[str]) -> list[str]:
    return ['"%s"' % name for name in names]


def _plain(network: Network) -> str:
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def _one_of(items: Sequence[Any]) -> str:
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else "{ %s }" % ", ".join(texts)


def files_of(name: str, rules: list[str], routes: dict[str, str], replacing: str | None) -> dict[str, str]:
    """Return {path: text}: what brings all of it back at a boot. replacing: what nft is given, None where it is given nothing."""
    begin = FOLDER + "/" + label(name)
    script, ruleset_file = begin + ".sh", begin + ".nft"
    found = {
        script: _script(name, rules, routes, ruleset_file if replacing else None),
        unit_file(name): _unit(name, script, waits=not replacing),
    }
    return {**found, ruleset_file: MANAGED % name + replacing} if replacing else found


def links_of(name: str) -> dict[str, str]:
    """Return {path: what it says} of the symbolic links that enable the unit."""
    return {"%s/%s.wants/%s" % (UNITS, target, unit_of(name)): unit_file(name) for target in WANTED_BY}


def unit_of(name: str) -> str:
    """Return the name of a set's unit."""
    return label(name) + ".service"


def unit_file(name: str) -> str:
    """Return where a set's unit lies."""
    return "%s/%s" % (UNITS, unit_of(name))


def _script(name: str, rules: list[str], routes: dict[str, str], ruleset_file: str | None) -> str:
    option = {"inet": "-4", "inet6": "-6"}
    lines = [
        "#!/bin/sh",
        MANAGED.rstrip("\n") % name,
        "# Puts the routing back, at a boot and after others reloaded nftables. What is there already stays as it is.",
        "set -eu",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "rule() {",
        "    family=$1; shift",
        '    [ -n "$(ip "$family" rule show "$@")" ] || ip "$family" rule add "$@" protocol kernel',
        "}",
    ]
    for route, way in routes.items():
        family, _table, table, destination = route.split()
        kind, rest = (["local"], way[len("local ") :]) if way.startswith("local ") else ([], way)
        lines.append(_words("ip", option[family], "route", "replace", *kind, destination, *rest.split(), "table", table, "proto", "kernel"))
    lines += [_words("rule", option[family], *words) for family, *words in (rule.split() for rule in rules)]
    lines += ["nft -f " + ruleset_file] if ruleset_file else []
    return "\n".join(lines) + "\n"


def _words(*words: str) -> str:
    """Return a command of the shell: the kernel lets the name of an interface be any characters."""
    return " ".join(map(shlex.quote, words))


def _unit(name: str, script: str, waits: bool) -> str:
    """Return the unit; waits: for the network, on which a route through a gateway depends."""
    network = "Wants=network-online.target\nAfter=network-online.target\n" if waits else ""
    return MANAGED % name + UNIT % {"name": name, "script": script, "wanted_by": " ".join(WANTED_BY), "network": network}


UNIT = """\
[Unit]
Description=Transparent routing of the set %(name)s (c10m.front_tier)
%(network)sAfter=nftables.service
Before=haproxy.service nginx.service varnish.service
# The distribution's ruleset begins with `flush ruleset`: whoever loads it again takes our table with it.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh %(script)s
ExecReload=/bin/sh %(script)s

[Install]
WantedBy=%(wanted_by)s
"""
