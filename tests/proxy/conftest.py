# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy between clients and origins, each a network namespace, with the real programs and the configurations that the role writes."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROLE = HERE.parents[1] / "roles/reverse_proxy"
SETUP = {
    "p": """
link add f0 type veth peer name e0 netns {c}
link add k0 type veth peer name e0 netns {o}
addr add 10.71.1.1/24 dev f0
addr add 10.71.2.1/24 dev k0
addr add 10.71.2.101/24 dev k0
addr add 10.71.2.102/24 dev k0
addr add fd71:2::1/64 dev k0 nodad
addr add fd71:2::101/64 dev k0 nodad
link set lo up
link set f0 up
link set k0 up
""",
    "c": """
addr add 10.71.1.10/24 dev e0
link set lo up
link set e0 up
""",
    "o": """
addr add 10.71.2.11/24 dev e0
addr add fd71:2::11/64 dev e0 nodad
link set lo up
link set e0 up
""",
}
SOURCES = ["10.71.2.101", "10.71.2.102"]
LISTENERS = ["10.71.2.11:8080", "10.71.2.11:8081"]
SITE = {
    "haproxy": """global
    log stdout format raw local0
    stats socket {folder}/stats.sock level admin
defaults
    mode http
    log global
    option httplog
    option http-no-delay
""",
    "nginx": """user root;
worker_processes 2;
pid /run/nginx-test.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; proxy_buffering off; include {folder}/part; }}
""",
}


