# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of this machine: every sysctl as `sysctl -n` prints it, limits of processes as `prlimit` prints them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import read_processes
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import SUBSETS, read_snapshot
from tests.witness.apart import apart, needs, sysctl, tool

MOVING = {"net.netfilter.nf_conntrack_count"}


def printed(value):
    """Return a value as `sysctl -n` prints it, without its white space."""
    if isinstance(value, list):
        return (" " if all(isinstance(one, int) for one in value) else ",").join(str(one) for one in value)
    return str(value)


def compare(limits):
    """Compare every sysctl among the limits with `sysctl -n`; return how many were equal."""
    equal = 0
    for row in limits:
        if not str(row["source"]).startswith("/proc/sys/"):
            continue
        found = subprocess.run(["sysctl", "-n", row["name"]], check=False, capture_output=True, text=True)
        if is_absent(row["value"]):
            assert found.returncode, "%s is said to be absent, and sysctl prints %s" % (row["name"], found.stdout)
        elif row["name"] not in MOVING:
            assert " ".join(found.stdout.split()) == printed(row["value"]), row["name"]
            equal += 1
    return equal


@needs("sysctl")
class TestSysctls:
    def test_on_this_machine(self):
        """Every sysctl that is read has the value that `sysctl -n` prints, or is missing there too."""
        assert compare(read_snapshot(Root(), SUBSETS)["limits"]) > 30

    @apart
    def test_in_a_namespace(self):
        """A network namespace has its own values, and lacks what belongs to the machine."""
        sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        sysctl("net.ipv4.ip_local_reserved_ports", "8080-8082,9000")
        sysctl("net.core.somaxconn", 77)
        limits = read_snapshot(Root(), SUBSETS)["limits"]
        assert compare(limits) > 20
        values = {row["name"]: row["value"] for row in limits}
        assert values["net.core.somaxconn"] == 77
        assert values["net.ipv4.ip_local_reserved_ports"] == ["8080-8082", "9000"]


@needs("prlimit")
class TestProcesses:
    def test_descriptor_limits_are_those_of_prlimit(self):
        """Soft and hard limits of a process that we started, also where they differ from ours."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        most = 4000 if hard == resource.RLIM_INFINITY else min(4000, hard)

        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (123, most))

        code = "import sys; files = [open('/dev/null') for _ in range(40)]; print(flush=True); sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lower) as child:
            child.stdout.readline()
            (found,) = read_processes(Root(), [child.pid])
            shown = tool("prlimit", "--pid", str(child.pid), "--nofile", "--noheadings", "--raw", "-o", "SOFT,HARD").split()
            assert [str(found["nofile"]["soft"]), str(found["nofile"]["hard"])] == shown == ["123", str(most)]
            assert found["files_open"] == len(os.listdir("/proc/%d/fd" % child.pid)) >= 43
            child.stdin.close()

    def test_our_own_limit(self):
        """The limit of this session is that of prlimit."""
        shown = tool("prlimit", "--nofile", "--noheadings", "--raw", "-o", "SOFT,HARD").split()
        assert [str(one) for one in read_snapshot(Root(), ["files"])["files"]["nofile_self"].values()] == shown
