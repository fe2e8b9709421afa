# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capacity: the tables of what was measured (kernel-truths, 1 to 4), bounds, ties and absences."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model import capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path

S1, S2, D1, D2 = "10.0.0.10", "10.0.0.11", "10.0.9.1", "10.0.9.2"
GONE = {"absent": "unreadable", "detail": "x"}


def limit(name, value, used=None):
    """Return a limit as far as the model reads it."""
    return {"name": name, "value": value, "used": used}


def host(low=40000, high=40099, reserved=(), listeners=(), bound=(), flows=(), tw_reuse=2, timestamps=1, **more):
    """Return a snapshot of a host with 100 ports, on which nothing else binds."""
    limits = [
        limit("net.ipv4.ip_local_port_range", [low, high]),
        limit("net.ipv4.ip_local_reserved_ports", list(reserved)),
        limit("net.ipv4.tcp_tw_reuse", tw_reuse),
        limit("net.ipv4.tcp_timestamps", timestamps),
    ]
    found = {
        "limits": limits + list(more.pop("limits", [])),
        "listeners": [dict({"v6only": False}, **one) for one in listeners],
        "sockets": {"bound": bound if isinstance(bound, dict) else list(bound), "flows": list(flows), "sampled": False},
        "addresses": [{"address": "%s/24" % one, "local_route": False} for one in (S1, S2)],
    }
    return dict(found, **more)


def path(**given):
    """Return a path to one listener, other things as given."""
    return parse_path("p", dict({"destinations": [D1], "ports": [80]}, **given))


def numbers(snapshot, **given):
    """Return (connections, at_most, free) of a path."""
    found = capacity.path_capacity(snapshot, path(**given))
    return found["connections"], found["at_most"], found["free"]


def at(address, *ports, **more):
    """Return sockets at an address."""
    return [dict({"address": address, "port": port}, **more) for port in ports]


def flow(source=S1, destination=D1, port=80, ports=(), waiting=(), waited=()):
    """Return a flow that is known to the port."""
    held = {"ports": list(ports), "waiting": list(waiting), "waited": list(waited)}
    waits = len(held["waiting"]) + len(held["waited"])
    return dict({"source": source, "destination": destination, "port": port, "connections": len(held["ports"]), "time_wait": waits}, **held)


class TestHowTheClientPicksThePort:
    @pytest.mark.parametrize(
        "given, expected",
        [
            ({}, (100, 200, 200, 400)),
            ({"sources": [S1]}, (100, 200, 200, 400)),
            ({"sources": [S1, S2]}, (200, 400, 400, 800)),
            ({"sources": [S1, S2], "bind": "none"}, (100, 200, 200, 400)),
            ({"sources": [S1], "bind": "plain"}, (100, 100, 100, 100)),
            ({"sources": [S1, S2], "bind": "plain"}, (200, 200, 200, 200)),
            ({"sources": [S1], "port_range": "50000-50009"}, (10, 20, 20, 40)),
            ({"sources": [S1, S2], "port_range": "40095-40104"}, (20, 40, 40, 80)),
        ],
    )
    def test_the_table_of_section_1(self, given, expected):
        """One destination, two ports, two addresses, two by two: for each way to bind."""
        shapes = [([D1], [80]), ([D1], [80, 81]), ([D1, D2], [80]), ([D1, D2], [80, 81])]
        for (destinations, ports), connections in zip(shapes, expected):
            assert numbers(host(), destinations=destinations, ports=ports, **given) == (connections,) * 3


