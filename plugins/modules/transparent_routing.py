#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set what the kernel needs for a transparent balancer, and for its servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transparent_routing
short_description: Set what the kernel needs for a transparent balancer, and for its servers
version_added: 1.0.0
description:
  - A transparent balancer dials its servers from the addresses of its clients, so that the servers see who is there, and so that
    every client brings ports of its own. The servers' answers then carry addresses that are not the balancer's; this makes them end
    there all the same.
  - Sets a table of nftables of its own, replaced as a whole, rules of policy routing that always name an interface, a routing table of
    its own, and the sysctls that the method needs. With O(persist=true), a unit of systemd brings all of it back after a restart,
    and after others reloaded nftables.
  - Refuses a mark or a routing table that anything else uses or names, an interface that is not there, and a kernel or an nft that cannot
    do it. To find out the latter, nft asks the kernel, in check mode too, which may load kernel modules of nftables.
  - It does not configure the proxy. What to write there is in the documentation of the collection, in docs/transparent-routing.md.
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  method:
    description:
      - V(return_path), on a balancer that is the gateway of its servers. Clients dial the balancer's address.
      - V(intercept), on a balancer that lies on the way from the clients to the servers. Clients dial the servers' addresses, and the
        balancer takes their connections to O(ports).
      - V(backend_route), on a server whose default route does not lead to the balancer. What it sends from O(addresses) goes through
        O(gateway).
      - Needed with O(state=present).
    type: str
    choices: [return_path, intercept, backend_route]
  interfaces:
    description:
      - The interfaces of the balancer towards its servers. Needed with V(return_path) and V(intercept).
      - With V(backend_route), the interface that O(gateway) is on, needed only where several have its network.
    type: list
    elements: str
    default: []
  client_interfaces:
    description: The interfaces on which connections of clients come in. Needed with V(intercept), means nothing otherwise.
    type: list
    elements: str
    default: []
  addresses:
    description:
      - With V(intercept), the servers' addresses or networks, of both families, whose connections are taken.
      - With V(backend_route), addresses of this host, all of the family of O(gateway).
    type: list
    elements: str
    default: []
  ports:
    description: The servers' ports whose connections are taken. Needed with V(intercept), means nothing otherwise.
    type: list
    elements: int
    default: []
  proxy_port:
    description: The port on which the proxy listens for what is taken, for V(intercept) only. If not given, the port that was dialled.
    type: int
  gateway:
    description: The balancer's address towards this server. Needed with V(backend_route), means nothing otherwise.
    type: str
  when_down:
    description:
      - What becomes of connections to O(ports) while no proxy listens, for V(intercept) only.
      - With V(open), they go on to the servers themselves. With V(closed), they are dropped.
      - V(open) if not given.
    type: str
    choices: [open, closed]
  notrack:
    description:
      - Ports of the proxied connections, on both sides, that nf_conntrack does not track. Each of them takes two entries otherwise.
      - Rules of a firewall that go by C(ct state) do not know such connections.
    type: list
    elements: int
    default: []
  mark:
    description: The mark of packets that are to end on the balancer. Not used by V(backend_route).
    type: int
    default: 1
  table:
    description: The number of the routing table.
    type: int
    default: 100
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Let the servers' answers to clients end on the balancer that is their gateway
  c10m.front_tier.transparent_routing:
    method: return_path
    interfaces: [eth1]

- name: Take connections to the servers' web ports on their way, and none pass while the proxy is down
  c10m.front_tier.transparent_routing:
    method: intercept
    interfaces: [eth1]
    client_interfaces: [eth0]
    addresses: [198.51.100.0/24, "2001:db8:1::/64"]
    ports: [80, 443]
    when_down: closed

- name: Send a server's answers through the balancer that dials this address of it
  c10m.front_tier.transparent_routing:
    method: backend_route
    addresses: [192.0.2.11]
    gateway: 192.0.2.1
    table: 101

- name: Take all of it back
  c10m.front_tier.transparent_routing:
    state: absent
"""

RETURN = r"""
before:
  description: What changes, by name, as it was; V(none) where it was not there.
  returned: success
  type: dict
  sample: {inet pref 100 iif eth1 fwmark 0x1 table 100: null, net.ipv4.ip_forward: "0"}
after:
  description: The same as it is now, or would be in check mode.
  returned: success
  type: dict
  sample: {inet pref 100 iif eth1 fwmark 0x1 table 100: protocol kernel, net.ipv4.ip_forward: "1"}
steps:
  description: The steps of the transaction, in their order.
  returned: success
  type: list
  elements: str
  sample: [sysctl net.ipv4.ip_forward, route inet table 100 default, rule inet pref 100 iif eth1 fwmark 0x1 table 100]
needs_restart:
  description: What takes effect only after something else restarts or reloads.
  returned: success
  type: list
  elements: str
not_applied:
  description: What could not be set here, and why.
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
    run("transparent_routing")


if __name__ == "__main__":
    main()
