# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that does not start or reload with what a role wrote: all is given back, and it serves as before (containers)."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from pathlib import Path

import pytest

from tests.tools import container, holding

ROOT = Path(__file__).resolve().parents[2]
SITE = """global
    stats socket /run/haproxy/admin.sock mode 660 level admin
    user haproxy
    group haproxy
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend site
    bind 127.0.0.1:8404
    stats enable
    stats uri /
"""
# Holds a port from the moment on that the role has read the host: the check of a configuration does not see it, the start does.
SQUATTER = """
- name: Hold a port
  ansible.builtin.command:
    argv: [systemd-run, --quiet, --unit, squatter, --service-type, notify, --property, NotifyAccess=all, python3, /root/squat.py]
"""
SQUAT = """import socket, subprocess, time
held = socket.socket()
held.bind(("0.0.0.0", 8600))
held.listen()
subprocess.run(["systemd-notify", "--ready"])
time.sleep(3600)
"""
STATE = """
find /etc/haproxy /etc/nginx /etc/varnish /etc/systemd/system /etc/sysctl.d ! -name '*.wants' -exec stat -c '%n %F %a %U %G' {} + | sort
find /etc/haproxy /etc/nginx /etc/varnish /etc/systemd/system /etc/sysctl.d -type f -exec sha256sum {} + | sort
cat /var/lib/front-tier/sets.json 2> /dev/null
sysctl net.ipv4.tcp_tw_reuse net.ipv4.ip_forward net.core.somaxconn
ip rule; ip -6 rule; ip route show table all | grep -v fe80; nft list ruleset
for unit in haproxy nginx varnish; do
    echo $unit $(systemctl is-active $unit) $(systemctl is-enabled $unit) $(systemctl show --property LimitNOFILE,User $unit)
done
ss -Hltn | awk '$4 !~ /:8600/ {print $4}' | sort
"""


class Node:
    """A container of one release, whose interface towards its server leads into a network namespace of its own."""

    def __init__(self, release: str, folder: Path) -> None:
        self.name, self.folder = "ft-back-" + secrets.token_hex(3), folder
        container.start(self.name, release)
        for _attempt in range(60):
            if re.search("running|degraded", self.sh("systemctl is-system-running", check=False)):
                break
            time.sleep(0.5)
        self.sh("cat > /etc/haproxy/haproxy.cfg", text=SITE)
        self.sh("cat > /root/squat.py", text=SQUAT)
        self.sh("cat > /root/peers.py", text=(ROOT / "tests/proxy/peers.py").read_text())
        self.sh(
            "ip netns add s; ip link add k0 type veth peer name k1 netns s; ip addr add 10.70.2.1/24 dev k0; ip link set k0 up;"
            "ip -n s addr add 10.70.2.11/24 dev k1; ip -n s link set k1 up; ip -n s route add default via 10.70.2.1;"
            "systemd-run --quiet --unit origin ip netns exec s python3 /root/peers.py serve 10.70.2.11:8080;"
            "until ip netns exec s ss -Hltn | grep -q :8080; do sleep 0.2; done"
        )
        (folder / "squatter.yml").write_text(SQUATTER)

    def sh(self, script: str, text: str | None = None, check: bool = True) -> str:
        """Run a script in the node; return what it prints."""
        words = ["podman", "exec", "--interactive", self.name, "sh", "-c", script]
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=60)
        assert not check or done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def role(self, name: str, fails: bool = False, **variables: object) -> str:
        """Run a role on the node; return what it says."""
        given = {"ansible_python_interpreter": "/usr/bin/python3"}
        given.update({"front_tier_" + key: value for key, value in variables.items()})
        if fails:
            given["front_tier_before_host"] = str(self.folder / "squatter.yml")
        play = [{"hosts": "all", "gather_facts": False, "roles": ["c10m.front_tier." + name]}]
        (self.folder / "play.yml").write_text(json.dumps(play))
        words = ["ansible-playbook", "-i", self.name + ",", "-c", "ft_podman", "-e", json.dumps(given), str(self.folder / "play.yml")]
        env = {**os.environ, "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "molecule/connection_plugins"), "ANSIBLE_FORCE_COLOR": "0"}
        done = subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode != 0) is fails and ("Hold a port" in done.stdout) is fails, done.stdout[-6000:] + done.stderr
        if fails:
            self.sh("systemctl stop squatter")
        said = " ".join((done.stdout.partition("Say why")[2] if fails else done.stdout).split())
        print(said[-3000:])
        return said

    def state(self) -> list[str]:
        """Return all that a role could have changed, by the node's own tools."""
        return self.sh(STATE).splitlines()

    def says(self, *words: str) -> str:
        """Return what a request to one of the addresses is answered with."""
        return self.sh("python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).status)' " + words[0]).strip()

    def master(self, unit: str) -> str:
        """Return the first process of a unit."""
        return self.sh(f"systemctl show --property MainPID --value {unit}").strip()


# A case takes one to three minutes: one of them in `make test`, each in `make given-back RELEASES=all`, a part of `make test-all`.
long = pytest.mark.skipif(not container.EVERY, reason="part of make test-all: RELEASES=all")


