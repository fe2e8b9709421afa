#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the local port range and the reserved ports together."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_range
short_description: Set the local port range and the reserved ports together
version_added: 1.0.0
description:
  - Sets C(net.ipv4.ip_local_port_range) and C(net.ipv4.ip_local_reserved_ports) in one transaction, the reserved ports first, so
    that no port that something listens on is ever open to a dial.
  - Refuses a range that leaves no usable port, or that holds a listener which is not reserved. Warns about an odd number of ports, of
    which the kernel leaves one out by chance.
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  low:
    description: The first port; as it is now if not given. 10240 or more keeps clear of most services.
    type: int
  high:
    description: The last port; as it is now if not given.
    type: int
  reserve:
    description:
      - V(auto) reserves what is reserved now, plus every port of the new range that something listens on or that rules hand on without
        a socket; what it once reserved it keeps until O(state=absent).
      - A list of ports and ranges such as V(8080-8081) is the exact result.
    type: raw
    default: auto
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Widen the range without colliding with anything that listens
  c10m.front_tier.port_range:
    low: 10240
    high: 65535
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
    run("port_range")


if __name__ == "__main__":
    main()
