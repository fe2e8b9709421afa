#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set how many files users, units and running processes may open."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fd_limits
short_description: Set how many files users, units and running processes may open
version_added: 1.0.0
description:
  - Sets descriptor limits for sessions of users (a file in C(/etc/security/limits.d)), for systemd's units (a drop-in each, loaded by one
    C(daemon-reload)), for systemd's default, and for the processes of those units that run now, every worker of them, by C(prlimit).
  - Raises C(fs.nr_open) and C(fs.file-max) in the same transaction where they would bind, before anything that must stay below them, and
    lowers them again after it. Where this host cannot raise C(fs.nr_open), such as in a container, a limit above it is refused.
  - A running process never gets less than it had before the set took it over, and one that has more files open than it would then be
    allowed keeps its limit until it restarts. What needs a restart is returned in RV(needs_restart), each line beginning with the unit.
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  nofile:
    description:
      - How many files may be open, a whole number of 1024 or more, or a dict with V(soft) and V(hard). Required unless O(state=absent).
      - A service needs one for each connection, a proxy two, and some for itself.
    type: raw
  users:
    description:
      - Users that get it at their next login, as in limits.conf. A group is V(@name), a range of ids V(1000:2000).
      - V(*) and V(root) only if named here. On Debian and Ubuntu V(*) does not cover root.
    type: list
    elements: str
    default: []
  units:
    description:
      - Service units, with or without C(.service). A template (V(web@.service)) stands for all its instances.
      - A unit has to have a file. Aliases are followed.
    type: list
    elements: str
    default: []
  default:
    description: Make it systemd's default for all services that say nothing themselves.
    type: bool
    default: false
  shared:
    description:
      - Let other sets have limits of their own for the same O(units). All of them get the highest that any of them asks for, whichever
        came first, until the last of them ends. Without it, another number than that of another set is refused.
      - The roles of this collection say so. What O(users) and O(default) get is a matter of one set.
    type: bool
    default: false
    version_added: 1.1.0
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Let a proxy hold 100,000 connections, two descriptors each, without restarting it
  c10m.front_tier.fd_limits:
    nofile: 200100
    units: [haproxy]

- name: The same for a user's sessions, whose programs raise the soft limit when they need it
  c10m.front_tier.fd_limits:
    name: deploy
    nofile:
      soft: 1024
      hard: 200100
    users: [deploy]

- name: Take the first one back
  c10m.front_tier.fd_limits:
    state: absent
"""

RETURN = r"""
before:
  description:
    - What changes, by name (a sysctl, the path of a file with its text, a process or systemd's units with their limits), as it was;
      V(none) where it was not there.
  returned: success
  type: dict
  sample: {fs.nr_open: "1048576"}
after:
  description: The same as it is now, or would be in check mode.
  returned: success
  type: dict
  sample: {fs.nr_open: "2000000"}
steps:
  description: The steps of the transaction, in their order.
  returned: success
  type: list
  elements: str
  sample:
    - file /etc/systemd/system/haproxy.service.d/50-front-tier.conf
    - process haproxy.service/812/4711-6b1f3c1e
    - unit haproxy.service
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
    run("fd_limits")


if __name__ == "__main__":
    main()
