# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet: what each hop needs, and the cheapest changes that reach it. Pure. Private to the collection.

Cheapest first: limits, ports, addresses on the dialling tier, listeners on the receiving tier, more hosts. First the fewest hosts
are sought with everything cheaper at its most, then the fewest listeners, then the fewest addresses, and ports are widened only
where that does not suffice. So nothing of a plan can be left out. How connections spread: evenly over the hosts of a tier.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Sequence

from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import Load, Machine, Spare, by_chance, grouped, of_line
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.hops import Fleet, Hop, Host, ordered, whole
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.places import MOST_PORTS, Places, Side

MOST_HOSTS = 10000
MOST_EACH = 1024  # further addresses of one host: beyond, the kernel walks a long list for each
STANDARD_PORTS = 28232  # of 32768-60999, where nothing is known of the clients


class Options(NamedTuple):
    """What holds for the whole plan. prefer: `addresses` or `hosts`, which of them comes first."""

    spare: Spare
    headroom: float
    prefer: str


class Counts(NamedTuple):
    """How many hosts are added to each tier, and how many ports each hop's listeners get."""

    hosts: dict[str, int]
    ports: dict[str, int]


class Choice(NamedTuple):
    """What one host gets. sources: {interface: how many source addresses}; settings: sysctls."""

    sources: dict[str, int]
    wide: bool
    nofile: int | None
    settings: dict[str, int]


NOTHING = Choice({}, False, None, {})


