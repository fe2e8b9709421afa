# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls with which the kernel writes others, or takes addresses away: all of it comes back, or is refused. In network namespaces."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import transaction
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Step
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sysctls
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import sysctl_path
from tests.addresses.wire import Wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces with a veth pair")
ALL = sorted(sysctls.SPREADING)
REFUSED = {"net.ipv4.tcp_congestion_control": "no_such_control"}  # by the kernel, when it is written


@pytest.fixture
def wire(tmp_path):
    """Return a host with a further interface and without lasting IPv6 addresses, which ends with the test."""
    made = Wire(tmp_path)
    made.ip("addr del fd77::1/64 dev front0", "link add web0.100 type veth peer name web1", "link set web0.100 up")
    put(made, "net.ipv4.ip_forward", "0")  # a new namespace takes over what the machine has
    yield made
    made.close()


def values(wire):
    """Return {path: value} of everything below conf of both families, and ip_forward."""
    found = wire.inside(["sh", "-c", "cd /proc/sys/net; grep -rs . ipv4/conf ipv6/conf ipv4/ip_forward"]).stdout
    return dict(line.split(":", 1) for line in found.splitlines())


def put(wire, name, value):
    """Write a sysctl by hand."""
    assert wire.inside(["sh", "-c", 'echo "$1" > "$0"', sysctl_path(name), value]).returncode == 0


def change(wire, settings, **more):
    """Make a change of kernel_settings with the kernel's own files."""
    return wire.run(dict(more, settings=settings), section="kernel_settings", proc=True, persist=False)


def odd(wire, name):
    """Give one interface, `default` and the redirects other values than the kernel would write with a sysctl."""
    for interface in ("web0/100", "default"):
        put(wire, sysctls.SPREADING[name] % interface, "1")
    put(wire, sysctls.REDIRECTS, "0")


@pytest.mark.parametrize("name", ALL)
def test_what_the_kernel_writes_along_is_what_the_table_says(wire, name):
    """Written by hand, to 1 and to 0, from odd values: the kernel changes exactly what is predicted."""
    interfaces = ["default", "lo", "front0", "web0/100", "web1"]
    for value, other in (("1", "0"), ("0", "1")):
        put(wire, name, other)
        odd(wire, name)
        before = values(wire)
        put(wire, name, value)
        written = {sysctl_path(one)[len("/proc/sys/net/") :]: new for one, new in sysctls.written_with(name, value, interfaces).items()}
        twins = {sysctl_path(one)[len("/proc/sys/net/") :]: value for one in ALL if sysctls.SPREADING[one] == sysctls.SPREADING[name]}
        assert {**before, **written, **twins} == values(wire)


@pytest.mark.parametrize("name", ALL)
def test_trap_what_the_kernel_writes_along_comes_back(wire, name):
    """After absent, after a later step that fails, and after a run that did not end, every interface has what it had."""
    odd(wire, name)
    before = values(wire)
    shown = wire.run({"settings": {name: 1}}, section="kernel_settings", proc=True, persist=False, check=True)
    done = change(wire, {name: 1})
    assert shown == done and "0" == before[sysctl_path(name)[len("/proc/sys/net/") :]]
    assert before != values(wire)
    after = values(wire)
    assert change(wire, {name: 1})["result"]["changed"] is False and after == values(wire)
    assert change(wire, {}, state="absent")["result"]["changed"]
    assert before == values(wire)
    assert "the host is as before." in change(wire, {name: 1, **REFUSED})["error"]
    assert before == values(wire)
    assert [] == list((wire.tree / "var/lib/front-tier").iterdir())
    done = change(wire, {name: 1})["result"]
    steps = [Step("sysctl", one, done["before"][one], done["after"][one]) for one in (step.split()[1] for step in done["steps"])]
    (wire.tree / "var/lib/front-tier/sets.json").unlink()
    wire.put(transaction.JOURNAL, json.dumps({"version": transaction.VERSION, "steps": steps}))
    assert ["An earlier change did not end; its %d steps were undone first." % len(steps)] == change(wire, {})["result"]["warnings"]
    assert before == values(wire)


def test_an_ordinary_host_sees_one_step(wire):
    """What comes and goes with the sysctl itself is left to the kernel."""
    before = values(wire)
    assert ["sysctl net.ipv4.ip_forward"] == change(wire, {"net.ipv4.ip_forward": 1})["result"]["steps"]
    assert change(wire, {}, state="absent")["result"]["changed"]
    assert before == values(wire)


def test_trap_an_interface_that_is_to_differ_from_all(wire):
    """A value that is asked for, in the same call, in another section's set or before, is not lost to what the kernel writes along."""
    before = values(wire)
    own = {"net.ipv4.conf.web0/100.forwarding": 0}
    both = {"net.ipv4.ip_forward": 1, **own}
    for name, settings in (("front-tier", both), ("interface", own)):
        assert "result" in change(wire, settings, name=name)
        assert "0" == values(wire)["ipv4/conf/web0.100/forwarding"]
    assert change(wire, both)["result"]["changed"] is False
    assert change(wire, {}, state="absent")["result"]["changed"]
    assert before == values(wire)
    assert change(wire, {"net.ipv4.ip_forward": 1}, name="all")["result"]["changed"]
    assert ("0", "1") == tuple(values(wire)["ipv4/conf/%s/forwarding" % one] for one in ("web0.100", "front0"))
    for name in ("interface", "all"):
        assert "result" in change(wire, {}, state="absent", name=name)
    assert before == values(wire)


