# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transparent balancer as it is planned: rights by version, files, and what is refused with which words."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import balancer

RETURN_PATH = {"method": "return_path", "listen": ["10.0.1.1:80"], "upstreams": ["10.0.2.11:8080"], "server_interface": "k0"}
SIX = {"listen": ["[fd00:1::1]:80"], "upstreams": ["[fd00:2::11]:8080"]}
INTERCEPT = {"method": "intercept", "upstreams": ["10.0.2.11:8080"], "server_interface": "k0", "client_interface": "f0"}
HOST = """\
version HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/
nr_open 1048576
conntrack
conntrack_writable
forwards_ipv6 0
addresses 127.0.0.1/8 10.0.1.1/24 fd00:1::1/64
interfaces f0 k0 lo
without_ipv6
others
"""
SITE = "global\n\tuser haproxy\n\tchroot /var/lib/haproxy\n  group haproxy\n\nuserlist people\n\tuser ann password x\n\tgroup staff\n"


def planned(options, host=HOST, site=SITE, defaults=""):
    """Return the plan."""
    return balancer.plan(options, {"host": host, "site": site, "defaults": defaults})


def newer(text=HOST):
    """Return the host with an HAProxy that keeps a capability by itself."""
    return text.replace("2.6.12", "2.9.1")


def test_before_2_9_the_unit_gives_the_rights():
    """The site's user, group and root folder are taken out of `global` alone, and the unit runs it as that user with the capability."""
    found = planned(RETURN_PATH)
    assert found["privileges"] == "unit"
    site = found["files"][balancer.SITE]
    assert [line for line in site.splitlines() if line.startswith(balancer.TAKEN)] == [
        balancer.TAKEN + line for line in ("\tuser haproxy", "\tchroot /var/lib/haproxy", "  group haproxy")
    ]
    assert "\n\tuser ann password x\n\tgroup staff\n" in site
    assert balancer.restored(site) == SITE
    assert planned(RETURN_PATH, site=site) == found
    unit = found["files"][balancer.UNIT]
    assert "User=haproxy\n" in unit
    assert "AmbientCapabilities=CAP_NET_RAW CAP_NET_BIND_SERVICE\n" in unit
    assert "setcap" not in found["files"][balancer.CONFIG]


def test_from_2_9_on_haproxy_keeps_it_by_itself():
    """The site's file stays; what an older version had needed in it comes back."""
    found = planned(RETURN_PATH, newer())
    assert found["privileges"] == "setcap"
    assert "    setcap cap_net_raw\n" in found["files"][balancer.CONFIG]
    assert "User=" not in found["files"][balancer.UNIT]
    assert balancer.SITE not in found["files"]
    upgraded = planned(RETURN_PATH, newer(), site=balancer.without_privileges(SITE))
    assert upgraded["files"][balancer.SITE] == SITE


def test_the_proxy_protocol_needs_neither_rights_nor_routes():
    """No capability, no routing, no probe; each server line sends the header, also in checks."""
    found = planned({**RETURN_PATH, "proxy_protocol": True, "upstreams": ["10.0.2.11:8080", "[fd00:2::11]:8080"]})
    assert (found["privileges"], found["routing"], found["probe"]["paths"]) == ("none", None, [])
    config = found["files"][balancer.CONFIG]
    assert "usesrc" not in config
    assert config.count(" send-proxy-v2 check-send-proxy\n") == 2
    assert balancer.SITE not in found["files"]


def test_numbers():
    """maxconn is what is expected with its headroom, descriptors are two for each and a reserve, conntrack two entries for each."""
    found = planned({**RETURN_PATH, "connections": 1000, "headroom": 0.2}, HOST.replace("conntrack\nconntrack_writable", CONNTRACK))
    assert (found["maxconn"], found["nofile"]) == (1250, 2600)
    assert "    maxconn 1250\n" in found["files"][balancer.CONFIG]
    assert "LimitNOFILE=2600\n" in found["files"][balancer.UNIT]
    assert found["sysctls"] == {"net.netfilter.nf_conntrack_max": "2500"}


@pytest.mark.parametrize(
    ("hard", "limit"),
    [("524288", "2600:524288"), ("18446744073709551615", "2600:1048576"), ("infinity", "2600:1048576"), ("2048", "2600"), ("", "2600")],
)
def test_the_hard_limit_of_the_unit_is_not_lowered(hard, limit):
    """What systemd gives HAProxy at most stays, as far as fs.nr_open lets anybody have it; where it does not say, a number is both."""
    found = planned({**RETURN_PATH, "connections": 1000}, HOST + "hard_limit %s\n" % hard)
    assert "LimitNOFILE=%s\n" % limit in found["files"][balancer.UNIT]
    assert found["nofile"] == 2600


def test_maxconn_is_rounded_as_the_plan_rounds_it():
    """297 of 0.99 are 300 exactly; a division of floats gives 301, which the plan of the fleet did not ask for."""
    assert planned({**RETURN_PATH, "connections": 297, "headroom": 0.01}, HOST)["maxconn"] == 300


