# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as Ansible's diff shows them."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Step, file_value, shown

LASTING = {"lifetime": "forever", "nodad": False}
QUIET = {"lifetime": "unpreferred", "nodad": True}


def one(before, after, header):
    """Return a piece of a diff."""
    return {"before_header": header, "after_header": header, "before": before, "after": after}


@pytest.mark.parametrize(
    ("step", "piece"),
    [
        (Step("file", "/etc/a.conf", None, file_value("x\n")), one("", "x\n", "/etc/a.conf")),
        (Step("folder", "/etc/a", None, 0o755), one("", "mode 755\n", "/etc/a/")),
        (
            Step("sysctl", "net.core.somaxconn", "128", "4096"),
            one("net.core.somaxconn = 128\n", "net.core.somaxconn = 4096\n", "sysctl net.core.somaxconn"),
        ),
        (Step("symlink", "/etc/a", None, "/b"), one("", "/etc/a -> /b\n", "symlink /etc/a")),
        (
            Step("unit", "a.service", {"a.service": "1:2"}, {"a.service": "3:3"}),
            one("a.service = 1:2\n", "a.service = 3:3\n", "unit a.service, nofile soft:hard"),
        ),
        (
            Step("link", "eth0-ft", None, {"type": "macvlan", "parent": "eth0"}),
            one("", "eth0-ft = parent eth0, type macvlan\n", "link eth0-ft"),
        ),
        (Step("local_route", "lo 10.0.0.0/24", {"type": "local"}, None), one("10.0.0.0/24\n", "", "local routes of lo")),
        (
            Step("process", "a.service/7/99-x", {"gone": True}, {"gone": True}),
            one("7 = ended\n", "7 = ended\n", "processes of a.service, nofile soft:hard"),
        ),
        (
            Step("rule", "inet pref 100 iif v0 fwmark 0x1 table 100", None, "protocol kernel"),
            one("", "inet pref 100 iif v0 fwmark 0x1 table 100\n", "rules of routing"),
        ),
    ],
)
def test_a_step_is_shown_in_the_words_of_its_kind(step, piece):
    """A header that says what it is, and before and after as a person writes them."""
    assert [piece] == shown([step])


def test_many_of_a_kind_are_one_piece():
    """A thousand addresses are not a thousand pieces with three lines of header each; another interface begins another."""
    steps = [Step("address", "eth0 10.0.0.%d/24" % number, None, LASTING) for number in (1, 2, 3)]
    steps += [Step("address", "eth1 fd00::1/64", None, QUIET), Step("sysctl", "a.b", "1", "2"), Step("sysctl", "a.c", "1", "2")]
    found = shown(steps)
    assert one("", "10.0.0.1/24\n10.0.0.2/24\n10.0.0.3/24\n", "addresses of eth0") == found[0]
    assert one("", "fd00::1/64, a source only for those that bind it\n", "addresses of eth1") == found[1]
    assert 4 == len(found)


def test_processes_of_a_unit_are_one_piece():
    """Each by its number, with soft and hard limit."""
    before, after = {"soft": 1024, "hard": 4096}, {"soft": 4096, "hard": 4096}
    steps = [Step("process", "a.service/%d/99-x" % pid, before, after) for pid in (7, 8)]
    assert [one("7 = 1024:4096\n8 = 1024:4096\n", "7 = 4096:4096\n8 = 4096:4096\n", "processes of a.service, nofile soft:hard")] == shown(
        steps
    )
