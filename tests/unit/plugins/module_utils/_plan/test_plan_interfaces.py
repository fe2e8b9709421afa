# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary interfaces against what a host has: nothing of others is touched, and nothing is guessed."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import interfaces
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import parse_address, parse_addresses, parse_prefixes

HOST = dict.fromkeys(
    [("lo", "127.0.0.1/8"), ("eth0", "10.0.0.1/24"), ("eth0", "fd00::1/64"), ("eth1", "10.1.0.1/24")], {"lifetime": "forever"}
)


def item(interface="eth0", addresses=(), kind="address", **more):
    """Return an element of the option."""
    options = {"interface": interface, "kind": kind, "addresses": list(addresses), "backend": "auto", "duplicate_check": True, **more}
    return interfaces.parse_item("", options, True, True)


def test_new_addresses_are_placed():
    """What is not there becomes a thing of its own; an address of others keeps its prefix and its owner."""
    placed = interfaces.place([item(addresses=["10.0.0.5", "10.0.0.1", "fd00::5"])], HOST, set())
    assert [("eth0 10.0.0.5/32", False), ("eth0 10.0.0.1/24", True), ("eth0 fd00::5/128", False)] == [
        (name, theirs) for _item, _one, name, theirs in placed
    ]


def test_an_address_of_ours_is_no_address_of_others():
    """What a set has added stays ours in every later run, also with another prefix."""
    present = {**HOST, ("eth0", "10.0.0.5/32"): {"lifetime": "forever"}}
    placed = interfaces.place([item(addresses=["10.0.0.5/24"])], present, {"eth0 10.0.0.5/32"})
    assert [("eth0 10.0.0.5/24", False)] == [(name, theirs) for _item, _one, name, theirs in placed]


def test_trap_address_already_on_another_interface():
    """An address that another interface has is refused, with the interface."""
    with pytest.raises(Refusal) as error:
        interfaces.place([item(addresses=["10.0.0.5", "10.1.0.1"])], HOST, set())
    assert (
        "addresses: 10.1.0.1 is on eth1 already. An address belongs to one interface: leave it out, or take it away there first. "
        "Nothing was changed." == str(error.value)
    )


@pytest.mark.parametrize(
    ("address", "what"), [("10.0.0.0", "network address of 10.0.0.0/24"), ("10.0.0.255", "broadcast address of 10.0.0.0/24")]
)
def test_network_and_broadcast_addresses_of_the_host(address, what):
    """Also as /32, the network and broadcast address of a network that the interface is in are refused."""
    with pytest.raises(Refusal) as error:
        interfaces.place([item(addresses=[address])], HOST, set())
    assert f"addresses: {address} is the {what}. Leave it out. Nothing was changed." == str(error.value)


def test_one_address_has_one_place():
    """The same address under two interfaces, or with two prefixes, is refused."""
    with pytest.raises(Refusal) as error:
        interfaces.check_together([item(addresses=["10.0.0.5"]), item("eth1", ["10.0.0.5"])])
    assert "addresses: 10.0.0.5/32 on eth0 and 10.0.0.5/32 on eth1. Name each address once. Nothing was changed." == str(error.value)
    interfaces.check_together([item(addresses=["10.0.0.5"]), item(addresses=["10.0.0.5"])])


def test_addresses_of_a_cluster_are_refused():
    """What keepalived or pacemaker moves is not ours to add."""
    wanted = parse_addresses("addresses", ["10.0.0.5", "10.0.0.6"])
    with pytest.raises(Refusal) as error:
        interfaces.check_cluster(wanted, {"10.0.0.6": "/etc/keepalived/keepalived.conf"})
    assert (
        "addresses: 10.0.0.6 is named in /etc/keepalived/keepalived.conf, which moves it from host to host. Leave it out. "
        "Nothing was changed." == str(error.value)
    )


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("10.0.0.248/29", "10.0.0.248/29 holds the gateway 10.0.0.254"),
        ("10.0.0.0/24", "10.0.0.0/24 holds the network 10.0.0.1/24 of eth0"),
        ("198.51.100.0/24", "198.51.100.0/24 holds 198.51.100.7, which has 3 connections to this host"),
    ],
)
def test_a_local_route_never_swallows_what_others_need(prefix, says):
    """A gateway, a whole network or a peer that becomes local could not be reached any more."""
    with pytest.raises(Refusal) as error:
        interfaces.check_prefixes(parse_prefixes("addresses", [prefix]), HOST, {"10.0.0.254"}, {"198.51.100.7": 3})
    assert says in str(error.value)
    interfaces.check_prefixes(parse_prefixes("addresses", ["10.0.0.128/27", "10.99.0.0/16"]), HOST, {"10.0.0.254"}, {"198.51.100.7": 3})


