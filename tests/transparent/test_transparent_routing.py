# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transparent routing with real packets: the servers see the clients' own addresses, and without it they see nothing."""

from __future__ import annotations

import shutil
import subprocess

import pytest

RETURN_PATH = {"method": "return_path", "interfaces": ["k0"]}
INTERCEPT = {
    "method": "intercept",
    "interfaces": ["k0"],
    "client_interfaces": ["f0"],
    "addresses": ["10.70.2.11", "fd70:2::/64"],
    "ports": [8080],
    "proxy_port": 9080,
}
BACKEND = {"method": "backend_route", "addresses": ["10.70.2.11"], "gateway": "10.70.2.1", "table": 101}
ABSENT = {"state": "absent"}
PAIRS = pytest.mark.parametrize(
    ("client", "front", "server"), [("10.70.1.10", "10.70.1.1", "10.70.2.11"), ("fd70:1::10", "fd70:1::1", "fd70:2::11")]
)
HAPROXY = """
global
    nbthread 1
defaults
    mode tcp
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    retries 0
listen front
    bind %(bind)s
    server s %(server)s source 0.0.0.0 usesrc clientip
"""


def haproxy(net, tmp_path, bind, server):
    """Start HAProxy on the balancer."""
    path = tmp_path / "haproxy.cfg"
    path.write_text(HAPROXY % {"bind": bind, "server": server})
    process = net.start("b", "haproxy", "-db", "-f", path, ready=None)
    net.run("b", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do ss -Hltn | grep -q . && exit; sleep 0.2; done; exit 1")
    return process


@PAIRS
def test_a_server_sees_the_client_through_the_balancer(net, client, front, server):
    """With return_path, the server sees the address of the client that dialled the balancer; without, the proxy gets no answer."""
    net.peer("s", "serve", 8080)
    net.peer("b", "proxy", 80, 8080, server)
    assert net.dial("c", front, 80).startswith("proxy fails")
    net.done(RETURN_PATH)
    assert net.dial("c", front, 80) == "proxy: server sees " + client
    net.done(ABSENT)
    assert net.dial("c", front, 80).startswith("proxy fails")


def test_each_client_keeps_its_own_address(net):
    """A dialler on the balancer gets through from each client's address, and from an address that no client has."""
    net.peer("s", "serve", 8080)
    net.done(RETURN_PATH)
    for source in ("10.70.1.10", "10.70.1.21", "10.70.1.77"):
        assert net.dial("b", "10.70.2.11", 8080, source) == "server sees " + source


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed (apt-get install haproxy)")
@pytest.mark.parametrize("method", ["return_path", "intercept"])
def test_haproxy_with_usesrc_clientip(net, tmp_path, method):
    """HAProxy's `usesrc clientip` works with both methods, and with neither before."""
    net.peer("s", "serve", 8080)
    if method == "return_path":
        haproxy(net, tmp_path, "10.70.1.1:80", "10.70.2.11:8080")
        where, options = ("10.70.1.1", 80), RETURN_PATH
        assert net.dial("c", *where) in ("", "fails: timed out") or "reset" in net.dial("c", *where)
    else:
        haproxy(net, tmp_path, ":9080 transparent", "0.0.0.0:0")
        where, options = ("10.70.2.11", 8080), dict(INTERCEPT, when_down="closed")
    net.done(options)
    assert net.dial("c", *where) == "server sees 10.70.1.10"
    assert "10.70.1.10" in net.run("s", "ss", "-Htan", "( sport = :8080 )") + net.dial("c", *where)


@PAIRS
def test_a_connection_is_intercepted_on_its_way(net, client, front, server):
    """With intercept, a client that dials the server ends at the proxy, and the server sees the client all the same."""
    net.run("b", "sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    net.peer("s", "serve", 8080)
    net.peer("s", "serve", 8081)
    net.peer("b", "proxy", 9080, 8080)
    assert net.dial("c", server, 8080) == "server sees " + client
    net.done(INTERCEPT)
    assert net.dial("c", server, 8080) == "proxy: server sees " + client
    assert net.dial("c", server, 8081) == "server sees " + client
    net.done(ABSENT)
    assert net.dial("c", server, 8080) == "server sees " + client


@pytest.mark.parametrize("when_down", ["open", "closed", None])
def test_without_a_proxy_it_is_open_or_closed_as_declared(net, when_down):
    """While no proxy listens, connections go on to the server with `open` and by default, and nowhere with `closed`."""
    net.peer("s", "serve", 8080)
    net.done(dict(INTERCEPT, when_down=when_down))
    proxy = net.peer("b", "proxy", 9080, 8080)
    assert net.dial("c", "10.70.2.11", 8080) == "proxy: server sees 10.70.1.10"
    net.stop(proxy)
    expected = "fails: timed out" if when_down == "closed" else "server sees 10.70.1.10"
    assert net.dial("c", "10.70.2.11", 8080) == expected


def test_servers_own_connections_pass_a_wildcard_listener(net):
    """A server that dials the intercepted port elsewhere is not caught, although the proxy's listener covers every address."""
    net.peer("s", "serve", 8080)
    net.peer("c", "serve", 8080)
    net.peer("b", "proxy", 8080, 8080)
    net.done({key: value for key, value in INTERCEPT.items() if key != "proxy_port"})
    assert net.dial("c", "10.70.2.11", 8080) == "proxy: server sees 10.70.1.10"
    assert net.dial("s", "10.70.1.10", 8080) == "server sees 10.70.2.11"


@pytest.mark.parametrize("rp_filter", [0, 1, 2])
def test_a_server_answers_through_the_balancer_that_dialled(net, rp_filter):
    """With backend_route, a server whose default route leads elsewhere answers through the balancer, whatever its rp_filter."""
    net.done(RETURN_PATH)
    net.run("s", "sh", "-c", "ip link add x0 type veth peer name x1; ip link set x0 up; ip link set x1 up; ip addr add 10.70.9.2/24 dev x0")
    net.run("s", "ip", "route", "replace", "default", "via", "10.70.9.1", "dev", "x0", "onlink")
    net.run("s", "sysctl", "-w", "net.ipv4.conf.all.rp_filter=%d" % rp_filter, "net.ipv4.conf.e0.rp_filter=%d" % rp_filter)
    net.peer("s", "serve", 8080)
    assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10").startswith("fails")
    result = net.done(BACKEND, side="s")
    assert not [step for step in result["steps"] if step.startswith(("sysctl", "nft_table"))]
    assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10") == "server sees 10.70.1.10"
    assert "via 10.70.2.1 dev e0 table 101" in net.run("s", "ip", "route", "get", "10.70.1.10", "from", "10.70.2.11")
    assert "via 10.70.9.1" in net.run("s", "ip", "route", "get", "10.70.1.10")
    net.done(ABSENT, side="s")
    assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10").startswith("fails")


@pytest.mark.parametrize(
    ("least", "own", "set_to"), [(0, 0, None), (1, 0, "2"), (0, 1, "2"), (1, 1, "2"), (2, 1, None), (1, 2, None), (0, 2, None)]
)
def test_a_strict_rp_filter_gets_loose_by_what_is_in_effect(net, least, own, set_to):
    """Of `all` and the interface the higher value counts: only an effective 1 is changed, stays changed, and comes back."""
    net.run("b", "sysctl", "-w", "net.ipv4.conf.all.rp_filter=%d" % least, "net.ipv4.conf.k0.rp_filter=%d" % own)
    before = net.state()
    result = net.done(RETURN_PATH)
    assert result["after"].get("net.ipv4.conf.k0.rp_filter") == set_to
    assert net.done(RETURN_PATH)["changed"] is False
    net.done(ABSENT)
    assert net.state() == before


@pytest.mark.parametrize("options", [RETURN_PATH, dict(INTERCEPT, notrack=[8080], when_down="closed"), BACKEND])
def test_check_mode_is_the_real_run(net, options):
    """Check mode says exactly what the real run then does; a second run and a second absent change nothing; absent brings all back."""
    side = "s" if options is BACKEND else "b"
    before = net.state(side)
    planned = net.done(options, "--check", side=side)
    assert net.state(side) == before
    assert net.done(options, side=side) == planned
    assert planned["changed"] is True
    after = net.state(side)
    assert net.done(options, side=side)["changed"] is False
    planned = net.done(ABSENT, "--check", side=side)
    assert net.state(side) == after
    assert net.done(ABSENT, side=side) == planned
    assert net.state(side) == before
    assert net.done(ABSENT, side=side)["changed"] is False


def test_from_one_method_to_the_other(net):
    """A set is authoritative: what another method, mark and table no longer need is gone, and the new ones work."""
    net.peer("s", "serve", 8080)
    net.done(RETURN_PATH)
    net.done(dict(INTERCEPT, mark=7, table=777))
    net.peer("b", "proxy", 9080, 8080)
    assert net.dial("c", "10.70.2.11", 8080) == "proxy: server sees 10.70.1.10"
    rules = net.run("b", "ip", "rule")
    assert "fwmark 0x1 " not in rules
    assert rules.count("fwmark 0x7 ") == 2
    assert net.run("b", "ip", "route", "show", "table", "100", check=False) == ""
    assert net.done(RETURN_PATH)["changed"] is True
    assert "0x7" not in net.run("b", "ip", "rule")


def test_every_marking_rule_names_an_interface(net):
    """No rule of ours catches what this host sends itself: each has an interface, one for each marked one (A4.3)."""
    net.done(INTERCEPT)
    for family in ((), ("-6",)):
        ours = [line for line in net.run("b", "ip", *family, "rule").splitlines() if "fwmark" in line]
        assert sorted(line.split()[line.split().index("iif") + 1] for line in ours) == ["f0", "k0"]


def test_the_written_files_bring_it_back(net, tmp_path):
    """The script of the unit sets the very same state on a bare host, again after a flush of all rulesets, and twice in a row."""
    net.peer("s", "serve", 8080)
    net.done(RETURN_PATH)
    after = net.state()
    folder = net.tree("b") / "etc/front-tier"
    script = tmp_path / "script.sh"
    script.write_text((folder / "front-tier.sh").read_text().replace("/etc/front-tier", str(folder)))
    once = net.run("b", "nft", "list", "table", "inet", "front_tier")
    net.run("b", "nft", "-f", folder / "front-tier.nft")
    assert net.run("b", "nft", "list", "table", "inet", "front_tier") == once
    for broken in ("nft flush ruleset", "ip rule del pref 100; ip -6 rule del pref 100", "ip route flush table 100", "true"):
        net.run("b", "sh", "-c", broken)
        if broken != "true":
            assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10").startswith("fails"), broken
        net.run("b", "sh", script)
        assert net.state() == after
        assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10") == "server sees 10.70.1.10"


def test_a_table_that_others_changed_is_repaired(net):
    """A rule that someone adds to our table, or takes out of it, is a difference that the next run takes back."""
    net.done(RETURN_PATH)
    after = net.state()
    net.run("b", "nft", "add", "rule", "inet", "front_tier", "prerouting", "counter", "accept")
    assert net.done(RETURN_PATH)["steps"] == ["nft_table inet front_tier"]
    assert net.state() == after
    net.run("b", "nft", "flush", "chain", "inet", "front_tier", "prerouting")
    assert net.done(RETURN_PATH)["changed"] is True
    assert net.state() == after


def test_nothing_of_ours_tracks_connections(net):
    """No rule of ours makes the kernel track; where others do, a proxied connection takes two entries, and none with `notrack`."""
    net.peer("s", "serve", 8080)
    net.peer("b", "proxy", 9080, 8080)
    net.done(INTERCEPT)

    def added():
        path = "/proc/sys/net/netfilter/nf_conntrack_count"
        before = int(net.run("b", "cat", path))
        assert net.dial("c", "10.70.2.11", 8080) == "proxy: server sees 10.70.1.10"
        return int(net.run("b", "cat", path)) - before

    assert added() == 0
    net.run("b", "nft", "-f", "-", text="table inet other { chain c { type filter hook prerouting priority 0; ct state invalid drop; }; }")
    assert added() == 2
    warnings = net.done(dict(INTERCEPT, when_down="closed"))["warnings"]
    assert any("this host tracks connections" in warning for warning in warnings)
    assert net.done(dict(INTERCEPT, notrack=[8080]))["warnings"] == []
    assert added() == 0


def test_a_rule_that_would_load_conntrack_is_said(net):
    """On a host without nf_conntrack, `notrack` warns that its rule loads it; without `notrack` there is nothing to say."""
    hide = "/sys/net/netfilter"
    assert net.done(INTERCEPT, "--check", hide=hide)["warnings"] == []
    (warning,) = net.done(dict(INTERCEPT, notrack=[8080]), "--check", hide=hide)["warnings"]
    assert "loads nf_conntrack" in warning


FOREIGN = {
    "a rule with the mark": ("ip rule add fwmark 1 table 55", "mark 1: ", {}),
    "a rule with a mask over the mark": ("ip rule add fwmark 1/0xf table 55", "mark 1: ", {}),
    "an IPv6 rule with the mark": ("ip -6 rule add fwmark 1 table 55", "mark 1: ", {}),
    "a ruleset that sets it": ("nft add table ip x; nft add chain ip x c; nft add rule ip x c meta mark set 1", "mark 1: ", {}),
    "a ruleset that compares with it": ("nft add table ip x; nft add chain ip x c; nft add rule ip x c meta mark 1 drop", "mark 1: ", {}),
    "a mark of connections": ("nft add table ip x; nft add chain ip x c; nft add rule ip x c ct mark set 1", "mark 1: ", {}),
    "a route in the table": ("ip route add 10.0.0.0/8 via 10.70.1.10 table 100", "table 100: ", {}),
    "an IPv6 route in the table": ("ip -6 route add fd99::/64 dev f0 table 100", "table 100: ", {}),
    "a rule to the table": ("ip rule add from 10.9.9.9 table 100", "table 100: ", {}),
    "a large table": ("ip route add 10.0.0.0/8 via 10.70.1.10 table 70000", "table 70000: ", {"table": 70000}),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_something_else_uses_is_refused(net, case):
    """A mark or a table that something else uses is refused with its name; another number is taken."""
    command, words, more = FOREIGN[case]
    net.run("b", "sh", "-c", command)
    message = net.refused(dict(RETURN_PATH, **more))
    assert words in message
    assert message.endswith("Take another number. Nothing was changed.")
    assert net.done(dict(RETURN_PATH, mark=77, table=78))["changed"] is True


def test_a_named_table_is_refused(net):
    """A table that a file of iproute2 names belongs to someone."""
    path = net.tree("b") / "etc/iproute2/rt_tables.d/vpn.conf"
    path.parent.mkdir(parents=True)
    path.write_text("# ours\n100 vpn\n")
    assert "vpn in /etc/iproute2/rt_tables.d/vpn.conf" in net.refused(RETURN_PATH)


def test_two_sets_do_not_share_a_mark(net):
    """What one set uses, another one may not; with numbers of its own it lives beside it, and goes alone."""
    net.done(RETURN_PATH)
    first = net.state()
    other = dict(INTERCEPT, name="other")
    assert "something else uses it" in net.refused(other)
    net.done(dict(other, mark=2, table=200))
    assert net.run("b", "nft", "list", "tables").split("\n")[:2] == ["table inet front_tier", "table inet front_tier-other"]
    net.done(dict(ABSENT, name="other"))
    assert net.state() == first


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(RETURN_PATH, interfaces=["eth9"]), "interfaces: this host has no interface eth9. Name one that it has"),
        (dict(INTERCEPT, client_interfaces=["f0", "f9"]), "client_interfaces: this host has no interface f9. Name one that it has"),
        (dict(BACKEND, gateway="10.99.0.1"), "gateway 10.99.0.1 is on no network of this host"),
        (dict(BACKEND, gateway="10.70.2.11"), "gateway 10.70.2.11: it is an address of this host"),
        (dict(BACKEND, addresses=["10.70.2.99"]), "addresses: this host has no address 10.70.2.99"),
        (dict(BACKEND, interfaces=["lo"]), "gateway 10.70.2.1 is on no network of lo"),
    ],
)
def test_what_is_not_there_is_refused(net, options, words):
    """An interface, an address or a gateway that this host does not have is refused by name."""
    message = net.refused(options, side="s" if options["method"] == "backend_route" else "b")
    assert words in message
    assert message.endswith("Nothing was changed.")


