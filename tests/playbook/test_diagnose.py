# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook diagnose, for real, on this machine; what it finds in a whole tier is the matter of tests/symptoms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LINE = "2999/01/01 00:00:00 [error] 5#5: *1 no live upstreams while connecting to upstream, client: 10.0.0.1\n"


def played(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook on this machine."""
    local = ("-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "-e", "front_tier_target=localhost")
    command = ["ansible-playbook", *local, "c10m.front_tier.diagnose", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_cause_is_named_with_how_to_look_and_how_to_mend_it(tmp_path: Path) -> None:
    """What a log says is named in words, and nothing is changed."""
    log = tmp_path / "error.log"
    log.write_text(LINE)
    done = played("-e", json.dumps({"front_tier_logs": [str(log)]}))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "10 max_fails: nginx took its upstreams out" in done.stdout
    assert "mend: Set max_fails=0" in done.stdout
    assert "changed=0" in done.stdout


def test_a_wrong_number_is_named() -> None:
    """The module refuses before it looks."""
    done = played("-e", "front_tier_since=100000")
    assert 0 != done.returncode
    assert "since 100000 is out of bounds: it must be 1 to 86400 seconds" in done.stdout


def test_a_target_without_hosts_is_a_mistake() -> None:
    """A group without hosts looks at nothing and fails."""
    done = played("-e", "front_tier_target=nowhere")
    assert 0 != done.returncode
    assert "Nothing would be looked at" in done.stdout