def test_trap_an_interface_taken_over_after_the_others_were_written(wire):
    """What was taken over while our value was in force goes back to what it was before that, when both end at once."""
    odd(wire, "net.ipv4.ip_forward")
    before = values(wire)
    assert "result" in change(wire, {"net.ipv4.ip_forward": 1})
    assert "result" in change(
        wire, {"net.ipv4.ip_forward": 1, "net.ipv4.conf.front0.forwarding": 0, "net.ipv4.conf.web0/100.forwarding": 0}
    )
    assert change(wire, {}, state="absent")["result"]["changed"]
    assert before == values(wire)


@pytest.mark.parametrize("interface", ["front0", "all"])
def test_trap_disable_ipv6_takes_addresses_that_do_not_come_back(wire, interface):
    """Refused with the addresses, switching off and on for all; without any it can be done, and is undone."""
    name = "net.ipv6.conf.%s.disable_ipv6" % interface
    wire.ip("addr add fd77::1/64 dev front0 nodad")
    before = values(wire), wire.addresses()
    error = change(wire, {name: 1})["error"]
    assert error.startswith("settings: %s 1: with IPv6 off, fd77::1/64 of front0 would be gone for good" % name)
    assert error.endswith("Nothing was changed.") and before == (values(wire), wire.addresses())
    wire.ip("addr del fd77::1/64 dev front0")
    before = values(wire)
    assert change(wire, {name: 1})["result"]["changed"]
    assert change(wire, {}, state="absent")["result"]["changed"]
    assert before == values(wire)
    if interface == "all":
        put(wire, name, "1")
        put(wire, "net.ipv6.conf.front0.disable_ipv6", "0")
        wire.ip("addr add fd77::1/64 dev front0 nodad")
        assert "fd77::1/64 of front0 would be gone for good" in change(wire, {name: 0})["error"]  # its undo would take it away


ADVERTISE = """
import socket, struct, sys
one = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("back0"))
one.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, socket.if_nametoindex("back0")))
"""


def advertised(wire):
    """Have the neighbour advertise itself as a router until the host has a default route by it; return that."""
    until = time.monotonic() + 30
    while True:
        wire.inside([sys.executable, "-c", ADVERTISE], wire.there)
        time.sleep(0.2)
        routes = wire.inside(["ip", "-6", "route", "show", "default"]).stdout
        if routes or time.monotonic() > until:
            return routes


@pytest.mark.parametrize("interface", ["all", "front0", "web1"])
def test_trap_routes_by_router_advertisements_end_with_forwarding(wire, interface):
    """Refused with the route and the remedy, also for another interface or the next boot; with accept_ra 2 in the same call it is done."""
    name, accept = "net.ipv6.conf.%s.forwarding" % interface, "net.ipv6.conf.front0.accept_ra"
    put(wire, accept, "1")
    assert "proto ra" in advertised(wire)
    before = values(wire)
    for how in ({}, {"live": False, "persist": True}):
        error = wire.run({"settings": {name: 1}, "persist": False, **how}, section="kernel_settings", proc=True)["error"]
        assert error.startswith(
            "settings: %s 1: a host that forwards takes no routes from routers, and front0 would lose default via fe80::" % name
        )
        assert error.endswith("Set %s to 2 as well, with which it goes on taking them. Nothing was changed." % accept)
        assert before == values(wire)
    assert change(wire, {name: 1, accept: 2})["result"]["changed"]
    assert "proto ra" in wire.inside(["ip", "-6", "route", "show", "default"]).stdout
    assert change(wire, {}, state="absent")["result"]["changed"]
    assert before == values(wire)
    assert "proto ra" in advertised(wire)


@pytest.mark.parametrize("interface", ["all", "front0", "web1"])
def test_the_kernel_forgets_such_routes(wire, interface):
    """What the refusal is about: written by hand, the route is gone, whichever interface is meant, and no old value brings it back."""
    put(wire, "net.ipv6.conf.front0.accept_ra", "1")
    assert advertised(wire)
    for value in ("1", "0"):
        put(wire, "net.ipv6.conf.%s.forwarding" % interface, value)
        assert not wire.inside(["ip", "-6", "route", "show", "default"]).stdout


@pytest.mark.parametrize("interface", ["all", "front0"])
def test_a_host_that_forwards_hears_no_routers(wire, interface):
    """With accept_ra 1, advertisements bring no route as long as the interface forwards."""
    put(wire, "net.ipv6.conf.front0.accept_ra", "1")
    assert advertised(wire)
    put(wire, "net.ipv6.conf.%s.forwarding" % interface, "1")
    wire.inside([sys.executable, "-c", ADVERTISE], wire.there)
    time.sleep(0.5)
    assert not wire.inside(["ip", "-6", "route", "show", "default"]).stdout