OBSTACLES = [
    ("reserved", {"reserved": ["39990-40009", "40050", "40098-41000"]}, 87, 87, 87, 100),
    ("listeners on 0.0.0.0", {"listeners": at("0.0.0.0", *range(40000, 40005))}, 95, 95, 95, 95),
    ("listeners on the source", {"listeners": at(S1, *range(40000, 40005))}, 95, 95, 100, 95),
    ("listeners on :: dual stack", {"listeners": at("::", *range(40000, 40005))}, 95, 95, 95, 95),
    ("listeners on :: v6only", {"listeners": at("::", *range(40000, 40005), v6only=True)}, 95, 100, 100, 100),
    ("listeners on ::1", {"listeners": at("::1", *range(40000, 40005))}, 95, 100, 100, 100),
    ("bound to the source", {"bound": at(S1, 40000)}, 99, 99, 100, 99),
    ("bound to 0.0.0.0 and to ::", {"bound": at("0.0.0.0", 40000) + at("::", 40001)}, 98, 98, 98, 98),
    ("bound to what cannot be seen", {"bound": {"absent": "too_old", "detail": "x"}}, 100, 100, 100, 100),
    ("outside the range", {"listeners": at("0.0.0.0", 39999, 40100), "reserved": ["1-39999"]}, 100, 100, 100, 100),
    ("the same port twice", {"listeners": at("0.0.0.0", 40000) + at("::", 40000), "reserved": ["40000"]}, 99, 99, 99, 99),
    ("all ports reserved", {"reserved": ["1-65535"]}, 0, 0, 0, 100),
]


class TestObstacles:
    @pytest.mark.parametrize("name, given, automatic, plain, plain_other, explicit", OBSTACLES, ids=[one[0] for one in OBSTACLES])
    def test_the_table_of_section_2(self, name, given, automatic, plain, plain_other, explicit):
        """What is in the way of an automatic choice, of a bind to the same source, to another, and of an explicit port."""
        snapshot = host(**given)
        assert numbers(snapshot)[0] == automatic
        assert numbers(snapshot, sources=[S1])[0] == automatic
        assert numbers(snapshot, sources=[S1], bind="plain")[0] == plain
        assert numbers(snapshot, sources=[S2], bind="plain")[0] == plain_other
        assert numbers(snapshot, sources=[S1], port_range="40000-40099")[0] == explicit

    def test_the_paths_own_listener_in_the_range(self):
        """A destination of this host blocks its port for everybody who may not bind beside it."""
        assert numbers(host(), destinations=[S1], ports=[40001])[0] == 99
        assert numbers(host(), destinations=[S1], ports=[40001], sources=[S1], bind="plain")[0] == 99
        assert numbers(host(), destinations=[S1], ports=[40001], sources=[S2], bind="plain")[0] == 100
        assert numbers(host(), destinations=[D1], ports=[40001])[0] == 100

    def test_explicit_ports_that_others_hold_may_be_had(self):
        """What only is bound may have SO_REUSEADDR: not promised, but possible; a listener is not."""
        snapshot = host(bound=at(S1, 50000), listeners=at(S1, 50001))
        assert numbers(snapshot, sources=[S1], port_range="50000-50009")[:2] == (8, 9)

    @pytest.mark.parametrize(
        "low, high, given, expected",
        [
            (9, 9, {}, (1, 1, 1)),
            (40000, 40100, {}, (100, 101, 100)),
            (40000, 40100, {"sources": [S1, S2], "ports": [80, 81]}, (400, 404, 400)),
            (40000, 40100, {"sources": [S1, S2], "ports": [80, 81], "bind": "plain"}, (200, 202, 200)),
            (40000, 40100, {"sources": [S1], "port_range": "50000-50010"}, (11, 11, 11)),
            (65534, 65535, {}, (2, 2, 2)),
        ],
    )
    def test_odd_ranges(self, low, high, given, expected):
        """With an odd number of ports each tuple may lose one, never more; one port alone is not lost."""
        assert numbers(host(low, high), **given) == expected

    def test_an_odd_range_with_nothing_left(self):
        """Nothing less one is nothing."""
        assert numbers(host(40000, 40100, reserved=["1-65535"])) == (0, 0, 0)


