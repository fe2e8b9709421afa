# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of it or nothing: every writing system call of a change fails once and is killed once, and the host is whole again.

The points are deterministic: a first run under strace lists them, and strace's fault injection hits each of them. By default
every eighth one, from a random first on; all of them with FAULTS=all (make test-all).
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys

import pytest

from tests.faults import driver
from tests.faults.points import points_in, some

CALLS = "write,fsync,rename,unlink,mkdir,rmdir,chmod,fchmod,fchown,ftruncate,prlimit64"
STEP = 1 if os.environ.get("FAULTS") == "all" else 8
OURS = ("/var/lib/front-tier", "/run/front-tier.lock")

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")


def seen(tree):
    """Return {path: (content or folder, mode, uid, gid)} of the whole host, less the folder of our state and the lock, and its process."""
    found = {"process": resource.prlimit(driver.child(), resource.RLIMIT_NOFILE)}
    for path in sorted(tree.rglob("*")):
        name = "/" + str(path.relative_to(tree))
        if not name.startswith(OURS):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else None
            if name.startswith("/proc/") and content is not None:
                content = content.split()  # a sysctl has a value, no text
            found[name] = (content, status.st_mode, status.st_uid, status.st_gid)
    return found


def state(tree):
    """Return what is left in the folder of our state."""
    folder = tree / "var/lib/front-tier"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def run(tree, what, inject=None, log=None):
    """Run the change under strace; return what it said, None where it was killed."""
    command = [sys.executable, "-B", driver.__file__, str(tree), what]
    if inject or log:
        tracing = ["strace", "-qq", "-o", str(log or "/dev/null"), "-e", "trace=" + CALLS]
        command = tracing + (["-e", "inject=" + inject] if inject else []) + command
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONHASHSEED="0")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    lines = done.stdout.splitlines()
    assert lines[:1] == ["begin"], done.stderr
    return json.loads(lines[1]) if len(lines) > 1 else None


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Return [(system call, how manieth of its name)] of every writing call between the begin and the answer, by kind of run."""
    found = {}
    for first, what in ((None, "present"), ("present", "other"), ("present", "absent")):
        tree = tmp_path_factory.mktemp(what)
        driver.make(tree)
        if first:
            run(tree, first)
        log = tmp_path_factory.mktemp("log") / "trace"
        assert "result" in run(tree, what, log=log)
        rows = points_in(log)
        assert len(rows) > 20, "the staged faults would not be reached"
        found[what] = (first, some(what, rows, STEP))
    return found


@pytest.mark.parametrize("what", ["present", "other", "absent"])
def test_a_call_that_fails_leaves_the_host_as_it_was(points, tmp_path, what):
    """Whichever writing call fails, the run says what happened and the host is as before, with nothing of ours left half done."""
    first, rows = points[what]
    failed = 0
    for number, (call, nth) in enumerate(rows):
        tree = tmp_path / str(number)
        driver.make(tree)
        if first:
            run(tree, first)
        before, kept = seen(tree), state(tree)
        answer = run(tree, what, inject=f"{call}:error=EIO:when={nth}")
        if "error" not in answer:
            assert "result" in answer  # a clean-up that may fail: the change itself is whole
            continue
        failed += 1
        assert before == seen(tree), f"{call} {nth}: {answer['error']}"
        assert kept == state(tree), f"{call} {nth}: {answer['error']}"
        assert "as before" in answer["error"] or "Nothing was changed" in answer["error"] or "rror" in answer["error"]
    assert failed > len(rows) // 2, "too few of the staged faults were reached"


@pytest.mark.parametrize("what", ["present", "other", "absent"])
def test_a_killed_run_is_made_whole_by_the_next_one(points, tmp_path, what):
    """Killed at any writing call, the next run settles it; a later absent brings the first originals back."""
    first, rows = points[what]
    pick = random.Random(1)
    killed = 0
    for number, (call, nth) in enumerate(rows):
        tree = tmp_path / str(number)
        driver.make(tree)
        original = seen(tree)
        if first:
            run(tree, first)
        if run(tree, what, inject=f"{call}:signal=KILL:when={nth}") is not None:
            continue  # the last call: nothing was left to kill
        killed += 1
        killed_again = pick.choice(rows)  # the run that settles it may be killed too
        run(tree, what, inject=f"{killed_again[0]}:signal=KILL:when={killed_again[1]}")
        answer = run(tree, "present")
        assert "result" in answer, f"{call} {nth}: {answer}"
        assert "sets.json" in state(tree) and "journal" not in state(tree)
        assert "65535" == (tree / "proc/sys/net/core/somaxconn").read_text().strip()
        assert run(tree, "present")["result"]["changed"] is False
        assert "result" in run(tree, "absent")
        assert original == seen(tree), f"{call} {nth}: absent did not bring the originals back"
        assert [] == state(tree)
    assert killed > len(rows) // 2, "too few of the staged kills were reached"
