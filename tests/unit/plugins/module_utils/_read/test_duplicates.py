# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes on the wire: the frames are those of the RFCs, and only an answer about an address of ours counts."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read import duplicates
from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import LOOPBACK, LOWER_UP, NO_ARP, UP

MAC, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
IPV4, IPV6 = socket.inet_pton(socket.AF_INET, "10.0.0.5"), socket.inet_pton(socket.AF_INET6, "fd00::12:3456")


def test_arp_probe_claims_nothing():
    """RFC 5227: to all, from our MAC, with sender address 0.0.0.0, so that no cache takes it."""
    frame = duplicates.arp_probe(MAC, IPV4)
    assert b"\xff" * 6 + MAC + b"\x08\x06" == frame[:14]
    assert bytes.fromhex("0001080006040001") + MAC + bytes(4) + bytes(6) + IPV4 == frame[14:]


def test_answers_to_a_probe():
    """An answer, a gratuitous announcement and somebody else's probe tell of the address; a request for it does not."""
    reply = bytes(12) + bytes.fromhex("08060001080006040002") + OTHER + IPV4 + MAC + bytes(4)
    probe = bytes(12) + bytes.fromhex("08060001080006040001") + OTHER + bytes(4) + bytes(6) + IPV4
    request = bytes(12) + bytes.fromhex("08060001080006040001") + OTHER + b"\x0a\0\0\x07" + bytes(6) + IPV4
    assert (IPV4, OTHER) == duplicates.parse_arp(reply) == duplicates.parse_arp(probe)
    assert (b"\x0a\0\0\x07", OTHER) == duplicates.parse_arp(request)
    assert (b"", b"") == duplicates.parse_arp(reply[:41])


def test_solicitation_is_one_of_duplicate_address_detection():
    """RFC 4862: from :: to the solicited-node group of the address, hop limit 255, with a checksum that adds up."""
    frame = duplicates.solicitation(MAC, IPV6)
    assert b"\x33\x33\xff\x12\x34\x56" + MAC + b"\x86\xdd" == frame[:14]
    first, length, following, hops = struct.unpack(">IHBB", frame[14:22])
    assert (6 << 28, 24, 58, 255) == (first, length, following, hops)
    assert bytes(16) + socket.inet_pton(socket.AF_INET6, "ff02::1:ff12:3456") == frame[22:54]
    assert (135, IPV6) == (frame[54], frame[62:])
    assert 0 == duplicates.checksum(frame[22:54] + struct.pack(">II", 24, 58) + frame[54:])


@given(st.binary(max_size=120))
def test_any_packet_is_harmless(packet):
    """Whatever arrives is parsed or ignored."""
    for parse in (duplicates.parse_arp, duplicates.parse_advertisement):
        address, mac = parse(packet)
        assert len(address) in (0, 4, 16) and len(mac) <= 6


def test_advertisements():
    """An advertisement tells of its target, and of the MAC where it has the option."""
    message = bytes([136, 0, 0, 0, 0x60, 0, 0, 0]) + IPV6
    assert (IPV6, b"") == duplicates.parse_advertisement(message)
    assert (IPV6, OTHER) == duplicates.parse_advertisement(message + b"\x02\x01" + OTHER)
    assert (b"", b"") == duplicates.parse_advertisement(b"\x87" + message[1:])


def test_why_nobody_can_be_asked():
    """An interface without ARP, down or without carrier is not asked on, and says so; on lo and a dummy there is nobody."""
    link = {"flags": UP | LOWER_UP, "ethernet": True, "type": "veth"}
    assert duplicates.why_not(link) is None
    assert "it has no carrier" == duplicates.why_not(dict(link, flags=UP))
    assert "it is down" == duplicates.why_not(dict(link, flags=LOWER_UP))
    assert "it has no ARP" == duplicates.why_not(dict(link, flags=UP | LOWER_UP | NO_ARP))
    assert "it has no ARP" == duplicates.why_not(dict(link, ethernet=False))
    assert "" == duplicates.why_not(dict(link, flags=UP | LOOPBACK)) == duplicates.why_not(dict(link, type="dummy"))
