# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot values of units: precedence as tables, systemd's own parser as a witness, and junk."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.units import (
    SEARCHED,
    parse_nofile,
    parse_size,
    parse_unit,
    read_manager,
    read_units,
)

LIB, ETC = "/usr/lib/systemd/system/", "/etc/systemd/system/"
WEB = LIB + "web.service"


def nofile(value):
    """Return a drop-in that sets LimitNOFILE."""
    return "[Service]\nLimitNOFILE=%s\n" % value


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1024", {"soft": 1024, "hard": 1024}),
        ("1024:524288", {"soft": 1024, "hard": 524288}),
        ("1024:infinity", {"soft": 1024, "hard": "unlimited"}),
        ("infinity", {"soft": "unlimited", "hard": "unlimited"}),
        ("0x10", {"soft": 16, "hard": 16}),
        ("010", {"soft": 8, "hard": 8}),
        ("0o10", {"soft": 8, "hard": 8}),
        ("0b10", {"soft": 2, "hard": 2}),
        ("0", {"soft": 0, "hard": 0}),
        ("+5", {"soft": 5, "hard": 5}),
        ("", None),
        ("64k", None),
        ("1M", None),
        ("1:2:3", None),
        ("2:1", None),
        ("infinity:5", None),
        ("-1", None),
        ("5:", None),
        (":5", None),
        ("18446744073709551615", None),
        ("unlimited", None),
        ("٣", None),
        ("08", None),
    ],
)
def test_a_descriptor_limit_as_systemd_takes_it(text, expected):
    """Numbers in C's notation, soft:hard or infinity; what systemd skips (an empty value, a suffix) is None."""
    assert parse_nofile(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("512M", 512 << 20),
        ("1G", 1 << 30),
        ("1.5K", 1536),
        ("10", 10),
        ("2 T", 2 << 40),
        ("80%", "80%"),
        ("infinity", "unlimited"),
        ("", "unlimited"),
        ("0", None),
        ("1k", None),
        ("x", None),
        ("9" * 30, None),
    ],
)
def test_a_size_as_systemd_takes_it(text, expected):
    """Suffixes count by 1024 and are capitals; a share of the memory stays a text."""
    assert parse_size(text) == expected


def test_a_unit_file_is_sections_comments_and_continued_lines():
    """Only the section asked for counts; a comment inside a continued line is left out of it."""
    text = "[Unit]\nA=0\n[Service]\n# A=1\nA = 2 \\\n; no\n 3\n;A=4\nB\n=C\n[Service]\nA=5=6\n[X-Other]\nA=7\n"
    assert list(parse_unit(text, "/u", "Service")) == [("A", "2  3", "/u:7"), ("A", "5=6", "/u:12")]


@pytest.mark.parametrize(
    "files, expected",
    [
        ({WEB: nofile(1)}, (1, WEB + ":2", [])),
        ({WEB: nofile(1), ETC + "web.service": nofile(2)}, (2, ETC + "web.service:2", [])),
        ({WEB: nofile(1), ETC + "web.service.d/a.conf": nofile(2)}, (2, ETC + "web.service.d/a.conf:2", [WEB + ":2"])),
        (
            {WEB: nofile(1), ETC + "web.service.d/a.conf": nofile(2), LIB + "web.service.d/b.conf": nofile(3)},
            (3, LIB + "web.service.d/b.conf:2", [WEB + ":2", ETC + "web.service.d/a.conf:2"]),
        ),
        ({WEB: nofile(1), ETC + "web.service.d/a.conf": "", LIB + "web.service.d/a.conf": nofile(3)}, (1, WEB + ":2", [])),
        (
            {WEB: nofile(1), ETC + "service.d/a.conf": nofile(2), LIB + "web.service.d/a.conf": nofile(3)},
            (3, LIB + "web.service.d/a.conf:2", [WEB + ":2"]),
        ),
        ({WEB: nofile(1), ETC + "service.d/b.conf": nofile(2)}, (2, ETC + "service.d/b.conf:2", [WEB + ":2"])),
        ({WEB: nofile(1), "/run/systemd/system/web.service.d/a.conf": nofile(2)}, (1, WEB + ":2", [])),
        ({WEB: nofile(1), ETC + "web.service.d/a.conf": nofile("")}, (1, WEB + ":2", [])),
        ({WEB: nofile("1\nLimitNOFILE=2\nLimitNOFILE=1")}, (1, WEB + ":4", [WEB + ":3"])),
        (
            {
                LIB + "real.service": nofile(1),
                ETC + "web.service": ("link", LIB + "real.service"),
                ETC + "real.service.d/a.conf": nofile(2),
            },
            (2, ETC + "real.service.d/a.conf:2", [LIB + "real.service:2"]),
        ),
        (
            {WEB: nofile(1), ETC + "www.service": ("link", WEB), ETC + "www.service.d/a.conf": nofile(2)},
            (2, ETC + "www.service.d/a.conf:2", [WEB + ":2"]),
        ),
        ({"/opt/web.service": nofile(1), ETC + "web.service": ("link", "/opt/web.service")}, (1, ETC + "web.service:2", [])),
        ({"/run/systemd/generator.late/web.service": nofile(1)}, (1, "/run/systemd/generator.late/web.service:2", [])),
        ({"/run/systemd/transient/web.service": nofile(1)}, (1, "/run/systemd/transient/web.service:2", [])),
    ],
)
def test_which_line_decides(plant, files, expected):
    """Folders, names and drop-ins rank as systemd ranks them; what a restart clears away does not count."""
    found = read_units(plant(files), ["web.service"])["web.service"]
    assert (found["nofile"]["soft"], found["source"], found["overrides"]) == expected


