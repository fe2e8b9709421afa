# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random fleets to plan, as hosts by their variables with a snapshot each; and the judge of a plan, who knows only the model.

The judge applies a plan to the snapshots and asks `path_capacity` and `descriptors` what the hosts hold then. He shares no
arithmetic with the planner: only the reading of a host_config.
"""

from __future__ import annotations

import copy
import ipaddress
import math
import random
from fractions import Fraction
from typing import Any, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import descriptors, path_capacity, workers
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.applied import applied

CONNTRACK, GC = "net.netfilter.nf_conntrack_max", "net.ipv4.neigh.default.gc_thresh3"
SERVICES = {"haproxy": "haproxy.service", "nginx": "nginx.service", "varnish": "varnish.service", None: "app.service"}


def snapshot(
    addresses: dict[str, list[str]],
    program: str | None = None,
    listening: tuple[int, ...] = (),
    ports: tuple[int, int] = (32768, 60999),
    reserved: tuple[str, ...] = (),
    nofile: int = 1024,
    processes: int = 1,
    available: int = 64 * 10**9,
    conntrack: int | None = None,
    outside: tuple[str, ...] = (),
    gc: int = 1024,
) -> dict[str, Any]:
    """Return a snapshot in the shape of docs/snapshot.md. addresses: {interface: [CIDR]}; outside: what belongs to a container's machine."""
    service = SERVICES[program]
    limits = {
        "net.ipv4.ip_local_port_range": list(ports),
        "net.ipv4.ip_local_reserved_ports": list(reserved),
        "fs.file-max": 9223372036854775807,
        "fs.nr_open": 1048576,
        CONNTRACK: conntrack or 262144,
        GC: gc,
    }
    return {
        "host": {"system": "Linux", "kernel": "6.1.0", "hostname": "h"},
        "limits": [
            {
                "name": name,
                "scope": "outside" if name in outside else "kernel",
                "unit": None,
                "value": value,
                "used": 1000 if name == "fs.file-max" else None,
                "source": "/proc/sys",
                "boot": {"value": value, "source": None, "applies": "boot"},
            }
            for name, value in limits.items()
        ],
        "sockets": {"tcp": {"established": 3}, "flows": [], "bound": [], "sampled": False},
        "listeners": [{"address": "0.0.0.0", "port": port, "family": "inet", "service": service, "connections": 0} for port in listening],
        "services": [
            {
                "name": service,
                "program": program or "app",
                "main_pid": 1,
                "processes": [
                    {"pid": 2 + index, "nofile": {"soft": nofile, "hard": 524288}, "files_open": 20, "connections": 2} for index in range(processes)
                ],
            }
        ],
        "addresses": [
            {"interface": interface, "address": address, "family": "inet", "local_route": False}
            for interface, rows in addresses.items()
            for address in rows
        ],
        "memory": {"total": available, "available": available, "tcp_pages": 1},
        "conntrack": {"active": conntrack is not None, "entries": 3},
        "neighbours": {"inet": 4, "inet6": 0},
    }


def fleet(seed: int) -> dict[str, Any]:
    """Return {hosts, hops, connections, headroom, prefer}: one random fleet, the same for the same seed."""
    pick = random.Random(seed)
    depth = pick.randrange(2, 5)
    names = ["tier%d" % index for index in range(depth)]
    programs = [pick.choice(["haproxy", "haproxy", "nginx", "varnish", None]) for _dummy in names]
    ports = [sorted(pick.sample([80, 81, 82, 443, 8080, 40000], pick.randrange(1, 3))) for _dummy in names]
    prefixes = [pick.choice([24, 24, 26]) for _dummy in range(depth + 1)]
    hosts: dict[str, Any] = {}
    for index, name in enumerate(names):
        narrow = pick.choice([None, None, 63000, 65000])
        container = pick.random() < 0.15
        width = pick.choice([100, 101, 500, 28232])
        low = pick.choice([32768, 33000]) if width == 28232 else pick.randrange(20000, 60000)
        count = pick.randrange(1, 6)
        reloads = pick.choice([0, 0, 1, 2])
        for number in range(count):
            front = ["10.%d.0.%d/%d" % (index, 20 + number, prefixes[index])]
            back = ["10.%d.0.%d/%d" % (index + 1, 2 + number, prefixes[index + 1])]
            if pick.random() < 0.2:
                back.append("10.%d.0.%d/%d" % (index + 1, 10 + number, prefixes[index + 1]))
            hosts["%s-%d" % (name, number)] = {
                "group_names": [name],
                "front_tier_service": SERVICES[programs[index]],
                "front_tier_reloads": reloads,
                "front_tier_audit": snapshot(
                    {"eth0": front, "eth1": back},
                    programs[index],
                    tuple(ports[index]),
                    (low, min(65535, low + width - 1)),
                    ("%d-%d" % (low + 3, low + 9),) if pick.random() < 0.3 else (),
                    pick.choice([1024, 4096, 65536, 524288]),
                    pick.choice([1, 1, 2, 4]),
                    pick.choice([2, 16, 64, 256]) * 10**9,
                    pick.choice([None, 65536, 262144]),
                    ("fs.nr_open", "fs.file-max", CONNTRACK, GC) if container else (),
                    pick.choice([16, 128, 1024]),
                ),
            }
            if narrow:
                hosts["%s-%d" % (name, number)]["front_tier_port_low"] = narrow
            if programs[index] == "nginx" and pick.random() < 0.4:
                hosts["%s-%d" % (name, number)]["front_tier_nginx_method"] = "hash"
    hops: list[dict[str, Any]] = [
        {"name": "hop0", "from": "internet", "to": names[0], "listeners": ports[0], "clients": pick.choice([1, 50, 10000])}
    ]
    for index, (one, other) in enumerate(zip(names, names[1:])):
        hop: dict[str, Any] = {"name": "hop%d" % (index + 1), "from": one, "to": other, "listeners": ports[index + 1]}
        kind = pick.random()
        if kind < 0.2 and programs[index] in ("haproxy", "nginx"):
            hop["transparent"] = True
        elif kind < 0.4:
            hop["pooled_per_host"] = pick.choice([10, 200, 5000])
        hops.append(hop)
    return {
        "hosts": hosts,
        "hops": hops,
        "connections": pick.choice([500, 5000, 60000, 400000]),
        "headroom": pick.choice([0, 0.02, 0.1, 0.2, 0.3]),
        "prefer": pick.choice(["addresses", "addresses", "hosts"]),
    }


