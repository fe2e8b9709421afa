# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` as a newcomer runs it: what it promises comes out, and nothing of it stays, also where it was interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.tools import container

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / ".build/demo/result.json"
OURS = ("c10m.front_tier.demo", "ft-demo")  # label, network namespace

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="containers with networks of their own need root")


def test_every_hop_holds_what_was_predicted() -> None:
    """Four hops, each held as predicted to the connection before and after; three of them hold more than before; the clients are seen."""
    done = subprocess.run(["make", "demo"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(RESULT.read_text())
    assert [hop["name"] for hop in found["hops"]] == ["public", "edge", "cache", "db"]
    for hop in found["hops"]:
        assert hop["held"] == hop["predicted"] > 0
        assert hop["before"] == hop["before_predicted"] > 0
        assert hop["binding"]
    assert [hop["held"] > hop["before"] for hop in found["hops"]] == [True, True, True, False]
    assert found["origin_sees_client"] is True
    edge = found["hops"][1]
    assert sum(found["proxies_see"].get(client, 0) for client in ("198.19.1.31", "198.19.1.32")) == edge["held"]
    assert (ROOT / ".build/demo/report/front-tier.html").stat().st_size > 10000
    assert "Held = predicted on every hop." in done.stdout
    assert container.left(*OURS) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(number: signal.Signals) -> None:
    """Interrupted while its containers start, it takes away those that are there and says so by its exit status."""
    with subprocess.Popen(
        ["sh", "tests/tools/with.sh", "python", "examples/fleet/demo.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        end = time.monotonic() + 120
        while not container.left(*OURS):
            assert demo.poll() is None and time.monotonic() < end
            time.sleep(0.2)
        demo.send_signal(number)
        said, _nothing = demo.communicate(timeout=120)
    assert (demo.returncode, said.splitlines()[-1]) == (130, "Interrupted.")
    assert container.left(*OURS) == []
    assert not RESULT.exists()
