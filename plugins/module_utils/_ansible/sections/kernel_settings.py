# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section kernel_settings of a change: sysctls by name. Private to the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sets, sysctls
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import key_name

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change


def wanted(change: Change, options: dict[str, Any]) -> list[Wanted]:
    """Return the sysctls that the option `settings` wants. Raises Refusal."""
    return change.sysctls(options["settings"], options)


def check(change: Change) -> None:
    """Refuse what the kernel would take away with it for good: addresses, and routes that routers advertise. Raises Refusal."""
    _check_ipv6_off(change)
    _check_forwarding(change)


def _check_forwarding(change: Change) -> None:
    """Refuse to switch IPv6 forwarding on where the kernel would forget what routers advertised, and hear no more of it. Raises Refusal.

    It forgets the default routes of all interfaces without accept_ra 2, whichever of them is meant: addrconf_fixup_forwarding().
    """
    kept = sets.kept(change.record, change.params["name"], "sysctl") if change.asked.get("kernel_settings") else {}
    after = {**kept, **{name: str(value) for (kind, name), value in change.targets.items() if kind == "sysctl"}}
    turned = [name for name in after if sysctls.FORWARDING.match(name) and after[name] != "0" and change.value("sysctl", name) == "0"]
    if turned:
        from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_advertised

        for place, routes in sorted(read_advertised().items()):
            own = sysctls.ACCEPT_RA % key_name(place)
            if after.get(own, change.value("sysctl", own)) == "1":
                raise Refusal(
                    "settings: %s %s: a host that forwards takes no routes from routers, and %s would lose %s. Set %s to 2 as well, "
                    "with which it goes on taking them.%s"
                    % (turned[0], after[turned[0]], place, ", ".join(routes[:10]), own, sysctls.NOTHING)
                )


def _check_ipv6_off(change: Change) -> None:
    """Refuse to switch IPv6 off, or to do what is undone that way, where addresses would go that nothing brings back. Raises Refusal."""
    turned = {
        name: off.group(1).replace("/", ".")
        for kind, name in change.targets
        for off in [sysctls.IPV6_OFF.match(name) if kind == "sysctl" else None]
        if off and change.settled(name) != change.value("sysctl", name)
    }
    if turned:
        from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_interface_addresses

        present = read_interface_addresses()
        lasting = sorted((interface, cidr) for interface, cidr in present if ":" in cidr)
        lasting = [place for place in lasting if not place[1].startswith("fe80:") and place != ("lo", "::1/128")]
        for name, interface in turned.items():
            there = ["%s of %s" % (cidr, place) for place, cidr in lasting if interface in ("all", place)]
            if there:
                raise Refusal(
                    "settings: %s %s: with IPv6 off, %s would be gone for good, after a change or after its undo. Take addresses away "
                    "first, or name single interfaces.%s" % (name, change.settled(name), ", ".join(there[:10]), sysctls.NOTHING)
                )
