# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet as plain data: hops, tiers, hosts with their host_config, and the arithmetic in words. Pure.

Private to the collection.
"""

from __future__ import annotations

import re
import socket
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import WIDTH, parse_address
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import CONNTRACK, LINE, Load, Machine, grouped, of_line
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.fleet import NOTHING, Choice, Counts, Options, Planner
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.hops import Fleet, Hop, Host, text
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.places import ranges, widened

SET = "front-tier-plan"
OURS = re.compile(r"/etc/sysctl\.d/(90|z+)-%s\.conf(:|\Z)" % SET)  # as _apply/persist/sysctl_d.py names it, outranking others or not
GC: dict[int, str] = {socket.AF_INET: "net.ipv4.neigh.default.gc_thresh3", socket.AF_INET6: "net.ipv6.neigh.default.gc_thresh3"}
ADDRESS_OPTIONS = {"front_tier_address_backend": "backend", "front_tier_duplicate_check": "duplicate_check"}  # variable: option
CHURN = 1  # a flow with more connections in TIME_WAIT than open ones churns


def plan_fleet(fleet: Fleet, options: Options) -> dict[str, Any]:
    """Return the plan of a fleet as plain data (docs/plan.md). Raises PlanError for what cannot be meant."""
    planner = Planner(fleet, options)
    return Told(planner, *planner.choose()).plan()


class Told:
    """A plan in words and numbers: what the planner chose, held against what there is."""

    def __init__(self, planner: Planner, counts: Counts, choices: dict[str, Choice], cannot: list[str]) -> None:
        self.planner, self.counts, self.choices, self.cannot = planner, counts, choices, list(cannot)
        self.now = Counts({}, {})
        self.fleet, self.spare, self.places = planner.fleet, planner.spare, planner.places
        self.drawn: dict[str, list[str]] = {}
        self.crowds: dict[tuple[str, int], tuple[int, int | None, int]] = {}
        self.interfaces: dict[tuple[str, int], set[str]] = {}
        families = {hop.name: planner.places.family(hop) for hop in planner.fleet.hops}
        for (hop_name, name), side in planner.sides.items():
            self.interfaces.setdefault((name, families[hop_name]), set()).add(side.interface)
        self.texts: dict[str, list[str]] = {}
        self.added = self._added()
        self.settings = {host.name: self._settings(host) for host in planner.hosts()}

    def plan(self) -> dict[str, Any]:
        """Return the whole plan."""
        hosts = {host.name: self.host(host) for host in self.planner.hosts()}
        hops = [self.hop(hop) for hop in self.fleet.hops]
        return {
            "wanted": self.fleet.wanted or max(hop["wanted"] for hop in hops),
            "headroom": self.planner.options.headroom,
            "prefer": self.planner.options.prefer,
            "hops": hops,
            "tiers": [self.tier(tier, hosts) for tier in self.planner.order],
            "hosts": hosts,
            "missing": [self.missing(tier) for tier in self.planner.order if self.counts.hosts.get(tier)],
            "cannot": self.cannot,
        }

    # --- what there is and what there will be

    def _added(self) -> dict[str, dict[str, int]]:
        """Return {host: {interface: further addresses}}."""
        found: dict[str, dict[str, int]] = {}
        for host in self.planner.hosts():
            for interface, number in self.choices[host.name].sources.items():
                more = number - len(self.places.sources(host, interface))
                if more > 0:
                    found.setdefault(host.name, {})[interface] = more
        return found

    def _settings(self, host: Host) -> dict[str, int]:
        """Return the sysctls that a host gets: what its connections need, and room for the neighbours that others' addresses add."""
        settings = dict(self.choices[host.name].settings)
        for family, name in GC.items():
            need, have, more = self.crowd(host, family)
            if have is None or not more or need <= self.spare.of(have):
                continue
            if self.planner.machines[host.name].outside(name):
                self.cannot.append(
                    "%s: its neighbour table needs room for %s entries and has %s, which belongs to the machine outside this container. "
                    "Raise %s there." % (host.name, grouped(self.spare.over(need)), grouped(have), name)
                )
            else:
                settings[name] = self.spare.over(need)
        return settings

    def crowd(self, host: Host, family: int) -> tuple[int, int | None, int]:
        """Return (entries that a host's neighbour table will hold, what it takes, how many of them the plan adds)."""
        if (host.name, family) not in self.crowds:
            self.crowds[host.name, family] = self._crowd(host, family)
        return self.crowds[host.name, family]

    def _crowd(self, host: Host, family: int) -> tuple[int, int | None, int]:
        tiers = self.planner.tiers_of[host.name]
        diallers = [other for tier in tiers for hop in self.planner.into[tier] for other in self.fleet.tiers[hop.dialling]]
        rows = []
        for other in {one.name: one for one in diallers}.values():
            new = sum(self.counts.hosts.get(tier, 0) for tier in self.planner.tiers_of[other.name])
            first = self.fleet.tiers[self.planner.tiers_of[other.name][0]][0].name == other.name
            for interface in self.interfaces.get((other.name, family), ()):
                each = self.added.get(other.name, {}).get(interface, 0)
                whole = len(self.places.sources(other, interface)) + each
                rows.append((other, interface, each + (new * whole if first else 0)))
        now, more = self.places.neighbours(host, family, rows)
        return now + more, self.planner.machines[host.name].limits.number(GC[family]), more

    def ports_of(self, hop: Hop, host: Host | None, choice: Choice, counts: Counts) -> tuple[int, int]:
        """Return (pairs, ports that each is promised) of a dialling host."""
        side = self.planner.sides[hop.name, host.name] if host else None
        sources = choice.sources.get(side.interface) if side else None
        return self.planner.pairs(hop, host, counts, sources), self.planner.ports(hop, host, choice.wide)

    def bounds(
        self, hop: Hop, host: Host, side: str, choice: Choice, settings: dict[str, int], counts: Counts, lines: bool = False
    ) -> list[tuple[int, str]]:
        """Return [(connections of this hop, what bounds them)] of a host on one side of it: `from` or `to`.

        lines: also what the lines of a proxy let through, as the capacity of which that would be all but the headroom.
        """
        share = self.planner.share(hop, hop.dialling if side == "from" else hop.receiving, counts)
        found = []
        if side == "from":
            pairs, ports = self.ports_of(hop, host, choice, counts)
            found.append((pairs * ports, "ports"))
            if lines:
                found.append((self.spare.over(pairs * self.planner.line(hop, host, ports)), "lines"))
        load, fixed = self.planner.load(host, counts), self.planner.load(host, counts, pooled=True)
        if hop.pooled is not None and fixed != load:
            return found  # what the pools take is set aside; the rest scales with what comes in front
        aside = (
            {one.name: one.need for one in self.planner.machines[host.name].needs(fixed, choice.nofile, settings)} if fixed != load else {}
        )
        for one in self.planner.machines[host.name].needs(load, choice.nofile, settings):
            need = one.need - aside.get(one.name, 0)
            if need > 0:
                found.append((share * max(0, one.have - aside.get(one.name, 0)) // need, one.name))
        return found

    def capacity(self, hop: Hop, planned: bool) -> tuple[int, str, int | None]:
        """Return (connections that a hop holds, what bounds them, what the lines of HAProxy let through)."""
        counts = self.counts if planned else self.now
        rows: list[tuple[int, str]] = []
        lines = None
        tiers = (("from", hop.dialling), ("to", hop.receiving))
        for side, tier in tiers:
            number = self.planner.size(tier, counts)
            for host in self.fleet.tiers[tier]:
                choice = self.choices[host.name] if planned else NOTHING
                settings = self.settings[host.name] if planned else {}
                bounds = self.bounds(hop, host, side, choice, settings, counts)
                rows += [(number * most, name) for most, name in bounds]
                if side == "from" and self.planner.haproxy_lines(hop, host):
                    pairs, ports = self.ports_of(hop, host, choice, counts)
                    line = number * pairs * self.planner.line(hop, host, ports)
                    lines = line if lines is None else min(lines, line)
        if not self.fleet.tiers[hop.dialling]:
            pairs, ports = self.ports_of(hop, None, NOTHING, counts)
            rows.append((pairs * ports, "ports"))
        least = min(rows)
        return least[0], least[1], lines

    # --- hops

    def hop(self, hop: Hop) -> dict[str, Any]:
        """Return a hop: its numbers now and as planned, with a verdict and the arithmetic in words."""
        now, binding, _lines = self.capacity(hop, False)
        planned, after, lines = self.capacity(hop, True)
        wanted = self.planner.wanted(hop, self.counts)
        members = self.fleet.tiers[hop.dialling]
        pairs, ports = self.ports_of(hop, members[0] if members else None, NOTHING, self.now)
        listeners = self.planner.listeners(hop, self.now)
        changed = self._changed(hop)
        return {
            "name": hop.name,
            "from": hop.dialling,
            "to": hop.receiving,
            "wanted": wanted,
            "needs": self.spare.over(wanted),
            "sources": pairs // listeners if listeners else 0,
            "listeners": listeners,
            "pairs": pairs,
            "usable_ports": ports,
            "hosts": len(members),
            "now": now,
            "planned": planned,
            "line_caps": lines,
            "binding": binding,
            "binding_planned": after,
            "reached": self.reached(hop, True),
            "verdict": self.verdict(hop, now, changed),
            "words": self.words(hop, now, binding, changed),
        }

    def reached(self, hop: Hop, planned: bool) -> bool:
        """Tell whether a hop carries what is wanted with the headroom left: as it is now, or as planned."""
        counts = self.counts if planned else self.now
        if not self.planner.front_fits(hop, counts):
            return False
        for host in self.fleet.tiers[hop.dialling]:
            pairs, ports = self.ports_of(hop, host, self.choices[host.name] if planned else NOTHING, counts)
            if self.planner.share(hop, hop.dialling, counts) > self.planner.expected(hop, host, pairs, ports):
                return False
        members = self.fleet.tiers[hop.receiving] + ([] if hop.pooled is not None else self.fleet.tiers[hop.dialling])
        return all(self._limits_reach(host, planned, counts) for host in members)

    def _limits_reach(self, host: Host, planned: bool, counts: Counts) -> bool:
        """Tell whether a host's limits beside ports are enough for all that it carries."""
        choice, settings = (self.choices[host.name], self.settings[host.name]) if planned else (NOTHING, {})
        needs = self.planner.machines[host.name].needs(self.planner.load(host, counts), choice.nofile, settings)
        return all(self.planner.machines[host.name].fits(one, self.spare) for one in needs)

    def _changed(self, hop: Hop) -> bool:
        """Tell whether the plan changes something for this hop."""
        more = self.counts.hosts.get(hop.dialling) or self.counts.hosts.get(hop.receiving) or self.counts.ports.get(hop.name)
        return bool(more) or not self.reached(hop, False)

    def verdict(self, hop: Hop, now: int, changed: bool) -> str:
        """Return one sentence: nothing, or that it needs something, and whether the article is right here."""
        behind = any(self.fleet.tiers[other.dialling] for other in self.planner.into[hop.dialling])
        wanted, number = self.planner.wanted(hop, self.counts), max(1, self.planner.size(hop.dialling, self.counts))
        if hop.pooled is not None:
            carried = "%d hosts x %s pooled connections = %s of %s possible" % (number, grouped(hop.pooled), grouped(wanted), grouped(now))
        else:
            carried = "%s of %s possible" % (grouped(wanted), grouped(now))
        if not changed:
            return "%s need nothing: %s." % (hop.receiving, carried)
        text_ = "%s: too little." % carried
        if behind:
            why = (
                "its pools are that large" if hop.pooled is not None else "this hop is not pooled: every connection in front makes one here"
            )
            text_ += " The article says that what stands behind the front never needs this; not true here, %s." % why
        return text_

    def words(self, hop: Hop, now: int, binding: str, changed: bool) -> list[str]:
        """Return the arithmetic of a hop."""
        wanted = self.planner.wanted(hop, self.counts)
        members = self.fleet.tiers[hop.dialling]
        pairs, ports = self.ports_of(hop, members[0] if members else None, NOTHING, self.now)
        listeners = self.planner.listeners(hop, self.now)
        sources = pairs // listeners if listeners else 0
        who, more = ("client", "s") if hop.transparent or not members else ("source address", "es")
        who += "" if sources == 1 else more
        what = "%s %s x %s listener%s x %s ports = %s" % (
            grouped(sources), who, grouped(listeners), "" if listeners == 1 else "s", grouped(ports), grouped(pairs * ports))  # fmt: skip
        found = [("%s for each of %d hosts" % (what, len(members)) if len(members) > 1 else what) + "; %s bind%s at %s now" % (
            binding, "" if binding == "ports" else "s", grouped(now))]  # fmt: skip
        found.append(
            "%s wanted / %s of a capacity used at most = %s needed"
            % (grouped(wanted), _share(self.spare.part), grouped(self.spare.over(wanted)))
        )
        if hop.transparent:
            found.append(
                "The balancer shows the clients' own addresses: they are the sources, and all clients behind one NAT are one source. "
                "Counted: %s%s. Its lines have no cap: beyond the ports of a client the kernel refuses."
                % (grouped(self.planner.clients[hop.name]), "" if self._told_clients(hop) else ", since clients: is not given")
            )
            lost = [host.name for host in self.fleet.tiers.get(hop.receiving, []) if not host.variables.get("front_tier_balancers")]
            if members and lost:
                found.append(
                    "Answers have to return through the balancer: by the default route of %s, or else by front_tier_balancers, which is not"
                    " given." % (", ".join(lost[:3]) + (" and %d more" % (len(lost) - 3) if len(lost) > 3 else ""))
                )
        if hop.ports_per_address:
            found.append("It is not ours: %s ports for each of its addresses are taken as told." % grouped(hop.ports_per_address))
        elif not members:
            found.append("Of each client's address, %s ports are counted: Linux gives so many, a NAT may have more." % grouped(ports))
        if any(self.planner.haproxy_lines(hop, host) for host in members):
            most = max(self.planner.machines[host.name].reloads for host in members)
            shared = ", shared with the old worker%s of %d reload%s" % ("" if most == 1 else "s", most, "" if most == 1 else "s")
            found.append(
                "Each server line takes %d %% of its ports at most%s: health checks dial from the same ports."
                % (LINE, shared if most else "")
            )
        churning = self._churning(hop)
        if churning:
            found.append(
                "%s churn%s: more of its connections wait in TIME_WAIT than are open, and each keeps its port for 60 s. Let the upstream "
                "keep connections alive and reuse them; that costs nothing." % (", ".join(churning[:5]), "s" if len(churning) == 1 else "")
            )
        if changed and hop.pooled is None and not hop.transparent and members:
            each = self.spare.of(now) // len(members)
            found.append(
                "Cheapest of all, fewer connections: with keepalive and reuse towards %s, up to %s pooled connections a host fit as "
                "it is (pooled_per_host: %s); what closes first should be the side that does not dial."
                % (hop.receiving, grouped(each), each)
            )
        return found

    def _told_clients(self, hop: Hop) -> bool:
        return bool(hop.clients or any(one.clients or one.addresses for one in self.planner.into[hop.dialling]))

    def _churning(self, hop: Hop) -> list[str]:
        """Return the dialling hosts of which more connections of this hop wait than are open."""
        wanted = {one for host in self.fleet.tiers[hop.receiving] for one in self.places.listeners(hop, host, 0)}
        wanted |= {(address, port) for address, port in hop.listeners if address}
        found = []
        for host in self.fleet.tiers[hop.dialling]:
            flows = [one for one in (host.snapshot.get("sockets") or {}).get("flows") or [] if (one["destination"], one["port"]) in wanted]
            if sum(one["time_wait"] for one in flows) > CHURN * sum(one["connections"] for one in flows):
                found.append(host.name)
        return found

    # --- tiers

    def tier(self, tier: str, hosts: dict[str, Any]) -> dict[str, Any]:
        """Return a tier: whether its hosts need anything."""
        members = self.fleet.tiers[tier]
        if not members:
            return {"name": tier, "hosts": 0, "verdict": "outside this inventory: taken as told", "words": []}
        changed = [host.name for host in members if hosts[host.name]["changes"]]
        more = self.counts.hosts.get(tier, 0)
        pooled = [hop for hop in self.planner.into[tier] if hop.pooled is not None]
        words = []
        if not changed and not more:
            verdict = "%s need nothing" % tier
            for hop in pooled:
                verdict = self.verdict(hop, self.capacity(hop, False)[0], self._changed(hop)).rstrip(".")
        else:
            parts = ["%d of %d hosts change" % (len(changed), len(members))] if changed else []
            parts += ["%d more host%s" % (more, "" if more == 1 else "s")] if more else []
            verdict = "%s: %s" % (tier, ", ".join(parts))
            behind = any(self.fleet.tiers[hop.dialling] for hop in self.planner.into[tier])
            if behind and not self.planner.out[tier] and not pooled:
                words.append("Not true here that only the front needs this: nothing pools the connections to %s." % tier)
        return {"name": tier, "hosts": len(members), "verdict": verdict, "words": words}

    def missing(self, tier: str) -> dict[str, Any]:
        """Return how many hosts a tier lacks, and what each of them is to be like."""
        number, first = self.counts.hosts[tier], self.fleet.tiers[tier][0]
        each = sum(self.added.get(first.name, {}).values())
        like = "like %s%s" % (first.name, " with %d further address%s" % (each, "" if each == 1 else "es") if each else " as planned")
        lacking = self.planner.machines[first.name].most(self.planner.load(first, self.now), self.spare)[2]
        return {
            "tier": tier,
            "hosts": number,
            "words": "%d more in %s, %s%s" % (number, tier, like, ": " + "; ".join(lacking) if lacking else ""),
        }

    # --- hosts

    def host(self, host: Host) -> dict[str, Any]:
        """Return what one host gets, as a host_config and in words."""
        choice, settings = self.choices[host.name], self.settings[host.name]
        before, binding = self.held(host, NOTHING, {}, self.now)
        after, binding_after = self.held(host, choice, settings, self.counts)
        config, changes = self.config(host, choice, settings)
        most = self.held(host, choice, settings, self.counts, lines=True)[0]
        for change in changes:
            choice_less, settings_less = change.pop("without")
            without = self.held(host, choice_less, settings_less, self.counts, lines=True)[0]
            change["gains"] = max(0, most - without)
        return {
            "host_config": config,
            "variables": self.variables(host),
            "changes": changes,
            "before": before,
            "after": after,
            "share": self.share(host),
            "binding": binding,
            "binding_after": binding_after,
        }

    def share(self, host: Host) -> int:
        """Return the connections that a host is to hold: those of the hop that brings or takes the most."""
        load = self.planner.load(host, self.counts)
        return max(load.accepted, load.dialled)

    def held(self, host: Host, choice: Choice, settings: dict[str, int], counts: Counts, lines: bool = False) -> tuple[int, str]:
        """Return how many connections of its share a host can hold, and what bounds them."""
        rows = []
        share = self.share(host)
        for tier in self.planner.tiers_of[host.name]:
            for side, hops in (("to", self.planner.into[tier]), ("from", self.planner.out[tier])):
                for hop in hops:
                    mine = self.planner.share(hop, tier, counts)
                    if mine:
                        rows += [
                            (share * most // mine, name) for most, name in self.bounds(hop, host, side, choice, settings, counts, lines)
                        ]
        for family, name in GC.items():
            need, have, more = self.crowd(host, family)
            top = settings.get(name) or have
            if more and need and top:
                rows.append((share * top // need, "neighbour table"))
        return min(rows) if rows else (share, "nothing known")

    def config(self, host: Host, choice: Choice, settings: dict[str, int]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return (the host_config, the changes in words); each change has what the host would be without it."""
        config: dict[str, Any] = {}
        changes: list[dict[str, Any]] = []
        machine, load = self.planner.machines[host.name], self.planner.load(host, self.counts)
        if choice.nofile:
            if host.role is None:  # a role gives its service what its own configuration needs
                config["fd_limits"] = {"nofile": machine.asked(choice.nofile), "units": [machine.service], "shared": True}
            changes.append(
                {
                    "what": "fd_limits",
                    "words": "%s: nofile %s -> %s%s (%s)"
                    % (
                        machine.service,
                        grouped(machine.nofile()),
                        grouped(choice.nofile),
                        " at least, by the role %s" % host.role if host.role else "",
                        self._files(machine, load),
                    ),
                    "without": (choice._replace(nofile=None), settings),
                }
            )
        for name, value in settings.items():
            changes.append(
                {
                    "what": "kernel_settings %s" % name,
                    "words": self._setting(host, name, value, load),
                    "without": (choice, {key: other for key, other in settings.items() if key != name}),
                }
            )
        if settings:
            config["kernel_settings"] = {"settings": dict(self._ours(host), **settings)}
        if choice.wide:
            low, high = widened(host)
            now, wide = self.places.promised(host)
            config["port_range"] = {"low": low, "high": high, "reserve": "auto"}
            words = "ports %d-%d -> %d-%d: %s -> %s usable for each pair" % (
                *portsets.in_range(host.snapshot),
                low,
                high,
                grouped(now),
                grouped(wide),
            )
            changes.append({"what": "port_range", "words": words, "without": (choice._replace(wide=False), settings)})
        for interface, number in self.added.get(host.name, {}).items():
            changes.append(self._addresses(host, interface, number, choice, settings, config))
        ports = {hop.name: self.planner.places.more_ports(hop, self.counts.ports[hop.name]) for tier in self.planner.tiers_of[host.name]
                 for hop in self.planner.into[tier] if self.counts.ports.get(hop.name)}  # fmt: skip
        for hop_name, more in ports.items():
            words = "listen on %s as well, for hop %s: every port multiplies what dials it" % (
                ", ".join(portsets.texts(portsets.port_set(more))),
                hop_name,
            )
            changes.append({"what": "listeners", "words": words, "without": (choice, settings)})
        if config:
            config = dict({"name": SET}, **config)
        return config, changes

    def _addresses(
        self, host: Host, interface: str, number: int, choice: Choice, settings: dict[str, int], config: dict[str, Any]
    ) -> dict[str, Any]:
        drawn = self.places.draw(host, interface, number)
        if len(drawn) < number:
            self.cannot.append(
                "%s: %d more addresses are wanted on %s, and its network or front_tier_address_pool has %d left. Name more in the pool."
                % (host.name, number, interface, len(drawn))
            )
        self.drawn.setdefault(host.name, []).extend(one.host for one in drawn)
        config.setdefault("secondary_interfaces", []).append(
            {
                "interface": interface,
                "addresses": self._kept(host, interface) + ranges(drawn),
                **{option: host.variables[name] for name, option in ADDRESS_OPTIONS.items() if name in host.variables},
            }
        )
        sides = [hop for hop in self.planner.dialled(host) if self.planner.sides[hop.name, host.name].interface == interface]
        hop = max(sides, key=lambda one: self.planner.share(one, one.dialling, self.counts))
        pairs, ports = self.ports_of(hop, host, choice, self.counts)
        share, line = self.planner.share(hop, hop.dialling, self.counts), self.planner.line(hop, host, ports)
        listeners = self.planner.listeners(hop, self.counts)
        words = "%d more address%s on %s (%s): %d sources x %d listener%s x %s ports = %s" % (
            number, "" if number == 1 else "es", interface, ", ".join(ranges(drawn)), choice.sources[interface],
            listeners, "" if listeners == 1 else "s", grouped(ports), grouped(pairs * ports),
        )  # fmt: skip
        words += ", of which its lines carry %s each, %s" % (grouped(line), grouped(pairs * line)) if line < ports else ""
        words += "; its share of %s needs %s" % (grouped(share), grouped(self.spare.over(share)))
        fewer = dict(choice.sources, **{interface: choice.sources[interface] - number})
        return {"what": "secondary_interfaces %s" % interface, "words": words, "without": (choice._replace(sources=fewer), settings)}

    def _kept(self, host: Host, interface: str) -> list[str]:
        """Return the further addresses that a host dials from on an interface, as an earlier plan gives them: without a network.

        A set is authoritative, so they are named again. Their place among the others says nothing: of IPv6 the newest comes first.
        """
        rows = {place.address.host: place.address for place in self.places.rows[host.name] if place.interface == interface}
        found = [rows[one] for one in self.places.sources(host, interface)]
        return [one.cidr for one in found if one.prefix == WIDTH[one.family]]

    @staticmethod
    def _ours(host: Host) -> dict[str, Any]:
        """Return the sysctls that an earlier plan set: a set is authoritative, so they are named again."""
        rows = host.snapshot.get("limits") or []
        names = (CONNTRACK, *GC.values(), "fs.file-max")
        return {row["name"]: row["value"] for row in rows
                if row["name"] in names and OURS.match(str((row.get("boot") or {}).get("source")))}  # fmt: skip

    def _files(self, machine: Machine, load: Load) -> str:
        parts = "%s accepted + %s dialled" % (grouped(load.accepted), grouped(load.dialled))
        lanes = " + 2 x %s through lanes" % grouped(load.lanes) if load.lanes else ""
        full = machine.fullest(load.files)
        most = ", up to %s of them in one of %d processes" % (grouped(full), len(machine.processes)) if full < load.files else ""
        return "%s%s = %s descriptors%s, / %s, and its own" % (parts, lanes, grouped(load.files), most, _share(self.spare.part))

    def _setting(self, host: Host, name: str, value: int, load: Load) -> str:
        now = self.planner.machines[host.name].limits.number(name)
        shown = "%s %s -> %s" % (name, grouped(now) if now is not None else "?", grouped(value))
        if name == CONNTRACK:
            return "%s (%s entries: both legs of a connection are counted)" % (shown, grouped(load.accepted + load.dialled))
        for family in (one for one in GC if GC[one] == name):
            return "%s (%s entries: each address that the other side gets is one here)" % (shown, grouped(self.crowd(host, family)[0]))
        return "%s (%s descriptors)" % (shown, grouped(load.files))

    def variables(self, host: Host) -> dict[str, Any]:
        """Return the variables that the roles of this host read."""
        load = self.planner.load(host, self.counts)
        found: dict[str, Any] = {"front_tier_connections": load.accepted or load.dialled}
        sources: dict[str, None] = {}
        upstreams: list[str] = []
        dialled = self.planner.dialled(host)
        for hop in dialled:
            side = self.planner.sides[hop.name, host.name]
            if not hop.transparent:
                sources.update(dict.fromkeys(side.sources))
            every = self._upstreams(hop)
            mine = host.variables.get("front_tier_upstreams") or [] if hop.transparent else []
            # of several transparent balancers each dials addresses of its own, whose answers return through it
            upstreams += [one for one in every if one in mine] or every
        if dialled:
            ports = self.planner.ports(dialled[0], host, self.choices[host.name].wide)
            found["front_tier_upstreams"] = upstreams
            found["front_tier_usable_ports"] = ports
            if any(self.planner.capped(hop, host) for hop in dialled):
                found["front_tier_line_maxconn"] = of_line(ports)
            if sources:
                # in the order of their numbers, which stays the same once the new ones are there
                found["front_tier_sources"] = sorted([*sources, *self.drawn.get(host.name, [])], key=lambda one: parse_address(one)[:2])
        receiving = [hop for tier in self.planner.tiers_of[host.name] for hop in self.planner.into[tier]]
        if receiving:
            ports_in = {port for hop in receiving for _address, port in hop.listeners}
            for hop in receiving:
                ports_in.update(self.planner.places.more_ports(hop, self.counts.ports.get(hop.name, 0)))
            found["front_tier_listeners"] = sorted(ports_in)
        return found

    def _upstreams(self, hop: Hop) -> list[str]:
        """Return the listeners of a hop as they are dialled; the same list for every host."""
        if hop.name not in self.texts:
            more = self.counts.ports.get(hop.name, 0)
            rows = [one for host in self.fleet.tiers[hop.receiving] for one in self.places.listeners(hop, host, more)]
            self.texts[hop.name] = [text(*one) for one in rows or hop.listeners]
        return self.texts[hop.name]


def _share(part: Any) -> str:
    return "%g" % float(part)
