# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role reverse_proxy sees of a host, with files of others as people write them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DEFAULTS = """\
# ===== Defaults file for HAProxy =====
EXTRAOPTS="-S /run/haproxy-master.sock"
"""


@pytest.mark.skipif(os.geteuid() or not shutil.which("haproxy"), reason="takes root and haproxy (make apt)")
def test_a_line_of_equals_signs_in_a_file_of_the_site_is_no_end_of_it(tmp_path):
    """A comment with a ruler in it moves nothing of what is seen after it."""
    (tmp_path / "haproxy").write_text(DEFAULTS)
    play = ["ansible-playbook", "-i", "localhost,", "-e", "folder=%s" % tmp_path, str(HERE / "look.yml")]
    words = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/default && exec "$@"', str(tmp_path), *play]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["extraopts"] == DEFAULTS.strip()
    assert seen["workers"] == str(len(os.sched_getaffinity(0)))
