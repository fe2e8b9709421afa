# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hops and tiers as a user writes them, in one of three forms, checked. Pure. Private to the collection."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS

KEYS = ("name", "from", "to", "listeners", "connections", "clients", "transparent", "dialer", "pooled_per_host", "external")
EXTERNAL_KEYS = ("ports_per_address", "addresses")
MOST = 1 << 40  # connections, clients
PROGRAMS = {"varnishd": "varnish"}
ROLES = ("reverse_proxy", "origin", "transparent_balancer")  # what a tier may be, as front_tier_role says
EXAMPLE = "{name: cache, from: proxies, to: origins, listeners: [80, 81]}"


class PlanError(ValueError):
    """What a user wants of a fleet cannot be meant; the message names the thing, the value, the bound and the remedy."""


class Host(NamedTuple):
    """A host of the fleet. snapshot: as docs/snapshot.md has it, None where there is none; variables: those of the inventory."""

    name: str
    snapshot: Any
    variables: dict[str, Any]
    groups: tuple[str, ...]

    @property
    def program(self) -> str | None:
        """Return the program of front_tier_service where it is one that dials in a known way."""
        name = str(self.variables.get("front_tier_service") or "").partition(".")[0].partition("@")[0]
        name = PROGRAMS.get(name, name)
        return name if name in DIALERS else None

    @property
    def shows_clients(self) -> bool:
        """Tell whether the host dials from the addresses of its clients: a transparent balancer, but for one with the PROXY protocol."""
        told = self.variables.get("front_tier_proxy_protocol", False)
        return bool(self.variables.get("front_tier_transparent_method")) and not truth("front_tier_proxy_protocol of %s" % self.name, told)

    @property
    def role(self) -> str | None:
        """Return the role of the collection that configures the host."""
        return self.variables.get("front_tier_role") or None


class Hop(NamedTuple):
    """One tier dialling the next, checked.

    connections: wanted on this hop, None for those of the fleet; clients: how many source addresses the clients have;
    pooled: connections that each dialling host keeps in a pool; ports_per_address, addresses: of a balancer or a NAT that is not ours;
    accepted: how many connections the dialling tier accepts in all, where no hop says from whom.
    """

    name: str
    dialling: str
    receiving: str
    listeners: tuple[tuple[str | None, int], ...]
    connections: int | None = None
    clients: int | None = None
    transparent: bool = False
    dialer: str | None = None
    pooled: int | None = None
    ports_per_address: int | None = None
    addresses: int | None = None
    accepted: int | None = None

    @property
    def outside(self) -> bool:
        """Tell whether nobody of the inventory dials: clients, or a balancer or NAT that is not ours."""
        return self.clients is not None and not self.transparent or self.ports_per_address is not None


class Fleet(NamedTuple):
    """What is to be planned. tiers: {name: hosts}, empty for what is outside; wanted: from end to end, None where hops say it."""

    hops: tuple[Hop, ...]
    tiers: dict[str, list[Host]]
    wanted: int | None


def whole(option: str, value: Any, low: int, high: int = MOST) -> int:
    """Return a whole number within its bounds, also where it is written as a text. Raises PlanError."""
    text = str(value).replace("_", "").strip()
    if isinstance(value, bool) or not re.match(r"-?[0-9]{1,20}\Z", text):
        raise PlanError('%s "%s" is no whole number: write one from %d to %d.' % (option, value, low, high))
    if not low <= int(text) <= high:
        raise PlanError("%s %s is out of bounds: it must be %d to %d." % (option, text, low, high))
    return int(text)


def share_of(option: str, value: Any) -> float:
    """Return a share from 0 to less than 1. Raises PlanError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise PlanError('%s "%s" is no number: write 0.2.' % (option, value)) from None
    if not 0 <= number < 1:
        raise PlanError("%s %s is out of bounds: it must be from 0 to less than 1, such as 0.2." % (option, value))
    return number


def truth(option: str, value: Any) -> bool:
    """Return a switch, also where it is written as a text. Raises PlanError."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "false", "no"):
        return str(value).lower() in ("true", "yes")
    raise PlanError('%s "%s" is no switch: write true or false.' % (option, value))


