# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of a plan: a million connections over three tiers and 200 recorded hosts, against reading these hosts from JSON.

usage: PYTHONPATH=.build/live:. python tests/bench/plan.py [HOSTS]
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from ansible_collections.c10m.front_tier.plugins.filter.plan import plan
from tests.recorded import tiers

HOSTS = 200


def seconds(hosts: int, rounds: int = 5) -> dict[str, list[float]]:
    """Return {plan, read: seconds of processor time of each round}, without the first. Ends where the plan does not reach its goal."""
    text = json.dumps(tiers.many(hosts))
    found: dict[str, list[float]] = {"plan": [], "read": []}
    for _dummy in range(rounds + 1):
        begin = time.process_time()
        fleet = json.loads(text)
        read = time.process_time()
        made = plan(fleet)
        found["plan"].append(time.process_time() - read)
        found["read"].append(read - begin)
        if not all(hop["reached"] for hop in made["hops"]):
            raise SystemExit("the plan does not reach what is wanted")
    return {name: times[1:] for name, times in found.items()}


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS
    middle = {name: statistics.median(times) for name, times in seconds(number).items()}
    print(
        "plan of 3 tiers, %d recorded hosts: %.2f s of processor time (goal: 2 s), reading them %.2f s"
        % (number, middle["plan"], middle["read"])
    )
