# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet: it reaches what is wanted, nothing of it can be left out, and it says what it cannot reach."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.filter.audit import audit, upstream_paths
from ansible_collections.c10m.front_tier.plugins.filter.plan import plan, tier_order
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import path_capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.tests.recorded.tiers import Judge, fleet, snapshot


def planned(case):
    """Return the plan of a random fleet."""
    return plan(case["hosts"], hops=case["hops"], connections=case["connections"], headroom=case["headroom"], prefer=case["prefer"])


@pytest.mark.parametrize("seed", range(40))
def test_a_plan_reaches_what_is_wanted_and_nothing_of_it_can_be_left_out(seed):
    """Applied to the snapshots, the model finds every hop wide enough; without any one option, address, port or host it does not."""
    case = fleet(seed)
    found = planned(case)
    judge = Judge(case, found)
    if found["cannot"]:
        assert judge.reaches(), "it can, but the plan says that it cannot: %s" % found["cannot"]
        return
    assert judge.reaches() == []
    assert all(hop["reached"] for hop in found["hops"])
    assert [what for what, rest in judge.fewer() if judge.reaches(**rest) == []] == []


def test_the_random_fleets_try_everything():
    """The random fleets need each kind of change, so that the test above means something."""
    kinds = set()
    for seed in range(40):
        found = planned(fleet(seed))
        for host in found["hosts"].values():
            kinds.update(change["what"].split()[0] + change["what"].partition(" ")[2][:8] for change in host["changes"])
        kinds.update("hosts" for _row in found["missing"])
    assert {
        "fd_limits",
        "port_range",
        "secondary_interfaceseth1",
        "listeners",
        "hosts",
        "kernel_settingsnet.netf",
        "kernel_settingsnet.ipv4",
    } <= kinds


def web(name, address, **more):
    """Return a host by its variables: nginx on port 80, one interface."""
    given = {"group_names": ["all", name], "front_tier_audit": snapshot({"eth0": [address]}, "nginx", (80,), nofile=524288)}
    return dict(given, **more)


def three_tiers(**more):
    """Return the hosts of a small fleet: two balancers, two proxies, one database."""
    hosts = {
        "lb1": web("balancers", "10.0.0.2/24"),
        "lb2": web("balancers", "10.0.0.3/24"),
        "proxy1": web("proxies", "10.0.0.10/24"),
        "proxy2": web("proxies", "10.0.0.11/24"),
        "db1": {"group_names": ["databases"], "front_tier_audit": snapshot({"eth0": ["10.0.0.50/24"]}, None, (5432,), nofile=65536)},
    }
    for name, value in more.items():
        hosts["proxy1"][name] = value
    return hosts


def hop(**more):
    """Return a hop from the proxies to the database."""
    return dict({"name": "db", "from": "proxies", "to": "databases", "listeners": [5432]}, **more)


def test_a_pooled_tier_behind_the_front_needs_nothing():
    """The verdict of a pooled hop has the arithmetic in it."""
    found = plan(three_tiers(), hops=[hop(pooled_per_host=200)], connections=1000)
    assert found["hops"][0]["verdict"] == "databases need nothing: 2 hosts x 200 pooled connections = 400 of 56,464 possible."
    assert found["tiers"][-1]["verdict"] == "databases need nothing: 2 hosts x 200 pooled connections = 400 of 56,464 possible"
    assert all(host["host_config"] == {} and host["changes"] == [] for host in found["hosts"].values())


def test_the_article_is_not_right_where_a_tier_behind_the_front_is_not_pooled():
    """Every connection in front makes one behind: that is said, with what a pool would save."""
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
    found = plan(three_tiers(), hops=hops, connections=100000)
    assert "not true here, this hop is not pooled" in found["hops"][1]["verdict"]
    assert any("fewer connections" in line and "pooled_per_host" in line for line in found["hops"][1]["words"])
    assert found["hosts"]["proxy1"]["host_config"]["port_range"] == {"low": 10240, "high": 65535, "reserve": "auto"}


def test_connections_that_wait_more_than_they_are_open_churn():
    """A hop whose connections are mostly in TIME_WAIT is named as one that churns."""
    hosts = three_tiers()
    flow = {"source": "10.0.0.10", "destination": "10.0.0.50", "port": 5432, "connections": 10, "time_wait": 900, "no_port": 0}
    hosts["proxy1"]["front_tier_audit"]["sockets"]["flows"] = [flow]
    words = plan(hosts, hops=[hop(pooled_per_host=200)])["hops"][0]["words"]
    assert any(line.startswith("proxy1 churns: more of its connections wait in TIME_WAIT than are open") for line in words)


def test_hosts_come_before_addresses_where_they_are_preferred():
    """front_tier_prefer: hosts asks for more hosts and gives no host another address; addresses does the reverse."""
    chosen = {}
    for prefer in ("hosts", "addresses"):
        hosts = three_tiers()
        for name in hosts:
            hosts[name]["front_tier_prefer"] = prefer
        chosen[prefer] = plan(hosts, hops=[hop(name="db")], connections=200000)
    assert [row["tier"] for row in chosen["hosts"]["missing"]] == ["proxies"]
    assert not any("secondary_interfaces" in host["host_config"] for host in chosen["hosts"]["hosts"].values())
    assert chosen["addresses"]["missing"] == []
    assert "secondary_interfaces" in chosen["addresses"]["hosts"]["proxy1"]["host_config"]


def test_behind_a_transparent_balancer_the_sources_are_the_clients():
    """No address of the balancer helps: many clients suffice, and one NAT in front of them needs more listeners."""
    front = {"name": "public", "from": "internet", "to": "balancers", "listeners": [80], "clients": 10000}
    edge = {"name": "edge", "from": "balancers", "to": "proxies", "listeners": [80], "transparent": True}
    many = plan(three_tiers(), hops=[front, edge], connections=60000)
    assert (many["hops"][1]["sources"], many["hops"][1]["pairs"]) == (5000, 10000)
    assert "need nothing" in many["hops"][1]["verdict"]
    one = plan(three_tiers(), hops=[dict(front, clients=1), edge], connections=60000)
    assert "secondary_interfaces" not in one["hosts"]["lb1"]["host_config"]
    assert any("all clients behind one NAT are one source" in line for line in one["hops"][1]["words"])