def test_all_that_is_read_of_a_unit(plant):
    """Each setting has its value and its place; what systemd would skip is a problem with its line."""
    root = plant(
        {
            WEB: "[Service]\nUser=www\nTasksMax=10\nMemoryMax=1G\nMemoryHigh=80%\nLimitNOFILE=64k\n",
            ETC + "web.service.d/a.conf": "[Service]\nTasksMax=\nMemoryMax=junk\n",
        }
    )
    assert read_units(root, ["web.service"])["web.service"] == {
        "exists": True,
        "fragment": WEB,
        "masked": False,
        "drop_ins": [ETC + "web.service.d/a.conf"],
        "nofile": None,
        "source": None,
        "overrides": [],
        "tasks_max": None,
        "memory_max": {"value": 1 << 30, "source": WEB + ":4"},
        "memory_high": {"value": "80%", "source": WEB + ":5"},
        "user": "www",
        "problems": [
            {
                "kind": "garbage",
                "source": WEB + ":6",
                "message": "LimitNOFILE=64k is skipped: write a number, soft:hard or infinity; an empty value resets nothing.",
            }
        ],
    }


@pytest.mark.parametrize("value, expected", [("10", 10), ("15%", "15%"), ("infinity", "unlimited"), ("10K", None), ("x", None)])
def test_a_number_of_tasks_has_no_suffix(plant, value, expected):
    """TasksMax is a number, a share or infinity; anything else is skipped."""
    found = read_units(plant({WEB: "[Service]\nTasksMax=%s\n" % value}), ["web.service"])["web.service"]["tasks_max"]
    assert (found and found["value"]) == expected


@pytest.mark.parametrize("name", ["web.service", "../x.service", "a/b.service", "web", "", "x\0.service", "init.scope", "@.service"])
def test_a_unit_without_a_file_does_not_exist(plant, name):
    """A unit exists if its file does, and a name that can be none has no file."""
    found = read_units(plant({"/etc/x.service": "", LIB + "other.service": ""}), [name])[name]
    assert (found["exists"], found["fragment"], found["nofile"]) == (False, None, None)


def test_a_masked_unit_is_not_started(plant):
    """A link to /dev/null masks a unit whatever else there is."""
    root = plant({WEB: nofile(1), ETC + "web.service": ("link", "/dev/null"), ETC + "web.service.d/a.conf": nofile(2)})
    found = read_units(root, ["web.service"])["web.service"]
    assert (found["exists"], found["masked"], found["nofile"]) == (True, True, None)


@pytest.mark.parametrize(
    "files, expected",
    [
        ({}, None),
        ({"/etc/systemd/system.conf": "[Manager]\n#DefaultLimitNOFILE=1\n"}, None),
        (
            {"/etc/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=1:2\n"},
            {"soft": 1, "hard": 2, "source": "/etc/systemd/system.conf:2"},
        ),
        ({"/usr/lib/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=9\n", "/etc/systemd/system.conf": "[Manager]\n"}, None),
        (
            {
                "/etc/systemd/system.conf": "[Manager]\nDefaultLimitNOFILE=1\n",
                "/usr/lib/systemd/system.conf.d/a.conf": "[Manager]\nDefaultLimitNOFILE=3\n[Service]\nDefaultLimitNOFILE=4\n",
            },
            {"soft": 3, "hard": 3, "source": "/usr/lib/systemd/system.conf.d/a.conf:2"},
        ),
        ({"/run/systemd/system.conf.d/a.conf": "[Manager]\nDefaultLimitNOFILE=3\n"}, None),
    ],
)
def test_the_default_of_the_manager(plant, files, expected):
    """Drop-ins win over the main file, of which only the first folder's counts."""
    assert read_manager(plant(files))["nofile"] == expected


