# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""secondary_interfaces on a real wire: two network namespaces, a veth pair, a neighbour; read back with `ip`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import transaction
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Step
from ansible_collections.c10m.front_tier.plugins.module_utils._read.connections import read_connections
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.ssh import read_ssh_addresses, sshd_ports
from tests.addresses.wire import Wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces with a veth pair")
DROP_IN = "/etc/systemd/network/20-front.network.d/50-front-tier.conf"
HOLD = """
import socket, sys, time
where, port = sys.argv[1], int(sys.argv[2])
server = socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET)
server.bind((where, port)); server.listen()
client = socket.socket(server.family)
client.bind((sys.argv[3], 0)); client.connect((where, port))
held = server.accept()
print("held", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def wire(tmp_path):
    """Return a host with a neighbour, which ends with the test."""
    made = Wire(tmp_path)
    yield made
    made.close()


@pytest.fixture
def hold(wire):
    """Return hold(listening address, port, source): a connection inside the host, which ends with the test or when it is called."""
    running = []

    def start(where, port, source):
        command = ["nsenter", "--net=" + wire.here, sys.executable, "-c", HOLD, where, str(port), source]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(holder)
        assert holder.stdout.readline() == "held\n"
        return holder

    yield start
    for holder in running:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def seen(wire):
    """Return what the host has: addresses, interfaces, routes, files."""
    files = {
        str(path.relative_to(wire.tree)): path.read_text()
        for path in sorted(wire.tree.rglob("*"))
        if path.is_file() and path.name != "front-tier.lock"
    }
    addresses = {name: {key: one[key] for key in one if not key.endswith("life_time")} for name, one in wire.addresses().items()}
    return addresses, sorted(wire.links()), wire.routes(), files


def test_addresses_come_and_go(wire):
    """Added live and in a file, the same in check mode; again nothing; one less goes; absent brings everything back."""
    before = seen(wire)
    wanted = {"interface": "front0", "addresses": ["10.77.0.10-10.77.0.12", "10.77.0.20/24", "fd77::10"], "duplicate_check": True}
    shown = wire.run(wanted, check=True)["result"]
    assert before == seen(wire)
    done = wire.run(wanted)["result"]
    assert shown == done and done["changed"] and not done["warnings"]
    have = wire.addresses("front0")
    assert {"10.77.0.1/24", "fd77::1/64", "10.77.0.10/32", "10.77.0.11/32", "10.77.0.12/32", "10.77.0.20/24", "fd77::10/128"} == set(have)
    assert have["fd77::10/128"]["deprecated"] and have["fd77::10/128"]["nodad"] and have["fd77::10/128"]["preferred_life_time"] == 0
    assert "tentative" not in have["fd77::10/128"] and have["fd77::10/128"]["valid_life_time"] == (1 << 32) - 1
    assert wire.text(DROP_IN).count("Address=10.77.0.") == 4 and "Address=fd77::10/128\nPreferredLifetime=0\n" in wire.text(DROP_IN)
    for check in (True, False):
        assert wire.run(wanted, check=check)["result"]["changed"] is False
    assert wire.run(wanted, addresses=["10.77.0.10"])["result"]["changed"]
    assert {"10.77.0.1/24", "fd77::1/64", "10.77.0.10/32"} == set(wire.addresses("front0"))
    assert "10.77.0.11" not in wire.text(DROP_IN)
    assert wire.run(state="absent")["result"]["changed"]
    assert before == seen(wire)
    assert wire.run(state="absent")["result"]["changed"] is False


def test_nothing_else_takes_the_new_addresses(wire):
    """A connection that asks for no source keeps the host's own address, in both families; one that binds gets the new one."""
    assert "result" in wire.run(interface="front0", addresses=["10.77.0.10/24", "fd77::10/64"], duplicate_check=True)
    script = "import socket,sys;s=socket.socket({});{}s.connect((sys.argv[1],9));print(s.getsockname()[0])"
    for family, other, own, new in (("2,2", "10.77.0.2", "10.77.0.1", "10.77.0.10"), ("10,2", "fd77::2", "fd77::1", "fd77::10")):
        for bind, source in (("", own), (f"s.bind(('{new}',0));", new)):
            assert source + "\n" == wire.inside([sys.executable, "-c", script.format(family, bind), other]).stdout


