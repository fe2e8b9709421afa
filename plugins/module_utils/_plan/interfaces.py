# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary interfaces and addresses that a user wants, against those that a host has. Pure. Private to the collection."""

from __future__ import annotations

import hashlib
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import addresses as parsed
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import NOTHING, WIDTH, Address

KINDS = ("address", "macvlan", "dummy", "local_route")
BACKENDS = ("auto", "networkd", "networkmanager", "ifupdown", "netplan")
NAMED = 10  # offenders that a message names


class Item(NamedTuple):
    """One element of the option: addresses of one kind on one interface. target: the interface that gets them."""

    label: str
    interface: str
    kind: str
    addresses: list[Address]
    target: str
    backend: str
    live: bool
    persist: bool
    check: bool


class Kept(NamedTuple):
    """What one interface is to have after a restart. interface: the one that a manager knows; target: the one with the addresses.

    addresses: (CIDR, whether nothing else is to take it as its source).
    """

    interface: str
    kind: str
    target: str
    addresses: tuple[tuple[str, bool], ...]


def parse_item(label: str, options: dict[str, Any], live: bool, persist: bool) -> Item:
    """Return one element of the option, checked by itself. Raises Refusal."""
    interface = parsed.check_interface(label + "interface", options.get("interface"))
    kind = options["kind"]
    texts = options.get("addresses") or []
    parse = parsed.parse_prefixes if kind == "local_route" else parsed.parse_addresses
    found = parse(label + "addresses", texts)
    target = macvlan_name(interface) if kind == "macvlan" else interface
    return Item(label, interface, kind, found, target, options["backend"], live, persist, bool(options["duplicate_check"]))


def macvlan_name(parent: str) -> str:
    """Return the name of our interface on a parent: eth0-ft, and where that is too long for the kernel, a short one of its own."""
    name = parent + "-ft"
    return name if len(name) <= 15 else "ft-" + hashlib.sha256(parent.encode()).hexdigest()[:8]


def address_value(address: str, probed: bool) -> dict[str, Any]:
    """Return the value of an address of ours: of IPv6 nothing takes it by itself, and its own check is left out where we made one."""
    inet6 = ":" in address
    return {"lifetime": "unpreferred" if inet6 else "forever", "nodad": inet6 and probed}


def check_together(items: Iterable[Item]) -> None:
    """Refuse an address that stands under two interfaces, or twice with different prefixes."""
    where: dict[tuple[int, int], tuple[Item, Address]] = {}
    wrong = []
    for item in items:
        for one in item.addresses if item.kind != "local_route" else []:
            other, before = where.setdefault((one.family, one.number), (item, one))
            if (other.target, before) != (item.target, one):
                wrong.append("%s on %s and %s on %s" % (before.cidr, other.target, one.cidr, item.target))
    refuse("addresses: %s. Name each address once.", wrong)


def existing(present: dict[tuple[str, str], Any]) -> dict[tuple[int, int], list[tuple[str, Address]]]:
    """Return {(family, number): [(interface, address)]} of what a host has."""
    found: dict[tuple[int, int], list[tuple[str, Address]]] = {}
    for interface, cidr in present:
        one = parsed.parse_address(cidr)
        found.setdefault((one.family, one.number), []).append((interface, one))
    return found


def place(items: list[Item], present: dict[tuple[str, str], Any], ours: set[str]) -> list[tuple[Item, Address, str, bool]]:
    """Return (item, address as it is to be, name of the thing, whether it was there before us) of every address wanted.

    ours: names of the addresses that a set of ours has added. An address that others have put on the same interface stays as it is,
    with its prefix. Raises Refusal for what is on another interface, or is the network or broadcast address of one of the host's networks.
    """
    have = existing(present)
    networks = [
        (interface, address)
        for rows in have.values()
        for interface, address in rows
        if address.prefix < WIDTH[address.family] - 1 and "%s %s" % (interface, address.cidr) not in ours
    ]
    elsewhere, inside, placed = [], [], []
    for item in (one for one in items if one.kind != "local_route"):
        around = [network for interface, network in networks if interface in (item.target, item.interface)]
        for one in item.addresses:
            theirs = [
                (name, address)
                for name, address in have.get((one.family, one.number), [])
                if "%s %s" % (name, address.cidr) not in ours or name != item.target
            ]
            other = next((name for name, _address in theirs if name != item.target), None)
            if other:
                elsewhere.append("%s is on %s" % (one.host, other))
                continue
            try:
                for network in around:
                    if network.number != one.number:
                        parsed.check_inside(one, network)
            except ValueError as error:
                inside.append(str(error))
            kept = theirs[0][1] if theirs else one
            placed.append((item, kept, "%s %s" % (item.target, kept.cidr), bool(theirs)))
    refuse("addresses: %s already. An address belongs to one interface: leave it out, or take it away there first.", elsewhere)
    refuse("addresses: %s. Leave it out.", inside)
    return placed


def check_cluster(wanted: Iterable[Address], named: dict[str, str]) -> None:
    """Refuse addresses that keepalived or pacemaker moves between hosts; named: {address: file}."""
    wrong = ["%s is named in %s" % (one.host, named[one.host]) for one in wanted if one.host in named]
    refuse("addresses: %s, which moves it from host to host. Leave it out.", wrong)


