# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy out of variables and an audit: lines, caps, limits, and every refusal by its whole message."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import proxy

OPTIONS = {
    "service": "haproxy.service",
    "listen": ["0.0.0.0:80"],
    "upstreams": ["10.0.9.10:8080", "10.0.9.10:8081"],
    "sources": ["10.0.9.101", "10.0.9.102"],
    "reloads": 0,
}
SEEN = {"version": "HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/"}
NGINX = {"version": "nginx version: nginx/1.22.1", "workers": "2", "worker_connections": "4096"}


def audit(**more):
    """Return an audit of a host with 100 usable ports and the addresses that the options name."""
    found = {
        "host": {"container": None},
        "limits": [
            {"name": "net.ipv4.ip_local_port_range", "value": [40000, 40099], "source": ""},
            {"name": "fs.nr_open", "value": 1048576},
        ],
        "ports": {"low": 40000, "high": 40099, "usable": 100},
        "addresses": [
            {"interface": "eth1", "address": "10.0.9.1%02d/24" % octet, "family": "inet", "local_route": False} for octet in (1, 2)
        ],
        "listeners": [{"address": "0.0.0.0", "port": 22, "service": "ssh.service"}],
        "services": [{"name": "haproxy.service", "boot": {"nofile": {"soft": 1024, "hard": 524288}}, "processes": []}],
        "memory": {"available": 8 << 30},
        "files": {"nofile_self": {"soft": 1024, "hard": 524288}},
    }
    return {**found, **more}


def made(seen=None, host=None, **options):
    """Return what a proxy is made of."""
    return proxy.reverse_proxy({**OPTIONS, **options}, host or audit(), SEEN if seen is None else seen)


def test_a_line_for_each_pair():
    """Every listener is dialled from every source; its first line has the health check, and the others follow it."""
    lines = made()["lines"]
    assert [(line["name"], line["address"], line["source"], line["maxconn"], line["track"]) for line in lines] == [
        ("10.0.9.10:8080-from-10.0.9.101", "10.0.9.10:8080", "10.0.9.101", 95, ""),
        ("10.0.9.10:8080-from-10.0.9.102", "10.0.9.10:8080", "10.0.9.102", 95, "10.0.9.10:8080-from-10.0.9.101"),
        ("10.0.9.10:8081-from-10.0.9.101", "10.0.9.10:8081", "10.0.9.101", 95, ""),
        ("10.0.9.10:8081-from-10.0.9.102", "10.0.9.10:8081", "10.0.9.102", 95, "10.0.9.10:8081-from-10.0.9.101"),
    ]


def test_sources_go_with_listeners_of_their_family():
    """An IPv6 listener is dialled from IPv6 sources only, and stands in brackets."""
    host = audit(addresses=[{"interface": "e", "address": one} for one in ("10.0.9.101/24", "fd00::1/64")])
    lines = made(host=host, upstreams=["10.0.9.10:80", "[fd00::9]:80"], sources=["10.0.9.101", "fd00::1"])["lines"]
    assert [(line["address"], line["source"]) for line in lines] == [("10.0.9.10:80", "10.0.9.101"), ("[fd00::9]:80", "fd00::1")]


@pytest.mark.parametrize(("reloads", "cap", "pool"), [(0, 95, 3), (1, 47, 1), (2, 31, 1), (94, 1, 0)])
def test_workers_share_the_ports_of_a_line(reloads, cap, pool):
    """As many workers as reloads leave, and the new one, get the same part of 95 % of the ports, and of the rest."""
    if reloads > proxy.MOST_RELOADS:
        with pytest.raises(Refusal, match="must be 0 to 16"):
            made(reloads=reloads)
        return
    found = made(reloads=reloads)
    assert (found["lines"][0]["maxconn"], found["pool"], found["carried"]) == (cap, pool, 4 * cap)


