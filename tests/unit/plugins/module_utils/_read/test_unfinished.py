# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of an unfinished change."""

from __future__ import annotations

import os

from ansible_collections.c10m.front_tier.plugins.module_utils._read.unfinished import JOURNAL, read_unfinished


def test_journal(plant):
    """The journal's path where it is, None where it or its folder is not."""
    assert read_unfinished(plant({})) is None
    assert read_unfinished(plant({JOURNAL: "{}"})) == JOURNAL


def test_without_permission(plant):
    """A folder that may not be entered is an absence, never `no journal`."""
    root = plant({JOURNAL: "{}"})
    folder = root.path(os.path.dirname(JOURNAL))
    user = os.geteuid()
    os.chmod(folder, 0)
    try:
        if user == 0:
            os.seteuid(65534)
        assert read_unfinished(root)["absent"] == "no_permission"
    finally:
        os.seteuid(user)
        os.chmod(folder, 0o700)
