# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The active tuned profile."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._read.tuned import ENABLED, PROFILE, RUNNING, read_tuned


@pytest.mark.parametrize(
    "files, profile",
    [
        ({}, None),
        ({PROFILE: "throughput-performance\n"}, None),
        ({PROFILE: "throughput-performance\n", RUNNING: "7"}, "throughput-performance"),
        ({PROFILE: "a b\n", ENABLED: ("link", "/lib/systemd/system/tuned.service")}, "a b"),
        ({PROFILE: "\n", RUNNING: "7"}, None),
        ({RUNNING: "7"}, None),
    ],
)
def test_profile(plant, files, profile):
    """A profile counts while tuned runs or is enabled, also where the link of the unit points out of the tree."""
    assert read_tuned(plant(files)) == profile
