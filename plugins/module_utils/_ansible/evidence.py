# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of a live front tier as a module reads it. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.info import printable
from ansible_collections.c10m.front_tier.plugins.module_utils._read.evidence import Sources, read_evidence
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

ARGUMENTS: dict[str, Any] = {
    "haproxy_config": {"type": "path", "default": "/etc/haproxy/haproxy.cfg"},
    "haproxy_socket": {"type": "path"},
    "logs": {"type": "list", "elements": "path", "default": ["/var/log/haproxy.log", "/var/log/nginx/error.log"]},
    "varnish": {"type": "str"},
    "since": {"type": "int", "default": 600},
    "watch": {"type": "float", "default": 1.0},
}
BOUNDS: dict[str, tuple[float, float]] = {"since": (1, 86400), "watch": (0.1, 60)}


def run() -> None:
    """Read the evidence of this host and end the module. Fails before any reading where an argument is wrong."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    for name, (low, high) in BOUNDS.items():
        if not low <= given[name] <= high:
            module.fail_json(
                msg="%s %s is out of bounds: it must be %s to %s seconds. Nothing was changed." % (name, given[name], low, high)
            )
    sources = Sources(
        given["haproxy_config"], given["haproxy_socket"], tuple(given["logs"]), given["varnish"], given["since"], given["watch"]
    )
    try:
        module.exit_json(changed=False, evidence=printable(read_evidence(Root(), sources)))
    except OSError as error:
        module.fail_json(
            msg="The evidence of this host cannot be read: %s. Put that right, then run this again. Nothing was changed." % error
        )