class TestTimeWait:
    WAITS = [flow(waiting=["40000-40009"], waited=["40010-40059"])]

    @pytest.mark.parametrize(
        "reuse, timestamps, destination, free",
        [(0, 1, D1, 40), (1, 1, D1, 90), (2, 1, D1, 40), (1, 0, D1, 40), (1, 1, D2, 100), (0, 1, D2, 100)],
    )
    def test_what_waits_and_when_it_is_reused(self, reuse, timestamps, destination, free):
        """Old enough and allowed, a TIME_WAIT is free; to another destination it never was in the way."""
        found = numbers(host(flows=self.WAITS, tw_reuse=reuse, timestamps=timestamps), sources=[S1], destinations=[destination])
        assert found == (100, 100, free)

    def test_loopback_reuses_by_default(self):
        """tcp_tw_reuse=2 holds for loopback addresses on either side."""
        flows = [flow("127.0.0.2", "127.0.0.1", waited=["40010-40059"])]
        assert numbers(host(flows=flows), sources=["127.0.0.2"], destinations=["127.0.0.1"])[2] == 100

    def test_a_plain_bind_cannot_reuse(self):
        """For bind(address, 0) a port that waits is taken, whatever the destination."""
        snapshot = host(flows=self.WAITS, tw_reuse=1)
        assert numbers(snapshot, sources=[S1], destinations=[D2], bind="plain")[2] == 40
        assert numbers(snapshot, sources=[S2], destinations=[D2], bind="plain")[2] == 100

    def test_ports_in_use_are_counted_once(self):
        """A plain bind counts a port once that serves several destinations; what lies outside the range takes nothing."""
        flows = [flow(ports=["40000-40009", "50000"]), flow(destination=D2, ports=["40005-40014"])]
        assert numbers(host(flows=flows), sources=[S1], bind="plain")[2] == 85
        assert numbers(host(flows=flows), sources=[S1])[2] == 90

    def test_connections_that_are_not_known_to_the_port(self):
        """Of a path that nobody asked for only the number is known: it counts, as an estimate for a plain bind."""
        flows = [{"source": S1, "destination": D2, "port": 80, "connections": 30, "time_wait": 5}]
        found = capacity.path_capacity(host(flows=flows), path(sources=[S1], bind="plain"))
        assert (found["free"], found["estimated"]) == (65, True)
        assert numbers(host(flows=flows), sources=[S1], destinations=[D2])[2] == 65

    @given(st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99)), st.booleans())
    @settings(max_examples=60)
    def test_free_is_what_is_not_held(self, ports, waits, blocked, reusable):
        """Whatever is held, waits and is blocked: used and free add up to the promise."""

        def texts(members):
            return [str(40000 + one) for one in sorted(members)]

        snapshot = host(
            flows=[flow(ports=texts(ports), waited=texts(waits))],
            listeners=at("0.0.0.0", *(40000 + one for one in blocked)),
            tw_reuse=int(reusable),
        )
        found = capacity.path_capacity(snapshot, path(sources=[S1]))
        taken = (ports | (set() if reusable else waits)) - blocked
        assert found["connections"] == 100 - len(blocked)
        assert (found["used"], found["free"]) == (len(taken), 100 - len(blocked) - len(taken))


class TestSource:
    def test_the_kernels_own_source_decides_what_is_used(self):
        """Without a bind only connections from the source that the kernel picks are in the way."""
        flows = [flow(S1, ports=["40000-40009"]), flow(S2, ports=["40020-40059"])]
        assert numbers(host(flows=flows, routes=[{"destination": D1, "source": S1}]))[2] == 90
        assert numbers(host(flows=flows, routes=[{"destination": D1, "source": S2}]))[2] == 60

    def test_without_a_route_in_the_snapshot_the_busiest_source_is_taken(self):
        """A recorded host does not say which source the kernel picks; its connections do."""
        assert numbers(host(flows=[flow(S1, ports=[str(40000 + one) for one in range(10)]), flow(S2, ports=["40020"])]))[2] == 90

    def test_nothing_is_promised_where_no_route_leads(self):
        """connect() fails there before a port is looked for."""
        snapshot = host(routes=[{"destination": D1, "source": GONE}, {"destination": D2, "source": S1}])
        assert numbers(snapshot)[0] == 0
        found = capacity.path_capacity(snapshot, path(destinations=[D1, D2]))
        assert found["connections"] == 100
        assert found["bounds"][0]["detail"] == "100 usable ports x 1 listeners; no route to 10.0.9.1"