def fake_nft(tmp_path, body):
    """Return an environment whose nft is a script before the real one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "nft").write_text("#!/bin/sh\n" + body.replace("NFT", shutil.which("nft")))
    (folder / "nft").chmod(0o755)
    return folder


def test_a_kernel_without_the_expressions_is_refused(net, tmp_path):
    """What nft says when the kernel lacks an expression is in the refusal; it comes before anything was written."""
    said = "Error: Could not process rule: No such file or directory"
    body = 'case "$*" in *-c*) echo "%s" >&2; exit 1;; esac; exec NFT "$@"' % said
    folder = fake_nft(tmp_path, body)
    message = net.refused(INTERCEPT, environment={"PATH": "%s:/usr/sbin:/usr/bin:/sbin:/bin" % folder})
    assert "Could not process rule" in message
    assert "nft_tproxy" in message
    assert "is as before" not in message


def test_a_host_with_ipv6_switched_off(net):
    """Where IPv6 is switched off on all interfaces, IPv4 works as elsewhere, and nothing is set for IPv6."""
    net.run("b", "sysctl", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
    net.peer("s", "serve", 8080)
    assert not [step for step in net.done(RETURN_PATH)["steps"] if "inet6" in step]
    assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10") == "server sees 10.70.1.10"
    net.done(ABSENT)
    assert net.dial("b", "10.70.2.11", 8080, "10.70.1.10").startswith("fails")


def test_a_host_without_nft_is_refused(net, tmp_path):
    """Without nft the methods that need it are refused before the first write; backend_route needs none."""
    mask = ["sh", "-c", 'for nft in /usr/sbin/nft /sbin/nft; do [ -e $nft ] && mount --bind /dev/null $nft; done; exec "$@"', "-"]
    without = {"PATH": "/usr/bin:/bin"}
    answer = net.change(RETURN_PATH, before=mask, environment=without)
    assert "nft" in answer["error"]
    assert answer["error"].endswith("Nothing was changed.")
    assert net.done(BACKEND, side="s", before=mask, environment=without)["changed"] is True


def test_nft_that_fails_in_the_middle_leaves_the_host_as_it_was(net, tmp_path):
    """nft that passes the rehearsal and fails in earnest undoes files, sysctls, routes and rules."""
    folder = fake_nft(tmp_path, 'case "$*" in "-f -") echo "Error: Device or resource busy" >&2; exit 1;; esac; exec NFT "$@"')
    for options in (RETURN_PATH, INTERCEPT):
        message = net.refused(options, environment={"PATH": "%s:/usr/sbin:/usr/bin:/sbin:/bin" % folder})
        assert "nft_table inet front_tier" in message
        assert "resource busy" in message
    assert net.done(RETURN_PATH)["changed"] is True


def test_a_foreign_table_of_our_name_comes_back(net):
    """A table that someone had made under our name is taken over, and is back after absent."""
    text = "table inet front_tier { chain mine { type filter hook input priority 0; tcp dport 22 accept; }; }"
    net.run("b", "nft", "-f", "-", text=text)
    before = net.state()
    net.done(RETURN_PATH)
    assert "mine" not in net.run("b", "nft", "list", "ruleset")
    net.done(ABSENT)
    assert net.state() == before


def test_names_cannot_smuggle_words(net):
    """What is no name of an interface never reaches a file, nft or a shell."""
    for name in ("k0; rm -rf /", "k0\nx", 'k0"', "k0\0", "", "a" * 16, "../k0", "$(id)"):
        assert "is no name of an interface" in net.refused(dict(RETURN_PATH, interfaces=[name]))


def test_ip_shows_what_the_reader_reads(net):
    """The rules and routes that our reader names are those that ip(8) takes by these very words."""
    net.done(INTERCEPT)
    for line in subprocess.run(["ip", "-n", net.names["b"], "rule"], capture_output=True, text=True, check=True).stdout.splitlines():
        if "fwmark" in line:
            words = line.replace("from all ", "").replace("lookup", "table").split()
            asked = ["pref", words[0].rstrip(":"), *words[1:]]
            assert net.run("b", "ip", "rule", "show", *asked).strip() == line.strip()


def test_connections_of_logins_are_not_taken(net):
    """An interception that would take the connection over which the change came is refused; of other ports and addresses it is made."""
    login = {"SSH_CONNECTION": "10.70.1.10 40000 10.70.2.1 22"}
    near = dict(INTERCEPT, addresses=["10.70.2.0/24"], ports=[22, 8080])
    message = net.refused(near, environment=login)
    assert "ports 22: somebody is logged in over 10.70.2.1, which is among addresses, and would be cut off" in message
    assert net.done(dict(near, addresses=["10.70.2.11"]), environment=login)["changed"]
    assert net.done(dict(near, ports=[8080]), environment=login)["changed"]


def test_answers_to_logins_that_change_their_way_are_told(net):
    """A server whose logins come in over the address that the balancer dials is warned of, once; confirm_timeout is the remedy."""
    login = {"SSH_CONNECTION": "10.70.1.10 40000 10.70.2.11 22"}
    said = "addresses: somebody is logged in over 10.70.2.11, and answers from it go through 10.70.2.1 from now on."
    assert any(said in one for one in net.done(BACKEND, side="s", environment=login)["warnings"])
    assert net.done(BACKEND, side="s", environment=login)["warnings"] == []