def test_trap_address_in_use_by_a_neighbour(wire):
    """What a neighbour answers for is refused in both families, all of it named, and nothing is added."""
    before = seen(wire)
    wire.ip("addr add 10.77.0.30/32 dev back0", where=wire.there)
    answer = wire.run(interface="front0", addresses=["10.77.0.29-10.77.0.31", "fd77::2", "fd77::3"], duplicate_check=True)
    assert "10.77.0.30 is in use by " in answer["error"] and "fd77::2 is in use by " in answer["error"]
    assert "10.77.0.29" not in answer["error"] and "fd77::3" not in answer["error"]
    assert answer["error"].endswith("Nothing was changed.")
    assert before == seen(wire)
    assert "result" in wire.run(interface="front0", addresses=["10.77.0.30"], duplicate_check=False)


def test_probes_leave_no_trace_at_the_neighbour(wire):
    """A probe claims nothing: the neighbour learns no address from it."""
    assert "result" in wire.run(interface="front0", addresses=["10.77.0.40", "fd77::40"], duplicate_check=True, check=True)
    known = json.loads(wire.inside(["ip", "-j", "neigh", "show", "dev", "back0"], wire.there).stdout or "[]")
    assert not {"10.77.0.40", "fd77::40", "0.0.0.0"} & {row["dst"] for row in known}


def test_where_nobody_can_be_asked(wire):
    """Without carrier, and without CAP_NET_RAW, the check is left out with the reason, and IPv6 makes its own."""
    wire.ip("link set back0 down", where=wire.there)
    done = wire.run(interface="front0", addresses=["10.77.0.10", "fd77::10"], duplicate_check=True)["result"]
    assert ["duplicate_check: nobody could be asked on front0: it has no carrier. The addresses were not checked."] == done["warnings"]
    assert "nodad" not in wire.addresses()["fd77::10/128"]
    wire.ip("link set back0 up", where=wire.there)
    time.sleep(0.2)
    code = "import sys;sys.path[:0]=%r\nfrom tests.addresses import test_addresses_on_a_wire as t;t.ask_without()" % [
        os.getcwd(),
        *sys.path,
    ]
    done = wire.inside(["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", code])
    assert "{'front0': 'no CAP_NET_RAW'} set()" in done.stdout, done.stderr


