# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a user wants: CIDRs, plain addresses and ranges, checked before anything is touched. Pure. Private to the collection."""

from __future__ import annotations

import re
import socket
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal

NOTHING = " Nothing was changed."
MOST = 8192  # the kernel walks a list for each: beyond, a local route gives a whole prefix at once
INTERFACE = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,15}\Z")
WIDTH: dict[int, int] = {socket.AF_INET: 32, socket.AF_INET6: 128}
# What no host can have as a further address of its own: (family, first bits, their number, what it is called)
UNUSABLE = (
    (socket.AF_INET, 0, 8, "in 0.0.0.0/8, which means this network"),
    (socket.AF_INET, 127 << 24, 8, "a loopback address"),
    (socket.AF_INET, 224 << 24, 4, "a multicast address"),
    (socket.AF_INET, 0xFFFFFFFF, 32, "the broadcast address"),
    (socket.AF_INET6, 0, 96, "an IPv4 or unspecified address written as IPv6"),
    (socket.AF_INET6, 0xFFFF << 32, 96, "an IPv4 address mapped into IPv6: write it as IPv4"),
    (socket.AF_INET6, 0xFE80 << 112, 10, "a link-local address, which every interface makes by itself"),
    (socket.AF_INET6, 0xFF << 120, 8, "a multicast address"),
)


class Address(NamedTuple):
    """An address as a number with its prefix length; sorts by family, then by number."""

    family: int
    number: int
    prefix: int

    @property
    def host(self) -> str:
        """Return the address alone, as the system writes it."""
        return socket.inet_ntop(self.family, self.number.to_bytes(WIDTH[self.family] // 8, "big"))

    @property
    def cidr(self) -> str:
        """Return the address with its prefix length."""
        return "%s/%d" % (self.host, self.prefix)

    @property
    def last(self) -> int:
        """Return the last number of its network."""
        return self.number | (1 << WIDTH[self.family] - self.prefix) - 1

    @property
    def first(self) -> int:
        """Return the first number of its network."""
        return self.last - (1 << WIDTH[self.family] - self.prefix) + 1

    def holds(self, other: Address) -> bool:
        """Tell whether its network holds an address."""
        return self.family == other.family and self.first <= other.number <= self.last


def parse_address(text: str) -> Address:
    """Return what `10.0.0.5`, `10.0.0.5/24` or an IPv6 one means; alone it is a /32 or /128. Raises ValueError."""
    host, slash, length = text.partition("/")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        number = int.from_bytes(socket.inet_pton(family, host), "big")
    except OSError:
        raise ValueError("it is no address: write one such as 10.0.0.5/24") from None
    if slash and not re.match(r"(0|[1-9]\d{0,2})\Z", length, re.A):
        raise ValueError("the prefix length is no number: write one such as 10.0.0.5/24")
    prefix = int(length) if slash else WIDTH[family]
    if prefix > WIDTH[family]:
        raise ValueError("the prefix length is above %d: write a smaller one" % WIDTH[family])
    return Address(family, number, prefix)


def parse_addresses(option: str, texts: Iterable[Any]) -> list[Address]:
    """Return the addresses of an option, each once, in the order given. Raises Refusal with all that are wrong named."""
    found: dict[tuple[int, int], Address] = {}
    wrong = []
    for text in texts:
        try:
            several = _expanded(str(text))
            if len(found) + len(several) > MOST:
                raise ValueError("these are more than %d addresses: use kind: local_route, which gives a whole prefix at once" % MOST)
            for one in several:
                _check_usable(one)
                before = found.setdefault((one.family, one.number), one)
                if before != one:
                    raise ValueError("%s stands there with /%d, too: name it once" % (one.host, before.prefix))
        except ValueError as error:
            wrong.append("%s %s: %s" % (option, _quoted(text), error))
    if wrong:
        raise Refusal("%s.%s" % ("; ".join(wrong), NOTHING))
    return list(found.values())


def parse_prefixes(option: str, texts: Iterable[Any]) -> list[Address]:
    """Return the prefixes of an option for local routes. Raises Refusal with all that are wrong named."""
    found: dict[Address, None] = {}
    wrong = []
    for text in texts:
        try:
            one = parse_address(str(text))
            if one.number != one.first:
                first = one._replace(number=one.first)
                raise ValueError("it has bits behind its prefix: write %s for the whole prefix, or %s" % (first.cidr, one.host))
            if one.prefix < 8:
                raise ValueError("it is a prefix of less than 8 bits: most of the world would become this host")
            _check_usable(one._replace(prefix=WIDTH[one.family]))
            found[one] = None
        except ValueError as error:
            wrong.append("%s %s: %s" % (option, _quoted(text), error))
    if wrong:
        raise Refusal("%s.%s" % ("; ".join(wrong), NOTHING))
    return list(found)


def _expanded(text: str) -> list[Address]:
    """Return the addresses of one item: one, or those of a range such as 10.0.0.10-10.0.0.40/24. Raises ValueError."""
    low_text, dash, high_text = text.partition("-")
    if not dash:
        return [parse_address(text)]
    if "/" in low_text:
        raise ValueError("the prefix length stands at the end of a range: 10.0.0.10-10.0.0.40/24")
    high = parse_address(high_text)
    low = parse_address(low_text)._replace(prefix=high.prefix)
    if low.family != high.family:
        raise ValueError("one end is IPv4 and the other IPv6: write a range for each")
    if low.number > high.number:
        raise ValueError("it is reversed: write %s-%s" % (high.host, low.cidr))
    if high.number - low.number >= MOST:
        raise ValueError(
            "these are %d addresses, more than %d: use kind: local_route, which gives a whole prefix at once"
            % (high.number - low.number + 1, MOST)
        )
    return [high._replace(number=number) for number in range(low.number, high.number + 1)]


def _check_usable(one: Address) -> None:
    """Raise ValueError for an address that no host can have as its own."""
    for family, first, bits, words in UNUSABLE:
        if one.family == family and one.number >> WIDTH[family] - bits == first >> WIDTH[family] - bits:
            raise ValueError("%s is %s%s" % (one.host, words, "" if ": " in words else ": choose another"))
    try:
        check_inside(one, one)
    except ValueError as error:
        raise ValueError("%s: choose another" % error) from None


def check_inside(one: Address, network: Address) -> None:
    """Raise ValueError where an address is the network or the broadcast address of the network that an address of the host is in."""
    if one.family != network.family or network.prefix >= WIDTH[one.family] - 1 or one.number not in (network.first, network.last):
        return
    around = network._replace(number=network.first).cidr
    if one.number == network.first:
        name = "network address" if one.family == socket.AF_INET else "subnet-router anycast address"
        raise ValueError("%s is the %s of %s" % (one.host, name, around))
    if one.family == socket.AF_INET:
        raise ValueError("%s is the broadcast address of %s" % (one.host, around))


def check_interface(option: str, name: Any) -> str:
    """Return the name of an interface. Raises Refusal where it is none that the kernel and a file name can hold."""
    if not isinstance(name, str) or not name:
        raise Refusal("%s is not given. Name the interface, such as eth0.%s" % (option, NOTHING))
    if not INTERFACE.match(name):
        raise Refusal("%s %s: it must be 1 to 15 letters, digits, dots, - and _.%s" % (option, _quoted(name), NOTHING))
    return name


def _quoted(text: Any) -> str:
    return repr(str(text)[:80])
