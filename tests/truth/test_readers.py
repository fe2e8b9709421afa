# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses: what the readers say is what the host's own tools say, on this machine and in network namespaces of its own."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import traceback

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.addresses import read_addresses, read_neighbours, source_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conntrack import read_conntrack
from ansible_collections.c10m.front_tier.plugins.module_utils._read.counters import read_counters
from ansible_collections.c10m.front_tier.plugins.module_utils._read.host import read_host
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import read_memory, read_sockstat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.nat import read_ports_without_socket
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import read_processes
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.services import read_services
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import read_listeners
from ansible_collections.c10m.front_tier.plugins.module_utils._read.systemd import read_live

NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
ROOT = Root()


def needs(*programs):
    """Skip a test where one of the programs is not installed."""
    missing = [name for name in programs if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing), reason="not installed: %s" % ", ".join(missing))


def tool(*command):
    """Return what a program prints; it has to succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ, LC_ALL="C")).stdout


def _enter_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(NEW_NETWORK | (NEW_USER if uid else 0)):
        return False
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    tool("ip", "link", "set", "lo", "up")
    return True


@pytest.fixture
def in_namespace():
    """Return in_namespace(test): run it in a child with a network namespace of its own; without that right, skip."""

    def run(test):
        sys.stdout.flush()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(reader)
                if _enter_namespace():
                    test()
                    status = 0
                else:
                    status = 2
            except BaseException:  # the child must never return into pytest
                os.write(writer, traceback.format_exc().encode()[-30000:])
            finally:
                os._exit(status)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read().decode()
        status = os.WEXITSTATUS(os.waitpid(pid, 0)[1])
        if status == 2:
            pytest.skip("no network namespace may be made here")
        assert status == 0, said

    return run


def rows(family=None):
    """Return the addresses as (interface, CIDR), local routes apart."""
    found = read_addresses(ROOT)
    return (
        {(row["interface"], row["address"]) for row in found if not row["local_route"]},
        {(row["interface"], row["address"]) for row in found if row["local_route"]},
    )


def shown_by_ip():
    """Return the addresses that `ip` shows, as (interface, CIDR)."""
    links = json.loads(tool("ip", "-j", "addr"))
    return {(one["ifname"], "%s/%d" % (a["local"], a["prefixlen"])) for one in links for a in one["addr_info"]}


@needs("nproc", "getconf", "hostname", "uname")
def test_host():
    """Processors, page size, names and memory are those that coreutils and libc show."""
    host = read_host(ROOT)
    assert host["cpus"] == int(tool("getconf", "_NPROCESSORS_ONLN"))
    assert host["page_size"] == int(tool("getconf", "PAGESIZE"))
    assert (host["kernel"], host["hostname"]) == (tool("uname", "-r").strip(), tool("uname", "-n").strip())
    assert host["memory"] == int(tool("getconf", "_PHYS_PAGES")) * host["page_size"]
    assert 0 < read_memory(ROOT)["available"] <= host["memory"]


@needs("capsh")
def test_privileged_is_what_capsh_says():
    """`privileged` is cap_net_admin among the current capabilities."""
    assert read_host(ROOT)["privileged"] == (
        "cap_net_admin" in tool("capsh", "--print").split("\n")[0] or "=ep" in tool("capsh", "--print")
    )


@needs("ss", "ip", "nstat")
def test_sockets_are_counted_as_ss_does(in_namespace):
    """Listeners, connections and TIME_WAIT of both families come out as `ss -s` and `nstat` count them."""

    def test():
        held = []
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            server = socket.socket(family)
            server.bind((address, 0))
            server.listen(50)
            held.append(server)
            for _number in range(7):
                held.append(socket.create_connection(server.getsockname()[:2]))
                held.append(server.accept()[0])
            waiting = socket.create_connection(server.getsockname()[:2])
            other = server.accept()[0]
            waiting.close()
            other.close()
        time.sleep(0.2)
        said = tool("ss", "-s")
        established, waiting = (int(re.search(r"TCP:.*%s (\d+)" % word, said).group(1)) for word in ("estab", "timewait"))
        totals = read_sockstat(ROOT)
        inuse = sum(int(number) for number in re.findall(r"^TCP\s+(\d+)\s", said, re.M))
        assert (established, waiting, inuse) == (28, 2, 30)
        assert (totals["inuse"], totals["time_wait"]) == (inuse, waiting)
        counters = read_counters(ROOT)
        assert counters["CurrEstab"] == established
        seen = json.loads(tool("nstat", "-asz", "-j"))["kernel"]
        assert counters["PassiveOpens"] == seen["TcpPassiveOpens"] == 16
        assert counters["ListenOverflows"] == seen["TcpExtListenOverflows"] == 0

    in_namespace(test)


@needs("ip")
def test_overflow_is_counted(in_namespace):
    """A listener that is not emptied makes ListenOverflows rise in this namespace's counters."""

    def test():
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(0)
            clients = [socket.socket() for _number in range(4)]
            for client in clients:
                client.setblocking(False)
                client.connect_ex(server.getsockname())
            time.sleep(1.5)
            assert read_counters(ROOT)["ListenOverflows"] > 0

    in_namespace(test)