def ask_without():
    """Ask on the wire; run in a process without CAP_NET_RAW."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.duplicates import find_duplicates
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.links import read_links

    found = find_duplicates({"front0": ["10.77.0.10"]}, read_links())
    print(found.skipped, found.asked)


def test_addresses_that_were_there_stay(wire):
    """They are not asked for, not changed, not ours: absent leaves them, and no answer of a neighbour matters."""
    wire.ip("addr add 10.77.0.50/24 dev front0", "addr add fd77::50/64 dev front0 nodad")
    wire.ip("addr add 10.77.0.50/32 dev back0", where=wire.there)
    before = seen(wire)
    done = wire.run(interface="front0", addresses=["10.77.0.50", "fd77::50", "10.77.0.51"], duplicate_check=True)["result"]
    assert ["front0 10.77.0.51/32"] == [name for name in done["after"] if name.startswith("front0")]
    assert {"10.77.0.50/24", "fd77::50/64"} < set(wire.addresses("front0"))
    assert wire.run(state="absent")["result"]["changed"]
    assert before == seen(wire)


def test_an_address_that_another_changed_is_left(wire):
    """What others did to an address since stays, and is returned; one that they took away is no failure."""
    assert "result" in wire.run(interface="front0", addresses=["10.77.0.60", "fd77::60"])
    wire.ip("addr del 10.77.0.60/32 dev front0", "addr change fd77::60/128 dev front0 preferred_lft forever valid_lft forever")
    done = wire.run(state="absent")["result"]
    assert ["fd77::60/128"] == [one["name"].split()[1] for one in done["left"]]
    assert {"10.77.0.1/24", "fd77::1/64", "fd77::60/128"} == set(wire.addresses("front0"))


def test_trap_address_already_on_another_interface(wire):
    """An address that another interface has is refused before anything is asked or added."""
    wire.ip("link add other0 type veth peer name other1", "addr add 10.77.0.70/32 dev other0")
    before = seen(wire)
    answer = wire.run(interface="front0", addresses=["10.77.0.70", "10.77.0.71"])
    assert answer["error"].startswith("addresses: 10.77.0.70 is on other0 already.")
    assert before == seen(wire)


def test_trap_interface_that_vanishes(wire):
    """One that is not there is refused with those that are; one that went since is no failure of absent."""
    answer = wire.run(interface="front9", addresses=["10.77.0.10"])
    assert "interface front9 is not on this host, which has front0, lo. " in answer["error"]
    wire.ip("link add other0 type veth peer name other1", "link set other0 up")
    assert "result" in wire.run(interface="other0", addresses=["10.77.9.10"], persist=False)
    wire.ip("link del other0")
    assert wire.run(state="absent")["result"]["left"] == []
    assert [] == list((wire.tree / "var/lib/front-tier").iterdir())


def test_trap_1000_addresses(wire):
    """1,024 addresses in one call: all there, well under 3 s with the probe round, again nothing, and all gone."""
    before = seen(wire)
    wanted = {"interface": "front0", "addresses": ["10.78.0.1-10.78.4.0"], "duplicate_check": True}
    started = time.monotonic()
    assert "result" in wire.run(wanted)
    took = time.monotonic() - started
    assert len(wire.addresses("front0")) == 1026
    assert wire.run(wanted)["result"]["changed"] is False
    assert "result" in wire.run(state="absent")
    assert before == seen(wire)
    print("1,024 addresses, with the start of Python and the probe round: %.2f s" % took)
    assert took < 10  # the bench measures; here other work may run beside


def test_in_use_refuse_drain_drop(wire, hold):
    """Connections decide: refuse changes nothing, drain takes what is free and the rest later, drop takes all."""
    wanted = {"interface": "front0", "addresses": ["10.77.0.10", "10.77.0.11"]}
    assert "result" in wire.run(wanted)
    holder = hold("10.77.0.1", 7000, "10.77.0.10")
    before = seen(wire)
    answer = wire.run(state="absent")
    assert answer["error"].startswith("in_use: 10.77.0.10/32 carries 1 connections. ") and before == seen(wire)
    assert "in_use" in wire.run(wanted, addresses=["10.77.0.11"])["error"]
    done = wire.run(state="absent", in_use="drain")["result"]
    assert done["not_applied"] == ["10.77.0.10/32 still carries 1 connections: a later run takes it away once they have ended"]
    assert {"10.77.0.1/24", "fd77::1/64", "10.77.0.10/32"} == set(wire.addresses("front0"))
    assert not (wire.tree / DROP_IN[1:]).exists()
    assert wire.run(state="absent", in_use="drain")["result"]["changed"] is False
    holder.kill()
    holder.wait()
    assert wire.run(state="absent")["result"]["changed"]
    assert {"10.77.0.1/24", "fd77::1/64"} == set(wire.addresses("front0"))
    assert "result" in wire.run(wanted)
    hold("10.77.0.1", 7001, "10.77.0.11")
    assert wire.run(state="absent", in_use="drop")["result"]["changed"]
    assert {"10.77.0.1/24", "fd77::1/64"} == set(wire.addresses("front0"))


@pytest.mark.parametrize("family", ["10.77.0.10", "fd77::10"])
def test_addresses_of_logins_are_never_touched(wire, hold, family):
    """The local address of a connection to sshd's port stays, also with drop."""
    assert "result" in wire.run(interface="front0", addresses=[family], duplicate_check=True)  # without, IPv6 cannot be bound to yet
    hold(family, 22, "10.77.0.1" if "." in family else "fd77::1")
    before = seen(wire)
    answer = wire.run(state="absent", in_use="drop")
    assert "somebody is logged in over " + family in answer["error"] and before == seen(wire)
    assert wire.run(state="absent", in_use="drain")["result"]["not_applied"]


def test_addresses_of_a_cluster_are_refused(wire):
    """What keepalived names is not added."""
    wire.put("/etc/keepalived/keepalived.conf", "virtual_ipaddress {\n 10.77.0.10/32 dev front0\n}\n")
    assert "10.77.0.10 is named in /etc/keepalived/keepalived.conf" in wire.run(interface="front0", addresses=["10.77.0.10"])["error"]


def test_ipv6_that_is_switched_off(wire):
    """Where IPv6 is off, an IPv6 address is refused before anything is written."""
    wire.put("/proc/sys/net/ipv6/conf/front0/disable_ipv6", "1\n")
    answer = wire.run(interface="front0", addresses=["fd77::10"])
    assert "IPv6 is switched off on front0" in answer["error"]
    assert "result" in wire.run(interface="front0", addresses=["10.77.0.10"])


def test_trap_ipv6_switched_off_for_interfaces_that_are_still_to_be_made(wire):
    """An interface of ours takes over the switch of `default`; once it is there, its own counts."""
    wire.put("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1\n")
    wanted = {"interface": "front0", "kind": "macvlan", "persist": False}
    before = seen(wire)
    answer = wire.run(wanted, addresses=["10.77.0.10", "fd77::10"])
    assert "addresses: IPv6 is switched off on front0-ft (net.ipv6.conf.default.disable_ipv6)." in answer["error"]
    assert before == seen(wire)
    assert "result" in wire.run(wanted, addresses=["10.77.0.10"])
    wire.put("/proc/sys/net/ipv6/conf/front0-ft/disable_ipv6", "0\n")
    assert "result" in wire.run(wanted, addresses=["10.77.0.10", "fd77::10"])
    assert "fd77::10/128" in wire.addresses("front0-ft")


