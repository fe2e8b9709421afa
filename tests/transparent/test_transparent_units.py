# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transparent routing on nodes with systemd: it outlives what others do to nftables and networkd, and a restart (containers)."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from pathlib import Path

import pytest

from tests.tools import container

HERE = Path(__file__).parent
NETWORK = """
ip link add k0 type veth peer name k1
ip netns del s 2>/dev/null
ip netns add s
ip link set k1 netns s
ip addr add 10.70.2.1/24 dev k0
ip link set k0 up
ip -n s addr add 10.70.2.11/24 dev k1
ip -n s link set k1 up
ip -n s link set lo up
ip -n s route add default via 10.70.2.1
"""
NETWORKD = "[Match]\nName=k0\n[Network]\nAddress=10.70.2.1/24\n"
RETURN_PATH = {"method": "return_path", "interfaces": ["k0"]}
BACKEND = {"name": "back", "method": "backend_route", "addresses": ["10.70.2.1"], "gateway": "10.70.2.11", "table": 101}


class Node:
    """A container with systemd, a balancer; its server is a network namespace inside of it."""

    def __init__(self, release):
        self.name = "ft-routing-" + secrets.token_hex(3)
        container.start(self.name, release)
        self.wait()
        self.sh("cat > /root/peers.py", text=(HERE / "peers.py").read_text())
        self.wire()

    def wait(self):
        """Wait until systemd has started everything."""
        for _attempt in range(40):
            if "running" in self.sh("systemctl is-system-running --wait", check=False):
                return
            time.sleep(0.5)
        raise AssertionError("the node does not start")

    def wire(self):
        """Lay the wire to the server and start the server; they go with every restart."""
        self.sh(NETWORK)
        subprocess.run(
            ["podman", "exec", "-d", self.name, "ip", "netns", "exec", "s", "python3", "/root/peers.py", "serve", "8080"], check=True
        )
        self.sh("for i in 1 2 3 4 5 6 7 8 9; do ip netns exec s ss -Hltn | grep -q 8080 && exit; sleep 0.2; done; exit 1")

    def sh(self, script, text=None, check=True):
        """Run a script in the node; return what it prints."""
        words = ["podman", "exec", "-i", self.name, "sh", "-c", script]
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=180)
        assert not check or done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def works(self):
        """Tell whether a dial from a client's address reaches the server and its answer reaches the dialler."""
        return self.sh("python3 /root/peers.py dial 10.70.2.11 8080 10.9.9.9").strip() == "server sees 10.9.9.9"

    def module(self, options):
        """Run the module as Ansible does; return its result."""
        here = Path(__file__).parents[2]
        words = ["ansible", "all", "-i", self.name + ",", "-c", "ft_podman", "-e", "ansible_python_interpreter=/usr/bin/python3"]
        words += ["-m", "c10m.front_tier.transparent_routing", "-a", json.dumps(options)]
        env = {**os.environ, "ANSIBLE_CONNECTION_PLUGINS": str(here / "molecule/connection_plugins")}
        env.update({"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_FORCE_COLOR": "0"})
        done = subprocess.run(words, env=env, cwd=here, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout[done.stdout.index("=> {") + 3 :])


@pytest.fixture(params=container.RELEASES)
def node(request):
    """Return a fresh node of one release."""
    if not container.has_image(request.param):
        pytest.skip(container.WHY_NOT)
    made = Node(request.param)
    yield made
    container.remove(made.name)


def test_it_outlives_reloads_networkd_and_a_restart(node):
    """Reloading or restarting nftables, restarting networkd and restarting the node leave it working; absent leaves nothing."""
    node.sh("systemctl enable --now nftables")
    assert not node.works()
    bare = node.sh("ip rule; ip -6 rule; nft list ruleset; find /etc/systemd /etc/front-tier /etc/sysctl.d 2>/dev/null", check=False)
    assert node.module(RETURN_PATH)["changed"] is True
    assert node.sh("systemctl is-active front-tier.service").strip() == "active"
    assert node.module(RETURN_PATH)["changed"] is False

    for order in ("reload nftables", "restart nftables", "stop nftables", "start nftables"):
        node.sh("systemctl " + order)
        assert node.works() is (order != "stop nftables"), order

    node.sh("cat > /etc/systemd/network/10-k0.network; systemctl restart systemd-networkd", text=NETWORKD)
    node.sh(
        'for i in $(seq 20); do networkctl --no-pager | grep -q "k0.*configured" && exit; sleep 0.3; done'
    )  # older ones never say so here
    assert node.module(BACKEND)["changed"] is True
    node.sh("ip route add 10.55.0.0/24 dev k0 table 55 proto static")
    node.sh("systemctl restart systemd-networkd")
    node.sh('for i in $(seq 20); do [ -z "$(ip route show table 55)" ] && exit; sleep 0.3; done; exit 1')  # it does tidy up
    assert node.works()
    assert "default via 10.70.2.11 dev k0" in node.sh("ip route show table 101")
    assert "from 10.70.2.1 lookup 101" in node.sh("ip rule")
    assert node.module(BACKEND)["changed"] is False
    assert node.module({"name": "back", "state": "absent"})["changed"] is True
    node.sh("systemctl stop systemd-networkd; rm /etc/systemd/network/10-k0.network")

    subprocess.run(["podman", "restart", "-t", "20", node.name], check=True, capture_output=True, timeout=120)
    node.wait()
    node.wire()
    assert node.works()
    assert node.sh("cat /proc/sys/net/ipv4/ip_forward").strip() == "1"
    assert node.module(RETURN_PATH)["changed"] is False

    assert node.module({"state": "absent"})["changed"] is True
    assert not node.works()
    assert node.sh("systemctl show -p ActiveState,LoadState --value front-tier.service").split() == ["not-found", "inactive"]
    assert node.module({"state": "absent"})["changed"] is False
    assert (
        node.sh("ip rule; ip -6 rule; nft list ruleset; find /etc/systemd /etc/front-tier /etc/sysctl.d 2>/dev/null", check=False) == bare
    )


def test_it_does_not_wait_for_a_network_that_is_never_online(node):
    """An interface that keeps networkd from being online neither delays the change nor makes it fail."""
    node.sh("systemctl enable systemd-networkd systemd-networkd-wait-online; systemctl start systemd-networkd")
    began = time.monotonic()
    assert node.module(BACKEND)["changed"] is True
    assert time.monotonic() - began < 30
    assert "network-online.target" in node.sh("systemctl cat front-tier-back.service")
