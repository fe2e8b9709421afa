# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports in use without a socket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.nat import (
    Rules,
    collect,
    parse_ip_vs,
    parse_iptables,
    parse_nft,
    read_ports_without_socket,
)

DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
PROTOCOL = {"meta": {"key": "l4proto"}}
TH = {"payload": {"protocol": "th", "field": "dport"}}
DNAT = {"dnat": {"addr": "10.0.0.1", "port": 80}}
JUMP = {"jump": {"target": "c"}}


def match(left, right, op="=="):
    """Return a match statement."""
    return {"match": {"op": op, "left": left, "right": right}}


def ruleset(*expressions, **more):
    """Return `nft -j list ruleset` of a table whose prerouting chain has these rules, and chain `c` a dnat."""
    place = {"family": "ip", "table": "t"}
    chain = dict(place, name="pre", type="nat", hook=more.get("hook", "prerouting"), prio=-100, policy="accept")
    objects = [{"metainfo": {"version": "1"}}, {"chain": chain}, {"chain": dict(place, name="c")}]
    objects += [{kind: dict(place, **one)} for kind, one in more.get("sets", ())]
    objects += [{"rule": dict(place, chain="pre", expr=list(one))} for one in expressions]
    objects.append({"rule": dict(place, chain="c", expr=[DNAT])})
    return json.dumps({"nftables": objects})


def ports(rules):
    """Return the ranges that a set of rules takes."""
    return sorted((low, high) for low, high, _by in collect(rules))


@pytest.mark.parametrize(
    "expression, taken",
    [
        ([match(DPORT, 8080), DNAT], [(8080, 8080)]),
        ([match(DPORT, 8080), {"redirect": {"port": 1}}], [(8080, 8080)]),
        ([match(DPORT, 8080), {"tproxy": {"port": 1}}], [(8080, 8080)]),
        ([match(DPORT, {"range": [1, 3]}), DNAT], [(1, 3)]),
        ([match(DPORT, {"set": [5, {"range": [7, 9]}, {"elem": {"val": 4, "comment": "x"}}]}), DNAT], [(4, 4), (5, 5), (7, 9)]),
        ([match(DPORT, "@s"), DNAT], [(10, 20), (30, 30)]),
        ([match(DPORT, "@gone"), DNAT], []),
        ([match({"concat": [DADDR, DPORT]}, {"set": [{"concat": ["1.2.3.4", 95]}]}), DNAT], [(95, 95)]),
        ([match(DPORT, {"set": [1, 2]}), JUMP], [(1, 1), (2, 2)]),
        ([match(DPORT, 443, "!="), DNAT], []),
        ([match(PROTOCOL, "udp"), match(TH, 53), DNAT], []),
        ([match(PROTOCOL, "tcp"), match(TH, 53), DNAT], [(53, 53)]),
        ([match({"payload": {"protocol": "udp", "field": "dport"}}, 53), DNAT], []),
        ([match({"payload": {"protocol": "tcp", "field": "sport"}}, 53), DNAT], []),
        ([match(DPORT, 22), {"accept": None}], []),
        ([DNAT], []),
        ([JUMP], []),
        ([{"vmap": {"key": DPORT, "data": {"set": [[55, JUMP], [56, {"accept": None}]]}}}], [(55, 55)]),
        ([{"vmap": {"key": {"concat": [PROTOCOL, TH]}, "data": "@m"}}], [(30001, 30001)]),
        ([{"dnat": {"addr": {"map": {"key": DPORT, "data": {"set": [[90, "a"], [91, "b"]]}}}}}], [(90, 90), (91, 91)]),
        ([match(DPORT, 0), DNAT], []),
        ([match(DPORT, 70000), DNAT], []),
        ([match(DPORT, None), DNAT], []),
        (["junk", 7], []),
    ],
)
def test_nft_rule(expression, taken):
    """A port counts where a rule for TCP names it and it, or the chain it leads to, redirects."""
    sets = [
        ("set", {"name": "s", "elem": [{"range": [10, 20]}, 30]}),
        ("map", {"name": "m", "elem": [[{"concat": ["tcp", 30001]}, JUMP], [{"concat": ["udp", 30002]}, JUMP]]}),
    ]
    assert ports(parse_nft(ruleset(expression, sets=sets))) == taken


