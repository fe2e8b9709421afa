# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a user wants: every wrong one is refused with the option, the value and the remedy."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import addresses

NOTHING = " Nothing was changed."


def texts(*given):
    """Return the CIDRs that texts mean."""
    return [one.cidr for one in addresses.parse_addresses("addresses", given)]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["10.0.0.5"], ["10.0.0.5/32"]),
        (["10.0.0.5/24"], ["10.0.0.5/24"]),
        (["FD00:0::5"], ["fd00::5/128"]),
        (["fd00::5/64"], ["fd00::5/64"]),
        (["10.0.0.10-10.0.0.12/24"], ["10.0.0.10/24", "10.0.0.11/24", "10.0.0.12/24"]),
        (["10.0.0.255-10.0.1.0"], ["10.0.0.255/32", "10.0.1.0/32"]),
        (["fd00::fffe-fd00::1:0"], ["fd00::fffe/128", "fd00::ffff/128", "fd00::1:0/128"]),
        (["10.0.0.5", "10.0.0.5/32", "10.0.0.4-10.0.0.5"], ["10.0.0.5/32", "10.0.0.4/32"]),
        (["10.0.0.0/31", "10.0.0.1/31"], ["10.0.0.0/31", "10.0.0.1/31"]),
        ([], []),
    ],
)
def test_spellings(given, meant):
    """Plain addresses are /32 and /128; ranges are their addresses; the same twice is once."""
    assert meant == texts(*given)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("10.0.0.40-10.0.0.10/24", "it is reversed: write 10.0.0.10-10.0.0.40/24"),
        ("10.0.0.0/24", "10.0.0.0 is the network address of 10.0.0.0/24: choose another"),
        ("10.0.0.255/24", "10.0.0.255 is the broadcast address of 10.0.0.0/24: choose another"),
        ("10.0.0.250-10.0.1.5/24", "10.0.0.255 is the broadcast address of 10.0.0.0/24: choose another"),
        ("fd00::/64", "fd00:: is the subnet-router anycast address of fd00::/64: choose another"),
        ("10.0.0.5\n", "it is no address: write one such as 10.0.0.5/24"),
        ("10.0.0.5/24\n", "the prefix length is no number: write one such as 10.0.0.5/24"),
        ("10.0.0.5/٢٤", "the prefix length is no number: write one such as 10.0.0.5/24"),
        ("10.0.0.5/024", "the prefix length is no number: write one such as 10.0.0.5/24"),
        ("10.0.0.5/33", "the prefix length is above 32: write a smaller one"),
        ("10.0.0.5/+1", "the prefix length is no number: write one such as 10.0.0.5/24"),
        ("fd00::1/129", "the prefix length is above 128: write a smaller one"),
        ("010.0.0.5", "it is no address: write one such as 10.0.0.5/24"),
        ("10.0.5", "it is no address: write one such as 10.0.0.5/24"),
        ("fe80::1%eth0", "it is no address: write one such as 10.0.0.5/24"),
        ("eth0", "it is no address: write one such as 10.0.0.5/24"),
        ("", "it is no address: write one such as 10.0.0.5/24"),
        ("10.0.0.5/24-10.0.0.9/24", "the prefix length stands at the end of a range: 10.0.0.10-10.0.0.40/24"),
        ("10.0.0.5-fd00::1", "one end is IPv4 and the other IPv6: write a range for each"),
        ("127.0.0.5", "127.0.0.5 is a loopback address: choose another"),
        ("224.0.0.5", "224.0.0.5 is a multicast address: choose another"),
        ("255.255.255.255", "255.255.255.255 is the broadcast address: choose another"),
        ("0.0.0.0", "0.0.0.0 is in 0.0.0.0/8, which means this network: choose another"),
        ("::", ":: is an IPv4 or unspecified address written as IPv6: choose another"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1 is an IPv4 address mapped into IPv6: write it as IPv4"),
        ("fe80::1", "fe80::1 is a link-local address, which every interface makes by itself: choose another"),
        ("ff02::1", "ff02::1 is a multicast address: choose another"),
        (
            "10.0.0.0-10.255.255.255",
            "these are 16777216 addresses, more than 8192: use kind: local_route, which gives a whole prefix at once",
        ),
    ],
)
def test_trap_reversed_range_and_its_kin(item, says):
    """A reversed range, a network or broadcast address, a newline: refused whole, whatever stands beside it."""
    with pytest.raises(Refusal) as error:
        texts("10.9.9.9", item)
    shown = repr(item)
    assert f"addresses {shown}: {says}.{NOTHING}" == str(error.value)