def parse_listeners(option: str, value: Any) -> tuple[tuple[str | None, int], ...]:
    """Return the listeners that texts and numbers such as 80, "8080-8082" and "10.0.9.11:80" name. Raises PlanError."""
    items = value if isinstance(value, (list, tuple)) else ([] if value is None else [value])
    if not items:
        raise PlanError("%s is empty: name the ports that are dialled, such as [80, 81], or listeners such as 10.0.9.11:80." % option)
    found: dict[tuple[str | None, int], Any] = {}
    for item in items:
        for one in _listeners(option, item):
            other = next((key for key in found if key[1] == one[1] and (key[0] == one[0] or None in (key[0], one[0]))), None)
            if other:
                raise PlanError(
                    '%s: "%s" and "%s" overlap in port %d: one listener takes a connection once. Name it once.'
                    % (option, found[other], item, one[1])
                )
            found[one] = item
    return tuple(found)


def _listeners(option: str, item: Any) -> list[tuple[str | None, int]]:
    text = str(item).strip()
    host, colon, port = text.rpartition(":")
    address = None
    if colon:
        try:
            address = str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            raise PlanError('%s "%s": "%s" is no address. Write 80 or "10.0.9.11:80".' % (option, item, host)) from None
    low, dash, high = port.partition("-")
    if not (low.isdecimal() and (high.isdecimal() or not dash)):
        raise PlanError('%s "%s" is no listener. Write 80, "8080-8082" or "10.0.9.11:80".' % (option, item))
    first = whole(option, low, 1, 65535)
    last = whole(option, high, first, 65535) if dash else first
    return [(address, number) for number in range(first, last + 1)]


def parse_hop(option: str, given: Any) -> Hop:
    """Return a hop of `front_tier_hops`, checked by itself. Raises PlanError."""
    if not isinstance(given, dict):
        raise PlanError('%s "%s" is no dictionary. Write %s.' % (option, given, EXAMPLE))
    given = {str(key): value for key, value in given.items() if value is not None}
    unknown = sorted(set(given) - set(KEYS))
    if unknown:
        raise PlanError("%s has no key %s. Its keys are %s." % (option, ", ".join(unknown), ", ".join(KEYS)))
    for key in ("from", "to"):
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise PlanError(
                "%s.%s is missing: name the group that %s. %s" % (option, key, "dials" if key == "from" else "is dialled", EXAMPLE)
            )
    if given["from"] == given["to"]:
        raise PlanError("%s goes from %s to itself: a hop is one tier dialling the next. Name two groups." % (option, given["to"]))
    if "listeners" not in given:
        raise PlanError("%s has no listeners: name the ports of %s that are dialled, such as listeners: [80]." % (option, given["to"]))
    dialer = given.get("dialer")
    if dialer is not None and dialer not in DIALERS:
        raise PlanError('%s.dialer "%s" is not known: it is one of %s; or leave it out.' % (option, dialer, ", ".join(DIALERS)))
    external = given.get("external")
    if external is not None and (not isinstance(external, dict) or set(external) - set(EXTERNAL_KEYS)):
        raise PlanError("%s.external %s: write {ports_per_address: 64512, addresses: 1}." % (option, external))
    outside = external or {}
    hop = Hop(
        str(given.get("name") or "%s to %s" % (given["from"], given["to"])),
        given["from"].strip(),
        given["to"].strip(),
        parse_listeners(option + ".listeners", given["listeners"]),
        whole(option + ".connections", given["connections"], 1) if "connections" in given else None,
        whole(option + ".clients", given["clients"], 1) if "clients" in given else None,
        truth(option + ".transparent", given.get("transparent", False)),
        dialer,
        whole(option + ".pooled_per_host", given["pooled_per_host"], 1, 1 << 24) if "pooled_per_host" in given else None,
        whole(option + ".external.ports_per_address", outside.get("ports_per_address", 64512), 1, 65535) if external is not None else None,
        whole(option + ".external.addresses", outside.get("addresses", 1), 1) if external is not None else None,
    )
    if hop.pooled is not None and (hop.transparent or hop.connections is not None):
        other = "transparent" if hop.transparent else "connections"
        raise PlanError(
            "%s is both pooled_per_host and %s: a pool is shared by clients and has its own size. Leave one of them out." % (option, other)
        )
    return hop


