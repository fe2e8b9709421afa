# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pair's ports may expect where sources are drawn, against the exact chance of Poisson's distribution."""

from __future__ import annotations

import itertools
import math

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import by_chance


def tail(mean, most):
    """Return how likely a pair that is to have `mean` connections draws more than `most` of them (Poisson)."""
    terms = (math.exp(one * math.log(mean) - mean - math.lgamma(one + 1)) for one in itertools.count(most + 1))
    return math.fsum(itertools.takewhile(lambda term: term > 1e-30, terms))


@pytest.mark.parametrize("ports, sure", [(0, 0), (5, 0), (10, 2), (40, 18), (100, 60), (500, 400), (1000, 853), (28232, 27404)])
def test_what_is_drawn_finds_a_port(ports, sure):
    """So many connections of a pair are sure of a port, and one more is not promised."""
    assert by_chance(ports) == sure
    assert sure + 5 * math.sqrt(sure) <= ports < sure + 1 + 5 * math.sqrt(sure + 1)
    if sure:
        assert tail(sure, ports) < (1e-6 if ports >= 100 else 1e-5)


def test_nine_tenths_would_not_do():
    """Of a thousand ports 900 run out in every 2,000th pair, of 40 ports 36 in every fifth: what was promised once."""
    assert tail(900, 1000) > 1 / 2100
    assert tail(36, 40) > 1 / 5
