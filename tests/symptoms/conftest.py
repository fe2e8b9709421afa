# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A front tier for the tests of symptoms: client, balancer and server in namespaces, with the real HAProxy, nginx and Varnish."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.symptoms import diagnose
from tests.transparent.conftest import Network

HERE = Path(__file__).parent
PORTS = 20
RECORD = os.environ.get("FT_RECORD")  # a folder that gets the evidence of each test
FRONT, BACK, SERVER, CLIENT = "10.70.1.1", "10.70.2.1", "10.70.2.11", "10.70.1.10"
HAPROXY = """
global
    log stdout format raw local0
    stats socket %(folder)s/admin.sock mode 600 level admin
    %(global)s
defaults
    mode http
    log global
    option httplog
    timeout connect %(connect)s
    timeout queue 300ms
    timeout client 60s
    timeout server 60s
    option redispatch 1
    retries 1
    balance leastconn
listen fe
    bind %(bind)s
    %(servers)s
"""


class Tier(Network):
    """The three namespaces, with the programs in them and the evidence that is read there."""

    def __init__(self, folder):
        super().__init__(folder)
        self.logs = []
        for side in self.names:
            self.run(side, "sysctl", "-qw", "net.core.somaxconn=4096", "net.ipv4.tcp_tw_reuse=0")
        self.ports(PORTS)
        self.run("b", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.peer("s", "serve", 8080, 8081)

    def peer(self, side, *arguments):
        """Start a peer and wait for its word."""
        return self.start(side, sys.executable, "-B", HERE / "peers.py", *arguments)

    def ports(self, number):
        """Give the balancer so many local ports."""
        self.run("b", "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 %d" % (40000 + number - 1))

    def ask(self, *arguments):
        """Ask once from the client."""
        return self.run("c", sys.executable, "-B", HERE / "peers.py", "ask", *arguments).strip()

    def daemon(self, name, *command, before="", through=""):
        """Start a program on the balancer that writes its log to a file."""
        log = self.folder / (name + ".log")
        self.logs.append(str(log))
        words = " ".join("'%s'" % word for word in map(str, command))
        return self.start("b", "sh", "-c", "%s exec %s %s >>%s 2>&1" % (before, through, words, log), ready=None)

    def haproxy(self, *servers, bind=FRONT + ":80", top="maxconn 400", connect="2s", before="", through="", wait=True):
        """Start HAProxy on the balancer with these server lines."""
        path = self.folder / "haproxy.cfg"
        lines = "\n    ".join("server %s" % one for one in servers)
        path.write_text(HAPROXY % {"folder": self.folder, "global": top, "connect": connect, "bind": bind, "servers": lines})
        process = self.daemon("haproxy", "haproxy", "-db", "-f", path, before=before, through=through)
        if wait:
            self.wait(lambda: (self.folder / "admin.sock").exists() and self.run("b", "ss", "-Hltn"))
        return process

    def nginx(self, text):
        """Start nginx on the balancer with this configuration of http."""
        path = self.folder / "nginx.conf"
        path.write_text(
            "daemon off; user root; worker_processes 1; pid %s/nginx.pid; error_log %s/error.log info;\n%s"
            % (self.folder, self.folder, text)
        )
        self.logs.append(str(self.folder / "error.log"))
        self.daemon("nginx", "nginx", "-p", self.folder, "-c", path)
        self.wait(lambda: self.run("b", "ss", "-Hltn"))

    def varnish(self, backend):
        """Start Varnish on the balancer with this backend."""
        path = self.folder / "default.vcl"
        path.write_text('vcl 4.1;\nbackend b1 { .host = "%s"; .port = "8080"; %s }\nsub vcl_recv { return (pass); }\n' % (SERVER, backend))
        command = [
            "varnishd",
            "-F",
            "-j",
            "none",
            "-n",
            self.folder / "v",
            "-a",
            FRONT + ":80",
            "-f",
            path,
            "-s",
            "malloc,16m",
            "-T",
            "none",
        ]
        self.daemon("varnish", *command)
        self.wait(lambda: FRONT + ":80" in self.run("b", "ss", "-Hltn"), 15)

    def wait(self, ready, seconds=8.0):
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, [Path(log).read_text()[-2000:] for log in self.logs if Path(log).exists()]
            time.sleep(0.05)

    def logged(self, word, seconds=8.0):
        """Wait until a log says so."""
        self.wait(lambda: any(word in Path(log).read_text() for log in self.logs if Path(log).exists()), seconds)

    def evidence(self, side="b"):
        """Return (the evidence of one side, seconds that it took)."""
        sources = {
            "haproxy_config": str(self.folder / "haproxy.cfg"),
            "haproxy_socket": None,
            "logs": self.logs if side == "b" else [],
            "varnish": str(self.folder / "v") if (self.folder / "v").exists() else None,
            "since": 600,
            "watch": 1.0,
        }
        words = ["ip", "netns", "exec", self.names[side], sys.executable, "-B", str(HERE / "peers.py"), "evidence", json.dumps(sources)]
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]
        answer = json.loads(done.stdout)
        return answer["evidence"], answer["seconds"]

    def causes(self, side="b"):
        """Return ({symptom: cause} of one side, seconds until they were named)."""
        evidence, seconds = self.evidence(side)
        begin = time.monotonic()
        found = {row["symptom"]: row for row in diagnose(evidence)}
        if RECORD:
            self.record(side, sorted(found), evidence)
        return found, seconds + time.monotonic() - begin

    def record(self, side, symptoms, evidence):
        """Keep the evidence for the tests of the rules alone, without what belongs to this machine."""
        del evidence["snapshot"]["host"]
        for row in evidence["snapshot"]["limits"]:
            for name in set(row) - {"name", "value"}:
                del row[name]
        text = json.dumps({"symptoms": symptoms, "evidence": evidence}).replace(str(self.folder), "/run/tier")
        name = os.environ["PYTEST_CURRENT_TEST"].partition("[")[2].partition("]")[0]
        Path(RECORD, "%s-%s.json" % (name, side)).write_text(text + "\n")


@pytest.fixture
def tier(tmp_path):
    """Return a fresh front tier."""
    if os.geteuid() or not all(shutil.which(name) for name in ("nft", "haproxy", "nginx", "varnishd")):
        pytest.skip("takes root, nft, haproxy, nginx and varnish (make apt)")
    made = Tier(tmp_path)
    yield made
    made.close()
