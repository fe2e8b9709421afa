# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are asked."""

from __future__ import annotations

import os
import sys

from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run


def test_output():
    """A program's whole output comes as text, in the C locale, whatever bytes it holds."""
    script = "import os, sys; sys.stdout.buffer.write(os.environ['LC_ALL'].encode() + b'\\xff' * 100000)"
    assert run(sys.executable, "-c", script) == "C" + "\ufffd" * 100000


def test_trouble():
    """A missing program is unknown; one that fails, hangs or floods is unreadable, and is gone afterwards."""
    assert run("no-such-program-here")["absent"] == "unknown"
    assert "exit status 3" in run(sys.executable, "-c", "raise SystemExit(3)")["detail"]
    assert "no end in time" in run(sys.executable, "-c", "import time; time.sleep(60)", seconds=0.2)["detail"]
    assert "too much output" in run(sys.executable, "-c", "while True: print('x' * 9999)", most=5000)["detail"]
    try:
        assert os.waitpid(-1, os.WNOHANG)[0] == 0
    except ChildProcessError:
        pass  # no child at all is left
