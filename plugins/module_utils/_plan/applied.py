# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot of a host as a `host_config` would leave it: what a plan is computed with, and held against. Pure.

Private to the collection.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS, Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import parse_addresses

RANGE, RESERVED = "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"
CEILING = "fs.nr_open"


def applied(snapshot: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Return the snapshot after the sections of a host_config; what they do not touch is shared, not copied.

    Only what counts for a capacity: sysctls, the range and what is reserved in it, descriptors of units, further addresses.
    """
    changed = dict(snapshot)
    sysctls: dict[str, Any] = dict((config.get("kernel_settings") or {}).get("settings") or {})
    ports = config.get("port_range")
    if ports:
        low, high = portsets.in_range(snapshot)
        wanted = [int(ports.get("low") or low), int(ports.get("high") or high)]
        sysctls[RANGE] = wanted
        reserve = ports.get("reserve", "auto")
        inside = portsets.span(*wanted) & portsets.held_by(snapshot.get("listeners") or [])
        kept = portsets.reserved(snapshot) | inside if reserve == "auto" else portsets.port_set(reserve)
        sysctls[RESERVED] = portsets.texts(kept)
    nofile = config.get("fd_limits")
    if nofile:
        each = nofile["nofile"] if isinstance(nofile["nofile"], dict) else {"soft": nofile["nofile"], "hard": nofile["nofile"]}
        changed["services"] = [
            _raised(service, each) if service["name"] in (nofile.get("units") or []) else service
            for service in snapshot.get("services") or []
        ]
        if (Limits(snapshot).number(CEILING) or each["hard"]) < each["hard"]:
            sysctls.setdefault(CEILING, each["hard"])
    if sysctls:
        changed["limits"] = _set(list(snapshot.get("limits") or []), sysctls)
    rows = list(snapshot.get("addresses") or [])
    have = {str(row["address"]).partition("/")[0] for row in rows if not row.get("local_route")}
    for section in config.get("secondary_interfaces") or []:
        for one in parse_addresses("addresses", section["addresses"]):
            if one.host not in have:
                family = "inet%s" % ("" if ipaddress.ip_address(one.host).version == 4 else "6")
                rows.append({"interface": section["interface"], "address": one.cidr, "family": family, "local_route": False})
    if len(rows) > len(snapshot.get("addresses") or []):
        changed["addresses"] = rows
    return changed


def _set(limits: list[dict[str, Any]], sysctls: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the limits with other values; one that was not read is added."""
    found = [dict(row, value=sysctls[row["name"]]) if row["name"] in sysctls else row for row in limits]
    for name in sorted(set(sysctls) - {row["name"] for row in limits}):
        known = SYSCTLS.get(name)
        scope, unit = (known.scope, known.unit) if known else ("kernel", None)
        found.append({"name": name, "scope": scope, "unit": unit, "value": sysctls[name], "used": None, "source": "plan"})
    return found


def _raised(service: dict[str, Any], nofile: dict[str, Any]) -> dict[str, Any]:
    """Return a service whose processes may open so many files; they never get less than they have."""
    processes = []
    for one in service.get("processes") or []:
        now = one.get("nofile") or {}
        more = {side: max(nofile[side], now[side]) if isinstance(now.get(side), int) else now.get(side, nofile[side]) for side in nofile}
        processes.append(dict(one, nofile=more))
    return dict(service, processes=processes, live={"nofile": dict(nofile)}, boot=dict(service.get("boot") or {}, nofile=dict(nofile)))
