# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and tables of policy routing, and the marks that rulesets speak of, as they are now. Private to the collection.

A rule and a route are named in words that ip(8) takes too: "inet pref 100 iif eth1 fwmark 0x1 table 100", "inet table 100 default".
Source: fib_rules.h, rtnetlink(7), ip-rule(8), iptables-extensions(8).
"""

from __future__ import annotations

import errno
import re
import socket
import struct
from typing import Any, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import FAMILIES, GETROUTE, attributes, dump
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

GETRULE = 34
TO, FROM, IIF, PREF, FWMARK, TABLE, MASK, OIF, PROTOCOL = 1, 2, 3, 6, 10, 15, 16, 17, 21  # FRA_…
SAID_OTHERWISE = {TO, FROM, IIF, PREF, FWMARK, TABLE, MASK, OIF, PROTOCOL, 14, 18, 19}  # and what every rule has
INVERTED, LOOKUP = 2, 1  # FIB_RULE_INVERT, FR_ACT_TO_TBL
KERNEL = 2  # RTPROT_KERNEL
ROUTE_TYPES = {1: "", 2: "local", 3: "broadcast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
# What may stand behind `mark` in a rule of nft before the numbers that are meant: operators, other keywords, sets.
MARKS = re.compile(r"\bmark\b((?: (?:set|or|and|xor|[!=<>&|^]=?|==|map|vmap|meta|ct|mark|0x[0-9a-f]+|\d+|\{[^}]*\}))+)")
EVERY_BIT = 0xFFFFFFFF


class Rule(NamedTuple):
    """A rule of policy routing: its name, and what others' rules are compared by."""

    name: str
    table: int
    mark: int
    mask: int
    protocol: int


class Route(NamedTuple):
    """A route: its name (family, table, destination), where it leads ("local dev lo", "via 10.0.0.1 dev eth1")."""

    name: str
    table: int
    way: str


def read_rules() -> list[Rule]:
    """Return all rules of this network namespace, both families. Raises OSError."""
    return [parse_rule(body) for family in FAMILIES for body in _dump(GETRULE, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0))]


def parse_rule(body: memoryview) -> Rule:
    """Return the rule of one RTM_NEWRULE."""
    family, to_length, from_length, tos, table, _1, _2, action, flags = struct.unpack_from("=BBBBBBBBI", body)
    found = attributes(body, 12)
    words = [FAMILIES.get(family, str(family)), "pref", str(_number(found, PREF))]
    words += ["not"] if flags & INVERTED else []
    for word, kind, length in (("from", FROM, from_length), ("to", TO, to_length)):
        words += [word, _network(family, found[kind], length)] if kind in found else []
    for word, kind in (("iif", IIF), ("oif", OIF)):
        words += [word, _text(found[kind])] if kind in found else []
    mark, mask = _number(found, FWMARK), _number(found, MASK, EVERY_BIT)
    if FWMARK in found:
        words += ["fwmark", hex(mark) if mask == EVERY_BIT else "%s/%s" % (hex(mark), hex(mask))]
    words += ["tos", hex(tos)] if tos else []
    words += [word for kind in sorted(set(found) - SAID_OTHERWISE) for word in ("attribute-%d" % kind, found[kind].hex())]
    table = _number(found, TABLE, table)
    words += ["table", str(table)] if action == LOOKUP else ["action", str(action)]
    return Rule(" ".join(words), table if action == LOOKUP else 0, mark, mask if FWMARK in found else 0, found.get(PROTOCOL, b"\0")[0])


def read_routes(table: int) -> list[Route]:
    """Return all routes of one table, both families. Raises OSError."""
    found = []
    for family in FAMILIES:
        asked = struct.pack("=BBBBBBBBI", family, 0, 0, 0, table if table < 256 else 0, 0, 0, 0, 0)
        asked += struct.pack("=HHI", 8, TABLE, table) if table > 255 else b""
        found += [route for body in _dump(GETROUTE, asked) for route in parse_route(body) if route.table == table]
    return found


