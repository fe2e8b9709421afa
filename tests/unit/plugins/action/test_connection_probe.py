# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of progress: held of asked, rate, time left, memory."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.action.connection_probe import line

DIALLING = {"phase": "dialling", "held": 12000, "asked": 20000, "rate": 9000, "left": 0.9, "available": 12 << 30}


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (DIALLING, "  a: dialling 12,000 of 20,000, 9,000/s, 1 s left, 12.0 GiB free"),
        (dict(DIALLING, phase="holding", held=20000), "  a: holding 20,000 of 20,000, 12.0 GiB free"),
        ({"phase": "listening", "held": 5, "available": 1 << 29}, "  a: listening 5, 0.5 GiB free"),
        ({"phase": "failed", "held": 0, "note": "why"}, "  a: failed 0, why"),
    ],
)
def test_a_line_suits_a_terminal_and_a_log(status, text):
    """A line is short, has no control character, and stands for itself."""
    assert text == line("a", status)


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "\x1b[2J", "held": "\x1b]0;x\a", "asked": [1], "note": "\x1b[31m" * 9999},
        {"phase": "dialling", "held": -1, "asked": {}, "rate": "fast", "left": None, "available": float("inf")},
        {"phase": "dialling", "held": 10**400, "rate": 10**400, "left": "x", "available": 10**400},
    ],
)
def test_no_status_steers_the_terminal_or_ends_the_watch(status):
    """Whatever a host that was taken over says of its run is one short line of printable text."""
    text = line("a", status)
    assert text.isprintable() and len(text) < 800
