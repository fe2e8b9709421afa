# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of ports against Python's own sets, and who holds a port for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports

port_sets = st.sets(st.integers(0, 65535), max_size=200)
ranges = st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 300)), max_size=20)


def bits(members):
    """Return a Python set as the module keeps it."""
    return sum(1 << port for port in members)


def members(found):
    """Return the module's set as a Python set."""
    return {port for port, bit in enumerate(bin(found)[:1:-1]) if bit == "1"}


def snapshot(low=None, high=None, reserved=None, listeners=(), bound=()):
    """Return as much of a snapshot as ports need."""
    limits = []
    if low is not None:
        limits.append({"name": "net.ipv4.ip_local_port_range", "value": [low, high]})
    if reserved is not None:
        limits.append({"name": "net.ipv4.ip_local_reserved_ports", "value": reserved})
    return {"limits": limits, "listeners": list(listeners), "sockets": {"bound": bound}}


class TestSets:
    @given(port_sets)
    def test_texts_and_back(self, wanted):
        """A set survives being written as the kernel writes it."""
        assert members(ports.port_set(ports.texts(bits(wanted)))) == wanted

    @given(port_sets)
    def test_texts_are_sorted_joined_and_apart(self, wanted):
        """Texts are in order, and two of them never touch: there is one way to write a set."""
        ends = [tuple(int(end) for end in text.split("-")) for text in ports.texts(bits(wanted))]
        assert all(one[-1] + 1 < other[0] for one, other in zip(ends, ends[1:]))
        assert all(len(one) == 1 or one[0] < one[1] for one in ends)

    @given(ranges)
    def test_overlapping_ranges_join(self, pairs):
        """Ranges in any order, overlapping or not, name the union of their ports."""
        pairs = [(low, min(65535, low + width)) for low, width in pairs]
        expected = {port for low, high in pairs for port in range(low, high + 1)}
        assert members(ports.port_set("%d-%d" % pair for pair in pairs)) == expected

    @given(port_sets, port_sets)
    def test_operations_are_those_of_sets(self, one, other):
        """Union, intersection, difference and size are those of sets."""
        assert members(bits(one) | bits(other)) == one | other
        assert members(bits(one) & ~bits(other)) == one - other
        assert ports.count(bits(one) & bits(other)) == len(one & other)

    @given(st.integers(-5, 70000), st.integers(-5, 200))
    def test_span(self, low, width):
        """A span holds both of its ends; with the ends the wrong way round it is empty."""
        low = max(0, low)
        assert members(ports.span(low, low + width)) == set(range(low, low + width + 1))

    @pytest.mark.parametrize(
        "item, message",
        [
            ("", '"" is no port and no range of ports: write "8080" or "8080-8082"'),
            ("http", '"http" is no port and no range of ports: write "8080" or "8080-8082"'),
            ("80-", '"80-" is no port and no range of ports: write "8080" or "8080-8082"'),
            ("-80", '"-80" is no port and no range of ports: write "8080" or "8080-8082"'),
            ("1-2-3", '"1-2-3" is no port and no range of ports: write "8080" or "8080-8082"'),
            ("\u00b2", '"\u00b2" is no port and no range of ports: write "8080" or "8080-8082"'),
            (None, '"None" is no port and no range of ports: write "8080" or "8080-8082"'),
            ("65536", 'ports "65536": they must lie in 0-65535, the lower one first'),
            ("9-8", 'ports "9-8": they must lie in 0-65535, the lower one first'),
            ("80-99999999999999", 'ports "80-99999999999999": they must lie in 0-65535, the lower one first'),
        ],
    )
    def test_what_is_no_port_is_named(self, item, message):
        """A wrong item is refused with its own text, and huge numbers cost nothing."""
        with pytest.raises(ValueError) as error:
            ports.port_set([80, item])
        assert str(error.value) == message

    @given(st.lists(st.text(max_size=12), max_size=4))
    def test_any_text_is_a_port_or_a_value_error(self, items):
        """No text is anything but ports or refused."""
        try:
            assert ports.port_set(items) >> 65536 == 0
        except ValueError:
            pass


