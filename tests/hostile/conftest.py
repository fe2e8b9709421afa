# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of hostile hosts share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.tests.hostile.attack import ROOT, Attack


@pytest.fixture(params=["newest", "oldest"])
def attack(request: pytest.FixtureRequest, tmp_path: Path) -> Attack:
    """Return a host that was taken over, met by the newest ansible-core and by the oldest that is promised."""
    if request.param == "newest":
        return Attack(tmp_path, Path(sys.executable).parent)
    subprocess.run(["sh", "tests/tools/venv.sh", "floor"], cwd=ROOT, check=True, capture_output=True)
    return Attack(tmp_path, ROOT / ".build/venv-floor/bin")
