# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptor limits: what is taken, what is refused, and what has to grow with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import nofile

NUMBERS = st.integers(nofile.LEAST, nofile.MOST)
PAIRS = st.tuples(NUMBERS, NUMBERS).map(lambda two: {"soft": min(two), "hard": max(two)})


@pytest.mark.parametrize(
    ("value", "soft", "hard"),
    [(65536, 65536, 65536), ("65536", 65536, 65536), ({"soft": 1024, "hard": "524288"}, 1024, 524288), (1024, 1024, 1024)],
)
def test_a_number_is_both_limits_and_a_dict_is_each(value, soft, hard):
    """A number given as text, as templates make them, is the number."""
    assert {"soft": soft, "hard": hard} == nofile.parse_nofile(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(None, "nofile is missing", id="missing"),
        pytest.param(0, "nofile 0 is too low", id="zero"),
        pytest.param(-1, "nofile -1 is too low", id="negative"),
        pytest.param({"soft": 0, "hard": 65536}, "nofile.soft 0 is too low", id="zero soft"),
        pytest.param(500, "Ask for at least 1024", id="too low for a session"),
        pytest.param(2147483585, "above 2147483584, the most that any kernel takes", id="above every nr_open"),
        pytest.param(1 << 32, "above 2147483584", id="over 32 bits"),
        pytest.param(1 << 64, "above 2147483584", id="over 64 bits"),
        pytest.param({"soft": 2048, "hard": 1024}, "nofile.soft 2048 is above nofile.hard 1024", id="soft above hard"),
        pytest.param({"hard": 2048}, "exactly soft and hard", id="half a dict"),
        pytest.param({"soft": 2048, "hard": 2048, "har": 1}, "exactly soft and hard", id="typo in a dict"),
        pytest.param("64k", "'64k' is no whole number", id="suffix"),
        pytest.param("unlimited", 'there is no "unlimited"', id="unlimited"),
        pytest.param("infinity", "is no whole number", id="infinity"),
        pytest.param(True, "True is no whole number", id="boolean"),
        pytest.param(1e6, "1000000.0 is no whole number", id="float"),
        pytest.param("0x10000", "is no whole number", id="hexadecimal"),
        pytest.param("65536\n* hard nofile 5", "is no whole number", id="newline"),
        pytest.param("65536\0", "is no whole number", id="NUL"),
        pytest.param("\u0661\u0662\u0663\u0664", "is no whole number", id="digits of other scripts"),
        pytest.param([65536], "is no whole number", id="list"),
    ],
)
def test_nofile_that_no_process_can_have_is_refused(value, message):
    """Each refusal names the option and the value, says what to do, and that nothing was changed."""
    with pytest.raises(Refusal) as refusal:
        nofile.parse_nofile(value)
    assert message in str(refusal.value)
    assert str(refusal.value).endswith(" Nothing was changed.")


@pytest.mark.parametrize("name", ["app", "www-data", "a.b_c", "@staff", "*", "root", "1000:", "@500:600", ":99", "DOMAIN\\user", "host$"])
def test_users_as_limits_conf_takes_them(name):
    """Users, groups and ranges are taken; a wildcard and root are, since they are named."""
    assert [name] == nofile.parse_users([name, name])


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "app\n* hard core 0",
        "app\0",
        "app\tx",
        "#app",
        "-app",
        "%group",
        "@",
        "@@a",
        "../etc",
        "a/b",
        "a,b",
        "**",
        "\x1b[2J",
        "x" * 200,
    ],
)
def test_newline_or_nul_in_a_user_is_refused(name):
    """Nothing gets into limits.d that is more, or something else, than one domain: it could break logins."""
    with pytest.raises(Refusal, match=r"^users: .* is no user\. .* Nothing was changed\.$"):
        nofile.parse_users([name])


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nginx", "nginx.service"),
        ("nginx.service", "nginx.service"),
        ("web@.service", "web@.service"),
        ("web@", "web@.service"),
        ("web@a\\x2db.service", "web@a\\x2db.service"),
        ("my.app", "my.app.service"),
    ],
)
def test_unit_template_names_and_short_names_are_completed(name, full):
    """A unit is completed as systemctl does it; templates and instances are units too."""
    assert [full] == nofile.parse_units([name])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "../../etc/passwd",
        "a/b.service",
        "nginx\n.service",
        "nginx\0",
        "a b",
        "*.service",
        "@.service",
        "x.socket",
        "-.slice",
        "n" * 300,
    ],
)
def test_newline_nul_or_dots_in_a_unit_is_refused(name):
    """A name that would be no unit, or lead out of systemd's folder, is refused before anything is read."""
    with pytest.raises(Refusal, match=r"^units: .* is no name of a service unit\. .* Nothing was changed\.$"):
        nofile.parse_units([name])


