# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that somebody on the wire has already: one round of ARP probes and neighbour solicitations. Private to the collection.

Source: RFC 5227 (ARP probes with sender 0.0.0.0), RFC 4862, 5.4 (solicitations from ::), packet(7), raw(7), icmp6.h.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import LOOPBACK, LOWER_UP, NO_ARP, UP

ARP, IPV6, ICMPV6 = 0x0806, 0x86DD, 58
SOLICITATION, ADVERTISEMENT, FILTER = 135, 136, 1  # ICMPV6_FILTER
BIND_TO_DEVICE = 25  # SO_BINDTODEVICE
AGAIN, END = 0.35, 0.8  # seconds: a second probe for what did not answer, and the end
AT_ONCE = 64  # probes between two looks at the answers, which a socket cannot hold without end


class Found(NamedTuple):
    """taken: {(interface, address): who has it}; skipped: {interface: why nobody could be asked}; asked: what was probed."""

    taken: dict[tuple[str, str], str]
    skipped: dict[str, str]
    asked: set[tuple[str, str]]


class _Ears:
    """The sockets of one interface, and what they are waiting for."""

    def __init__(self, interface: str, mac: bytes, addresses: list[str]) -> None:
        self.interface, self.mac = interface, mac
        self.waiting = {_packed(address): address for address in addresses}
        self.talk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self.hear: socket.socket | None = None
        try:
            self.talk.bind((interface, ARP))
            if any(len(raw) == 16 for raw in self.waiting):
                self.hear = _advertisements(interface)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the sockets."""
        for one in (self.talk, self.hear):
            if one:
                one.close()

    def ask(self, raw: bytes) -> None:
        """Send the probe for an address; the send is best effort, as every packet is."""
        try:
            self.talk.send(arp_probe(self.mac, raw) if len(raw) == 4 else solicitation(self.mac, raw))
        except OSError:
            pass

    def answers(self) -> list[tuple[str, str]]:
        """Return (address, who has it) of all that has arrived."""
        found = []
        for sock, parse in ((self.talk, parse_arp), (self.hear, parse_advertisement)):
            while sock:
                try:
                    packet = sock.recv(2048, socket.MSG_DONTWAIT)
                except OSError:
                    break
                raw, mac = parse(packet)
                if raw in self.waiting and mac != self.mac:
                    found.append((self.waiting.pop(raw), mac.hex(":") if len(mac) == 6 else "a neighbour"))
        return found


def find_duplicates(addresses: dict[str, list[str]], links: dict[str, dict[str, Any]]) -> Found:
    """Ask on all interfaces at once who has the addresses ({interface: addresses}); it takes less than a second in all."""
    skipped, ears = {}, []
    try:
        for interface, wanted in addresses.items():
            why = why_not(links[interface])
            if why is None:
                try:
                    ears.append(_Ears(interface, links[interface]["mac"], wanted))
                except OSError as error:
                    why = "no CAP_NET_RAW" if isinstance(error, PermissionError) else str(error.strerror or error)
            if why:
                skipped[interface] = why
        asked = {(one.interface, address) for one in ears for address in one.waiting.values()}
        return Found(_listen(ears) if asked else {}, skipped, asked)
    finally:
        for one in ears:
            one.close()


def why_not(link: dict[str, Any]) -> str | None:
    """Return why nobody can be asked on an interface; an empty text where nobody is there to be asked."""
    if link["flags"] & LOOPBACK or link["type"] == "dummy":
        return ""
    if not link["ethernet"] or link["flags"] & NO_ARP:
        return "it has no ARP"
    if not link["flags"] & UP:
        return "it is down"
    return None if link["flags"] & LOWER_UP else "it has no carrier"


def _listen(ears: list[_Ears]) -> dict[tuple[str, str], str]:
    """Probe, probe again what did not answer, and return who answered until the end."""
    taken: dict[tuple[str, str], str] = {}

    def gather() -> None:
        for one in ears:
            taken.update({(one.interface, address): who for address, who in one.answers()})

    start = time.monotonic()
    for until in (AGAIN, END):
        for one in ears:
            waiting = list(one.waiting)
            for index in range(0, len(waiting), AT_ONCE):
                for raw in waiting[index : index + AT_ONCE]:
                    one.ask(raw)
                gather()
        while time.monotonic() < start + until:
            select.select([sock for one in ears for sock in (one.talk, one.hear) if sock], [], [], max(0, start + until - time.monotonic()))
            gather()
    return taken


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def _advertisements(interface: str) -> socket.socket:
    """Return a socket that hears neighbour advertisements on an interface and nothing else."""
    hear = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, ICMPV6)
    blocked = ~(1 << ADVERTISEMENT) & (1 << 256) - 1
    words = [blocked >> 32 * index & 0xFFFFFFFF for index in range(8)]
    hear.setsockopt(ICMPV6, FILTER, struct.pack("=8I", *words))
    hear.setsockopt(socket.SOL_SOCKET, BIND_TO_DEVICE, interface.encode() + b"\0")
    return hear


def arp_probe(mac: bytes, address: bytes) -> bytes:
    """Return the frame that asks who has an IPv4 address without claiming one."""
    return b"\xff" * 6 + mac + struct.pack(">HHHBBH", ARP, 1, 0x0800, 6, 4, 1) + mac + bytes(4) + bytes(6) + address


def parse_arp(frame: bytes) -> tuple[bytes, bytes]:
    """Return (address, MAC) of who has an address, or probes for it as we do."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x06":
        return b"", b""
    operation, mac, sender, target = frame[20:22], frame[22:28], frame[28:32], frame[38:42]
    return (target if sender == bytes(4) and operation == b"\0\1" else sender), mac


def solicitation(mac: bytes, address: bytes) -> bytes:
    """Return the frame that asks who has an IPv6 address, as a host does before it takes one."""
    group = b"\xff\x02" + bytes(9) + b"\x01\xff" + address[13:]
    message = struct.pack(">BBHI", SOLICITATION, 0, 0, 0) + address
    pseudo = bytes(16) + group + struct.pack(">II", len(message), ICMPV6)
    message = message[:2] + struct.pack(">H", checksum(pseudo + message)) + message[4:]
    header = struct.pack(">IHBB", 6 << 28, len(message), ICMPV6, 255) + bytes(16) + group
    return b"\x33\x33\xff" + address[13:] + mac + struct.pack(">H", IPV6) + header + message


def parse_advertisement(message: bytes) -> tuple[bytes, bytes]:
    """Return (address, MAC) of a neighbour advertisement; the MAC is empty where it is not told."""
    if len(message) < 24 or message[0] != ADVERTISEMENT:
        return b"", b""
    return message[8:24], message[26:32] if message[24:26] == b"\x02\x01" else b""


def checksum(data: bytes) -> int:
    """Return the Internet checksum: RFC 1071."""
    total: int = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
