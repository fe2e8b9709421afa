# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of sysctls, and values as plain data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS, Limits, values
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import is_valid, port_set, texts

GONE = {"absent": "unknown", "detail": "x"}


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("a", "5\n", 5),
        ("a", "-1", -1),
        ("a", "1\t2 3\n", [1, 2, 3]),
        ("a", "cubic\n", "cubic"),
        ("a", "1 x", "1 x"),
        ("a", "", ""),
        ("net.ipv4.ip_local_reserved_ports", "\n", []),
        ("net.ipv4.ip_local_reserved_ports", "1,5-9\n", ["1", "5-9"]),
    ],
)
def test_values(name, text, expected):
    """A number, a list of numbers, a list of ports, or the text itself."""
    assert values(name, text) == expected


@given(st.sets(st.integers(0, 65535), max_size=60))
def test_reserved_ports_survive_being_printed(ports):
    """A set of ports, printed as the kernel does, is read as that set."""
    wanted = sum(1 << port for port in ports)
    assert port_set(values("net.ipv4.ip_local_reserved_ports", ",".join(texts(wanted)) + "\n")) == wanted


@pytest.mark.parametrize("name", sorted(SYSCTLS))
def test_defaults_are_values_that_the_sysctl_can_have(name):
    """Every default of the table is what a kernel would print, and every scope is one of the two."""
    known = SYSCTLS[name]
    assert known.default is None or is_valid(name, values(name, str(known.default)))
    assert known.scope in ("kernel", "netns")


def test_limits_by_name():
    """What was read, what is absent and what was not read are told apart."""
    rows = [
        {"name": "a", "value": 5, "boot": {"value": 7}},
        {"name": "b", "value": GONE, "boot": {"value": GONE}},
        {"name": "c", "value": "unlimited"},
    ]
    limits = Limits({"limits": rows})
    assert [limits.value(name) for name in "abcd"] == [5, None, "unlimited", None]
    assert [limits.number(name) for name in "abcd"] == [5, None, None, None]
    assert [limits.boot(name) for name in "abcd"] == [7, None, None, None]
    assert [limits.present(name) for name in "abcd"] == [True, False, True, False]
    assert limits.entry("a") is rows[0] and limits.entry("d") is None
