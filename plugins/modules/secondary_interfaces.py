#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a host more addresses, in addition to what it has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secondary_interfaces
short_description: Give a host more addresses, in addition to what it has
version_added: 1.0.0
description:
  - Adds IPv4 and IPv6 addresses, hundreds in one transaction, and keeps them over a restart. Never takes away or changes an address that
    was there before, and never reloads or restarts a network manager.
  - Asks on the wire, before anything is added, whether another host has one of the addresses.
  - Nothing else starts to use the addresses by itself. IPv4 ones are secondary, and IPv6 ones get a preferred lifetime of 0; a program
    that is told to bind to them does.
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  interface:
    description:
      - The interface that gets the addresses. With O(kind=macvlan) the one below the new interface, with O(kind=dummy) the name of the
        new interface, with O(kind=local_route) the device of the route, usually V(lo).
      - Needed unless O(state=absent).
    type: str
  addresses:
    description:
      - Addresses such as V(10.0.0.10) or V(fd00:9::10/64), and ranges such as V(10.0.0.10-10.0.0.40/24). Without a prefix length they are
        a /32 or a /128.
      - With O(kind=local_route), prefixes such as V(10.99.0.0/24).
      - What is not named any more is taken away, where it was this set that added it.
    type: list
    elements: str
    default: []
  kind:
    description:
      - V(address) adds them to the interface itself.
      - V(macvlan) makes an interface of their own on top of it, named after it with C(-ft) at its end.
      - V(dummy) makes an interface that is on no wire, for addresses that are routed to this host.
      - V(local_route) makes whole prefixes local by one route each, also for many thousands of addresses.
    type: str
    choices: [address, macvlan, dummy, local_route]
    default: address
  backend:
    description:
      - What brings the addresses back after a restart. V(auto) finds the network manager that manages the interface, and refuses to guess
        between two. Looked for only with O(persist=true).
    type: str
    choices: [auto, networkd, networkmanager, ifupdown, netplan]
    default: auto
  duplicate_check:
    description:
      - Ask on the wire first, in one round of ARP probes and neighbour solicitations that takes less than a second for all addresses.
        Addresses that are there already are not asked for. Where nobody can be asked, a warning says why.
      - Of IPv6 addresses for which nobody was asked the kernel makes its own check, and for a second or two nobody can bind to them.
    type: bool
    default: true
  in_use:
    description:
      - What to do with addresses that are no longer wanted and still carry connections. V(refuse) changes nothing at all. V(drain) lets
        them stay for now, lists them in RV(not_applied), and takes them away in a later run, once the connections have ended. V(drop)
        takes them away, and the connections die.
      - An address over which somebody is logged in by ssh is never taken away, whatever this says.
    type: str
    choices: [refuse, drain, drop]
    default: refuse
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
  - module: c10m.front_tier.host_config
"""

EXAMPLES = r"""
- name: Give a proxy 31 more source addresses
  c10m.front_tier.secondary_interfaces:
    interface: eth0
    addresses: [10.0.0.10-10.0.0.40]

- name: A whole prefix that is routed to this host
  c10m.front_tier.secondary_interfaces:
    interface: lo
    kind: local_route
    addresses: [10.99.0.0/24]
    backend: networkd

- name: Take all of it back, but not from under connections
  c10m.front_tier.secondary_interfaces:
    state: absent
    in_use: drain
"""

RETURN = r"""
before:
  description: What changes, by name (an interface and an address, or the path of a file with its text), as it was.
  returned: success
  type: dict
  sample: {eth0 10.0.0.10/32: null}
after:
  description: The same as it is now, or would be in check mode.
  returned: success
  type: dict
  sample: {eth0 10.0.0.10/32: {lifetime: forever, nodad: false}}
steps:
  description: The steps of the transaction, in their order.
  returned: success
  type: list
  elements: str
  sample: [file /etc/systemd/network/10-eth0.network.d/50-front-tier.conf, address eth0 10.0.0.10/32]
needs_restart:
  description: What takes effect only after something else restarts or reloads.
  returned: success
  type: list
  elements: str
not_applied:
  description: What could not be set here, or stays until its connections have ended, and why.
  returned: success
  type: list
  elements: str
left:
  description: What others changed since the set took it over, and which therefore stays as it is.
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import run  # noqa: E402


def main() -> None:
    """Run the module."""
    run("secondary_interfaces")


if __name__ == "__main__":
    main()