@pytest.mark.parametrize(
    ("connections", "headroom", "maxconn", "predicted"),
    [(None, 0.2, 399, 380), (100, 0.2, 125, 125), (100, 0, 100, 100), (380, 0.5, 399, 380), (300, 0.2, 375, 375), (84, 0.3, 120, 120)],
)
def test_maxconn_is_what_is_expected_with_headroom_or_what_lines_carry_with_a_queue(connections, headroom, maxconn, predicted):
    """The smaller of both: a queue of 5 % shows the cap as a refusal, where a full maxconn would only be silent."""
    found = made(connections=connections, headroom=headroom)
    assert (found["maxconn"], found["predicted"]) == (maxconn, predicted)


def test_little_headroom_is_said():
    """What is expected fits, but with less to spare than was asked for."""
    assert made(connections=380)["warnings"] == [
        "380 expected connections leave less than the headroom of 20 % of the 400 ports of the lines."
    ]
    assert made(connections=300)["warnings"] == []


def test_what_old_workers_share_is_headroom_enough():
    """A plan that counts headroom on the ports, and the caps beside it, makes no warning of the role that follows it."""
    assert made(connections=180, reloads=1)["warnings"] == []


def test_descriptors_of_haproxy():
    """Two for each connection, and for idle connections, checks and listeners; none are asked for where the unit has enough.

    Its hard limit is not lowered, unless the user says so.
    """
    found = made()
    assert found["nofile_needed"] == 2 * 399 + 4 * 3 + 2 + 2 + 100 and found["nofile"] == 0
    few = audit(services=[{"name": "haproxy.service", "boot": {"nofile": {"soft": 512, "hard": 512}}, "processes": []}])
    assert made(host=few)["nofile"] == 65536
    assert made(host=few, nofile=2000)["nofile"] == 2000
    assert made(host=few, nofile=0)["nofile"] == 0
    running = audit(
        services=[
            {
                "name": "haproxy.service",
                "boot": {"nofile": {"soft": 1024, "hard": 524288}},
                "processes": [{"pid": 1, "nofile": {"soft": 512, "hard": 512}}],
            }
        ]
    )
    assert made(host=running)["nofile"] == {"soft": 65536, "hard": 524288}
    assert made(host=running, nofile=2000)["nofile"] == 2000
    assert made(host=running, nofile={"soft": 2000, "hard": 3000})["nofile"] == {"soft": 2000, "hard": 3000}


def test_an_odd_range_leaves_one_port_out():
    """The kernel promises one port less than the range has."""
    host = audit(ports={"usable": 101}, limits=[{"name": "net.ipv4.ip_local_port_range", "value": [40000, 40100]}])
    assert made(host=host)["usable_ports"] == 100


def test_nginx_lanes_and_hash():
    """Lanes carry what lines do, with four descriptors a connection; a hash promises what chance leaves sure."""
    lanes = made(NGINX, service="nginx")
    assert (lanes["carried"], lanes["files_each"], lanes["keepalive"]) == (380, 4, 3)
    # 399 connections of 4 ends, one and a half times the even share of 2 workers, and 64
    assert (lanes["worker_connections"], lanes["nofile_needed"]) == (4096, 4196)
    assert made(NGINX, service="nginx", manage="full")["worker_connections"] == 1197 + 64
    hashed = made(NGINX, service="nginx", nginx_method="hash")
    assert hashed["hash"]["servers"] == [{"address": one, "maxconn": 120} for one in OPTIONS["upstreams"]]
    assert (hashed["carried"], hashed["files_each"]) == (240, 2)
    with pytest.raises(proxy.Refusal, match=r"241 is more than the 240 that 4 lines carry \(60 of 100 usable ports each\)"):
        made(NGINX, service="nginx", nginx_method="hash", connections=241)


def test_too_few_ports_to_draw_from():
    """Of 8 ports for 2 workers one connection would be left, which is none for each: max_conns=0 would be no cap at all."""
    host = audit(ports={"usable": 8})
    with pytest.raises(proxy.Refusal, match="of 8 ports for 2 workers none can be promised. Use lanes, or widen"):
        made(NGINX, host, service="nginx", nginx_method="hash", reloads=1, connections=1)