@needs("ip")
def test_addresses_here():
    """On this machine the addresses are those of `ip addr`."""
    assert rows()[0] == shown_by_ip()


@needs("ip")
def test_addresses_in_a_namespace(in_namespace):
    """Several links, prefixes, peers and flags come out as `ip addr` shows them; what it does not show, as local routes."""

    def test():
        for command in (
            "link add v type veth peer name w",
            "link set v up",
            "link set w up",
            "addr add 10.55.1.1/16 dev v",
            "addr add 10.55.1.2/16 dev v",
            "addr add 10.55.1.1/32 dev w",
            "addr add 192.168.7.1 peer 192.168.7.2 dev w",
            "addr add fd00::1/64 dev v nodad preferred_lft 0",
            "addr add fd00::2/128 dev lo",
            "route add local 10.9.0.0/24 dev lo",
            "route add local 10.8.0.1 dev lo",
            "route add local fd01::/64 dev lo",
            "route add local 10.7.0.0/24 dev lo table 100",
            "route add 10.6.0.0/24 dev v",
        ):
            tool("ip", *command.split())
        addresses, routes = rows()
        assert addresses == shown_by_ip()
        assert routes == {("lo", "10.9.0.0/24"), ("lo", "10.8.0.1/32"), ("lo", "127.0.0.0/8"), ("lo", "fd01::/64")}
        assert [row["address"] for row in read_addresses(ROOT) if row["deprecated"]] == ["fd00::1/64"]
        assert source_for("10.55.9.9") == "10.55.1.1"
        assert source_for("10.9.0.77") == "10.9.0.77"
        assert source_for("192.168.7.2") == "192.168.7.1"
        assert is_absent(source_for("203.0.113.1")) and is_absent(source_for("2001:db8::1"))
        tool("ip", "route", "add", "203.0.113.0/24", "dev", "v", "src", "10.55.1.2")
        assert source_for("203.0.113.1") == "10.55.1.2"

    in_namespace(test)


@needs("ip")
def test_many_addresses(in_namespace):
    """A dump that takes many datagrams comes whole."""

    def test():
        batch = "".join("addr add 10.77.%d.%d/32 dev lo\n" % divmod(number, 256) for number in range(2000))
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
        assert len(rows()[0]) == 2000 + 2
        assert rows()[0] == shown_by_ip()

    in_namespace(test)