def test_each_of_several_transparent_balancers_keeps_the_addresses_that_it_dials():
    """What a balancer is told to dial, out of the listeners of the hop, is what its role gets; without a word of it, all of them."""
    hosts = {
        "lb1": web("balancers", "10.0.0.2/24", front_tier_upstreams=["10.0.0.10:80", "10.0.0.99:80"]),
        "lb2": web("balancers", "10.0.0.3/24"),
        "proxy1": web("proxies", "10.0.0.10/24"),
        "proxy2": web("proxies", "10.0.0.11/24"),
    }
    edge = {"from": "balancers", "to": "proxies", "listeners": [80], "transparent": True, "clients": 1000}
    found = plan(hosts, hops=[edge], connections=1000)["hosts"]
    assert found["lb1"]["variables"]["front_tier_upstreams"] == ["10.0.0.10:80"]
    assert found["lb2"]["variables"]["front_tier_upstreams"] == ["10.0.0.10:80", "10.0.0.11:80"]


def test_a_balancer_that_is_not_ours_is_taken_as_told():
    """external: {ports_per_address, addresses} gives the sources; nothing is changed there, but listeners are added here."""
    front = {
        "name": "public",
        "from": "cloud",
        "to": "proxies",
        "listeners": [80],
        "external": {"ports_per_address": 64512, "addresses": 2},
    }
    found = plan(three_tiers(), hops=[front], connections=400000)
    assert (found["hops"][0]["usable_ports"], found["hops"][0]["sources"]) == (64512, 2)
    assert found["hosts"]["proxy1"]["variables"]["front_tier_listeners"] == [80, 81]
    assert found["hops"][0]["reached"]


@pytest.mark.parametrize("method, further, each", [("lanes", True, 4), ("hash", True, 2), ("lanes", False, 2)])
def test_a_lane_of_nginx_costs_two_descriptors_more(method, further, each):
    """A connection that nginx dials on costs four descriptors through a lane, and two by hash, or where it dials from one address."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_nginx_method=method, front_tier_service="nginx.service")
        addresses = ["10.0.0.1%s/24" % name[-1], *(["10.0.0.10%s/32" % name[-1]] if further else [])]
        hosts[name]["front_tier_audit"] = snapshot({"eth0": addresses}, "nginx", (80,), nofile=1024)
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
    found = plan(hosts, hops=hops, connections=20000, headroom=0)["hosts"]["proxy1"]["host_config"]["fd_limits"]["nofile"]
    assert found == each * 10000 + 100


def test_a_transparent_nginx_has_no_lanes():
    """Where the clients' own addresses are the sources, no address of nginx has a lane."""
    hosts = three_tiers()
    for name in ("lb1", "lb2"):
        hosts[name].update(front_tier_service="nginx.service")
        addresses = ["10.0.0.%s/24" % (int(name[-1]) + 1), "10.0.0.10%s/32" % name[-1]]
        hosts[name]["front_tier_audit"] = snapshot({"eth0": addresses}, "nginx", (80,), nofile=1024)
    edge = {"from": "balancers", "to": "proxies", "listeners": [80], "transparent": True, "clients": 20000}
    found = plan(hosts, hops=[edge], connections=20000, headroom=0)["hosts"]["lb1"]["host_config"]["fd_limits"]["nofile"]
    assert found == 10000 + 100


def test_a_lane_of_nginx_is_relayed_twice():
    """A connection through a lane costs nginx the memory of two: where that binds, the host holds fewer than by hash."""
    shown = {}
    for method in ("lanes", "hash"):
        hosts = three_tiers()
        for name in ("proxy1", "proxy2"):
            hosts[name].update(front_tier_nginx_method=method, front_tier_service="nginx.service")
            addresses = ["10.0.0.1%s/24" % name[-1], "10.0.0.10%s/32" % name[-1]]
            hosts[name]["front_tier_audit"] = snapshot({"eth0": addresses}, "nginx", (80,), nofile=524288, available=10**9)
        hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
        host = plan(hosts, hops=hops, connections=20000)["hosts"]["proxy1"]
        assert host["binding"] == "memory"
        shown[method] = host["before"]
    each = 4010 + 3790 + 35200
    assert shown["hash"] / shown["lanes"] == pytest.approx((each + 35200) / each, rel=0.001)


def test_a_worker_that_drains_carries_no_share():
    """A plan made while an old worker of HAProxy drains asks for as many descriptors as one without it."""
    wanted = []
    for ages in ([60], [60, 9000]):
        fact = snapshot({"eth0": ["10.0.0.10/24"]}, "haproxy", (80,), nofile=1024, processes=len(ages))
        for process, age in zip(fact["services"][0]["processes"], ages):
            process["age"] = age
        hosts = three_tiers(front_tier_service="haproxy.service", front_tier_audit=fact)
        found = plan(hosts, hops=[hop(connections=40000)])["hosts"]["proxy1"]
        wanted.append(found["host_config"]["fd_limits"]["nofile"])
    assert wanted[0] == wanted[1]


def test_a_proxy_that_does_not_run_starts_with_what_its_unit_has():
    """Without processes, a plan counts one with the limit that the unit gives it at its start."""
    fact = snapshot({"eth0": ["10.0.0.10/24"]}, "haproxy", (), processes=0)
    hosts = three_tiers(front_tier_service="haproxy.service", front_tier_audit=fact)
    found = plan(hosts, hops=[hop(connections=20000)], headroom=0)["hosts"]["proxy1"]
    assert (found["before"], found["host_config"]["fd_limits"]["nofile"]) == (1024 - 100, 10000 + 100)


