# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a host become harmless text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import tidy

DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "value, text",
    [
        (None, ""), ("plain", "plain"), ("two\n lines\t", "two lines"), ("\x1b[31mred\x07", "\ufffd[31mred\ufffd"),
        ("abc\u202etxt.exe", "abc\ufffdtxt.exe"), ("\x00", "\ufffd"), ("x" * 9, "xxxxxxx…"), (12, "12"), (["a", 1], "a 1"),
        ("\ud800", "\ufffd"), ("\u2028x", "x"), ("é", "é"),
    ],
)  # fmt: skip
def test_clean_text_is_one_printable_line(value, text):
    """Escape sequences, line breaks and reversed text cannot reach a terminal."""
    assert text == tidy.clean(value, 8 if value == "x" * 9 else 600)


@given(DATA)
def test_any_data_becomes_a_printable_line(value):
    """Nothing that JSON can hold makes the report fail."""
    text = tidy.clean(value)
    assert text.isprintable() and len(text) <= tidy.MOST_TEXT


@pytest.mark.parametrize(
    "value, text",
    [
        ([32768, 60999], "32768 60999"), ({"soft": 1024, "hard": 524288}, "1,024 / 524,288"), (1 << 63, "unlimited"), (4096, "4,096"),
        ({"absent": "too_old", "detail": "x"}, "not known"), (True, "yes"), ([], "none"), ("", "none"), ("unlimited", "unlimited"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_do(value, text):
    """A range has no comma, a limit has its thousands apart."""
    assert text == tidy.words(value)


@pytest.mark.parametrize(
    "part, whole, text",
    [
        (0, 100, "0 %"),
        (1, 1000, "<1 %"),
        (999, 1000, ">99 %"),
        (1000, 1000, "100 %"),
        (97, 100, "97 %"),
        (5, 0, "100 %"),
        (None, 1, ""),
        (1, None, ""),
    ],
)
def test_a_percentage_is_never_rounded_to_nothing_or_to_all(part, whole, text):
    """What is nearly full is not shown as full, and what is used is not shown as unused."""
    assert text == tidy.percent(tidy.share(part, whole))


@pytest.mark.parametrize("value", [-1, True, 1.5, "1", None, [], 1 << 70])
def test_only_whole_numbers_count(value):
    """Anything else is not a number of connections."""
    assert tidy.count(value) is None


def test_plain_data_has_no_subclasses():
    """Tags and lazy containers of ansible-core stay behind."""

    class Tagged(str):
        pass

    found = tidy.plain({"a": [Tagged("x")], "b": {1, 2}.__class__})
    assert {str} == {found["a"][0].__class__, found["b"].__class__}


def test_endless_nesting_is_refused():
    """Data that is nested without end is an error that can be caught, not a crash."""
    deep: list = []
    for _level in range(100000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        tidy.plain(deep)