@needs("ip")
def test_neighbours(in_namespace):
    """Where the machine's own number cannot be seen, the entries of this namespace are counted."""

    def test():
        tool("ip", "link", "add", "v", "type", "veth", "peer", "name", "w")
        for link in ("v", "w"):
            tool("ip", "link", "set", link, "up")
        tool("ip", "addr", "add", "10.55.0.1/16", "dev", "v")
        before = read_neighbours(ROOT)
        batch = "".join("neigh add 10.55.1.%d lladdr 02:00:00:00:00:01 dev v nud reachable\n" % n for n in range(1, 201))
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
        after = read_neighbours(ROOT)
        assert after["inet"] - before["inet"] == 200
        assert after["inet6"] >= 0

    in_namespace(test)


@needs("ip", "nft")
def test_conntrack(in_namespace):
    """Without a rule held connections prove that nothing is tracked; with one, entries prove that all are."""

    def test():
        if not ROOT.exists("/proc/sys/net/netfilter/nf_conntrack_count"):
            return

        def section():
            text = ROOT.text("/proc/sys/net/netfilter/nf_conntrack_count")
            return read_conntrack(ROOT, {"net.netfilter.nf_conntrack_count": {"value": int(text)}})

        assert is_absent(section()["active"])
        server = socket.create_server(("127.0.0.1", 0))
        first = socket.create_connection(server.getsockname())
        assert section()["active"] is False
        rule = "table inet t { chain c { type filter hook input priority 0; ct state invalid drop; }; }"
        subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
        second = socket.create_connection(server.getsockname())
        found = section()
        assert found["active"] is True and found["entries"] >= 1 and found["drop"] == 0
        first.close()
        second.close()

    in_namespace(test)


NFT_RULES = """
table inet x {
    set s { type inet_service; flags interval; elements = { 10-20, 30 } }
    map m { type inet_proto . inet_service : verdict; elements = { tcp . 30001 : goto c, udp . 30002 : goto c } }
    chain c {
        meta l4proto tcp dnat ip to 10.0.0.1:80
    }
    chain pre {
        type nat hook prerouting priority -100
        tcp dport 8080 dnat ip to 10.0.0.2:80
        tcp dport @s redirect to :99
        tcp dport { 1-3, 7 } jump c
        meta l4proto . th dport vmap @m
        tcp dport vmap { 55: jump c, 56-57: accept }
        meta l4proto tcp dnat ip to tcp dport map { 90: 10.0.0.9, 91: 10.0.0.8 }
        meta l4proto tcp redirect to :tcp dport map { 93: 94 }
        udp dport 53 redirect to :54
        tcp dport != 443 redirect to :9
        ip daddr . tcp dport { 1.2.3.4 . 95, 1.2.3.4 . 97-99 } redirect to :77
    }
    chain tp {
        type filter hook prerouting priority mangle
        tcp dport 85 tproxy ip to 127.0.0.1:50080 meta mark set 1 accept
    }
    chain out {
        type nat hook output priority -100
        tcp dport 443 redirect to :3129
    }
}
"""


@needs("ip", "nft")
def test_ports_taken_by_nftables(in_namespace):
    """Ports that a real ruleset redirects are found, whatever way it names them."""

    def test():
        assert read_ports_without_socket(ROOT) == []
        subprocess.run(["nft", "-f", "-"], input=NFT_RULES, text=True, check=True)
        found = read_ports_without_socket(ROOT)
        assert [row["port"] for row in found] == [
            "1-3", 7, "10-20", 30, 55, 85, "90-91", 93, 95, "97-99", 8080, 30001,
        ]  # fmt: skip
        assert found[0]["by"] == "nft dnat in table inet x"

    in_namespace(test)


