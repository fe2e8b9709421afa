# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of sessions: the rules of PAM as tables, the real pam_limits behind su as a witness, and junk."""

from __future__ import annotations

import os
import random
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.pam_limits import (
    limits_for,
    parse_limits,
    parse_pam,
    parse_value,
    read_pam_limits,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


def session(text, user, groups=(), uid=1000, gid=1000, **more):
    """Return (soft, hard) that a user's session gets from limits.conf."""
    rules = {"rules": parse_limits(text, "/l")[0], "root_by_name": more.get("root_by_name", True)}
    found = limits_for(rules, user, groups, uid, gid, more.get("item", "nofile"))
    return found["soft"], found["hard"]


@pytest.mark.parametrize(
    "text, value, clean",
    [
        ("65535", 65535, True),
        ("unlimited", "unlimited", True),
        ("-1", "unlimited", True),
        ("-", "unlimited", True),
        ("infinity", "unlimited", True),
        ("64k", 64, False),
        ("1e6", 1, False),
        ("65,535", 65, False),
        ("+5", 5, False),
        ("x", None, False),
        ("", None, False),
        ("0", 0, True),
        ("9" * 30, "unlimited", True),
        ("-5", 2**64 - 5, False),
        ("٣", None, False),
    ],
)
def test_a_number_as_pam_reads_it(text, value, clean):
    """A number ends at its first other character, which is a trap; too large is no limit."""
    assert parse_value(text) == (value, clean)


@pytest.mark.parametrize(
    "line, rule",
    [
        ("* soft nofile 1", ("*", "soft", "nofile", 1)),
        ("@web\tHARD\tnproc 2 # c", ("@web", "hard", "nproc", 2)),
        ("web - NOFILE unlimited", ("web", "both", "nofile", "unlimited")),
        ("web -", ("web", "none", "-", None)),
        ("* soft core 0", None),
        ("# * soft nofile 1", None),
        ("", None),
    ],
)
def test_a_rule(line, rule):
    """A rule is domain, type, item and value; other items and comments are left out."""
    rules, problems = parse_limits("\n" + line, "/l")
    assert [(one["domain"], one["type"], one["item"], one["value"]) for one in rules] == ([rule] if rule else [])
    assert [one["source"] for one in rules] == ["/l:2"] * len(rules)
    assert problems == []


@pytest.mark.parametrize(
    "line, message",
    [
        ("* soft nofile", "* soft nofile is no rule and is skipped."),
        ("* both nofile 1", "* both nofile 1: PAM skips this line."),
        ("* soft nofile many", "* soft nofile many: PAM skips this line."),
        ("* soft nofile 64k", "* soft nofile 64k: PAM reads the value as 64."),
        ("* soft nofile 1e6", "* soft nofile 1e6: PAM reads the value as 1."),
        ("\xff\x01", "\xff? is no rule and is skipped."),
    ],
)
def test_garbage_is_named_with_its_line(line, message):
    """What PAM skips or reads otherwise than it looks is reported."""
    assert parse_limits(line, "/l")[1] == [{"kind": "garbage", "source": "/l:1", "message": message}]


@pytest.mark.parametrize(
    "text, user, expected",
    [
        ("* - nofile 1\n@web - nofile 2\nann - nofile 3", "ann", (3, 3)),
        ("ann - nofile 3\n@web - nofile 2\n* - nofile 1", "ann", (3, 3)),
        ("@web - nofile 2\n* - nofile 1", "ann", (2, 2)),
        ("* - nofile 1\n* - nofile 4", "ann", (4, 4)),
        ("* soft nofile 1\n@web hard nofile 2", "ann", (1, 2)),
        ("ann soft nofile 1\n@web - nofile 2", "ann", (1, None)),
        ("ann hard nofile 1\n@web - nofile 2", "ann", (1, 1)),
        ("* hard nofile 5", "ann", (None, 5)),
        ("* soft nofile 9\n* hard nofile 5", "ann", (5, 5)),
        ("* soft nofile unlimited\n* hard nofile 5", "ann", (5, 5)),
        ("* - nofile unlimited", "ann", ("unlimited", "unlimited")),
        ("%web - nofile 2\n% - nofile 3", "ann", (None, None)),
        ("1000: - nofile 2\n* - nofile 1", "ann", (2, 2)),
        (":999 - nofile 2", "ann", (None, None)),
        (":1000 - nofile 2", "ann", (2, 2)),
        ("900:1100 - nofile 2\nann - nofile 3", "ann", (3, 3)),
        ("@1000:1100 - nofile 2", "ann", (2, 2)),
        ("@2000: - nofile 2", "ann", (None, None)),
        ("x:y - nofile 2\n: - nofile 3", "ann", (None, None)),
        ("* - nofile 1\nann -", "ann", (None, None)),
        ("* - nofile 1\n@web -", "ann", (None, None)),
        ("* - nofile 1\n* -\nbob -", "ann", (1, 1)),
        ("* - nproc 7", "ann", (None, None)),
    ],
)
def test_which_rule_counts(text, user, expected):
    """A user's rule beats a group's, a group's beats everybody's, of equals the last counts; `user -` ends it all."""
    assert session(text, user, ["web"]) == expected


@pytest.mark.parametrize("root_by_name, expected", [(True, (None, None)), (False, (1, 1))])
def test_root_is_apart_on_debian(root_by_name, expected):
    """Debian and Ubuntu apply to root only what names it; Linux-PAM itself does not tell it apart."""
    assert session("* - nofile 1\n@root - nofile 1", "root", ["root"], 0, 0, root_by_name=root_by_name) == expected
    assert session("* - nofile 1\nroot - nofile 2", "root", ["root"], 0, 0, root_by_name=root_by_name) == (2, 2)


def test_processes_are_counted_as_well():
    """The same rules hold for nproc."""
    assert session("* - nproc 7\n* - nofile 9", "ann", item="nproc") == (7, 7)


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"/etc/pam.d/sshd": "session required pam_limits.so"}, {"sshd": {"enabled": True, "conf": None}}),
        (
            {"/etc/pam.d/sshd": "-session [success=1 default=ignore] /lib/security/pam_limits.so debug conf=/etc/l"},
            {"sshd": {"enabled": True, "conf": "/etc/l"}},
        ),
        (
            {"/etc/pam.d/sshd": "auth required pam_limits.so\n#session required pam_limits.so\nsession required pam_unix.so"},
            {"sshd": {"enabled": False, "conf": None}},
        ),
        (
            {"/etc/pam.d/su": "@include common", "/etc/pam.d/common": "session required \\\n pam_limits.so"},
            {"su": {"enabled": True, "conf": None}},
        ),
        (
            {"/etc/pam.d/su": "session substack common", "/usr/lib/pam.d/common": "session include su\nsession required pam_limits.so"},
            {"su": {"enabled": True, "conf": None}},
        ),
        ({"/etc/pam.d/su": "session include su\n@include ../../x\n@include"}, {"su": {"enabled": False, "conf": None}}),
        ({}, {}),
    ],
)
def test_whether_a_service_applies_limits(plant, files, expected):
    """pam_limits counts in the session part, through any file that is included, also in circles."""
    assert read_pam_limits(plant(files))["services"] == expected


