# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, routes and marks: what rtnetlink, nft and iptables print."""

from __future__ import annotations

import socket
import struct

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._read import routing
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


def attribute(kind, value):
    """Return one attribute as the kernel packs it."""
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def number(kind, value):
    """Return an attribute of 32 bits."""
    return attribute(kind, struct.pack("=I", value))


def rule(*attributes, family=socket.AF_INET, source=0, action=1, flags=0, table=0):
    """Return what the reader makes of a rule."""
    body = struct.pack("=BBBBBBBBI", family, 0, source, 0, table, 0, 0, action, flags) + b"".join(attributes)
    return routing.parse_rule(memoryview(body))


def test_a_rule_is_named_in_the_words_of_ip():
    """A rule's name holds all that it goes by."""
    found = rule(number(6, 100), attribute(3, b"eth1\0"), number(10, 1), number(16, 0xFFFFFFFF), number(15, 1000), attribute(21, b"\2"))
    assert found == routing.Rule("inet pref 100 iif eth1 fwmark 0x1 table 1000", 1000, 1, 0xFFFFFFFF, 2)
    found = rule(number(6, 9), attribute(2, socket.inet_aton("10.0.0.1")), source=32, table=101)
    assert (found.name, found.mask) == ("inet pref 9 from 10.0.0.1 table 101", 0)


@pytest.mark.parametrize(
    ("attributes", "more", "name"),
    [
        ([], {"flags": 2}, "inet pref 0 not fwmark 0x1 table 7"),
        ([attribute(17, b"eth0\0")], {}, "inet pref 0 oif eth0 fwmark 0x1 table 7"),
        ([attribute(22, b"\6")], {}, "inet pref 0 fwmark 0x1 attribute-22 06 table 7"),
        ([], {"action": 6}, "inet pref 0 fwmark 0x1 action 6"),
        ([], {"family": socket.AF_INET6}, "inet6 pref 0 fwmark 0x1 table 7"),
    ],
)
def test_a_rule_that_goes_by_more_has_another_name(attributes, more, name):
    """What we would not write ourselves shows in the name, so that it is never taken for ours."""
    assert rule(number(10, 1), *attributes, **{"table": 7, **more}).name == name


def test_a_mark_with_a_mask():
    """The mask stands in the name and is kept."""
    found = rule(number(10, 1), number(16, 15), table=7)
    assert (found.name, found.mark, found.mask) == ("inet pref 0 fwmark 0x1/0xf table 7", 1, 15)


def test_a_copied_route_is_none():
    """Routes that the kernel copied for a flow are not listed."""
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 100, 2, 0, 2, 0)
    assert [route.name for route in routing.parse_route(memoryview(body))] == ["inet table 100 default"]
    copied = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 100, 2, 0, 2, 0x200)
    assert list(routing.parse_route(memoryview(copied))) == []


RULESET = """
table inet front_tier {
    chain prerouting {
        iifname "k0" meta l4proto tcp socket transparent 1 meta mark set 0x00000001 accept
    }
}
table ip mangle {
    chain a {
        meta mark set 0x0000000a accept
        meta mark & 0x000000ff == 0x00000014 drop
        ct mark set meta mark
        meta mark { 0x0000001e, 0x0000001f } counter packets 4242 bytes 77 comment "mark 99"
        tcp dport 88 meta mark 0x28 return
    }
}
"""


def test_marks_of_a_ruleset():
    """Marks are found wherever they are set or compared; comments, counters and ports are none, nor is our own table."""
    found = routing.parse_nft_marks(RULESET, "inet front_tier")
    assert set(found) == {10, 255, 20, 30, 31, 40}
    assert found[10] == "nftables table ip mangle"
    assert 1 in routing.parse_nft_marks(RULESET, "inet other")


def test_marks_of_iptables():
    """--mark, --set-mark, --set-xmark and --tproxy-mark with their masks left off."""
    text = "-A a -m mark --mark 0x1/0xf -j b\n-A a -j MARK --set-xmark 0x2/0xffffffff\n-A a -j TPROXY --on-port 80 --tproxy-mark 0x3/0x3\n"
    assert set(routing.parse_iptables_marks(text, "iptables")) == {1, 2, 3}


def test_names_of_tables(tmp_path):
    """Names of every file count, those of the system's own tables do not."""
    folder = tmp_path / "etc/iproute2/rt_tables.d"
    folder.mkdir(parents=True)
    (folder.parent / "rt_tables").write_text("255\tlocal\n254\tmain\n#\n100 isp\n")
    (folder / "vpn.conf").write_text("0x65 vpn\n")
    (folder / "vpn.bak").write_text("102 old\n")
    found = routing.read_table_names(Root(str(tmp_path)))
    assert found == {100: "isp in /etc/iproute2/rt_tables", 101: "vpn in /etc/iproute2/rt_tables.d/vpn.conf"}
