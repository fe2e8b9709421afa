# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every finding has a page of its own in the docs and a row in their index, and they say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model import findings
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import CHECKS
from ansible_collections.c10m.front_tier.tests.unit.plugins.module_utils._model.findings_cases import CASES

ROOMS = findings.SUBJECTS  # importing them filled CHECKS
PAGES = Path(__file__).resolve().parents[2] / "docs/findings"
PARTS = ["Why it matters", "See it by hand", "Remedy"]
LEAST = 120  # characters of a part that says something


def text(name: str) -> str:
    """Return the text of a page."""
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def words(page: str) -> str:
    """Return a text with its lines joined."""
    return " ".join(page.split())


def test_findings_and_pages_are_one_to_one() -> None:
    """There is no finding without a page, and no page without a finding."""
    assert sorted(CHECKS) == sorted(path.stem for path in PAGES.glob("FT*.md"))


def test_the_index_has_a_row_for_each_finding() -> None:
    """The index links every page once, in order, with the severity and the title of the code."""
    rows = re.findall(r"^\| \[(FT\d{3})\]\((FT\d{3})\.md\) \| (\w+) \| (.+) \|$", text("README"), re.M)
    assert [(name, name, check.severity, check.title) for name, check in sorted(CHECKS.items())] == rows


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_page_agrees_with_the_code(name: str) -> None:
    """Title and severity are the code's, and the example is the one that the unit tests hold word for word."""
    page = text(name)
    assert re.search(rf"^# {name}: {re.escape(CHECKS[name].title)}$", page, re.M)
    assert f"\n**{CHECKS[name].severity}** (" in page
    (case,) = (case for case in CASES if case[0] == name)
    _name, _make, _unmake, severity, subject, message, remedy, evidence = case
    assert severity == CHECKS[name].severity
    for line in (f"subject: {json.dumps(subject)}", f"  {message}", f"evidence: {json.dumps(evidence)}", f"  {remedy}"):
        assert f"\n{line}\n" in page


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_page_says_all_that_a_page_says(name: str) -> None:
    """Each page explains, shows the commands, gives the remedy with its cost, and says when to accept the finding."""
    page = text(name)
    assert PARTS == re.findall(r"^## (.+)$", page, re.M)
    why, by_hand, remedy = re.split(r"^## .+$", page, flags=re.M)[1:]
    assert len(words(why)) >= LEAST
    assert re.fullmatch(r"```sh\n(.+\n)+```", by_hand.strip())
    assert re.search(r"\*\*What it costs:\*\* \S", remedy)
    assert re.search(r"\*\*When to accept it:\*\* \S", remedy)


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_a_page_links_only_what_exists(path: Path) -> None:
    """Links between pages lead somewhere, and a finding that is named exists."""
    page = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (PAGES / target).is_file(), target
    assert set(re.findall(r"\bFT\d{3}\b", page)) <= set(CHECKS)