def test_memory_that_has_no_room_for_lanes_leads_to_a_further_listener():
    """A further address of nginx makes it dial through lanes; where memory has no room for these, the servers get another port."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name]["front_tier_service"] = "nginx.service"
        hosts[name]["front_tier_audit"] = snapshot(
            {"eth0": ["10.0.0.1%s/24" % name[-1]]}, "nginx", (80,), nofile=1 << 20, available=2 * 10**9
        )
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
    found = plan(hosts, hops=hops, connections=60000)
    assert [row["reached"] for row in found["hops"]] == [True, True] and found["missing"] == []
    assert found["hosts"]["db1"]["variables"]["front_tier_listeners"] == [5432, 5433]
    assert "secondary_interfaces" not in found["hosts"]["proxy1"]["host_config"]


@pytest.mark.parametrize("dials", [{"front_tier_upstreams": ["192.0.2.10:8080"]}, {"front_tier_to": {"databases": [5432]}}])
def test_a_tier_that_says_what_it_holds_accepts_what_it_dials(dials):
    """Where nobody of the inventory dials a tier, it accepts as many connections as it dials: two descriptors each, as in an audit."""
    hosts = three_tiers()
    hosts["proxy1"].update(dials, front_tier_connections=5000, front_tier_service="nginx.service")
    fact = snapshot({"eth0": ["10.0.0.10/24"]}, "nginx", (80,), nofile=1024)
    hosts["proxy1"]["front_tier_audit"] = fact
    path = parse_path("path", {"destinations": ["192.0.2.10"], "ports": [8080], "dialer": "nginx", "service": "nginx.service"})
    bounds = {one["name"]: one["connections"] for one in path_capacity(fact, path)["bounds"]}
    found = plan(hosts)["hosts"]["proxy1"]
    assert (found["before"], found["binding"]) == (bounds["nofile"], "nofile")
    assert found["host_config"]["fd_limits"]["nofile"] == 10000 * 10 // 8 + 100
    assert "5,000 accepted + 5,000 dialled = 10,000 descriptors" in found["changes"][0]["words"]


def test_a_reload_leaves_the_table_of_an_old_worker():
    """front_tier_reloads counts in the memory of HAProxy: a table for each worker that still drains."""
    shown = {}
    for reloads in (0, 3):
        hosts = three_tiers()
        for name in ("proxy1", "proxy2"):
            hosts[name].update(front_tier_reloads=reloads, front_tier_service="haproxy.service")
            hosts[name]["front_tier_audit"] = snapshot(
                {"eth0": ["10.0.0.1%s/24" % name[-1]]}, "haproxy", (80,), nofile=524288, available=2 * 10**8
            )
        hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
        shown[reloads] = plan(hosts, hops=hops, connections=20000)["hosts"]["proxy1"]["before"]
    assert shown[3] < shown[0]


@pytest.mark.parametrize("reloads, pairs", [(0, 1), (1, 2), (2, 3)])
def test_the_workers_that_reloads_leave_share_the_ports_of_a_line(reloads, pairs):
    """With front_tier_reloads a line carries its share of 95 % of its ports, as the role writes it: the same number needs more sources."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_reloads=reloads, front_tier_service="haproxy.service")
    found = plan(hosts, hops=[hop()], connections=2 * 41000, headroom=0.2)
    assert len(found["hosts"]["proxy1"]["variables"]["front_tier_sources"]) == pairs
    assert found["hops"][0]["line_caps"] == 2 * pairs * (55296 * 95 // 100 // (1 + reloads))
    assert any(("old worker" in line) == bool(reloads) for line in found["hops"][0]["words"] if "Each server line" in line)


def test_a_transparent_balancer_has_no_caps_and_none_are_told():
    """Its lines have no maxconn: all ports of the clients count, whatever reloads leave, and no number is printed that nobody writes."""
    hosts = three_tiers()
    for name in ("lb1", "lb2"):
        hosts[name].update(front_tier_role="transparent_balancer", front_tier_service="haproxy.service", front_tier_reloads=1)
        hosts[name]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.%s/24" % name[-1]]}, "haproxy", (80,), nofile=1048576)
    hops = [hop(**{"name": "edge", "from": "balancers", "to": "proxies", "listeners": [80], "transparent": True, "clients": 2})]
    found = plan(hosts, hops=hops, connections=4 * 28000, headroom=0)
    edge = found["hops"][0]
    assert (edge["now"], edge["line_caps"], edge["reached"]) == (4 * 28232, None, True)
    assert [line for line in edge["words"] if "Each server line" in line] == []
    assert "Its lines have no cap: beyond the ports of a client the kernel refuses." in " ".join(edge["words"])
    assert "front_tier_line_maxconn" not in found["hosts"]["lb1"]["variables"]


@pytest.mark.parametrize("program, processes, nofile", [("nginx", 1, 30100), ("nginx", 4, 11350), ("haproxy", 2, 30100)])
def test_descriptors_are_those_of_the_fullest_process(program, processes, nofile):
    """A limit is that of a process: a worker of nginx may get half as much again as its share, and of HAProxy old workers take nothing."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_service="%s.service" % program, front_tier_reloads=0)
        hosts[name]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.1%s/24" % name[-1]]}, program, (80,), nofile=8192, processes=processes)
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80], "connections": 60000}]
    found = plan(hosts, hops=hops, headroom=0)["hosts"]["proxy1"]
    assert found["host_config"]["fd_limits"]["nofile"] == nofile
    assert ("up to 11,250 of them in one of 4 processes" in found["changes"][0]["words"]) == (processes == 4)


@pytest.mark.parametrize(
    ("places", "hard"),
    [
        ({"boot": {"nofile": {"soft": 1024, "hard": 524288}}}, 524288),
        ({"boot": {"nofile": {"soft": 1024, "hard": 4096}}, "live": {"nofile": {"soft": 1024, "hard": 524288}}}, None),
        ({"boot": {"nofile": {"absent": "unknown", "detail": ""}}, "live": {"nofile": {"soft": 1024, "hard": 300000}}}, 300000),
        ({"boot": {"nofile": {"soft": 1024, "hard": "unlimited"}}}, 1048576),
        ({}, None),
    ],
)
def test_a_plan_lowers_no_hard_limit(places, hard):
    """A unit that may go up to a higher limit by itself keeps it; where it starts with less, a number is both limits."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_service="nginx.service", front_tier_reloads=0)
        hosts[name]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.1%s/24" % name[-1]]}, "nginx", (80,), nofile=1024)
        hosts[name]["front_tier_audit"]["services"][0].update(places)
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80], "connections": 60000}]
    found = plan(hosts, hops=hops, headroom=0)["hosts"]["proxy1"]["host_config"]["fd_limits"]
    assert found["nofile"] == ({"soft": 30100, "hard": hard} if hard else 30100)


def test_a_role_brings_its_own_descriptors():
    """Where a role configures the program, the plan says what it will need, and leaves the writing to the role."""
    shown = {}
    for role in (None, "reverse_proxy"):
        hosts = three_tiers()
        for name in ("proxy1", "proxy2"):
            hosts[name].update(front_tier_role=role, front_tier_service="haproxy.service")
            hosts[name]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.1%s/24" % name[-1]]}, "haproxy", (80,), nofile=1024)
        hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
        shown[role] = plan(hosts, hops=hops, connections=20000)["hosts"]["proxy1"]
    assert [["fd_limits" in one["host_config"], one["changes"][0]["what"]] for one in shown.values()] == [
        [True, "fd_limits"],
        [False, "fd_limits"],
    ]
    assert " at least, by the role reverse_proxy (" in shown["reverse_proxy"]["changes"][0]["words"]
    assert " at least" not in shown[None]["changes"][0]["words"]