def test_promote_secondaries():
    """The first address of a network takes those of others with it, unless the kernel promotes the next one."""
    first, second = {"secondary": False}, {"secondary": True}
    present = {("eth0", "10.5.0.1/24"): first, ("eth0", "10.5.0.2/24"): second, ("eth0", "10.5.0.3/32"): first}
    assert ["10.5.0.1/24 would take 10.5.0.2/24 with it"] == interfaces.taken_with({"eth0 10.5.0.1/24"}, present, set())
    assert [] == interfaces.taken_with({"eth0 10.5.0.1/24"}, present, {"eth0"})
    assert [] == interfaces.taken_with({"eth0 10.5.0.1/24", "eth0 10.5.0.2/24"}, present, set())
    assert [] == interfaces.taken_with({"eth0 10.5.0.3/32"}, present, set())
    assert [] == interfaces.taken_with({"eth0 10.5.0.2/24"}, present, set())


def test_connections_of_an_address_and_of_a_prefix():
    """An address carries its own connections, whatever its prefix; a local route those of every address in it."""
    counts = {"10.0.0.5": 3, "10.0.0.6": 4, "fd00::5": 5}
    assert 3 == interfaces.carried("address", "eth0 10.0.0.5/24", counts)
    assert 0 == interfaces.carried("address", "eth0 10.0.0.7/32", counts)
    assert 7 == interfaces.carried("local_route", "lo 10.0.0.0/24", counts)
    assert 5 == interfaces.carried("local_route", "lo fd00::/64", counts)


@pytest.mark.parametrize(("parent", "name"), [("eth0", "eth0-ft"), ("enp175s0f0np0", "ft-1b71b29c")])
def test_names_of_macvlans(parent, name):
    """Our interface is named after its parent as long as the kernel can hold it."""
    assert len(name) <= 15
    found = interfaces.macvlan_name(parent)
    assert found == name or (found.startswith("ft-") and len(found) == 11 and len(parent) > 12)


def test_many_offenders_are_counted():
    """A message names ten offenders and counts the rest."""
    with pytest.raises(Refusal) as error:
        interfaces.refuse("x: %s.", [str(number) for number in range(12)])
    assert "x: 0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 2 more. Nothing was changed." == str(error.value)


@pytest.mark.parametrize(
    "interface, cidr, says",
    [
        ("d1", "10.0.0.70/32", "10.0.0.70/32 is the gateway 10.0.0.70"),
        ("lo", "10.0.0.71/32", "is 10.0.0.71, which has connections"),
        ("d1", "10.0.0.77/28", "10.0.0.77/28 on d1 draws the gateway 10.0.0.70"),
        ("d0", "10.0.0.77/28", None),
        ("d1", "10.0.0.77/32", None),
        ("d1", "10.7.0.1/24", None),
    ],
)
def test_no_address_draws_a_gateway_or_a_peer_to_another_place(interface, cidr, says):
    """An address that a gateway or a peer has, or a network around one on another interface, would cut the host off."""
    present = {("d0", "10.0.0.1/24"): {"secondary": False}}
    asked = ([(interface, parse_address(cidr))], present, {"10.0.0.70"}, {"10.0.0.71": 1, "10.0.0.1": 4})
    if says is None:
        interfaces.check_reach(*asked)
    else:
        with pytest.raises(Refusal) as refusal:
            interfaces.check_reach(*asked)
        assert says in str(refusal.value)
