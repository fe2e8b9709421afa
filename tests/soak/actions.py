# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the soak does: random actions, legal by themselves, each a function of the seed and its number alone."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

SETS = ("front-tier", "edge", "web")
# Values that each sysctl may get, by the set that has it for itself; those of SHARED all sets want, and may not agree on.
OWN: dict[str, dict[str, list[Any]]] = {
    "front-tier": {
        "net.core.somaxconn": [128, 1024, 65535],
        "net.ipv4.tcp_max_syn_backlog": [256, 4096, 65535],
        "net.ipv4.tcp_synack_retries": [2, 3],
    },
    "edge": {
        "net.ipv4.tcp_fin_timeout": [10, 20, 59],
        "net.ipv4.tcp_keepalive_time": [60, 600],
        "net.ipv4.tcp_rmem": ["4096 65536 4194304", [4096, 87380, 6291456]],
        "net.ipv4.conf.eth1.rp_filter": [1, 2],
    },
    "web": {
        "net.ipv4.ip_forward": [1],
        "net.ipv6.conf.all.forwarding": [1],
        "net.ipv4.tcp_syn_retries": [2, 4],
        "net.ipv4.tcp_timestamps": [0, 2],
    },
}
SHARED: dict[str, list[Any]] = {
    "net.ipv4.tcp_tw_reuse": [0, 1],
    "net.ipv4.ip_nonlocal_bind": [1, True],
    "net.ipv4.tcp_keepalive_probes": [3, 5],
}
UNITS = {"front-tier": ["nginx", "haproxy.service"], "edge": ["origin"], "web": ["varnish", "holder@"]}
USERS = {"front-tier": ["app"], "edge": ["www-data", "@adm"], "web": ["1000:1009"]}
SITE = {  # what is there before anything of ours, and what of it decides later than a file of ours
    "/etc/sysctl.d/95-site.conf": "net.ipv4.tcp_synack_retries = 4\n",
    "/etc/systemd/system/varnish.service.d/override.conf": "[Service]\nLimitNOFILE=4000\n",
    "/etc/systemd/system/holder@.service": "[Service]\nExecStart=/bin/sleep 86400\n",
}
OVERRIDDEN = {"sysctl net.ipv4.tcp_synack_retries": "4", "unit varnish.service": "4000:4000"}
TIER = ("scale", "revert", "prove")  # what is done to all nodes at once, by its playbook
KINDS = {"change": 38, "absent": 12, "killed": 20, "restart": 6, "crash": 3, "power": 8, "scale": 4, "revert": 4, "prove": 5}
MOST_EVENTS = 50  # a change with everything in it has about as many; one that has fewer ends before it is stopped


class Action(NamedTuple):
    """One action. node: None for all; options: those of host_config, or the variables of a playbook.

    stop: before which writing call the change is stopped; again: the same for the run that settles it; 0 for not at all.
    twice: the change is shown first and made once more afterwards.
    """

    kind: str
    node: str | None
    options: dict[str, Any] = {}
    stop: int = 0
    again: int = 0
    twice: bool = False


def draw(seed: int, number: int, nodes: list[str]) -> Action:
    """Return the action with a number. The same for the same seed, whatever came before."""
    pick = random.Random("%d.%d" % (seed, number))
    kind = pick.choices(list(KINDS), list(KINDS.values()))[0]
    if kind in TIER:
        return Action(kind, None, {"scale": _scale, "revert": _revert, "prove": _prove}[kind](pick, nodes))
    node = pick.choice(nodes)
    if kind in ("restart", "crash"):
        return Action(kind, node)
    options = _absent(pick) if kind == "absent" or kind != "change" and pick.random() < 0.25 else _change(pick, node)
    if kind in ("change", "absent"):
        return Action(kind, node, options, twice=pick.random() < 0.3)
    again = pick.randint(1, 20) if pick.random() < 0.3 else 0
    return Action(kind, node, options, 1 + int(MOST_EVENTS * pick.random() ** 2), again)


def _change(pick: random.Random, node: str) -> dict[str, Any]:
    name = pick.choice(SETS)
    drawn = {
        "kernel_settings": lambda: {"settings": settings(pick, name)},
        "port_range": lambda: port_range(pick),
        "fd_limits": lambda: fd_limits(pick, name),
        "secondary_interfaces": lambda: interfaces(pick, name, node),
    }
    possible = [one for one in drawn if one != "port_range" or name == "front-tier"]
    sections = pick.sample(possible, pick.choices(range(1, len(possible) + 1), [4, 3, 2, 1][: len(possible)])[0])
    options = {section: drawn[section]() for section in sorted(sections)}
    how = pick.choices(["both", "live", "persist"], [8, 1, 1])[0]
    if how != "both":
        options.update(live=how == "live", persist=how == "persist")
    return {"name": name, "on_override": pick.choices(["fail", "warn", "outrank"], [5, 1, 4])[0], **options}


def _absent(pick: random.Random) -> dict[str, Any]:
    sections = ("kernel_settings", "port_range", "fd_limits", "secondary_interfaces")
    some = pick.sample(sections, pick.randint(1, 2)) if pick.random() < 0.4 else []
    return {"name": pick.choice(SETS), "state": "absent", **{one: [] if one == "secondary_interfaces" else {} for one in sorted(some)}}


