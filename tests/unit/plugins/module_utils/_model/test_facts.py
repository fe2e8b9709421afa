# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts: the busiest paths, and what would be with other values."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model import facts
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import PathError

PATH = {"sources": ["10.0.0.2"], "destinations": ["10.0.9.1"], "ports": [80]}


def flow(destination, connections, source="10.0.0.2", port=80, **more):
    """Return a flow as a snapshot shows it."""
    row = {"source": source, "destination": destination, "port": port, "connections": connections, "no_port": 0, "time_wait": 0}
    return dict(row, **more)


def host(**more):
    """Return a small snapshot."""
    limits = [
        {"name": "net.ipv4.ip_local_port_range", "value": [40000, 40099], "scope": "netns", "unit": "ports", "used": None},
        {"name": "DefaultLimitNOFILE", "value": {"soft": 1024, "hard": 4096}, "scope": "unit", "unit": "files", "used": None},
    ]
    for row in limits:
        row.update(source="x", boot={"value": row["value"], "source": None, "applies": "boot"})
    found = {
        "host": {"kernel": "6.1.0-56-amd64", "container": None, "init": "systemd", "subsets": ["min"]},
        "limits": limits,
        "sockets": {"bound": [], "flows": [], "sampled": False, "tcp": {}},
        "listeners": [],
        "services": [],
        "addresses": [{"interface": "eth0", "address": "10.0.0.2/24", "family": "inet", "local_route": False}],
    }
    return dict(found, **more)


@pytest.mark.parametrize(
    "release, proven",
    [
        ("6.1.0-56-cloud-amd64", True),
        ("5.10.0", True),
        ("6.18.44", True),
        ("6.18", True),
        ("6.180.1", False),
        ("6.11.2", False),
        ("4.19.0-27", False),
        ("16.1", False),
        ("", False),
        (None, False),
        ({"absent": "unknown", "detail": "x"}, False),
    ],
)
def test_kernels_that_were_proven(release, proven):
    """Only series that the truth tests ran on are proven, not those that begin alike."""
    assert facts.kernel_proven(release) == proven


class TestBusiest:
    def test_by_destination_and_port_the_busiest_first(self):
        """Sources of one listener are one path; TIME_WAITs count as busy; accepted and empty flows are none."""
        flows = [
            flow("10.0.9.1", 5),
            flow("10.0.9.1", 5, source="10.0.0.3"),
            flow("10.0.9.2", 0, time_wait=9),
            flow("10.0.9.3", 99, accepted=True),
            flow("10.0.9.4", 0),
        ]
        found = facts.busiest(host(sockets={"flows": flows}))
        assert [(path.sources, path.destinations) for path in found] == [
            (("10.0.0.2", "10.0.0.3"), ("10.0.9.1",)),
            (("10.0.0.2",), ("10.0.9.2",)),
        ]

    def test_five_at_most(self):
        """A host with many destinations shows the five busiest."""
        found = facts.busiest(host(sockets={"flows": [flow("10.0.9.%d" % (1 + one), 1 + one) for one in range(9)]}))
        assert [path.destinations[0] for path in found] == ["10.0.9.%d" % one for one in (9, 8, 7, 6, 5)]

    @pytest.mark.parametrize("sockets", [{}, {"flows": []}, None])
    def test_none(self, sockets):
        """A host that dials nobody has no path."""
        assert facts.busiest({"sockets": sockets}) == []


class TestOverrides:
    @pytest.mark.parametrize(
        "overrides, path, connections",
        [
            ({}, PATH, 100),
            ({"limits": {"net.ipv4.ip_local_port_range": [1024, 65535]}}, PATH, 64512),
            ({"limits": {"net.ipv4.ip_local_port_range": "1024 65535"}}, PATH, 64512),
            ({"limits": {"net.ipv4.ip_local_reserved_ports": "40000-40009"}}, PATH, 90),
            ({"addresses": 8}, PATH, 800),
            ({"addresses": 8}, dict(PATH, sources=[]), 800),
            ({"sources": ["10.0.0.7", "10.0.0.9"]}, PATH, 200),
            ({"sources": ["10.0.0.7", "fd00::1"]}, PATH, 100),
            ({"addresses": 3}, dict(PATH, bind="plain"), 300),
            ({"nofile": 50}, dict(PATH, nofile=10), 47),
            ({"nofile": 50}, PATH, 100),
        ],
    )
    def test_what_would_be(self, overrides, path, connections):
        """Other limits, addresses and descriptors give what such a host would have."""
        snapshot = host()
        before = copy.deepcopy(snapshot)
        assert facts.compute(snapshot, [path], overrides)["paths"][0]["connections"] == connections
        assert snapshot == before

    def test_descriptors_of_services(self):
        """What if nofile were a million: for each process, and for a service that would be started."""
        process = {"pid": 7, "nofile": {"soft": 1024, "hard": 1024}, "files_open": 24, "connections": 0}
        listeners = [{"address": "0.0.0.0", "port": 80, "service": "web.service", "connections": 0, "v6only": False}]
        services = [{"name": "web.service", "program": "web", "main_pid": 7, "processes": [process]}]
        busy = host(services=services, listeners=listeners)
        for snapshot, now, then in ((busy, 1000, 999976), (host(), 1021, 999997)):
            assert facts.compute(snapshot)["capacity"]["inbound"]["connections"] == now
            assert facts.compute(snapshot, None, {"nofile": 1000000})["capacity"]["inbound"]["connections"] == then

    @pytest.mark.parametrize(
        "overrides, message",
        [
            ({"somaxconn": 5}, "somaxconn cannot be overridden. Override one of limits, nofile, addresses, sources."),
            ({"limits": {"net.core.no": 5}}, 'limits: "net.core.no" is no sysctl that bounds connections. Name one of docs/limits.md.'),
            (
                {"limits": {"net.ipv4.ip_local_port_range": "9 5"}},
                'limits: "9 5" is no value of net.ipv4.ip_local_port_range. Write it as sysctl prints it.',
            ),
            (
                {"limits": {"net.ipv4.ip_local_reserved_ports": "x"}},
                'limits: "x" is no value of net.ipv4.ip_local_reserved_ports. Write it as sysctl prints it.',
            ),
            ({"limits": {"net.core.somaxconn": "many"}}, 'limits: "many" is no value of net.core.somaxconn. Write it as sysctl prints it.'),
            ({"sources": ["fd00::1"]}, "sources: none of fd00::1 is of the family of 10.0.9.1. Name some that are."),
            ({"addresses": 1 << 32}, "addresses 4294967296: only 4127195134 lie from 10.0.0.2 on. Ask for no more."),
        ],
    )
    def test_what_cannot_be(self, overrides, message):
        """A value that no kernel would take is told, not computed with."""
        with pytest.raises(PathError) as error:
            facts.compute(host(), [PATH], overrides)
        assert str(error.value) == message


def test_paths_come_in_the_order_asked_for():
    """As many paths as asked for, in that order."""
    asked = [dict(PATH, ports=[port]) for port in (90, 80, 85)]
    assert [path["ports"] for path in facts.compute(host(), asked)["paths"]] == [[90], [80], [85]]


def test_the_same_snapshot_gives_the_same_facts():
    """The model is a pure function: nothing is changed, and twice is the same."""
    snapshot = host()
    before = copy.deepcopy(snapshot)
    assert facts.complete(snapshot, [PATH]) == facts.complete(snapshot, [PATH]) and snapshot == before
