# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals: each errno that a dialler meets has a limit; the findings that are named exist."""

from __future__ import annotations

import errno

from ansible_collections.c10m.front_tier.plugins.module_utils._model import findings
from ansible_collections.c10m.front_tier.plugins.module_utils._prove import refusals


def test_every_finding_that_is_named_exists():
    """A refusal points at a page of the documentation."""
    named = {finding for _limit, finding, _text in refusals.MEANINGS.values() if finding}
    assert named <= set(findings.CHECKS)


def test_an_unknown_errno_is_described_by_the_system():
    """What is not in the table still has its name and its text."""
    found = refusals.described(errno.EPERM, 1.234)
    assert ("EPERM", "unknown", None, 1.23) == (found["error"], found["limit"], found["finding"], found["seconds"])
    assert "permitted" in found["message"]


def test_the_probes_own_reasons_have_names():
    """The reserve of memory and the timeout are no errors of the kernel."""
    assert ["reserve", "timeout"] == [refusals.described(error, 0)["error"] for error in (refusals.RESERVE, refusals.CUT)]
