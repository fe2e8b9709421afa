# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of a whole tier: the fleet of examples/fleet with four balancers and four proxies, scaled by the playbook, then filled.

A process may open 20,000 files here, so a HAProxy carries 8,800 connections at most: four of them stand side by side in each tier.
An address has 2,200 ports in place of the demo's 40. Containers with the real HAProxy, nginx and Varnish; connection_probe is the clients.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples/fleet"))

import demo  # noqa: E402  (a script of the example, not of a package)

OUT = ROOT / ".build/tier"
EACH = 4  # balancers, and proxies
PORTS = 2200
WANTED = 28160  # with the headroom of 20 %, 8,800 on each balancer
BLOCKS = (20, 120, 130, 140)  # what the addresses begin with that each balancer dials on the proxies


def inventory(folder: Path) -> None:
    """Write what the larger fleet has beside the demo's inventory, or in place of it. Ansible reads JSON as YAML."""
    numbers = range(1, EACH + 1)
    balancers = {
        f"balancer{number}": {
            "front": f"198.19.1.{10 + number}",
            "edge": f"198.19.2.{10 + number}",
            "front_tier_upstreams": [f"198.19.2.{BLOCKS[number - 1] + proxy}:80" for proxy in numbers],
            "testbed_addresses": {"front": "{{ front }}", "edge": "{{ edge }}"},
        }
        for number in numbers
    }
    proxies = {
        f"proxy{number}": {
            "back": f"198.19.3.{20 + number}",
            "edge": [f"198.19.2.{block + number}" for block in BLOCKS],
            "testbed_addresses": {"edge": "{{ edge[0] }}", "back": "{{ back }}"},
        }
        for number in numbers
    }
    tiers = {"front_tier": {"children": {"balancers": {"hosts": balancers}, "proxies": {"hosts": proxies}}}}
    hops = [
        {"name": "public", "from": "internet", "to": "balancers", "listeners": "{{ public_ports }}",
         "external": {"addresses": 2, "ports_per_address": PORTS}},
        {"name": "edge", "from": "balancers", "to": "proxies", "listeners": [80], "transparent": True, "dialer": "haproxy"},
        {"name": "cache", "from": "proxies", "to": "origins", "listeners": [80], "dialer": "haproxy"},
        {"name": "db", "from": "origins", "to": "databases", "listeners": [5432], "pooled_per_host": 1000},
    ]  # fmt: skip
    every = {
        "front_tier_hops": hops,
        "front_tier_connections": WANTED,
        "front_tier_serial": [1, "100%"],
        "front_tier_port_low": 40000,
        "front_tier_port_high": 40000 + PORTS - 1,
    }
    routes = [{"address": "{{ edge[%d] }}" % index, "gateway": balancer["edge"]} for index, balancer in enumerate(balancers.values())]
    dialled = [balancer["front"] for balancer in balancers.values()]
    paths = [{"sources": ["{{ front }}"], "destinations": dialled, "ports": "{{ public_ports }}", "bind": "no_port"}]
    files = {
        "hosts.yml": {**tiers, "nodes": {"hosts": dict.fromkeys([*balancers, *proxies])}},
        "group_vars/all.yml": every,
        "group_vars/proxies.yml": {"front_tier_balancers": routes},
        "group_vars/clients.yml": {"front_tier_paths": paths},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=1))


def measure() -> dict[str, Any]:
    """Make, scale and fill the larger fleet; return its hops (predicted, held, binding), and who the origins and proxies see."""
    with tempfile.TemporaryDirectory() as name, demo.alone():
        inventory(Path(name))
        fleet = demo.Fleet(OUT, Path(name))
        demo.need_machine()
        fleet.begin()
        try:
            demo.make(fleet)
            demo.audit(fleet)
            ports = demo.scale(fleet)
            audits = demo.audit(fleet, public_ports=ports)
            seen = demo.fill(fleet, "after.json", public_ports=ports)
            hops = demo.hops_of(fleet.tiers(), demo.plan(fleet, public_ports=ports), seen)
        finally:
            demo.remove(fleet)
    found = {"hops": hops, **demo.who(fleet.tiers(), audits, seen), "dialled": seen["dialled"]}
    return {**found, "faults": demo.faults(found)}


def table(found: dict[str, Any]) -> list[str]:
    """Return lines of Markdown."""
    lines = ["| hop | predicted | held | bound by |", "|---|---|---|---|"]
    lines += ["| %(name)s: %(from)s → %(to)s | %(predicted)d | %(held)d | %(binding)s |" % hop for hop in found["hops"]]
    clients = {address for one in found["origin_sees"].values() for address in one}
    shown = sum(number for address, number in found["proxies_see"].items() if address in clients)
    lines += [
        "",
        "Of the connections that the proxies accept, %d come from the addresses of the two clients, by the proxies' own socket tables; the"
        % shown,
    ]
    lines += [
        "origins hear these addresses by the PROXY protocol. The clients dialled for %.1f s."
        % max(row["seconds"] for row in found["dialled"].values())
    ]
    return lines + ["Not as promised: " + " ".join(found["faults"])] * bool(found["faults"])