class Planner:
    """The fleet with all that is computed once: `Planner(fleet, options).choose()`."""

    def __init__(self, fleet: Fleet, options: Options) -> None:
        self.fleet, self.options, self.spare = fleet, options, options.spare
        self.order = ordered(fleet.hops)
        self.places = Places(fleet)
        self.into = {tier: [hop for hop in fleet.hops if hop.receiving == tier] for tier in fleet.tiers}
        self.out = {tier: [hop for hop in fleet.hops if hop.dialling == tier] for tier in fleet.tiers}
        self.sides: dict[tuple[str, str], Side] = {}
        self.machines: dict[str, Machine] = {}
        self.tiers_of: dict[str, list[str]] = {}
        for tier, hosts in fleet.tiers.items():
            for host in hosts:
                self.tiers_of.setdefault(host.name, []).append(tier)
                for hop in self.out[tier]:
                    self.sides[hop.name, host.name] = self.places.side(hop, host)
        for host in self.hosts():
            self.machines[host.name] = self._machine(host)
        self.counted: dict[tuple[str, int], tuple[int, int]] = {}
        self.clients = {hop.name: self._clients(hop) for hop in fleet.hops}

    def hosts(self) -> list[Host]:
        """Return every host of a tier once, from the front to the back."""
        found = {host.name: host for tier in self.order for host in self.fleet.tiers[tier]}
        return list(found.values())

    def _machine(self, host: Host) -> Machine:
        tiers = self.tiers_of[host.name]
        hops_out = [hop for tier in tiers for hop in self.out[tier]]
        ports = [port for tier in tiers for hop in self.into[tier] for _address, port in hop.listeners]
        listening = {int(row["port"]): row.get("service") for row in host.snapshot.get("listeners") or []}
        seen = next((listening[port] for port in ports if listening.get(port)), None)
        dialer = next((hop.dialer for hop in hops_out if hop.dialer), None) or host.program
        reloads = whole("front_tier_reloads of %s" % host.name, host.variables.get("front_tier_reloads", 1), 0, 1000)
        service, managed = host.variables.get("front_tier_service") or seen, host.role is not None
        return Machine(host.snapshot, service, dialer if hops_out else None, reloads, managed)

    def _clients(self, hop: Hop) -> int:
        """Return how many source addresses the clients of a transparent hop have: told there, or by the hop in front of it."""
        if hop.clients is not None:
            return hop.clients
        told = [one.clients for one in self.into[hop.dialling] if one.clients]
        told += [one.addresses for one in self.into[hop.dialling] if one.addresses]
        return max(told) if told else 1

    # --- what is wanted

    def size(self, tier: str, counts: Counts) -> int:
        """Return how many hosts a tier has."""
        return len(self.fleet.tiers[tier]) + counts.hosts.get(tier, 0)

    def wanted(self, hop: Hop, counts: Counts) -> int:
        """Return the connections wanted on a hop."""
        if hop.pooled is not None:
            return hop.pooled * max(1, self.size(hop.dialling, counts))
        return hop.connections if hop.connections is not None else self.fleet.wanted or 0

    def share(self, hop: Hop, tier: str, counts: Counts) -> int:
        """Return what one host of a tier carries of a hop."""
        return -(-self.wanted(hop, counts) // max(1, self.size(tier, counts)))

    def dialled(self, host: Host) -> list[Hop]:
        """Return the hops that a host dials."""
        return [hop for tier in self.tiers_of[host.name] for hop in self.out[tier]]

    def load(self, host: Host, counts: Counts, pooled: bool = False) -> Load:
        """Return what a host carries of all hops, or of those with pools alone, which do not grow with what comes in front."""
        accepted = dialled = lanes = 0
        for tier in self.tiers_of[host.name]:
            accepted += sum(self.share(hop, tier, counts) for hop in self.into[tier] if not pooled or hop.pooled is not None)
            alone = [] if pooled else [hop.accepted for hop in self.out[tier] if hop.accepted]
            accepted += -(-max(alone, default=0) // max(1, self.size(tier, counts)))
            for hop in (one for one in self.out[tier] if not pooled or one.pooled is not None):
                each = self.share(hop, tier, counts)
                dialled += each
                lanes += each if self.has_lanes(hop, host, counts) else 0
        return Load(accepted, dialled, lanes)

    def dialer(self, hop: Hop, host: Host) -> str | None:
        """Return the program that dials a hop from a host."""
        return hop.dialer or host.program

    @staticmethod
    def by_hash(host: Host) -> bool:
        """Tell whether nginx chooses among several addresses by hash, and has no lane for each of them."""
        return bool(host.variables.get("front_tier_nginx_method", "lanes") == "hash")

    def has_lanes(self, hop: Hop, host: Host, counts: Counts) -> bool:
        """Tell whether nginx dials a hop through lanes (two descriptors more): from several addresses of its own, unless by hash."""
        if self.dialer(hop, host) != "nginx" or self.by_hash(host) or hop.transparent:
            return False
        sources = self.sources_needed(host, counts, True)
        return sources is None or sum(sources.values()) > 1

    # --- what is there

    def listeners(self, hop: Hop, counts: Counts) -> int:
        """Return how many listeners a hop dials."""
        key = (hop.name, counts.ports.get(hop.name, 0))
        if key not in self.counted:
            rows = [len(self.places.listeners(hop, host, key[1])) for host in self.fleet.tiers[hop.receiving]]
            self.counted[key] = (sum(rows), rows[0]) if rows else (len(hop.listeners), 0)
        return self.counted[key][0] + counts.hosts.get(hop.receiving, 0) * self.counted[key][1]

    def pairs(self, hop: Hop, host: Host | None, counts: Counts, sources: int | None = None) -> int:
        """Return the pairs of source and listener of one dialling host, or of all clients where nobody of the inventory dials."""
        listeners = self.listeners(hop, counts)
        if host is None:
            return (hop.addresses or hop.clients or 1) * listeners
        if hop.transparent:
            return max(1, self.clients[hop.name] // max(1, self.size(hop.dialling, counts))) * listeners
        side = self.sides[hop.name, host.name]
        return listeners if side.bind == "none" else (len(side.sources) if sources is None else sources) * listeners

    def ports(self, hop: Hop, host: Host | None, wide: bool) -> int:
        """Return the ports that one pair is promised."""
        if host is None:
            return hop.ports_per_address or STANDARD_PORTS
        side = self.sides[hop.name, host.name]
        return side.wide if wide else side.now

    def expected(self, hop: Hop, host: Host | None, pairs: int, ports: int) -> int:
        """Return how many connections may be expected on so many pairs: less the headroom, and within what each line takes."""
        most = self.spare.of(pairs * ports)
        return min(most, pairs * self.line(hop, host, ports)) if host else most

    def capped(self, hop: Hop, host: Host) -> bool:
        """Tell whether a host has a cap for each line: those that the roles write, but for the transparent balancer's, which has none."""
        if hop.transparent or host.role == "transparent_balancer":
            return False
        dialer = self.dialer(hop, host)
        return dialer in ("haproxy", "nginx") or dialer == "varnish" and host.role == "origin"

    def haproxy_lines(self, hop: Hop, host: Host) -> bool:
        """Tell whether the lines of a host are those of HAProxy, each with its cap."""
        return self.dialer(hop, host) == "haproxy" and self.capped(hop, host)

    def line(self, hop: Hop, host: Host, ports: int) -> int:
        """Return how many connections a host lets through on the ports of a pair.

        The workers of a proxy share them, the one now and those that reloads leave.
        """
        if not self.capped(hop, host):
            return ports
        hashed = self.dialer(hop, host) == "nginx" and self.by_hash(host)
        most = min(of_line(ports), by_chance(ports)) if hashed else of_line(ports)
        return most // (1 + self.machines[host.name].reloads)

    def least(self, hop: Hop, host: Host, listeners: int, ports: int, wanted: int) -> int | None:
        """Return the least number of sources on which so many connections may be expected; None where no number is enough."""
        each = self.expected(hop, host, listeners, ports)
        if not each:
            return None
        sources = max(1, -(-wanted // (each + 1)))  # a bound from below: what a headroom leaves is rounded once, not for each source
        while self.expected(hop, host, sources * listeners, ports) < wanted:
            sources += 1
        return sources

    # --- the fewest of everything

    def choose(self) -> tuple[Counts, dict[str, Choice], list[str]]:
        """Return (what is added to tiers and hops, what each host gets, what cannot be reached, in words)."""
        counts, cannot = self._hosts()
        counts = self._listeners(counts)
        return counts, {host.name: self.choice(host, counts) for host in self.hosts()}, cannot

    def sources_needed(self, host: Host, counts: Counts, wide: bool, hops: Sequence[Hop] = ()) -> dict[str, int] | None:
        """Return the least {interface: source addresses} with which a host's ports suffice; None where no number does."""
        found: dict[str, int] = {}
        for hop in (hop for hop in self.dialled(host) if not hops or hop in hops):
            side = self.sides[hop.name, host.name]
            share, ports = self.share(hop, hop.dialling, counts), self.ports(hop, host, wide)
            if hop.transparent or side.bind == "none":
                if share > self.expected(hop, host, self.pairs(hop, host, counts), ports):
                    return None
                found.setdefault(side.interface, len(side.sources))
                continue
            each = self.listeners(hop, counts)
            need = self.least(hop, host, each, ports, share)
            if need is None:
                return None
            found[side.interface] = max(need, found.get(side.interface, 0), len(side.sources))
        return found

    def ports_fit(self, counts: Counts, hops: Sequence[Hop] = ()) -> bool:
        """Tell whether the ports of the hops (all of them by default) suffice, widened, with as many addresses as there are."""
        taken: dict[Any, int] = {}
        for host in self.hosts():
            need = self.sources_needed(host, counts, True, hops)
            if need is None:
                return False
            for interface, sources in need.items():
                more = sources - len(self.places.sources(host, interface))
                if more > (0 if self.options.prefer == "hosts" else MOST_EACH) + self.places.declared(host, interface):
                    return False
                more -= self.places.declared(host, interface)
                template = self.fleet.tiers[self.tiers_of[host.name][0]][0].name == host.name
                added = sum(counts.hosts.get(tier, 0) for tier in self.tiers_of[host.name]) if template else 0
                pool = self.places.pool(host, interface)
                taken[pool.key] = taken.get(pool.key, 0) + max(0, more) * (1 + added)
                if taken[pool.key] > pool.free:
                    return False
        return all(self.front_fits(hop, counts) for hop in hops or self.fleet.hops)

    def front_fits(self, hop: Hop, counts: Counts) -> bool:
        """Tell whether a hop that nobody of the inventory dials has the ports."""
        if self.fleet.tiers[hop.dialling]:
            return True
        return self.wanted(hop, counts) <= self.expected(hop, None, self.pairs(hop, None, counts), self.ports(hop, None, False))

    def most_ports(self, hop: Hop) -> int:
        """Return how many ports a hop's listeners may get: none where they are named one by one, are outside, or hosts come first."""
        named = all(address for address, _port in hop.listeners)
        return 0 if named or self.options.prefer == "hosts" or not self.fleet.tiers[hop.receiving] else MOST_PORTS

    def limits_fit(self, tier: str, counts: Counts) -> bool:
        """Tell whether every host of a tier has, or can be given, what it needs beside ports."""
        return not any(self.machines[host.name].most(self.load(host, counts), self.spare)[2] for host in self.fleet.tiers[tier])

    def _hosts(self) -> tuple[Counts, list[str]]:
        """Return the fewest hosts to add, with all that is cheaper at its most; and what no number of hosts solves, in words."""
        counts = Counts({}, {hop.name: self.most_ports(hop) for hop in self.fleet.hops})
        cannot: dict[str, str] = {}
        before = None
        while before != counts:  # a tier that grew changes the share of others: where it dials with pools, also for more
            before = counts
            for tier in (one for one in self.order if self.fleet.tiers[one] and one not in cannot):
                counts = self._enough_for_limits(tier, counts, cannot)
            for hop in (one for one in self.fleet.hops if one.name not in cannot):
                counts = self._enough_for_ports(hop, counts, cannot)
        return (counts if cannot else self._without_spares(counts)), list(cannot.values())

    def _enough_for_limits(self, tier: str, counts: Counts, cannot: dict[str, str]) -> Counts:
        """Return the counts with as many hosts of a tier as its limits need."""
        if self.limits_fit(tier, counts):
            return counts
        start = counts.hosts.get(tier, 0)
        more = _fewest(lambda number: self.limits_fit(tier, _with(counts, tier, start + number)))
        if more is None:
            cannot[tier] = self._hopeless(tier, counts)
            return counts
        return _with(counts, tier, start + more)

    def _enough_for_ports(self, hop: Hop, counts: Counts, cannot: dict[str, str]) -> Counts:
        """Return the counts with as many hosts as the ports of a hop need: of the dialling tier, where that helps."""
        if self.ports_fit(counts, (hop,)):
            return counts
        sides = [hop.dialling, hop.receiving] if not hop.transparent else [hop.receiving]
        for tier in (one for one in sides if self.fleet.tiers[one]):
            start = counts.hosts.get(tier, 0)
            more = _fewest(lambda number, tier=tier, start=start: self.ports_fit(_with(counts, tier, start + number), (hop,)))  # type: ignore[misc]
            if more is not None:
                return _with(counts, tier, start + more)
        cannot[hop.name] = "Hop %s: no number of addresses, listeners or hosts reaches %s connections." % (
            hop.name, grouped(self.wanted(hop, counts)))  # fmt: skip
        return counts

    def _without_spares(self, counts: Counts) -> Counts:
        """Return the counts without the hosts that others made superfluous."""
        again = True
        while again:
            again = False
            for tier in [tier for tier, number in counts.hosts.items() if number]:
                fewer = _with(counts, tier, counts.hosts[tier] - 1)
                if self.ports_fit(fewer) and all(self.limits_fit(one, fewer) for one in self.order if self.fleet.tiers[one]):
                    counts, again = fewer, True
        return counts

    def _listeners(self, counts: Counts) -> Counts:
        """Return the counts with the fewest further ports for each hop's listeners: with fewer come addresses, and with these lanes."""
        for hop in self.fleet.hops:
            most, fit = counts.ports[hop.name], self.limits_fit(hop.dialling, counts)
            for number in range(most + 1):
                fewer = Counts(counts.hosts, dict(counts.ports, **{hop.name: number}))
                if number == most or self.ports_fit(fewer) and self.limits_fit(hop.dialling, fewer) >= fit:
                    counts = fewer
                    break
        return counts

    def _hopeless(self, tier: str, counts: Counts) -> str:
        host = self.fleet.tiers[tier][0]
        lacking = self.machines[host.name].most(self.load(host, counts), self.spare)[2]
        return "%s: no number of hosts helps. %s" % (tier, "; ".join("%s, %s" % (host.name, one) for one in lacking))

    def choice(self, host: Host, counts: Counts) -> Choice:
        """Return what one host gets: the fewest addresses, the range only where it is needed, limits that do not suffice."""
        sources = self.sources_needed(host, counts, True)
        wide = sources is not None and not self._fits(host, counts, sources, False)
        nofile, settings, _lacking = self.machines[host.name].most(self.load(host, counts), self.spare)
        return Choice(sources or {}, wide, nofile, settings)

    def _fits(self, host: Host, counts: Counts, sources: dict[str, int], wide: bool) -> bool:
        """Tell whether a host's ports suffice with these numbers of addresses."""
        for hop in self.dialled(host):
            side = self.sides[hop.name, host.name]
            pairs = self.pairs(hop, host, counts, sources.get(side.interface))
            if self.share(hop, hop.dialling, counts) > self.expected(hop, host, pairs, self.ports(hop, host, wide)):
                return False
        return True


def _fewest(fits: Callable[[int], bool]) -> int | None:
    """Return the least number of hosts from 1 up that fits; None where MOST_HOSTS do not."""
    low, high = 0, 1
    while not fits(high):
        low, high = high, high * 2
        if high > MOST_HOSTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _with(counts: Counts, tier: str, number: int) -> Counts:
    return Counts(dict(counts.hosts, **{tier: number}), counts.ports)
