# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters `plan`, what each hop and host of a fleet needs and the cheapest way there, and `tier_order`, in which order it changes."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.utils.helpers import pct_to_int
from jinja2.exceptions import UndefinedError

from ansible_collections.c10m.front_tier.plugins.module_utils._model import facts
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import Spare
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.fleet import Options
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.hops import (
    Host,
    PlanError,
    ordered,
    parse_fleet,
    parse_tiers,
    share_of,
    whole,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.told import plan_fleet
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.fact import EXACT
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, mapping, plain

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
    "front_tier_address_backend",
    "front_tier_duplicate_check",
    "front_tier_transparent_method",
    "front_tier_proxy_protocol",
    "front_tier_balancers",
    "front_tier_nginx_method",
    "front_tier_port_low",
    "front_tier_port_high",
    "front_tier_reloads",
    "front_tier_role",
)
FLEET = ("front_tier_hops", "front_tier_headroom", "front_tier_prefer")


def _told(name: str, given: Mapping[str, Any], variable: str) -> Any:
    """Return a variable of a host as plain data, None where it has none. Raises AnsibleFilterError for what cannot be templated."""
    try:
        found = plain(given[variable]) if variable in given else None
        if "{{" not in str(found):
            return found
        why = str(found)  # ansible-core 2.18 leaves it as it was written
    except (AnsibleError, UndefinedError) as error:
        why = str(error)
    if "hostvars" in why:
        why = "it refers to hostvars, which is not there while the variables of other hosts are read"
    raise AnsibleFilterError(
        "plan: %s of %s cannot be worked out: %s. Write the value itself, refer to a variable of group_vars/all, or keep the value as a"
        " fact with ansible.builtin.set_fact first." % (variable, name, why)
    )


def _host(name: str, given: Mapping[str, Any]) -> Host:
    """Return a host out of its variables, among them the fact front_tier_audit. Raises ValueError."""
    fact = given.get("front_tier_audit")
    snapshot = {section: fact[section] for section in SECTIONS if section in fact} if isinstance(fact, Mapping) else None
    variables = {key: value for key, value in ((key, _told(name, given, key)) for key in VARIABLES) if value is not None}
    return Host(name, plain(snapshot), variables, tuple(plain(list(given.get("group_names") or []))))


def _is_whole(snapshot: dict[str, Any]) -> bool:
    """Tell whether the model can compute on a snapshot, for the message: a host that was taken over says whatever it likes."""
    try:
        facts.compute(snapshot)
    except UNFIT:
        return False
    return True


def _once(hosts: Mapping[str, Mapping[str, Any]], names: list[str], variable: str) -> Any:
    """Return a variable of the whole fleet, which has one value wherever it is set. Raises AnsibleFilterError."""
    found: list[tuple[str, Any]] = []
    for name in names:
        value = _told(name, hosts[name], variable)
        if value is not None and all(value != other for _name, other in found):
            found.append((name, value))
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
        raise AnsibleFilterError("plan: there are no variables of the host %s. Name hosts of the inventory." % ", ".join(unknown[:10]))
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
    known: list[Host] = []
    try:
        known += [_host(name, value[name]) for name in names]
        spare = share_of("front_tier_headroom", verdict.HEADROOM if share is None else share)
        fleet = parse_fleet(known, plain(groups) if groups is not None else None, plain(wish), connections)
        found = plan_fleet(fleet, Options(Spare.less(spare), spare, prefer))
    except PlanError as error:
        raise AnsibleFilterError("plan: %s" % error) from None
    except UNFIT as error:
        broken = [host.name for host in known if host.snapshot and not _is_whole(host.snapshot)]
        raise AnsibleFilterError(
            "plan: the snapshot of %s is not whole (%s: %s). Audit it again with c10m.front_tier.audit, or leave it out of "
            "front_tier_target." % (", ".join(broken[:10]) or "a host", type(error).__name__, error)
        ) from None
    for host in known:
        cut = [name for name in mapping(mapping(host.snapshot).get("cut")) if name in EXACT]
        if cut and host.name in found["hosts"]:
            found["hosts"][host.name]["note"] = "its fact was bounded in size (%s): the numbers are estimates" % ", ".join(cut)
    return found