def _checked(hops: list[Hop], tiers: dict[str, list[Host]]) -> None:
    """Refuse what is wrong with hops together: names, overlaps, cycles, a host on both sides."""
    names: dict[str, Hop] = {}
    ends: dict[tuple[str, str], list[Hop]] = {}
    for hop in hops:
        if hop.name in names:
            raise PlanError('front_tier_hops: two hops are called "%s". Give each a name of its own.' % hop.name)
        names[hop.name] = hop
        for other in ends.setdefault((hop.dialling, hop.receiving), []):
            both = sorted({port for _address, port in hop.listeners} & {port for _address, port in other.listeners})
            if both:
                raise PlanError(
                    "Hops %s and %s overlap: both go from %s to %s on port %s, where each port of a source is there once. "
                    "Make them one hop, or name different listeners." % (other.name, hop.name, hop.dialling, hop.receiving, both[0])
                )
        ends[hop.dialling, hop.receiving].append(hop)
        shared = {host.name for host in tiers[hop.dialling]} & {host.name for host in tiers[hop.receiving]}
        if shared:
            raise PlanError(
                "Hop %s: %s is in both %s and %s, and would dial itself. Take it out of one of these groups."
                % (hop.name, ", ".join(sorted(shared)), hop.dialling, hop.receiving)
            )
    ordered(hops)


def ordered(hops: Iterable[Hop]) -> list[str]:
    """Return the tiers from the front to the back. Raises PlanError for a cycle, which it names."""
    after: dict[str, list[str]] = {}
    for hop in hops:
        after.setdefault(hop.dialling, []).append(hop.receiving)
        after.setdefault(hop.receiving, [])
    found: list[str] = []
    way: list[str] = []

    def visit(tier: str) -> None:
        if tier in way:
            raise PlanError(
                "The hops go in a circle: %s. A connection would come back to where it was; take out one of these hops."
                % " -> ".join(way[way.index(tier) :] + [tier])
            )
        if tier not in found:
            way.append(tier)
            for one in after[tier]:
                visit(one)
            way.pop()
            found.append(tier)

    for tier in after:
        visit(tier)
    return found[::-1]


def _group(hosts: list[Host], named: list[Host]) -> str:
    """Return the smallest group of the inventory in which all the named hosts are; their names where there is none."""
    shared = set.intersection(*(set(host.groups) for host in named)) - {"all", "ungrouped"}
    sizes = sorted((sum(group in host.groups for host in hosts), group) for group in shared)
    return sizes[0][1] if sizes else ", ".join(host.name for host in named)


def _explicit(hosts: list[Host], groups: dict[str, Any] | None, given: Any) -> tuple[list[Hop], dict[str, list[Host]]]:
    """Return the hops and tiers of `front_tier_hops`."""
    if not isinstance(given, (list, tuple)):
        raise PlanError('front_tier_hops "%s" is no list. Write [%s].' % (given, EXAMPLE))
    hops = [parse_hop("front_tier_hops[%d]" % index, item) for index, item in enumerate(given)]
    tiers: dict[str, list[Host]] = {}
    for index, hop in enumerate(hops):
        for key, tier in (("from", hop.dialling), ("to", hop.receiving)):
            tiers[tier] = [host for host in hosts if tier in host.groups]
            outside = hop.outside if key == "from" else all(address for address, _port in hop.listeners)
            if tiers[tier] or outside:
                continue
            option = "front_tier_hops[%d].%s" % (index, key)
            if groups is not None and tier in groups:
                raise PlanError('%s: the group "%s" has no hosts. Put hosts into it, or take the hop out.' % (option, tier))
            have = sorted(({group for host in hosts for group in host.groups} | set(groups or {})) - {"all", "ungrouped"})
            remedy = "say clients: NUMBER or external: {}" if key == "from" else 'write listeners with addresses, such as "10.0.9.11:80"'
            raise PlanError(
                '%s: no host is in a group "%s". There are %s. If it is outside the inventory, %s.'
                % (option, tier, ", ".join(have) or "no groups", remedy)
            )
        members = tiers[hop.dialling]
        if "transparent" not in given[index] and hop.pooled is None and members:
            hops[index] = hop._replace(transparent=all(host.shows_clients for host in members))
    return hops, tiers