class TestLocalRoutes:
    @pytest.mark.parametrize("bind, whole", [({}, 100), ({"bind": "plain"}, 100), ({"port_range": "50000-50009"}, 10)])
    def test_ipv6_sources_by_a_local_route_cannot_be_bound(self, bind, whole):
        """bind() refuses them without net.ipv6.ip_nonlocal_bind; an address of an interface, and IPv4, it takes."""
        rows = [("fd00::2/64", False), ("fd00:5::/64", True), ("10.99.0.0/24", True)]
        addresses = [{"address": cidr, "local_route": route} for cidr, route in rows]
        allowed = [limit("net.ipv6.ip_nonlocal_bind", 1)]
        there = {"destinations": ["fd00:9::1"]}
        assert numbers(host(addresses=addresses), sources=["fd00:5::1"], **there, **bind)[0] == 0
        assert numbers(host(addresses=addresses, limits=allowed), sources=["fd00:5::1"], **there, **bind)[0] == whole
        assert numbers(host(addresses=addresses), sources=["fd00:5::1", "fd00::2", "::1"], **there, **bind)[0] == 2 * whole
        assert numbers(host(addresses=addresses), sources=["10.99.0.7"], **bind)[0] == whole
        found = capacity.path_capacity(host(addresses=addresses), path(sources=["fd00:5::1"], **there, **bind))
        assert "fd00:5::1 cannot be bound: only a local route gives it" in found["bounds"][0]["detail"]

    def test_without_a_bind_they_serve(self):
        """As the kernel's own choice such an address is no obstacle."""
        addresses = [{"address": "fd00:5::/64", "local_route": True}]
        assert numbers(host(addresses=addresses), sources=["fd00:5::1"], destinations=["fd00:5::9"], bind="none")[0] == 100


def service(name="web.service", **more):
    """Return a service of one process with 1024 descriptors, 24 of them open and 14 of these connections."""
    process = {"pid": 7, "nofile": {"soft": 1024, "hard": 4096}, "files_open": 24, "connections": 14}
    return dict({"name": name, "program": "web", "main_pid": 7, "processes": [process]}, **more)