class TestRange:
    @pytest.mark.parametrize(
        "value",
        [None, "junk", [], [1], [1, 2, 3], [5, 4], [-5, 10], [1, 70000], [1, 10**12], ["1", "2"], [True, 10], {"absent": "unreadable"}],
    )
    def test_what_is_no_range_gives_the_kernels_default(self, value):
        """A range that could not be read, or that no kernel would take, is the default; it costs no memory."""
        found = {"limits": [{"name": "net.ipv4.ip_local_port_range", "value": value}]}
        assert ports.in_range(found) == (32768, 60999)
        assert ports.count(ports.candidates(found)) == 28232

    @pytest.mark.parametrize(
        "low, high, width, odd", [(1, 65535, 65535, True), (1024, 65535, 64512, False), (9, 9, 1, False), (9, 11, 3, True)]
    )
    def test_width_and_parity(self, low, high, width, odd):
        """Both ends belong to the range; one port alone is odd but the kernel does not leave it out."""
        assert ports.count(ports.candidates(snapshot(low, high))) == width
        assert ports.is_odd(snapshot(low, high)) == odd

    @given(st.integers(1, 65000), st.integers(0, 500), ranges)
    def test_candidates_are_the_range_less_what_is_reserved(self, low, width, pairs):
        """What is reserved outside the range changes nothing."""
        high = min(65535, low + width)
        pairs = [(first, min(65535, first + more)) for first, more in pairs]
        found = snapshot(low, high, ["%d-%d" % pair for pair in pairs])
        expected = set(range(low, high + 1)) - {port for first, last in pairs for port in range(first, last + 1)}
        assert members(ports.candidates(found)) == expected

    @pytest.mark.parametrize("value", [["junk"], ["1-"], "8080", [None], {"absent": "unreadable"}])
    def test_reserved_junk_reserves_nothing(self, value):
        """A list that no kernel prints does not stop the computation."""
        assert ports.count(ports.candidates(snapshot(100, 199, value))) == 100

    @pytest.mark.parametrize(
        "name, value, valid",
        [
            ("net.ipv4.ip_local_port_range", [1024, 65535], True),
            ("net.ipv4.ip_local_port_range", [65535, 1024], False),
            ("net.ipv4.ip_local_port_range", 1024, False),
            ("net.ipv4.ip_local_reserved_ports", [], True),
            ("net.ipv4.ip_local_reserved_ports", ["80", "90-99"], True),
            ("net.ipv4.ip_local_reserved_ports", ["90-80"], False),
            ("net.ipv4.ip_local_reserved_ports", "80", False),
            ("net.core.somaxconn", 4096, True),
            ("net.core.somaxconn", "4096 junk", False),
            ("net.core.somaxconn", "", False),
            ("net.core.somaxconn", True, False),
            ("net.ipv4.tcp_mem", [1, 2, 3], True),
        ],
    )
    def test_what_a_sysctl_can_be(self, name, value, valid):
        """Values that a kernel would never print are told from those that it prints."""
        assert ports.is_valid(name, value) == valid


LISTENERS = [
    {"address": "0.0.0.0", "port": 1},
    {"address": "10.0.0.1", "port": 2},
    {"address": "::", "port": 3, "v6only": False},
    {"address": "::", "port": 4, "v6only": True},
    {"address": "fd00::1", "port": 5},
    {"address": "::ffff:10.0.0.1", "port": 6},
    {"address": "::FFFF:10.0.0.2", "port": 7},
]


class TestHeldBy:
    @pytest.mark.parametrize(
        "source, held",
        [
            (None, {1, 2, 3, 4, 5, 6, 7}),
            ("10.0.0.1", {1, 2, 3, 6}),
            ("10.0.0.2", {1, 3, 7}),
            ("10.0.0.3", {1, 3}),
            ("fd00::1", {3, 4, 5}),
            ("fd00::2", {3, 4}),
        ],
    )
    def test_who_is_in_whose_way(self, source, held):
        """connect() minds every holder; a bind minds its address, its wildcard and a dual-stack `::`."""
        assert members(ports.held_by(LISTENERS, source)) == held

    def test_sockets_that_only_are_bound_hold_as_well(self):
        """Listening and bound-only sockets are one list; where the latter cannot be seen, the former remain."""
        one, two = {"address": "0.0.0.0", "port": 1}, {"address": "0.0.0.0", "port": 2}
        assert ports.holders(snapshot(listeners=[one], bound=[two])) == [one, two]
        assert ports.holders(snapshot(listeners=[one], bound={"absent": "too_old", "detail": "x"})) == [one]

    @pytest.mark.parametrize(
        "given, plain",
        [
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::FFFF:10.0.0.1", "10.0.0.1"),
            ("::ffff:0:1", "::ffff:0:1"),
            ("::1", "::1"),
            ("1.2.3.4", "1.2.3.4"),
        ],
    )
    def test_a_mapped_address_is_the_ipv4_address(self, given, plain):
        """IPv4 in IPv6 is IPv4 on the wire; what only looks like it is left alone."""
        assert ports.plain_address(given) == plain


class TestSection:
    def test_the_section_shows_what_connect_can_use(self):
        """usable is the range less what is reserved and held; blocked names who holds a port of the range."""
        listeners = [{"address": "0.0.0.0", "port": 105}, {"address": "::", "port": 300}]
        found = ports.ports_section(snapshot(100, 109, ["100-101", "5000"], listeners, [{"address": "10.0.0.1", "port": 106}]))
        assert (found["low"], found["high"], found["reserved"], found["usable"]) == (100, 109, ["100-101", "5000"], 6)
        assert found["blocked"] == [{"port": 105, "by": "tcp listener 0.0.0.0"}, {"port": 106, "by": "tcp socket bound to 10.0.0.1"}]


@pytest.mark.parametrize("port", [65536, 10**12, -1])
def test_a_port_that_is_none_is_refused_before_it_fills_the_memory(port):
    """A host that was taken over cannot make the controller build a set of 10**12 ports."""
    with pytest.raises(ValueError, match="a socket on port"):
        ports.held_by([{"address": "0.0.0.0", "port": port}])
