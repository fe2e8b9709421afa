# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `plan`: what each hop and host of a fleet needs for the connections that are wanted, and the cheapest way there."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import Spare
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.fleet import Options
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.hops import Host, PlanError, parse_fleet, share_of
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.told import plan_fleet
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.fact import EXACT
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import mapping, plain

PREFER = ("addresses", "hosts")
# What a plan reads of a snapshot, and of the variables of its host.
SECTIONS = ("host", "limits", "sockets", "listeners", "services", "addresses", "memory", "conntrack", "neighbours", "routes", "cut")
VARIABLES = (
    "front_tier_to",
    "front_tier_upstreams",
    "front_tier_connections",
    "front_tier_service",
    "front_tier_sources",
    "front_tier_addresses",
    "front_tier_interface",
    "front_tier_address_pool",
    "front_tier_transparent_method",
    "front_tier_nginx_method",
    "front_tier_port_low",
    "front_tier_port_high",
    "front_tier_reloads",
)
FLEET = ("front_tier_hops", "front_tier_headroom", "front_tier_prefer")


def _host(name: str, given: Mapping[str, Any]) -> Host:
    """Return a host out of its variables, among them the fact front_tier_audit. Raises ValueError."""
    fact = given.get("front_tier_audit")
    snapshot = {section: fact[section] for section in SECTIONS if section in fact} if isinstance(fact, Mapping) else None
    variables = {key: given[key] for key in VARIABLES if key in given and given[key] is not None}
    return Host(name, plain(snapshot), plain(variables), tuple(plain(list(given.get("group_names") or []))))


def _once(hosts: Mapping[str, Mapping[str, Any]], names: list[str], variable: str) -> Any:
    """Return a variable of the whole fleet, which has one value wherever it is set. Raises AnsibleFilterError."""
    found: list[tuple[str, Any]] = []
    for name in names:
        value = hosts[name].get(variable)
        if value is not None and all(value != other for _name, other in found):
            found.append((name, plain(value)))
    if len(found) > 1:
        raise AnsibleFilterError(
            "plan: %s holds for the whole fleet, but %s and %s have different ones. Write it once, in group_vars/all."
            % (variable, found[0][0], found[1][0])
        )
    return found[0][1] if found else None


def plan(
    value: Any,
    groups: Any = None,
    hosts: Any = None,
    hops: Any = None,
    connections: Any = None,
    headroom: Any = None,
    prefer: str | None = None,
) -> dict[str, Any]:
    """Return {wanted, hops, tiers, hosts, missing, cannot} for hosts that are given by their variables, such as `hostvars`."""
    if not isinstance(value, Mapping):
        raise AnsibleFilterError("plan needs the variables of hosts by name, such as hostvars.")
    names = sorted({str(name) for name in (hosts if hosts is not None else value)})
    unknown = [name for name in names if name not in value]
    if unknown:
        raise AnsibleFilterError("plan: there are no variables of the host %s." % ", ".join(unknown[:10]))
    told = {name: _once(value, names, name) for name in FLEET}
    wish = hops if hops is not None else told["front_tier_hops"]
    if wish and connections is None:
        connections = _once(value, names, "front_tier_connections")
    prefer = prefer or told["front_tier_prefer"] or PREFER[0]
    if prefer not in PREFER:
        raise AnsibleFilterError(
            'plan: front_tier_prefer "%s" is not known: write addresses or hosts, whichever is to come first.' % prefer
        )
    share = headroom if headroom is not None else told["front_tier_headroom"]
    try:
        known = [_host(name, value[name]) for name in names]
        spare = share_of("front_tier_headroom", verdict.HEADROOM if share is None else share)
        fleet = parse_fleet(known, plain(groups) if groups is not None else None, plain(wish), connections)
        found = plan_fleet(fleet, Options(Spare.less(spare), spare, prefer))
    except PlanError as error:
        raise AnsibleFilterError("plan: %s" % error) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise AnsibleFilterError(
            "plan: a snapshot is not whole (%s: %s). Audit the hosts again with c10m.front_tier.audit." % (type(error).__name__, error)
        ) from None
    for host in known:
        cut = [name for name in mapping(mapping(host.snapshot).get("cut")) if name in EXACT]
        if cut and host.name in found["hosts"]:
            found["hosts"][host.name]["note"] = "its fact was bounded in size (%s): the numbers are estimates" % ", ".join(cut)
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"plan": plan}
