# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook `policy` and its filter, run for real over recorded audits: no host is contacted."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact
from tests.playbook.conftest import GONE, HERE, ROOT, Place
from tests.playbook.test_audit import LATER, said
from tests.recorded import tiers
from tests.recorded.fleet import fleet as hosts_of

POLICY = "c10m.front_tier.policy"
BROKEN = [{"id": "always-broken", "violations": "host.system"}]
KEPT = [{"id": "always-kept", "violations": "host.nothing"}]


GUIDE = (ROOT / "docs/policy.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.M | re.S)


def recorded(place: Place, hosts: dict[str, dict[str, Any]], **variables: Any) -> None:
    """Make a place in which hosts were audited before, and none can be reached now."""
    place.inventory(dict.fromkeys(hosts, GONE), **variables)
    (place.folder / "front-tier-report").mkdir(exist_ok=True)
    audits = {name: {"state": "audited", "audit": fact.kept(one)} for name, one in hosts.items()}
    (place.folder / "front-tier-report/front-tier.json").write_text(json.dumps({"fleet": {}, "hosts": audits}))


def told(place: Place) -> dict[str, Any]:
    """Return the JSON that the playbook wrote."""
    found: dict[str, Any] = json.loads((place.folder / "front-tier-report/front-tier-policy.json").read_text())
    return found


def test_audit_then_policy(place: Place) -> None:
    """The two commands of the guide: the second judges what the first found on this machine, and both files are left."""
    place.inventory({"here": HERE})
    assert 0 == place.play().returncode
    ran = place.play(playbook=POLICY, front_tier_policies=["ready", *KEPT], front_tier_policy_fail_on="never")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "1 audit, the oldest of" in ran.stdout and "always-kept" in ran.stdout
    assert 1 == told(place)["hosts"] and {} == told(place)["unaudited"]
    assert [] == [one for one in told(place)["policies"] if one["errors"]]
    top = ElementTree.parse(place.folder / "front-tier-report/front-tier-policy.xml").getroot()
    assert [one["id"] for one in told(place)["policies"]] == [suite.get("name") for suite in top]


def test_no_host_is_contacted(place: Place) -> None:
    """Hosts that cannot be reached are judged by their last audits, and the exit status says whether they pass."""
    recorded(place, hosts_of(3))
    assert 0 == place.play(playbook=POLICY, front_tier_policies=KEPT).returncode
    ran = place.play(playbook=POLICY, front_tier_policies=BROKEN)
    assert 2 == ran.returncode
    assert "3 new violations on 3 hosts (fail_on: error)" in said(ran) and "always-broken" in ran.stdout
    assert "unreachable=0" in ran.stdout


def test_inventories_hold_policies_groups_and_acceptances(place: Place) -> None:
    """Policies in a file, hosts by their groups, templated values, the inventory's variables: all with the tags of Ansible's values."""
    hosts = hosts_of(4)
    names = list(hosts)
    recorded(place, hosts, front_tier_policies=["own.yml"], limit_of_ports=100000, front_tier_connections=7)
    inventory = (place.folder / "inventory.yml").read_text()
    (place.folder / "inventory.yml").write_text(inventory + "lb:\n  hosts: {%s: {}}\n" % names[0])
    own = {
        "id": "narrow", "hosts": "lb", "title": "No narrow range",
        "violations": "ports.usable < `100000` && variables.front_tier_connections == `7` && {subject: name, usable: ports.usable}",
    }  # fmt: skip
    (place.folder / "own.yml").write_text(json.dumps([own]))
    ran = place.play(playbook=POLICY)
    assert 2 == ran.returncode and "1 new violation on 1 host (fail_on: error): %s narrow" % names[0] in said(ran)
    accepted = [{"id": "narrow", "until": LATER, "why": "known"}]
    ran = place.play(playbook=POLICY, front_tier_policy_accept=accepted)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert 1 == told(place)["policies"][0]["accepted"]


def test_the_plan_is_judged_where_there_is_one(place: Place) -> None:
    """audit, plan and policy in one folder: hops that hold less than is wanted break the gate, one line each."""
    hosts = {name: {key: value for key, value in one.items() if key != "group_names"} for name, one in tiers.example().items()}
    groups: dict[str, Any] = {}
    for name, one in tiers.example().items():
        groups.setdefault(one["group_names"][0], {"hosts": {}})["hosts"][name] = {**GONE, **hosts[name]}
    (place.folder / "inventory.yml").write_text(json.dumps({"all": {"children": groups}}))
    skipped = place.play(playbook=POLICY, front_tier_target="all", front_tier_policies=["no-hop-short-of-the-plan"])
    assert 0 == skipped.returncode and "skipped: no plan was given" in skipped.stdout
    assert 0 == place.play(playbook="c10m.front_tier.plan").returncode
    ran = place.play(playbook=POLICY, front_tier_target="all", front_tier_policies=["no-hop-short-of-the-plan"])
    assert 2 == ran.returncode, ran.stdout + ran.stderr
    assert "no-hop-short-of-the-plan cache" in said(ran) and "1,000,000 of 451,712 possible: too little." in said(ran)


def test_a_variable_that_another_host_cannot_tell_is_named(place: Place) -> None:
    """A template with hostvars cannot be seen from another host; only a policy that names the variable fails, and says so."""
    recorded(place, hosts_of(2), front_tier_upstreams="{{ hostvars | length }}")
    assert 0 == place.play(playbook=POLICY, front_tier_policies=KEPT).returncode
    ran = place.play(playbook=POLICY, front_tier_policies=[{"id": "own", "violations": "variables.front_tier_upstreams"}])
    assert 2 == ran.returncode and "A policy names front_tier_upstreams, which cannot be told for web-000: " in said(ran), said(ran)


def test_the_newer_audit_counts(place: Place) -> None:
    """A fact cache and a report may both have a host: the newer audit is judged."""
    ((name, host),) = hosts_of(1).items()
    recorded(place, {name: host})
    place.cache()
    newer = {**host, "host": {**host["host"], "read_at": "2026-12-01T00:00:00Z", "container": "newer"}}
    (place.folder / "keep.yml").write_text("""---
- hosts: all
  gather_facts: false
  tasks: [{ansible.builtin.set_fact: {front_tier_audit: "{{ given }}", cacheable: true}}]
""")
    assert 0 == place.play(playbook="keep.yml", given=fact.kept(newer)).returncode
    own = [{"id": "of-the-cache", "violations": "host.container == 'newer'"}]
    assert 2 == place.play(playbook=POLICY, front_tier_policies=own).returncode
    recorded(place, {name: {**newer, "host": {**newer["host"], "read_at": "2026-12-02T00:00:00Z", "container": None}}})
    ran = place.play(playbook=POLICY, front_tier_policies=own)
    assert 0 == ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"front_tier_target": "nobody"}, 'Nothing would be judged: the inventory has no group or host "nobody".'),
        ({"front_tier_policies": ["x"]}, 'front_tier_policies[0] "x" is no policy: write ready, the id of a ready one'),
        (
            {"front_tier_policies": [{"id": "own", "violations": "a[?b = 1]"}]},
            "front_tier_policies[0].violations (policy own): line 1, column 6: Unknown token '='",
        ),
        ({"front_tier_report_dir": "elsewhere"}, "there is no audit of it in the fact cache or in the report"),
        ({"front_tier_policy_fail_on": "x"}, "value of fail_on must be one of: never, error, warning, got: x"),
    ],
)
def test_a_mistake_fails_and_is_named(place: Place, extra: dict[str, Any], message: str) -> None:
    """Nothing that judges nothing passes: the exit status is not 0 and the message says why."""
    recorded(place, hosts_of(2))
    ran = place.play(playbook=POLICY, **extra)
    assert ran.returncode and message in said(ran), said(ran)


