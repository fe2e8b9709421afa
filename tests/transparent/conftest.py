# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network for the tests of transparent routing: client, balancer and server, each a network namespace, and a tree for files."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# What the tests compare leaves out link-local addresses, which come when they like.
SETUP = {
    "b": """
link add f0 type veth peer name e0 netns {c}
link add k0 type veth peer name e0 netns {s}
addr add 10.70.1.1/24 dev f0
addr add 10.70.2.1/24 dev k0
addr add fd70:1::1/64 dev f0 nodad
addr add fd70:2::1/64 dev k0 nodad
link set lo up
link set f0 up
link set k0 up
""",
    "c": """
addr add 10.70.1.10/24 dev e0
addr add 10.70.1.21/24 dev e0
addr add fd70:1::10/64 dev e0 nodad
link set lo up
link set e0 up
route add default via 10.70.1.1
route add default via fd70:1::1
""",
    "s": """
addr add 10.70.2.11/24 dev e0
addr add fd70:2::11/64 dev e0 nodad
link set lo up
link set e0 up
route add default via 10.70.2.1
route add default via fd70:2::1
""",
}


class Network:
    """Three namespaces in a row, what runs in them, and the files that changes to the balancer or the server write."""

    def __init__(self, folder):
        word = secrets.token_hex(3)
        self.names = {side: "ft-%s-%s" % (word, side) for side in ("c", "b", "s")}
        self.folder = folder
        self.processes = []
        for name in self.names.values():
            subprocess.run(["ip", "netns", "add", name], check=True)
        for side, lines in SETUP.items():
            text = lines.strip().format(**self.names) + "\n"
            subprocess.run(["ip", "-n", self.names[side], "-batch", "-"], input=text, text=True, check=True)
        for side in self.names:
            for path in ("var/lib", "run", "etc/systemd/system", "proc"):
                self.tree(side).joinpath(path).mkdir(parents=True)

    def wait_for_links(self):
        """Wait until each interface has its link-local address for good: before that, neighbours may not find each other."""
        script = "test $(ip -6 -o addr show scope link | grep -vc tentative) = $(ip -o link | grep -vc ': lo:')"
        for name in self.names.values():
            wait = "for i in $(seq 100); do %s && exit; sleep 0.1; done; exit 1" % script
            subprocess.run(["ip", "netns", "exec", name, "sh", "-c", wait], check=True)

    def tree(self, side):
        """Return where the files of one side lie."""
        return self.folder / side

    def close(self):
        """End what runs and take the namespaces away."""
        for process in self.processes:
            process.kill()
            process.wait()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False)

    def run(self, side, *command, text=None, check=True):
        """Run a command on one side; return what it prints."""
        words = ["ip", "netns", "exec", self.names[side], *map(str, command)]
        return subprocess.run(words, input=text, check=check, capture_output=True, text=True, timeout=60).stdout

    def start(self, side, *command, ready="ready"):
        """Start a process on one side and wait for its word."""
        words = ["ip", "netns", "exec", self.names[side], *map(str, command)]
        # As a service starts: HAProxy, which gives up root, cannot go back to a checkout in a private folder.
        process = subprocess.Popen(words, cwd="/", stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        if ready:
            assert process.stdout.readline().strip() == ready
        return process

    def peer(self, side, *arguments):
        """Start a server or a proxy of ours."""
        return self.start(side, sys.executable, "-B", HERE / "peers.py", *arguments)

    def stop(self, process):
        """End one process."""
        self.processes.remove(process)
        process.kill()
        process.wait()

    def dial(self, side, *arguments, how="dial"):
        """Dial from one side; return what the other end says, or "fails: …"."""
        if ":" in arguments[0]:
            self.wait_for_links()
        return self.run(side, sys.executable, "-B", HERE / "peers.py", how, *arguments).strip()

    def change(self, options, *more, side="b", before=(), hide=None, environment=None):
        """Make a change on one side, the sysctls its own; return {"result": …}, {"error": …}, None where it was killed."""
        tree = self.tree(side)
        driver = [sys.executable, "-B", str(HERE / "routing_driver.py"), str(tree), json.dumps(options), *more]
        script = 'mount --rbind /proc "$0/proc"; %s exec "$@"' % ('mount -t tmpfs none "$0/proc%s";' % hide if hide else "")
        words = ["ip", "netns", "exec", self.names[side], "unshare", "-m", "sh", "-c", script, str(tree), *before, *driver]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0", **(environment or {})}
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
        lines = done.stdout.splitlines()
        assert lines[:1] == ["begin"], done.stderr
        return json.loads(lines[1]) if len(lines) > 1 else None

    def done(self, options, *more, **keywords):
        """Make a change that must succeed; return its result."""
        answer = self.change(options, *more, **keywords)
        assert "result" in answer, answer
        return answer["result"]

    def refused(self, options, **keywords):
        """Make a change that must fail; return the message. The side is as before."""
        side = keywords.get("side", "b")
        before = self.state(side)
        answer = self.change(options, **keywords)
        assert "error" in answer, answer
        assert self.state(side) == before
        return answer["error"]

    def state(self, side="b"):
        """Return all that a change of one side may touch: rules, routes, rulesets, sysctls, files."""
        script = "ip -d rule; ip -d -6 rule; ip -d route show table all; ip -d -6 route show table all; nft -s list ruleset;"
        script += "find /proc/sys/net/ipv[46] -name rp_filter -o -name '*forward*' -o -name ip_nonlocal_bind | sort | xargs grep ."
        lines = self.run(side, "sh", "-c", script, check=False).splitlines()
        # Rules of one preference have no order that means anything: ours never apply to the same packet.
        found = {"live": sorted(line for line in lines if "ff00::" not in line and "fe80::" not in line)}
        for path in sorted(self.tree(side).rglob("*")):
            name = "/" + str(path.relative_to(self.tree(side)))
            if not name.startswith(("/proc", "/var/lib/front-tier", "/run/front-tier.lock")):
                found[name] = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else "folder"
        return found


@pytest.fixture
def net(tmp_path):
    """Return a fresh network."""
    if os.geteuid() or not shutil.which("nft"):
        pytest.skip("takes root and nft (apt-get install nftables)")
    made = Network(tmp_path)
    yield made
    made.close()
