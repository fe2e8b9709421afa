# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, local routes and neighbours."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import (
    parse_address,
    parse_fib_trie,
    parse_if_inet6,
    parse_local_route,
    read_addresses,
    read_neighbours,
    source_for,
)

# As a kernel writes it: eth0 10.55.1.1/16, an AnyIP prefix, and an address of a point-to-point link.
TRIE = """Main:
  +-- 0.0.0.0/0 4 0 2
     |-- 10.9.0.0
        /24 host LOCAL
     +-- 10.55.0.0/16 2 0 2
        |-- 10.55.0.0
           /16 link UNICAST
        |-- 10.55.1.1
           /32 host LOCAL
        |-- 10.55.255.255
           /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
        /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.168.7.1
        /32 host LOCAL
Local:
     |-- 10.55.1.1
        /32 host LOCAL
"""
ROUTES = (
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
    "eth0\t00000000\t0100370A\t0003\t0\t0\t0\t00000000\n"
    "eth0\t0000370A\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
)
IF_INET6 = "fd000000000000000000000000000001 02 40 00 20     eth0\nbad line\n00000000000000000000000000000001 01 80 10 80       lo\n"


def test_recorded_host(plant):
    """From files come the addresses with the prefix of the network around them, and AnyIP prefixes as local routes."""
    root = plant({"/proc/net/fib_trie": TRIE, "/proc/net/route": ROUTES, "/proc/net/if_inet6": IF_INET6})
    rows = [tuple(row[key] for key in ("interface", "address", "local_route", "deprecated")) for row in read_addresses(root)]
    assert rows == [
        ("unknown", "10.9.0.0/24", True, False),
        ("eth0", "10.55.1.1/16", False, False),
        ("lo", "127.0.0.0/8", True, False),
        ("lo", "127.0.0.1/8", False, False),
        ("unknown", "192.168.7.1/32", False, False),
        ("eth0", "fd00::1/64", False, True),
        ("lo", "::1/128", False, False),
    ]


def test_nothing_recorded(plant):
    """Without the files there are absences, not an empty list."""
    assert is_absent(read_addresses(plant({})))
    assert all(is_absent(value) for value in read_neighbours(plant({})).values())


def test_neighbours_of_the_machine(plant):
    """The number of entries is the first hexadecimal column, the same for each processor."""
    text = "entries  allocs\n0000001f 00000020\n0000001f 00000000\n"
    assert read_neighbours(plant({"/proc/net/stat/arp_cache": text, "/proc/net/stat/ndisc_cache": text})) == {"inet": 31, "inet6": 31}


def test_message_of_an_address():
    """The own end of a point-to-point link is the address, and the 32 bits of flags count beside the 8 of the header."""
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 1)
    for kind, value in ((1, b"\xc0\xa8\x07\x02"), (2, b"\xc0\xa8\x07\x01"), (8, struct.pack("=I", 0x20))):
        body += struct.pack("=HH", 4 + len(value), kind) + value
    (row,) = parse_address(memoryview(body))
    assert (row["address"], row["deprecated"], row["local_route"]) == ("192.168.7.1/32", True, False)


@pytest.mark.parametrize("protocol, moves", [(b"\x12", True), (b"\x03", None), (None, None)])
def test_message_of_an_address_of_keepalived(protocol, moves):
    """IFA_PROTO says who made an address; kernels before 5.18 do not send it."""
    body = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 1) + struct.pack("=HH", 8, 2) + b"\x0a\x00\x00\x64"
    body += struct.pack("=HH", 5, 11) + protocol + b"\0\0\0" if protocol else b""
    (row,) = parse_address(memoryview(body))
    assert (row["address"], row.get("moves")) == ("10.0.0.100/24", moves)


@pytest.mark.parametrize("table, kind, rows", [(255, 2, 1), (254, 2, 0), (255, 3, 0)])
def test_message_of_a_route(table, kind, rows):
    """Only routes of type local in the table local are addresses; an unnamed destination is the whole family."""
    body = struct.pack("=BBBBBBBBI", socket.AF_INET6, 0, 0, 0, table, 0, 0, kind, 0)
    assert [row["address"] for row in parse_local_route(memoryview(body))] == ["::/0"] * rows


def test_source():
    """Towards an address of this machine the kernel takes that address."""
    assert source_for("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize("destination", ["", "junk", "\u20ac", "fe80::1%nothere", "a\0b"])
def test_no_source(destination):
    """What is no address, or has no route, is an absence."""
    assert is_absent(source_for(destination))


@given(st.text(), st.text())
def test_any_text(text, more):
    """No text makes the parsers fail."""
    parse_if_inet6(text)
    parse_fib_trie(text, more)
    parse_fib_trie("  |-- 1.2.3.4\n    /32 host LOCAL\n" + text, "head\n" + more)


@given(st.from_regex(r"([|+]-- [0-9.]{0,16}\n +/[0-9]{1,3} host LOCAL\n){1,5}"))
def test_any_trie(text):
    """No numbers in the trie make the parser fail."""
    assert all(row["family"] == "inet" for row in parse_fib_trie("   " + text))
