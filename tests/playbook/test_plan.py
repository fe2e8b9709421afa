# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook plan, for real: from recorded audits, without any host."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.recorded import tiers


def played(folder: Path, hosts: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook on an inventory of recorded hosts, none of which can be reached."""
    groups: dict[str, Any] = {}
    for name, host in hosts.items():
        variables = {key: value for key, value in host.items() if key != "group_names"}
        groups.setdefault(host["group_names"][0], {"hosts": {}})["hosts"][name] = dict(variables, ansible_host="192.0.2.254")
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
    command = [
        "ansible-playbook",
        "-i",
        str(folder / "hosts.json"),
        "c10m.front_tier.plan",
        "-e",
        f"front_tier_report_dir={folder}",
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_plan_is_printed_and_written(tmp_path: Path) -> None:
    """The plan of the documented inventory is printed, and the JSON holds it whole."""
    done = played(tmp_path, tiers.example())
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Plan for 1,000,000 connections, 20 % headroom" in done.stdout
    assert "databases need nothing: 4 hosts x 200 pooled connections = 800 of 112,928 possible" in done.stdout
    plan = json.loads((tmp_path / "front-tier-plan.json").read_text())
    assert [hop["reached"] for hop in plan["hops"]] == [True, True, True]
    assert plan["hosts"]["proxy1"]["host_config"]["port_range"]["low"] == 10240


def test_a_mistake_ends_it_with_a_message(tmp_path: Path) -> None:
    """A group that is not there is named, and nothing is written."""
    hops = '{"front_tier_hops": [{"from": "proxies", "to": "nowhere", "listeners": [80]}]}'
    done = played(tmp_path, tiers.example(), "-e", hops)
    assert 0 != done.returncode
    assert "no host is in a group" in done.stdout + done.stderr
    assert "nowhere" in done.stdout + done.stderr
    assert not (tmp_path / "front-tier-plan.json").exists()


def test_a_target_without_hosts_is_a_mistake(tmp_path: Path) -> None:
    """A group without hosts plans nothing and fails."""
    done = played(tmp_path, tiers.example(), "-e", "front_tier_target=nowhere")
    assert 0 != done.returncode
    assert "Nothing would be planned" in done.stdout
