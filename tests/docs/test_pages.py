# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says the same as the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS

ROOT = Path(__file__).resolve().parents[2]


def test_every_sysctl_that_is_read_is_explained():
    """docs/limits.md has one row for each sysctl, with its scope, unit and default."""
    rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| ([^|]+) \| ([^|]+) \| \S", (ROOT / "docs/limits.md").read_text(), re.MULTILINE)
    said = {name: (scope, unit.strip(), default.strip().strip("`")) for name, scope, unit, default in rows}
    words = {None: "the machine's", "": "none"}
    known = {
        name: (one.scope, one.unit or "a switch", words.get(one.default, str(one.default)))
        for name, one in SYSCTLS.items()  # type: ignore[call-overload]
    }
    assert known == said


def test_the_codemap_has_a_line_for_every_file():
    """docs/codemap.md names each file of plugins, roles, playbooks and the test programs, and none that is gone."""
    listed = subprocess.run(["git", "ls-files", "plugins", "playbooks", "roles"], cwd=ROOT, check=True, capture_output=True, text=True)
    files = {
        line for line in listed.stdout.splitlines() if line.endswith((".py", ".yml")) and "/meta/" not in line and (ROOT / line).exists()
    }
    said = set(re.findall(r"^- `((?:plugins|playbooks|roles)/[^`]+)`", (ROOT / "docs/codemap.md").read_text(), re.MULTILINE))
    assert files == said


def test_links_between_pages_lead_somewhere():
    """A relative link in the README, CONTRIBUTING or docs names a file that exists."""
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert [] == broken