def test_the_audit_and_the_plan_count_the_same_pairs():
    """A proxy with a line for each of its addresses, without a word on its sources: the same pairs, the same ports."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_role="reverse_proxy", front_tier_service="haproxy.service", front_tier_reloads=0)
        addresses = {"eth0": ["10.0.0.1%s/24" % name[-1], "10.0.0.10%s/24" % name[-1]], "eth1": ["10.0.1.1/24"]}
        hosts[name]["front_tier_audit"] = snapshot(addresses, "haproxy", (80,), nofile=1048576)
    found = plan(hosts, hops=[hop()], connections=100)["hops"][0]
    paths = upstream_paths(["10.0.0.50:5432"], "haproxy.service")
    row = audit(hosts["proxy1"]["front_tier_audit"], paths=paths, role="reverse_proxy")["paths"][0]
    assert (found["pairs"], found["usable_ports"]) == (row["pairs"], row["usable_ports"]) and found["pairs"] == 2


def test_of_several_networks_that_of_the_interface_is_dialled():
    """Tiers with two networks in common meet in that of front_tier_interface of those that dial."""
    hosts = three_tiers()
    for name, last in (("proxy1", 10), ("proxy2", 11), ("db1", 50)):
        addresses = {"eth0": ["10.0.0.%d/24" % last], "eth1": ["10.0.1.%d/24" % last]}
        hosts[name]["front_tier_audit"] = snapshot(addresses, None, (5432,), nofile=65536)
    dialled = {}
    for interface in ("eth0", "eth1"):
        for name in ("proxy1", "proxy2"):
            hosts[name]["front_tier_interface"] = interface
        variables = plan(hosts, hops=[hop()], connections=1000)["hosts"]["proxy1"]["variables"]
        dialled[interface] = variables["front_tier_sources"] + variables["front_tier_upstreams"]
    assert dialled == {"eth0": ["10.0.0.10", "10.0.0.50:5432"], "eth1": ["10.0.1.10", "10.0.1.50:5432"]}


def test_a_fleet_changes_from_the_back_to_the_front_a_first_host_of_each_tier_alone():
    """The order goes tier by tier; no portion has hosts of two tiers; a share is one of a tier; what is in no tier comes last."""
    hosts = {"web%d" % index: {"group_names": ["webs"], "front_tier_to": {"stores": [80]}} for index in range(10)}
    hosts.update({"store%d" % index: {"group_names": ["stores"]} for index in range(3)}, other={"group_names": ["others"]})
    groups = {name: [host for host, row in hosts.items() if name in row["group_names"]] for name in ("webs", "stores", "others")}
    found = tier_order(hosts, groups, list(hosts), serial=[1, "30%"])
    assert found["planned"] and sorted(found["fleet"]) == sorted(hosts)
    assert found["order"] == groups["stores"] + groups["webs"] + ["other"]
    assert found["serial"] == [1, 1, 1] + [1, 3, 3, 3] + [1]
    back = tier_order(hosts, groups, list(hosts), serial=2, front_first=True)
    assert (back["order"], back["serial"]) == (groups["webs"] + groups["stores"] + ["other"], [2] * 5 + [2, 1] + [1])


def test_tiers_beside_the_target_are_read_and_not_changed():
    """Where only one tier is to be changed, the others are in the fleet, since a plan needs them, and not in the order."""
    hosts = three_tiers()
    for host in hosts.values():
        host["front_tier_hops"] = [hop()]
    groups = {"proxies": ["proxy1", "proxy2"], "databases": ["db1"]}
    found = tier_order(hosts, groups, ["proxy1", "proxy2"])
    assert (sorted(found["fleet"]), found["order"], found["serial"]) == (["db1", "proxy1", "proxy2"], ["proxy1", "proxy2"], [1, 1])


@pytest.mark.parametrize(
    "serial, number, portions",
    [([1, "20%"], 12, [1, 2, 2, 2, 2, 2, 1]), (0, 3, [3]), ("50%", 5, [2, 2, 1]), ([1, 2, 100], 5, [1, 2, 2]), ("5", 3, [3]), (1, 0, [])],
)
def test_portions_are_those_of_a_play(serial, number, portions):
    """Without tiers, the portions are what `serial` of a play means."""
    hosts = {"web%d" % index: {"group_names": []} for index in range(number)}
    assert tier_order(hosts, {}, list(hosts), serial=serial) == {
        "planned": False,
        "fleet": list(hosts),
        "order": list(hosts),
        "serial": portions,
        "max_fail": 0,
    }
    told = {name: {"group_names": [], "front_tier_serial": serial, "front_tier_max_fail_percentage": "30%"} for name in hosts}
    found = tier_order(told, {}, list(told))
    assert (found["serial"], found["max_fail"]) == (portions, 30 if hosts else 0)


def test_hosts_that_change_together_have_one_order():
    """Two numbers for one run cannot both be meant, and both hosts are named."""
    hosts = {"web%d" % index: {"group_names": [], "front_tier_serial": index} for index in (1, 2)}
    with pytest.raises(AnsibleFilterError, match="front_tier_serial holds for the whole fleet, but web1 and web2 have different ones"):
        tier_order(hosts, {}, list(hosts))


def test_an_order_needs_a_number():
    """A share that is none is named."""
    with pytest.raises(AnsibleFilterError, match='front_tier_serial "some" is no number, share or list'):
        tier_order({"a": {}}, {}, ["a"], serial="some")


@pytest.mark.parametrize(
    "role, tier, message",
    [
        ("proxy", "proxies", 'front_tier_role "proxy" of proxy1 is not known: write one of reverse_proxy, origin, transparent_balancer'),
        ("origin", "proxies", "front_tier_role origin of proxy1: no hop goes to proxies, so there is nothing to listen for"),
        ("reverse_proxy", "databases", "front_tier_role reverse_proxy of db1: no hop goes from databases, so there is nothing to dial"),
    ],
)
def test_a_role_that_a_tier_cannot_have_is_refused(role, tier, message):
    """A proxy has to dial and an origin to be dialled; both the plan and the order say so before a host is read."""
    hosts = three_tiers()
    for host in hosts.values():
        host.update({"front_tier_role": role} if tier in host["group_names"] else {}, front_tier_hops=[hop()])
    with pytest.raises(AnsibleFilterError) as caught:
        tier_order(hosts, {name: [] for name in ("proxies", "databases")}, list(hosts))
    assert message in str(caught.value)
    with pytest.raises(AnsibleFilterError, match=message.partition('"')[0]):
        plan(hosts, connections=1000)


def test_conntrack_counts_both_legs():
    """A proxied connection is two entries."""
    hosts = three_tiers()
    hosts["proxy1"]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.10/24"]}, "nginx", (80,), nofile=524288, conntrack=65536)
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
    settings = plan(hosts, hops=hops, connections=100000)["hosts"]["proxy1"]["host_config"]["kernel_settings"]["settings"]
    assert settings == {"net.netfilter.nf_conntrack_max": 125000}


@pytest.mark.parametrize("file", ["90-front-tier-plan.conf", "zzz-front-tier-plan.conf"])
def test_an_earlier_plan_stays_in_force(file):
    """What an earlier plan set in the section is named again, since a set is authoritative; so are addresses that a host has."""
    hosts = three_tiers()
    fact = snapshot({"eth0": ["10.0.0.10/24", "10.0.0.200/32"]}, "nginx", (80,), nofile=524288, conntrack=65536)
    for row in fact["limits"]:
        if row["name"] == "net.ipv4.neigh.default.gc_thresh3":
            row.update(value=4096, boot={"value": 4096, "source": "/etc/sysctl.d/%s:3" % file, "applies": "boot"})
    hosts["proxy1"]["front_tier_audit"] = fact
    hops = [{"name": "front", "from": "balancers", "to": "proxies", "listeners": [80]}, hop()]
    config = plan(hosts, hops=hops, connections=260000)["hosts"]["proxy1"]["host_config"]
    assert config["kernel_settings"]["settings"]["net.ipv4.neigh.default.gc_thresh3"] == 4096
    assert config["secondary_interfaces"][0]["addresses"][0] == "10.0.0.200/32"


def test_addresses_of_an_earlier_plan_stay_where_the_inventory_names_the_sources():
    """With front_tier_sources, too, what an earlier plan added is named again: what a set no longer names is taken away."""
    hosts = three_tiers(front_tier_sources=["10.0.0.10", "10.0.0.101-10.0.0.109"])
    hosts["proxy1"]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.10/24", "10.0.0.101/32"]}, "nginx", (80,), nofile=524288)
    found = plan(hosts, hops=[hop()], connections=260000)["hosts"]["proxy1"]["host_config"]["secondary_interfaces"]
    assert found == [{"interface": "eth0", "addresses": ["10.0.0.101/32", "10.0.0.102"]}]


NAMED = {"proxy1": ["10.0.0.10", "10.0.0.99", "10.0.0.101"], "proxy2": ["10.0.0.11", "10.0.0.99-10.0.0.100"]}


@pytest.mark.parametrize("told", [{}, NAMED])
def test_an_address_that_moves_between_hosts_is_the_source_of_none(told):
    """What keepalived has, or several hosts have, is on one of them only at a time: it is no source, no listener, and not named again."""
    hosts = three_tiers()
    for name, more in (("proxy1", ["10.0.0.101/32", "10.0.0.99/32"]), ("proxy2", ["10.0.0.100/24", "10.0.0.99/32"])):
        hosts[name].update({"front_tier_sources": told[name]} if told else {})
        addresses = {"eth0": ["10.0.0.1%d/24" % (name == "proxy2"), *more]}
        hosts[name]["front_tier_audit"] = snapshot(addresses, "nginx", (80,), nofile=524288)
    hosts["proxy2"]["front_tier_audit"]["addresses"][1]["moves"] = True
    front = {"name": "front", "from": "balancers", "to": "proxies", "listeners": [80], "connections": 10}
    found = plan(hosts, hops=[front, hop()], connections=100000)
    sources = {name: found["hosts"][name]["variables"]["front_tier_sources"] for name in ("proxy1", "proxy2")}
    assert sources == {"proxy1": ["10.0.0.10", "10.0.0.101"], "proxy2": ["10.0.0.11", "10.0.0.254"]}
    assert found["hosts"]["proxy2"]["host_config"]["secondary_interfaces"][0]["addresses"] == ["10.0.0.254"]
    assert "10.0.0.100:80" not in found["hosts"]["lb1"]["variables"]["front_tier_upstreams"]
    assert found["hops"][0]["listeners"] == 3


@pytest.mark.parametrize(
    ("variables", "told", "transparent"),
    [
        ({"front_tier_transparent_method": "return_path"}, {}, True),
        ({"front_tier_transparent_method": "return_path"}, {"transparent": False}, False),
        ({"front_tier_transparent_method": "return_path", "front_tier_proxy_protocol": True}, {}, False),
        ({"front_tier_transparent_method": "return_path", "front_tier_proxy_protocol": "false"}, {}, True),
        ({"front_tier_proxy_protocol": True}, {}, False),
    ],
)
def test_a_balancer_is_counted_as_its_role_makes_it(variables, told, transparent):
    """It dials from the addresses of its clients; with the PROXY protocol from one of its own, so that others do not help either."""
    hosts = three_tiers()
    for name in ("lb1", "lb2"):
        hosts[name].update(front_tier_role="transparent_balancer", front_tier_service="haproxy.service", **variables)
        addresses = {"eth0": ["10.0.0.%s/24" % name[-1], "10.0.0.10%s/32" % name[-1]]}
        hosts[name]["front_tier_audit"] = snapshot(addresses, "haproxy", (80,), nofile=1 << 20)
    front = {"name": "public", "from": "internet", "to": "balancers", "listeners": [80], "clients": 10000}
    edge = dict({"name": "edge", "from": "balancers", "to": "proxies", "listeners": [80]}, **told)
    found = plan(hosts, hops=[front, edge], connections=400000)
    row = found["hops"][1]
    assert row["sources"] == (5000 if transparent else 1)
    assert (found["hosts"]["proxy1"]["variables"]["front_tier_listeners"] == [80]) == transparent
    assert not any("secondary_interfaces" in found["hosts"][name]["host_config"] for name in ("lb1", "lb2"))


def six(shared=True):
    """Return a proxy and a database that have IPv6 alone, the proxy a further address, which the kernel lists first."""
    there = "2001:db8::50/64" if shared else "2001:db8:1::50/64"
    proxy = snapshot({"eth0": ["2001:db8::ffff:1/128", "2001:db8::10/64"]}, None, (80,), nofile=524288)
    return {
        "proxy1": {"group_names": ["proxies"], "front_tier_audit": proxy},
        "db1": {"group_names": ["databases"], "front_tier_audit": snapshot({"eth0": [there]}, None, (5432,), nofile=1 << 20)},
    }


def test_of_ipv6_the_newest_address_comes_first_and_stays():
    """The further IPv6 address that an earlier plan added is named again, and the host's own is none of it."""
    found = plan(six(), hops=[hop()], connections=200000)["hosts"]["proxy1"]["host_config"]["secondary_interfaces"]
    new = "2001:db8::ffff:ffff:ffff:fffc-2001:db8::ffff:ffff:ffff:fffe"
    assert found == [{"interface": "eth0", "addresses": ["2001:db8::ffff:1/128", new]}]


