# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section transparent_routing of a change: rules, routes, a table of nftables and what brings them back. Private to the collection."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan.transparent import Asked

TRACKED, ENTRIES = "/proc/sys/net/netfilter/nf_conntrack_max", "/proc/sys/net/netfilter/nf_conntrack_count"
IPV6_OFF = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"
STRICT, LOOSE = 1, "2"


def wanted(change: Change, options: dict[str, Any]) -> list[Wanted]:
    """Return all that the method needs. Raises Refusal."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.nft_table import replacing
    from ansible_collections.c10m.front_tier.plugins.module_utils._plan import transparent

    asked = transparent.parse(options)
    live, persist = change.modes(options)
    name = change.params["name"]
    _check_interfaces(asked)
    link = _link_to(change, asked) if asked.gateway else None
    switched_off = change.root.text(IPV6_OFF)  # where IPv6 is off on lo, the kernel takes no route to it
    ipv6 = isinstance(switched_off, str) and switched_off.strip() == "0"
    rules, routes = transparent.rules_of(asked, ipv6), transparent.routes_of(asked, ipv6, link)
    table, text = transparent.table_of(name), transparent.ruleset(asked, name)
    if text:
        _check_ruleset(asked, table, text)
        _warn_of_tracking(change, asked)
    _check_free(change, asked, rules, routes, table)
    if live:
        _check_logins(change, asked, rules)
    found = [Wanted("route", route, way, persist, live) for route, way in routes.items()]
    found += [Wanted("rule", rule, "protocol kernel", persist, live) for rule in rules]
    found += [Wanted("nft_table", table, text, persist, live)] if text else []
    found += change.sysctls(_sysctls(change, asked), options)
    if persist:
        found += change.files(transparent.files_of(name, rules, routes, replacing(table, text) if text else None))
        found += change.links(transparent.links_of(name))
        found += _service(change, transparent.unit_of(name)) if live else []
    return found


def _service(change: Change, unit: str) -> list[Wanted]:
    """Return the unit as something to start: only an active one is run again when others reload nftables."""
    if change.root.exists("/run/systemd/system"):
        return [Wanted("service", unit, "active")]
    change.not_applied.append("%s is not started: systemd does not run here. Run its script at every boot." % unit)
    return []


def _check_interfaces(asked: Asked) -> None:
    there = {name for _index, name in socket.if_nameindex()}
    for option, names in (("interfaces", asked.interfaces), ("client_interfaces", asked.client_interfaces)):
        missing = [name for name in names if name not in there]
        if missing:
            raise Refusal(
                "%s: this host has no interface %s. Name one that it has: %s. Nothing was changed."
                % (option, ", ".join(missing), ", ".join(sorted(there)))
            )


def _link_to(change: Change, asked: Asked) -> tuple[str, str]:
    """Return (interface, network) that the gateway is on. Raises Refusal where there is none, or more than one."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import read_addresses
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

    found, own = set(), set()
    rows = read_addresses(Root())
    for row in rows if isinstance(rows, list) else []:
        interface = ipaddress.ip_interface(row["address"])
        own.add(str(interface.ip))
        if asked.gateway in interface.network and row["interface"] != "lo" and not row["local_route"]:
            found.add((row["interface"], str(interface.network)))
    if str(asked.gateway) in own:
        raise Refusal("gateway %s: it is an address of this host; name the balancer's. Nothing was changed." % asked.gateway)
    # What another section of this change adds counts, too: the names of such things hold their addresses.
    words = [word for (_kind, name), value in change.targets.items() if value is not None for word in name.split()]
    own.update(word.partition("/")[0] for word in words)
    foreign = [str(one.network_address) for one in asked.networks if str(one.network_address) not in own]
    if foreign:
        raise Refusal("addresses: this host has no address %s. Name its own, or add them first. Nothing was changed." % ", ".join(foreign))
    among = asked.interfaces
    usable = sorted(one for one in found if not among or one[0] in among)
    if len(usable) != 1:
        where = "is on %s: name one of them in interfaces" % " and ".join("%s (%s)" % one for one in usable)
        raise Refusal(
            "gateway %s %s. Nothing was changed."
            % (asked.gateway, where if usable else "is on no network of %s: name one that is" % (", ".join(among) or "this host"))
        )
    return usable[0]