def test_the_default_number_of_tasks(plant):
    """DefaultTasksMax is a number or a share, with its place."""
    root = plant({"/etc/systemd/system.conf": "[Manager]\nDefaultTasksMax=15%\n"})
    assert read_manager(root)["tasks_max"] == {"value": "15%", "source": "/etc/systemd/system.conf:2"}


@given(st.text())
def test_no_text_breaks_the_parsers(text):
    """Unit files and values may hold anything."""
    list(parse_unit(text, "/u", "Service"))
    parse_nofile(text)
    parse_size(text)


@given(st.text("0123456789xXbBoO:+-infty. KM%", max_size=30))
def test_no_number_breaks_the_parsers(text):
    """The characters of numbers may stand in any order; what comes out is a number, a text or nothing."""
    found = parse_nofile(text)
    assert found is None or all(limit == "unlimited" or 0 <= limit < 2**64 for limit in found.values())
    parse_size(text)


@pytest.mark.parametrize(
    "content",
    [os.urandom(100_000), b"x" * 3_000_000, b"\\\n" * 100_000, ("link", "web.service"), ("link", "x")],
    ids=["random", "huge", "continued", "circle", "dangling"],
)
def test_junk_for_a_unit_is_no_crash(plant, content):
    """Junk in the unit, in a drop-in and in the manager's file gives no value."""
    root = plant(
        {
            ETC + "web.service": content,
            ETC + "other.service": nofile(1),
            ETC + "other.service.d/a.conf": content,
            "/etc/systemd/system.conf": content,
        }
    )
    found = read_units(root, ["web.service", "other.service"])
    assert found["web.service"]["nofile"] is None
    assert found["other.service"]["nofile"] == {"soft": 1, "hard": 1}
    assert read_manager(root)["nofile"] is None


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["a-b-c.service", "a-b@1.service", "a--b@x.service", "alias.service", "at@2.service"])
def test_systemd_reads_the_same_drop_ins_in_the_same_order(tmp_path, name):
    """systemd's own parser complains about a bad line in each drop-in: the complaints come in our order."""
    seed = int(os.environ.get("FRONT_TIER_SEED", random.randrange(1 << 32)))
    rng = random.Random(seed)
    searched = [str(tmp_path) + folder for folder in SEARCHED]
    for folder in searched:
        os.makedirs(folder)
    here = str(tmp_path) + LIB
    for unit in ("a-b-c.service", "a-b@.service", "a--b@.service"):
        with open(here + unit, "w") as file:
            file.write("[Service]\nExecStart=/bin/true\nLimitNOFILE=bad\n")
    os.symlink("a-b-c.service", here + "alias.service")
    os.symlink(LIB + "a-b@.service", str(tmp_path) + ETC + "at@.service")
    levels = ["a-b-c", "a-b-", "a-", "a-b@1", "a-b@", "a-@1", "a-@", "a--b@x", "a--b@", "a--", "alias", "at@2", "at@", "a-b@2"]
    for _file in range(60):
        folder = "%s/%s.d" % (rng.choice(searched), rng.choice(["%s.service" % level for level in levels] + ["service"]))
        os.makedirs(folder, exist_ok=True)
        with open("%s/%s.conf" % (folder, rng.choice("abcdEF123456") + rng.choice(["", "x", "-"])), "w") as file:
            file.write(nofile("bad"))
    found = read_units(Root(str(tmp_path)), [name])[name]
    expected = ["%s%s" % (tmp_path, path) for path in [found["fragment"]] + found["drop_ins"]]
    run = subprocess.run(
        ["systemd-analyze", "verify", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=dict(os.environ, SYSTEMD_UNIT_PATH=":".join(searched + [""]), SYSTEMD_LOG_TARGET="console"),
    )
    complaints = re.findall("^(%s.*):[23]: Failed to parse" % re.escape(str(tmp_path)), run.stdout.decode("utf-8", "replace"), re.M)
    ours = list(dict.fromkeys(complaints))[: len(expected)]  # other units complain of service.d later
    assert ours == expected, "seed %d: %s" % (seed, run.stdout.decode("utf-8", "replace")[:300])
