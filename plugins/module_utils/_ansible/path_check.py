# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module path_check: pairs in, one handshake each, what failed out. Private to the collection."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.c10m.front_tier.plugins.module_utils._prove.handshake import Pair, shake

ARGUMENTS: dict[str, Any] = {
    "pairs": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "source": {"type": "str", "default": ""},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
    },
    "timeout": {"type": "float", "default": 3.0},
}
MOST_SECONDS = 60


def run() -> None:
    """Dial each pair once and end the module; in check mode, only say what would be dialled."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        pairs = parse_pairs(module.params["pairs"])
        seconds = module.params["timeout"]
        if not 0 < seconds <= MOST_SECONDS:
            raise ValueError("timeout %g is out of bounds: it must be more than 0 and at most %d seconds." % (seconds, MOST_SECONDS))
    except ValueError as error:
        module.fail_json(msg="%s Nothing was dialled." % error)
    found = {} if module.check_mode else shake(pairs, seconds)
    failed = ["%s: %s" % (pair, why) for pair, why in found.items() if why]
    result = {"changed": False, "pairs": [str(pair) for pair in pairs], "dialled": len(found), "failed_pairs": sorted(failed)}
    if failed:
        module.fail_json(
            msg="%d of %d handshakes failed. %s. Put these ways right, or leave them out."
            % (len(failed), len(found), "; ".join(sorted(failed))),
            **result,
        )
    module.exit_json(**result)


def parse_pairs(rows: list[dict[str, Any]]) -> list[Pair]:
    """Return the pairs, checked. Raises ValueError."""
    found = []
    for index, row in enumerate(rows):
        for key in ("source", "address"):
            try:
                row[key] = str(ipaddress.ip_address(row[key])) if row[key] or key == "address" else ""
            except ValueError:
                raise ValueError('pairs[%d].%s "%s" is no IPv4 or IPv6 address. Write one.' % (index, key, row[key])) from None
        if row["source"] and (":" in row["source"]) != (":" in row["address"]):
            raise ValueError(
                "pairs[%d]: %s and %s are not of one family. Dial from an address of the other's, or leave the source out."
                % (index, row["source"], row["address"])
            )
        if not 1 <= row["port"] <= 65535:
            raise ValueError("pairs[%d].port %d is out of bounds: it must be 1 to 65535." % (index, row["port"]))
        found.append(Pair(row["source"], row["address"], row["port"]))
    return found