class Judge:
    """Holds a plan against the model: `Judge(case, plan).reaches()`."""

    def __init__(self, case: dict[str, Any], plan: dict[str, Any]) -> None:
        self.case, self.plan = case, plan
        self.spare = 1 - Fraction(str(case["headroom"]))
        self.tiers = {
            name: [host for host, row in case["hosts"].items() if name in row["group_names"]]
            for hop in case["hops"]
            for name in (hop["from"], hop["to"])
        }

    def reaches(self, configs: dict[str, Any] | None = None, extra: dict[str, int] | None = None, ports: dict[str, list[int]] | None = None) -> list[str]:
        """Return where what is wanted is not reached, in words; empty where the plan does what it says."""
        configs = configs if configs is not None else {name: row["host_config"] for name, row in self.plan["hosts"].items()}
        extra = extra if extra is not None else {row["tier"]: row["hosts"] for row in self.plan["missing"]}
        ports = ports if ports is not None else self.ports()
        after = {name: applied(row["front_tier_audit"], configs[name]) for name, row in self.case["hosts"].items()}
        wrong = []
        load = {name: [0, 0, 0] for name in after}
        for hop in self.case["hops"]:
            dialling, receiving = self.tiers[hop["from"]], self.tiers[hop["to"]]
            ours, theirs = len(dialling) + extra.get(hop["from"], 0), len(receiving) + extra.get(hop["to"], 0)
            wanted = hop["pooled_per_host"] * ours if "pooled_per_host" in hop else self.case["connections"]
            targets = self.listeners(hop, after, configs, extra.get(hop["to"], 0))
            for name in receiving:
                load[name][0] += math.ceil(wanted / theirs)
            if not dialling:
                if wanted > math.floor(hop["clients"] * len(targets) * len(ports[hop["name"]]) * 28232 * self.spare):
                    wrong.append("%s: clients" % hop["name"])
            for name in dialling:
                each = math.ceil(wanted / ours)
                lanes = "nginx" in self.case["hosts"][name]["front_tier_service"] and "front_tier_nginx_method" not in self.case["hosts"][name]
                lanes = lanes and not hop.get("transparent") and len(self.sources(after[name])) > 1
                load[name][1] += each
                load[name][2] += each if lanes else 0
                if each > self.expected(hop, name, after[name], configs[name], targets, ports[hop["name"]], ours):
                    wrong.append("%s: ports of %s" % (hop["name"], name))
        for name, snap in after.items():
            wrong += ["%s: %s" % (name, what) for what in self.short(self.case["hosts"][name], snap, *load[name])]
            entries = 4 + sum(
                self.more(other, configs, name) + (self.whole(other, configs, name) * extra.get(tier, 0) if other == self.tiers[tier][0] else 0)
                for hop in self.case["hops"]
                if name in self.tiers[hop["to"]]
                for tier in [hop["from"]]
                for other in self.tiers[tier]
            )
            if entries > 4 and entries > math.floor((Limits(snap).number(GC) or 0) * self.spare):
                wrong.append("%s: neighbours" % name)
        return wrong

    def ports(self) -> dict[str, list[int]]:
        """Return {hop: ports that its receiving tier listens on}."""
        return {hop["name"]: self.plan["hosts"][self.tiers[hop["to"]][0]]["variables"]["front_tier_listeners"] for hop in self.case["hops"]}

    def listeners(self, hop: dict[str, Any], after: dict[str, Any], configs: dict[str, Any], extra: int) -> list[str]:
        """Return the addresses that a hop dials: those of the first interface, once for clients; made-up ones for hosts to come."""
        rows = [self.dialled(after[name]) for name in self.tiers[hop["to"]]]
        rows = rows if self.tiers[hop["from"]] else [row[:1] for row in rows]
        made = [str(ipaddress.ip_address("203.0.0.1") + index) for index in range(extra * len(rows[0]))]
        return [address for row in rows for address in row] + made

    @staticmethod
    def dialled(snap: dict[str, Any]) -> list[str]:
        return [row["address"].partition("/")[0] for row in snap["addresses"] if row["interface"] == "eth0"]

    @staticmethod
    def sources(snap: dict[str, Any]) -> list[str]:
        return [row["address"].partition("/")[0] for row in snap["addresses"] if row["interface"] == "eth1"]

    def more(self, name: str, configs: dict[str, Any], towards: str) -> int:
        before = self.case["hosts"][name]["front_tier_audit"]
        return len(self.sources(applied(before, configs[name]))) - len(self.sources(before))

    def whole(self, name: str, configs: dict[str, Any], towards: str) -> int:
        return len(self.sources(applied(self.case["hosts"][name]["front_tier_audit"], configs[name])))

    def expected(
        self, hop: dict[str, Any], name: str, snap: dict[str, Any], config: dict[str, Any], targets: list[str], ports: list[int], number: int
    ) -> int:
        """Return how many connections may be expected of a host on a hop, by the model's own capacity of its path."""
        row = self.case["hosts"][name]
        program = row["front_tier_service"].partition(".")[0]
        sources = self.sources(snap)
        if hop.get("transparent"):
            clients = max(1, self.case["hops"][0]["clients"] // number if hop["name"] == "hop1" else 1)
            sources = [str(ipaddress.ip_address("198.18.0.1") + index) for index in range(min(clients, 50))]
            times = Fraction(clients, len(sources))
        else:
            times = Fraction(1)
        path = {"sources": sources, "destinations": targets, "ports": ports, "bind": "none" if program == "varnish" else "no_port"}
        # the listeners of this host's own tier block their ports, whether anything listens there by now or not
        own = [other for other in self.case["hops"] if name in self.tiers[other["to"]]]
        listening = [{"address": "0.0.0.0", "port": port, "service": None} for other in own for port in other["listeners"]]
        seen = path_capacity(dict(snap, listeners=snap["listeners"] + listening), parse_path("path", path))
        held = next(one["connections"] for one in seen["bounds"] if one["name"] == "ports") * times
        most = math.floor(held * self.spare)
        pairs = seen["pairs"] * times
        # a line takes so much of its ports, and its workers share that: the one now, and those that reloads leave
        share = None if hop.get("transparent") else {"haproxy": 95, "nginx": 90 if "front_tier_nginx_method" in row else 95}.get(program)
        return most if share is None else min(most, math.floor(pairs * (held / pairs * share // 100 // (1 + row["front_tier_reloads"]))))

    def short(self, row: dict[str, Any], snap: dict[str, Any], accepted: int, dialled: int, lanes: int) -> Iterator[str]:
        """Yield the limits of a host that are too small for a load."""
        program = snap["services"][0]["program"]
        each = [descriptors([one]) for one in workers(snap["services"][0])]  # the limit is that of a process, and one may be fuller than others
        files = accepted + dialled + 2 * lanes
        files = min(files, math.ceil(files * 1.5 / len(each))) if program != "haproxy" else files
        if any(one and files > math.floor(one[0] * self.spare) for one in each):
            yield "nofile"
        relayed = min(accepted, dialled) if program in memory.PROGRAMS else 0
        track = snap["conntrack"]["active"]
        cost = relayed * memory.for_dialled(program, track) + (accepted - relayed) * memory.for_accepted(program, track)
        cost += (dialled - relayed) * memory.for_dialled(None, track)
        cost += lanes * memory.PROGRAMS["nginx"].relayed
        if program == "haproxy":  # the tables of old workers
            cost += 64 * row["front_tier_reloads"] * workers(snap["services"][0])[0]["nofile"]["soft"]
        if cost > math.floor((snap["memory"]["available"] + 3 * memory.ACCEPTED_END) * self.spare):
            yield "memory"
        if snap["conntrack"]["active"] and accepted + dialled > math.floor((Limits(snap).number(CONNTRACK) or 0) * self.spare):
            yield "conntrack"

    def fewer(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (what is left out, arguments of reaches()) for each option, address, further port and host of the plan."""
        configs = {name: row["host_config"] for name, row in self.plan["hosts"].items()}
        for name, config in configs.items():
            for section in ("fd_limits", "port_range"):
                if section in config:
                    yield "%s of %s" % (section, name), {"configs": dict(configs, **{name: _without(config, section)})}
            for setting in (config.get("kernel_settings") or {}).get("settings") or {}:
                less = copy.deepcopy(config)
                del less["kernel_settings"]["settings"][setting]
                yield "%s of %s" % (setting, name), {"configs": dict(configs, **{name: less})}
            for place, section in enumerate(config.get("secondary_interfaces") or []):
                new = self.new(name, config)
                for address in new[:3]:
                    less = copy.deepcopy(config)
                    less["secondary_interfaces"][place]["addresses"] = [one for one in new if one != address]
                    yield "%s of %s" % (address, name), {"configs": dict(configs, **{name: less})}
        for hop in self.case["hops"]:
            ports = self.ports()
            more = [port for port in ports[hop["name"]] if port not in hop["listeners"]]
            if more:
                yield "port %d of %s" % (more[-1], hop["to"]), {
                    "ports": dict(ports, **{hop["name"]: [port for port in ports[hop["name"]] if port != more[-1]]})
                }
        extra = {row["tier"]: row["hosts"] for row in self.plan["missing"]}
        for tier, number in extra.items():
            yield "a host of %s" % tier, {"extra": dict(extra, **{tier: number - 1})}

    def new(self, name: str, config: dict[str, Any]) -> list[str]:
        """Return the addresses that a host_config adds."""
        before = self.case["hosts"][name]["front_tier_audit"]
        have = set(self.sources(before))
        return [one for one in self.sources(applied(before, config)) if one not in have]


def _without(config: dict[str, Any], section: str) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != section}


def example() -> dict[str, Any]:
    """Return the inventory of docs/plan.md: a million connections over proxies, origins and a database, by host."""
    hops = [
        {"name": "public", "from": "internet", "to": "proxies", "listeners": [443], "clients": 250000},
        {"name": "cache", "from": "proxies", "to": "origins", "listeners": [80], "dialer": "haproxy"},
        {"name": "db", "from": "origins", "to": "databases", "listeners": [5432], "pooled_per_host": 200},
    ]
    fleet_wide = {"front_tier_hops": hops, "front_tier_connections": 1000000, "front_tier_headroom": 0.2}
    hosts: dict[str, Any] = {}

    def tier(name: str, number: int, group: str, networks: list[tuple[str, str]], **more: Any) -> None:
        for index in range(number):
            addresses = {interface: [network % (more["first"] + index)] for interface, network in networks}
            given = {key: value for key, value in more.items() if key != "first"}
            hosts["%s%d" % (name, index + 1)] = dict(fleet_wide, group_names=[group], front_tier_audit=snapshot(addresses, **given))

    outer, inner, data = ("eth0", "192.0.2.%d/24"), ("eth1", "10.0.1.%d/24"), ("eth0", "10.0.2.%d/24")
    tier("proxy", 4, "proxies", [outer, inner], first=10, program="haproxy", listening=(443,), nofile=524288, conntrack=262144)
    tier("origin", 4, "origins", [("eth0", "10.0.1.%d/24"), ("eth1", data[1])], first=50, program="nginx", listening=(80,), nofile=65536, processes=4)
    tier("db", 1, "databases", [data], first=90, program=None, listening=(5432,), nofile=524288)
    return hosts


def many(number: int) -> dict[str, Any]:
    """Return the inventory of docs/plan.md with so many hosts, each audit as large as one of a busy host."""
    hosts: dict[str, Any] = {}
    rows = example()
    for index in range(number):
        name = ("proxy1", "origin1", "db1")[(index % 10 >= 5) + (index % 10 == 9)]
        host = copy.deepcopy(rows[name])
        fact = host["front_tier_audit"]
        for row in fact["addresses"]:
            head, _dot, _last = row["address"].partition("/")[0].rpartition(".")
            row["address"] = "%s.%d.%d/16" % (head.rpartition(".")[0], index // 200 + 10, index % 200 + 2)
        fact["listeners"] += [{"address": "127.0.0.1", "port": 20000 + port, "family": "inet", "service": None} for port in range(100)]
        fact["sockets"]["flows"] = [
            {"source": "10.0.1.2", "destination": "10.9.0.%d" % peer, "port": 80, "connections": 9, "time_wait": 1, "ports": ["40000-40009"]}
            for peer in range(100)
        ]
        hosts["host%d" % index] = host
    return hosts
