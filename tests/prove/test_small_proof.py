# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small proof: as many connections are held as were predicted, by the count of the dialler, of the listener and of the kernel."""

from __future__ import annotations

import sys
import time

import pytest

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _proof

THREE = [
    {"destinations": ["127.0.1.1"], "ports": [9000]},
    {"sources": ["127.0.2.1", "127.0.2.2"], "destinations": ["127.0.1.2"], "ports": [9001]},
    {"sources": ["127.0.3.1"], "destinations": ["127.0.1.3"], "ports": [9002, 9003], "bind": "plain"},
]
ONE = {"destinations": ["127.0.1.1"], "ports": [9000]}


def agree(dialled, listened):
    """Assert that the three counts agree, path by path as far as paths have listeners of their own."""
    by_end = {(row["destinations"][0], row["ports"][0]): row for row in listened["listeners"]}
    for path in dialled["paths"]:
        rows = [by_end[destination, port] for destination in path["destinations"] for port in path["ports"]]
        assert path["held"] == path["kernel"] == sum(row["held"] for row in rows) == sum(row["kernel"] for row in rows)


def nothing_stays(net):
    """Assert that no process, no connection, no TIME_WAIT and no folder of a run is left."""
    assert [] == net.ends(net.processes, [])
    assert {"established": 0, "time_wait": 0} == net.sockets()
    assert not net.place("dial").exists()
    assert not net.place("listen").exists()


def test_twenty_thousand_connections_on_three_paths(wide):
    """Each path holds exactly what was predicted, is refused one more for the reason that is named, and leaves nothing behind."""
    wide.listen(THREE)
    first = wide.dial(THREE)
    assert not first.get("failed"), first
    dialled, listened = wide.both()
    assert [5000, 10000, 5000] == [path["predicted"] for path in dialled["paths"]]
    assert [5000, 10000, 5000] == [path["held"] for path in dialled["paths"]]
    agree(dialled, listened)
    assert ["EADDRNOTAVAIL", "EADDRNOTAVAIL", "EADDRINUSE"] == [path["refusal"]["error"] for path in dialled["paths"]]
    assert {"FT108", "FT110"} == {path["refusal"]["finding"] for path in dialled["paths"]}
    assert wide.sockets() == {"established": 40000, "time_wait": 0}
    assert first["dialled_at"] < listened["held_at"] <= time.time()
    assert 0 == dialled["lost"]
    assert first["rate"] > 0
    assert 0 < first["connect"]["median"] <= first["connect"]["p99"]
    assert first["memory"]["kernel"] > 1000
    assert "ListenDrops" in first["losses"]
    ended = wide.known("dial", "stopped")
    assert ("ended", "reset", 20000) == (ended["phase"], ended["closed"], ended["held_at_end"])
    assert 0 == wide.ends(lambda: wide.known("listen", "reported")["held"], 0)
    wide.known("listen", "stopped")
    nothing_stays(wide)


@pytest.mark.parametrize(
    ("path", "predicted", "error"),
    [
        (dict(ONE, bind="none"), 1000, "EADDRNOTAVAIL"),
        (dict(ONE, dialer="varnish"), 1000, "EADDRNOTAVAIL"),
        (dict(ONE, sources=["127.0.2.1", "127.0.2.2"], dialer="haproxy"), 2000, "EADDRNOTAVAIL"),
        (dict(ONE, sources=["127.0.2.1"], ports=[9000, 9001], dialer="nginx"), 2000, "EADDRNOTAVAIL"),
        (dict(ONE, sources=["127.0.2.1"], dialer="envoy"), 1000, "EADDRNOTAVAIL"),
        (dict(ONE, sources=["127.0.2.1"], ports=[9000, 9001], bind="plain"), 1000, "EADDRINUSE"),
        (dict(ONE, sources=["127.0.2.1"], ports=[9000, 9001], port_range="15000-15699"), 1400, "EADDRNOTAVAIL"),
        ({"sources": ["::1"], "destinations": ["::1"], "ports": [9000]}, 1000, "EADDRNOTAVAIL"),
        ({"destinations": ["::1"], "ports": [9000, 20500]}, 1998, "EADDRNOTAVAIL"),
    ],
    ids=["none", "varnish", "haproxy", "nginx", "envoy", "plain", "explicit", "inet6", "inet6-own-listener-in-range"],
)
def test_each_way_to_dial_gets_what_is_predicted_for_it(net, path, predicted, error):
    """A path is dialled as its bind or dialer does it, by several processes together."""
    net.listen([path])
    assert not net.dial([path], processes=3).get("failed")
    dialled, listened = net.both()
    (row,) = dialled["paths"]
    assert (predicted, predicted, error) == (row["predicted"], row["held"], row["refusal"]["error"])
    agree(dialled, listened)


