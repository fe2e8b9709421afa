# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local port range and the reserved ports as they will be, checked together. Pure. Private to the collection."""

from __future__ import annotations

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sysctls import NOTHING, RANGE, RESERVED, START


def check_range(settled: dict[str, str], listening: int) -> list[str]:
    """Check range and reserved ports together as they will be, and return warnings. Raises Refusal.

    settled: texts of the range, the reserved list and ip_unprivileged_port_start as they will be; listening: ports that
    something listens on, or that rules hand on, and that a wider range would put at risk.
    """
    low, high = (int(word) for word in settled[RANGE].split()[:2])
    if low > high:
        raise Refusal("%s %d-%d: low is above high. Turn them round.%s" % (RANGE, low, high, NOTHING))
    start = int(settled.get(START) or 0)
    if low < start:
        raise Refusal(
            "%s: low %d is below %s %d, and the kernel refuses that. Set that one to %d or lower first, or begin at %d.%s"
            % (RANGE, low, START, start, low, start, NOTHING)
        )
    reserved = portsets.port_set(item for item in settled[RESERVED].split(",") if item)
    usable = portsets.span(low, high) & ~reserved
    if not usable:
        raise Refusal("%s leaves no port of %d-%d: nothing could connect any more. Reserve fewer.%s" % (RESERVED, low, high, NOTHING))
    at_risk = usable & listening
    if at_risk:
        raise Refusal(
            "Ports %s are listened on (or handed on by rules) inside the range %d-%d: a dial could take them while the program "
            "restarts. Reserve them, or choose a range without them.%s" % (", ".join(portsets.texts(at_risk)), low, high, NOTHING)
        )
    if (high - low) % 2 == 0 and high > low:
        return [
            "The range %d-%d has an odd number of ports: the kernel leaves one out by chance. End it at %d."
            % (low, high, high - 1 if high == 65535 else high + 1)
        ]
    return []