CONNTRACK = "conntrack 2000\nconntrack_writable yes"


def test_conntrack_is_never_lowered():
    """A table that is large enough keeps its size, and one that is not tracked at all is none of ours."""
    asked = {**RETURN_PATH, "connections": 10}
    assert planned(asked, HOST.replace("conntrack\nconntrack_writable", CONNTRACK))["sysctls"] == {"net.netfilter.nf_conntrack_max": "2000"}
    assert planned(asked)["sysctls"] == {}
    left_out = planned({**asked, "conntrack": "notrack"}, HOST.replace("conntrack\nconntrack_writable", CONNTRACK))
    assert left_out["sysctls"] == {}
    assert left_out["routing"]["notrack"] == [80, 8080]


def test_a_maxconn_of_the_site_wins_where_it_is_enough():
    """HAProxy takes the first maxconn that it reads: ours is left out, and the descriptors are for theirs."""
    found = planned({**RETURN_PATH, "connections": 1000}, site="global\n maxconn 3000\n")
    assert (found["maxconn"], found["nofile"]) == (3000, 6100)
    assert "maxconn" not in found["files"][balancer.CONFIG]


def test_interception():
    """The servers are taken at the proxy's port, go where the client dialled, and nobody else gets in."""
    found = planned({**INTERCEPT, "upstreams": ["10.0.2.12:8080", "10.0.2.11:8080", "10.0.2.11:8081"], "when_down": "closed"})
    assert found["routing"] == {
        "method": "intercept",
        "interfaces": ["k0"],
        "client_interfaces": ["f0"],
        "addresses": ["10.0.2.11", "10.0.2.12"],
        "ports": [8080, 8081],
        "proxy_port": 9080,
        "when_down": "closed",
        "mark": 1,
        "table": 100,
    }
    config = found["files"][balancer.CONFIG]
    assert "    bind 0.0.0.0:9080 transparent\n    tcp-request connection reject unless { dst 10.0.2.11 10.0.2.12 }\n" in config
    assert len(found["probe"]["paths"]) == 3
    assert "ip -4 rule show pref 100 iif f0 fwmark 0x1 table 100" in found["probe"]["there"]


def test_full_management_writes_the_whole_file():
    """With `full` nothing of the site is read: one file, no folder beside it, and no user where the unit gives one."""
    found = planned({**RETURN_PATH, "manage": "full", "connections": 10}, site="global\n maxconn 5\n")
    assert sorted(found["files"]) == sorted([balancer.SITE, balancer.UNIT])
    assert balancer.FOLDER not in found["files"][balancer.UNIT] + found["validate"]
    assert "    user " not in found["files"][balancer.SITE]
    assert "    user haproxy\n" in planned({**RETURN_PATH, "manage": "full"}, newer())["files"][balancer.SITE]