def test_explicit_ports_take_the_place_of_the_socket_option(net):
    """Where the kernel has no IP_LOCAL_PORT_RANGE, a path that is not imitated is dialled with explicit ports, to the last one."""
    net.listen([ONE])
    code = (
        "import sys; from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls; "
        "syscalls.has_port_range = lambda: False; import runpy; sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    assert not net.module(sys.executable, "-c", code, side="dial", state="holding", paths=[ONE], processes=2, hold=60).get("failed")
    dialled, listened = net.both()
    assert (1000, 1000) == (dialled["paths"][0]["predicted"], dialled["held"])
    assert 1001 == len({line.split()[3].rpartition(":")[2] for line in net.run("ss", "-Htn", "dst", "127.0.1.1").splitlines()} | {""})
    agree(dialled, listened)


def test_reserved_and_used_ports_are_predicted(net):
    """What is reserved, and what another run holds, is neither promised nor got."""
    net.sysctl("net/ipv4/ip_local_reserved_ports", "20000-20099")
    net.listen([ONE])
    assert not net.dial([ONE], connections=300).get("failed")
    second = net.module(
        side="dial", state="holding", run="test-%d-b" % net.holder.pid, paths=[ONE], trust_target=True, reserve_ports=0, hold=60
    )
    (row,) = second["paths"]
    assert (600, 600, 600) == (row["predicted"], row["held"], row["kernel"])


def test_of_an_odd_number_of_ports_one_is_left_out_by_chance(net):
    """The status names both bounds, what is held lies between them, and a proof takes either."""
    net.sysctl("net/ipv4/ip_local_port_range", "20000 20100")
    for _nth in range(4):
        net.listen([ONE])
        dialled = net.dial([ONE])
        (path,) = dialled["paths"]
        assert (100, 101) == (path["predicted"], path["at_most"])
        assert path["held"] in (100, 101)
        assert _proof.of_fleet({"a": {"dialled": dialled}})["good"]
        for side in ("dial", "listen"):
            net.known(side, "stopped")
        nothing_stays(net)


def test_few_descriptors_make_more_processes(net):
    """Where a process may open only 300 files, more processes hold what is asked."""
    few = ("prlimit", "--nofile=300:300")
    paths = [dict(ONE, sources=["127.0.2.1", "127.0.2.2"])]
    assert not net.module(*few, side="listen", state="started", paths=paths, connections=1300, hold=120).get("failed")
    result = net.module(*few, side="dial", state="holding", paths=paths, connections=1200, hold=120)
    assert 6 == result["processes"]
    dialled, listened = net.both()
    assert 1200 == dialled["held"]
    agree(dialled, listened)


def test_a_rate_is_kept(net):
    """500 connections at 250 a second take about two seconds."""
    net.listen([ONE])
    result = net.dial([ONE], connections=500, rate=250)
    assert 500 == result["held"]
    assert 1.7 < result["seconds"]
    assert result["rate"] <= 300


def test_a_start_that_lies_ahead_is_waited_for(net):
    """A dialler waits for its start, so that several hosts begin together."""
    net.listen([ONE])
    start = time.time() + 2
    result = net.dial([ONE], connections=10, start=start)
    assert start <= result["dialled_at"]