def tier_order(value: Any, groups: Any, hosts: Any, serial: Any = None, front_first: bool = False) -> dict[str, Any]:
    """Return {planned, fleet, order, serial, max_fail} of the hosts that are to be changed, given by their variables, such as `hostvars`.

    planned: whether the inventory says what dials what; fleet: those hosts and all of their tiers, order: the hosts tier by tier, from the
    back unless front_first; serial: how many of them at a time, in which no portion has hosts of two tiers; max_fail: how many per cent
    of a portion may fail. Hosts of no tier come last. Keywords of a play know no variables of hosts, so both are read here.
    """
    names = [str(name) for name in hosts]
    if serial is None:
        told = _once(value, names, "front_tier_serial")
        serial = (1, "20%") if told is None else told
    max_fail = _per_cent("front_tier_max_fail_percentage", _once(value, names, "front_tier_max_fail_percentage"))
    hops = _once(value, names, "front_tier_hops")
    dialled = any(_told(name, value[name], "front_tier_to") for name in names)
    three = any(all(_told(name, value[name], "front_tier_" + one) for one in ("upstreams", "connections")) for name in names)
    if not (hops or dialled or three):
        return {"planned": False, "fleet": names, "order": names, "serial": _portions(serial, len(names)), "max_fail": max_fail}
    named = (
        {str(hop.get(key)) for hop in hops or [] if isinstance(hop, Mapping) for key in ("from", "to")} if isinstance(hops, list) else set()
    )
    for name in names:
        to = _told(name, value[name], "front_tier_to")
        named |= {str(tier) for tier in to} if isinstance(to, Mapping) and not hops else set()
    fleet = list(dict.fromkeys(names + [str(name) for tier in sorted(named) for name in plain(list((groups or {}).get(tier) or []))]))
    try:
        found, tiers = parse_tiers([_host(name, value[name]) for name in fleet], plain(groups), plain(hops))
        order = ordered(found)
    except PlanError as error:
        raise AnsibleFilterError("tier_order: %s" % error) from None
    wanted = set(names)
    rows: list[str] = []
    portions: list[int] = []
    members = [[host.name for host in tiers[tier]] for tier in (order if front_first else order[::-1])]
    for tier_hosts in [*members, names]:
        new = [name for name in tier_hosts if name in wanted and name not in rows]
        rows += new
        portions += _portions(serial, len(new))
    return {"planned": True, "fleet": fleet, "order": rows, "serial": portions, "max_fail": max_fail}


def _per_cent(option: str, value: Any) -> int:
    """Return a whole number of per cent, 0 where there is none. Raises AnsibleFilterError."""
    try:
        return whole(option, 0 if value is None else str(value).rstrip("%"), 0, 100)
    except PlanError as error:
        raise AnsibleFilterError("tier_order: %s" % error) from None


def _portions(serial: Any, number: int) -> list[int]:
    """Return how many hosts of so many are changed at a time: what `serial` of a play means, as numbers."""
    rows = plain(list(serial)) if isinstance(serial, (list, tuple)) else [plain(serial)]
    found: list[int] = []
    while sum(found) < number:
        try:
            size = pct_to_int(rows[min(len(found), len(rows) - 1)], number)
        except (IndexError, TypeError, ValueError):
            raise AnsibleFilterError(
                'tier_order: front_tier_serial "%s" is no number, share or list of them: write [1, "20%%"].' % (serial,)
            ) from None
        left = number - sum(found)
        found.append(min(size, left) if size > 0 else left)
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"plan": plan, "tier_order": tier_order}
