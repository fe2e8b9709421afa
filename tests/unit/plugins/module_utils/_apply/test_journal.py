# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: what is none is told from what is."""

from __future__ import annotations

import json

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import transaction
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Step

STEP = ["sysctl", "net.core.somaxconn", "4096", "65535"]


@pytest.mark.parametrize(
    "journal",
    [
        [],
        None,
        {"version": 2, "steps": []},
        {"version": 1, "steps": {}},
        {"version": 1, "steps": [["sysctl", "x", 1]]},
        {"version": 1, "steps": [["sysctl", 1, None, None]]},
        {"version": 1, "steps": [STEP], "waiting": "x"},
        {"version": 1, "steps": [STEP], "waiting": {"token": "x"}},
    ],
)
def test_what_is_no_journal_is_never_undone(journal):
    """Another version, other types and missing parts are an error, before any step of it is looked at."""
    with pytest.raises(ValueError, match="it is|it has|it waits"):
        transaction.parse_journal(json.dumps(journal))


def test_a_journal_gives_its_steps():
    """What a run wrote is read back as it was."""
    assert ([Step(*STEP)], None) == transaction.parse_journal(json.dumps({"version": 1, "steps": [STEP]}))
