# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: what-if over a snapshot, the fact of an audit, and upstreams as people write them."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.filter.audit import audit, upstream_paths
from ansible_collections.c10m.front_tier.plugins.filter.capacity import capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model import facts
from ansible_collections.c10m.front_tier.tests.recorded.fleet import host

HOST = host(0)
PATH = {"sources": ["10.0.0.1"], "destinations": ["10.0.9.10"], "ports": [8080], "bind": "no_port"}


def test_without_overrides_it_is_the_model():
    """The filter adds nothing to what the model computes of the same snapshot."""
    assert facts.compute(HOST) == capacity(HOST)


def test_the_snapshot_stays_as_it_was():
    """What is asked of a fact does not change the fact."""
    before = json.dumps(HOST)
    capacity(HOST, nofile=5, addresses=3, limits={"net.core.somaxconn": 1})
    assert before == json.dumps(HOST)


def outbound(**given):
    """Return the outbound capacity of the one path."""
    return capacity(HOST, [PATH], **given)["capacity"]["outbound"]["connections"]


def test_more_addresses_multiply():
    """Eight source addresses hold eight times as many, given as a number, as text or as a list."""
    one = outbound()
    assert one == HOST["ports"]["usable"]
    assert 8 * one == outbound(addresses=8) == outbound(addresses="8") == outbound(addresses=["10.0.1.%d" % place for place in range(8)])


@pytest.mark.parametrize("value", [[40000, 40099], "40000 40099", "40000\t40099", ["40000", "40099"]])
def test_a_sysctl_is_taken_as_people_write_it(value):
    """A range of ports may be a list or the text that sysctl prints."""
    assert 100 == outbound(limits={"net.ipv4.ip_local_port_range": value})


def test_reserved_ports_are_taken_off():
    """The list of reserved ports may be overridden too."""
    limits = {"net.ipv4.ip_local_port_range": [40000, 40099], "net.ipv4.ip_local_reserved_ports": "40000-40009,40020"}
    assert 89 == outbound(limits=limits)


def test_more_descriptors_raise_the_inbound_capacity():
    """With enough descriptors, something else binds."""
    found = capacity(HOST, nofile="1_000_000")["capacity"]["inbound"]
    assert HOST["capacity"]["inbound"]["connections"] < found["connections"] and "nofile" != found["binding"]


def test_the_verdict_follows_the_overrides():
    """What was out of reach can be within it with other values."""
    fact = audit(HOST, connections=5000)
    assert (False, True) == (fact["wanted"]["reachable"], capacity(fact, nofile=1000000)["wanted"]["reachable"])
    assert "FT100" == capacity(fact)["findings"][0]["id"] and capacity(fact, connections=2)["wanted"]["reachable"]


def test_the_paths_of_the_audit_are_computed_again():
    """A fact remembers the paths that were asked for."""
    fact = audit(HOST, paths=[PATH])
    assert ["10.0.9.10"] == capacity(fact)["paths"][0]["destinations"] and 1 == len(capacity(fact)["paths"])
    other = dict(PATH, destinations=["10.0.9.99"])
    assert ["10.0.9.99"] == capacity(fact, [other])["paths"][0]["destinations"]