class Tier:
    """Three namespaces, and what runs in them. The proxy dials from `sources` to `listeners`."""

    sources, listeners = SOURCES, LISTENERS

    def __init__(self, folder):
        word = secrets.token_hex(3)
        self.names = {side: "ft-%s-%s" % (word, side) for side in ("c", "p", "o")}
        self.folder, self.processes, self.log = folder, [], folder / "log"
        self.main = None
        for name in self.names.values():
            subprocess.run(["ip", "netns", "add", name], check=True)
            # what a closed connection leaves would make the next test lie
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=0"], check=True)
        for side, lines in SETUP.items():
            text = lines.strip().format(**self.names) + "\n"
            subprocess.run(["ip", "-n", self.names[side], "-batch", "-"], input=text, text=True, check=True)
        self.run("p", "sysctl", "-qw", "net.ipv4.ip_local_reserved_ports=")

    def close(self):
        """End what runs and take the namespaces away."""
        for process in self.processes:
            process.kill()
            process.wait()
        for name in self.names.values():
            pids = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True).stdout.split()
            for pid in pids:  # workers of a killed master
                subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
            subprocess.run(["ip", "netns", "del", name], check=False)

    def run(self, side, *command, check=True):
        """Run a command on one side; return what it prints."""
        words = ["ip", "netns", "exec", self.names[side], *map(str, command)]
        return subprocess.run(words, check=check, capture_output=True, text=True, timeout=60).stdout

    def start(self, side, *command):
        """Start a process on one side."""
        words = ["ip", "netns", "exec", self.names[side], *map(str, command)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def ports(self, count):
        """Give the proxy so many ports to dial from."""
        self.run("p", "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 %d" % (40000 + count - 1))

    def serve(self, *places):
        """Start an origin."""
        assert self.start("o", sys.executable, HERE / "peers.py", "serve", *places).stdout.readline() == "ready\n"

    def hold(self, number, seconds=15, port=80):
        """Hold requests; return {status: how many} once each has its answer."""
        words = [sys.executable, HERE / "peers.py", "hold", "10.71.1.1", port, number, seconds]
        return json.loads(self.start("c", *words).stdout.readline())

    def audit(self):
        """Return what the proxy side is, read there by the collection."""
        code = (
            "import json;from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.info import audit;"
            "print(json.dumps(audit({'paths': [], 'services': [], 'gather_subset': ['all'], 'sample': 0, 'root': '/'})))"
        )
        env = ["env", "PYTHONPATH=" + os.pathsep.join(sys.path)]
        return json.loads(self.run("p", *env, sys.executable, "-c", code))

    def render(self, program, **variables):
        """Write the configuration that the role would write for this side; return what it is made of."""
        given = {
            "service": program,
            "listen": ["10.71.1.1:80"],
            "upstreams": LISTENERS,
            "sources": SOURCES,
            "reloads": 0,
            "timeouts": {"connect": "2s", "queue": "1s", "client": "1m", "server": "1m"},
            **variables,
        }
        seen = {"version": self.run("p", program, "-v") or "nginx/1.22", "workers": 2, "worker_connections": 4096}
        extra = {"front_tier_" + name: value for name, value in given.items()}
        extra.update(seen=seen, audit=self.audit(), folder=str(self.folder), role=str(ROLE))
        return self._rendered("render.yml", extra)

    def render_varnish(self, **variables):
        """Write the VCL that the role origin would write for this side; return what it is made of."""
        unit = Path("/lib/systemd/system/varnish.service")
        seen = {"version": "varnish-7.1", "unit": "# %s\n%s" % (unit, unit.read_text())}
        options = {"service": "varnish", "upstreams": LISTENERS, "listeners": ["10.71.1.1:80"], "reloads": 0, "backlog": 512, **variables}
        extra = {"options": options, "seen": seen, "audit": self.audit(), "folder": str(self.folder), "role": str(ROLE.parent / "origin")}
        return self._rendered("render_origin.yml", extra)

    def _rendered(self, playbook, extra):
        (self.folder / "vars.json").write_text(json.dumps(extra))
        play = ["ansible-playbook", "-i", "localhost,", "-e", "@%s" % (self.folder / "vars.json"), HERE / playbook]
        done = subprocess.run([*map(str, play)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        return json.loads((self.folder / "made.json").read_text())

    def site(self, program):
        """Write the site's own configuration, which takes in the part that was rendered; return where it is."""
        site = self.folder / "site"
        site.write_text(SITE[program].format(folder=self.folder))
        return site

    def begin(self, program):
        """Start the program with the site's own configuration and the part that was rendered."""
        site = self.site(program)
        if program == "haproxy":
            words = ["haproxy", "-W", "-S", self.folder / "master.sock", "-f", site, "-f", self.folder / "part"]
        else:
            words = ["sh", "-c", "mount -t tmpfs none /run && exec nginx -g 'daemon off;' -c %s" % site]
        command = ["ip", "netns", "exec", self.names["p"], *(["unshare", "--mount"] if program == "nginx" else []), *map(str, words)]
        self.main = subprocess.Popen(command, stdout=self.log.open("a"), stderr=subprocess.STDOUT)
        self.processes.append(self.main)
        self.until(lambda: ":80 " in self.run("p", "ss", "-Hltn"))
        if program == "haproxy":  # the first checks
            time.sleep(0.5)

    def begin_varnish(self, command):
        """Start Varnish with the command that its unit would get, in a folder of the test."""
        words = [str(self.folder / "part") if word == "/etc/varnish/front-tier.vcl" else word for word in shlex.split(command)]
        secret = self.folder / "secret"
        secret.write_text("secret")
        words = [str(secret) if word == "/etc/varnish/secret" else word for word in words]
        words = [*words, "-j", "none", "-n", str(self.folder / "varnish"), "-p", "workspace_client=96k"]
        command = ["ip", "netns", "exec", self.names["p"], *words]
        self.main = subprocess.Popen(command, stdout=self.log.open("a"), stderr=subprocess.STDOUT)
        self.processes.append(self.main)
        self.until(lambda: ":80 " in self.run("p", "ss", "-Hltn"), 30)

    def until(self, true, seconds=10.0):
        """Wait for something."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def held(self):
        """Return {(source, "address:port"): connections} to the origins, counted by the proxy's kernel."""
        found = {}
        for line in self.run("p", "ss", "-Htn", "state", "established", "( dport = :8080 or dport = :8081 )").splitlines():
            source, there = line.split()[2].rpartition(":")[0], line.split()[3]
            found[source, there] = found.get((source, there), 0) + 1
        return found


@pytest.fixture
def tier(tmp_path):
    """Return a fresh tier."""
    missing = [program for program in ("haproxy", "nginx", "varnishd") if not shutil.which(program)]
    if os.geteuid() or missing:
        pytest.skip("takes root, haproxy, nginx and varnish (make apt)")
    made = Tier(tmp_path)
    yield made
    made.close()