def test_the_neighbour_table_that_grows_is_that_of_the_family():
    """Addresses of IPv6 fill the table of IPv6: that one is raised, and the other stays."""
    hosts = six()
    fact = hosts["db1"]["front_tier_audit"]
    row = next(one for one in fact["limits"] if one["name"] == "net.ipv4.neigh.default.gc_thresh3")
    row["value"] = 5
    fact["limits"].append(dict(row, name="net.ipv6.neigh.default.gc_thresh3", value=1024))
    fact["neighbours"]["inet6"] = 1000
    found = plan(hosts, hops=[hop()], connections=200000, headroom=0)["hosts"]
    more = len(found["proxy1"]["variables"]["front_tier_sources"]) - 2
    assert "kernel_settings" not in found["db1"]["host_config"]
    hosts["db1"]["front_tier_audit"]["neighbours"]["inet6"] = 1024
    found = plan(hosts, hops=[hop()], connections=200000, headroom=0)["hosts"]
    assert found["db1"]["host_config"]["kernel_settings"]["settings"] == {"net.ipv6.neigh.default.gc_thresh3": 1024 + more}


def test_behind_a_router_all_addresses_of_an_interface_dial():
    """Where tiers have no network in common, further addresses count, wherever in the list they stand."""
    found = plan(six(shared=False), hops=[hop()], connections=1000)
    assert found["hops"][0]["sources"] == 2


