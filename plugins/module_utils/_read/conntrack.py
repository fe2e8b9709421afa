# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tracking: its table, what it lost, whether it works in this namespace. Private to the collection."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent, number
from ansible_collections.c10m.front_tier.plugins.module_utils._read.counters import parse_pairs
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

STAT = "/proc/net/stat/nf_conntrack"
LOSSES = ("drop", "early_drop", "insert_failed")


def read_conntrack(root: Root, limits_by_name: dict[str, Any]) -> dict[str, Any]:
    """Return the section `conntrack`: {active, entries, max, buckets, drop, early_drop, insert_failed}.

    limits_by_name: the limits that were read, {name: limit}. `active` may be an absence: see is_active().
    """
    unread = {"value": absent("unknown", "not read")}
    names = (("entries", "count"), ("max", "max"), ("buckets", "buckets"))
    section = {key: limits_by_name.get("net.netfilter.nf_conntrack_" + name, unread)["value"] for key, name in names}
    text = root.text(STAT)
    if not root.exists(STAT) and number(section["max"]) is None:
        return dict(section, active=False, **dict.fromkeys(LOSSES, absent("not_loaded", "nf_conntrack is not loaded")))
    sums = parse_stat(text_of(text))
    missing = text if is_absent(text) else absent("unknown", "%s: no such column" % STAT)
    losses = {name: sums.get(name, missing) for name in LOSSES}
    return dict(section, active=is_active(root, section["entries"]), **losses)


def is_active(root: Root, entries: Any) -> Any:
    """Tell whether connections of this namespace are tracked, as far as it shows without a privilege.

    Tracking starts with the first rule of the namespace that needs it (kernel-truths, 6. conntrack). Entries prove it;
    connections without any entry prove that they are not tracked; a module that nothing uses tracks nothing.
    """
    if number(entries) is None:
        return entries
    if entries > 0:
        return True
    users = re.search(r"^nf_conntrack \d+ (\d+) ", text_of(root.text("/proc/modules")), re.M)
    established = parse_pairs(text_of(root.text("/proc/net/snmp"))).get("Tcp", {}).get("CurrEstab", 0)
    if established > 0 or (users and users.group(1) == "0"):
        return False
    return absent("unknown", "no entry now, and no connection that would show whether it gets one")


def parse_stat(text: str) -> dict[str, int]:
    """Return {column: sum over the processors} of /proc/net/stat/nf_conntrack (hexadecimal, a line for each processor).

    `entries` is left out: every line repeats the same number.
    """
    names, *rows = [line.split() for line in text.splitlines() if line.strip()] or [[]]
    sums: dict[str, int] = {}
    for row in rows:
        for name, word in zip(names, row):
            if name != "entries" and re.match(r"[0-9a-fA-F]{1,16}\Z", word):
                sums[name] = sums.get(name, 0) + int(word, 16)
    return sums
