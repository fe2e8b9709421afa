# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each symptom is produced with the real programs, and its cause must be named within ten seconds; a healthy tier has none."""

from __future__ import annotations

import pytest

from tests.symptoms.conftest import FRONT, PORTS, SERVER

LINE = "a %s:8080" % SERVER
RETURN_PATH = """
table inet front_tier {
  chain pre {
    type filter hook prerouting priority mangle; policy accept;
    iifname "k0" meta l4proto tcp socket transparent 1 meta mark set 1 accept
  }
}
"""
INTERCEPT = (
    """
table inet front_tier {
  chain pre {
    type filter hook prerouting priority mangle; policy accept;
    iifname { "f0", "k0" } meta l4proto tcp socket transparent 1 meta mark set 1 accept
    iifname "f0" ip daddr %s tcp dport 8080 tproxy ip to :9080 meta mark set 1 accept
  }
}
"""
    % SERVER
)
TRACKED = """
table inet tracked {
  chain out {
    type filter hook output priority 0; policy accept;
    ct state new accept
  }
}
"""
USESRC = LINE + " source 0.0.0.0 usesrc clientip"


def route(tier, rules, *interfaces):
    """Load rules of nftables and deliver what they mark here, for these interfaces."""
    tier.run("b", "nft", "-f", "-", text=rules)
    for interface in interfaces:
        tier.run("b", "ip", "rule", "add", "iif", interface, "fwmark", "1", "lookup", "100")
    tier.run("b", "ip", "route", "add", "local", "default", "dev", "lo", "table", "100")


def knock(tier, path="/", address=FRONT, port=80):
    """Ask again and again from the client."""
    tier.peer("c", "knock", address, port, path)


def hold(tier, number, address=FRONT, port=80):
    """Hold requests from the client."""
    return tier.peer("c", "hold", address, port, number)


def ports_used_up(tier):
    """More requests than the one source has ports."""
    tier.haproxy(LINE)
    hold(tier, PORTS)
    knock(tier)
    tier.logged("SC--")


def lines_at_maxconn(tier):
    """A line at its maxconn, and requests that wait for it."""
    tier.haproxy(LINE + " maxconn 5")
    hold(tier, 5)
    knock(tier)
    tier.logged("sQ--")


def time_wait_holds_ports(tier):
    """A restart at full load: HAProxy closes first, and its ports wait."""
    process = tier.haproxy(LINE)
    hold(tier, PORTS)
    process.terminate()
    process.wait()
    (tier.folder / "admin.sock").unlink()
    tier.haproxy(LINE)
    knock(tier)
    tier.logged("SC--")


def check_without_port(tier):
    """Every port is held by requests, and the check gets none."""
    tier.haproxy(LINE + " check inter 200ms fall 2")
    hold(tier, PORTS + 2)
    tier.logged("is DOWN")


def source_address_missing(tier):
    """A line dials from an address that is not here."""
    tier.haproxy(LINE + " source 10.70.2.250")
    knock(tier)
    tier.logged("Cannot bind")


def global_maxconn(tier):
    """More clients than maxconn."""
    tier.haproxy(LINE, top="maxconn 5")
    hold(tier, 8)


def descriptors_at_start(tier):
    """A hard limit that maxconn does not fit in."""
    tier.haproxy(LINE, before="ulimit -n 100;", wait=False)
    tier.logged("FD limit")


def descriptors_used_up(tier):
    """The same without strict-limits, and then load."""
    tier.haproxy(LINE, top="no strict-limits\n    maxconn 400", before="ulimit -n 30;")
    hold(tier, 15)
    knock(tier)
    tier.logged("FD limit (maxsock")


NGINX = """
worker_rlimit_nofile %(files)d;
events { worker_connections %(connections)d; }
http {
  access_log off;
  upstream u { server 10.70.2.11:8080 %(fails)s; }
  server { listen 10.70.1.1:80; location / { proxy_pass http://u; proxy_connect_timeout 1s; } }
}
"""


