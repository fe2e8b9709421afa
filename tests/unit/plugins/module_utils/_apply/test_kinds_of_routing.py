# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of nftables compared by meaning, symbolic links on disk, and the words in which nft fails."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import nft_table, symlink
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.file import UNFINISHED
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

ONE = (
    'table inet t {\n\tchain c {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n\t\tiifname { "k0", "f0" } %s\n\t}\n}\n'
)


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        (ONE % "meta mark set 0x00000001 accept", True),
        (ONE.replace("mangle", "-150") % "meta mark set 1 accept", True),
        (ONE.replace('"k0", "f0"', '"f0", "k0"').replace("\t", "    ") % "meta mark set 0x1 accept", True),
        (ONE % "meta mark set 0x00000002 accept", False),
        (ONE.replace("accept;", "drop;") % "meta mark set 1 accept", False),
        (ONE.replace('"k0", ', "") % "meta mark set 1 accept", False),
        (ONE.replace("\t}\n}", "\t\tcounter accept\n\t}\n}") % "meta mark set 1 accept", False),
    ],
)
def test_tables_are_compared_by_meaning(text, alike):
    """Blanks, the base of numbers, names of priorities and the order of sets do not matter; everything else does."""
    assert nft_table.same("inet t", ONE % "meta mark set 0x00000001 accept", text) is alike


def test_a_table_is_replaced_whether_it_is_there_or_not():
    """Made, taken away and made again in one go: none of the three can fail for what is there."""
    assert nft_table.replacing("inet t", "table inet t {\n}\n").split("\n")[:3] == ["table inet t", "delete table inet t", "table inet t {"]
    assert nft_table.replacing("inet t", None) == "table inet t\ndelete table inet t\n"


def test_what_nft_says_is_kept():
    """The first line with an error is what counts; silence is said, too."""
    assert nft_table.words_of("/dev/stdin:1:2-3: Error: syntax error\ntable x\n^^^\n") == "nft: /dev/stdin:1:2-3: Error: syntax error"
    assert nft_table.words_of("") == "nft: failed without a word"


def test_a_link_is_written_read_and_taken_away(tmp_path):
    """A link says what was asked, replaces another one, and goes; what is no link is never touched."""
    root = Root(str(tmp_path))
    (tmp_path / "etc").mkdir()
    assert symlink.read(root, ["/etc/a"]) == {"/etc/a": None}
    for says in ("/nowhere", "../b"):
        symlink.write(root, "/etc/a", says)
        assert symlink.read(root, ["/etc/a"]) == {"/etc/a": says}
    symlink.write(root, "/etc/a", None)
    symlink.write(root, "/etc/a", None)
    assert list((tmp_path / "etc").iterdir()) == []
    (tmp_path / "etc/a").write_text("a file\n")
    with pytest.raises(OSError, match="not a symbolic link"):
        symlink.read(root, ["/etc/a"])


def test_a_killed_write_leaves_nothing_for_good(tmp_path):
    """What a killed write left beside the link goes with the next write, and with cleaning up."""
    root = Root(str(tmp_path))
    for clean in (lambda: symlink.clean_up(root, "/a"), lambda: symlink.write(root, "/a", "/b")):
        (tmp_path / ("a" + UNFINISHED)).symlink_to("/x")
        clean()
        assert not (tmp_path / ("a" + UNFINISHED)).is_symlink()