@pytest.mark.parametrize(
    "given, message",
    [
        (
            {"nofil": 5},
            "capacity has no nofil. Override one of limits, nofile, addresses; beside them there are paths, service, "
            "connections, headroom.",
        ),
        ({"nofile": "many"}, 'capacity: nofile "many" is no whole number: it must be 1 to 2147483648.'),
        ({"nofile": 0}, "capacity: nofile 0 is out of bounds: it must be 1 to 2147483648."),
        ({"nofile": True}, 'capacity: nofile "True" is no whole number: it must be 1 to 2147483648.'),
        ({"addresses": 0}, "capacity: addresses 0 is out of bounds: it must be 1 to 65536."),
        (
            {"addresses": ["10.0.0.1", "10.0.0"]},
            'capacity: addresses[1] "10.0.0" is no IPv4 or IPv6 address. Write one in each item, or how many there are.',
        ),
        ({"limits": 5}, 'capacity: limits "5" is no dictionary. Write limits={"net.core.somaxconn": 65535}.'),
        ({"limits": {"a.b": 1}}, 'capacity: limits: "a.b" is no sysctl that bounds connections. Name one of docs/limits.md.'),
        (
            {"limits": {"net.core.somaxconn": "x"}},
            'capacity: limits["net.core.somaxconn"] "x" is no whole number: it must be 0 to 9223372036854775807.',
        ),
        (
            {"limits": {"net.core.somaxconn": None}},
            'capacity: limits["net.core.somaxconn"] "None" is no value of a sysctl. '
            'Write it as sysctl prints it, such as 65535 or "1024 65535".',
        ),
        (
            {"limits": {"net.ipv4.ip_local_port_range": 5}},
            'capacity: limits["net.ipv4.ip_local_port_range"] has 1 values, and needs 2: write them all, as sysctl prints them.',
        ),
        (
            {"limits": {"net.ipv4.ip_local_port_range": [9, 5]}},
            'capacity: limits["net.ipv4.ip_local_port_range"] 9-5 is no range of ports: write [1024, 65535].',
        ),
        (
            {"limits": {"net.ipv4.ip_local_reserved_ports": "80-x"}},
            'capacity: limits["net.ipv4.ip_local_reserved_ports"] "x" is no whole number: it must be 80 to 65535.',
        ),
        (
            {"paths": [{"destinations": ["10.0.0.1"]}]},
            "capacity: paths[0] needs destinations and ports: name the addresses and ports that are dialled.",
        ),
        ({"connections": 0}, "capacity: connections 0 is out of bounds: it must be 1 to 1099511627776."),
    ],
)
def test_what_cannot_be_meant_is_told(given, message):
    """Every message names the thing, the value, the bound and what to write."""
    with pytest.raises(AnsibleFilterError) as caught:
        capacity(HOST, **given)
    assert message == str(caught.value)


@pytest.mark.parametrize("value", [None, 5, "text", [], {}, {"host": {}}, {"host": {"absent": "unknown", "detail": ""}, "limits": []}])
def test_what_is_no_snapshot_is_told(value):
    """A result that failed, or a variable of another kind, is refused with what to give."""
    with pytest.raises(AnsibleFilterError, match="capacity needs a snapshot: the fact front_tier_audit"):
        capacity(value)


def test_a_snapshot_with_holes_is_an_error_and_no_crash():
    """Data that only looks like a snapshot is an error that names what is missing."""
    broken = dict(HOST, sockets={"flows": [{}]})
    with pytest.raises(AnsibleFilterError, match="this is no whole snapshot .*Record it with"):
        capacity(broken)


def test_a_cut_fact_is_not_computed_with():
    """Where rows that count were left out of the fact, the filter refuses, and says how to get the exact number."""
    row = HOST["listeners"][0]
    fact = audit(dict(HOST, listeners=[row] * 5000))
    with pytest.raises(AnsibleFilterError, match="listeners: 400 of 5000 kept.*Register c10m.front_tier.connection_limits_info"):
        capacity(fact)


@pytest.mark.parametrize(
    "given, service, expected",
    [
        (["10.0.9.10:8080"], None, [{"destinations": ["10.0.9.10"], "ports": [8080]}]),
        (
            ["[2001:db8::1]:80"],
            "haproxy.service",
            [{"destinations": ["2001:db8::1"], "ports": [80], "service": "haproxy.service", "dialer": "haproxy"}],
        ),
        (["10.0.9.10:80"], "own.service", [{"destinations": ["10.0.9.10"], "ports": [80], "service": "own.service"}]),
        ([], "haproxy.service", []),
    ],
)
def test_upstreams_become_paths(given, service, expected):
    """Each upstream is one path; a service that is a known program says how it dials."""
    assert expected == upstream_paths(given, service)