def nginx_no_port(tier):
    """nginx without a port left."""
    tier.nginx(NGINX % {"files": 1000, "connections": 500, "fails": "max_fails=0"})
    hold(tier, PORTS)
    knock(tier)
    tier.logged("(99: ")


def max_fails(tier):
    """nginx with max_fails=1: one failure takes a server out."""
    text = NGINX % {"files": 1000, "connections": 500, "fails": "max_fails=1"}
    tier.nginx(text.replace("max_fails=1;", "max_fails=1; server 10.70.2.11:8081 max_fails=1;"))
    hold(tier, 2 * PORTS)
    knock(tier)
    tier.logged("no live upstreams")


def worker_connections(tier):
    """nginx with fewer worker_connections than load."""
    tier.nginx(NGINX % {"files": 1000, "connections": 20, "fails": ""})
    hold(tier, 12)
    tier.logged("worker_connections are not enough")


def nginx_files(tier):
    """nginx with fewer descriptors than load."""
    tier.nginx(NGINX % {"files": 24, "connections": 500, "fails": ""})
    hold(tier, 20)
    tier.logged("(24: ")


def varnish_held_down(tier):
    """Varnish without a cap, and without a port left."""
    tier.varnish(".connect_timeout = 1s;")
    hold(tier, PORTS)
    for _dummy in range(3):
        knock(tier)


def varnish_busy(tier):
    """Varnish at the cap of its backend."""
    tier.varnish(".connect_timeout = 1s; .max_connections = 5;")
    hold(tier, 5)
    for _dummy in range(3):
        knock(tier)


def return_path_missing(tier):
    """A transparent balancer without rules and routes."""
    tier.haproxy(USESRC, connect="300ms")
    knock(tier)
    tier.logged("sC--")


def return_path_without_mark(tier):
    """The same with a route and a rule, but nothing that marks packets."""
    route(tier, "table inet other { }", "k0")
    tier.haproxy(USESRC, connect="300ms")
    knock(tier)
    tier.logged("sC--")


def route_of_servers(tier):
    """A complete balancer, and a server that answers elsewhere."""
    route(tier, RETURN_PATH, "k0")
    tier.run("s", "ip", "route", "replace", "blackhole", "10.70.1.0/24")
    tier.haproxy(USESRC, connect="300ms")
    knock(tier)
    tier.logged("sC--")


