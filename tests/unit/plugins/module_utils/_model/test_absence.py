# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Absences: made with a reason, told from values, never a number."""

from __future__ import annotations

import errno

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import REASONS, absent, absent_for, is_absent, known, number


@pytest.mark.parametrize("reason", REASONS)
def test_an_absence_has_a_reason_and_a_detail(reason):
    """Each reason makes an absence that is one."""
    assert absent(reason, "why") == {"absent": reason, "detail": "why"} and is_absent(absent(reason, "why"))


def test_other_reasons_are_a_mistake_of_ours():
    """A reason that no reader of a report knows is refused."""
    with pytest.raises(ValueError, match="absence reason 'gone' is not one of not_loaded"):
        absent("gone", "why")


@pytest.mark.parametrize(
    "code, reason",
    [(errno.EACCES, "no_permission"), (errno.EPERM, "no_permission"), (errno.EIO, "unreadable"), (errno.ELOOP, "unreadable")],
)
def test_errors_of_reading(code, reason):
    """A refusal is told from what is broken, and the path is named."""
    found = absent_for(OSError(code, "text"), "/proc/x")
    assert found == {"absent": reason, "detail": "/proc/x: text"}


def test_an_error_without_a_number():
    """A time-out has neither number nor text of the system."""
    assert absent_for(OSError("timed out"), "netlink") == {"absent": "unreadable", "detail": "netlink: timed out"}


@pytest.mark.parametrize(
    "value, present, whole",
    [
        (0, True, 0),
        (-1, True, -1),
        (1 << 80, True, 1 << 80),
        (True, True, None),
        ("unlimited", True, None),
        ("5", True, None),
        ([], True, None),
        ({}, True, None),
        (None, True, None),
        (absent("unknown", "x"), False, None),
    ],
)
def test_values_and_absences(value, present, whole):
    """Zero is a value; `unlimited`, switches, lists and absences are no numbers."""
    assert is_absent(value) is not present
    assert known(value, "default") == (value if present else "default")
    assert number(value) == whole
