# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls that a user wants: every wrong one is refused with the thing, the value, the bound and the remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sysctls
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.port_range import check_range
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import key_name, key_path

SETTLED = {sysctls.RANGE: "32768 60999", sysctls.RESERVED: "", sysctls.START: "1024"}


def parse(settings):
    """Parse as the module does."""
    return sysctls.parse_settings(settings, key_path, key_name)


@pytest.mark.parametrize(
    ("settings", "parsed"),
    [
        ({"net.core.somaxconn": 65535}, {"net.core.somaxconn": "65535"}),
        ({"net/core/somaxconn": "65535", "net.core.somaxconn": 65535}, {"net.core.somaxconn": "65535"}),
        ({"net.ipv4.tcp_rmem": [4096, 131072, 6291456]}, {"net.ipv4.tcp_rmem": "4096 131072 6291456"}),
        ({"net.ipv4.tcp_rmem": "4096\t131072   6291456"}, {"net.ipv4.tcp_rmem": "4096 131072 6291456"}),
        ({"net.ipv4.ip_local_reserved_ports": ["8080-8081", 9000]}, {"net.ipv4.ip_local_reserved_ports": "8080-8081,9000"}),
        ({"net.ipv4.ip_forward": True}, {"net.ipv4.ip_forward": "1"}),
        ({"net/ipv4/conf/eth0.100/rp_filter": 2}, {"net.ipv4.conf.eth0/100.rp_filter": "2"}),
        ({"fs.file-max": (1 << 63) - 1}, {"fs.file-max": "9223372036854775807"}),
    ],
)
def test_spellings_and_kinds_of_values(settings, parsed):
    """Several spellings are one key; numbers, texts, lists and booleans are one value."""
    assert parsed == parse(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"../kernel/x": 1}, "settings: '../kernel/x' is no name of a sysctl. Write it as \"net.core.somaxconn\"."),
        (
            {"net.ipv4.conf.*.rp_filter": 1},
            "settings: 'net.ipv4.conf.*.rp_filter' is no name of a sysctl. Write it as \"net.core.somaxconn\".",
        ),
        ({"net.core.somaxconn": 0}, "settings: net.core.somaxconn 0 is out of bounds: it must be 1 to 2147483647."),
        ({"net.core.somaxconn": 1 << 31}, "settings: net.core.somaxconn 2147483648 is out of bounds: it must be 1 to 2147483647."),
        ({"net.core.somaxconn": "many"}, 'settings: net.core.somaxconn is "many": write a whole number.'),
        ({"net.ipv4.tcp_mem": "1 2"}, 'settings: net.ipv4.tcp_mem is "1 2": write 3 whole numbers.'),
        (
            {"net.ipv4.tcp_mem": "22000 15000 11000"},
            'settings: net.ipv4.tcp_mem is "22000 15000 11000": write the least first and the most last.',
        ),
        ({"net.ipv4.tcp_mem": "1 1 1"}, "settings: net.ipv4.tcp_mem 1 is out of bounds: it must be 1024 to 9223372036854775807."),
        ({"net.ipv4.tcp_rmem": "1 1 1"}, "settings: net.ipv4.tcp_rmem 1 is out of bounds: it must be 1024 to 2147483647."),
        ({"kernel.threads-max": 20}, "settings: kernel.threads-max 20 is out of bounds: it must be 1024 to 2147483647."),
        ({"kernel.pid_max": 301}, "settings: kernel.pid_max 301 is out of bounds: it must be 4096 to 4194304."),
        (
            {"net.netfilter.nf_conntrack_max": 1},
            "settings: net.netfilter.nf_conntrack_max 1 is out of bounds: it must be 1024 to 2147483647.",
        ),
        ({"net.x.y": 1 << 65}, "settings: net.x.y 36893488147419103232 does not fit into 64 bits. Give a smaller number."),
        (
            {"net.core.somaxconn": None},
            "settings: the value 'None' of net.core.somaxconn cannot be written to a sysctl. Give one line of text or a number.",
        ),
        (
            {"net.x": "a\nkernel.y = 1"},
            "settings: the value 'a\\nkernel.y = 1' of net.x cannot be written to a sysctl. Give one line of text or a number.",
        ),
        ({"net.x": "a\0b"}, "settings: the value 'a\\x00b' of net.x cannot be written to a sysctl. Give one line of text or a number."),
        ({"net/core/somaxconn": 1, "net.core.somaxconn": 2}, "settings: net.core.somaxconn is named twice, as 1 and as 2. Name it once."),
        (
            {"net.ipv4.ip_local_reserved_ports": "80-"},
            'settings: net.ipv4.ip_local_reserved_ports: "80-" is no port and no range of ports: write "8080" or "8080-8082".',
        ),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_read(settings, message):
    """The message names the key, the value, the bound and the remedy, and that nothing was changed."""
    with pytest.raises(Refusal) as refusal:
        parse(settings)
    assert message + " Nothing was changed." == str(refusal.value)


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.lists(st.text()))))
def test_any_settings_are_parsed_or_refused(settings):
    """No name and no value crashes, and what passes is one line for one key below /proc/sys."""
    try:
        parsed = parse(settings)
    except Refusal:
        return
    for name, text in parsed.items():
        assert ".." not in name.replace("/", ".") and "\n" not in name + text and "\0" not in name + text


