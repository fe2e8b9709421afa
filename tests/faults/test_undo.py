# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last change of a host is undone where that was provided for (undo: keep, undo: now), exactly, and whatever fails or is killed."""

from __future__ import annotations

import pytest

from tests.faults import driver
from tests.faults.points import points_in, some
from tests.faults.test_transaction import STEP, pytestmark, run, seen, state

__all__ = ["pytestmark"]
RECORD = "var/lib/front-tier/sets.json"


@pytest.fixture
def host(tmp_path):
    """Return a host as a tree."""
    driver.make(tmp_path)
    return tmp_path


def test_a_set_that_was_there_goes_back_to_what_it_had(host):
    """Values, files, limits of a process and the record itself are those before the last change, not those before the set."""
    run(host, "present")
    before, record = seen(host), (host / RECORD).read_text()
    assert run(host, "kept")["result"]["changed"]
    changed = seen(host)
    assert changed != before
    shown = run(host, "look")["result"]
    assert seen(host) == changed
    done = run(host, "undo")["result"]
    assert done["changed"] and done["steps"] == shown["steps"] and done["diff"] == shown["diff"]
    assert seen(host) == before
    assert (host / RECORD).read_text() == record
    assert state(host) == ["sets.json"]
    assert "none of set front-tier with undo: keep. Nothing was changed." in run(host, "undo")["error"]


def test_a_first_change_leaves_nothing(host):
    """On a host that had no set, nothing of ours is left."""
    before = seen(host)
    run(host, "kept")
    assert state(host) == ["sets.json", "undo.json"]
    run(host, "undo")
    assert seen(host) == before
    assert state(host) == []


@pytest.mark.parametrize("what", ["present", "kept", "absent"])
def test_only_the_last_change_is_undone(host, what):
    """Any run after it, also one that changes nothing, ends the possibility; what is undone then is that run or nothing."""
    run(host, "kept")
    run(host, what)
    before = seen(host)
    assert "error" in run(host, "undo")
    assert seen(host) == before


def test_what_others_wrote_since_is_not_overwritten(host):
    """A file of the change that somebody has edited is named, and nothing is touched."""
    run(host, "kept")
    edited = host / "etc/sysctl.d/90-front-tier.conf"
    edited.write_text("# mine\n")
    before = seen(host)
    assert "others have changed /etc/sysctl.d/90-front-tier.conf since" in run(host, "undo")["error"]
    assert seen(host) == before


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_an_undo_that_fails_or_is_killed_is_ended_by_the_next_run(tmp_path, fault):
    """At whichever writing call: the next run has the host as it was before the change that was being undone."""
    for name in ("model", "log"):
        (tmp_path / name).mkdir()
    driver.make(tmp_path / "model")
    run(tmp_path / "model", "present")
    run(tmp_path / "model", "kept")
    assert "result" in run(tmp_path / "model", "undo", log=tmp_path / "log/trace")
    rows = points_in(tmp_path / "log/trace")
    assert len(rows) > 20, "the staged faults would not be reached"
    for number, (call, nth) in enumerate(some("undo", rows, STEP)):
        tree = tmp_path / str(number)
        driver.make(tree)
        run(tree, "present")
        before = seen(tree)
        run(tree, "kept")
        run(tree, "undo", inject=f"{call}:{fault}:when={nth}")
        again = run(tree, "undo")  # refused where all of it was done
        assert seen(tree) == before, f"{call} {nth}: {again}"
        assert run(tree, "present")["result"]["changed"] is False
        assert state(tree) == ["sets.json"], f"{call} {nth}"
