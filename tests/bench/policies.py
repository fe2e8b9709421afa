# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies' bench: the ready ones over recorded audits, as a filter and as the whole playbook.

Run through run.py, which puts the collection on the path.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from ansible_collections.c10m.front_tier.plugins.filter.policy import policy
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import info
from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact

HOSTS = 1000
NOTHING = [{"hosts": "front_tier", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "x"}, "run_once": True}]}]


def seconds(rounds: int) -> tuple[dict[str, list[float]], float]:
    """Return {what: seconds of each round} and the kilobytes of one audit; each host has the audit of this machine."""
    snapshot = info.audit({"paths": [], "services": [], "gather_subset": ["all"], "sample": 20000, "root": "/"})
    audit = fact.kept(complete(snapshot, [], None))
    report = {"fleet": {}, "hosts": {"host%d" % number: {"state": "audited", "audit": audit} for number in range(HOSTS)}}
    found: dict[str, list[float]] = {"filter": [], "playbook": [], "nothing": []}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "hosts").write_text("[front_tier]\nhost[0:%d]\n" % (HOSTS - 1))
        Path(folder, "front-tier.json").write_text(json.dumps(report))
        Path(folder, "nothing.yml").write_text(json.dumps(NOTHING))
        words = ["-e", "front_tier_report_dir=.", "-e", "front_tier_policy_fail_on=never"]
        for turn in range(rounds + 1):
            begin = time.monotonic()
            policy(report)
            times = {"filter": time.monotonic() - begin}
            for name, book in (("playbook", "c10m.front_tier.policy"), ("nothing", "nothing.yml")):
                begin = time.monotonic()
                subprocess.run(["ansible-playbook", "-i", "hosts", book, *words], cwd=folder, check=True, capture_output=True)
                times[name] = time.monotonic() - begin
            for name, taken in times.items() if turn else ():
                found[name].append(taken)
    return found, len(json.dumps(audit)) / 1000
