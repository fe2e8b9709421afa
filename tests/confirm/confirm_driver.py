# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of host_config, in the network namespace that this runs in, to files below a tree.

usage: python confirm_driver.py TREE PARAMETERS     (as JSON; prints the result or the error; "begin" before it)
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import specification
from ansible_collections.c10m.front_tier.plugins.module_utils._apply import confirm, things
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.transaction import Failed
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

LOADED = (confirm, things)  # before the begin: a change imports it only where it needs it


def main() -> None:
    """Make the call."""
    tree, given = sys.argv[1:]
    params: dict[str, Any] = {name: option.get("default") for name, option in specification(None).items()}
    params.update(json.loads(given))
    os.write(1, b"begin\n")
    try:
        answer = {"result": change.change(params, None, False, Root(tree))}
    except (Refusal, Failed, OSError) as error:
        answer = {"error": str(error)}
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
