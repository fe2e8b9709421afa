# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every writing system call of a change of transparent routing fails once and is killed once; the kernel's state is whole again, too.

Files, netlink (sendto) and the start and end of nft (vfork, wait4) alike. By default every sixteenth point, from a random first on;
all of them with FAULTS=all.
"""

from __future__ import annotations

import os
import random
import shutil

import pytest

from tests.faults.points import points_in, some

# clone never shows up by itself: strace fails only calls that it traces, see `failing`.
CALLS = "write,fsync,rename,unlink,mkdir,rmdir,chmod,fchmod,fchown,symlink,sendto,vfork,clone,wait4"
STEP = 1 if os.environ.get("FAULTS") == "all" else 16
INTERCEPT = {
    "method": "intercept",
    "interfaces": ["k0"],
    "client_interfaces": ["f0"],
    "addresses": ["10.70.2.11"],
    "ports": [8080],
    "when_down": "closed",
    "notrack": [8080],
}
WANTED = {
    "present": INTERCEPT,
    "other": {"method": "return_path", "interfaces": ["k0"], "mark": 5, "table": 500},
    "absent": {"state": "absent"},
}
ROWS = {"present": None, "other": "present", "absent": "present"}  # what is there before

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")


def run(net, what, inject=None, log=None):
    """Make one of the changes under strace; return what it said, None where it was killed."""
    tracing = ["strace", "-qq", "-o", str(log or "/dev/null"), "-e", "trace=" + CALLS]
    for one in inject or ():
        tracing += ["-e", "inject=" + one]
    return net.change(WANTED[what], before=tracing if inject or log else ())


def failing(call, nth):
    """Return the options of strace that make one call fail. Python tries fork where vfork fails, which is clone: it fails, too."""
    if call == "vfork":
        return [f"vfork:error=EAGAIN:when={nth}", "clone:error=EAGAIN"]
    return [f"{call}:error=EIO:when={nth}"]


def begin_with(net, what):
    """Put the side into the state that a kind of change starts from."""
    net.change(WANTED["absent"])
    if ROWS[what]:
        assert "result" in net.change(WANTED[ROWS[what]])


def kept(net):
    """Return what is left in the folder of our state."""
    return sorted(path.name for path in (net.tree("b") / "var/lib/front-tier").glob("*"))


def points(net, what, tmp_path):
    """Return [(system call, how manieth of its name)] of every writing call between the begin and the answer."""
    (net.tree("b") / "var/lib/front-tier").mkdir(mode=0o700, exist_ok=True)  # it stays, so that each run makes the same calls
    begin_with(net, what)
    log = tmp_path / "trace"
    assert "result" in run(net, what, log=log)
    rows = points_in(log)
    assert len(rows) > 40, "the staged faults would not be reached"
    assert {"sendto", "symlink" if what == "present" else "unlink", "wait4"} <= {call for call, _nth in rows}
    return some(what, rows, STEP)


@pytest.mark.parametrize("what", ROWS)
def test_a_call_that_fails_leaves_kernel_and_files_as_they_were(net, tmp_path, what):
    """Whichever call fails, files, links, sysctls, rules, routes and rulesets are as before."""
    failed, rows = 0, points(net, what, tmp_path)
    begin_with(net, what)
    before, state = net.state(), kept(net)
    for call, nth in rows:
        answer = run(net, what, inject=failing(call, nth))
        if answer and "error" in answer:
            failed += 1
            assert net.state() == before, f"{call} {nth}: {answer['error']}"
            assert kept(net) == state, f"{call} {nth}: {answer['error']}"
        else:
            assert answer, f"{call} {nth}"
            begin_with(net, what)  # a clean-up that may fail: the change itself is whole
    assert failed >= len(rows) - 1, "only the last fsync may fail and the change stand"


@pytest.mark.parametrize("what", ROWS)
def test_a_killed_change_is_made_whole_by_the_next_one(net, tmp_path, what):
    """Killed at any call, the next run settles it; a later absent brings the first originals back."""
    net.change(WANTED["absent"])
    original, rows = net.state(), points(net, what, tmp_path)
    pick = random.Random(1)
    killed = 0
    for call, nth in rows:
        begin_with(net, what)
        if run(net, what, inject=[f"{call}:signal=KILL:when={nth}"]) is not None:
            continue  # the last call: nothing was left to kill
        killed += 1
        again = pick.choice(rows)  # the run that settles it may be killed too
        run(net, what, inject=[f"{again[0]}:signal=KILL:when={again[1]}"])
        answer = run(net, "present")
        assert "result" in answer, f"{call} {nth}: {answer}"
        assert kept(net) == ["sets.json"]
        assert run(net, "present")["result"]["changed"] is False
        assert "result" in run(net, "absent")
        assert net.state() == original, f"{call} {nth}: absent did not bring the originals back"
        assert kept(net) == []
    assert killed > len(rows) // 2, "too few of the staged kills were reached"
