# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transparent routing: what is asked for, checked, and what becomes of it."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import transparent

DEFAULTS = {
    "method": None,
    "interfaces": [],
    "client_interfaces": [],
    "addresses": [],
    "ports": [],
    "proxy_port": None,
    "gateway": None,
    "when_down": None,
    "notrack": [],
    "mark": 1,
    "table": 100,
}
RETURN_PATH = dict(DEFAULTS, method="return_path", interfaces=["k0"])
INTERCEPT = dict(DEFAULTS, method="intercept", interfaces=["k0"], client_interfaces=["f0"], addresses=["10.0.0.0/24"], ports=[80])
BACKEND = dict(DEFAULTS, method="backend_route", addresses=["10.0.0.11"], gateway="10.0.0.1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DEFAULTS, "method: name one of return_path, intercept, backend_route. Nothing was changed."),
        (dict(DEFAULTS, method="return_path"), "interfaces: method return_path needs it: name it. Nothing was changed."),
        (dict(INTERCEPT, ports=[]), "ports: method intercept needs it: name it. Nothing was changed."),
        (dict(INTERCEPT, client_interfaces=[]), "client_interfaces: method intercept needs it: name it. Nothing was changed."),
        (dict(BACKEND, gateway=None), "gateway: method backend_route needs it: name it. Nothing was changed."),
        (dict(RETURN_PATH, ports=[80]), "ports [80]: it means nothing with method return_path: leave it out. Nothing was changed."),
        (
            dict(RETURN_PATH, when_down="open"),
            "when_down open: it means nothing with method return_path: leave it out. Nothing was changed.",
        ),
        (dict(BACKEND, notrack=[80]), "notrack [80]: it means nothing with method backend_route: leave it out. Nothing was changed."),
        (dict(INTERCEPT, ports=[0]), "ports 0: it must be 1 to 65535. Nothing was changed."),
        (dict(INTERCEPT, proxy_port=65536), "proxy_port 65536: it must be 1 to 65535. Nothing was changed."),
        (dict(INTERCEPT, notrack=[-1]), "notrack -1: it must be 1 to 65535. Nothing was changed."),
        (dict(RETURN_PATH, mark=0), "mark 0: it must be 1 to 4294967295. Nothing was changed."),
        (dict(RETURN_PATH, mark=1 << 32), "mark 4294967296: it must be 1 to 4294967295. Nothing was changed."),
        (dict(RETURN_PATH, table=254), "table 254: take a number from 1 to 4294967295 that is not one of the system's own"),
        (dict(RETURN_PATH, table=0), "table 0: take a number"),
        (
            dict(INTERCEPT, addresses=["10.0.0.1/24"]),
            "addresses 10.0.0.1/24: 10.0.0.1/24 has host bits set: write one such as 10.0.0.5 or 10.0.0.0/24. Nothing was changed.",
        ),
        (dict(INTERCEPT, addresses=["web1"]), "addresses web1: "),
        (dict(BACKEND, addresses=["10.0.0.0/24"]), "addresses 10.0.0.0/24: name single addresses of this host. Nothing was changed."),
        (dict(BACKEND, gateway="router"), "gateway router: "),
        (dict(BACKEND, gateway="fe80::1"), "gateway fe80::1: it is not of the same family as 10.0.0.11"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options, message):
    """A refusal names the option, the value and what to do, and says that nothing was changed."""
    with pytest.raises(Refusal) as refusal:
        transparent.parse(options)
    assert str(refusal.value).startswith(message)
    assert str(refusal.value).endswith("Nothing was changed.")


@pytest.mark.parametrize("name", ["", "a" * 16, "k0 k1", "k0\n", "k0\0", 'k"0', "k0;id", "k/0", "*", "$x", "k0'"])
def test_no_word_gets_into_a_ruleset_or_a_script_by_a_name(name):
    """Only plain names of interfaces go on."""
    for option in ("interfaces", "client_interfaces"):
        with pytest.raises(Refusal, match="is no name of an interface"):
            transparent.parse(dict(INTERCEPT, **{option: [name]}))


def lines_of(**more):
    """Return the lines of the ruleset of an interception."""
    return [line.strip() for line in transparent.ruleset(transparent.parse(dict(INTERCEPT, **more)), "front-tier").splitlines()]


def test_every_rule_names_an_interface():
    """A rule with a mark always has an interface: without, it would catch what the host itself sends."""
    rules = transparent.rules_of(transparent.parse(dict(INTERCEPT, mark=255)), ipv6=True)
    assert rules == [
        "inet pref 100 iif f0 fwmark 0xff table 100",
        "inet pref 100 iif k0 fwmark 0xff table 100",
        "inet6 pref 100 iif f0 fwmark 0xff table 100",
        "inet6 pref 100 iif k0 fwmark 0xff table 100",
    ]
    assert transparent.rules_of(transparent.parse(RETURN_PATH), ipv6=False) == ["inet pref 100 iif k0 fwmark 0x1 table 100"]


def test_a_backend_goes_by_its_source():
    """A server's rules go by its own addresses, and its table reaches the gateway and the network that it is on."""
    asked = transparent.parse(dict(BACKEND, addresses=["10.0.0.12", "10.0.0.11", "10.0.0.11"], table=101))
    assert transparent.rules_of(asked, ipv6=True) == ["inet pref 100 from 10.0.0.11 table 101", "inet pref 100 from 10.0.0.12 table 101"]
    assert transparent.routes_of(asked, True, ("eth0", "10.0.0.0/24")) == {
        "inet table 101 10.0.0.0/24": "dev eth0",
        "inet table 101 default": "via 10.0.0.1 dev eth0",
    }
    assert transparent.ruleset(asked, "front-tier") is None
    asked = transparent.parse(dict(BACKEND, addresses=["2001:db8::11"], gateway="2001:db8::1"))
    assert transparent.rules_of(asked, ipv6=True) == ["inet6 pref 100 from 2001:db8::11 table 100"]


def test_networks_are_written_as_nft_lists_them():
    """What adjoins or covers becomes one, a single address has no prefix length, families stay apart."""
    lines = lines_of(addresses=["10.0.1.0/24", "10.0.0.0/24", "10.9.9.9/32", "10.0.0.7", "2001:db8::1", "192.0.2.0/24"])
    assert any("ip daddr { 10.0.0.0/23, 10.9.9.9, 192.0.2.0/24 } tcp dport 80" in line for line in lines)
    assert any("ip6 daddr 2001:db8::1 tcp dport 80 tproxy ip6 to :80" in line for line in lines)


def test_the_proxy_listens_where_it_was_dialled_or_on_its_own_port():
    """Without proxy_port each port goes to itself; with it all of them go there."""
    assert [line.split(" to ")[1].split()[0] for line in lines_of(ports=[443, 80]) if "tproxy" in line] == [":80", ":443"]
    (line,) = [line for line in lines_of(ports=[443, 80], proxy_port=9080) if "tproxy" in line]
    assert "tcp dport { 80, 443 } tproxy ip to :9080" in line


def test_closed_drops_after_the_proxy_had_its_chance():
    """The rule that drops comes after the one that hands over, and only with `closed`."""
    lines = lines_of(when_down="closed")
    verdicts = [line.split()[-1] for line in lines if line.startswith("iifname")]
    assert verdicts == ["accept", "drop", "accept"]
    assert "drop" not in " ".join(lines_of(when_down="open"))


@pytest.mark.parametrize("name", ["front-tier", "front-tier-routing", "a", "a-b", "a_b", "routing"])
def test_no_two_sets_share_a_file_or_a_table(name):
    """Each set has files, links, a unit and a table of its own."""
    others = {"front-tier", "front-tier-routing", "a", "a-b", "a_b", "routing"} - {name}

    def owned(one):
        files = transparent.files_of(one, [], {}, "table x")
        return {*files, *transparent.links_of(one), transparent.table_of(one), transparent.unit_of(one)}

    assert all(owned(name).isdisjoint(owned(other)) for other in others)


def test_the_script_repeats_the_rules_and_routes():
    """The script says to ip(8) what the transaction says to the kernel."""
    asked = transparent.parse(BACKEND)
    rules, routes = transparent.rules_of(asked, True), transparent.routes_of(asked, True, ("eth0", "10.0.0.0/24"))
    files = transparent.files_of("front-tier", rules, routes, None)
    assert sorted(files) == ["/etc/front-tier/front-tier.sh", "/etc/systemd/system/front-tier.service"]
    script = files["/etc/front-tier/front-tier.sh"].splitlines()
    assert script[-3:] == [
        "ip -4 route replace 10.0.0.0/24 dev eth0 table 100 proto kernel",
        "ip -4 route replace default via 10.0.0.1 dev eth0 table 100 proto kernel",
        "rule -4 pref 100 from 10.0.0.11 table 100",
    ]
    assert "network-online.target" in files["/etc/systemd/system/front-tier.service"]


def test_the_name_of_an_interface_is_one_word_of_the_script():
    """The kernel takes any name but blanks and slashes; that of the interface towards the gateway comes from it, not from the user."""
    asked = transparent.parse(BACKEND)
    routes = transparent.routes_of(asked, True, ("a;$(id>x)", "10.0.0.0/24"))
    script = transparent.files_of("front-tier", [], routes, None)["/etc/front-tier/front-tier.sh"].splitlines()
    assert "ip -4 route replace 10.0.0.0/24 dev 'a;$(id>x)' table 100 proto kernel" in script


def test_a_balancer_does_not_wait_for_the_network():
    """Only routes through a gateway need the network: a balancer's unit starts before, and after nftables."""
    unit = transparent.files_of("front-tier", [], {}, "table x")["/etc/systemd/system/front-tier.service"]
    assert "network-online" not in unit
    assert "After=nftables.service\n" in unit
    assert "ReloadPropagatedFrom=nftables.service\n" in unit