def test_the_files_in_the_order_of_pam(plant):
    """limits.conf comes first, then limits.d by name; what cannot be read is a problem."""
    root = plant(
        {
            "/etc/security/limits.conf": "* - nofile 1",
            "/etc/security/limits.d/b.conf": "* - nofile 3",
            "/etc/security/limits.d/B.conf": "* - nofile 2",
            "/etc/security/limits.d/no": "* - nofile 4",
            "/etc/security/limits.d/x.conf/": "",
            "/etc/os-release": 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
        }
    )
    found = read_pam_limits(root)
    assert [rule["source"] for rule in found["rules"]] == [
        "/etc/security/limits.conf:1",
        "/etc/security/limits.d/B.conf:1",
        "/etc/security/limits.d/b.conf:1",
    ]
    assert [(one["kind"], one["source"]) for one in found["problems"]] == [("unreadable", "/etc/security/limits.d/x.conf")]
    assert found["root_by_name"] is True


@given(st.text(), st.text())
def test_no_text_breaks_the_parsers(text, user):
    """limits.conf, pam.d and names may hold anything."""
    rules, _problems = parse_limits(text, "/l")
    limits_for({"rules": rules, "root_by_name": True}, user, [user], 1, 1)
    parse_pam(text)


@given(
    st.lists(
        st.tuples(
            st.text("@%*:0123456789a", min_size=1, max_size=20),
            st.sampled_from(["soft", "hard", "-"]),
            st.text("0123456789-+kunlimted", min_size=1, max_size=25),
        )
    )
)
def test_no_rule_breaks_the_precedence(rules):
    """Any domain and value gives a number, no limit, or nothing; soft is never above hard."""
    soft, hard = session("\n".join("%s %s nofile %s" % rule for rule in rules), "a", ["a"])
    assert all(limit is None or limit == "unlimited" or 0 <= limit <= 2**64 for limit in (soft, hard))
    assert not (isinstance(hard, int) and soft == "unlimited")
    assert not (isinstance(hard, int) and isinstance(soft, int) and soft > hard)