def _dialled(hosts: list[Host], groups: dict[str, Any] | None) -> tuple[list[Hop], dict[str, list[Host]]]:
    """Return the hops and tiers that the hosts' own variables tell: front_tier_to, or front_tier_upstreams."""
    alike: dict[str, list[Host]] = {}
    for host in hosts:
        told = host.variables.get("front_tier_to") or host.variables.get("front_tier_upstreams")
        if told:
            alike.setdefault(repr(told), []).append(host)
    hops: list[Hop] = []
    tiers: dict[str, list[Host]] = {}
    owners = {address: host for host in hosts for address in own_addresses(host.snapshot)}
    for members in alike.values():
        first = members[0]
        name = _group(hosts, members)
        if name in tiers and [host.name for host in tiers[name]] != [host.name for host in members]:
            name = ", ".join(host.name for host in members)
        tiers[name] = members
        wanted = [whole("front_tier_connections of %s" % host.name, host.variables["front_tier_connections"], 1) for host in members
                  if host.variables.get("front_tier_connections")]  # fmt: skip
        every = sum(wanted) if len(wanted) == len(members) else None
        more = {"connections": every, "dialer": first.program, "transparent": first.shows_clients}
        to = first.variables.get("front_tier_to")
        if to:
            if not isinstance(to, dict):
                raise PlanError('front_tier_to "%s" of %s is no dictionary. Write {origins: [80, 81]}.' % (to, name))
            given = [dict(more, listeners=listeners, to=str(tier), **{"from": name}) for tier, listeners in to.items()]
        else:
            given = [dict(more, **one) for one in _upstream_hops(hosts, owners, name, first.variables["front_tier_upstreams"], every)]
        for one in given:
            hop = parse_hop("front_tier_to of %s" % name if to else "front_tier_upstreams of %s" % name, one)
            hops.append(hop._replace(accepted=every))
            tiers.setdefault(hop.receiving, [host for host in hosts if hop.receiving in host.groups])
            if to and not tiers[hop.receiving]:
                empty = groups is not None and hop.receiving in groups
                raise PlanError(
                    'front_tier_to of %s: %s "%s"%s. Name a group that has hosts.'
                    % (name, "the group" if empty else "no host is in a group", hop.receiving, " has no hosts" if empty else "")
                )
    dialled = {hop.receiving for hop in hops}
    return [hop._replace(accepted=None) if hop.dialling in dialled else hop for hop in hops], tiers


