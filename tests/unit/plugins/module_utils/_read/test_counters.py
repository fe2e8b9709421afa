# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of TCP."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.counters import parse_pairs, read_counters

SNMP = "Ip: Forwarding\nIp: 1\nTcp: RtoMin MaxConn ActiveOpens CurrEstab\nTcp: 200 -1 9 12\n"
NETSTAT = "TcpExt: SyncookiesSent ListenOverflows Unheard\nTcpExt: 1 18446744073709551615 3\nIpExt: InOctets\nIpExt: 5\n"


def test_counters(plant):
    """The named counters of both files come; those the kernel lacks are left out, not zero."""
    root = plant({"/proc/net/snmp": SNMP, "/proc/net/netstat": NETSTAT})
    wanted = {"CurrEstab": 12, "ActiveOpens": 9, "ListenOverflows": 18446744073709551615, "SyncookiesSent": 1}
    assert read_counters(root) == wanted


def test_no_file(plant):
    """Without /proc/net/snmp the section is an absence."""
    assert read_counters(plant({}))["absent"] == "unknown"


def test_lines_that_do_not_match():
    """A line of names without its numbers, and words that are no numbers, give nothing."""
    assert parse_pairs("Tcp: A B C\nUdp: D\nTcp: 1 x 3\n") == {}
    assert parse_pairs("Tcp: A B C\nTcp: 1 x 3\n") == {"Tcp": {"A": 1, "C": 3}}


@given(st.text() | st.text(alphabet="Tcp: 019-\n"))
def test_any_text(text):
    """No text makes the parser fail."""
    assert all(isinstance(number, int) for group in parse_pairs(text).values() for number in group.values())
