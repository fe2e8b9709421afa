# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory and sockstat."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import parse_meminfo, parse_sockstat, read_memory

SOCKSTAT = "sockets: used 9\nTCP: inuse 5 orphan 1 tw 7 alloc 30 mem 12\nUDP: inuse 1 mem 0\n"
SOCKSTAT6 = "TCP6: inuse 3\nUDP6: inuse 0\n"


def test_sockets_of_both_families():
    """Only `inuse` is counted by family; the other fields stand for both."""
    both = {"inuse": 8, "orphan": 1, "time_wait": 7, "alloc": 30, "memory_pages": 12}
    assert parse_sockstat(SOCKSTAT, SOCKSTAT6) == both
    assert parse_sockstat(SOCKSTAT, absent("unknown", "no IPv6")) == dict(both, inuse=5)


def test_missing_sockstat():
    """Without the file, or without a field, the values are absences."""
    gone = absent("no_permission", "x")
    assert set(map(str, parse_sockstat(gone).values())) == {str(gone)}
    partial = parse_sockstat("TCP: inuse 2\n")
    assert partial["inuse"] == 2 and is_absent(partial["orphan"]) and is_absent(partial["memory_pages"])


def test_memory(plant):
    """Kilobytes become bytes; what an old kernel does not tell is an absence."""
    root = plant({"/proc/meminfo": "MemTotal:  100 kB\nMemFree: 3 kB\nMemAvailable:    40 kB\n"})
    section = read_memory(root)
    assert (section["total"], section["available"]) == (102400, 40960)
    assert is_absent(section["tcp_pages"])
    assert is_absent(parse_meminfo("MemTotal: 100 kB\n")["available"])


@given(st.text(), st.text())
def test_any_text(text, text6):
    """No text makes the parsers fail."""
    assert set(parse_meminfo(text)) == {"total", "available"}
    assert len(parse_sockstat("TCP: " + text, "TCP6: inuse " + text6)) == 5