def test_a_report_that_is_none_is_named(place: Place) -> None:
    """A file that is no report or no plan is a mistake, not a fleet without hosts."""
    recorded(place, hosts_of(2))
    (place.folder / "front-tier-report/front-tier-plan.json").write_text("{}")
    ran = place.play(playbook=POLICY)
    assert 2 == ran.returncode and "has no hops. Name the front-tier-plan.json that c10m.front_tier.plan wrote." in said(ran)
    for text in ("{", "[]", '{"hosts": []}'):
        (place.folder / "front-tier-report/front-tier.json").write_text(text)
        ran = place.play(playbook=POLICY)
        assert 2 == ran.returncode and "Name the front-tier.json that the audit wrote." in said(ran)


def test_the_filter_judges_a_recorded_report(place: Place) -> None:
    """The example of the filter's documentation, in a playbook of one's own."""
    recorded(place, hosts_of(2))
    (place.folder / "own.yml").write_text("""---
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: judged.passes and judged.table | length > 1 and judged.junit is search('testsuite')
        fail_msg: "{{ judged.message }}"
      vars:
        recorded: "{{ lookup('ansible.builtin.file', 'front-tier-report/front-tier.json') | from_json }}"
        judged: "{{ recorded | c10m.front_tier.policy(policies) }}"
""")
    ran = place.play(playbook="own.yml", policies=["no-live-boot-difference"])
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    ran = place.play(playbook="own.yml", policies=BROKEN)
    assert 2 == ran.returncode and "2 new violations on 2 hosts" in said(ran)


