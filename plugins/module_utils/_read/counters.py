# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counters of TCP that tell of connections lost, refused or bounded. Private to the collection."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

# Documentation/networking/snmp_counter.rst; those that a kernel does not have are left out of the section.
COUNTERS = """
    CurrEstab ActiveOpens PassiveOpens AttemptFails EstabResets OutSegs RetransSegs
    ListenOverflows ListenDrops TCPReqQFullDrop TCPReqQFullDoCookies SyncookiesSent SyncookiesRecv
    SyncookiesFailed TCPBacklogDrop TCPDeferAcceptDrop TCPMigrateReqFailure TCPAbortOnMemory TCPAbortOnTimeout
    TCPMemoryPressures PruneCalled RcvPruned OfoPruned TCPRcvQDrop TCPZeroWindowDrop TCPTimeWaitOverflow TW
    TWRecycled TWKilled PAWSActive PAWSEstab TCPTimeouts TCPSynRetrans IPReversePathFilter
"""
NUMBER = re.compile(r"-?\d{1,20}\Z", re.A)


def read_counters(root: Root) -> dict[str, Any]:
    """Return {counter: number since the namespace was made} (CurrEstab: as of now), or the absence."""
    snmp, netstat = root.text("/proc/net/snmp"), root.text("/proc/net/netstat")
    if isinstance(snmp, dict):
        return snmp
    pairs = {**parse_pairs(snmp).get("Tcp", {}), **parse_pairs(text_of(netstat)).get("TcpExt", {})}
    return {name: pairs[name] for name in COUNTERS.split() if name in pairs}


def parse_pairs(text: str) -> dict[str, dict[str, int]]:
    """Return {group: {name: number}} of /proc/net/snmp or netstat: a line of names, and below it a line of numbers."""
    lines = [line.split() for line in text.splitlines()]
    groups: dict[str, dict[str, int]] = {}
    for names, numbers in zip(lines, lines[1:]):
        if names and numbers and names[0] == numbers[0] and names[0].endswith(":"):
            pairs = ((name, word) for name, word in zip(names[1:], numbers[1:]) if NUMBER.match(word))
            groups.setdefault(names[0][:-1], {}).update((name, int(word)) for name, word in pairs)
    return groups
