# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The experiments of docs/subject.md print what the page says, each in a network namespace of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/subject.md").read_text()
LAB = re.search(r"^```python\n(# lab\.py\n.*?)^```", PAGE, re.M | re.S)
EXPERIMENTS = re.findall(r"^```python\n(?!# lab)(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.M | re.S)
APART = ["unshare", "--user", "--map-root-user", "--net"]


def can_be_apart() -> bool:
    """Tell whether this user may make a network namespace."""
    return 0 == subprocess.run([*APART, "true"], check=False, capture_output=True).returncode


def test_every_experiment_has_its_outcome() -> None:
    """No block of Python on the page goes without what it prints."""
    assert LAB and len(EXPERIMENTS) == PAGE.count("```python\n") - 1 >= 7


@pytest.mark.skipif(not can_be_apart(), reason="needs network namespaces for this user")
@pytest.mark.parametrize("number", range(len(EXPERIMENTS)))
def test_an_experiment_prints_what_the_page_says(tmp_path: Path, number: int) -> None:
    """The kernel of this machine says what the page says."""
    code, told = EXPERIMENTS[number]
    assert LAB
    (tmp_path / "lab.py").write_text(LAB[1])
    (tmp_path / "experiment.py").write_text(code)
    ran = subprocess.run([*APART, sys.executable, "experiment.py"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60)
    assert told == ran.stdout, ran.stdout + ran.stderr


def test_the_figures_of_the_formula_are_right() -> None:
    """The worked example is arithmetic."""
    for text in ("(65535 − 500) × 4 = 260,140", "28,232 × 4 = 112,928", "55,296 × 4 = 221,184"):
        left, right = text.split(" = ")
        assert text in " ".join(PAGE.split())
        assert eval(left.replace("−", "-").replace("×", "*").replace(",", "")) == int(right.replace(",", ""))