@pytest.mark.parametrize("shared", [True, False])
def test_a_network_that_every_host_has_for_itself_leads_nowhere(shared):
    """docker0 has the same address on all hosts: nobody is dialled there, whether the hosts have another network in common or not."""
    hosts = {
        "proxy1": {"group_names": ["proxies"], "front_tier_audit": {"docker0": ["172.17.0.1/16"], "eth0": ["10.0.1.2/24"]}},
        "db1": {
            "group_names": ["databases"],
            "front_tier_audit": {"docker0": ["172.17.0.1/16"], "eth0": ["10.0.%d.50/24" % (1 if shared else 2)]},
        },
    }
    for host in hosts.values():
        host["front_tier_audit"] = snapshot(host["front_tier_audit"], None, (5432,), nofile=1 << 20)
    found = plan(hosts, hops=[hop()], connections=200000)["hosts"]["proxy1"]
    assert found["variables"]["front_tier_upstreams"] == ["10.0.%d.50:5432" % (1 if shared else 2)]
    assert found["host_config"]["secondary_interfaces"][0]["interface"] == "eth0"


def test_declared_addresses_and_a_pool_come_first():
    """Addresses that the inventory gives a host are used first, then those of front_tier_address_pool, each once."""
    hosts = three_tiers(front_tier_addresses=["10.0.0.101"])
    for name in ("proxy1", "proxy2"):
        hosts[name]["front_tier_address_pool"] = ["10.0.0.111-10.0.0.119"]
    found = plan(hosts, hops=[hop()], connections=200000)["hosts"]
    given = [found[name]["host_config"]["secondary_interfaces"][0]["addresses"] for name in ("proxy1", "proxy2")]
    assert given == [["10.0.0.101", "10.0.0.111"], ["10.0.0.112-10.0.0.113"]]
    assert found["proxy1"]["variables"]["front_tier_sources"] == ["10.0.0.10", "10.0.0.101", "10.0.0.111"]


def test_what_brings_addresses_back_is_said_in_the_inventory():
    """Where nothing is seen to manage an interface, the user names the backend: the plan hands that on, and the check for duplicates."""
    hosts = three_tiers()
    hosts["proxy1"].update(front_tier_address_backend="ifupdown", front_tier_duplicate_check=False)
    found = plan(hosts, hops=[hop()], connections=200000)["hosts"]
    sections = [found[name]["host_config"]["secondary_interfaces"][0] for name in ("proxy1", "proxy2")]
    assert [(one.get("backend"), one.get("duplicate_check")) for one in sections] == [("ifupdown", False), (None, None)]


def test_a_way_back_that_nobody_named_is_said():
    """Behind a transparent balancer, each server without front_tier_balancers has to have its default route through it."""
    hosts = three_tiers()
    hosts["proxy1"]["front_tier_balancers"] = [{"address": "10.0.0.10", "gateway": "10.0.0.2"}]
    hops = [{"name": "edge", "from": "balancers", "to": "proxies", "listeners": [80], "transparent": True, "clients": 9}]
    words = " ".join(plan(hosts, hops=hops, connections=1000)["hops"][0]["words"])
    assert "through the balancer: by the default route of proxy2, or else by front_tier_balancers" in words
    hosts["proxy2"]["front_tier_balancers"] = [{"address": "10.0.0.11", "gateway": "10.0.0.2"}]
    assert "front_tier_balancers" not in " ".join(plan(hosts, hops=hops, connections=1000)["hops"][0]["words"])


def test_one_is_one():
    """One client, one listener: words agree with their numbers."""
    hops = [{"name": "front", "from": "internet", "to": "balancers", "listeners": [80], "clients": 1}, hop()]
    found = plan(three_tiers(), hops=hops, connections=200000)
    assert found["hops"][0]["words"][0].startswith("1 client x 2 listeners x")
    added = [change["words"] for host in found["hosts"].values() for change in host["changes"] if "address" in change["words"]]
    assert added
    assert all(" x 1 listener x " in words for words in added)