@pytest.mark.parametrize(
    ("address", "route", "why"),
    [
        ("10.90.0.1/24", "192.0.2.0/24 via 10.90.0.9 dev front0", "10.90.0.1/24"),
        ("10.90.0.1/32", "192.0.2.0/24 dev front0 src 10.90.0.1", "10.90.0.1/32"),
        ("10.90.0.1/32", "192.0.2.0/24 dev front0 src 10.90.0.1 table 77", "10.90.0.1/32"),
        ("fd90::1/64", "2001:db8::/64 via fd90::9 dev front0", "fd90::1/64"),
        ("fd90::1/128", "2001:db8::/64 dev front0 src fd90::1", "fd90::1/128"),
    ],
)
def test_trap_routes_of_others_that_need_an_address_of_ours(wire, address, route, why):
    """A route through the network of an address, or with it as its source, would go without a word: refused, with the route."""
    assert "result" in wire.run(interface="front0", addresses=[address], duplicate_check=True)
    wire.ip("route add " + route)
    before = seen(wire)
    answer = wire.run(state="absent")
    assert answer["error"].startswith("addresses: the route %s needs %s, which goes. Take that route away first" % (route, why)), answer
    assert before == seen(wire)
    wire.ip("route del " + route)
    assert wire.run(state="absent")["result"]["changed"]


@pytest.mark.parametrize("hops", ["via 10.77.0.9 dev front0", "nexthop via 10.77.0.8 dev front0 nexthop via 10.77.0.9 dev front0"])
def test_trap_the_address_of_a_gateway(wire, hops):
    """The address of a gateway is refused, also where a route has several of them."""
    wire.ip("route add 192.0.2.0/24 " + hops)
    assert "10.77.0.9/32 is the gateway 10.77.0.9" in wire.run(interface="front0", addresses=["10.77.0.9"], persist=False)["error"]


def test_trap_routes_that_go_with_the_last_address_or_the_interface(wire):
    """With its last IPv4 address an interface loses all its IPv4 routes, and with itself all of them, also with several next hops."""
    wire.ip("link add other0 type veth peer name other1", "link set other0 up", "link set other1 up")
    assert "result" in wire.run(interface="other0", addresses=["10.91.0.1", "10.91.0.2"], persist=False)
    wire.ip("route add 192.0.2.0/24 nexthop dev other0 nexthop via 10.77.0.9 dev front0")
    assert "result" in wire.run(interface="other0", addresses=["10.91.0.1"], persist=False)
    error = wire.run(state="absent")["error"]
    assert "via 10.77.0.9 dev other0 dev front0 needs 10.91.0.1/32, the last IPv4 address of other0, which goes" in error
    wire.ip("route del 192.0.2.0/24", "addr add 10.91.0.9/32 dev other0", "route add 192.0.3.0/24 dev other0")
    assert wire.run(state="absent")["result"]["changed"]
    assert "192.0.3.0/24 dev other0" in wire.inside(["ip", "route"]).stdout
    assert "result" in wire.run(interface="front0", kind="macvlan", addresses=["10.77.0.10"], persist=False)
    wire.ip("route add 2001:db8::/64 dev front0-ft")
    assert "the route 2001:db8::/64 dev front0-ft needs interface front0-ft, which goes." in wire.run(state="absent")["error"]
    wire.ip("route del 2001:db8::/64 dev front0-ft")
    assert wire.run(state="absent")["result"]["changed"]


def test_trap_routes_of_others_that_an_undo_takes_along_are_named(wire):
    """A change that did not end is undone with what others have built on it since, and says so."""
    wire.ip("addr add 10.90.0.1/32 dev front0", "route add 192.0.2.0/24 dev front0 src 10.90.0.1")
    journal(wire, Step("address", "front0 10.90.0.1/32", None, {"lifetime": "forever", "nodad": False}))
    warnings = wire.run(interface="front0", addresses=["10.77.0.10"])["result"]["warnings"]
    assert warnings == [
        "An earlier change did not end; its 1 steps were undone first; what is not as before: "
        "route 192.0.2.0/24 dev front0 src 10.90.0.1: it went with an address or interface of the change."
    ]


