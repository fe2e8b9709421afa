# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of transparent routing, in the network namespace that this runs in, to files below a tree.

usage: python routing_driver.py TREE OPTIONS [--check]     (OPTIONS as JSON; prints the result or the error; "begin" before it)
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import SECTIONS
from ansible_collections.c10m.front_tier.plugins.module_utils._apply import rtnetlink
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import nft_table, route, rule, service, symlink
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.transaction import Failed
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import transparent
from ansible_collections.c10m.front_tier.plugins.module_utils._read import addresses, connections, conntrack, routing, ssh
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

SECTION = "transparent_routing"
COMMON = {"name": "front-tier", "state": "present", "persist": True, "live": True, "on_override": "fail"}
COMMON.update({"skip_unavailable": False, "lock_timeout": 5.0})
LOADED = (
    rtnetlink,
    nft_table,
    route,
    rule,
    service,
    symlink,
    transparent,
    addresses,
    connections,
    conntrack,
    routing,
    ssh,
)  # before the begin


def main() -> None:
    """Make the change."""
    tree, options = sys.argv[1:3]
    defaults = {name: option.get("default") for name, option in SECTIONS[SECTION].items()}
    params: dict[str, Any] = {**COMMON, **defaults, **json.loads(options)}
    os.write(1, b"begin\n")
    try:
        answer = {"result": change.change(params, SECTION, "--check" in sys.argv, Root(tree))}
    except (Refusal, Failed, OSError) as error:
        answer = {"error": str(error)}
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
