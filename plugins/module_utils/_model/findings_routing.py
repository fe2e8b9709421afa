# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on routing, transparency, neighbours and addresses (FT7xx). Private to the collection.

Rules: kernel-truths, 12 and Not measured; front-tier-recipes, 4; ip-sysctl.rst.
"""

from __future__ import annotations

import ipaddress
from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import INFO, WARNING, Case, Found, check, counted, near

CONF = "net.ipv4.conf."


def _transparent(case: Case) -> bool:
    return any(socket.is_true("transparent") for socket in case.listeners + case.flows)


def _per_interface(case: Case, key: str) -> dict[str, int]:
    """Return {interface: value} of net.ipv4.conf.INTERFACE.key; all, default and lo left out."""
    names = [name[len(CONF) : -len(key) - 1] for name in case.by_name if name and name.startswith(CONF) and name.endswith("." + key)]
    values = [(name, case.value("%s%s.%s" % (CONF, name, key))) for name in names if name not in ("all", "default", "lo")]
    return {name: value for name, value in values if value is not None}


@check(
    "FT701",
    WARNING,
    "Sockets are transparent here, and net.ipv4.ip_forward is 0: what the balancer does not take itself, such as other ports and"
    " ICMP between clients and servers, is dropped.",
    "Set net.ipv4.ip_forward to 1 (transparent_routing does).",
)
def no_forwarding(case: Case) -> Iterator[Found]:
    """A transparent balancer does not forward."""
    if _transparent(case) and case.value("net.ipv4.ip_forward") == 0:
        yield "net.ipv4.ip_forward", {}


@check(
    "FT702",
    WARNING,
    "Sockets are transparent here, and rp_filter is strict (1) on {interfaces}: packets whose way back leads over another interface"
    " are dropped.",
    "Set net.ipv4.conf.all.rp_filter to 2 (loose): of `all` and the interface, the higher value counts.",
    CONF + "all.rp_filter",
)
def strict_filter(case: Case) -> Iterator[Found]:
    """Strict rp_filter on a transparent balancer."""
    least = case.value(CONF + "all.rp_filter")
    strict = [name for name, value in _per_interface(case, "rp_filter").items() if least is not None and max(value, least) == 1]
    if _transparent(case) and strict:
        yield CONF + "all.rp_filter", {"interfaces": sorted(strict)}


counted(
    "FT703",
    WARNING,
    "rp_filter dropped packets",
    "IPReversePathFilter",
    "{subject} is {count}: so many packets were dropped since boot because their way back leads over another interface.",
    "Add the missing route (ip rule from ADDRESS), or set rp_filter to 2 (loose) on that interface.",
)


@check(
    "FT704",
    INFO,
    "IPv6 addresses come from local routes ({prefixes}), and net.ipv6.ip_nonlocal_bind is 0: only programs that set IPV6_FREEBIND or"
    " IPV6_TRANSPARENT can bind them.",
    "Set net.ipv6.ip_nonlocal_bind to 1, or let the program set IPV6_FREEBIND.",
)
def anyip6(case: Case) -> Iterator[Found]:
    """IPv6 addresses of a local route cannot be bound."""
    rows = [row for row in case.snapshot.parts("addresses") if row.is_true("local_route") and row.text("family") == "inet6"]
    prefixes = sorted({text for row in rows for text in [row.text("address") or ""] if "/" in text and not text.endswith("/128")})
    if prefixes and case.value("net.ipv6.ip_nonlocal_bind") == 0:
        yield "net.ipv6.ip_nonlocal_bind", {"prefixes": prefixes}


near(
    "FT705",
    "A neighbour table is nearly full",
    lambda case: [
        (key, case.snapshot.part("neighbours").number(family), case.value(key))
        for family, key in (("inet", "net.ipv4.neigh.default.gc_thresh3"), ("inet6", "net.ipv6.neigh.default.gc_thresh3"))
    ],
    "The neighbour table holds {used} entries, and {subject} is {limit} ({share} %): beyond it no new peer on the link can be reached.",
    "Set {subject} to at least {wanted}, and gc_thresh2 and gc_thresh1 to a half and a quarter of it.",
)


@check(
    "FT706",
    WARNING,
    "{count} addresses of {subject} share the subnet {subnet}, and promote_secondaries is 0: when the first one is deleted, all are gone.",
    "Set net.ipv4.conf.{subject}.promote_secondaries to 1, or give the further addresses as /32.",
)
def secondaries(case: Case) -> Iterator[Found]:
    """Secondary addresses go with the first one of their subnet."""
    promoted = case.value(CONF + "all.promote_secondaries")
    kept = _per_interface(case, "promote_secondaries")
    subnets: dict[tuple[str, str], int] = {}
    for row in case.snapshot.parts("addresses"):
        interface, text = row.text("interface"), row.text("address")
        if interface and text and row.text("family") == "inet" and not row.is_true("local_route") and "/" in text:
            try:
                network = ipaddress.IPv4Interface(text).network
            except ValueError:
                continue
            if network.prefixlen < 32 and promoted == 0 and kept.get(interface.replace(".", "/")) == 0:
                key = (interface, str(network))
                subnets[key] = subnets.get(key, 0) + 1
    for (interface, subnet), count in subnets.items():
        if count > 1:
            yield interface, {"count": count, "subnet": subnet}