def journal(wire, *steps):
    """Put the journal of a change that did not end onto the host."""
    wire.put(transaction.JOURNAL, json.dumps({"version": transaction.VERSION, "steps": steps}))


def test_trap_journal_whose_carriers_are_gone(wire):
    """What went with its interface, its parent or its folder counts as undone, and what others fill stays: the next run goes on."""
    address = {"lifetime": "forever", "nodad": False}
    journal(
        wire,
        Step("folder", "/etc/ours.d", None, 0o755),
        Step("file", "/etc/removed.d/50-x.conf", {"text": "x\n", "mode": 0o644, "uid": 0, "gid": 0, "context": None}, None),
        Step("sysctl", "net.ipv4.conf.gone0.rp_filter", "0", "2"),
        Step("link", "gone0-ft", {"type": "macvlan", "parent": "gone0"}, None),
        Step("address", "gone0 10.95.0.1/32", address, None),
        Step("address", "front0 10.95.0.2/32", address, None),
        Step("local_route", "gone0 10.94.0.0/24", {"type": "local"}, None),
        Step("route", "inet table 100 default", "dev gone0", None),
    )
    wire.put("/etc/ours.d/theirs.conf", "kept\n")
    done = wire.run(interface="front0", addresses=["10.77.0.10"])["result"]
    (warning,) = done["warnings"]
    assert warning.startswith("An earlier change did not end; its 8 steps were undone first; what is not as before: ")
    assert warning.split(": ", 1)[1].split("; ") == [
        "route inet table 100 default: it is gone, with the interface gone0",
        "local_route gone0 10.94.0.0/24: it is gone, with the interface gone0",
        "address gone0 10.95.0.1/32: it is gone, with the interface gone0",
        "link gone0-ft: it is gone, with the interface gone0",
        "sysctl net.ipv4.conf.gone0.rp_filter: it is gone, with the interface or the module that it was of",
        "file /etc/removed.d/50-x.conf: it is gone, with the folder that it was in",
        "folder /etc/ours.d: it stays, since others have put something into it.",
    ]
    assert "10.95.0.2/32" in wire.addresses("front0") and "kept\n" == wire.text("/etc/ours.d/theirs.conf")
    assert not os.path.exists(str(wire.tree) + transaction.JOURNAL)
    assert wire.run(interface="front0", addresses=["10.77.0.10"])["result"]["warnings"] == []


def test_secondaries_of_others_are_not_lost(wire):
    """The first address of a network that others are in is not taken away from under them."""
    assert "result" in wire.run(interface="front0", addresses=["10.90.0.1/24"])
    wire.ip("addr add 10.90.0.2/24 dev front0")
    before = seen(wire)
    answer = wire.run(state="absent")
    assert "10.90.0.1/24 would take 10.90.0.2/24 with it" in answer["error"] and before == seen(wire)
    wire.put("/proc/sys/net/ipv4/conf/all/promote_secondaries", "1\n")
    assert wire.inside(["sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1"]).returncode == 0
    assert wire.run(state="absent")["result"]["changed"]
    assert "10.90.0.2/24" in wire.addresses("front0")


def test_another_prefix_for_an_address_of_ours(wire):
    """An address may get another prefix: IPv6 has none twice, so the old one goes first."""
    for prefix in ("", "/24"), ("", "/64"):
        address = "10.77.0.10" if prefix[1] == "/24" else "fd77::10"
        assert "result" in wire.run(interface="front0", addresses=[address])
        assert wire.run(interface="front0", addresses=[address + prefix[1]])["result"]["changed"]
        assert address + prefix[1] in wire.addresses("front0")
        assert len(wire.addresses("front0")) == 3
    assert "result" in wire.run(state="absent")


def test_macvlan(wire):
    """An interface of its own comes up with its addresses, answers on the wire, and goes with them, but not with those of others."""
    before = seen(wire)
    assert "result" in wire.run(interface="front0", kind="macvlan", addresses=["10.77.0.10", "fd77::10"])
    links = wire.links()
    assert links["front0-ft"]["linkinfo"]["info_kind"] == "macvlan" and links["front0-ft"]["link"] == "front0"
    assert "UP" in links["front0-ft"]["flags"]
    assert "0\n" == wire.inside(["cat", "/proc/sys/net/ipv6/conf/front0-ft/accept_ra"]).stdout
    assert {"10.77.0.10/32", "fd77::10/128"} == set(wire.addresses("front0-ft"))
    reach = "import socket\ns=socket.socket();s.settimeout(3);s.connect(('10.77.0.10',9))"
    assert "ConnectionRefusedError" in wire.inside([sys.executable, "-c", reach], wire.there).stderr  # it answers: nothing listens
    assert "MACVLAN=front0-ft" in wire.text(DROP_IN)
    wire.ip("addr add 10.77.0.80/32 dev front0-ft")
    assert "front0-ft has 10.77.0.80/32, which is not of this set" in wire.run(state="absent")["error"]
    wire.ip("addr del 10.77.0.80/32 dev front0-ft")
    assert wire.run(state="absent")["result"]["changed"]
    assert before == seen(wire)