def rp_filter(tier):
    """A server that drops what it would answer another way."""
    route(tier, RETURN_PATH, "k0")
    tier.run("s", "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    tier.run("s", "ip", "link", "set", "d0", "up")
    tier.run("s", "ip", "route", "replace", "default", "dev", "d0")
    tier.run("s", "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.e0.rp_filter=1")
    tier.haproxy(USESRC, connect="300ms")
    knock(tier)
    tier.logged("sC--")


def front_rule_missing(tier):
    """Interception without a rule for the clients' side."""
    route(tier, INTERCEPT, "k0")
    tier.haproxy("a 0.0.0.0:0 source 0.0.0.0 usesrc clientip", bind=":9080 transparent")
    knock(tier, address=SERVER, port=8080)


def fails_open(tier):
    """Interception while the balancer is stopped."""
    route(tier, INTERCEPT, "k0", "f0")
    assert "200" in tier.ask(SERVER, 8080, "/")


def user_with_usesrc(tier):
    """HAProxy 2.6 that changes its user and binds clients' addresses."""
    tier.haproxy(USESRC, top="user nobody\n    maxconn 100", wait=False)
    tier.logged("full privileges")


def capability_missing(tier):
    """HAProxy without CAP_NET_RAW and CAP_NET_ADMIN."""
    route(tier, RETURN_PATH, "k0")
    tier.haproxy(USESRC, through="setpriv --bounding-set=-net_raw,-net_admin")
    knock(tier)


def conntrack_full(tier):
    """A full table of connection tracking, of this namespace alone."""
    most = int(tier.run("b", "cat", "/proc/sys/net/netfilter/nf_conntrack_max"))
    if most > 1 << 19:
        pytest.skip("the table takes %d entries here: filling it would take too long" % most)
    tier.run("b", "nft", "-f", "-", text=TRACKED)
    for command in ("link add d0 type veth peer name d1", "link set d0 arp off up", "link set d1 up", "route add 10.80.0.0/16 dev d0"):
        tier.run("b", "ip", *command.split())
    tier.peer("b", "track", most)


SYMPTOMS = [
    (1, ports_used_up, "b"),
    (2, lines_at_maxconn, "b"),
    (3, time_wait_holds_ports, "b"),
    (4, check_without_port, "b"),
    (5, source_address_missing, "b"),
    (6, global_maxconn, "b"),
    (7, descriptors_at_start, "b"),
    (8, descriptors_used_up, "b"),
    (9, nginx_no_port, "b"),
    (10, max_fails, "b"),
    (11, worker_connections, "b"),
    (11, nginx_files, "b"),
    (12, varnish_held_down, "b"),
    (13, varnish_busy, "b"),
    (14, return_path_missing, "b"),
    (14, return_path_without_mark, "b"),
    (14, route_of_servers, "b"),
    (15, rp_filter, "s"),
    (16, front_rule_missing, "b"),
    (17, fails_open, "b"),
    (18, user_with_usesrc, "b"),
    (19, capability_missing, "b"),
    (20, conntrack_full, "b"),
]


@pytest.mark.parametrize("symptom, produce, side", SYMPTOMS, ids=[one[1].__name__ for one in SYMPTOMS])
def test_the_cause_of_a_symptom_is_named(tier, symptom, produce, side):
    """The cause is named, the first of those found, with a command and a remedy, and within ten seconds."""
    produce(tier)
    found, seconds = tier.causes(side)
    assert list(found)[:1] == [symptom], found
    assert found[symptom]["command"] and found[symptom]["remedy"] and found[symptom]["evidence"]
    assert seconds < 10


def healthy(tier):
    """Two lines with caps, a check, held and new requests."""
    tier.haproxy(LINE + " maxconn 19 check inter 300ms", "b %s:8081 maxconn 19 track fe/a" % SERVER)
    hold(tier, 10)
    knock(tier)


def healthy_return_path(tier):
    """A transparent balancer that works."""
    route(tier, RETURN_PATH, "k0")
    tier.haproxy(USESRC + " check inter 300ms")
    assert "200" in tier.ask(FRONT, 80, "/")
    knock(tier)


def healthy_intercept(tier):
    """An intercepting balancer that works."""
    route(tier, INTERCEPT, "k0", "f0")
    tier.haproxy("a 0.0.0.0:0 source 0.0.0.0 usesrc clientip", bind=":9080 transparent")
    assert "200" in tier.ask(SERVER, 8080, "/")
    knock(tier, address=SERVER, port=8080)


def healthy_nginx(tier):
    """nginx with room."""
    tier.nginx(NGINX % {"files": 1000, "connections": 500, "fails": "max_fails=0"})
    hold(tier, 5)
    knock(tier)


def healthy_varnish(tier):
    """Varnish with room."""
    tier.varnish(".connect_timeout = 1s; .max_connections = 19;")
    hold(tier, 5)
    knock(tier)


@pytest.mark.parametrize("produce", [healthy, healthy_return_path, healthy_intercept, healthy_nginx, healthy_varnish])
def test_a_healthy_tier_has_no_cause(tier, produce):
    """On a tier that carries load, nothing is named: neither on the balancer nor on the server."""
    tier.ports(20000)
    produce(tier)
    assert [tier.causes(side)[0] for side in ("b", "s")] == [{}, {}]
