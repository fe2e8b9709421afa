# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that keep descriptor limits, what they lose against, and processes by their names."""

from __future__ import annotations

import os
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import things
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import process, unit
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import nofile_d
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import claims, pair
from ansible_collections.c10m.front_tier.plugins.module_utils._read.planned import PlannedRoot
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import pids_by_unit
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.units import read_units, real_names

WANTED = {"soft": 2000, "hard": 3000}
WEB = "/usr/lib/systemd/system/web.service"


def tree(top, files):
    """Return the root of a host with these files and ("link", target)s."""
    for name, content in files.items():
        path = str(top) + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, tuple):
            os.symlink(content[1], path)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
    return Root(str(top))


@given(st.integers(1024, 1 << 30), st.integers(0, 1 << 20), st.sampled_from(["users", "web.service", "web@.service", nofile_d.MANAGER]))
def test_what_is_written_is_what_the_readers_of_the_audit_find(soft, more, whom):
    """PAM's and systemd's own rules, as the audit reads them, give exactly what was asked for whatever numbers."""
    nofile = {"soft": soft, "hard": soft + more}
    path = nofile_d.folder_of(whom) + "/50-a.conf"
    text = nofile_d.text_for("a", whom, ["app", "*"], nofile)
    root = PlannedRoot(Root("/nonexistent"), {path: text, WEB: "[Service]\n", WEB.replace("web", "web@"): "[Service]\n"})
    assert {} == nofile_d.losing(root, [whom], ["app", "*"], nofile)
    assert {pair(nofile)} == set(claims(path, text).values())


@pytest.mark.parametrize(
    ("name", "loses"),
    [
        ("/etc/systemd/system/web.service.d/%s.conf", True),
        ("/usr/lib/systemd/system/web.service.d/%s.conf", True),
        ("/run/systemd/system/web.service.d/%s.conf", False),
    ],
)
def test_a_drop_in_that_sorts_later_wins_at_boot_wherever_it_stands(tmp_path, name, loses):
    """The folder does not matter, only the name; what stands in /run is gone after a boot, and wins until then."""
    ours = {nofile_d.folder_of("web.service") + "/50-a.conf": nofile_d.text_for("a", "web.service", [], WANTED)}
    root = PlannedRoot(tree(tmp_path, {WEB: "[Service]\n", name % "60-b": "[Service]\nLimitNOFILE=9\n"}), dict(ours))
    assert loses == bool(nofile_d.losing(root, ["web.service"], [], WANTED))
    assert {"web.service": "9:9"} == nofile_d.loaded_next(root, ["web.service"])
    earlier = PlannedRoot(tree(tmp_path / "other", {WEB: "[Service]\n", name % "40-b": "[Service]\nLimitNOFILE=9\n"}), dict(ours))
    assert {} == nofile_d.losing(earlier, ["web.service"], [], WANTED)
    assert {"web.service": "2000:3000"} == nofile_d.loaded_next(earlier, ["web.service"])


def test_what_no_file_decides_in_numbers_is_not_promised(tmp_path):
    """Without a line, and with infinity (what process 1 has), nothing is said of what systemd will load."""
    root = tree(tmp_path, {WEB: "[Service]\n", WEB.replace("web", "free"): "[Service]\nLimitNOFILE=infinity\n"})
    assert {} == nofile_d.loaded_next(root, ["web.service", "free.service"])


@pytest.mark.parametrize("other", ["override", "zz-front", "zzz"])
def test_outrank_takes_just_enough_z(tmp_path, other):
    """The name sorts after every drop-in of the unit, in whatever folder it stands."""
    root = tree(tmp_path, {WEB: "", "/usr/lib/systemd/system/web.service.d/%s.conf" % other: ""})
    name = os.path.basename(nofile_d.last_in(root, "web.service", "front-tier"))
    assert name > other + ".conf" and name.endswith("-front-tier.conf")
    assert name[1:] < other + ".conf" or name.startswith("zz-")


def test_an_alias_has_the_name_of_its_file(tmp_path):
    """A link among the unit folders is an alias; a unit of its own keeps its name."""
    root = tree(tmp_path, {WEB: "[Service]\n", "/etc/systemd/system/www.service": ("link", WEB)})
    assert {"web.service"} == real_names(root, ["www.service", "web.service"])
    assert read_units(root, ["web.service"])["web.service"]["exists"]


def test_processes_by_unit_in_both_kinds_of_control_groups(tmp_path):
    """Every process of a unit is found, below a slice or a group of its own; those of no unit are not."""
    groups = {1: "0::/init.scope", 10: "0::/system.slice/web.service", 11: "0::/system.slice/web.service/worker", 12: "0::/user.slice"}
    root = tree(tmp_path, {"/proc/%d/cgroup" % pid: text + "\n" for pid, text in groups.items()})
    assert [10, 11] == pids_by_unit(root)["web.service"]


def test_a_process_is_itself_only_with_its_own_start():
    """This very process is read by its name; with another start it is gone, and nothing is written to it."""
    name = process.name_of(Root(), "test.service", os.getpid())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert {"soft": limits[0], "hard": limits[1]} == things.read(Root(), "process", [name])[name]
    reused = name.rsplit("/", 1)[0] + "/1-00000000"
    assert process.GONE == things.read(Root(), "process", [reused])[reused]
    things.write(Root(), "process", reused, {"soft": 10, "hard": 10})
    assert limits == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_a_process_that_is_gone_agrees_with_anything():
    """It has nothing to put right and nothing to take back."""
    assert things.same("process", "x", process.GONE, {"soft": 1, "hard": 1})
    assert not things.same("process", "x", {"soft": 1, "hard": 1}, {"soft": 1, "hard": 2})


@pytest.mark.parametrize(
    ("capabilities", "mapped", "may"),
    [
        ("000001ffffffffff", "0 0 4294967295", True),
        ("000001fffeffffff", "0 0 4294967295", False),
        ("000001ffffffffff", "0 100000 65536", False),
    ],
)
def test_hard_limits_take_the_capability_outside_of_any_user_namespace(tmp_path, capabilities, mapped, may):
    """Root of a user namespace has all capabilities and may still raise nothing."""
    root = tree(tmp_path, {"/proc/7/status": "CapEff:\t%s\n" % capabilities, "/proc/7/uid_map": mapped + "\n"})
    assert may == process.may_raise(root, 7)


def test_units_are_compared_where_both_sides_know_them(tmp_path):
    """A tree has no systemd to ask or to reload."""
    assert unit.same("a b", {"a": "1:2", "b": "1:2"}, {"a": "1:2"})
    assert not unit.same("a b", {"a": "1:2"}, {"a": "1:3"})
    root = tree(tmp_path, {"/run/systemd/system/.keep": ""})
    assert {"a.service": {}} == things.read(root, "unit", ["a.service"])
    things.write(root, "unit", "a.service", {})