def test_dummy(wire, hold):
    """An interface that is on no wire comes up with its addresses, and goes with the last of them."""
    if wire.inside(["ip", "link", "add", "try0", "type", "dummy"]).returncode:
        pytest.skip("this kernel has no dummy interfaces")
    wire.ip("link del try0")
    before = seen(wire)
    wanted = {"interface": "web0", "kind": "dummy", "addresses": ["10.98.0.1-10.98.0.3"]}
    done = wire.run(wanted, backend="networkd")["result"]
    assert done["warnings"] == [] and wire.links()["web0"]["linkinfo"]["info_kind"] == "dummy"
    assert wire.run(wanted, backend="networkd")["result"]["changed"] is False
    hold("10.98.0.1", 7000, "10.98.0.2")
    assert "carries 1 connections" in wire.run(state="absent")["error"]
    assert wire.run(state="absent", in_use="drain")["result"]["not_applied"]
    assert {"10.98.0.1/32", "10.98.0.2/32"} == set(wire.addresses("web0"))
    assert wire.run(state="absent", in_use="drop")["result"]["changed"]
    assert before == seen(wire)


def test_a_dummy_of_somebody_else(wire):
    """One that was there is used and stays; another kind of interface of that name is refused."""
    if wire.inside(["ip", "link", "add", "web0", "type", "dummy"]).returncode:
        pytest.skip("this kernel has no dummy interfaces")
    wire.ip("link set web0 up", "addr add 10.98.0.9/32 dev web0")
    before = seen(wire)
    assert "result" in wire.run(interface="web0", kind="dummy", addresses=["10.98.0.1"], persist=False)
    assert "result" in wire.run(state="absent")
    assert before == seen(wire)


def test_a_name_that_is_taken(wire):
    """An interface that is there and is no dummy never becomes one; where the kernel has none to give, the host is as before."""
    before = seen(wire)
    assert "front0 is there already, and is no dummy" in wire.run(interface="front0", kind="dummy", addresses=["10.98.0.1"])["error"]
    answer = wire.run(interface="web0", kind="dummy", addresses=["10.98.0.1"])
    if "error" in answer:
        assert answer["error"].endswith("Unknown device type. All of it was undone: the host is as before.")
        assert before == seen(wire)


def test_local_routes(wire, hold):
    """A whole prefix becomes local by one route; every address in it can be bound to; absent takes it away."""
    before = seen(wire)
    wanted = {"interface": "lo", "kind": "local_route", "addresses": ["10.99.0.0/24", "fd99::/64"]}
    done = wire.run(wanted)["result"]
    assert {"lo 10.99.0.0/24", "lo fd99::/64"} == wire.routes() and done["changed"]
    assert "Type=local" in wire.text("/etc/systemd/network/50-front-tier-lo.network")
    assert wire.run(wanted)["result"]["changed"] is False
    holder = hold("10.99.0.7", 7000, "10.99.0.254")
    assert "10.99.0.0/24 carries 2 connections" in wire.run(state="absent")["error"]
    holder.kill()
    holder.wait()
    assert wire.run(state="absent")["result"]["changed"]
    assert before == seen(wire)
    assert "holds the network 10.77.0.1/24 of front0" in wire.run(wanted, addresses=["10.77.0.0/24"])["error"]


def test_together_with_other_sections(wire):
    """host_config takes a list; two interfaces and a sysctl are one transaction, and one bad address undoes the thought of all of it."""
    wire.put("/proc/sys/net/core/somaxconn", "4096\n")
    before = seen(wire)
    one = {
        "interface": "front0",
        "addresses": ["10.77.0.10"],
        "kind": "address",
        "backend": "auto",
        "duplicate_check": True,
        "in_use": "refuse",
    }
    two = dict(one, interface="lo", addresses=["10.97.0.0/24"], kind="local_route", backend="networkd")
    params = {"kernel_settings": {"settings": {"net.core.somaxconn": 65535}}, "secondary_interfaces": [one, two]}
    bad = dict(params, secondary_interfaces=[one, dict(two, addresses=["10.97.0.9/24"])])
    answer = wire.run(bad, section=None)
    assert answer["error"].startswith("secondary_interfaces[1].addresses '10.97.0.9/24': it has bits behind its prefix") and before == seen(
        wire
    )
    assert "result" in wire.run(params, section=None)
    assert "10.77.0.10/32" in wire.addresses("front0") and "lo 10.97.0.0/24" in wire.routes()
    assert "65535" == wire.text("/proc/sys/net/core/somaxconn").strip()
    assert wire.run(params, section=None)["result"]["changed"] is False
    assert "result" in wire.run(section=None, state="absent")
    assert before[:3] == seen(wire)[:3]