@pytest.mark.parametrize(
    ("changes", "listening", "message"),
    [
        ({sysctls.RANGE: "60999 32768"}, [], "net.ipv4.ip_local_port_range 60999-32768: low is above high. Turn them round."),
        (
            {sysctls.RANGE: "1000 65535"},
            [],
            "net.ipv4.ip_local_port_range: low 1000 is below net.ipv4.ip_unprivileged_port_start 1024, and the kernel refuses that. "
            "Set that one to 1000 or lower first, or begin at 1024.",
        ),
        (
            {sysctls.RESERVED: "1-65535"},
            [],
            "net.ipv4.ip_local_reserved_ports leaves no port of 32768-60999: nothing could connect any more. Reserve fewer.",
        ),
        (
            {sysctls.RESERVED: "40000"},
            ["40000-40001", 40003, 80],
            "Ports 40001, 40003 are listened on (or handed on by rules) inside the range 32768-60999: a dial could take them while the "
            "program restarts. Reserve them, or choose a range without them.",
        ),
    ],
)
def test_a_range_that_cannot_be_is_refused(changes, listening, message):
    """Range, reserved ports, the first unprivileged port and listeners are checked together, as they will be."""
    with pytest.raises(Refusal) as refusal:
        check_range(dict(SETTLED, **changes), port_set(listening))
    assert message + " Nothing was changed." == str(refusal.value)


@pytest.mark.parametrize(("text", "end"), [("32768 61000", "61001"), ("1025 65535", "65534")])
def test_an_odd_range_is_warned_of(text, end):
    """The warning says where to end the range."""
    warnings = check_range(dict(SETTLED, **{sysctls.RANGE: text}), 0)
    assert len(warnings) == 1 and warnings[0].endswith("End it at %s." % end)
    assert [] == check_range(SETTLED, port_set([80]))


def test_the_order_of_writing():
    """Reserved ports go before the range; the first unprivileged port before it where it falls, behind it where it rises."""
    names = [sysctls.RANGE, sysctls.START, "net.core.somaxconn", sysctls.RESERVED]
    assert [sysctls.START, sysctls.RESERVED] == sysctls.in_order(names, False)[:2]
    rising = sysctls.in_order(names, True)
    assert (sysctls.RESERVED, sysctls.START) == (rising[0], rising[-1])


def test_what_the_kernel_writes_others_with_goes_before_those():
    """ip_forward is written before the switches of single interfaces, and says what becomes of them and of redirects."""
    names = ["net.ipv4.conf.eth0.forwarding", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", sysctls.RESERVED]
    assert ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] == sysctls.in_order(names, False)[:2]
    along = sysctls.written_with("net.ipv4.ip_forward", "1", ["all", "default", "eth0/100"])
    own = {"net.ipv4.conf.default.forwarding": "1", "net.ipv4.conf.eth0/100.forwarding": "1"}
    assert {**own, sysctls.REDIRECTS: "0"} == along
    assert {"net.ipv6.conf.eth0.forwarding": "2"} == sysctls.written_with("net.ipv6.conf.all.forwarding", "2", ["all", "eth0"])
    assert {} == sysctls.written_with("net.ipv4.conf.eth0.forwarding", "1", ["all", "eth0"])


def test_only_what_the_kernel_leaves_wrong_is_written_after_it():
    """One that was odd before, or is to differ after, is written; one that comes and goes with the other is not."""
    before, after = {"a": "0", "b": "0", "c": "0"}, {"a": "1", "b": "1", "c": "1"}
    assert {"b": "1", "c": "0"} == sysctls.written_after(before, after, {"a": "0", "b": "1", "c": "0"}, {"a": "1", "b": "1", "c": "0"})


def test_another_form_than_the_kernel_prints_is_refused():
    """A key that no table knows keeps the number and kind of its values."""
    with pytest.raises(Refusal, match='is "1 2 3" now: 3 whole numbers'):
        sysctls.check_kind("net.x", "1 2", "1 2 3")
    sysctls.check_kind("net.x", "4 5 6", "1 2 3")
    sysctls.check_kind("net.x", "anything", "cubic")


@pytest.mark.parametrize("value", ["²", "٣٣", "0x10", "1e3"])
def test_only_plain_digits_are_a_number(value):
    """What only looks like a number to Python is refused before the kernel sees it."""
    with pytest.raises(Refusal, match="write a whole number"):
        sysctls.parse_settings({"net.core.somaxconn": value}, key_path, key_name)


def test_a_leading_zero_is_taken_off():
    """The kernel would read 010 as octal."""
    assert {"net.core.somaxconn": "10"} == sysctls.parse_settings({"net.core.somaxconn": "010"}, key_path, key_name)
