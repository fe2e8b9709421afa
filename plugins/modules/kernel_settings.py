#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set many sysctls in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_settings
short_description: Set many sysctls in one transaction
version_added: 1.0.0
description:
  - Sets sysctls now and for the next boot, all of them or none, reads each back, and can take all of it back.
  - Values are compared as the kernel prints them. Several spellings of a key are one key.
  - Some keys make the kernel write others (with C(net.ipv4.ip_forward), C(forwarding) of every interface). These come back, too.
  - C(disable_ipv6) is refused where an interface would lose lasting IPv6 addresses, since they would not come back.
  - IPv6 C(forwarding) is refused where routes by router advertisements would be forgotten; with C(accept_ra) 2 in the same call they stay.
  - Of C(vm.dirty_bytes) and C(vm.dirty_ratio) and their like the kernel keeps one and makes the other 0. Asking for both is refused.
  - A key of connection tracking also has its module loaded at boot, since a boot drops it otherwise.
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  settings:
    description:
      - The sysctls and their values. Lists are written the way the sysctl takes them.
      - Known keys are checked against the kernel's bounds, narrower ones where a host could not be reached any more.
      - Others must keep the number and kind of their values.
    type: dict
    default: {}
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Let listeners queue more connections
  c10m.front_tier.kernel_settings:
    settings:
      net.core.somaxconn: 65535
      net.ipv4.tcp_max_syn_backlog: 65535

- name: Take it back
  c10m.front_tier.kernel_settings:
    state: absent
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
    run("kernel_settings")


if __name__ == "__main__":
    main()