def test_two_sets_share_an_address(wire):
    """What two sets want stays until the last of them ends."""
    assert "result" in wire.run(name="a", interface="front0", addresses=["10.77.0.10", "10.77.0.11"])
    assert "result" in wire.run(name="b", interface="front0", addresses=["10.77.0.10"])
    assert "result" in wire.run(name="a", state="absent")
    assert {"10.77.0.1/24", "fd77::1/64", "10.77.0.10/32"} == set(wire.addresses("front0"))
    assert "result" in wire.run(name="b", state="absent")
    assert {"10.77.0.1/24", "fd77::1/64"} == set(wire.addresses("front0"))


def test_live_and_persist_by_themselves(wire):
    """persist: false writes no file and looks for no manager; live: false writes the file alone."""
    (wire.tree / "run/systemd/netif/state").unlink()
    for path in (wire.tree / "run/systemd/netif/links").iterdir():
        path.unlink()
    (wire.tree / "etc/systemd/network/20-front.network").rename(wire.tree / "20-front.network")
    wanted = {"interface": "front0", "addresses": ["10.77.0.10"]}
    assert "managed by none of" in wire.run(wanted)["error"]
    assert "result" in wire.run(wanted, persist=False)
    assert "10.77.0.10/32" in wire.addresses("front0") and not (wire.tree / DROP_IN[1:]).exists()
    assert "result" in wire.run(state="absent")
    (wire.tree / "20-front.network").rename(wire.tree / "etc/systemd/network/20-front.network")
    wire.put("/run/systemd/netif/state", "")
    assert "result" in wire.run(wanted, live=False)
    assert "10.77.0.10/32" not in wire.addresses("front0") and "10.77.0.10/32" in wire.text(DROP_IN)


def test_what_the_scripts_do(wire):
    """The dispatcher script and the commands of ifupdown's stanza, run as their managers would, bring all back and take all away."""
    wanted = {"interface": "front0", "addresses": ["10.77.0.10-10.77.0.50", "fd77::10"], "live": False, "name": "web"}
    (wire.tree / "run/systemd/netif/state").unlink()
    wire.put("/run/network/ifstate", "front0=front0\n")
    wire.put("/etc/network/interfaces", "source interfaces.d/*\n")
    assert "result" in wire.run(wanted, backend="networkmanager")
    script = str(wire.tree / "etc/NetworkManager/dispatcher.d/50-web")
    for arguments, count in ((["front0", "down"], 2), (["other0", "up"], 2), (["front0", "up"], 44), (["front0", "up"], 44)):
        assert wire.inside([script, *arguments]).returncode == 0
        assert count == len(wire.addresses("front0"))
    assert wire.addresses()["fd77::10/128"]["deprecated"]
    assert "result" in wire.run(wanted, backend="ifupdown")
    assert not os.path.exists(script)
    stanza = wire.text("/etc/network/interfaces.d/50-web").splitlines()
    for verb, count in (("down", 2), ("up", 44), ("down", 2)):
        commands = [line.split(None, 1)[1] for line in stanza if line.split(None, 1)[0] == verb]
        assert commands and wire.inside(["sh", "-ec", "\n".join(commands)]).returncode == 0
        assert count == len(wire.addresses("front0"))


def test_a_second_run_rewrites_nothing(wire):
    """The file keeps its inode and its times, the record too."""
    wanted = {"interface": "front0", "addresses": ["10.77.0.10"]}
    assert "result" in wire.run(wanted)
    paths = [wire.tree / DROP_IN[1:], wire.tree / "var/lib/front-tier/sets.json"]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths]
    assert wire.run(wanted)["result"]["steps"] == []
    assert before == [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths]


def test_one_bad_address_among_good_ones(wire):
    """One that is wrong refuses all of them."""
    before = seen(wire)
    answer = wire.run(interface="front0", addresses=["10.77.0.10", "10.77.0.255", "10.77.0.12"])
    assert "addresses: 10.77.0.255 is the broadcast address of 10.77.0.0/24. Leave it out. Nothing was changed." == answer["error"]
    assert before == seen(wire)