def check_prefixes(prefixes: list[Address], present: dict[tuple[str, str], Any], gateways: set[str], peers: dict[str, int]) -> None:
    """Refuse local routes that would make a gateway, a whole network of the host or a peer of a connection into this host."""
    wrong = []
    for prefix in prefixes:
        wrong += ["%s holds the gateway %s" % (prefix.cidr, one) for one in sorted(gateways) if prefix.holds(parsed.parse_address(one))]
        for interface, cidr in sorted(present):
            network = parsed.parse_address(cidr)
            if interface != "lo" and network.prefix < WIDTH[network.family] and prefix.prefix <= network.prefix and prefix.holds(network):
                wrong.append("%s holds the network %s of %s" % (prefix.cidr, cidr, interface))
        here = {parsed.parse_address(cidr).host for _interface, cidr in present}
        cut = [peer for peer in sorted(peers) if prefix.holds(parsed.parse_address(peer)) and peer not in here]
        wrong += ["%s holds %s, which has %d connections to this host" % (prefix.cidr, peer, peers[peer]) for peer in cut]
    refuse("addresses: %s: it could not be reached any more. Name a prefix that no other host uses.", wrong)


def check_reach(new: list[tuple[str, Address]], present: dict[tuple[str, str], Any], gateways: set[str], peers: dict[str, int]) -> None:
    """Refuse addresses that are a gateway or a peer of this host, and networks that would draw those to another interface.

    new: (interface, address) of all that is to be added; peers: {address: connections with it}.
    """
    here = {parsed.parse_address(cidr).host for _interface, cidr in present}
    others = {**{one: "the gateway %s" % one for one in gateways}, **{one: "%s, which has connections to this host" % one for one in peers}}
    others = {parsed.parse_address(one).host: text for one, text in others.items() if one not in here}
    wrong = ["%s is %s" % (one.cidr, others[one.host]) for _interface, one in new if one.host in others]
    networks: dict[tuple[str, int, int, int], Address] = {}
    for interface, one in new:
        if one.prefix < WIDTH[one.family]:
            networks.setdefault((interface, one.family, one.prefix, one.first), one)
    for (interface, _family, _prefix, _first), one in networks.items():
        connected = (parsed.parse_address(cidr) for place, cidr in present if place == interface)
        if not any(network.prefix <= one.prefix and network.holds(one) for network in connected):
            wrong += [
                "%s on %s draws %s" % (one.cidr, interface, text) for host, text in others.items() if one.holds(parsed.parse_address(host))
            ]
    refuse("addresses: %s: it could not be reached any more. Choose others, or give them as /32 or /128.", wrong[:5])


def taken_with(removed: set[str], present: dict[tuple[str, str], Any], promoted: set[str]) -> list[str]:
    """Return, in words, which addresses of others the kernel would take away with ours: secondaries of a network's first address.

    promoted: interfaces on which the next one takes its place instead.
    """
    words = []
    networks = [(interface, parsed.parse_address(cidr)) for interface, cidr in present]
    for name in sorted(removed):
        interface, _blank, cidr = name.partition(" ")
        one = parsed.parse_address(cidr)
        if ":" in cidr or one.prefix == WIDTH[one.family] or interface in promoted or present[interface, cidr]["secondary"]:
            continue
        others = [
            other.cidr
            for place, other in networks
            if (place, other.family, other.prefix, other.first) == (interface, one.family, one.prefix, one.first)
            and "%s %s" % (place, other.cidr) not in removed
        ]
        words += ["%s would take %s with it" % (cidr, other) for other in others]
    return words


def routes_with(removed: set[str], links: set[str], present: dict[tuple[str, str], Any], routes: Iterable[Any]) -> list[str]:
    """Return, in words, which routes of others would go or lead nowhere with addresses and interfaces that go. routes: of read_ways().

    The kernel takes routes with a source that goes, all IPv4 routes of an interface with its last IPv4 address, and all of an interface
    that goes itself (fib_del_ifaddr(), fib_sync_down_addr(), fib6_remove_prefsrc()); a gateway in a network that goes is no neighbour
    any more.
    """
    gone = [(interface, parsed.parse_address(cidr)) for interface, cidr in present if "%s %s" % (interface, cidr) in removed]
    staying = [
        (interface, parsed.parse_address(cidr))
        for interface, cidr in present
        if "%s %s" % (interface, cidr) not in removed and interface not in links
    ]
    hosts = {one.host for _interface, one in staying}
    words = []
    for route in routes:
        why = ["interface %s" % one for one in sorted(route.interfaces & links)]
        for interface, one in gone:
            gateways = [parsed.parse_address(gateway) for gateway in route.gateways]
            reached = [address for place, address in staying if place == interface]
            if route.source == one.host and one.host not in hosts:
                why.append(one.cidr)
            elif interface not in route.interfaces or route.family != one.family:
                continue
            elif any(one.holds(gateway) and not any(other.holds(gateway) for other in reached) for gateway in gateways):
                why.append(one.cidr)
            elif ":" not in one.host and all(":" in other.host for other in reached):
                why.append("%s, the last IPv4 address of %s" % (one.cidr, interface))
        words += ["%s needs %s" % (route.text, why[0])] if why else []
    return words


def carried(kind: str, name: str, counts: dict[str, int]) -> int:
    """Return how many connections an address or the prefix of a local route carries; counts: {local address: connections}."""
    one = parsed.parse_address(name.partition(" ")[2])
    if kind == "address":
        return counts.get(one.host, 0)
    return sum(number for local, number in counts.items() if one.holds(parsed.parse_address(local)))


def refuse(message: str, wrong: list[str]) -> None:
    """Refuse with the offenders in the message, if there are any."""
    if wrong:
        more = ["%d more" % (len(wrong) - NAMED)] if len(wrong) > NAMED else []
        raise Refusal(message % "; ".join(wrong[:NAMED] + more) + NOTHING)
