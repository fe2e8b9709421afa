#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make several changes to one host in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_config
short_description: Make several changes to one host in one transaction
version_added: 1.0.0
description:
  - All sections of one host in one transaction. The other modules are this one with a single section.
  - A section that is not named stays as it is. With O(state=absent) and no section named, all of the set ends.
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  kernel_settings:
    description: The options of M(c10m.front_tier.kernel_settings).
    type: dict
    suboptions:
      settings:
        description: The sysctls and their values.
        type: dict
        default: {}
      live:
        description: Wins over the option of the same name outside the section.
        type: bool
      persist:
        description: Wins over the option of the same name outside the section.
        type: bool
  port_range:
    description: The options of M(c10m.front_tier.port_range).
    type: dict
    suboptions:
      low:
        description: The first port.
        type: int
      high:
        description: The last port.
        type: int
      reserve:
        description: V(auto), or the exact list.
        type: raw
        default: auto
      live:
        description: Wins over the option of the same name outside the section.
        type: bool
      persist:
        description: Wins over the option of the same name outside the section.
        type: bool
  fd_limits:
    description: The options of M(c10m.front_tier.fd_limits).
    type: dict
    suboptions:
      nofile:
        description: A number of files, or a dict with V(soft) and V(hard).
        type: raw
      users:
        description: Users whose sessions get it.
        type: list
        elements: str
        default: []
      units:
        description: Service units, with their running processes.
        type: list
        elements: str
        default: []
      default:
        description: Make it systemd's default too.
        type: bool
        default: false
      shared:
        description: Share the units with other sets, at the highest limit that any of them asks for.
        type: bool
        default: false
        version_added: 1.1.0
      live:
        description: Wins over the option of the same name outside the section.
        type: bool
      persist:
        description: Wins over the option of the same name outside the section.
        type: bool
  secondary_interfaces:
    description: The options of M(c10m.front_tier.secondary_interfaces), once for each interface.
    type: list
    elements: dict
    suboptions:
      interface:
        description: The interface that gets the addresses. Needed unless O(state=absent).
        type: str
      addresses:
        description: Addresses, ranges of addresses, or the prefixes of local routes.
        type: list
        elements: str
        default: []
      kind:
        description: What the addresses become.
        type: str
        choices: [address, macvlan, dummy, local_route]
        default: address
      backend:
        description: What brings the addresses back after a restart.
        type: str
        choices: [auto, networkd, networkmanager, ifupdown, netplan]
        default: auto
      duplicate_check:
        description: Ask on the wire first whether somebody has them.
        type: bool
        default: true
      in_use:
        description: What to do with addresses that are no longer wanted and still carry connections.
        type: str
        choices: [refuse, drain, drop]
        default: refuse
      live:
        description: Wins over the option of the same name outside the section.
        type: bool
      persist:
        description: Wins over the option of the same name outside the section.
        type: bool
  transparent_routing:
    description: The options of M(c10m.front_tier.transparent_routing).
    type: dict
    suboptions:
      method:
        description: V(return_path) or V(intercept) on a balancer, V(backend_route) on a server.
        type: str
        choices: [return_path, intercept, backend_route]
      interfaces:
        description: The interfaces towards the servers; on a server, the one that the gateway is on.
        type: list
        elements: str
        default: []
      client_interfaces:
        description: The interfaces on which connections of clients come in.
        type: list
        elements: str
        default: []
      addresses:
        description: The servers' addresses whose connections are taken; on a server, its own.
        type: list
        elements: str
        default: []
      ports:
        description: The servers' ports whose connections are taken.
        type: list
        elements: int
        default: []
      proxy_port:
        description: The port on which the proxy listens for them; the port that was dialled if not given.
        type: int
      gateway:
        description: The balancer's address towards this server.
        type: str
      when_down:
        description: What becomes of connections to the ports while no proxy listens; V(open) if not given.
        type: str
        choices: [open, closed]
      notrack:
        description: Ports of the proxied connections that nf_conntrack does not track.
        type: list
        elements: int
        default: []
      mark:
        description: The mark of packets that are to end on the balancer.
        type: int
        default: 1
      table:
        description: The number of the routing table.
        type: int
        default: 100
      live:
        description: Wins over the option of the same name outside the section.
        type: bool
      persist:
        description: Wins over the option of the same name outside the section.
        type: bool
  service_config:
    description: The options of M(c10m.front_tier.service_config).
    type: dict
    suboptions:
      files:
        description: The files and what each of them holds.
        type: dict
        default: {}
      folder:
        description: The folder of the service's configuration. Needed unless O(state=absent).
        type: str
      validate:
        description: The command that checks the configuration.
        type: str
      live:
        description: Makes no difference here.
        type: bool
      persist:
        description: Makes no difference here.
        type: bool
  undo:
    description:
      - With V(keep), what undoes this change is kept on the host, until the next run of a module that may change the host.
      - With V(now) and no section, that is undone. Everything that the last change of this host has changed, if it was one of this set with
        V(keep), gets exactly the value that it had before. That is refused where others have changed its files since.
      - So a task that fails after a change, such as the reload of a service, can take the change back in the C(rescue) of its block.
    type: str
    choices: [keep, now]
    version_added: 1.1.0
  confirm_timeout:
    description:
      - With a number of seconds, only live values are set at first, and the host arms the undo of all of it. The action then has to reach
        the host over a fresh connection, and only that confirms the change and writes its files.
      - A host that cannot be reached any more, a controller that is gone and a restart are their own undo.
      - With V(0), nothing waits for a confirmation. A change that touches nothing live does not either.
    type: int
    default: 0
  confirmation:
    description: What the action says to the module when it has reached the host anew. Leave it out.
    type: str
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Widen the ports, the accept queues and the descriptors, all or nothing
  c10m.front_tier.host_config:
    kernel_settings:
      settings:
        net.core.somaxconn: 65535
    port_range:
      low: 10240
      high: 65535
    fd_limits:
      nofile: 200100
      units: [haproxy]
"""

RETURN = r"""
before:
  description: What changes, by name (a sysctl, or the path of a file with its text), as it was; V(none) where it was not there.
  returned: success
  type: dict
  sample: {net.core.somaxconn: "4096"}
after:
  description: The same as it is now, or would be in check mode.
  returned: success
  type: dict
  sample: {net.core.somaxconn: "65535"}
steps:
  description: The steps of the transaction, in their order.
  returned: success
  type: list
  elements: str
  sample: [file /etc/sysctl.d/90-front-tier.conf, sysctl net.core.somaxconn]
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
    run(None)


if __name__ == "__main__":
    main()
