# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace of its own for each test, in which the real module runs as a process, as Ansible would run it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "plugins/modules/connection_probe.py"
PATIENCE = 60.0  # seconds: the machine may be busy


class Namespace:
    """A network namespace with a loopback, a port range and what runs in it."""

    def __init__(self, ports):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        until = time.monotonic() + PATIENCE
        while self.inode() == os.stat("/proc/self/ns/net").st_ino and time.monotonic() < until:
            time.sleep(0.01)
        self.run("ip", "link", "set", "lo", "up")
        self.sysctl("net/ipv4/ip_local_port_range", ports)
        self.runs = set()

    def inode(self, pid=None):
        """Return the number of the namespace of a process, the holder's if none is named."""
        with contextlib.suppress(OSError):
            return os.stat("/proc/%d/ns/net" % (pid or self.holder.pid)).st_ino
        return None

    def command(self, *words):
        """Return the command line that runs inside."""
        return ["nsenter", "--net", "--target", str(self.holder.pid), *words]

    def run(self, *words, **more):
        """Run a command inside; return its output."""
        return subprocess.run(self.command(*words), check=True, capture_output=True, text=True, **more).stdout

    def sysctl(self, name, value):
        """Write a sysctl of the namespace."""
        self.run("sh", "-c", 'echo "$1" > "/proc/sys/$0"', name, value)

    def module(self, *before, check=False, **options):
        """Run the module inside, behind the words of another command; return what it prints."""
        self.runs.add(options.setdefault("run", "test-%d" % self.holder.pid))
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, _ansible_check_mode=check)})
        environment = dict(os.environ, PYTHONPATH=str(ROOT / ".build/live"))
        words = self.command(*before, sys.executable, str(MODULE))
        done = subprocess.run(words, input=arguments, capture_output=True, text=True, env=environment, timeout=300, check=False)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def listen(self, paths, **more):
        """Start the listeners of the paths."""
        result = self.module(side="listen", state="started", paths=paths, **dict({"hold": 120}, **more))
        assert not result.get("failed"), result
        return result

    def dial(self, paths, state="holding", **more):
        """Dial the paths; return the result."""
        return self.module(side="dial", state=state, paths=paths, **dict({"hold": 120, "reserve_ports": 0}, **more))

    def known(self, side, state="holding"):
        """Return what a run's side says of itself."""
        return self.module(side=side, state=state)

    def both(self):
        """Return (dialler's result, listener's result) once both count the same, or what they last said."""
        until = time.monotonic() + PATIENCE
        while True:
            dialled, listened = self.known("dial"), self.known("listen")
            if dialled["held"] == listened["held"] or time.monotonic() > until:
                return dialled, listened

    def processes(self):
        """Return the processes inside, but for the one that keeps it."""
        inside, found = self.inode(), []
        for name in os.listdir("/proc"):
            if name.isdecimal() and int(name) != self.holder.pid and self.inode(int(name)) == inside:
                found.append(int(name))
        return found

    def sockets(self):
        """Return {established, time_wait} as the kernel counts them."""
        words = self.run("sh", "-c", "cat /proc/net/snmp /proc/net/sockstat").splitlines()
        tcp = [line.split() for line in words if line.startswith("Tcp:")]
        stat = next(line.split() for line in words if line.startswith("TCP:"))
        return {"established": int(tcp[1][tcp[0].index("CurrEstab")]), "time_wait": int(stat[stat.index("tw") + 1])}

    def parent(self, side):
        """Return the process number of a run's parent."""
        return json.loads(self.place(side).joinpath("status.json").read_text())["pid"]

    def place(self, side):
        """Return the folder of a run."""
        return Path("/run/front-tier-probe/test-%d.%s" % (self.holder.pid, side))

    def children(self, pid):
        """Return the processes that a process started."""
        return [int(word) for word in Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]

    def ends(self, what, wanted):
        """Wait until what() is what is wanted; return what it is."""
        until = time.monotonic() + PATIENCE
        while what() != wanted and time.monotonic() < until:
            time.sleep(0.1)
        return what()

    def leave(self):
        """End all that runs inside, and the namespace."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.wait()
        for run in self.runs:
            for folder in Path("/run/front-tier-probe").glob(run + ".*"):
                for file in folder.iterdir():
                    file.unlink()
                folder.rmdir()


@pytest.fixture
def net():
    """A namespace with 1,000 ports, which ends with the test."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a network namespace")
    one = Namespace("20000 20999")
    yield one
    one.leave()


@pytest.fixture
def wide():
    """A namespace with 5,000 ports."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a network namespace")
    one = Namespace("20000 24999")
    yield one
    one.leave()
