# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tally: numbers that processes write, sums and times that their parent reads."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import tally


@given(st.integers(min_value=1, max_value=10**12))
def test_a_bucket_is_right_to_a_sixteenth(nanoseconds):
    """The end of a time's bucket is at least the time and at most a sixteenth above it."""
    end = tally.upper_end(tally.bucket_of(nanoseconds))
    assert nanoseconds <= end
    if 1 << tally.SHORTEST < nanoseconds:
        assert nanoseconds < end <= nanoseconds * 17 / 16 + 1


@given(st.integers(min_value=1, max_value=10**12), st.integers(min_value=0, max_value=10**9))
def test_buckets_are_in_the_order_of_the_times(nanoseconds, more):
    """A longer time is never in an earlier bucket."""
    assert tally.bucket_of(nanoseconds) <= tally.bucket_of(nanoseconds + more)


def test_a_child_writes_and_the_parent_reads():
    """The rows are shared with a process that was forked later; sums go over all of them."""
    board = tally.Tally(2, 3)
    child = os.fork()
    if child == 0:
        row = board.row(1)
        row[tally.KINDS + tally.EACH * 2 + tally.HELD] = 40
        row[tally.STATE] = 2
        os._exit(0)
    os.waitpid(child, 0)
    board.row(0)[tally.KINDS + tally.EACH * 2 + tally.HELD] = 2
    assert 42 == board.of_kind(2, tally.HELD) == board.held()
    assert [0, 2] == board.states()
    assert 0 == board.of_kind(1, tally.HELD)


def test_the_first_refusal_is_the_earliest():
    """Of the refusals of all processes the earliest counts; a kind without one has none."""
    board = tally.Tally(3, 2)
    for process, (error, when) in enumerate([(99, 500), (24, 300), (0, 0)]):
        row = board.row(process)
        row[tally.KINDS + tally.EACH + tally.ERRNO], row[tally.KINDS + tally.EACH + tally.WHEN] = error, when
    assert tally.Refusal(24, 300) == board.first_refusal(1)
    assert board.first_refusal(0) is None


@pytest.mark.parametrize(("share", "expected"), [(0.5, 100_000), (0.99, 100_000), (1.0, 5_000_000)])
def test_percentiles_are_of_all_rows_together(share, expected):
    """99 short times in one row and a long one in another."""
    board = tally.Tally(2, 1)
    first = tally.KINDS + tally.EACH
    board.row(0)[first + tally.bucket_of(100_000)] = 99
    board.row(1)[first + tally.bucket_of(5_000_000)] = 1
    (found,) = board.percentiles([share])
    assert expected / 1e9 <= found <= 1.07 * expected / 1e9


def test_no_sample_has_no_percentile():
    """Without a timed connection there is no time."""
    assert [None] == tally.Tally(1, 1).percentiles([0.5])
