# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of it or nothing, with netlink: every writing system call and every message to the kernel fails once and is killed once.

In network namespaces with a veth pair. The points are deterministic: a first run under strace lists them, and strace's fault
injection hits each of them. By default every twelfth one, from a random first on; all of them with FAULTS=all (make test-all).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys

import pytest

from tests.addresses import wire as wires
from tests.faults.points import points_in, some

CALLS = "write,fsync,rename,unlink,mkdir,rmdir,chmod,fchmod,fchown,ftruncate,sendto,sendmsg"
STEP = 1 if os.environ.get("FAULTS") == "all" else 12
OURS = ("/var/lib/front-tier", "/run/front-tier.lock")
LIST = {"kind": "address", "backend": "auto", "duplicate_check": False, "in_use": "refuse"}
WANTED = {
    "present": [
        dict(LIST, interface="front0", addresses=["10.77.0.10-10.77.0.12", "fd77::10"]),
        dict(LIST, interface="front0", addresses=["10.77.0.20"], kind="macvlan"),
        dict(LIST, interface="lo", addresses=["10.99.0.0/24"], kind="local_route", backend="networkd"),
    ],
    "other": [dict(LIST, interface="front0", addresses=["10.77.0.11", "10.77.0.12/24", "10.77.0.30", "fd77::11"])],
    "absent": [],
}

pytestmark = [
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces with a veth pair"),
]


class Host(wires.Wire):
    """A host on a wire, on which a change can be broken and killed."""

    def seen(self):
        """Return addresses, interfaces, routes and files, less the folder of our state and the lock."""
        files = {}
        for path in sorted(self.tree.rglob("*")):
            name = "/" + str(path.relative_to(self.tree))
            if not name.startswith(OURS):
                status = path.lstat()
                files[name] = (path.read_bytes() if path.is_file() else None, status.st_mode, status.st_uid, status.st_gid)
        addresses = {(name, one["interface"], one.get("deprecated", False)) for name, one in self.addresses().items()}
        return addresses, sorted(self.links()), self.routes(), files

    def state(self):
        """Return what is left in the folder of our state."""
        folder = self.tree / "var/lib/front-tier"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def change(self, what, inject=None, log=None):
        """Make a change under strace; return what it said, None where it was killed."""
        params = {name: option.get("default") for name, option in wires.COMMON.items()}
        params.update(dict.fromkeys(wires.SECTIONS), secondary_interfaces=WANTED[what])
        params["state"] = "absent" if what == "absent" else "present"
        command = [sys.executable, "-B", wires.__file__, str(self.tree), json.dumps(params), ""]
        if inject or log:
            tracing = ["strace", "-qq", "-s", "16", "-o", str(log or "/dev/null"), "-e", "trace=" + CALLS]
            command = tracing + (["-e", "inject=" + inject] if inject else []) + command
        done = self.inside(command, env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONHASHSEED="0"))
        lines = done.stdout.splitlines()
        assert lines[:1] == ["begin"], done.stderr
        return json.loads(lines[1]) if len(lines) > 1 else None

    def bring_back(self, before, first):
        """Begin again with the next fault: the host as it was."""
        if self.seen() != before or first is None:
            assert "result" in self.change("absent")
            if first:
                assert "result" in self.change(first)
        assert before == self.seen()


@pytest.fixture
def host(tmp_path):
    """Return a host on a wire."""
    made = Host(tmp_path / "tree")
    yield made
    made.close()


def points(host, what, log):
    """Return [(system call, how manieth of its name)] of every writing call between the begin and the answer."""
    assert "result" in host.change(what, log=log)
    rows = points_in(log)
    assert len(rows) > 20 and any(call == "sendto" for call, _nth in rows), "the staged faults would not be reached"
    return some(what, rows, STEP)


RUNS = [(None, "present"), ("present", "other"), ("present", "absent")]


@pytest.mark.parametrize(("first", "what"), RUNS)
def test_a_message_that_fails_leaves_the_host_as_it_was(host, tmp_path, first, what):
    """Whichever call or message fails, the run says what happened and the host is as before, on the wire and on disk."""
    if first:
        host.change(first)
    before, kept = host.seen(), host.state()
    rows = points(host, what, tmp_path / "log")
    failed = 0
    for call, nth in rows:
        host.bring_back(before, first)
        answer = host.change(what, inject=f"{call}:error=EIO:when={nth}")
        if "error" not in answer:
            assert "result" in answer  # a clean-up that may fail: the change itself is whole
            continue
        failed += 1
        assert before == host.seen(), f"{call} {nth}: {answer['error']}"
        assert kept == host.state(), f"{call} {nth}: {answer['error']}"
        assert "as before" in answer["error"] or "Nothing was changed" in answer["error"] or "rror" in answer["error"]
    assert failed > len(rows) // 2, "too few of the staged faults were reached"


@pytest.mark.parametrize(("first", "what"), RUNS)
def test_a_killed_run_is_made_whole_by_the_next_one(host, tmp_path, first, what):
    """Killed at any call or message, the next run settles it; absent afterwards brings the first originals back."""
    original = host.seen()
    if first:
        host.change(first)
    before = host.seen()
    rows = points(host, what, tmp_path / "log")
    pick = random.Random(1)
    killed = 0
    for call, nth in rows:
        host.bring_back(before, first)
        if host.change(what, inject=f"{call}:signal=KILL:when={nth}") is not None:
            continue  # the last call: nothing was left to kill
        killed += 1
        again = pick.choice(rows)  # the run that settles it may be killed too
        host.change(what, inject=f"{again[0]}:signal=KILL:when={again[1]}")
        answer = host.change("present")
        assert "result" in answer, f"{call} {nth}: {answer}"
        assert "sets.json" in host.state() and "journal" not in host.state()
        assert {"10.77.0.10/32", "10.77.0.20/32", "fd77::10/128"} < set(host.addresses())
        assert host.change("present")["result"]["changed"] is False
        assert "result" in host.change("absent")
        assert original == host.seen(), f"{call} {nth}: absent did not bring the originals back"
        assert [] == host.state()
    assert killed > len(rows) // 2, "too few of the staged kills were reached"
