#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put files of a service in place once the service itself has checked them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_config
short_description: Put files of a service in place once the service itself has checked them
version_added: 1.0.0
description:
  - Writes configuration files of a service, and drop-ins of its unit, all of them or none, and can take all of it back.
  - Before the first write the service checks its whole configuration as it will be, with the files of others. For that the folder is
    copied with the changes, and mounted over the real one in a mount namespace of the check alone. Check mode does this, too.
  - Neither restarts nor reloads the service. Drop-ins are loaded by one C(daemon-reload).
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._change
options:
  files:
    description:
      - The files, by their paths, and what each of them holds. A file is below O(folder), or a drop-in
        C(/etc/systemd/system/UNIT.service.d/NAME.conf).
      - What was in such a file is kept and goes back when the set no longer names it.
    type: dict
    default: {}
  folder:
    description: The folder of the service's configuration, such as V(/etc/haproxy). Needed unless O(state=absent).
    type: str
  validate:
    description:
      - The command that checks the configuration, in words without a shell. Its exit status decides; what it prints is the message.
      - With O(state=absent) nothing is checked. To have it checked, give no O(files) instead.
    type: str
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.host_config
"""

EXAMPLES = r"""
- name: Add a part to HAProxy's configuration
  c10m.front_tier.service_config:
    name: web
    folder: /etc/haproxy
    files:
      /etc/haproxy/conf.d/web.cfg: "{{ lookup('ansible.builtin.template', 'web.cfg.j2') }}"
    validate: haproxy -c -q -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/conf.d
  notify: Reload haproxy

- name: Take it back, if the rest is still a configuration
  c10m.front_tier.service_config:
    name: web
    folder: /etc/haproxy
    files: {}
    validate: haproxy -c -q -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/conf.d
"""

RETURN = r"""
before:
  description: What changes, by name (the path of a file, with its text), as it was; V(none) where it was not there.
  returned: success
  type: dict
  sample: {/etc/nginx/conf.d/web.conf: null}
after:
  description: The same as it is now, or would be in check mode.
  returned: success
  type: dict
  sample: {/etc/nginx/conf.d/web.conf: "server { listen 8081; }"}
steps:
  description: The steps of the transaction, in their order.
  returned: success
  type: list
  elements: str
  sample: [file /etc/nginx/conf.d/web.conf]
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
    run("service_config")


if __name__ == "__main__":
    main()