@pytest.fixture(params=container.RELEASES)
def node(request, tmp_path):
    """Return a fresh node of one release."""
    if not container.has_image(request.param):
        pytest.skip(container.WHY_NOT)
    made = Node(request.param, tmp_path)
    yield made
    container.remove(made.name)


PROXY = {"upstreams": ["10.70.2.11:8080"], "sources": ["10.70.2.1"], "connections": 30, "nofile": 3000, "path_timeout": 5}
LISTEN = ["127.0.0.1:8081", "0.0.0.0:8600"]


@long
@pytest.mark.parametrize("program", ["haproxy", "nginx"])
def test_a_proxy_gives_back_what_it_does_not_run_with(node, program):
    """Stopped, serving the site, and configured by an earlier run: each is as before, and the message says why. absent stops it again."""
    unit = program + ".service"
    proxy = {**PROXY, "service": unit}
    if program == "nginx":
        proxy["proxy_lines"] = ["proxy_buffering off;"]  # which keeps an answer that never ends from its client
    node.sh("rm -f /etc/nginx/sites-enabled/default; sed -i 's/worker_connections .*/worker_connections 1024;/' /etc/nginx/nginx.conf")
    stopped = node.state()

    said = node.role("reverse_proxy", fails=True, **proxy, listen=LISTEN)
    assert f"{unit} could not be started" in said and "are as before" in said and "8600" in said
    assert node.state() == stopped

    node.role("reverse_proxy", **proxy, listen=LISTEN[:1])
    assert node.says("http://127.0.0.1:8081/") == "200"
    assert node.state() != stopped
    before, master = node.state(), node.master(unit)
    said = node.role("reverse_proxy", fails=True, **{**proxy, "nofile": 3500}, listen=LISTEN)
    assert f"{unit} could not be reloaded" in said and "are as before" in said and "8600" in said
    assert node.state() == before
    assert node.says("http://127.0.0.1:8081/") == "200"
    assert node.master(unit) == master  # it was not restarted, and its connections are there
    client, answers = holding.begin(node.name, 12, 8081, "/root/peers.py")
    assert answers == {"200": 12}
    said = node.role("reverse_proxy", **proxy, listen=LISTEN, reloads=0)  # the port is free now
    assert re.search(r"of 1 earlier reloads still hold \d+ connections, and front_tier_reloads is 0", said)
    assert "earlier reloads still" not in node.role("reverse_proxy", **{**proxy, "nofile": 3600}, listen=LISTEN)
    assert json.loads(client.communicate()[0]) == {"lost": 0}
    assert node.says("http://127.0.0.1:8600/") == "200"

    node.role("reverse_proxy", **proxy, state="absent", drain_timeout=5)
    assert node.state() == stopped


def test_a_restart_that_fails_leaves_the_site(node):
    """HAProxy that serves the site and has to restart for the role's part: it serves the site again."""
    node.sh("systemctl enable --now haproxy")
    before = node.state()
    said = node.role("reverse_proxy", fails=True, **PROXY, listen=LISTEN)
    assert "haproxy.service could not be restarted" in said and "are as before" in said
    assert node.state() == before
    assert node.says("http://127.0.0.1:8404/") == "200"


@long
def test_an_origin_gives_back_and_stops_what_it_started(node):
    """The role origin does the same, with nginx; Varnish, which it had to start, is stopped by absent."""
    node.sh("rm -f /etc/nginx/sites-enabled/default")
    stopped = node.state()
    origin = {"service": "nginx", "server_lines": ['location / { return 200 "origin"; }']}
    assert "nginx.service could not be started" in node.role("origin", fails=True, **origin, listeners=[8081, 8600])
    assert node.state() == stopped
    for service in ("nginx", "varnish"):
        node.role("origin", **{**origin, "service": service}, listeners=[8081])
        assert f"{service} active enabled" in "\n".join(node.state())
        node.role("origin", **{**origin, "service": service}, listeners=[8081], state="absent", drain_timeout=5)
        assert node.state() == stopped


@long
def test_a_transparent_balancer_gives_back_its_routing_too(node):
    """Neither rules nor nftables nor files stay of a balancer that HAProxy does not start with, or does not reload."""
    balancer = {"transparent_method": "return_path", "upstreams": ["10.70.2.11:8080"], "server_interface": "k0", "conntrack": "leave"}
    stopped = node.state()
    said = node.role("transparent_balancer", fails=True, **balancer, listen=["127.0.0.1:8082", "0.0.0.0:8600"])
    assert "haproxy.service could not be restarted" in said and "are as before" in said and "8600" in said
    assert node.state() == stopped

    node.role("transparent_balancer", **balancer, listen=["127.0.0.1:8082"])
    before, master = node.state(), node.master("haproxy")
    assert any("fwmark" in line for line in before)
    said = node.role("transparent_balancer", fails=True, **{**balancer, "mark": 3}, listen=["127.0.0.1:8082", "0.0.0.0:8600"])
    assert "haproxy.service could not be reloaded" in said and "are as before" in said
    assert node.state() == before
    assert node.master("haproxy") == master
