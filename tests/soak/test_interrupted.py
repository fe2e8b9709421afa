# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A soak that ends, in time or before it, leaves nothing but its history."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from tests.soak.node import PROJECT, WORK
from tests.tools import container

OURS = ("c10m.front_tier.soak", "ft-soak")  # label, network namespace
RUN = ["sh", "tests/tools/with.sh", "python", "-m", "tests.soak.run", "--seed", "1"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="containers with networks of their own need root")


def test_a_soak_leaves_nothing() -> None:
    """One action from start to end: the history is there, and nothing else."""
    done = subprocess.run([*RUN, "--actions", "1"], cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("1 actions, 0 broken invariants, seed 1, ")
    assert json.loads((WORK / "soak.json").read_text())["actions"] == 1
    assert container.left(*OURS) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("running", [False, True], ids=["while containers start", "while actions run"])
def test_a_soak_that_is_told_to_end_leaves_nothing(number: signal.Signals, running: bool) -> None:
    """It takes away what is there, also where a container was about to start, and says so by its exit status."""
    with subprocess.Popen(RUN, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as soak:
        assert soak.stdout
        until = time.monotonic() + 120
        while not running and not container.left(*OURS):
            assert soak.poll() is None and time.monotonic() < until
            time.sleep(0.2)
        said = [soak.stdout.readline()] if running else []  # the line with the seed
        soak.send_signal(number)
        told, _nothing = soak.communicate(timeout=240)
    assert soak.returncode == 128 + number, told
    assert not running or said[0].startswith("seed 1, 3 nodes")
    assert "Traceback" not in told
    assert container.left(*OURS) == []
