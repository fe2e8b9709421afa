# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shares: who opens what, and how."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.shares import Lane, Way, shares_of, way_of

SNAPSHOT = {
    "limits": [
        {"name": "net.ipv4.ip_local_port_range", "value": [20000, 20099]},
        {"name": "net.ipv4.ip_local_reserved_ports", "value": []},
    ],
    "listeners": [{"address": "127.0.0.1", "port": 20005}],
    "sockets": {"bound": []},
}
PATH = {"sources": ["127.0.2.1", "127.0.2.2"], "destinations": ["127.0.1.1"], "ports": [9000]}


@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 9), st.integers(0, 50))
def test_all_that_is_asked_is_shared_out(asked, processes, lanes, ports):
    """The quotas are what is asked, to the last one, and differ by at most one; each process has all lanes and all ports."""
    way = Way("explicit", asked, tuple(Lane("127.0.0.1", "127.0.0.2", port) for port in range(lanes)), tuple(range(ports)))
    shares = [one[0] for one in shares_of([way], processes)]
    quotas = [share.quota for share in shares]
    assert asked == sum(quotas)
    assert max(quotas) - min(quotas) <= 1
    assert all(sorted(share.lanes) == sorted(way.lanes) and sorted(share.ports) == sorted(way.ports) for share in shares)


def test_what_binds_is_dialled_after_what_the_kernel_chooses():
    """A bound port is left out by connect()'s own choice, so those paths come second."""
    ways = [Way(bind, 1, (Lane("127.0.0.1", "127.0.0.2", 1),)) for bind in ("plain", "none", "explicit", "no_port")]
    assert [1, 0, 1, 0] == [share.turn for share in shares_of(ways, 1)[0]]


@pytest.mark.parametrize(
    ("more", "asked", "ranges", "bind", "slices", "ports"),
    [
        ({}, 79, True, "no_port", (), 0),  # few ports are taken: the kernel finds one at once
        ({}, 80, True, "no_port", ((20000, 20031), (20032, 20063), (20064, 20095), (20096, 20099)), 0),
        ({}, 80, False, "explicit", (), 99),  # all but that of the listener
        ({"bind": "no_port"}, 200, True, "no_port", (), 0),
        ({"dialer": "haproxy"}, 200, False, "no_port", (), 0),
        ({"bind": "plain"}, 100, True, "plain", (), 0),
        ({"port_range": "30000-30009"}, 20, True, "explicit", (), 10),
    ],
)
def test_the_way_of_a_path(more, asked, ranges, bind, slices, ports):
    """What is not to be imitated is dialled in the way that stays fast, as the kernel allows it."""
    path = parse_path("path", dict(PATH, **more))
    way = way_of(path, asked, "bind" in more or "dialer" in more, SNAPSHOT, ranges, {})
    assert (bind, slices, ports, asked) == (way.bind, way.slices, len(way.ports), way.asked)


@given(st.integers(1024, 65000), st.integers(1, 40000), st.integers(1, 60))
def test_slices_are_the_whole_range_and_each_process_begins_at_another(low, width, processes):
    """Each port of the range is in one slice, in order; a process has all of them, beginning at its part."""
    high = min(65535, low + width)
    snapshot = {"limits": [{"name": "net.ipv4.ip_local_port_range", "value": [low, high]}], "listeners": [], "sockets": {"bound": []}}
    way = way_of(parse_path("path", PATH), 10**7, False, snapshot, True, {})
    assert list(range(low, high + 1)) == [port for first, last in way.slices for port in range(first, last + 1)]
    shares = [one[0].slices for one in shares_of([way], processes)]
    assert all(sorted(slices) == list(way.slices) for slices in shares)
    assert min(processes, len(way.slices)) == len({slices[0] for slices in shares})


def test_explicit_ports_of_a_path_without_sources_are_bound_on_the_kernels_own():
    """Where nothing is bound, the fallback binds the source that the kernel would pick."""
    path = parse_path("path", {"destinations": ["127.0.1.1"], "ports": [9000]})
    way = way_of(path, 90, False, SNAPSHOT, False, {"127.0.1.1": "127.0.0.1"})
    assert (Lane("127.0.0.1", "127.0.1.1", 9000),) == way.lanes