class TestDescriptors:
    @pytest.mark.parametrize("nofile, connections", [(0, 0), (2, 0), (3, 0), (4, 1), (50, 47), (103, 100), (104, 100), (5000, 100)])
    def test_a_number_of_descriptors(self, nofile, connections):
        """Three descriptors are the process's own; none is never less than none."""
        assert numbers(host(), nofile=nofile)[0] == connections

    def test_ties_are_named(self):
        """Where two bounds are equal, one binds and the other is tied."""
        found = capacity.path_capacity(host(), path(nofile=103))
        assert {found["binding"], *found["tied"]} == {"ports", "nofile"}

    def test_a_proxy_needs_two_descriptors_a_connection(self):
        """A dialer that relays holds a client for each connection."""
        found = capacity.path_capacity(host(), path(nofile=23, dialer="haproxy"))
        assert (found["connections"], found["binding"]) == (10, "nofile")

    @pytest.mark.parametrize("given", [{"service": "web"}, {"service": "web.service"}, {"service": "alias"}, {"pid": 7}])
    def test_a_service_by_any_of_its_names(self, given):
        """What is open beside connections is subtracted, what is held counts; aliases and processes mean the same service."""
        snapshot = host(1024, 65535, services=[service(asked=["alias"])])
        assert numbers(snapshot, **given) == (1014, 1014, 1000)

    def test_a_service_whose_limit_cannot_be_read(self):
        """An absence is no bound, and no zero."""
        process = {"pid": 7, "nofile": GONE, "files_open": GONE, "connections": GONE}
        assert numbers(host(services=[service(processes=[process])]), service="web")[0] == 100

    def test_only_workers_count(self):
        """A main process that only looks after workers accepts nothing; the workers add up."""
        rows = [{"pid": pid, "nofile": {"soft": 100, "hard": 100}, "files_open": 10, "connections": 0} for pid in (7, 8, 9)]
        snapshot = host(services=[service("nginx.service", program="nginx", processes=rows)])
        assert capacity.path_capacity(host(1024, 65535, services=snapshot["services"]), path(service="nginx"))["connections"] == 180

    def test_what_a_reload_of_haproxy_left_takes_nothing_more(self):
        """After a reload the new worker alone accepts; of nginx, where one worker may have been replaced, all of them count."""
        rows = [
            {"pid": pid, "age": age, "nofile": {"soft": 100, "hard": 100}, "files_open": 10, "connections": 0}
            for pid, age in ((7, 9000), (8, 9000), (9, 60))
        ]
        for program, most in (("haproxy", 90), ("nginx", 180)):
            services = [dict(service(program + ".service", program=program, processes=rows), main_pid=7)]
            snapshot = host(1024, 65535, services=services)
            assert capacity.path_capacity(snapshot, path(service=program))["connections"] == most

    def test_a_worker_that_drains_takes_nothing_more(self):
        """What a reload of nginx left says so itself; where nothing else runs, as while it stops, all of them count."""
        rows = [
            {"pid": pid, "nofile": {"soft": 100, "hard": 100}, "files_open": 10 + held, "connections": held, **more}
            for pid, held, more in ((7, 0, {}), (8, 30, {"draining": True}), (9, 5, {}))
        ]
        listeners = [{"address": "0.0.0.0", "port": 80, "service": "nginx.service", "connections": 35}]
        for kept, most in ((rows, 90), (rows[:2], 90)):
            services = [dict(service("nginx.service", program="nginx", processes=kept), main_pid=7)]
            snapshot = host(1024, 65535, services=services, listeners=listeners)
            assert capacity.path_capacity(snapshot, path(service="nginx"))["connections"] == most
            found = capacity.inbound(snapshot)
            assert (found["connections"], found["used"]) == (most, 35)
        old = [dict(one, draining=True) for one in rows[1:]]
        services = [dict(service("nginx.service", program="nginx", processes=old), main_pid=None)]
        assert capacity.inbound(host(1024, 65535, services=services, listeners=listeners))["connections"] == 180


