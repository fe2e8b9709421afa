# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hosts of a fleet dial from and listen, and which addresses and ports could be added there. Pure.

Private to the collection.
"""

from __future__ import annotations

import itertools
import socket
from collections import Counter
from typing import Any, Iterable, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import WIDTH, Address, parse_address, parse_addresses
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.applied import applied
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.hops import Fleet, Hop, Host, PlanError, whole

MOST_PORTS = 64  # further ports that a service listens on
LOW, HIGH = 10240, 65535  # the range that a plan widens to, as the role `limits` does
FAMILIES: dict[str, int] = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


class Side(NamedTuple):
    """A host as the dialling side of a hop. now, wide: ports that a pair is promised, as the range is and widened."""

    interface: str
    bind: str
    sources: tuple[str, ...]
    now: int
    wide: int


class Pool(NamedTuple):
    """Addresses that may be added. key: the same for hosts that draw from the same pool; free: how many are left in it."""

    key: Any
    free: int
    network: Address | None
    named: tuple[Address, ...]


class Place(NamedTuple):
    """An address of a host on one of its interfaces. moves: between hosts, so that it is on this one only now."""

    interface: str
    address: Address
    moves: bool = False


def places_of(snapshot: dict[str, Any]) -> list[Place]:
    """Return the addresses from which a host can talk to others."""
    found = []
    for row in known(snapshot.get("addresses"), []) or []:
        if row.get("local_route") or row["interface"] == "lo":
            continue
        address = parse_address(str(row["address"]))
        if address.family == socket.AF_INET or address.number >> 118 != 0xFE80 >> 6:
            found.append(Place(row["interface"], address, bool(row.get("moves"))))
    return found


def beside(places: Iterable[Place], place: Place) -> list[str]:
    """Return the addresses from which a host dials at a place: those of its interface in the same network, also those given as /32.

    One that moves between hosts is none of them, unless there is no other.
    """
    near = [one for one in places if one.interface == place.interface and place.address.holds(one.address)]
    return [one.address.host for one in near if not one.moves] or [place.address.host]


def _has_network(place: Place) -> bool:
    return place.address.prefix < WIDTH[place.address.family]


def network_of(address: Address) -> tuple[int, int, int]:
    """Return what is the same for all addresses of a network."""
    return (address.family, address.first, address.prefix)


class Places:
    """The addresses, networks and ports of a fleet, each read once from the snapshots."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.rows: dict[str, list[Place]] = {}
        self.hosts = {host.name: host for hosts in fleet.tiers.values() for host in hosts}
        for host in self.hosts.values():
            self.rows[host.name] = places_of(host.snapshot)
        self.known = Counter(one for rows in self.rows.values() for one in {place.address[:2] for place in rows})
        for name, rows in self.rows.items():  # one address cannot be the source on two hosts
            self.rows[name] = [place._replace(moves=place.moves or self.known[place.address[:2]] > 1) for place in rows]
        self.around: dict[str, set[tuple[int, int, int]]] = {
            name: {network_of(place.address) for place in rows if self._leads(place)} for name, rows in self.rows.items()
        }
        self.shared = {hop.name: self._shared(hop) for hop in fleet.hops}
        self._members = {tier: {host.name for host in hosts} for tier, hosts in fleet.tiers.items()}
        self._dialling: dict[tuple[str, str], list[str]] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._declared = {host.name: self._told(host) for host in self.hosts.values()}
        self._promised: dict[str, tuple[int, int]] = {}
        self._listeners: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {}
        self._more: dict[str, list[int]] = {}
        self._given: set[tuple[int, int]] = set()

    # --- networks

    @staticmethod
    def _leads(place: Place) -> bool:
        """Tell whether an address has a network in which others can be: what several hosts have, such as that of docker0, has none."""
        return _has_network(place) and not place.moves

    def _shared(self, hop: Hop) -> dict[tuple[int, int, int], int]:
        """Return {network: receiving hosts in it} of the networks that both tiers are in; of one family, IPv4 where there is any."""
        ours: set[Any] = set().union(*(self.around[host.name] for host in self.fleet.tiers[hop.dialling]))
        found: dict[tuple[int, int, int], int] = {}
        for host in self.fleet.tiers[hop.receiving]:
            for network in self.around[host.name] & ours:
                found[network] = found.get(network, 0) + 1
        named = {FAMILIES["inet6" if ":" in address else "inet"] for address, _port in hop.listeners if address}
        families = sorted(named or {network[0] for network in found})[:1]
        return {network: number for network, number in sorted(found.items()) if network[0] in families}

    def family(self, hop: Hop) -> int:
        """Return the family of the addresses by which the tiers of a hop reach each other."""
        for network in self.shared[hop.name]:
            return network[0]
        named = [address for address, _port in hop.listeners if address]
        if named:
            return int(FAMILIES["inet6" if ":" in named[0] else "inet"])
        every = [place.address.family for host in self.fleet.tiers[hop.receiving] for place in self.rows[host.name]]
        return int(socket.AF_INET if socket.AF_INET in every or not every else socket.AF_INET6)

    def towards(self, hop: Hop, host: Host) -> Place | None:
        """Return the place from which a host reaches the other tier of a hop: in a shared network, else its first address.

        Of several networks, a host that dials takes that of its front_tier_interface, and one that is dialled what those that dial took.
        """
        rows = [place for place in self.rows[host.name] if place.address.family == self.family(hop)]
        shared = self.shared[hop.name]
        inside = [place for place in rows if network_of(place.address) in shared]
        if len(inside) > 1:
            if host.name in self._members[hop.dialling]:
                first = [place for place in inside if place.interface == host.variables.get("front_tier_interface")]
            else:
                places = [self.towards(hop, other) for other in self.fleet.tiers[hop.dialling][:1]]
                first = [one for one in inside if network_of(one.address) in {network_of(place.address) for place in places if place}]
            inside = first or inside
        if inside:
            return max(inside, key=lambda place: shared[network_of(place.address)])
        return next(filter(self._leads, rows), rows[0] if rows else None)

    # --- the dialling side

    def side(self, hop: Hop, host: Host) -> Side:
        """Return a host as the dialling side of a hop. Raises PlanError where it has no address that could dial."""
        place = self.towards(hop, host)
        if place is None:
            raise PlanError(
                "Hop %s: the snapshot of %s has no address of the family of %s. Audit it again, or take it out of %s."
                % (hop.name, host.name, hop.receiving, hop.dialling)
            )
        dialer = hop.dialer or host.program
        bind = DIALERS[dialer].bound if dialer else "no_port"
        if host.role == "transparent_balancer" and not hop.transparent:  # with the PROXY protocol it binds nothing
            bind = "none"
        now, wide = self.promised(host)
        return Side(place.interface, bind, tuple(self._sources(host, place)), now, wide)

    def _sources(self, host: Host, place: Place) -> list[str]:
        there, told = beside(self.rows[host.name], place), host.variables.get("front_tier_sources")
        if not told:
            return there
        wanted = {one.host for one in _parsed("front_tier_sources of %s" % host.name, told)}
        return [address for address in there if address in wanted] or there[:1]

    def sources(self, host: Host, interface: str) -> list[str]:
        """Return the addresses that a host dials from on an interface."""
        key = (host.name, interface)
        if key not in self._dialling:
            found: dict[str, None] = {}
            for hop in self.fleet.hops:
                if host.name in self._members[hop.dialling]:
                    place = self.towards(hop, host)
                    if place and place.interface == interface:
                        found.update(dict.fromkeys(self._sources(host, place)))
            self._dialling[key] = list(found)
        return self._dialling[key]

    def promised(self, host: Host) -> tuple[int, int]:
        """Return the ports that a pair of a host is promised, with its range as it is and widened."""
        if host.name not in self._promised:
            own = [port for hop in self.fleet.hops if self._receives(hop, host) for _address, port in hop.listeners]
            taken = portsets.held_by({"port": port} for port in own)
            low, high = widened(host)
            self._promised[host.name] = (
                _ports(host.snapshot, taken),
                _ports(applied(host.snapshot, {"port_range": {"low": low, "high": high}}), taken),
            )
        return self._promised[host.name]

    def _receives(self, hop: Hop, host: Host) -> bool:
        return host.name in self._members[hop.receiving]

    # --- the receiving side

    def listeners(self, hop: Hop, host: Host, more: int) -> tuple[tuple[str, int], ...]:
        """Return the listeners of a host on a hop, with so many further ports."""
        key = (hop.name, host.name)
        if key not in self._listeners:
            own = {place.address.host for place in self.rows[host.name]}
            named = [(address, port) for address, port in hop.listeners if address in own]
            place = self.towards(hop, host)
            shared = place is not None and network_of(place.address) in self.shared[hop.name]
            every = beside(self.rows[host.name], place) if place and shared else [place.address.host] if place else []
            ports = [port for address, port in hop.listeners if address is None]
            self._listeners[key] = tuple((str(address), port) for address, port in named) + tuple(
                (address, port) for address in every for port in ports
            )
        found = self._listeners[key]
        if not more:
            return found
        addresses = list(dict.fromkeys(address for address, _port in found))
        return found + tuple((address, port) for address in addresses for port in self.more_ports(hop, more))

    def more_ports(self, hop: Hop, number: int) -> list[int]:
        """Return further ports for the listeners of a hop, free on all hosts; those from which nobody there dials come first."""
        if hop.name not in self._more:
            hosts = self.fleet.tiers[hop.receiving]
            taken = {int(row["port"]) for host in hosts for row in host.snapshot.get("listeners") or []}
            taken |= {port for other in self.fleet.hops if other.receiving == hop.receiving for _address, port in other.listeners}
            seen = [portsets.in_range(host.snapshot) for host in hosts]
            low, high = min([one[0] for one in seen] + [LOW]), max([one[1] for one in seen] + [HIGH])
            first = max(port for _address, port in hop.listeners) + 1
            quiet = [port for port in (*range(first, low), *range(81, min(low, first)), *range(high + 1, 65536)) if port not in taken]
            inside = (port for port in range(max(low, first), high + 1) if port not in taken)
            self._more[hop.name] = list(itertools.islice(itertools.chain(quiet, inside), MOST_PORTS))
        return self._more[hop.name][:number]

    def neighbours(self, host: Host, family: int, added: Iterable[tuple[Host, str, int]]) -> tuple[int, int]:
        """Return (entries now, entries more) of a host's neighbour table, where others get so many addresses on an interface."""
        now = (host.snapshot.get("neighbours") or {}).get("inet" if family == socket.AF_INET else "inet6")
        more = 0
        for other, interface, number in added:
            theirs = {
                network_of(row.address) for row in self.rows[other.name] if (row.interface, row.address.family) == (interface, family)
            }
            if other.name != host.name and theirs & self.around[host.name]:
                more += number
        return (now if isinstance(now, int) else 0, more)

    # --- further addresses

    def _told(self, host: Host) -> list[Address]:
        """Return the addresses that the inventory gives a host and that it does not have yet, checked."""
        wanted = []
        for name in ("front_tier_addresses", "front_tier_sources"):
            if host.variables.get(name):
                wanted += _parsed("%s of %s" % (name, host.name), host.variables[name])
        own = {place.address.host for place in self.rows[host.name]}
        found = {one.host: one for one in wanted if one.host not in own}
        interface = host.variables.get("front_tier_interface")
        self._inside(host, interface, found.values(), "front_tier_addresses")
        elsewhere = [one.host for one in found.values() if one[:2] in self.known]
        if elsewhere:
            owner = next(name for name, rows in self.rows.items() if any(place.address.host == elsewhere[0] for place in rows))
            raise PlanError(
                "front_tier_addresses of %s: %s is an address of %s. An address belongs to one host: leave it out."
                % (host.name, elsewhere[0], owner)
            )
        return list(found.values())

    def _inside(self, host: Host, interface: Any, addresses: Iterable[Address], option: str) -> None:
        """Refuse addresses outside the networks of an interface."""
        rows = [place for place in self.rows[host.name] if interface in (None, "", place.interface)]
        if interface and not rows:
            names = sorted({place.interface for place in self.rows[host.name]})
            raise PlanError(
                'front_tier_interface "%s": %s has no such interface with an address. Name one that it has: %s.'
                % (interface, host.name, ", ".join(names) or "none")
            )
        for one in addresses:
            if not any(place.address.holds(one) for place in rows):
                networks = sorted({_named(place.address) for place in rows if place.address.family == one.family})
                raise PlanError(
                    "%s of %s: %s lies outside the networks of %s (%s): nobody there would answer it. Name addresses inside."
                    % (option, host.name, one.host, interface or "its interfaces", ", ".join(networks) or "none of its family")
                )

    def declared(self, host: Host, interface: str) -> int:
        """Return how many addresses the inventory promises a host on an interface beside those that it has."""
        return len(self._on(host, interface))

    def _on(self, host: Host, interface: str) -> list[Address]:
        named = host.variables.get("front_tier_interface")
        return self._declared[host.name] if named in (None, "", interface) else []

    def pool(self, host: Host, interface: str) -> Pool:
        """Return what further addresses of an interface are drawn from: front_tier_address_pool, else its network."""
        key = (host.name, interface)
        if key not in self._pools:
            self._pools[key] = self._pool(host, interface)
        return self._pools[key]

    def _pool(self, host: Host, interface: str) -> Pool:
        told = host.variables.get("front_tier_address_pool")
        if told:
            named = _parsed("front_tier_address_pool of %s" % host.name, told)
            self._inside(host, interface, named, "front_tier_address_pool")
            free = tuple(one for one in named if one[:2] not in self.known)
            return Pool(repr(told), len(free), None, free)
        main = next((place.address for place in self.rows[host.name] if place.interface == interface and _has_network(place)), None)
        if main is None:
            return Pool((host.name, interface), 0, None, ())
        inside = sum(1 for one in self.known if main.holds(Address(one[0], one[1], 0)))
        gateway = (main.family, main.first + 1) not in self.known
        free_count = main.last - main.first + 1 - 2 - gateway - inside
        return Pool(network_of(main), max(0, free_count), main, ())

    def draw(self, host: Host, interface: str, number: int) -> list[Address]:
        """Return so many addresses for an interface, each given once: what the inventory promises first, then the pool, from its end."""
        found = [one for one in self._on(host, interface) if one[:2] not in self._given][:number]
        self._given.update(one[:2] for one in found)
        for one in self._candidates(self.pool(host, interface)):
            if len(found) >= number:
                break
            if one[:2] not in self.known and one[:2] not in self._given:
                self._given.add(one[:2])
                found.append(one)
        return found

    @staticmethod
    def _candidates(pool: Pool) -> Iterator[Address]:
        yield from pool.named
        if pool.network:
            for one in range(pool.network.last - 1, pool.network.first + 1, -1):  # the first is the gateway nearly everywhere
                yield Address(pool.network.family, one, WIDTH[pool.network.family])


