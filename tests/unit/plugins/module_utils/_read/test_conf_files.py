# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a folder count, in which order; and links that stay inside the root."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import clipped, conf_files, folders, lines, place


def test_the_first_folder_wins_and_names_sort_by_byte(plant):
    """A name counts once, from the first folder that has it; the order is of names alone, capitals before small letters."""
    root = plant(
        {
            "/etc/x.d/50-a.conf": "",
            "/usr/lib/x.d/50-a.conf": "",
            "/usr/lib/x.d/10-b.conf": "",
            "/usr/local/lib/x.d/Z.conf": "",
            "/lib/x.d/z.conf": "",
            "/etc/x.d/README": "",
            "/etc/x.d/.hidden.conf": "",
            "/run/x.d/00-gone.conf": "",
            "/etc/x.d/100.conf": "",
        }
    )
    assert conf_files(root, folders("x.d")) == [
        "/usr/lib/x.d/10-b.conf",
        "/etc/x.d/100.conf",
        "/etc/x.d/50-a.conf",
        "/usr/local/lib/x.d/Z.conf",
        "/lib/x.d/z.conf",
    ]


@pytest.mark.parametrize(
    "mask, left", [(("link", "/dev/null"), []), (("link", "nowhere"), ["/etc/x.d/50-a.conf"]), ("", ["/etc/x.d/50-a.conf"])]
)
def test_a_file_without_content_takes_the_place_of_the_one_below(plant, mask, left):
    """An empty file and a link to nothing mask the file of the same name in a later folder."""
    root = plant({"/etc/x.d/50-a.conf": mask, "/usr/lib/x.d/50-a.conf": "a"})
    assert conf_files(root, folders("x.d")) == left


def test_lines_are_cut_where_systemd_cuts_them():
    """CR, LF, CRLF and NUL end a line; other separators of Unicode do not."""
    assert list(lines("a\r\n b \rc\0d\x0be\u2028f")) == [(1, "a"), (2, "b"), (3, "c"), (4, "d\x0be\u2028f")]


def test_odd_names_and_texts_can_be_shown():
    """A file name that is no UTF-8 and a line with control characters become text that any output can hold."""
    assert place("/etc/\udcff.conf", 3) == "/etc/\ufffd.conf:3"
    assert clipped("a\x1b[31m" + "x" * 99) == "a?[31m" + "x" * 54 + "..."


@pytest.mark.parametrize(
    "link, text",
    [
        ("/other/file", "inside"),
        ("../other/file", "inside"),
        ("../../../../other/file", "inside"),
        ("/away/file", "inside"),
        ("/etc/loop", None),
        ("/etc/../other/./file", "inside"),
    ],
)
def test_links_of_a_recorded_host_stay_inside_it(plant, link, text):
    """An absolute link is followed from the recorded root, `..` stops there, and a loop is unreadable."""
    root = plant({"/other/file": "inside", "/etc/a": ("link", link), "/away": ("link", "/other"), "/etc/loop": ("link", "loop")})
    found = root.text("/etc/a")
    assert (found if text else found["absent"]) == (text or "unreadable")
    assert root.link("/etc/a") == link
    assert root.exists("/etc/a") is bool(text)


def test_a_link_to_a_file_of_this_machine_is_not_followed(plant):
    """What lies outside the recorded root is not present, although this machine has it."""
    root = plant({"/etc/a": ("link", "/etc/passwd"), "/etc/d": ("link", "/etc")})
    assert root.text("/etc/a")["absent"] == "unknown"
    assert root.names("/etc/d") == ["a", "d"]
    assert root.real("/etc/d/a") == "/etc/passwd"