class TestMachine:
    def test_each_bound_of_the_machine_can_bind(self):
        """Memory, file-max and conntrack bound a path as well; what is held already counts on top."""
        wide = {"low": 1024, "high": 65535}
        assert capacity.path_capacity(host(memory={"available": 401000}, **wide), path())["binding"] == "memory"
        assert numbers(host(limits=[limit("fs.file-max", 500, 100)], **wide))[0] == 400
        (free,) = (
            one for one in capacity.path_capacity(host(memory={"available": 401000}, **wide), path())["bounds"] if one["name"] == "memory"
        )
        held = host(memory={"available": 401000}, sockets={"tcp": {"allocated": 200}}, **wide)
        (less,) = (one for one in capacity.path_capacity(held, path())["bounds"] if one["name"] == "memory")
        assert (100, (401000 - 200 * 1057) // 4010) == (free["connections"], less["connections"])
        track = {"conntrack": {"active": True, "entries": 10}, "limits": [limit("net.netfilter.nf_conntrack_max", 60)]}
        assert numbers(host(**wide, **track))[0] == 50
        assert numbers(host(**dict(wide, **dict(track, conntrack={"active": False, "entries": 10}))))[0] == 64512

    def test_a_relayed_connection_takes_two_of_everything(self):
        """A proxy has two descriptors and two conntrack entries for each connection, one on either side."""
        files = host(low=1024, high=65535, limits=[limit("fs.file-max", 500, 100)])
        assert (400, 200) == (numbers(files)[0], numbers(files, dialer="haproxy")[0])
        track = {"conntrack": {"active": True, "entries": 10}, "limits": [limit("net.netfilter.nf_conntrack_max", 60)]}
        assert (50, 25) == (numbers(host(**track))[0], numbers(host(**track), dialer="haproxy")[0])

    @pytest.mark.parametrize("value", [GONE, "unlimited", None])
    def test_what_cannot_be_read_does_not_bind(self, value):
        """An absence is neither a bound nor a zero."""
        snapshot = host(
            memory={"available": value}, limits=[limit("fs.file-max", value, value)], conntrack={"active": True, "entries": value}
        )
        assert numbers(snapshot)[0] == 100

    def test_a_host_of_which_nothing_could_be_read(self):
        """Of nothing but absences the model still gives its shape, with the kernel's default range."""
        found = capacity.path_capacity({"limits": [], "sockets": {"bound": GONE, "flows": []}, "addresses": GONE}, path())
        assert (found["connections"], found["binding"]) == (28232, "ports")
        assert capacity.inbound({}) == {"connections": "unlimited", "binding": None, "tied": [], "bounds": [], "used": 0, "services": []}

    def test_a_large_path_is_judged_in_reasonable_time(self):
        """256 sources, 256 destinations and 4 ports with 1,000 addresses and 3,000 listeners: seconds, not minutes."""
        snapshot = host(1024, 65535, listeners=at("0.0.0.0", *range(2000, 5000)))
        snapshot["addresses"] = [{"address": "10.%d.%d.1/32" % (one // 250, one % 250), "local_route": False} for one in range(1000)]
        given = {
            "sources": ["10.0.%d.1" % one for one in range(250)],
            "destinations": ["10.9.0.%d" % one for one in range(1, 251)],
            "ports": [80, 81, 82, 83],
        }
        import time

        started = time.process_time()
        assert numbers(snapshot, **given)[0] == 61512 * 250 * 1000
        assert numbers(snapshot, bind="plain", **given)[0] == 61512 * 250
        assert time.process_time() - started < 20


class TestInbound:
    def test_the_descriptors_of_what_listens_bind(self):
        """A service that listens can hold what its descriptors allow; what it holds is used."""
        snapshot = host(services=[service()], listeners=at("0.0.0.0", 80, service="web.service", connections=14))
        found = capacity.inbound(snapshot)
        assert (found["connections"], found["binding"], found["used"], found["services"]) == (1014, "nofile", 14, ["web.service"])

    def test_connections_of_a_listener_that_are_not_known(self):
        """An absence is counted as nothing held, and does not crash."""
        snapshot = host(services=[service()], listeners=at("0.0.0.0", 80, service="web.service", connections=GONE))
        assert capacity.inbound(snapshot)["used"] == 0

    def test_by_alias(self):
        """A service that was asked for by another of its names is the same."""
        snapshot = host(services=[service(asked=["www"])], listeners=at("0.0.0.0", 80, service="web.service", connections=14))
        assert capacity.inbound(snapshot, "www")["used"] == 14


def test_paths_of_one_service_share_its_descriptors():
    """Two paths of a service hold no more together than its descriptors allow; paths of others add up."""
    bounds = [{"name": "nofile", "connections": 150}, {"name": "ports", "connections": 200}]
    one = {"service": "a.service", "connections": 100, "binding": "ports", "used": 0, "bounds": bounds}
    assert 150 == capacity.outbound(host(), [one, dict(one)])["connections"]
    assert 200 == capacity.outbound(host(), [one, dict(one, service="b.service")])["connections"]
    assert 200 == capacity.outbound(host(), [dict(one, service=None), dict(one, service=None)])["connections"]