@pytest.mark.parametrize("content", [os.urandom(100_000), b"x" * 3_000_000, ("link", "limits.conf")], ids=["random", "huge", "circle"])
def test_junk_is_no_crash(plant, content):
    """Junk in one file leaves the others as they are."""
    root = plant(
        {
            "/etc/security/limits.conf": content,
            "/etc/pam.d/sshd": content,
            "/etc/os-release": content,
            "/etc/security/limits.d/a.conf": "ann - nofile 1",
        }
    )
    assert limits_for(read_pam_limits(root), "ann")["hard"] == 1


def su(limits, folder, user):
    """Return [soft, hard] of a shell that su starts for a user with these files as limits.conf and limits.d."""
    script = (
        "mount --bind %s /etc/security/limits.conf && mount --bind %s /etc/security/limits.d && "
        'exec su -s /bin/sh %s -c "ulimit -Sn; ulimit -Hn"' % (limits, folder, user)
    )
    run = subprocess.run(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return [int(word) for word in run.stdout.decode().split()]


def su_applies_limits(tmp_path):
    """Tell whether su can be tried here: whether a rule reaches the session it starts."""
    able = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("su") and os.path.isdir("/etc/security/limits.d")
    (tmp_path / "rule").write_text("nobody - nofile 77\n")
    (tmp_path / "nothing").mkdir()
    return bool(able) and su(tmp_path / "rule", tmp_path / "nothing", "nobody") == [77, 77]


def test_the_real_pam_limits_agrees(tmp_path):
    """Random rules give the limits that su's sessions have, for root and for a user."""
    if not su_applies_limits(tmp_path):
        pytest.skip("needs root, namespaces, and su with pam_limits")
    domains = [
        "*",
        "root",
        "nobody",
        "@nogroup",
        "@root",
        "%nogroup",
        "%",
        "65534:",
        "0:10",
        ":65534",
        "@65534:65534",
        "@0:5",
        "%0:5",
        "x:1",
        "backup",
        "@backup",
    ]
    seed = int(os.environ.get("FRONT_TIER_SEED", random.randrange(1 << 32)))
    rng = random.Random(seed)
    values = ["64k", "100e3", "many", "+70", "500 # c"] + [str(rng.randint(60, 900)) for _value in range(12)]
    for case in range(40):
        limits, folder = tmp_path / ("limits%d" % case), tmp_path / ("limits%d.d" % case)
        folder.mkdir()
        for path in (limits, folder / "a.conf", folder / "B.conf", folder / "no"):
            rows = [
                "%s %s nofile %s" % (rng.choice(domains), rng.choice(["soft", "HARD", "-", "bad"]), rng.choice(values))
                for _row in range(rng.randint(0, 4))
            ]
            rows += ["%s -" % rng.choice(["backup", "@backup", "*", ":77"])] * (rng.random() < 0.1)
            path.write_text("\n".join((["* - nofile 990", "root - nofile 990"] if path == limits else []) + rows) + "\n")
        rules = {
            "root_by_name": read_pam_limits(Root())["root_by_name"],
            "rules": [
                rule for path in (limits, folder / "B.conf", folder / "a.conf") for rule in parse_limits(path.read_text(), str(path))[0]
            ],
        }
        for user, group, number in (("root", "root", 0), ("nobody", "nogroup", 65534)):
            found = limits_for(rules, user, [group], number, number)
            assert su(limits, folder, user) == [found["soft"], found["hard"]], "seed %d, case %d, %s" % (seed, case, user)