def test_nft_other_hooks():
    """A rule for what this host itself sends says nothing about its own ports."""
    assert ports(parse_nft(ruleset([match(DPORT, 443), DNAT], hook="output"))) == []


def test_nft_of_others():
    """Rules that iptables made are known as such, kube-proxy's are not followed, and circles of chains end."""
    circle = ruleset([match(DPORT, 1), {"jump": {"target": "pre"}}], [match(DPORT, 2), {"goto": {"target": "c"}}])
    assert ports(parse_nft(circle)) == [(2, 2)]
    assert parse_nft(ruleset([{"xt": {"type": "target", "name": "DNAT"}}])).foreign
    kube = parse_nft(ruleset([match(DPORT, 80), {"jump": {"target": "KUBE-NODEPORTS"}}]))
    assert kube.kubernetes and ports(kube) == []


IPTABLES = """*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A PREROUTING -p tcp -m tcp --dport 8081:8083 -m comment --comment "-p udp --dport 9 -j X" -j DNAT --to-destination 10.0.0.5
-A PREROUTING -p tcp -m multiport --dports 70,71:72 -j REDIRECT --to-ports 9
-A PREROUTING -p udp -m udp --dport 53 -j REDIRECT --to-ports 9
-A PREROUTING ! -p tcp -j DNAT --to-destination 10.0.0.6
-A PREROUTING -p tcp -m tcp ! --dport 5 -j REDIRECT --to-ports 9
-A PREROUTING -p tcp -m tcp --dport 22 -j ACCEPT
-A PREROUTING -p tcp -m tcp --dport 99999 -j DNAT --to-destination 10.0.0.6
-A OUTPUT -p tcp -m tcp --dport 443 -j REDIRECT --to-ports 3129
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 5000 -j DNAT --to-destination 172.17.0.2:80
-A UNUSED -p tcp -m tcp --dport 6000 -j DNAT --to-destination 172.17.0.2:80
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 444 -j DNAT --to-destination 10.1.1.1
COMMIT
*mangle
-A PREROUTING -p tcp -m tcp --dport 86 -j TPROXY --on-port 7 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1
COMMIT
"""


def test_iptables():
    """What PREROUTING and the chains below it redirect counts, a comment, another protocol or another chain does not."""
    rules = parse_iptables(IPTABLES)
    assert ports(rules) == [(70, 70), (71, 72), (86, 86), (5000, 5000), (8081, 8083)]
    assert {by for _low, _high, by in collect(rules)} == {
        "iptables DNAT in table nat",
        "iptables REDIRECT in table nat",
        "iptables TPROXY in table mangle",
    }
    assert not rules.kubernetes
    assert parse_iptables(":KUBE-NODEPORTS - [0:0]\n").kubernetes


def test_ip_vs():
    """Virtual services of TCP count, with hexadecimal ports, of both families."""
    text = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n"
    text += "TCP  0A000001:1F90 rr\n  -> 0A000002:0050      Masq    1      0          0\nUDP  0A000001:0035 rr\n"
    text += "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:01BB wlc\nFWM  00000001 rr\n"
    assert [port for port, _high, _by in parse_ip_vs(text)] == [8080, 443]


def test_recorded_host(plant):
    """The rules of a recorded host are not known, which is no empty list."""
    assert read_ports_without_socket(plant({}))["absent"] == "unknown"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["match", "left", "right", "op", "payload", "concat", "set", "range", "elem", "val", "vmap", "key"])
            | st.sampled_from(["data", "map", "dnat", "jump", "target", "field", "protocol", "meta"]),
            inside,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4), JSON, JSON)
def test_any_rules(expression, elements, other):
    """No shape of the JSON makes the parser fail, and a rule beside a strange one still counts."""
    text = ruleset(expression, [match(DPORT, 8080), DNAT], sets=[("set", {"name": "s", "elem": elements})])
    assert (8080, 8080) in ports(parse_nft(text))
    parse_nft(json.dumps(other))
    parse_nft(json.dumps({"nftables": other}))


@given(st.text() | st.text(alphabet='-A PREROUTNGjgdportc8, :!"\n'))
def test_any_text(text):
    """No text makes the parsers fail."""
    assert isinstance(parse_nft(text), Rules)
    collect(parse_iptables("*nat\n-A PREROUTING -p tcp --dport " + text))
    collect(parse_iptables(text))
    parse_ip_vs("TCP " + text)
