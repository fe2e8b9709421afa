# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transparent balancer in network namespaces: HAProxy as the role configures it, both methods, both families."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._plan import balancer

HERE = Path(__file__).parent
PROBE = Path(__file__).parents[2] / "roles/transparent_balancer/files/front-tier-path.py"
pytestmark = pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed (apt-get install haproxy)")
SERVERS = ["10.70.2.11:8080", "[fd70:2::11]:8080"]
OPTIONS = {
    "return_path": {"method": "return_path", "listen": ["10.70.1.1:80", "[fd70:1::1]:80"], "upstreams": SERVERS, "server_interface": "k0"},
    "intercept": {"method": "intercept", "upstreams": SERVERS, "server_interface": "k0", "client_interface": "f0", "ipv6_forwarding": True},
}
METHODS = pytest.mark.parametrize("method", list(OPTIONS))
CLIENTS = ["10.70.1.10", "10.70.1.21", "fd70:1::10"]
VERSION = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout if shutil.which("haproxy") else ""
SITE = """
global
    user haproxy
    group haproxy
    nbthread 1
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen others
    bind 127.0.0.1:8888
"""
RANGE = "net.ipv4.ip_local_port_range=40000 40039"


class Balancer:
    """A balancer as the role makes it, with the real HAProxy in the network namespace b."""

    def __init__(self, net, folder, options):
        self.net, self.folder, self.process, self.without = net, folder, None, False
        self.plan = balancer.plan(options, {"host": "version " + VERSION + "forwards_ipv6 1\n", "site": SITE})
        self.files = [folder / "site.cfg", folder / "balancer.cfg"]
        self.paths = folder / "paths.json"
        self.paths.write_text(self._local(json.dumps(self.plan["probe"])))
        files = self.plan["files"]
        for path, name in zip(self.files, (balancer.SITE, balancer.CONFIG)):
            path.write_text(self._local(files.get(name, SITE)))

    def _local(self, text):
        return text.replace("/run/haproxy/", str(self.folder) + "/")

    def route(self):
        """Set what the kernel needs, as the role does."""
        if self.plan["sysctls"]:
            self.net.run("b", "sysctl", "-w", *("%s=%s" % pair for pair in self.plan["sysctls"].items()))
        return self.net.done(self.plan["routing"])

    def words(self, privileged):
        """Return the command that starts HAProxy as the unit of its version does."""
        caps = "+net_bind_service" if self.without else "+net_raw,+net_bind_service"
        taken = ["setpriv", "--reuid", "haproxy", "--regid", "haproxy", "--init-groups", "--inh-caps", "-all," + caps]
        taken += ["--ambient-caps", caps]
        return [*(taken if privileged else []), "haproxy", "-Ws", "-f", self.files[0], "-f", self.files[1]]

    def start(self, privileged=None):
        """Start HAProxy and wait until it listens, and IPv6 neighbours can find one another."""
        self.net.wait_for_links()
        by_unit = self.plan["privileges"] == "unit" if privileged is None else privileged
        self.process = self.net.start("b", *self.words(by_unit), ready=None)
        for _attempt in range(50):
            if (self.folder / "front-tier.sock").exists() and "8888" in self.net.run("b", "ss", "-Hltn"):
                return self
            time.sleep(0.1)
        raise AssertionError("HAProxy does not start")

    def stop(self):
        """End HAProxy, with its workers."""
        self.net.run("b", "sh", "-c", "kill %d; sleep 0.3" % self._master(), check=False)
        self.net.stop(self.process)
        for path in self.folder.glob("*.sock"):
            path.unlink()

    def _master(self):
        return self.process.pid

    def probe(self):
        """Return (exit status, lines) of the command that tells whether the path is alive."""
        words = ["ip", "netns", "exec", self.net.names["b"], sys.executable, PROBE, self.paths]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
        return done.returncode, done.stdout.splitlines()

    def where(self, client):
        """Return (address, port) that a client dials."""
        six = ":" in client
        if self.plan["routing"]["method"] == "intercept":
            return ("fd70:2::11" if six else "10.70.2.11", 8080)
        return ("fd70:1::1" if six else "10.70.1.1", 80)

    def status(self):
        """Return {server: status} as HAProxy's own health checks have it."""
        text = self.net.run("b", "python3", "-c", ASK, self.folder / "front-tier.sock")
        rows = [line.split(",") for line in text.splitlines() if line.startswith("front-tier-ipv")]
        return {"%s/%s" % (row[0], row[1]): row[17] for row in rows}


ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"show stat\\n")
print(b"".join(iter(lambda: s.recv(65536), b"")).decode())
"""


@pytest.fixture
def made(net):
    """Return what makes a balancer."""
    net.run("b", "sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", RANGE)
    with tempfile.TemporaryDirectory() as name:  # below /tmp: HAProxy's user has to reach it
        folder = Path(name)
        folder.chmod(0o755)
        shutil.chown(folder, "haproxy")
        yield lambda named, **more: Balancer(net, folder, dict(OPTIONS[named], **more))


@METHODS
@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_servers_see_each_client(net, made, method, mode):
    """For each client of both families the server sees its address, while HAProxy has no more rights than its unit gives."""
    net.peer("s", "web" if mode == "http" else "serve", 8080)
    one = made(method, mode=mode)
    one.route()
    one.start()
    for client in CLIENTS:
        assert net.dial("c", *one.where(client), client, how="get" if mode == "http" else "dial") == "server sees " + client
    status, lines = one.probe()
    assert (status, lines) == (0, ["10.70.2.11 port 8080: ok", "fd70:2::11 port 8080: ok"])


BROKEN = {
    "the rules are gone": ("b", "ip rule del pref 100; ip -6 rule del pref 100; ip rule del pref 100; ip -6 rule del pref 100; true"),
    "the rulesets were flushed": ("b", "nft flush ruleset"),
    "the local routes are gone": ("b", "ip route flush table 100; ip -6 route flush table 100"),
    "the servers answer past the balancer": (
        "s",
        "ip link add x0 type veth peer name x1; ip link set x0 up; ip link set x1 up; ip addr add 10.70.9.2/24 dev x0;"
        "ip addr add fd70:9::2/64 dev x0 nodad; ip route replace default via 10.70.9.1 dev x0;"
        "ip -6 route replace default via fd70:9::1 dev x0; ip -6 route del default via fd70:2::1 || true",
    ),
}


ALL = [(method, case) for method in OPTIONS for case in BROKEN]
SHORT = [("return_path", "the rulesets were flushed"), ("intercept", "the servers answer past the balancer")]


@pytest.mark.parametrize(("method", "case"), ALL if os.environ.get("TRANSPARENT") == "all" else SHORT)
def test_a_dead_path_is_noticed_while_checks_are_green(net, made, method, case):
    """Whatever breaks the path, HAProxy's checks stay green and the command says that each server's path is dead, and where to look."""
    net.peer("s", "serve", 8080)
    one = made(method)
    one.route()
    one.start()
    assert one.probe()[0] == 0
    side, script = BROKEN[case]
    net.run(side, "sh", "-c", script)
    time.sleep(2.5)  # longer than a check's interval
    assert "DOWN" not in str(one.status())
    status, lines = one.probe()
    assert status == 1
    assert ["health checks stay green" in line for line in lines[:2]] == [True, True]
    assert any("shows nothing" in line for line in lines[2:]) is ("rule" in case)


def test_a_server_that_is_down_is_told_apart(net, made):
    """A server that answers nobody is no dead path: the command says that it is down. Without HAProxy it says that, too."""
    one = made("return_path")
    one.route()
    one.start()
    status, lines = one.probe()
    assert status == 1
    assert all("neither" in line for line in lines)
    one.stop()
    status, lines = one.probe()
    assert status == 1
    assert all("is it running?" in line for line in lines)


def test_without_the_capability_nothing_passes(net, made):
    """HAProxy without CAP_NET_RAW starts, its checks are green, no client gets through, and the command notices."""
    net.peer("s", "serve", 8080)
    one = made("return_path")
    one.route()
    one.without = True
    one.start()
    assert net.dial("c", *one.where("10.70.1.10"), "10.70.1.10") != "server sees 10.70.1.10"
    assert "DOWN" not in str(one.status())
    assert one.probe()[0] == 1


def test_this_versions_privileges_are_needed(net, made):
    """Before 2.9, HAProxy as root with a user in its configuration refuses to start, though its own check passes."""
    one = made("return_path")
    if one.plan["privileges"] != "unit":
        pytest.skip("this HAProxy keeps the capability by itself")
    one.files[0].write_text(SITE)
    assert subprocess.run(one.words(privileged=False) + ["-c"], capture_output=True, check=False).returncode == 0
    done = subprocess.run(
        ["ip", "netns", "exec", net.names["b"], *one.words(privileged=False)], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "global.uid cannot be changed" in done.stderr


@METHODS
def test_held_is_what_was_predicted_for_each_client(net, made, method):
    """Each client holds exactly P connections to a listener, whatever the others hold; the next one gets none."""
    net.peer("s", "serve", 8080, "hold")
    one = made(method)
    one.route()
    one.start()
    for client in CLIENTS:
        net.dial("c", one.where(client)[0], 1)  # waits until IPv6 neighbours find each other
        process = net.start("c", sys.executable, "-B", HERE / "peers.py", "hold", *one.where(client), client, 43, ready=None)
        held = int(process.stdout.readline())
        bracketed = "[%s]" % client if ":" in client else client
        shown = net.run("s", "ss", "-Htn", "state", "established", "( sport = :8080 and dst %s )" % bracketed)
        assert held == 40 == len(shown.splitlines())


def test_the_intercepting_port_dialled_itself(net, made):
    """A client that dials the port of the interception on the balancer itself is turned away: HAProxy would dial itself for ever."""
    net.peer("s", "serve", 8080)
    one = made("intercept")
    one.route()
    one.start()
    for front in ("10.70.1.1", "fd70:1::1"):
        assert "server sees" not in net.dial("c", front, 9080)
    assert len(net.run("b", "ss", "-Htan", "( sport = :9080 )").splitlines()) < 6
    assert net.dial("c", *one.where("10.70.1.10"), "10.70.1.10") == "server sees 10.70.1.10"


@pytest.mark.parametrize("when_down", ["open", "closed"])
@pytest.mark.parametrize("client", ["10.70.1.10", "fd70:1::10"])
def test_when_haproxy_is_down(net, made, when_down, client):
    """Interception does what was declared while HAProxy is stopped, and takes connections again when it is back."""
    net.peer("s", "serve", 8080)
    one = made("intercept", when_down=when_down)
    one.route()
    one.start()
    assert net.dial("c", *one.where(client), client) == "server sees " + client
    assert "front" in net.run("b", "sh", "-c", "ss -Htan '( sport = :8080 )' | grep -q . && echo front")
    one.stop()
    assert net.dial("c", *one.where(client), client) == ("server sees " + client if when_down == "open" else "fails: timed out")
    one.start()
    assert net.dial("c", *one.where(client), client) == "server sees " + client


def test_with_the_proxy_protocol(net, made):
    """With the PROXY protocol the server sees the balancer on the wire and is told the client; no route, no mark, no capability."""
    one = made("return_path", method=None, proxy_protocol=True, upstreams=SERVERS[:1])
    assert one.plan["routing"] is None
    assert one.plan["probe"] == {"paths": [], "there": []}
    assert one.plan["privileges"] == "none"
    net.peer("s", "told", 8080)
    one.start(privileged=False)
    time.sleep(2.5)
    assert "DOWN" not in str(one.status())
    assert net.dial("c", "10.70.1.1", 80, "10.70.1.10") == "server sees 10.70.2.1, is told 10.70.1.10"
