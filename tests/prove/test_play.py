# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook `prove`: predict, listen, dial, compare, report; for real, in a network namespace."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.prove.conftest import ROOT

PATHS = [
    {"destinations": ["127.0.1.1"], "ports": [9000], "sources": ["127.0.2.1", "127.0.2.2"], "dialer": "haproxy"},
    {"destinations": ["127.0.1.3"], "ports": [9002], "connections": 300},
]


def play(net, folder, hosts, *more):
    """Run the playbook on these hosts, all of them here; return what came of it."""
    inventory = folder / "inventory.json"
    every = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "front_tier_proof_hold": 1}
    inventory.write_text(json.dumps({"front_tier": {"hosts": hosts, "vars": every}}))
    words = ["ansible-playbook", "-i", str(inventory), str(ROOT / "playbooks/prove.yml"), "-e", "front_tier_report_dir=%s" % folder, *more]
    return subprocess.run(net.command(*words), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300)


def test_the_play_holds_what_was_predicted_and_reports_it(net, tmp_path):
    """A good run passes; the report holds predicted and held; nothing stays."""
    done = play(net, tmp_path, {"one": {"front_tier_proof_paths": PATHS}})
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "3,000 predicted, 2,301 asked for, 2,300 held by 1 host at the same time" in " ".join(done.stdout.split())
    assert "3,000 predicted, 2,301 asked for, 2,300 held on 20" in " ".join(done.stdout.split())
    proof = json.loads((tmp_path / "front-tier.json").read_text())["hosts"]["one"]["proof"]
    assert (2300, 2300, 2300, 0, "reset") == tuple(proof[name] for name in ("expected", "held", "kernel", "lost", "closed"))
    assert "Proved: 3,000 predicted" in (tmp_path / "front-tier.html").read_text()
    assert [] == net.ends(net.processes, [])
    assert {"established": 0, "time_wait": 0} == net.sockets()


def test_check_mode_only_predicts(net, tmp_path):
    """With --check nothing is opened, and nothing is proved."""
    done = play(net, tmp_path, {"one": {"front_tier_proof_paths": PATHS}}, "--check")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "held by" not in done.stdout
    assert "proof" not in json.loads((tmp_path / "front-tier.json").read_text())["hosts"]["one"]
    assert [] == net.ends(net.processes, [])


def test_a_play_that_cannot_dial_fails_reports_and_leaves_nothing(net, tmp_path):
    """Without a listener the play says so, still reports, and closes what it opened."""
    done = play(net, tmp_path, {"one": {"front_tier_proof_paths": PATHS, "front_tier_proof_side": "dial"}})
    assert 0 != done.returncode
    assert "do not belong to run" in " ".join(done.stdout.split())
    assert (tmp_path / "front-tier.json").exists()
    assert [] == net.ends(net.processes, [])


def test_too_few_forks_are_refused(net, tmp_path):
    """Hosts that are to dial together must be worked on together."""
    hosts = {"one": {"front_tier_proof_paths": PATHS}, "two": {"front_tier_proof_paths": PATHS}}
    done = play(net, tmp_path, hosts, "--forks", "1")
    assert 0 != done.returncode
    assert "Say --forks 2." in " ".join(done.stdout.split())