@needs("ip", "iptables-nft", "ip6tables-nft", "iptables-legacy")
def test_ports_taken_by_iptables(in_namespace):
    """Rules of iptables count in both of its kinds and both families, with matches that nft cannot show."""

    def test():
        for command in (
            "iptables-nft -t nat -N DOCKER",
            "iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
            "iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp --dport 5000 -j DNAT --to 172.17.0.2:80",
            "iptables-nft -t nat -A PREROUTING -p tcp -m multiport --dports 70,71:72 -j REDIRECT --to-ports 9",
            "iptables-nft -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 9",
            "iptables-nft -t nat -A OUTPUT -p tcp --dport 443 -j REDIRECT --to-ports 9",
            "ip6tables-nft -t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 9",
            "iptables-legacy -t mangle -A PREROUTING -p tcp --dport 86 -j TPROXY --on-port 7",
        ):
            tool(*command.split())
        assert [row["port"] for row in read_ports_without_socket(ROOT)] == ["70-72", 81, 86, 5000]

    in_namespace(test)


@needs("prlimit")
def test_limits_are_those_of_prlimit():
    """The descriptor limits of a process are those that prlimit shows, also after they were lowered."""
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        os.write(child.stdin.fileno(), b"a")
        os.read(child.stdout.fileno(), 1)  # once it answers, it has closed what its loader had open
        tool("prlimit", "--pid", str(child.pid), "--nofile=77:99")
        (row,) = read_processes(ROOT, [child.pid])
        said = tool("prlimit", "--pid", str(child.pid), "--nofile", "--output", "SOFT,HARD", "--noheadings").split()
        assert [str(row["nofile"][kind]) for kind in ("soft", "hard")] == said == ["77", "99"]
        assert row["files_open"] == len(os.listdir("/proc/%d/fd" % child.pid))
        assert row["parent"] == os.getpid()
    finally:
        child.kill()
        child.communicate()


def test_a_service_of_several_processes():
    """A program that listens is a service with its workers, the connections that each holds, and its listener's name."""
    script = (
        "import os, socket, sys, time\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        "workers = [os.fork() for _n in range(1)]\n"
        "held = [server.accept() for _n in range(3 if workers[0] else 2)]\n"
        "os.write(1, b'held\\n')\n"
        "time.sleep(60)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        port = int(server.stdout.readline())
        clients = [socket.create_connection(("127.0.0.1", port)) for _number in range(5)]
        assert [server.stdout.readline(), server.stdout.readline()] == ["held\n"] * 2
        accepted = set()
        for folder in ("/proc/%d/fd" % pid for pid in _family(server.pid)):
            accepted |= {int(link[8:-1]) for link in map(os.readlink, _links(folder)) if link.startswith("socket:[")}
        listeners = [one for one in read_listeners() if one["port"] == port]
        sockets = {"listeners": listeners, "inodes": accepted - {listeners[0]["inode"]}, "seen": 5, "sampled": False}
        services = read_services(ROOT, sockets)
        (service,) = [one for one in services if server.pid in [row["pid"] for row in one["processes"]]]
        assert listeners[0]["service"] == service["name"]
        counts = {row["pid"]: row["connections"] for row in service["processes"]}
        assert sorted(counts[pid] for pid in _family(server.pid)) == [2, 3]
        assert len(clients) == 5
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def _family(pid):
    return [pid, *(row["pid"] for row in read_processes(ROOT) if row["parent"] == pid)]


def _links(folder):
    return [os.path.join(folder, name) for name in os.listdir(folder)]


@pytest.mark.skipif(not os.path.isdir("/run/systemd/system"), reason="systemd does not run here")
def test_units_are_what_systemctl_shows():
    """The limits of each running unit are those of `systemctl show`, asked for one at a time."""
    units = re.findall(
        r"^(\S+\.service)", tool("systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend"), re.M
    )
    live = read_live(ROOT, units)
    assert set(live) == set(units)
    for unit in units:
        said = tool("systemctl", "show", "-p", "LimitNOFILE", "--value", unit).strip()
        assert str(live[unit]["nofile"]["hard"]) == said.replace("infinity", "unlimited")
        pid = int(tool("systemctl", "show", "-p", "MainPID", "--value", unit))
        assert live[unit]["main_pid"] == pid
        assert read_processes(ROOT, [pid])[0]["unit"] == unit