def test_trap_nul_in_an_address():
    """A NUL in an address is refused, in whatever words."""
    with pytest.raises(Refusal, match="Nothing was changed"):
        texts("10.0.0.5\0")


def test_all_that_are_wrong_are_named():
    """One message names every item that is wrong."""
    with pytest.raises(Refusal) as error:
        texts("10.0.0.5", "x", "10.0.0.9-10.0.0.8", "10.0.0.5/24")
    assert (
        "addresses 'x': it is no address: write one such as 10.0.0.5/24; addresses '10.0.0.9-10.0.0.8': it is reversed: "
        "write 10.0.0.8-10.0.0.9/32; "
        "addresses '10.0.0.5/24': 10.0.0.5 stands there with /32, too: name it once." + NOTHING == str(error.value)
    )


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("10.99.0.5/24", "it has bits behind its prefix: write 10.99.0.0/24 for the whole prefix, or 10.99.0.5"),
        ("0.0.0.0/0", "it is a prefix of less than 8 bits: most of the world would become this host"),
        ("::/0", "it is a prefix of less than 8 bits: most of the world would become this host"),
        ("127.0.0.0/8", "127.0.0.0 is a loopback address: choose another"),
        ("10.99.0.1-10.99.0.9", "it is no address: write one such as 10.0.0.5/24"),
    ],
)
def test_prefixes_of_local_routes(item, says):
    """A local route takes a prefix and nothing else."""
    with pytest.raises(Refusal) as error:
        addresses.parse_prefixes("addresses", ["10.99.0.0/24", item])
    assert f"addresses {item!r}: {says}.{NOTHING}" == str(error.value)


def test_prefixes():
    """Prefixes keep their order; a plain address is a prefix, too."""
    found = addresses.parse_prefixes("addresses", ["fd99::/64", "10.99.0.0/24", "10.99.1.1", "10.99.0.0/24"])
    assert ["fd99::/64", "10.99.0.0/24", "10.99.1.1/32"] == [one.cidr for one in found]


@pytest.mark.parametrize("name", ["eth0", "bond0.100", "br-a_b", "x" * 15])
def test_interface_names(name):
    """Names of interfaces as the kernel and a file name hold them."""
    assert name == addresses.check_interface("interface", name)


@pytest.mark.parametrize("name", ["", None, "x" * 16, "a/b", "../x", "..", ".", "eth0\n", "eth0\0", "a b", "eth0:1", "ü"])
def test_trap_newline_nul_and_dots_in_an_interface(name):
    """A name that no interface can have never becomes a path or a line of a file."""
    with pytest.raises(Refusal, match=r"interface.*Nothing was changed\.\Z"):
        addresses.check_interface("interface", name)


@given(st.ip_addresses(), st.integers(0, 300))
def test_ranges_are_what_the_standard_library_counts(first, more):
    """Every usable range is its addresses in order; what is refused holds one that no host can have."""
    width = 32 if first.version == 4 else 128
    last = min(int(first) + more, (1 << width) - 1)
    kind = ipaddress.IPv4Address if first.version == 4 else ipaddress.IPv6Address
    meant = [kind(number) for number in range(int(first), last + 1)]
    try:
        found = texts("%s-%s" % (first, kind(last)))
    except Refusal:
        assert any(
            one.is_multicast
            or one.is_loopback
            or one.is_unspecified
            or one.is_link_local
            or int(one) >> 24 in (0, 255)
            or int(one) >> 48 == 0
            for one in meant
        )
        return
    assert [(int(one), width) for one in meant] == [
        (
            int.from_bytes(socket.inet_pton(socket.AF_INET6 if ":" in cidr else socket.AF_INET, cidr.split("/")[0]), "big"),
            int(cidr.split("/")[1]),
        )
        for cidr in found
    ]


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text):
    """Whatever is given is an address or a Refusal, never another error."""
    try:
        assert texts(text)
    except Refusal as error:
        assert str(error).endswith(NOTHING)