def widened(host: Host) -> tuple[int, int]:
    """Return the range that a host would get: never narrower than it has."""
    low, high = portsets.in_range(host.snapshot)
    first = whole("front_tier_port_low of %s" % host.name, host.variables.get("front_tier_port_low", LOW), 1024, 65534)
    last = whole("front_tier_port_high of %s" % host.name, host.variables.get("front_tier_port_high", HIGH), first + 1, 65535)
    return min(low, first), max(high, last)


def _ports(snapshot: dict[str, Any], taken: int) -> int:
    return max(0, portsets.count(portsets.usable(snapshot) & ~taken) - portsets.is_odd(snapshot))


def _parsed(option: str, value: Any) -> list[Address]:
    try:
        return parse_addresses(option, value if isinstance(value, (list, tuple)) else [value])
    except Refusal as error:
        raise PlanError(str(error).replace(" Nothing was changed.", "")) from None


def _named(address: Address) -> str:
    return address._replace(number=address.first).cidr


def ranges(addresses: list[Address]) -> list[str]:
    """Return addresses as a user writes them: neighbours as a range."""
    found: list[list[Address]] = []
    for one in sorted(addresses):
        if found and found[-1][-1].number + 1 == one.number and found[-1][-1].family == one.family:
            found[-1].append(one)
        else:
            found.append([one])
    return [run[0].host if len(run) == 1 else "%s-%s" % (run[0].host, run[-1].host) for run in found]