def test_what_a_host_says_is_never_a_template_or_an_escape(place: Place) -> None:
    """Text of a host runs nothing on the controller and steers no terminal."""
    ((name, host),) = hosts_of(1).items()
    evil = "{{ lookup('ansible.builtin.pipe', 'touch owned') }}\x1b[2J"
    recorded(place, {name: {**host, "findings": [{"id": "FT205", "severity": "error", "subject": evil, "message": evil, "remedy": evil}]}})
    ran = place.play(playbook=POLICY)
    assert 2 == ran.returncode and "touch owned" in ran.stdout
    assert not (place.folder / "owned").exists() and "\x1b[2J" not in ran.stdout + ran.stderr


def test_the_guide_can_be_typed(place: Place) -> None:
    """Its inventory, its own policies and its play are understood as they stand, and its table names the playbook's variables."""
    hosts = hosts_of(12)
    chosen, own, accepted, play = BLOCKS
    recorded(place, hosts, **yaml.safe_load(chosen), **yaml.safe_load(accepted))
    (place.folder / "inventory.yml").write_text(
        (place.folder / "inventory.yml").read_text() + "edge:\n  hosts: {%s: {}}\n" % list(hosts)[0]
    )
    (place.folder / "policies.yml").write_text(own)
    ran = place.play(playbook=POLICY)
    assert 2 == ran.returncode and "new violations on" in said(ran), said(ran)
    ids = [one["id"] for one in told(place)["policies"]]
    assert [*("no-live-boot-difference", "every-balancer-transparent", "no-error"), *(one["id"] for one in yaml.safe_load(own))] == ids
    assert [] == [one for one in told(place)["policies"] if one["errors"]]
    assert [1] == [one["judged"] for one in told(place)["policies"] if one["id"] == "edges-hold-100000"]
    (place.folder / "play.yml").write_text(play)
    assert place.play(playbook="play.yml").returncode in (0, 2)
    named = set(re.findall(r"^\| `(front_tier_\w+)` \|", GUIDE, re.M))
    assert named == set(re.findall(r"front_tier_[a-z]\w+", (ROOT / "playbooks/policy.yml").read_text())) - {"front_tier__target"}


def test_the_guide_lists_the_ready_policies() -> None:
    """Its table has every ready policy, in their order."""
    ready = yaml.safe_load((ROOT / "plugins/plugin_utils/_policy/ready.yml").read_text())
    assert [one["id"] for one in ready] == re.findall(r"^\| `((?:no|every)-[a-z0-9-]+)` \|", GUIDE, re.M)
