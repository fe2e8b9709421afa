# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figure of docs/subject.md: connections that the kernel gave for each way to bind, beside the article's formula.

usage: python tests/bench/subject.py     (any user who may make a network namespace; gnuplot draws)

Each point is measured by the page's own lab.py: 100 ports, two listeners, dialled until the kernel refuses.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tests.bench import figures  # noqa: E402 (the folder above is not on the path of a program)

MOST = 6
EXPERIMENT = """
import json
from lab import *
found = {}
for number in range(1, %d + 1):
    sources = ["127.0.1.%%d" %% one for one in range(1, number + 1)]
    for way, how in (("none", {}), ("plain", {"sources": sources, "no_port": False}), ("no_port", {"sources": sources})):
        listeners = [listen(port=80), listen(port=81)]
        held, _said = fill(listeners, **how)
        found.setdefault(way, []).append(len(held))
        for one in [*held, *listeners]:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))  # no TIME_WAIT
            one.close()
print(json.dumps(found))
"""


def measure() -> dict[str, list[int]]:
    """Return {way to bind: connections with 1, 2, ... sources}."""
    lab = re.search(r"^```python\n(# lab\.py\n.*?)^```", (ROOT / "docs/subject.md").read_text(), re.M | re.S)
    assert lab
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "lab.py").write_text(lab[1])
        Path(folder, "experiment.py").write_text(EXPERIMENT % MOST)
        words = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "experiment.py"]
        found: dict[str, list[int]] = json.loads(subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout)
    return found


if __name__ == "__main__":
    rows = measure()
    print(json.dumps(rows))
    figures.draw({"subject": rows}, ROOT / "docs/figures")
