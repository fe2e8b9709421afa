#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell how many TCP connections a host can hold, and what stops them there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connection_limits_info
short_description: Tell how many TCP connections a host can hold, and what stops them there
version_added: 1.0.0
description:
  - Reads every limit that bounds TCP connections on this host, as it is now and as the next boot will leave it, computes how
    many connections the host can accept and open, names the limit that binds, and lists what is wrong.
  - Changes nothing, ever. Works without root, and says what it could not see.
  - The host is only read; the controller computes. A task with C(async) returns what was read alone, and the filter
    P(c10m.front_tier.capacity#filter) computes the rest of it.
  - The number given for a path is a promise. A program that dials that way gets exactly that many connections and is refused
    the next one, on the kernels that the collection's truth tests ran on (C(host.kernel_proven)).
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._attributes.info
attributes:
  action:
    description: Says whether there is an action plugin, so that some of it runs on the controller.
    support: full
    details: The host is read by the module; the action plugin computes.
options:
  paths:
    description:
      - Paths to compute; connections from source addresses to listeners. Without any, the busiest ones that are seen.
      - Each is a dictionary with V(destinations) and V(ports) (required), V(sources), V(bind) or V(dialer), V(port_range), and
        one of V(service), V(pid) and V(nofile).
      - V(bind) says how the program picks its local port. V(none) connects without binding. V(no_port) binds an address with
        C(IP_BIND_ADDRESS_NO_PORT), as HAProxy and nginx do. V(plain) binds an address and port 0. V(explicit) binds addresses
        and ports out of its own V(port_range), such as V(10000-19999), with C(SO_REUSEADDR).
      - V(dialer) (V(haproxy), V(nginx), V(varnish), V(envoy)) says it for a known program, with what a connection costs it.
      - With V(service), V(pid) or V(nofile) the descriptors of that service, process or number bound the path too.
    type: list
    elements: dict
    default: []
  services:
    description:
      - Systemd units (or names of programs) to look at, also where nothing shows that they listen or dial.
      - The first one is the one whose inbound capacity is computed; without any, all that listen are taken together.
    type: list
    elements: str
    default: []
  gather_subset:
    description:
      - What to read. V(min) (ports, sockets, addresses) is always read; V(all) is everything; V(!name) leaves one out.
      - The others are V(files), V(ports), V(accept), V(memory), V(conntrack), V(sockets), V(boot) and V(services).
    type: list
    elements: str
    default: [all]
  sample:
    description:
      - About this many connected sockets are looked at where there are more, those on a random set of ports; V(0) looks at all of
        them, at about 1 microsecond each.
      - C(sockets.error) says how good the estimates are. Totals, listeners and bound sockets are always exact.
    type: int
    default: 20000
  root:
    description:
      - The root of the files that are read. Anything but V(/) is a recorded host as a tree of plain files.
    type: path
    default: /
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - plugin: c10m.front_tier.capacity
    plugin_type: filter
    description: The same computation on the controller, with other values.
"""

EXAMPLES = r"""
- name: See how many connections this host can hold
  c10m.front_tier.connection_limits_info:
  register: audit

- name: Show what binds
  ansible.builtin.debug:
    msg: "{{ audit.capacity.inbound.connections }} connections in, {{ audit.capacity.inbound.binding }} binds"

- name: See how many connections HAProxy can open to one backend from two addresses
  c10m.front_tier.connection_limits_info:
    paths:
      - sources: [127.0.0.2, 127.0.0.3]
        destinations: [127.0.0.10]
        ports: [8080, 8081]
        dialer: haproxy

- name: Read only the ports and the sockets
  c10m.front_tier.connection_limits_info:
    gather_subset: [min]
"""

RETURN = r"""
host:
  description: The host, its kernel, whether it is a container, and whether the truth tests ran on such a kernel (C(kernel_proven)).
  returned: always
  type: dict
  sample: {system: Linux, kernel: 6.1.0-56-amd64, kernel_proven: true, hostname: a, container: null, privileged: true}
limits:
  description:
    - Each limit with its scope (V(kernel), V(netns), V(user), V(unit), or V(outside) for the machine around a container), its value,
      what is used of it, where it was read, and its boot value with the file and line that decide it.
    - A value that could not be read is a dictionary with C(absent) (the reason) and C(detail). No limit at all is V(unlimited).
  returned: always
  type: list
  elements: dict
  sample:
    - name: net.core.somaxconn
      scope: netns
      unit: connections
      value: 4096
      used: null
      source: /proc/sys/net/core/somaxconn
      boot: {value: 65535, source: "/etc/sysctl.d/50-web.conf:3", applies: boot}
ports:
  description: The local port range, what is reserved in it, the ports that can be used, and those that sockets block.
  returned: always
  type: dict
  sample: {low: 32768, high: 60999, reserved: ["8080-8082"], usable: 28229, blocked: []}
sockets:
  description: Totals of TCP sockets (exact), whether the rest was sampled, and the connections of each source, destination and port.
  returned: always
  type: dict
  sample: {tcp: {established: 12, time_wait: 3, listen: 4, orphan: 0}, sampled: false, flows: []}
listeners:
  description: Every listening TCP socket with its backlog, its queue, its connections and its service.
  returned: always
  type: list
  elements: dict
  sample: [{address: 0.0.0.0, port: 80, backlog: 511, queued: 0, service: nginx.service}]
services:
  description: The services that listen or dial, each process with its descriptor limit and what it has open, and the boot value.
  returned: when V(services) is gathered
  type: list
  elements: dict
addresses:
  description: The addresses of the host, also those that only a local route gives it.
  returned: always
  type: list
  elements: dict
  sample: [{interface: eth0, address: 10.0.0.2/24, family: inet, local_route: false}]
paths:
  description: Each path with its capacity, its bounds, what is used and free, and the estimate of the article beside it.
  returned: always
  type: list
  elements: dict
  sample:
    - sources: [10.0.0.2]
      destinations: [10.0.0.9]
      ports: [80]
      bind: no_port
      pairs: 1
      connections: 28229
      at_most: 28229
      used: 9
      free: 28220
      binding: ports
      article_estimate: 65512
capacity:
  description: How many connections the host can accept (C(inbound)) and open (C(outbound)), with all bounds; the smallest binds.
  returned: always
  type: dict
  sample: {inbound: {connections: 1012, binding: nofile}, outbound: {connections: 28229, binding: ports}}
findings:
  description: What is wrong or about to go wrong, each with its id, severity, subject, message, evidence and remedy.
  returned: always
  type: list
  elements: dict
  sample: [{id: FT101, severity: warning, subject: net.ipv4.ip_local_port_range, message: "...", remedy: "..."}]
"""

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.info import run  # noqa: E402


def main() -> None:
    """Run the module."""
    run()


if __name__ == "__main__":
    main()