def settings(pick: random.Random, name: str) -> dict[str, Any]:
    """Return some sysctls that a set may want, in one of their spellings; none at times, which gives all of them back."""
    pool = {**OWN[name], **SHARED}
    found = {}
    for key in pick.sample(sorted(pool), pick.choices(range(len(pool) + 1), [1, *([3] * len(pool))])[0]):
        found[key if pick.random() < 0.7 else key.replace(".", "/")] = pick.choice(pool[key])
    return found


def port_range(pick: random.Random) -> dict[str, Any]:
    """Return a range, from the narrowest to all that is left, and what is reserved of it: auto, a list, or a list with half of it."""
    kind = pick.choices(["few", "some", "many"], [2, 6, 2])[0]
    if kind == "many":
        low, high = pick.randint(1024, 20000), pick.randint(40000, 65535)
    else:
        low = pick.choice([pick.randint(21100, 64000), pick.randint(19900, 20100), 65535 - 40])
        high = min(65535, low + (pick.randint(3, 39) if kind == "few" else pick.randint(40, 700)))
    reserve: Any = "auto"
    if pick.random() < 0.5:
        reserve = [pick.choice([22, "443-445", 8080, "20990-20991"]) for _nth in range(pick.randint(0, 2))]
        if pick.random() < 0.6:
            first = pick.randint(low, high - 1)
            reserve.append("%d-%d" % (first, min(high, first + (high - low) // 3)))
        if pick.random() < 0.5 and low <= 20080 <= high:
            reserve.append(20080)  # where nginx listens
        reserve = list(dict.fromkeys(reserve))
    return {"low": low, "high": high, "reserve": reserve}


def fd_limits(pick: random.Random, name: str) -> dict[str, Any]:
    """Return descriptor limits for units, users and the default, as a number or as two."""
    soft, hard = sorted((pick.randint(1024, 16000), pick.randint(4096, 20000)))
    units, users = ([one for one in pool[name] if pick.random() < 0.6] for pool in (UNITS, USERS))
    nofile: Any = {"soft": soft, "hard": hard} if pick.random() < 0.6 else hard
    return {"nofile": nofile, "units": units, "users": users, "default": name == "web" and pick.random() < 0.2}


def interfaces(pick: random.Random, name: str, node: str) -> list[dict[str, Any]]:
    """Return addresses of both families, some of them ones that another set has too, local routes, and for one set a macvlan."""
    block, number = block_of(node, name), int(node[-1])
    first = pick.randint(0, 6)
    pool = [
        "198.18.112.%d-198.18.112.%d" % (block + first, block + first + pick.randint(1, 3)),
        "198.18.112.%d%s" % (block + 11, "/24" if name == "front-tier" else ""),
        "fd00:198::%d:%d" % (number, 10 * SETS.index(name) + pick.randint(1, 9)),
        "198.18.112.%d" % (200 + number * 10 + pick.randint(0, 3)),  # all sets have these
    ]
    given = list(dict.fromkeys(one for one in pool if pick.random() < 0.5))
    found = [{"interface": "eth1", "addresses": given, "duplicate_check": pick.random() < 0.7}]
    if pick.random() < 0.3:
        found.append(
            {"interface": "eth1", "kind": "local_route", "addresses": ["198.19.%d.%d/28" % (SETS.index(name), 16 * pick.randint(0, 9))]}
        )
    if name == "web" and pick.random() < 0.4:
        found.append({"interface": "eth1", "kind": "macvlan", "addresses": ["198.18.112.%d" % (240 + number * 2 + pick.randint(0, 1))]})
    return found


def block_of(node: str, name: str) -> int:
    """Return the first of the last octets that a set has for itself on a node."""
    return 20 + 50 * (int(node[-1]) - 1) + 14 * SETS.index(name)


def _scale(pick: random.Random, nodes: list[str]) -> dict[str, Any]:
    few = pick.sample(range(7), pick.randint(0, 3))
    low, hard = pick.choice([10240, 20000, 30000]), pick.randint(12000, 20000)
    return {
        "front_tier_connections": pick.choice([1000, 2000]),
        "front_tier_service": "nginx.service",
        "front_tier_nofile": pick.choice([hard, {"soft": 9000, "hard": hard}]),
        "front_tier_port_low": low,
        "front_tier_port_high": pick.choice([low + 799, low + 800, 65535]),
        "front_tier_backlog": pick.choice([512, 65535]),
        "front_tier_interface": "eth1",
        "soak_addresses": {node: ["198.18.112.%d" % (block_of(node, "front-tier") + one) for one in few] for node in nodes},
        "front_tier_addresses": "{{ soak_addresses[inventory_hostname] }}",
        "front_tier_serial": pick.choice([[1, 2], ["100%"]]),
    }


def _revert(pick: random.Random, _nodes: list[str]) -> dict[str, Any]:
    return {"front_tier_sets": pick.sample(SETS, pick.randint(1, len(SETS)))}


def _prove(pick: random.Random, _nodes: list[str]) -> dict[str, Any]:
    return {
        "front_tier_proof_connections": pick.randint(1, 300),
        "listeners": pick.randint(1, 2),
        "dialer": pick.choice(["haproxy", "nginx"]),
    }