@given(st.text(max_size=40))
def test_no_name_at_all_leads_out_of_a_folder_or_makes_a_second_line(text):
    """Whatever is given as a user or unit is refused, or is one path component and one word of one line."""
    for parse in (nofile.parse_users, nofile.parse_units):
        try:
            (name,) = parse([text])
        except Refusal:
            continue
        assert "/" not in name and name.isprintable() and len(name.split()) == 1 and name not in (".", "..")


@given(PAIRS, PAIRS)
def test_a_running_process_never_loses(now, wanted):
    """It gets what is wanted or what it had, whichever is more, so that its soft limit still is no higher than its hard one."""
    target = nofile.raised(now, wanted)
    assert all(target[side] >= max(now[side], wanted[side]) for side in target)
    assert target["soft"] <= target["hard"]
    assert target == nofile.raised(now, target)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_ceiling_is_raised_exactly_where_it_would_bind(need, now, boot):
    """It stays where it is enough now and after a boot; else it becomes enough, and never less than it is."""
    value = nofile.grown(need, now, boot, [])
    assert (value is None) == (now >= need and boot >= need)
    assert value is None or value == max(now, need)


def test_a_ceiling_that_another_set_raised_is_wanted_by_both():
    """As long as one of the two needs it, it stays; one that was high enough before is nobody's."""
    raised = {"original": "1048576", "value": "3000000"}
    assert 3000000 == nofile.grown(2000000, 3000000, 3000000, [raised])
    assert nofile.grown(1000000, 3000000, 3000000, [raised]) is None


def test_all_units_at_their_limit_still_leave_descriptors_for_the_host():
    """fs.file-max has to hold every unit at its limit; fs.nr_open only one process."""
    assert {"fs.nr_open": 100000, "fs.file-max": 308192} == nofile.enough({"soft": 1024, "hard": 100000}, 3)
    assert {"fs.nr_open": 100000, "fs.file-max": 108192} == nofile.enough({"soft": 1024, "hard": 100000}, 0)


@pytest.mark.parametrize(
    ("program", "files", "warned"), [("haproxy", 1 << 27, True), ("haproxy", 100000, False), ("nginx", 1 << 30, False)]
)
def test_a_program_that_sizes_its_table_by_the_limit_is_warned_of(program, files, warned):
    """The audit's knowledge: a table above a tenth of the memory is named with its size and the remedy."""
    found = nofile.table_warnings("x.service", [program], {"soft": 1024, "hard": files}, 8 << 30)
    assert warned == bool(found)
    assert not warned or "64 bytes each: a hard nofile of 134217728 makes that 8589934592 of the host's 8589934592" in found[0]


def test_what_our_files_say_can_be_read_back():
    """Other sets' claims come out of their files' texts: units, the manager's default and users."""
    drop_in = "# head\n[Service]\nLimitNOFILE=1024:2048\n"
    assert {"web@.service": "1024:2048"} == nofile.claims("/etc/systemd/system/web@.service.d/50-a.conf", drop_in)
    manager = "# head\n[Manager]\nDefaultLimitNOFILE=1024:2048\n"
    assert {"DefaultLimitNOFILE": "1024:2048"} == nofile.claims("/etc/systemd/system.conf.d/50-a.conf", manager)
    users = "# head\na soft nofile 1024\na hard nofile 2048\n* soft nofile 1024\n* hard nofile 2048\n"
    assert {"user a": "1024:2048", "user *": "1024:2048"} == nofile.claims("/etc/security/limits.d/50-a.conf", users)


@pytest.mark.parametrize(
    ("hard", "nr_open", "expected"),
    [
        (524288, 1048576, {"soft": 9475, "hard": 524288}),
        (9475, 1048576, 9475),
        (4096, 1048576, 9475),
        ("unlimited", 1048576, {"soft": 9475, "hard": 1048576}),
        ("unlimited", None, 9475),
        (None, 1048576, 9475),
        (2000100, 1048576, {"soft": 9475, "hard": 1048576}),  # nobody can have had more
        (524288, None, {"soft": 9475, "hard": 524288}),
        (524288, 9000, 9475),
    ],
)
def test_what_is_computed_lowers_no_hard_limit(hard, nr_open, expected):
    """The hard limit that a unit starts with stays, as far as fs.nr_open lets anybody have it; a number is both limits."""
    found = nofile.keeping(9475, hard, nr_open)
    assert found == expected
    assert nofile.parse_nofile(found)["soft"] == 9475


@pytest.mark.parametrize(
    "before, after, falls",
    [
        ("1024:524288", "15000:15000", True),
        ("1024:524288", "15000:524288", False),
        ("1024:4096", "65536:65536", False),
        ("infinity:infinity", "65536:65536", False),
    ],
)
def test_a_hard_limit_that_falls_is_warned_of(before, after, falls):
    """A number for both limits can be less than the hard limit that systemd gives by itself."""
    found = nofile.lowered({"web.service": before, "gone.service": "1:2"}, {"web.service": after, "new.service": "1:1"})
    assert [("web.service" in one, "hard: 524288" in one) for one in found] == ([(True, True)] if falls else [])
