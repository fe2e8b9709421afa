# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes between real network namespaces: what can be dialled, and each reason why something cannot."""

from __future__ import annotations

import json
import os
import sys

CODE = """
import json, sys
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.handshake import Pair, shake
pairs = [Pair(*row) for row in json.loads(sys.argv[1])]
print(json.dumps([[str(pair), why] for pair, why in shake(pairs, 1.0).items()]))
"""


def shaken(tier, *pairs):
    """Return {pair in words: why it failed, None where it did not} as the proxy's side sees it."""
    env = ["env", "PYTHONPATH=" + os.pathsep.join(sys.path)]
    return dict(json.loads(tier.run("p", *env, sys.executable, "-c", CODE, json.dumps(pairs))))


def test_handshakes(tier):
    """One pair for each outcome; an address that the other side has no way back to gets no answer."""
    tier.serve("10.71.2.11:8080", "[fd71:2::11]:8080")
    tier.run("p", "ip", "addr", "add", "10.99.0.1/32", "dev", "lo")
    found = shaken(
        tier,
        ("10.71.2.101", "10.71.2.11", 8080),
        ("", "10.71.2.11", 8080),
        ("fd71:2::101", "fd71:2::11", 8080),
        ("10.71.2.101", "10.71.2.11", 8081),
        ("10.71.2.103", "10.71.2.11", 8080),
        ("10.99.0.1", "10.71.2.11", 8080),
        ("10.71.2.101", "10.98.0.1", 80),
    )
    assert found == {
        "10.71.2.101 -> 10.71.2.11:8080": None,
        "this host -> 10.71.2.11:8080": None,
        "fd71:2::101 -> [fd71:2::11]:8080": None,
        "10.71.2.101 -> 10.71.2.11:8081": "refused: nothing listens there, or a firewall rejects this source (ECONNREFUSED)",
        "10.71.2.103 -> 10.71.2.11:8080": "this host does not have the source, or has no free port on it for this listener (EADDRNOTAVAIL)",
        "10.99.0.1 -> 10.71.2.11:8080": "no answer in 1 s: no route back, or a firewall drops it",
        "10.71.2.101 -> 10.98.0.1:80": "no route (ENETUNREACH)",
    }


def test_handshakes_leave_nothing(tier):
    """Of handshakes no socket is left, on either side: they are reset."""
    tier.run("p", "sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=1000")
    tier.ports(40)
    tier.serve("10.71.2.11:8080")
    for _round in range(3):
        found = shaken(tier, *[("10.71.2.%d" % (101 + index % 2), "10.71.2.11", 8080) for index in range(2)])
        assert set(found.values()) == {None}
    assert tier.run("p", "ss", "-Htn", "state", "time-wait", "state", "established") == ""
