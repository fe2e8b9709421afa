# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section secondary_interfaces of a change: addresses in addition to what a host has, never instead. Private to the collection."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import file_value
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sets
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import Address
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Item

SECTION = "secondary_interfaces"
CARRIERS = ("address", "local_route")  # the kinds of things that connections use


def wanted(change: Change, options: list[dict[str, Any]]) -> list[Wanted]:
    """Return the interfaces, addresses, routes and files that the option wants, and what stays until it is drained. Raises Refusal."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan import interfaces
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.cluster import read_cluster_addresses
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_interface_addresses, read_links

    single = "interface" in change.params
    items = [
        interfaces.parse_item("" if single else "%s[%d]." % (SECTION, index), one, *change.modes(one)) for index, one in enumerate(options)
    ]
    links, present = read_links(), change.once(read_interface_addresses)
    interfaces.check_together(items)
    _check_interfaces(change, items, links)
    placed = interfaces.place(items, present, _ours(change))
    change.look("address", [name for _item, _one, name, _theirs in placed])
    interfaces.check_cluster([one for item in items for one in item.addresses], read_cluster_addresses(change.root))
    new = [(item, one, name) for item, one, name, _theirs in placed if item.live and (name.partition(" ")[0], one.cidr) not in present]
    _check_reach(change, [one for item in items if item.kind == "local_route" for one in item.addresses], new, present)
    probed = _probe(change, new, links)
    found = [
        Wanted("link", item.target, {"type": item.kind, "parent": item.interface if item.kind == "macvlan" else None}, *_modes(item))
        for item in items
        if item.kind in ("macvlan", "dummy") and item.addresses
    ]
    for item, one, name, theirs in placed:
        value = change.value("address", name) if theirs else interfaces.address_value(one.host, name in probed)
        found.append(Wanted("address", name, value, *_modes(item)))
    for item in items:
        if item.kind == "local_route":
            found += [
                Wanted("local_route", "%s %s" % (item.interface, one.cidr), {"type": "local"}, *_modes(item)) for one in item.addresses
            ]
    found = list({one.key: one for one in found}.values())
    return found + _staying(change, found) + _files(change, items, found, links)


def ended(change: Change) -> list[Wanted]:
    """Return what stays, until it is drained, of a section that ends. Raises Refusal where something in use would go."""
    return _staying(change, [])


def _modes(item: Item) -> tuple[bool, bool]:
    return item.persist, item.live


def _ours(change: Change) -> set[str]:
    """Return the names of the addresses that any set has added."""
    return {
        entry["name"]
        for rows in sets.entries(change.before_record).values()
        for _set, _section, entry in rows
        if entry["kind"] == "address" and entry["original"] is None
    }


def _check_interfaces(change: Change, items: list[Item], links: dict[str, dict[str, Any]]) -> None:
    """Refuse interfaces that are not there, or are there and are no place for what is wanted."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import refuse

    wrong = []
    for item in (one for one in items if one.addresses):
        link = links.get(item.target)
        if item.interface not in links and item.kind != "dummy":
            wrong.append("%sinterface %s is not on this host, which has %s" % (item.label, item.interface, ", ".join(sorted(links))))
        elif link and item.kind in ("macvlan", "dummy") and link["type"] != item.kind:
            wrong.append("%sinterface: %s is there already, and is no %s" % (item.label, item.target, item.kind))
        place = item.target if item.target in links else "default"  # which one that is still to be made takes over
        off = change.root.text("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % place)
        if off == "1\n" and any(":" in one.host for one in item.addresses) and item.kind != "local_route":
            wrong.append("%saddresses: IPv6 is switched off on %s (net.ipv6.conf.%s.disable_ipv6)" % (item.label, item.target, place))
    refuse("%s. Name an interface that can have these addresses.", wrong)


def _check_reach(
    change: Change, prefixes: list[Address], new: list[tuple[Item, Address, str]], present: dict[tuple[str, str], Any]
) -> None:
    """Refuse what would cut this host off from a gateway or from who talks to it."""
    if prefixes or new:
        from ansible_collections.c10m.front_tier.plugins.module_utils._plan import interfaces
        from ansible_collections.c10m.front_tier.plugins.module_utils._read.connections import read_connections
        from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_ways

        peers: Counter[str] = Counter()
        for (_local, _port, peer), number in change.once(read_connections).items():
            peers[peer] += number
        gateways = {one for way in read_ways(by_routers=True) for one in way.gateways}
        interfaces.check_prefixes(prefixes, present, gateways, peers)
        interfaces.check_reach([(name.partition(" ")[0], one) for _item, one, name in new], present, gateways, peers)


def _probe(change: Change, new: list[tuple[Item, Address, str]], links: dict[str, dict[str, Any]]) -> set[str]:
    """Ask on the wire who has the addresses that are to be added; return the names of those that nobody has. Raises Refusal."""
    asking = [(item, one, name) for item, one, name in new if item.check]
    if not asking:
        return set()
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import refuse
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.duplicates import find_duplicates

    by_interface: dict[str, list[str]] = {}
    for item, one, _name in asking:
        if item.interface in links:
            by_interface.setdefault(item.interface, []).append(one.host)
    found = find_duplicates(by_interface, links)
    taken = ["%s is in use by %s on %s" % (address, who, interface) for (interface, address), who in sorted(found.taken.items())]
    refuse("addresses: %s. Choose others, or say duplicate_check: false if you know that this is no other host.", taken)
    for interface, why in sorted(found.skipped.items()):
        if why:
            change.warnings.append("duplicate_check: nobody could be asked on %s: %s. The addresses were not checked." % (interface, why))
    return {name for item, one, name in asking if (item.interface, one.host) in found.asked}


def _staying(change: Change, found: list[Wanted]) -> list[Wanted]:
    """Return what is no longer wanted and stays all the same because connections use it. Raises Refusal where it must not go."""
    keys = {one.key for one in found}
    elsewhere = sets.entries(change.before_record, (change.params["name"], SECTION))
    managed = {key: entry for key, entry in change.managed(SECTION).items() if key not in keys and key not in elsewhere}
    for kind in (*CARRIERS, "link"):
        change.look(kind, [entry["name"] for entry in managed.values() if entry["kind"] == kind])
    going = {
        key: entry
        for key, entry in managed.items()
        if entry["kind"] in (*CARRIERS, "link") and entry["original"] is None and change.current[entry["kind"], entry["name"]] is not None
    }
    if not going:
        return []
    staying = _in_use(change, {key: entry for key, entry in going.items() if entry["kind"] in CARRIERS})
    carriers = {entry["name"].partition(" ")[0] for entry in staying.values()}
    staying.update({key: entry for key, entry in going.items() if entry["kind"] == "link" and entry["name"] in carriers})
    _check_bystanders(change, {key: entry for key, entry in going.items() if key not in staying})
    return [Wanted(entry["kind"], entry["name"], entry["value"], persist=False) for entry in staying.values()]


def _in_use(change: Change, going: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return which of the things that go have to stay a while. Raises Refusal for what must not go now."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import carried, refuse
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.connections import read_connections
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.ssh import read_ssh_addresses

    connections = change.once(read_connections)
    logins = dict.fromkeys(read_ssh_addresses(change.root, connections), 1)
    counts: Counter[str] = Counter()
    for (local, _port, _peer), number in connections.items():
        counts[local] += number
    rules = _rules(change)
    sshd, used, staying = [], [], {}
    for key, entry in sorted(going.items()):
        interface, _blank, cidr = entry["name"].partition(" ")
        rule = rules.get(interface, rules.get("", "refuse"))
        number, login = (carried(entry["kind"], entry["name"], one) for one in (counts, logins))
        if (number or login) and rule == "drain":
            staying[key] = entry
            change.not_applied.append("%s still carries %d connections: a later run takes it away once they have ended" % (cidr, number))
        elif login:
            sshd.append(cidr)
        elif number and rule == "refuse":
            used.append("%s carries %d connections" % (cidr, number))
    refuse("addresses: somebody is logged in over %s, which is never taken away under them. Log in over another address.", sshd)
    refuse("in_use: %s. Say in_use: drain to take it away in a later run, once they have ended, or drop to cut them off.", used)
    return staying


def _rules(change: Change) -> dict[str, str]:
    """Return {interface: what to do with addresses in use}; the empty name is for all others."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import macvlan_name

    if "interface" in change.params:
        return {"": change.params["in_use"]}
    found = {}
    for one in change.params.get(SECTION) or []:
        name = one.get("interface") or ""
        found.update(dict.fromkeys((name, macvlan_name(name)), one.get("in_use", "refuse")))
    return found


def _check_bystanders(change: Change, going: dict[str, dict[str, Any]]) -> None:
    """Refuse a removal with which the kernel would take away what is not ours."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import refuse, routes_with, taken_with
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_interface_addresses, read_ways

    present = change.once(read_interface_addresses)
    names = {entry["name"] for entry in going.values() if entry["kind"] == "address"}
    links = {entry["name"] for entry in going.values() if entry["kind"] == "link"}
    others = [
        "%s has %s, which is not of this set" % place
        for place in sorted(present)
        if place[0] in links and "%s %s" % place not in names and not place[1].lower().startswith("fe80:")
    ]
    refuse("interface: %s and would lose it. Take it away there first.", others)
    promoted = {name.partition(" ")[0] for name in names}
    promoted = {one for one in promoted if _promotes(change, one)}
    with_it = taken_with(names, present, promoted)
    refuse("addresses: %s. Set net.ipv4.conf.all.promote_secondaries to 1 first, or use /32 addresses.", with_it)
    own = {entry["name"] for entry in going.values() if entry["kind"] == "local_route"}
    routes = routes_with(names, links, present, [way for way in read_ways() if way.local not in own])
    refuse("addresses: the route %s, which goes. Take that route away first, or keep the address.", routes)


def _promotes(change: Change, interface: str) -> bool:
    """Tell whether the next address of a network takes the place of the first one that goes."""
    return any(change.root.text("/proc/sys/net/ipv4/conf/%s/promote_secondaries" % one) == "1\n" for one in ("all", interface))


def _files(change: Change, items: list[Item], found: list[Wanted], links: dict[str, dict[str, Any]]) -> list[Wanted]:
    """Return the files that bring the addresses back after a restart. Raises Refusal where no manager can, or two might."""
    lasting = [item for item in items if item.persist and item.addresses]
    if not lasting:
        return []
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import managers
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Kept
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.planned import PlannedRoot

    ours = (entry["name"] for entry in change.managed(SECTION).values() if entry["kind"] == "file")
    others = PlannedRoot(change.root, dict.fromkeys(ours))  # the files of others alone say who manages what
    values = {one.name: one.value for one in found if one.kind in CARRIERS}
    kept: dict[tuple[str, str, str], dict[tuple[str, bool], None]] = {}  # a dict, for the order
    for item in lasting:
        backend = managers.choose(others, item.backend, item, links)
        rows = kept.setdefault((backend, item.interface, item.kind), {})
        for name in (name for name in values if name.partition(" ")[0] == item.target):
            cidr, lifetime = name.partition(" ")[2], values[name].get("lifetime")
            if lifetime == "leased":
                change.not_applied.append(
                    "%s on %s is leased, and stays with whoever leases it: no file of ours keeps it" % (cidr, item.target)
                )
            elif (item.kind == "local_route") == (lifetime is None):
                rows[cidr, lifetime == "unpreferred"] = None
    targets = {(item.interface, item.kind): item.target for item in lasting}
    texts: dict[str, tuple[str, int]] = {}
    for backend in sorted({backend for backend, _interface, _kind in kept}):
        several = [
            Kept(interface, kind, targets[interface, kind], tuple(rows))
            for (one, interface, kind), rows in sorted(kept.items())
            if one == backend and rows
        ]
        texts.update(managers.files(others, backend, change.params["name"], several, links))
    modes = {path: mode for path, (_text, mode) in texts.items()}
    wanted_files = change.files({path: text for path, (text, _mode) in texts.items()})
    return [one if one.kind == "folder" else one._replace(value=file_value(one.value["text"], modes[one.name])) for one in wanted_files]
