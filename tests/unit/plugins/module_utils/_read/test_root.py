# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root: every kind of file, link and junk below it."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import MOST_BYTES, Root, text_of


class TestText:
    @pytest.mark.parametrize(
        "content, text",
        [
            (b"", ""),
            (b"a\nb\n", "a\nb\n"),
            (b"\xff\xfe\x00z", "\ufffd\ufffd\x00z"),
            ("\u00e9".encode("latin-1"), "\ufffd"),
            (b"x" * MOST_BYTES, "x" * MOST_BYTES),
        ],
    )
    def test_a_file_is_read_whole(self, plant, content, text):
        """Bytes that are not UTF-8 are replaced, NUL bytes stay, a megabyte is read."""
        assert plant({"/etc/a": content}).text("/etc/a") == text

    @pytest.mark.parametrize("size", [MOST_BYTES + 1, 10 << 20])
    def test_a_file_that_is_too_large_is_an_absence(self, plant, size):
        """Ten megabytes are not taken into memory."""
        found = plant({"/etc/a": b"x" * size}).text("/etc/a")
        assert found == {"absent": "unreadable", "detail": "/etc/a: larger than 1048576 bytes"}

    @pytest.mark.parametrize(
        "files, reason, detail",
        [
            ({}, "unknown", "/etc/a: not present"),
            ({"/etc/a/b": ""}, "unreadable", "/etc/a: not a regular file"),
            ({"/etc/a": ("link", "/etc/gone")}, "unknown", "/etc/a: not present"),
            ({"/etc/a": ("link", "a")}, "unreadable", "/etc/a: Too many levels of symbolic links"),
            ({"/etc": "a file"}, "unreadable", "/etc/a: Not a directory"),
        ],
    )
    def test_what_cannot_be_read_says_why(self, plant, files, reason, detail):
        """Missing files, folders, dangling and circular links are absences that name the path as the host knows it."""
        assert plant(files).text("/etc/a") == {"absent": reason, "detail": detail}

    def test_a_fifo_is_no_file_and_does_not_make_us_wait(self, plant, tmp_path):
        """A fifo without a writer would read as an empty file, one with a writer would never end."""
        root = plant({"/etc/": ""})
        os.mkfifo(str(tmp_path / "etc" / "a"))
        assert root.text("/etc/a") == {"absent": "unreadable", "detail": "/etc/a: not a regular file"}
        with pytest.raises(OSError):
            list(root.lines("/etc/a"))

    def test_a_device_is_no_file(self):
        """What never ends is not read."""
        assert Root().text("/dev/zero") == {"absent": "unreadable", "detail": "/dev/zero: not a regular file"}

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, plant, tmp_path):
        """A file without permission is told from a broken one."""
        root = plant({"/etc/a": "x"})
        os.chmod(str(tmp_path / "etc" / "a"), 0)
        assert root.text("/etc/a")["absent"] == "no_permission"

    @pytest.mark.parametrize("path", ["/etc/\x00", "/" + "a" * 5000, "/etc/\udce9"])
    def test_a_path_that_no_system_takes(self, plant, path):
        """A path out of a file with junk is an absence, not an error."""
        root = plant({"/etc/": ""})
        assert root.text(path)["absent"] in ("unreadable", "unknown")
        assert root.exists(path) is False and root.names(path) == [] and root.link(path) is None


class TestLinks:
    @pytest.mark.parametrize("target", ["/etc/b", "b", "../etc/b", "/../../etc/b", "../../../../../../etc/b", "/etc/./c/../b", "//etc//b"])
    def test_links_stay_below_the_root(self, plant, target):
        """Absolute links and too many `..` lead to the recorded host's file, never to this machine's."""
        root = plant({"/etc/b": "recorded", "/etc/c/": "", "/etc/a": ("link", target)})
        assert root.text("/etc/a") == "recorded" and root.real("/etc/a") == "/etc/b"

    def test_a_link_in_the_middle_of_a_path(self, plant):
        """A folder that is a link is followed as well."""
        root = plant({"/usr/lib/x/a": "found", "/lib": ("link", "usr/lib")})
        assert root.text("/lib/x/a") == "found" and root.names("/lib/x") == ["a"] and root.link("/lib") == "usr/lib"

    def test_links_in_circles(self, plant):
        """Two links that point at each other end."""
        root = plant({"/a": ("link", "/b"), "/b": ("link", "/a")})
        assert root.exists("/a") is False and root.real("/a") == "/a" and root.names("/a") == []


class TestLines:
    def test_a_file_of_any_size(self, plant):
        """Lines come one by one, so a table of several megabytes is no question of memory."""
        root = plant({"/big": b"line\n" * 700000})
        assert sum(1 for _line in root.lines("/big")) == 700000

    def test_a_line_without_an_end(self, plant):
        """A line of ten megabytes comes in pieces."""
        assert max(len(line) for line in plant({"/big": b"x" * (10 << 20)}).lines("/big")) == 4096


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.binary(max_size=200))
def test_any_bytes_are_text(tmp_path, content):
    """Whatever a file holds is a text."""
    (tmp_path / "a").write_bytes(content)
    assert Root(str(tmp_path)).text("/a") == content.decode("utf-8", "replace")


def test_text_of():
    """For parsers an absence is no lines."""
    assert text_of("a") == "a" and text_of({"absent": "unknown", "detail": "x"}) == ""