@pytest.mark.parametrize(
    "given, message",
    [
        (["10.0.9.10:80", "db.internal:80"], 'front_tier_upstreams[1]: "db.internal" is no IPv4 or IPv6 address.'),
        (["10.0.9.10"], 'front_tier_upstreams[0] "10.0.9.10" has no port. Write it as "10.0.9.10:8080".'),
        (["10.0.9.10:70000"], "front_tier_upstreams[0] 70000 is out of bounds: it must be 1 to 65535."),
        ("10.0.9.10:80", 'front_tier_upstreams "10.0.9.10:80" is no list. Write ["10.0.9.10:8080"].'),
    ],
)
def test_a_wrong_upstream_is_named(given, message):
    """The message says which one it is."""
    with pytest.raises(AnsibleFilterError) as caught:
        upstream_paths(given)
    assert str(caught.value).startswith(message)


ADDRESSES = [
    ("eth0", "10.0.0.1/24"),
    ("eth1", "10.0.9.1/24"),
    ("eth1", "10.0.9.101/24"),
    ("eth1", "10.0.9.102/32"),
    ("eth1", "2001:db8::1/64"),
]
PROXY = dict(HOST, addresses=[{"interface": interface, "address": address, "local_route": False} for interface, address in ADDRESSES])
PROXY["addresses"].append({"interface": "eth1", "address": "10.0.9.200/32", "local_route": False, "moves": True})


@pytest.mark.parametrize(
    "given, upstream, expected",
    [
        ({}, "10.0.9.10:8080", []),
        ({"sources": ["10.0.9.101", "10.0.9.201"]}, "10.0.9.10:8080", ["10.0.9.101"]),
        ({"sources": ["10.0.9.101", "2001:db8::1"], "role": "reverse_proxy"}, "10.0.9.10:8080", ["10.0.9.101"]),
        ({"role": "reverse_proxy"}, "10.0.9.10:8080", ["10.0.9.1", "10.0.9.101", "10.0.9.102"]),
        ({"role": "reverse_proxy"}, "[2001:db8::10]:80", ["2001:db8::1"]),
        ({"role": "reverse_proxy"}, "10.0.99.10:8080", []),
        ({"role": "origin"}, "10.0.9.10:8080", []),
    ],
)
def test_an_upstream_is_dialled_from_all_addresses_that_a_proxy_uses(given, upstream, expected):
    """Those that are told and there; else, where the role writes a line for each, those of the interface towards the upstream."""
    paths = upstream_paths([upstream])
    fact = audit(facts.complete(PROXY, paths), paths=paths, **given)
    path = fact["paths"][0]
    assert (path["sources"] if path["bind"] == "no_port" else []) == expected
    assert fact["asked"]["paths"][0].get("sources", []) == expected
    assert path["bounds"][0]["connections"] == max(1, len(expected)) * path["usable_ports"]


def test_a_path_that_says_how_it_is_dialled_stays_as_it_is():
    """Its own sources, and its own bind, win over those of the host."""
    given = [dict(PATH, bind="plain"), {"destinations": ["10.0.9.10"], "ports": [80], "bind": "none"}]
    assert audit(PROXY, paths=given, sources=["10.0.9.101"])["asked"]["paths"] == given


@pytest.mark.parametrize(
    "given, message",
    [
        ({"sources": "10.0.9.101"}, "front_tier_sources '10.0.9.101' is no list. Write"),
        ({"sources": ["web"]}, 'front_tier_sources[0]: "web" is no IPv4 or IPv6 address. Write one of this host.'),
        ({"headroom": 1}, "front_tier_headroom 1 is out of bounds: it must be from 0 to less than 1, such as 0.2."),
        ({"headroom": "much"}, 'front_tier_headroom "much" is no number. Write it as 0.2.'),
        ({"connections": 0}, "front_tier_connections 0 is out of bounds: it must be 1 or more."),
        ({"connections": "200k"}, 'front_tier_connections "200k" is no whole number. Write it as 200000.'),
    ],
)
def test_a_wrong_wish_is_told(given, message):
    """A headroom of all, or no connections at all, cannot be meant."""
    with pytest.raises(AnsibleFilterError) as caught:
        audit(HOST, **given)
    assert str(caught.value).startswith(message)


def test_a_wish_may_be_text():
    """Extra variables are text: they mean the same."""
    assert audit(HOST, connections=200000, headroom=0.1) == audit(HOST, connections="200000", headroom="0.1")