def test_a_network_that_is_too_small_makes_the_next_step():
    """Where the network has no room for addresses, the receiving tier listens on more ports."""
    hosts = {
        "proxy1": web("proxies", "10.0.0.1/29"),
        "db1": {"group_names": ["databases"], "front_tier_audit": snapshot({"eth0": ["10.0.0.2/29"]}, None, (5432,), nofile=1 << 20)},
    }
    found = plan(hosts, hops=[hop()], connections=500000)
    assert found["hosts"]["db1"]["variables"]["front_tier_listeners"] == [5432, 5433, 5434]
    assert found["hops"][0]["reached"] and found["missing"] == []


def test_the_three_lines_of_an_inventory_are_a_hop():
    """front_tier_connections, front_tier_service and front_tier_upstreams of a group are planned; the number is that of each host."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_connections=30000, front_tier_service="haproxy.service", front_tier_upstreams=["10.0.0.50:5432"])
    found = plan(hosts)
    assert [(row["from"], row["to"], row["wanted"], row["listeners"]) for row in found["hops"]] == [("proxies", "databases", 60000, 1)]
    for name in ("proxy1", "proxy2"):
        hosts[name]["front_tier_upstreams"] = ["192.0.2.1:80", "192.0.2.2:80"]
    found = plan(hosts)
    assert [(row["to"], row["listeners"], row["pairs"]) for row in found["hops"]] == [("192.0.2.1:80 and 1 more", 2, 2)]


def test_upstreams_inside_and_outside_share_the_connections():
    """Of upstreams of which the inventory has some, each listener gets its part of the connections, and none is counted twice."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name].update(
            front_tier_connections=30000,
            front_tier_service="haproxy.service",
            front_tier_upstreams=["10.0.0.50:5432", "192.0.2.1:80", "192.0.2.2:80"],
        )
        hosts[name]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.1%s/24" % name[-1]]}, "haproxy", (80,), nofile=1024)
    found = plan(hosts, headroom=0)
    assert [(row["to"], row["wanted"]) for row in found["hops"]] == [("databases", 20000), ("192.0.2.1:80 and 1 more", 40000)]
    assert found["hosts"]["proxy1"]["host_config"]["fd_limits"]["nofile"] == 60000 + 100


def test_what_a_group_dials_is_a_hop():
    """front_tier_to in group_vars names tiers and ports; a tier that does not say how much it dials dials what it is dialled with."""
    hosts = three_tiers()
    for name in ("lb1", "lb2"):
        hosts[name].update(front_tier_connections=30000, front_tier_to={"proxies": [80]})
    for name in ("proxy1", "proxy2"):
        hosts[name].update(front_tier_to={"databases": [5432]})
    found = plan(hosts)
    assert [(row["from"], row["to"], row["wanted"]) for row in found["hops"]] == [
        ("balancers", "proxies", 60000),
        ("proxies", "databases", 60000),
    ]


def test_of_several_tiers_that_a_group_dials_each_gets_all():
    """Nothing tells how they share: each hop has all connections, a host the descriptors of the sum; hops that say it have their part."""
    shared = [
        {"from": "internet", "to": "proxies", "listeners": [80], "clients": 1000},
        {"from": "proxies", "to": "databases", "listeners": [5432], "connections": 15000},
        {"from": "proxies", "to": "balancers", "listeners": [80], "connections": 5000},
    ]
    asked = []
    for hops in (None, shared):
        hosts = three_tiers()
        for name in ("proxy1", "proxy2"):
            more = {} if hops else {"front_tier_connections": 10000, "front_tier_to": {"databases": [5432], "balancers": [80]}}
            hosts[name].update(front_tier_service="haproxy.service", **more)
            hosts[name]["front_tier_audit"] = snapshot({"eth0": ["10.0.0.1%d/24" % (name == "proxy2")]}, "haproxy", (80,), nofile=1024)
        found = plan(hosts, hops=hops, connections=20000 if hops else None, headroom=0)
        wanted = [row["wanted"] for row in found["hops"] if row["from"] == "proxies"]
        asked.append((wanted, found["hosts"]["proxy1"]["host_config"]["fd_limits"]["nofile"]))
    assert asked == [([20000, 20000], 3 * 10000 + 100), ([15000, 5000], 2 * 10000 + 100)]