REFUSED = {
    "too old": (RETURN_PATH, HOST.replace("2.6.12", "2.0.33"), "haproxy 2.0 is too old"),
    "no HAProxy": (RETURN_PATH, HOST.replace("HAProxy version 2.6.12", "sh: haproxy: not found"), "haproxy is not installed"),
    "no method": ({**RETURN_PATH, "method": None}, HOST, "front_tier_transparent_method: name one of"),
    "unknown interface": ({**RETURN_PATH, "server_interface": "eth9"}, HOST, "front_tier_server_interface eth9: this host has no such"),
    "same interface": (
        {**INTERCEPT, "client_interface": "k0"},
        HOST,
        "front_tier_client_interface k0: it is the front_tier_server_interface",
    ),
    "no client interface": ({**INTERCEPT, "client_interface": None}, HOST, "front_tier_client_interface: name the interface"),
    "listening on what is intercepted": ({**INTERCEPT, "listen": ["0.0.0.0:80"]}, HOST, "front_tier_listen 0.0.0.0:80: it means nothing"),
    "no servers": ({**RETURN_PATH, "upstreams": []}, HOST, "front_tier_upstreams: name the servers"),
    "a name": ({**RETURN_PATH, "upstreams": ["web:80"]}, HOST, "front_tier_upstreams web:80: write an address"),
    "twice": ({**RETURN_PATH, "upstreams": ["10.0.2.11:80"] * 2}, HOST, "front_tier_upstreams 10.0.2.11:80: it is named twice"),
    "one family": ({**RETURN_PATH, "listen": ["10.0.1.1:80", "[fd00:1::1]:80"]}, HOST, "front_tier_upstreams has none of IPv6"),
    "not ours": ({**RETURN_PATH, "listen": ["10.0.1.7:80"]}, HOST, "front_tier_listen 10.0.1.7:80: this host does not have"),
    "IPv6 off": (
        {**RETURN_PATH, **SIX},
        HOST.replace("without_ipv6", "without_ipv6 k0"),
        "front_tier_server_interface k0: IPv6 is switched off",
    ),
    "open without forwarding": (
        {**INTERCEPT, "upstreams": SIX["upstreams"]},
        HOST,
        "front_tier_when_down open: this host does not forward",
    ),
    "open with return_path": ({**RETURN_PATH, "when_down": "open"}, HOST, "front_tier_when_down open: clients dial the balancer"),
    "another role": (
        RETURN_PATH,
        HOST.replace("others", "others /etc/haproxy/conf.d/50-front-tier-proxy.cfg"),
        "This host already has the role reverse_proxy",
    ),
    "too many descriptors": ({**RETURN_PATH, "connections": 1000000}, HOST, "HAProxy needs 2500100 descriptors, and fs.nr_open is 1048576"),
    "conntrack outside": (
        {**RETURN_PATH, "connections": 1000},
        HOST.replace("conntrack\n", "conntrack 2000\n"),
        "takes 2500 entries of nf_conntrack with front_tier_headroom, and nf_conntrack_max 2000",
    ),
    "headroom": ({**RETURN_PATH, "headroom": 1}, HOST, "front_tier_headroom 1 is out of bounds"),
    "connections": ({**RETURN_PATH, "connections": "many"}, HOST, "front_tier_connections 'many' is no whole number"),
    "port": ({**RETURN_PATH, "proxy_port": 70000}, HOST, "front_tier_proxy_port 70000 is out of bounds"),
    "probe": ({**RETURN_PATH, "probe_clients": ["192.0.2.1", "192.0.2.2"]}, HOST, "front_tier_probe_clients 192.0.2.2: name one"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    """The message names the variable as written, the value and what to do, and that nothing was changed."""
    options, host, words = REFUSED[case]
    with pytest.raises(Refusal) as caught:
        planned(options, host)
    assert words in str(caught.value)
    assert str(caught.value).endswith("Nothing was changed.")


@pytest.mark.parametrize(
    ("site", "defaults", "words"),
    [
        ("global\n maxconn 100\n", "", "maxconn 100 in /etc/haproxy/haproxy.cfg is below the 1250"),
        (SITE, 'CONFIG="/srv/haproxy.cfg"\n', "CONFIG=/srv/haproxy.cfg: the role works on"),
        (SITE, 'EXTRAOPTS="-de"\n', "EXTRAOPTS=-de: it wins over a drop-in of the unit. Add -f /etc/haproxy/conf.d"),
        (SITE, "EXTRAOPTS=-S /run/x.sock -f /etc/haproxy/conf.d\n", "/run/x.sock: before HAProxy 2.9"),
    ],
)
def test_what_the_site_says_is_in_the_way(site, defaults, words):
    """A site's own configuration that leaves no room for ours is refused with the line."""
    with pytest.raises(Refusal) as caught:
        planned({**RETURN_PATH, "connections": 1000}, site=site, defaults=defaults)
    assert words in str(caught.value)


def test_a_commented_default_is_none():
    """What the distribution ships in /etc/default/haproxy says nothing."""
    assert planned(RETURN_PATH, defaults='#CONFIG="/etc/haproxy/haproxy.cfg"\n#EXTRAOPTS="-de -m 16"\n') == planned(RETURN_PATH)


def test_return_routes():
    """Each balancer has a set and a table; sets of balancers that are gone end, those of others stay."""
    rows = [{"address": "10.0.2.11", "gateway": "10.0.2.1"}, {"addresses": ["fd00::11"], "gateway": "fd00::2", "interface": "e0"}]
    found = balancer.return_routes(rows, ["front-tier", "via-10-0-2-1", "via-10-0-2-9"])
    assert found["ended"] == ["via-10-0-2-9"]
    assert [one["name"] for one in found["wanted"]] == ["via-10-0-2-1", "via-fd00--2"]
    assert [one["options"]["table"] for one in found["wanted"]] == [101, 102]
    assert found["wanted"][1]["options"]["interfaces"] == ["e0"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"gateway": "10.0.2.1"}], "front_tier_balancers[0]: name an address"),
        ([{"address": "x", "gateway": "10.0.2.1"}], "front_tier_balancers[0].address x: it is no address"),
        ([{"address": "10.0.2.11", "gateway": "10.0.2.1", "table": "main"}], "front_tier_balancers[0].table 'main' is no whole number"),
        ([{"address": "10.0.2.11", "gateway": "10.0.2.%d" % number} for number in (1, 2)], "10.0.2.1 dials it, too"),
        ([{"address": "10.0.2.1%d" % number, "gateway": "10.0.2.1"} for number in (1, 2)], "gateway 10.0.2.1: it is named twice"),
    ],
)
def test_return_routes_refused(rows, words):
    """An address that two balancers would dial cannot answer both."""
    with pytest.raises(Refusal) as caught:
        balancer.return_routes(rows, [])
    assert words in str(caught.value)