def _upstream_hops(hosts: list[Host], owners: dict[str, Host], name: str, upstreams: Any, wanted: int | None) -> list[dict[str, Any]]:
    """Return a hop for each group that owns upstreams, and one to the outside for what nobody owns, each with its part of them all."""
    if not isinstance(upstreams, (list, tuple)):
        raise PlanError('front_tier_upstreams "%s" of %s is no list. Write ["10.0.9.10:8080"].' % (upstreams, name))
    found = parse_listeners("front_tier_upstreams of %s" % name, upstreams)
    if any(address is None for address, _port in found):
        raise PlanError('front_tier_upstreams of %s: %s has no address. Write "10.0.9.10:8080".' % (name, upstreams))
    owned = [owners[str(address)] for address, _port in found if str(address) in owners]
    theirs = [(address, port) for address, port in found if str(address) not in owners]
    ours = [(address, port) for address, port in found if str(address) in owners]
    rows = [(_group(hosts, list({host.name: host for host in owned}.values())), ours)] if ours else []
    rows += [(text(*theirs[0]) + (" and %d more" % (len(theirs) - 1) if len(theirs) > 1 else ""), theirs)] if theirs else []
    return [
        {
            "from": name,
            "to": tier,
            "listeners": [text(address, port) for address, port in rows_],
            "connections": None if wanted is None else -(-wanted * len(rows_) // len(found)),
        }
        for tier, rows_ in rows
    ]


def text(address: str | None, port: int) -> str:
    """Return a listener as it is written: 10.0.9.11:80, [2001:db8::1]:80."""
    return "%s:%d" % ("[%s]" % address if address and ":" in address else address, port)


def own_addresses(snapshot: Any) -> list[str]:
    """Return the addresses of a snapshot, without those of local routes."""
    rows = snapshot.get("addresses") if isinstance(snapshot, dict) else None
    return [str(row["address"]).partition("/")[0] for row in rows or [] if isinstance(row, dict) and not row.get("local_route")]


def parse_tiers(hosts: list[Host], groups: dict[str, Any] | None, hops: Any) -> tuple[list[Hop], dict[str, list[Host]]]:
    """Return the hops with their tiers, checked; for which no host needs an audit. Raises PlanError."""
    found, tiers = _explicit(hosts, groups, hops) if hops else _dialled(hosts, groups)
    if not found:
        raise PlanError(
            "There is no hop to plan: write front_tier_hops in group_vars/all, or front_tier_to: {origins: [80]} or "
            'front_tier_upstreams: ["10.0.9.10:8080"] in the group_vars of a tier that dials.'
        )
    _checked(found, tiers)
    _check_roles(found, tiers)
    return found, tiers


def _check_roles(hops: list[Hop], tiers: dict[str, list[Host]]) -> None:
    """Refuse a role that is not known, and one that its tier cannot have: a proxy has to dial, an origin to be dialled."""
    dialling, receiving = {hop.dialling for hop in hops}, {hop.receiving for hop in hops}
    for host in {host.name: host for members in tiers.values() for host in members}.values():
        mine = {tier for tier, members in tiers.items() if host in members}
        if host.role is None:
            continue
        if host.role not in ROLES:
            raise PlanError(
                'front_tier_role "%s" of %s is not known: write one of %s, or leave it out where the programs are configured by others.'
                % (host.role, host.name, ", ".join(ROLES))
            )
        if not mine & (receiving if host.role == "origin" else dialling):
            raise PlanError(
                "front_tier_role %s of %s: no hop goes %s %s, so there is nothing to %s. Give that role to another tier, or add the hop."
                % (
                    host.role,
                    host.name,
                    "to" if host.role == "origin" else "from",
                    ", ".join(sorted(mine)),
                    "listen for" if host.role == "origin" else "dial",
                )
            )


def parse_fleet(hosts: list[Host], groups: dict[str, Any] | None, hops: Any, connections: Any) -> Fleet:
    """Return the checked fleet of `front_tier_hops`, or of what the hosts' variables say that they dial. Raises PlanError."""
    found, tiers = parse_tiers(hosts, groups, hops)
    wanted = whole("front_tier_connections", connections, 1) if hops and connections not in (None, "") else None
    lacking = [hop.name for hop in found if hop.connections is None and hop.pooled is None and wanted is None]
    if hops and lacking:
        raise PlanError(
            "front_tier_connections is missing: hop %s does not say how many connections it is to carry. Write "
            "front_tier_connections: 1000000 for all of them, or connections: 5000 in the hop." % lacking[0]
        )
    if lacking:
        found = _carried_on(found)
    blind = sorted({host.name for tier in tiers.values() for host in tier if not isinstance(host.snapshot, dict)})
    if blind:
        raise PlanError(
            "%s ha%s no audit to plan from. Run the playbook c10m.front_tier.audit with a fact cache first, or give recorded snapshots."
            % (", ".join(blind[:10]) + (" and %d more" % (len(blind) - 10) if len(blind) > 10 else ""), "s" if len(blind) == 1 else "ve")
        )
    return Fleet(tuple(found), tiers, wanted)


def _carried_on(hops: list[Hop]) -> list[Hop]:
    """Return hops in which a tier that does not say how much it dials dials what it is dialled with. Raises PlanError."""
    done: list[Hop] = []
    for tier in ordered(hops):
        incoming = [hop.connections or 0 for hop in done if hop.receiving == tier]
        for hop in (one for one in hops if one.dialling == tier):
            wanted = hop.connections if hop.connections is not None else sum(incoming)
            if not wanted and hop.pooled is None:
                raise PlanError(
                    "front_tier_connections of %s is missing: it says how many connections each of its hosts should hold. "
                    "Write it in the group_vars of %s." % (tier, tier)
                )
            done.append(hop._replace(connections=wanted or None))
    return done