HOPS = "front_tier_hops"
WRONG = {
    "no list": ({"hops": "db"}, HOPS + ' "db" is no list'),
    "no dictionary": ({"hops": ["db"]}, HOPS + '[0] "db" is no dictionary'),
    "unknown key": ({"hops": [hop(port=1)]}, HOPS + "[0] has no key port. Its keys are name, from, to"),
    "no from": ({"hops": [{"to": "databases", "listeners": [1]}]}, HOPS + "[0].from is missing"),
    "itself": ({"hops": [hop(to="proxies")]}, HOPS + "[0] goes from proxies to itself"),
    "unknown group": (
        {"hops": [hop(to="databasse")]},
        HOPS + '[0].to: no host is in a group "databasse". There are balancers, databases, proxies',
    ),
    "empty group": ({"hops": [hop(to="caches")], "groups": {"caches": []}}, HOPS + '[0].to: the group "caches" has no hosts'),
    "unknown front": ({"hops": [hop(**{"from": "internet"})]}, "say clients: NUMBER or external: {}"),
    "no listeners": ({"hops": [{"from": "proxies", "to": "databases"}]}, HOPS + "[0] has no listeners"),
    "empty listeners": ({"hops": [hop(listeners=[])]}, HOPS + "[0].listeners is empty"),
    "port too high": ({"hops": [hop(listeners=[70000])]}, HOPS + "[0].listeners 70000 is out of bounds: it must be 1 to 65535"),
    "reversed range": ({"hops": [hop(listeners=["82-80"])]}, HOPS + "[0].listeners 80 is out of bounds: it must be 82 to 65535"),
    "listener": ({"hops": [hop(listeners=["db:80"])]}, '"db" is no address. Write 80 or "10.0.9.11:80"'),
    "overlap": ({"hops": [hop(listeners=[80, "79-81"])]}, 'listeners: "80" and "79-81" overlap in port 80'),
    "overlap with an address": ({"hops": [hop(listeners=[80, "10.0.0.50:80"])]}, '"80" and "10.0.0.50:80" overlap in port 80'),
    "overlapping hops": ({"hops": [hop(name="a"), hop(name="b")]}, "Hops a and b overlap: both go from proxies to databases on port 5432"),
    "same name": ({"hops": [hop(), hop(to="balancers")]}, 'two hops are called "db"'),
    "cycle": (
        {
            "hops": [
                hop(),
                hop(name="x", **{"from": "databases", "to": "balancers"}),
                hop(name="y", **{"from": "balancers", "to": "proxies"}),
            ]
        },
        "The hops go in a circle: proxies -> databases -> balancers -> proxies",
    ),
    "negative connections": ({"hops": [hop()], "connections": -5}, "front_tier_connections -5 is out of bounds: it must be 1 to"),
    "no connections": ({"hops": [hop()]}, "front_tier_connections is missing: hop db does not say"),
    "word": ({"hops": [hop()], "connections": "many"}, 'front_tier_connections "many" is no whole number'),
    "negative pool": ({"hops": [hop(pooled_per_host=-1)]}, HOPS + "[0].pooled_per_host -1 is out of bounds: it must be 1 to"),
    "clients": ({"hops": [hop(clients=0)]}, HOPS + "[0].clients 0 is out of bounds"),
    "dialer": ({"hops": [hop(dialer="squid")]}, HOPS + '[0].dialer "squid" is not known: it is one of haproxy, nginx, varnish, envoy'),
    "external": (
        {"hops": [hop(external={"ports": 5})]},
        HOPS + "[0].external {'ports': 5}: write {ports_per_address: 64512, addresses: 1}",
    ),
    "external ports": ({"hops": [hop(external={"ports_per_address": 90000})]}, "external.ports_per_address 90000 is out of bounds"),
    "transparent": ({"hops": [hop(transparent="perhaps")]}, HOPS + '[0].transparent "perhaps" is no switch'),
    "transparent pool": ({"hops": [hop(transparent=True, pooled_per_host=5)]}, "is both pooled_per_host and transparent"),
    "headroom": (
        {"hops": [hop()], "connections": 5, "headroom": 1},
        "front_tier_headroom 1 is out of bounds: it must be from 0 to less than 1",
    ),
    "headroom word": ({"hops": [hop()], "connections": 5, "headroom": "x"}, 'front_tier_headroom "x" is no number'),
    "prefer": ({"hops": [hop()], "connections": 5, "prefer": "ports"}, 'front_tier_prefer "ports" is not known: write addresses or hosts'),
    "unknown host": ({"hops": [hop()], "hosts": ["web9"]}, "there are no variables of the host web9"),
    "nothing": ({}, "There is no hop to plan: write front_tier_hops"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_hop_is_named(name):
    """Each mistake is named with the option, the value, the bound and the remedy."""
    options, message = WRONG[name]
    with pytest.raises(AnsibleFilterError) as caught:
        plan(three_tiers(), **options)
    assert message in str(caught.value)


WRONG_VARIABLES = {
    "outside": (
        {"front_tier_addresses": ["10.9.9.9"]},
        "front_tier_addresses of proxy1: 10.9.9.9 lies outside the networks of its interfaces (10.0.0.0/24)",
    ),
    "pool outside": ({"front_tier_address_pool": ["10.9.9.1-10.9.9.5"]}, "front_tier_address_pool of proxy1: 10.9.9.1 lies outside"),
    "interface": (
        {"front_tier_addresses": ["10.0.0.9"], "front_tier_interface": "eth7"},
        'front_tier_interface "eth7": proxy1 has no such interface with an address. Name one that it has: eth0',
    ),
    "no address": ({"front_tier_addresses": ["10.0.0"]}, "front_tier_addresses of proxy1 '10.0.0': it is no address"),
    "someone else's": ({"front_tier_addresses": ["10.0.0.50"]}, "front_tier_addresses of proxy1: 10.0.0.50 is an address of db1"),
    "reloads": ({"front_tier_reloads": -1}, "front_tier_reloads of proxy1 -1 is out of bounds: it must be 0 to"),
    "port low": ({"front_tier_port_low": 80}, "front_tier_port_low of proxy1 80 is out of bounds: it must be 1024 to"),
    "no audit": ({"front_tier_audit": None}, "proxy1 has no audit to plan from. Run the playbook c10m.front_tier.audit"),
    "two values": ({"front_tier_headroom": 0.5}, "front_tier_headroom holds for the whole fleet, but db1 and proxy1 have different ones"),
}


@pytest.mark.parametrize("name", WRONG_VARIABLES)
def test_a_wrong_variable_is_named(name):
    """Each mistake in a variable of a host is named with the host."""
    variables, message = WRONG_VARIABLES[name]
    hosts = three_tiers(**variables)
    hosts["db1"]["front_tier_headroom"] = 0.2
    with pytest.raises(AnsibleFilterError) as caught:
        plan(hosts, hops=[hop()], connections=1000)
    assert message in str(caught.value)


def test_more_addresses_than_a_pool_has_is_no_plan_that_holds():
    """A pool that is too small leads to more listeners, and to hosts; never to an address that is not in it."""
    hosts = three_tiers()
    for name in ("proxy1", "proxy2"):
        hosts[name]["front_tier_address_pool"] = ["10.0.0.111"]
    found = plan(hosts, hops=[hop()], connections=400000)
    added = [config["addresses"] for host in found["hosts"].values() for config in host["host_config"].get("secondary_interfaces", [])]
    assert [one for row in added for one in row] in ([], ["10.0.0.111"])
    assert len(found["hosts"]["db1"]["variables"]["front_tier_listeners"]) > 1


def test_a_host_in_two_tiers_of_a_hop_is_refused():
    """A host that would dial itself is named."""
    hosts = three_tiers()
    hosts["db1"]["group_names"] = ["databases", "proxies"]
    with pytest.raises(AnsibleFilterError, match="Hop db: db1 is in both proxies and databases"):
        plan(hosts, hops=[hop()], connections=1000)


def test_what_belongs_to_the_machine_outside_cannot_be_raised():
    """In a container, what belongs to the machine around it is not changed: it is said, with what it would need."""
    hosts = three_tiers()
    outside = ("net.netfilter.nf_conntrack_max",)
    hosts["db1"]["front_tier_audit"] = snapshot(
        {"eth0": ["10.0.0.50/24"]}, None, (5432,), nofile=1 << 20, available=10**15, conntrack=1000, outside=outside
    )
    found = plan(hosts, hops=[hop()], connections=50000, prefer="addresses")
    assert [row["tier"] for row in found["missing"]] == ["databases"]
    assert "nf_conntrack_max: " in found["missing"][0]["words"]
    assert "kernel_settings" not in found["hosts"]["db1"]["host_config"]
