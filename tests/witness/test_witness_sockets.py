# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of every kind, in network namespaces: what the audit says is what `ss` says, and what was opened."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import time
from collections import Counter

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import path_capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read import sockets
from ansible_collections.c10m.front_tier.plugins.module_utils._read.proc_net import read_proc_net
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot
from tests.witness.apart import apart, dial, listen, needs, sysctl, tool

ROOT = Root()
SS_LISTS_BOUND = bool(shutil.which("ss")) and "bound-inactive" in tool("ss", "--help")


def snapshot(*given, sample=0):
    """Return what is read here, with paths."""
    return read_snapshot(ROOT, ["min"], [parse_path("p", one) for one in given], sample=sample)


def judged(**given):
    """Return the capacity of a path here."""
    return path_capacity(snapshot(given), parse_path("p", given))


def ss(*options):
    """Return the rows of ss as lists of words."""
    return [line.split() for line in tool("ss", "-H", *options).splitlines()]


def bind_only(address, port, v6only=1):
    """Return a socket that is bound and nothing else."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    sock.bind((address, port))
    return sock


def every_kind():
    """Open sockets in every state and family; return them, so that they stay open."""
    four, six, both = listen("127.0.0.1", 9000), listen("::1", 9001), listen("::", 9002, v6only=0)
    kept = [four, six, both, listen("0.0.0.0", 9003, backlog=5), listen("0.0.0.0", 9004, backlog=0)]
    ends = [("127.0.0.1", 9000, four, 7), ("::1", 9001, six, 5), ("127.0.0.1", 9002, both, 4), ("::1", 9002, both, 3)]
    for address, port, server, many in ends:
        for _dummy in range(many):
            kept += [dial(address, port), server.accept()[0]]
    kept += [dial("127.0.0.1", 9003) for _dummy in range(3)]  # ready, but never accepted
    for _dummy in range(6):  # the dialler closes first, then the server: TIME_WAIT here
        client, server = dial("127.0.0.1", 9000), four.accept()[0]
        client.close()
        server.close()
    for _dummy in range(2):  # the dialler half closes: FIN_WAIT2 there, CLOSE_WAIT here
        client, server = dial("127.0.0.1", 9000), four.accept()[0]
        client.shutdown(socket.SHUT_WR)
        kept += [client, server]
    for _dummy in range(2):  # the dialler is gone: an orphan in FIN_WAIT2
        client, server = dial("::1", 9001), six.accept()[0]
        client.close()
        kept.append(server)
    tool("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    tool("ip", "addr", "add", "10.77.0.1/24", "dev", "v0")
    tool("ip", "link", "set", "v0", "up")
    tool("ip", "link", "set", "v1", "up")
    for _dummy in range(3):  # nobody answers: SYN_SENT
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("10.77.0.99", 80))
        kept.append(sock)
    time.sleep(0.2)
    return kept


@needs("ss", "ip")
class TestEveryKind:
    @apart
    def test_totals_are_those_of_ss(self):
        """Established, TIME_WAIT and listening sockets, both families, are what `ss` lists by state."""
        _kept = every_kind()
        states = Counter(row[0] for row in ss("-tan"))
        assert {"ESTAB", "TIME-WAIT", "FIN-WAIT-2", "CLOSE-WAIT", "SYN-SENT", "LISTEN"} <= set(states)
        tcp = snapshot()["sockets"]["tcp"]
        assert tcp["established"] == states["ESTAB"] + states["CLOSE-WAIT"]
        assert tcp["listen"] == states["LISTEN"]
        orphans = 2  # sockstat counts orphans in FIN_WAIT2 with those in TIME_WAIT
        assert tcp["time_wait"] == states["TIME-WAIT"] + orphans

    @apart
    def test_the_summary_of_ss(self):
        """`ss -s` counts the same established and waiting sockets."""
        _kept = every_kind()
        shown = re.search(r"^TCP: +\d+ \(estab (\d+), closed \d+, orphaned \d+, timewait (\d+)\)", tool("ss", "-s"), re.M)
        tcp = snapshot()["sockets"]["tcp"]
        assert (str(tcp["established"]), str(tcp["time_wait"])) == (shown.group(1), shown.group(2))

    @apart
    def test_every_connected_socket_is_seen_once(self):
        """The sockets looked at are those that ss lists, no more and no less."""
        _kept = every_kind()
        found = snapshot()["sockets"]
        assert found["seen"] == found["total"] == sum(row[0] != "LISTEN" for row in ss("-tan"))
        assert found["sampled"] is False and found["error"] == 0.0

    @apart
    def test_flows_are_those_of_ss(self):
        """Each (source, destination, port) of a dialled connection has the number that ss shows, living and waiting."""
        _kept = every_kind()
        living, waiting = Counter(), Counter()
        for row in ss("-tan"):
            (source, sport), (destination, dport) = (row[place].rpartition(":")[::2] for place in (3, 4))
            if row[0] == "LISTEN" or 9000 <= int(sport) <= 9004:
                continue
            key = tuple(portsets.plain_address(one.strip("[]")) for one in (source, destination)) + (int(dport),)
            alone = row[0] == "TIME-WAIT" or (row[0] == "FIN-WAIT-2" and dport == "9001")
            (waiting if alone else living)[key] += 1
        found = {(flow["source"], flow["destination"], flow["port"]): flow for flow in snapshot()["sockets"]["flows"]}
        assert set(found) == set(living) | set(waiting)
        assert {key: flow["connections"] for key, flow in found.items()} == {key: living[key] for key in found}
        assert {key: flow["time_wait"] for key, flow in found.items()} == {key: waiting[key] for key in found}

    @apart
    def test_listeners_are_those_of_ss(self):
        """Address, queue and backlog of every listener are those that `ss -lnt` shows."""
        _kept = every_kind()
        shown = sorted((row[3].replace("*", "[::]"), int(row[1]), int(row[2])) for row in ss("-ltn"))
        rows = snapshot()["listeners"]
        texts = ["%s:%d" % ("[%s]" % one["address"] if ":" in one["address"] else one["address"], one["port"]) for one in rows]
        assert sorted((text, one["queued"], one["backlog"]) for text, one in zip(texts, rows)) == shown

    @apart
    def test_connections_of_listeners_are_those_that_processes_hold(self):
        """What was accepted or waits to be; TIME_WAITs and orphans belong to no listener."""
        _kept = every_kind()
        held = {one["port"]: one["connections"] for one in snapshot()["listeners"]}
        assert held == {9000: 7 + 2, 9001: 5 + 2, 9002: 4 + 3, 9003: 3, 9004: 0}

    @apart
    def test_proc_says_what_sock_diag_says(self):
        """The fallback reads the same sockets from /proc/net/tcp."""
        _kept = every_kind()

        def facts(found):
            flows = [(row["source"], row["destination"], row["port"], row["connections"], row["time_wait"]) for row in found["flows"]]
            rows = [
                (row["address"], row["port"], row["family"], row["queued"], row["connections"], row["uid"]) for row in found["listeners"]
            ]
            return sorted(flows), sorted(rows), found["seen"], found["total"]

        assert facts(read_proc_net(ROOT)) == facts(sockets.read_sockets(ROOT, sockets.EVERY_PORT, 0, 0))


@needs("ss", "ip")
class TestListeners:
    @apart
    def test_a_backlog_is_cut_by_somaxconn_at_listen(self):
        """The backlog is what listen() got at that moment; raising somaxconn later changes nothing."""
        sysctl("net.core.somaxconn", 8)
        _one = listen("127.0.0.1", 9000, backlog=500)
        sysctl("net.core.somaxconn", 4096)
        _two = listen("127.0.0.1", 9001, backlog=500)
        assert [(one["port"], one["backlog"]) for one in snapshot()["listeners"]] == [(9000, 8), (9001, 500)]

    @apart
    def test_listeners_on_one_port_have_their_own_connections(self):
        """Different addresses, families and SO_REUSEPORT siblings on one port are told apart as the kernel does."""
        _kept = [listen(address, 80, reuseport=True) for address in ("127.0.0.5", "127.0.0.6", "0.0.0.0", "::")]
        _kept += (
            [dial("127.0.0.5", 80) for _dummy in range(5)]
            + [dial("127.0.0.9", 80) for _dummy in range(3)]
            + [dial("::1", 80) for _dummy in range(2)]
        )
        held = {one["address"]: one["connections"] for one in snapshot()["listeners"]}
        assert held == {"127.0.0.5": 5, "127.0.0.6": 0, "0.0.0.0": 3, "::": 2}

    @apart
    def test_siblings_add_up(self):
        """With SO_REUSEPORT the connections of all siblings are those of the port."""
        _kept = [listen("127.0.0.1", 80, reuseport=True) for _dummy in range(3)] + [dial("127.0.0.1", 80) for _dummy in range(20)]
        assert sum(one["connections"] for one in snapshot()["listeners"]) == 20

    @apart
    def test_three_thousand_listeners(self):
        """Every listener is listed and counts as in the way, also far beyond what a filter holds."""
        sysctl("net.ipv4.ip_local_port_range", "2000 9999")
        _kept = [listen("127.0.0.1", port, backlog=1) for port in range(3000, 6000)]
        _kept += [dial("127.0.0.1", 3000), dial("127.0.0.1", 3000)]
        found = snapshot({"destinations": ["127.0.0.9"], "ports": [80]})
        assert len(found["listeners"]) == 3000 and found["ports"]["usable"] == 5000
        assert judged(destinations=["127.0.0.9"], ports=[80])["connections"] == 5000
        assert is_absent(found["listeners"][0]["connections"])

    @apart
    def test_as_many_ports_as_a_filter_holds(self):
        """The longest filter is one that the kernel takes, and its connections are counted."""
        _kept = [listen("127.0.0.1", port, backlog=9) for port in range(2000, 2000 + 2 * sockets.MOST_PORTS_IN_FILTER, 2)]
        last = sockets.MOST_PORTS_IN_FILTER - 1
        _kept += [dial("127.0.0.1", 2000 + 2 * place) for place in (0, 0, 7, last)]
        for sample in (0, 1):
            found = snapshot(sample=sample)
            assert found["sockets"]["source"] == "sock_diag"
            if not sample:
                held = {one["port"]: one["connections"] for one in found["listeners"] if one["connections"]}
                assert held == {2000: 2, 2014: 1, 2000 + 2 * last: 1}
                assert sum(flow["connections"] for flow in found["sockets"]["flows"]) == 4


@needs("ip")
class TestBoundOnly:
    @apart
    def test_bound_sockets_of_each_family(self):
        """What is bound and neither listens nor is connected is listed with its family; our own probe is not."""
        _kept = [bind_only("127.0.0.1", 5000), bind_only("0.0.0.0", 5001), bind_only("::", 5002, v6only=0), bind_only("::1", 5003)]
        _kept += [bind_only("::ffff:127.0.0.1", 5004, v6only=0), listen("127.0.0.1", 5005), dial("127.0.0.1", 5005)]
        found = snapshot()["sockets"]["bound"]
        if is_absent(found):
            assert found["absent"] == "too_old"
            return
        assert sorted((one["port"], one["address"], one["family"], one["v6only"]) for one in found) == [
            (5000, "127.0.0.1", "inet", False),
            (5001, "0.0.0.0", "inet", False),
            (5002, "::", "inet6", False),
            (5003, "::1", "inet6", True),
            (5004, "::ffff:127.0.0.1", "inet6", False),
        ]

    @apart
    def test_none_is_an_empty_list_also_without_a_loopback(self):
        """No bound socket is none, not an absence, also where lo is down."""
        tool("ip", "link", "set", "lo", "down")
        found = snapshot()["sockets"]["bound"]
        assert found == [] or found["absent"] == "too_old"

    @pytest.mark.skipif(not SS_LISTS_BOUND, reason="the installed ss has no --bound-inactive")
    @apart
    def test_what_ss_lists(self):
        """Where the installed ss can list them, it lists the same."""
        _kept = [bind_only("127.0.0.1", 5000), bind_only("::1", 5003)]
        shown = {row[3] for row in ss("-tn", "--bound-inactive")}
        assert shown == {"127.0.0.1:5000", "[::1]:5003"}


class TestPorts:
    @apart
    def test_ipv4_over_ipv6_sockets_uses_ipv4_ports(self):
        """A connection of an IPv6 socket to an IPv4 address takes a port of the IPv4 tuple."""
        sysctl("net.ipv4.ip_local_port_range", "40000 40099")
        _kept = [listen("127.0.0.1", 9000)]
        _kept += [dial("127.0.0.1", 9000) for _dummy in range(30)] + [dial("::ffff:127.0.0.1", 9000) for _dummy in range(20)]
        found = judged(destinations=["127.0.0.1"], ports=[9000])
        assert (found["connections"], found["used"], found["free"]) == (100, 50, 50)
        with pytest.raises(OSError):
            _kept += [dial("127.0.0.1", 9000) for _dummy in range(51)]

    @apart
    @pytest.mark.parametrize("low, high", [(40000, 40000), (65535, 65535), (65530, 65535), (1, 6)])
    def test_ranges_at_the_edges(self, low, high):
        """One port alone, the last port, and ports that only root may bind."""
        sysctl("net.ipv4.ip_unprivileged_port_start", 0)
        sysctl("net.ipv4.ip_local_port_range", "%d %d" % (low, high))
        kept = [listen("127.0.0.1", 9000)]
        promised = judged(destinations=["127.0.0.1"], ports=[9000])["connections"]
        assert promised == high - low + 1
        kept += [dial("127.0.0.1", 9000) for _dummy in range(promised)]
        with pytest.raises(OSError):
            dial("127.0.0.1", 9000)

    @apart
    def test_a_reserved_list_of_many_kilobytes(self):
        """A list of 20,000 reserved ports is read whole: one read of 4 KiB would miss most of it."""
        sysctl("net.ipv4.ip_local_port_range", "10000 60001")
        reserved = ",".join(str(port) for port in range(10000, 50000, 2))
        descriptor = os.open("/proc/sys/net/ipv4/ip_local_reserved_ports", os.O_WRONLY)
        data = (reserved + "\n").encode()
        while data:
            data = data[os.write(descriptor, data) :]
        os.close(descriptor)
        found = snapshot()["ports"]
        assert len(found["reserved"]) == 20000 and found["usable"] == 50002 - 20000

    @needs("ip")
    @apart
    def test_an_ipv6_source_by_a_local_route(self):
        """What bind() refuses is not promised; with ip_nonlocal_bind it is, and the kernel gives it."""
        tool("ip", "-6", "route", "add", "local", "fd00:5::/64", "dev", "lo")
        sysctl("net.ipv4.ip_local_port_range", "40000 40099")
        kept = [listen("::1", 9000)]
        given = {"sources": ["fd00:5::1"], "destinations": ["::1"], "ports": [9000]}
        assert judged(**given)["connections"] == 0
        with pytest.raises(OSError):
            dial("::1", 9000, "fd00:5::1")
        sysctl("net.ipv6.ip_nonlocal_bind", 1)
        assert judged(**given)["free"] == 100
        kept += [dial("::1", 9000, "fd00:5::1") for _dummy in range(100)]
        assert judged(**given)["free"] == 0
        with pytest.raises(OSError):
            dial("::1", 9000, "fd00:5::1")

    @apart
    def test_an_address_that_is_written_in_two_ways(self):
        """A listener on ::a:b, which the system writes as ::0.10.0.11, is in the way of a bind to it."""
        tool("ip", "addr", "add", "::a:b/128", "dev", "lo", "nodad")
        sysctl("net.ipv4.ip_local_port_range", "40000 40099")
        _kept = [listen("::a:b", 40001), listen("::1", 9000)]
        assert judged(sources=["::a:b"], destinations=["::1"], ports=[9000], bind="plain")["connections"] == 99

    @apart
    def test_a_destination_without_a_route(self):
        """Where connect() only says ENETUNREACH, nothing is promised."""
        assert judged(destinations=["10.9.9.9"], ports=[80])["connections"] == 0


@needs("ip")
class TestSample:
    @apart
    def test_estimates_lie_within_the_stated_error(self):
        """6,000 connections over ten flows, of which some 1,000 sockets are looked at: each estimate within 5 standard errors."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 6000 if hard == resource.RLIM_INFINITY or hard > 12500 else 3000
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * wanted + 400), hard))
        parts = {"127.0.1.%d" % place: wanted * weight // 100 for place, weight in enumerate((1, 2, 4, 6, 7, 10, 10, 15, 20, 25), 1)}
        servers = {address: listen(address, 9000) for address in parts}
        kept = []
        for address, many in parts.items():
            for _dummy in range(many):
                kept += [dial(address, 9000), servers[address].accept()[0]]
        total = 2 * sum(parts.values())
        off = []
        for _dummy in range(6):
            found = snapshot(sample=1000)["sockets"]
            assert found["sampled"] is True and found["total"] == total and 600 < found["seen"] < 1500
            flows = {flow["destination"]: flow["connections"] for flow in found["flows"]}
            for address, many in parts.items():
                # found["error"] is that of a tenth of all sockets; a flow of n has sqrt(total / 10 / n) times as much
                error = found["error"] * (0.1 * total / many) ** 0.5
                off.append((flows.get(address, 0) - many) / many / error)
        assert max(abs(one) for one in off) < 5
        assert 0.3 < (sum(one * one for one in off) / len(off)) ** 0.5 < 1.6  # neither worse than stated nor much better

    @apart
    def test_totals_are_exact_in_a_sample(self):
        """However few sockets are looked at, the totals are the kernel's own."""
        server = listen("127.0.0.1", 9000)
        _kept = [server] + [dial("127.0.0.1", 9000) for _dummy in range(300)]
        found = snapshot(sample=1)["sockets"]
        assert (found["tcp"]["established"], found["total"], found["sampled"]) == (600, 600, True)

    @apart
    def test_listeners_are_sampled_by_the_ports_of_their_peers(self):
        """An estimate of a listener's connections lies within the error as well."""
        servers = [listen("127.0.0.1", port) for port in (9000, 9001)]
        _kept = servers + [dial("127.0.0.1", 9000 + (place % 3 == 0)) for place in range(1500)]
        found = snapshot(sample=800)
        held = {one["port"]: one["connections"] for one in found["listeners"]}
        for port, many in ((9000, 1000), (9001, 500)):
            assert abs(held[port] - many) < 5 * found["sockets"]["error"] * (0.1 * 3000 / many) ** 0.5 * many