def test_only_new_pairs_are_dialled():
    """A pair that our configuration has already is not checked again: its ports may be in use, all of them."""
    ours = "    server a 10.0.9.10:8080 source 10.0.9.101 maxconn 95 check\n    server b 10.0.9.10:8081 maxconn 3\n"
    new = [(one["source"], one["port"]) for one in made({**SEEN, "ours": ours})["new"]]
    assert new == [("10.0.9.102", 8080), ("10.0.9.101", 8081), ("10.0.9.102", 8081)]
    assert proxy.pairs_of(ours) == {("10.0.9.101", "10.0.9.10:8080"), ("", "10.0.9.10:8081")}
    lanes = "    server 10.0.9.10:8080 max_fails=0 max_conns=95; # from 10.0.9.101\n    server unix:/run/x.sock max_fails=0;\n"
    assert proxy.pairs_of(lanes) == {("10.0.9.101", "10.0.9.10:8080")}


REFUSED = [
    ({"service": "squid"}, 'front_tier_service "squid" is none of haproxy, nginx.'),
    ({"listen": []}, 'front_tier_listen []: write a list with at least one, such as ["10.0.9.10:8080"].'),
    ({"listen": ["0.0.0.0:80", "10.0.0.1:80"]}, "front_tier_listen: 0.0.0.0:80 and 10.0.0.1:80 overlap. Leave one of them out."),
    ({"listen": ["[::]:80", "10.0.0.1:80"]}, "front_tier_listen: [::]:80 and 10.0.0.1:80 overlap. Leave one of them out."),
    (
        {"listen": ["0.0.0.0:22"]},
        "front_tier_listen: 0.0.0.0:22 overlaps 0.0.0.0:22, on which ssh.service listens already. Take it out of that service, or listen"
        " elsewhere.",
    ),
    ({"upstreams": ["10.0.9.10"]}, 'front_tier_upstreams[0] "10.0.9.10" has no port. Write it as "10.0.9.10:8080".'),
    ({"upstreams": ["10.0.9.10:1 x"]}, 'front_tier_upstreams[0] "10.0.9.10:1 x": write address:port, and nothing else.'),
    ({"sources": ["10.0.9.101"] * 2}, "front_tier_sources: 10.0.9.101 is named twice. Leave one of them out."),
    (
        {"sources": ["10.0.9.103"]},
        "front_tier_sources: this host has no address 10.0.9.103. Add it first (role secondary_interfaces), or leave it out.",
    ),
    (
        {"upstreams": ["[fd00::9]:80"]},
        "front_tier_upstreams: [fd00::9]:80 has no source of its family in front_tier_sources (10.0.9.101, 10.0.9.102). Add one, or leave"
        " it out.",
    ),
    (
        {"line_maxconn": 101},
        "front_tier_line_maxconn 101 is above the 100 ports that a source has for a listener. Ask for at most 95, or widen the range.",
    ),
    (
        {"connections": 381},
        "front_tier_connections 381 is more than the 380 that 4 lines carry (95 of 100 usable ports each). Add sources or listeners, widen"
        " the port range, or lower front_tier_reloads.",
    ),
    (
        {"nofile": 500},
        "front_tier_nofile 500 cannot carry maxconn 399: haproxy.service needs 914, 2 for each connection and 116 more. Ask for at least"
        " 914, or for fewer connections.",
    ),
    ({"mode": "udp"}, 'front_tier_mode "udp" is none of http, tcp.'),
    ({"headroom": 1}, "front_tier_headroom 1 is out of bounds: it must be from 0 to less than 1."),
    ({"usable_ports": "many"}, "front_tier_usable_ports 'many' is no whole number: it must be 1 to 65535."),
    (
        {"usable_ports": 1},
        "A line has 1 ports, and 1 workers (front_tier_reloads and the one now) share 0 of them: none is left. Widen the range.",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_cannot_be_is_refused(options, message):
    """Each message names the variable, the value, the bound and the remedy."""
    with pytest.raises(Refusal) as refusal:
        made(**options)
    assert str(refusal.value).replace(" Nothing was changed.", "") == message


@pytest.mark.parametrize(
    ("seen", "host", "message"),
    [
        ({"version": "HA-Proxy version 1.8.19"}, {}, "haproxy 1.8 is too old: the role needs 2.2"),
        ({"version": "sh: 1: haproxy: not found"}, {}, "haproxy is not installed on this host"),
        (
            {**SEEN, "others": ["/etc/haproxy/conf.d/50-front-tier-origin.cfg"]},
            {},
            "This host already has the role origin (/etc/haproxy/conf.d/50-front-tier-origin.cfg)",
        ),
        ({**SEEN, "extraopts": "EXTRAOPTS=-L x\n"}, {}, "/etc/default/haproxy sets EXTRAOPTS=-L x, which wins over a drop-in."),
        (SEEN, {"memory": {"available": 1 << 20}}, "maxconn 399 takes"),
        (
            SEEN,
            {"host": {"container": "podman"}, "files": {"nofile_self": {"soft": 300, "hard": 300}}},
            "maxconn 399 needs 914 descriptors, and the hard limit of this container is 300.",
        ),
        (SEEN, {"ports": {}}, "front_tier_usable_ports is not given, and the audit of this host could not read it."),
    ],
)
def test_what_the_host_lacks_is_refused(seen, host, message):
    """A program that is missing or too old, another role, options of the site that win, too little memory or too few descriptors."""
    with pytest.raises(Refusal) as refusal:
        made(seen, audit(**host))
    assert str(refusal.value).startswith(message) and str(refusal.value).endswith(" Nothing was changed.")


def test_what_nginx_cannot():
    """TCP without requests is HAProxy's; and the site's own worker_connections have to be enough."""
    with pytest.raises(Refusal, match="front_tier_mode tcp: nginx cannot"):
        made(NGINX, service="nginx", mode="tcp")
    with pytest.raises(Refusal, match="worker_connections 768 of nginx is too low: 399 connections of 4 ends each on 2 workers need 1261"):
        made({**NGINX, "worker_connections": 768}, service="nginx")


def test_our_own_listeners_are_in_nobodys_way():
    """What our configuration so far listens on may be asked for again; what the site's own does is not ours."""
    host = audit(listeners=[{"address": "0.0.0.0", "port": 80, "service": "haproxy.service"}])
    assert made({**SEEN, "ours": "    bind 0.0.0.0:80 backlog 5\n"}, host)["listen"] == [{"address": "0.0.0.0:80", "more": ""}]
    with pytest.raises(Refusal, match="Take it out of its own configuration"):
        made(SEEN, host)
    assert made(SEEN, host, manage="full")["carried"] == 380


@pytest.mark.parametrize(
    ("timeouts", "shown"),
    [
        ({"client": "1m\n    server evil 10.0.0.1:80"}, "front_tier_timeouts.client"),
        ({"client 1m\n    bind :9": "1m"}, "front_tier_timeouts.client 1m"),
        ({"server": "60; return 200"}, "front_tier_timeouts.server '60; return 200'"),
        ({"server": "soon"}, "front_tier_timeouts.server 'soon'"),
        (["5s"], "front_tier_timeouts"),
    ],
)
def test_a_time_is_no_second_directive(timeouts, shown):
    """What is written into the configuration as it stands is a time and nothing else."""
    with pytest.raises(Refusal, match="is no time: write a number with us, ms, s, m, h or d") as refused:
        made(timeouts=timeouts)
    assert str(refused.value).startswith(shown.replace("\n", "\n")) and str(refused.value).endswith("Nothing was changed.")


def test_times_are_taken_as_both_programs_write_them():
    """Numbers alone and with their units are times."""
    assert made(timeouts={"connect": "500ms", "client": 60, "http-request": "10s"})


def test_a_file_of_empty_lines_costs_no_more_than_one_of_text():
    """A million empty lines, which a host that was taken over could send, are looked through in one go."""
    assert proxy.pairs_of("x" + "\n" * 1000000 + "x") == set() and proxy.listens_of("x" + "\n" * 1000000 + "x") == []
