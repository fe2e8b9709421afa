# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real playbooks against a host that was taken over: none of its words runs on the controller, steers a terminal or sets a variable."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.c10m.front_tier.tests.hostile.attack import ROOT, Attack
from ansible_collections.c10m.front_tier.tests.recorded.fleet import fleet

WORDS = ("kernel", "hostname", "detail", "message", "program", "title", "interface", "id", "last_check", "status")
EVIDENCE = ROOT / "tests/recorded/evidence/check_without_port-b.json"


def spoiled(value: Any, text: str) -> Any:
    """Return data with a text of the attacker in every field that holds words, and in a field of its own."""
    if isinstance(value, dict):
        free = {name for name, item in value.items() if isinstance(item, str) and (name in WORDS or item.startswith("/"))}
        return {**{name: text if name in free else spoiled(item, text) for name, item in value.items()}, text: text}
    return [spoiled(item, text) for item in value] if isinstance(value, list) else value


def variables(attack: Attack) -> dict[str, Any]:
    """Return facts that would decide what happens on the controller."""
    words = dict.fromkeys(("front_tier_audit_error", "front_tier__target", "front_tier_accept"), attack.template)
    return {"front_tier_report_dir": str(attack.mark), "front_tier_fail_on": "never", **words}


@pytest.fixture
def snapshot(attack: Attack) -> dict[str, Any]:
    """Return a snapshot full of templates and escape sequences, with facts beside it that would set variables."""
    (host,) = fleet(1).values()
    found: dict[str, Any] = spoiled(
        {name: copy.deepcopy(part) for name, part in host.items() if name not in ("paths", "capacity")}, attack.template
    )
    return {**found, "changed": False, "ansible_facts": variables(attack)}


def harmless(attack: Attack, *printed: str) -> None:
    """Check that nothing of the attacker's ran, was written or steers a terminal."""
    assert not attack.mark.exists()
    assert "\x1b[2J" not in "".join(printed)


def test_an_audit_of_it_runs_nothing(attack: Attack, snapshot: dict[str, Any]) -> None:
    """The audit reports it like any host, in the folder that the inventory names; what later runs find in the fact cache is as harmless."""
    attack.answer("connection_limits_info", snapshot)
    first = attack.play("c10m.front_tier.audit", front_tier_fail_on="error", front_tier_connections=10**9)
    assert "  Gate  " in first, first
    second = attack.play("c10m.front_tier.plan", front_tier_upstreams=["10.0.9.10:80"], front_tier_connections=1000)
    assert "front-tier-plan.json" in second, second
    harmless(attack, first, second)
    report = json.loads((attack.folder / "work/front-tier-report/front-tier.json").read_text())
    assert ("audited", "error") == (report["hosts"]["evil"]["state"], report["gate"]["fail_on"])
    assert attack.template == report["hosts"]["evil"]["audit"]["host"]["kernel"]


def test_its_evidence_is_told_as_words(attack: Attack) -> None:
    """Diagnose prints what it makes of the evidence, and runs none of it."""
    evidence = json.loads(EVIDENCE.read_text())
    attack.answer("tier_evidence_info", {"changed": False, "evidence": spoiled(evidence.get("evidence", evidence), attack.template)})
    harmless(attack, attack.play("c10m.front_tier.diagnose"))


def test_a_proof_with_it_writes_where_it_was_told(attack: Attack, snapshot: dict[str, Any]) -> None:
    """Not even an answer to a module of Ansible's own moves the report of a proof, and the watch of a run prints no escape sequence."""
    attack.answer("stat", {"changed": False, "stat": {"exists": False}, "ansible_facts": variables(attack)})
    attack.answer("connection_limits_info", snapshot)
    attack.answer("connection_probe", {"changed": True, "phase": attack.template, "held": attack.template, "note": "\x1b[2J", "paths": []})
    paths = [{"sources": ["10.0.0.2"], "destinations": ["10.0.0.9"], "ports": [7000]}]
    printed = attack.play("c10m.front_tier.prove", front_tier_proof_paths=paths, front_tier_proof_hold=0)
    assert (attack.folder / "work/front-tier-report/front-tier.json").exists(), printed
    harmless(attack, printed)


def test_a_proxy_on_it_is_configured_with_words_alone(attack: Attack, snapshot: dict[str, Any]) -> None:
    """What the host says of its program, its files and its unit goes back to it as it is, and is no template on the way."""
    parts = ["HAProxy version 2.6.12 " + attack.template, "", "", "", "4", "", "active", "haproxy " + attack.template]
    parts += ["EXTRAOPTS=-S /run/x.sock " + attack.template, attack.template]
    attack.answer("command", {"changed": False, "rc": 0, "stdout": "\n=====\n".join(parts)})
    attack.answer("connection_limits_info", {**snapshot, "ansible_facts": {}})
    told = {
        "changed": True,
        "steps": ["file " + attack.template],
        "before": {attack.template: attack.template},
        "needs_restart": [attack.template],
    }
    attack.answer("host_config", told)
    (attack.folder / "work/proxy.yml").write_text(PROXY)
    printed = attack.play(
        "proxy.yml", "--check", front_tier_upstreams=["10.0.9.10:80"], front_tier_listen=["0.0.0.0:18999"], front_tier_restart=True
    )
    assert "Put limits and configuration in place" in printed and "EXTRAOPTS=-S /run/x.sock {{ lookup" in printed, printed
    harmless(attack, printed)


PROXY = """---
- hosts: front_tier
  gather_facts: false
  roles: [c10m.front_tier.reverse_proxy]
  post_tasks:
    - ansible.builtin.debug:
        msg: "{{ front_tier__put.files }}"
"""


def test_a_plan_that_it_is_in_stays_words(attack: Attack, snapshot: dict[str, Any]) -> None:
    """What a plan has from a snapshot, such as the name of an interface, is no template in any of the tasks that the plan goes through."""
    addresses = [{"interface": attack.template, "address": "10.0.9.101/24", "family": "inet", "local_route": False, "deprecated": False}]
    attack.answer("connection_limits_info", {**snapshot, "addresses": addresses, "ansible_facts": {}})
    attack.answer("stat", {"changed": False, "stat": {"exists": False}})
    attack.answer(
        "host_config", {"changed": True, "steps": [], "needs_restart": [], "not_applied": [], "left": [], "after": {}, "before": {}}
    )
    pool = ["10.0.9.110-10.0.9.140"]
    hop = {"front_tier_upstreams": ["10.0.9.10:80"], "front_tier_connections": 300000}
    printed = attack.play("c10m.front_tier.scale", front_tier_address_pool=pool, front_tier_all_hosts=True, **hop)
    assert "more addresses on {{ lookup" in printed and "Plan again, from what the hosts are now" in printed, printed
    harmless(attack, printed)
