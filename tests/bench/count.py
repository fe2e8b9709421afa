# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count all sockets of this namespace as the module does with sample 0, and print how long it took."""

from __future__ import annotations

import json
import time

from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import span
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import read_sockstat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sockets import read_sockets


def main() -> None:
    """Count once."""
    begin = time.monotonic()
    totals = read_sockstat(Root())
    found = read_sockets(Root(), span(32768, 60999), totals["inuse"] + totals["time_wait"], sample=0)
    print(json.dumps({"seconds": time.monotonic() - begin, "seen": found["seen"]}))