def test_a_leased_address_stays_with_its_lease(wire):
    """One that ends is not written into a file, and becomes no permanent one; a permanent one of others is kept over a restart."""
    wire.ip("addr add 10.77.0.90/24 dev front0 valid_lft 600 preferred_lft 300", "addr add 10.77.0.91/24 dev front0")
    before = seen(wire)
    done = wire.run(interface="front0", addresses=["10.77.0.90", "10.77.0.91"])["result"]
    assert ["10.77.0.90/24 on front0 is leased, and stays with whoever leases it: no file of ours keeps it"] == done["not_applied"]
    assert "10.77.0.91/24" in wire.text(DROP_IN) and "10.77.0.90" not in wire.text(DROP_IN)
    assert wire.addresses()["10.77.0.90/24"]["valid_life_time"] <= 600
    assert "result" in wire.run(state="absent")
    assert before == seen(wire)


def test_in_use_in_a_list(wire, hold):
    """In host_config each element says for its own interface what to do with addresses in use; without a word it is refuse."""
    one = {"interface": "front0", "addresses": ["10.77.0.10"], "kind": "address", "backend": "auto", "duplicate_check": False}
    wanted = {"secondary_interfaces": [dict(one, in_use="refuse")]}
    assert "result" in wire.run(wanted, section=None)
    hold("10.77.0.1", 7000, "10.77.0.10")
    assert "in_use: 10.77.0.10/32 carries 1 connections" in wire.run(section=None, state="absent")["error"]
    gone = {"secondary_interfaces": [dict(one, addresses=[], in_use="drain")]}
    assert wire.run(gone, section=None)["result"]["not_applied"]
    gone["secondary_interfaces"][0]["in_use"] = "drop"
    assert "result" in wire.run(gone, section=None)
    assert {"10.77.0.1/24", "fd77::1/64"} == set(wire.addresses("front0"))


def test_sshd_is_found_by_its_name(tmp_path):
    """Connections to whatever sshd listens on are logins, also on another port than 22."""
    program = tmp_path / "sshd"
    program.symlink_to(sys.executable)
    code = "import socket,time;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],flush=True);time.sleep(1000)"
    with subprocess.Popen([str(program), "-c", code], stdout=subprocess.PIPE, text=True) as sshd:
        port = int(sshd.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)):
            connections = read_connections()
            assert {22, port} <= sshd_ports(Root())
            assert "127.0.0.1" in read_ssh_addresses(Root(), connections)
        sshd.kill()
    assert port not in sshd_ports(Root())


def test_addresses_on_lo(wire):
    """On lo there is nobody to ask, and nothing to warn of."""
    wanted = {"interface": "lo", "addresses": ["10.96.0.1", "fd96::1"], "backend": "networkd", "duplicate_check": True}
    done = wire.run(wanted)["result"]
    assert [] == done["warnings"] and {"lo 10.96.0.1/32", "lo fd96::1/128"} < set(done["after"])
    assert "[Match]\nName=lo\n" in wire.text("/etc/systemd/network/50-front-tier-lo.network")
    assert wire.run(wanted)["result"]["changed"] is False
    assert "result" in wire.run(state="absent")
    assert "10.96.0.1" not in wire.inside(["ip", "addr"]).stdout


def test_an_interface_that_vanishes_under_the_change(wire):
    """Where the interface goes between the plan and the write, all is undone, and the message names the step."""
    wire.ip("link add other0 type veth peer name other1")
    code = "import sys;sys.path[:0]=%r\nfrom tests.addresses import test_addresses_on_a_wire as t;t.write_to_nowhere()" % [
        os.getcwd(),
        *sys.path,
    ]
    before = seen(wire)
    done = wire.inside([sys.executable, "-c", code], env=dict(os.environ, TREE=str(wire.tree)))
    assert (
        done.stdout
        == "step 2 of 2 (address other0 10.95.0.1/32) failed: there is no interface other0. All of it was undone: the host is as before.\n"
    )
    wire.ip("link add other0 type veth peer name other1")
    assert before[1:] == seen(wire)[1:]


def write_to_nowhere():
    """Run two steps on an interface that goes after the first."""
    value = {"lifetime": "forever", "nodad": False}
    steps = [Step("local_route", "lo 10.94.0.0/24", None, {"type": "local"}), Step("address", "other0 10.95.0.1/32", None, value)]
    subprocess.run(["ip", "link", "del", "other0"], check=True)
    try:
        transaction.run(Root(os.environ["TREE"]), steps)
    except transaction.Failed as error:
        print(error)
