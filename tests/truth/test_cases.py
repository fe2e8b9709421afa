# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth test: what the audit predicts is what the kernel gives, in random cases (cases.py), to the connection."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

FIXED_SEED = 20261123
CASES = int(os.environ.get("CASES") or 40)
FRESH_SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 31))


@pytest.mark.parametrize("seed", [FIXED_SEED, FRESH_SEED], ids=["fixed-seed", "fresh-seed"])
def test_a_dialler_gets_what_was_predicted(seed):
    """In every case `connections` and `free` are what a real dialler gets; with an odd range at most one a tuple is missing."""
    command = [sys.executable, str(Path(__file__).with_name("cases.py")), "--json", "--cases", str(CASES), "--seed", str(seed)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    summary = json.loads(done.stdout)
    print("\n%(cases)d cases, %(mismatches)d mismatches, seed %(seed)d, %(held)d connections held, %(seconds)s s" % summary)
    assert CASES == summary["cases"] + summary["skipped"]
    assert [] == summary["failed"], "run again with SEED=%d" % seed


def test_a_wrong_prediction_is_noticed():
    """The comparison can fail: a prediction that is one too high or one too low is a mismatch."""
    from tests.truth import cases

    case = dict(cases.make_case(FIXED_SEED, 0), low=40000, high=40099, obstacles_first=True, foreign=0)
    path = cases.parse_path("path", {"destinations": ["127.0.0.1"], "ports": [9000]})
    right = {"held": 100, "free": 100, "existing": 0, "waited": 0, "binding": "ports", "connections": 100, "at_most": 100, "pairs": 1}
    assert cases.judge(case, path, right) is None
    for name in ("free", "connections"):
        for off in (-1, 1):
            wrong = dict(right, **{name: right[name] + off})
            wrong["at_most"] = wrong["connections"]
            assert cases.judge(case, path, wrong) is not None