def parse_route(body: memoryview) -> Iterator[Route]:
    """Yield the route of one RTM_NEWROUTE; a copy that the kernel made for a flow (RTM_F_CLONED) is none."""
    family, length, _from, _tos, table, _protocol, _scope, kind, flags = struct.unpack_from("=BBBBBBBBI", body)
    if family not in FAMILIES or flags & 0x200:
        return
    found = attributes(body, 12)
    table = _number(found, TABLE, table)
    way = [ROUTE_TYPES.get(kind, "type-%d" % kind)]
    way += ["via", socket.inet_ntop(family, found[5])] if 5 in found else []  # RTA_GATEWAY
    way += ["dev", _interface(_number(found, 4))] if 4 in found else []  # RTA_OIF
    way += ["nexthops"] if 9 in found else []  # RTA_MULTIPATH
    destination = _network(family, found[1], length) if 1 in found else "default"
    yield Route("%s table %d %s" % (FAMILIES[family], table, destination), table, " ".join(filter(None, way)))


def read_table_names(root: Root) -> dict[int, str]:
    """Return {table: "name in file"} of the tables that files name, less those of the system itself."""
    found: dict[int, str] = {}
    for folder in ("/usr/share/iproute2", "/usr/lib/iproute2", "/etc/iproute2"):
        files = [folder + "/rt_tables"]
        files += ["%s/rt_tables.d/%s" % (folder, name) for name in root.names(folder + "/rt_tables.d") if name.endswith(".conf")]
        for path in files:
            for number, name in re.findall(r"^\s*(\d+|0x[0-9a-fA-F]+)\s+(\S+)", text_of(root.text(path)), re.M | re.A):
                if int(number, 0) not in (0, 253, 254, 255):
                    found[int(number, 0)] = "%s in %s" % (name, path)
    return found


def read_marks(root: Root, own_table: str) -> dict[int, str]:
    """Return {mark: where} of the marks that rules of nftables and iptables set or compare with, less those of our own table.

    Raises OSError where they cannot be listed.
    """
    ruleset = run("nft", "-s", "list", "ruleset", seconds=30, most=64 << 20)
    if is_absent(ruleset):
        raise OSError(0, ruleset["detail"])
    found = parse_nft_marks(ruleset, own_table)
    for family in ("ip", "ip6"):
        legacy = text_of(root.text("/proc/net/%s_tables_names" % family)).strip()
        hidden = re.search(r"\bxt (match|target)|# xt_", ruleset)  # what only iptables-nft can read
        for variant in ("legacy", "nft") if legacy and hidden else ("legacy",) if legacy else ("nft",) if hidden else ():
            found.update(parse_iptables_marks(text_of(run("%stables-%s-save" % (family, variant))), "%stables" % family))
    return found


def parse_nft_marks(text: str, own_table: str) -> dict[int, str]:
    """Return {mark: "table"} of what `nft list ruleset` prints; marks of connections count, since they become marks of packets."""
    found: dict[int, str] = {}
    table = ""
    for line in text.splitlines():
        table = line[:-2].strip() if line.startswith("table ") else table
        if table != "table " + own_table:
            plain = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)  # a comment or a log prefix may say anything
            for words in MARKS.findall(plain):
                for number in re.findall(r"0x[0-9a-f]+|\b\d+", words):
                    found.setdefault(int(number, 16) if number[:2] == "0x" else int(number), "nftables %s" % table)
    return found


def parse_iptables_marks(text: str, program: str) -> dict[int, str]:
    """Return {mark: program} of what iptables-save prints: --mark, --set-mark, --set-xmark and --tproxy-mark."""
    numbers = re.findall(r"--(?:[a-z-]*-)?x?mark (0x[0-9a-fA-F]+|\d+)", text, re.A)
    return {int(number, 16) if number[:2] == "0x" else int(number): program for number in numbers}


def _dump(kind: int, body: bytes) -> Iterator[memoryview]:
    """Yield what dump() does; a table or family that is not there has nothing."""
    try:
        yield from dump(kind, body)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
            raise


def _number(found: dict[int, Any], kind: int, otherwise: int = 0) -> int:
    value = found.get(kind, b"")
    return int(struct.unpack("=I", value)[0]) if len(value) == 4 else otherwise


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _network(family: int, raw: bytes, length: int) -> str:
    text = socket.inet_ntop(family, raw)
    return text if length == 8 * len(raw) else "%s/%d" % (text, length)


def _interface(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)  # gone meanwhile