def _check_ruleset(asked: Asked, table: str, text: str) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.nft_table import refused

    why = refused(table, text)
    if why:
        raise Refusal(
            "method %s: %s. It takes nft, the right to use it, and a kernel with nft_socket%s. Nothing was changed."
            % (asked.method, why, " and nft_tproxy" if asked.method == "intercept" else "")
        )


def _check_free(change: Change, asked: Asked, rules: list[str], routes: dict[str, str], own_table: str) -> None:
    """Check that nothing but this set uses the mark and the table. Raises Refusal."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read import routing

    managed = {entry["name"] for entry in change.managed("transparent_routing").values()}
    ours = {*rules, *routes, *managed}
    users = [route.name for route in routing.read_routes(asked.table) if route.name not in ours]
    others = [rule for rule in routing.read_rules() if rule.name not in ours]
    users += ["ip rule " + rule.name for rule in others if rule.table == asked.table]
    named = routing.read_table_names(change.root).get(asked.table)
    users += [named] if named else []
    if users:
        raise Refusal(
            "table %d: something else uses it (%s). Take another number. Nothing was changed." % (asked.table, "; ".join(users[:4]))
        )
    if asked.marked:
        users = ["ip rule " + rule.name for rule in others if rule.mask and asked.mark & rule.mask == rule.mark]
        where = routing.read_marks(change.root, own_table).get(asked.mark)
        users += [where] if where else []
        if users:
            raise Refusal(
                "mark %d: something else uses it (%s). Take another number. Nothing was changed." % (asked.mark, "; ".join(users[:4]))
            )


def _check_logins(change: Change, asked: Asked, rules: list[str]) -> None:
    """Refuse to take over connections by which somebody is logged in; warn where the answers to them are about to change their way."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.connections import read_connections
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.ssh import read_ssh_addresses, sshd_ports

    logins = read_ssh_addresses(change.root, change.once(read_connections))
    held = sorted(one for one in logins if any(ipaddress.ip_address(one) in network for network in asked.networks))
    ports = sorted(sshd_ports(change.root).intersection(asked.ports))
    if held and ports:
        raise Refusal(
            "ports %s: somebody is logged in over %s, which is among addresses, and would be cut off. Leave that port out, or name the"
            " servers alone in addresses. Nothing was changed." % (", ".join(map(str, ports)), ", ".join(held))
        )
    if held and asked.gateway and any(change.value("rule", rule) is None for rule in rules):
        change.warnings.append(
            "addresses: somebody is logged in over %s, and answers from it go through %s from now on. Give this host another address for"
            " the balancer to dial, or use host_config with confirm_timeout, which takes it back if logins end with it."
            % (", ".join(held), asked.gateway)
        )


def _warn_of_tracking(change: Change, asked: Asked) -> None:
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.conntrack import is_active

    if not change.root.exists(TRACKED):
        if asked.notrack:
            change.warnings.append(
                "notrack: this host does not track connections, and the rule loads nf_conntrack, which makes that possible."
                " Leave notrack out as long as nothing here uses it."
            )
        return
    entries = change.root.text(ENTRIES)
    if asked.method == "intercept" and not asked.notrack and isinstance(entries, str) and is_active(change.root, int(entries)) is True:
        change.warnings.append(
            "method intercept: this host tracks connections, and both sides of an intercepted one have the same addresses."
            " Name their ports in notrack, unless a firewall here goes by ct state."
        )


def _sysctls(change: Change, asked: Asked) -> dict[str, str]:
    """Return the sysctls that a balancer needs: it forwards what it does not take, and does not drop what comes back another way."""
    if not asked.marked:
        return {}
    found = {"net.ipv4.ip_forward": "1"}
    least = int(_first(change, "net.ipv4.conf.all.rp_filter") or 0)
    for interface in asked.marked:
        name = "net.ipv4.conf.%s.rp_filter" % interface.replace(".", "/")
        if max(least, int(_first(change, name) or 0)) == STRICT:  # of `all` and the interface, the higher value counts
            found[name] = LOOSE
    return found


def _first(change: Change, name: str) -> str | None:
    """Return the value of a sysctl as it was before this section took it over."""
    ours = change.managed("transparent_routing").get("sysctl " + name)
    value = ours["original"] if ours else change.value("sysctl", name)
    return None if value is None else str(value)
