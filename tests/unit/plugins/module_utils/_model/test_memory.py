# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an idle connection costs: the ends that a program holds, and figures that are those measured in docs/memory.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS

DOCS = Path(__file__).resolve().parents[5] / "docs/memory.md"
BARE = {"dialled": 4010, "accepted": 3790}


def measured():
    """Return {program: [(ends, bytes in all beyond the bare ends)]} of the states without TLS in the table of the docs."""
    found = {}
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        row = re.match(r"\| (\w+) \| ([^|]+) \| ([12]) \| \*\*(\d+)\*\* \| [^|]+ \| (\d+) \| (-?\d+) \|$", line)
        if row and not row.group(2).endswith("TLS"):
            found.setdefault(row.group(1), []).append((int(row.group(3)), sum(int(row.group(part)) for part in (4, 5, 6))))
    return found


@pytest.mark.parametrize("program", [None, "", "sshd"])
def test_an_unknown_program_costs_the_end_that_it_holds(program):
    """Nothing is invented for a program that was not measured; connection tracking has an entry for the connection."""
    assert BARE["dialled"] == memory.for_dialled(program, False)
    assert BARE["accepted"] == memory.for_accepted(program, False)
    assert [256, 256] == [cost(program, True) - cost(program, False) for cost in (memory.for_dialled, memory.for_accepted)]


def test_connections_from_one_port_share_its_buckets():
    """The dialled end costs more by a port's buckets, of which each connection from that port has its part."""
    shared = [memory.for_dialled(None, False, sharing) for sharing in (1, 2, 16, 10**6)]
    assert shared == [4010, 3900, 3803, 3790]
    assert memory.for_dialled(None, False, 0) == shared[0]


@pytest.mark.parametrize("program", sorted(DIALERS))
def test_a_relay_pays_for_both_ends(program):
    """What a relay dials it has accepted before: two ends and two tracked connections, and its own memory for both."""
    own = memory.PROGRAMS[program].relayed if program in memory.PROGRAMS else 0
    assert BARE["dialled"] + BARE["accepted"] + own == memory.for_dialled(program, False)
    assert 2 * 256 == memory.for_dialled(program, True) - memory.for_dialled(program, False)


@pytest.mark.parametrize("program", sorted(memory.PROGRAMS))
def test_a_client_waiting_is_the_least(program):
    """An accepted connection is one end and one tracked connection, and less to the program than a relayed one."""
    cost = memory.PROGRAMS[program]
    assert 0 < cost.client < cost.relayed
    assert BARE["accepted"] + cost.client + 256 == memory.for_accepted(program, True)


@pytest.mark.parametrize("program", sorted(set(memory.PROGRAMS) & set(DIALERS)))
def test_figures_are_those_measured(program):
    """The client's figure and the dearest relayed one are those of the table in the docs, rounded."""
    rows = measured()[program]
    clients, relayed = ([each for ends, each in rows if ends == wanted] for wanted in (1, 2))
    assert pytest.approx(max(clients), rel=0.02) == memory.PROGRAMS[program].client
    assert pytest.approx(max(relayed), rel=0.02) == memory.PROGRAMS[program].relayed


def test_varnish_is_the_same_by_either_name():
    """A path names the dialer, a service names its process."""
    assert memory.PROGRAMS["varnish"] == memory.PROGRAMS["varnishd"]


def test_what_open_sockets_pin_is_not_free():
    """MemAvailable counts the inodes and dentries of open sockets as reclaimable: they are not, and a small rest is not negative."""
    assert 10**9 == memory.left(10**9, 0)
    assert 10**9 - 100_000 * memory.PINNED == memory.left(10**9, 100_000)
    assert 0 == memory.left(10**6, 10**6)
