# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook `audit`, run for real: on this machine, on hosts that cannot be reached, and over recorded fleets."""

from __future__ import annotations

import datetime
import json
import re
import resource
import sys
from typing import Any

import pytest

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact
from tests.playbook.conftest import GONE, HERE, Place
from tests.recorded.fleet import fleet as hosts_of

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
LATER = (TODAY + datetime.timedelta(days=30)).isoformat()
BEFORE = (TODAY - datetime.timedelta(days=1)).isoformat()
REPORT_ONLY = """---
- hosts: front_tier
  gather_facts: false
  tasks:
    - name: Read what an earlier audit left
      ansible.builtin.set_fact:
        front_tier_audit: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/facts/' ~ inventory_hostname ~ '.json') | from_json }}"
    - name: Report
      c10m.front_tier.audit_report:
      run_once: true
      delegate_to: localhost
"""


def said(ran: Any) -> str:
    """Return all that a run printed, without line breaks."""
    return " ".join((ran.stdout + ran.stderr).split())


def recorded(place: Place, size: int, **variables: Any) -> dict[str, Any]:
    """Make a place in which a fleet was audited before, its facts in files; return the hosts."""
    hosts = hosts_of(size)
    place.inventory({name: {} for name in hosts}, **variables)
    place.keep({name: fact.kept(one) for name, one in hosts.items()})
    (place.folder / "report.yml").write_text(REPORT_ONLY)
    return hosts


def without_reading(place: Place) -> None:
    """Write a playbook that only reports what variables or a fact cache hold."""
    begin, end = REPORT_ONLY.index("    - name: Read"), REPORT_ONLY.index("    - name: Report")
    (place.folder / "report.yml").write_text(REPORT_ONLY[:begin] + REPORT_ONLY[end:])


def test_this_machine_is_audited_unasked(place: Place) -> None:
    """With no variable set, the audit prints the table, writes both files below the current folder, changes nothing and succeeds."""
    place.inventory({"here": HERE})
    ran = place.play()
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    for part in ("inbound", "outbound", "bounds", "Findings", "front-tier-report/front-tier.html"):
        assert part in ran.stdout, part
    assert re.search(r"here +: ok=\d+ +changed=0 +unreachable=0 +failed=0", ran.stdout)
    assert 100 >= max(len(line) for line in ran.stdout[ran.stdout.index("────") : ran.stdout.index("  HTML")].splitlines())
    audit = place.report()["hosts"]["here"]["audit"]
    assert "Linux" == audit["host"]["system"] and audit["capacity"]["inbound"]["bounds"] and {} == audit["cut"]
    assert "\x1b[" not in ran.stdout
    assert (place.folder / "front-tier-report" / "front-tier.html").read_text().startswith("<!DOCTYPE html>")


def test_an_inventory_is_not_needed(place: Place) -> None:
    """Without any inventory, front_tier_target=localhost audits the machine that runs it."""
    place.inventory({}, group="nobody")
    ran = place.play("-e", "front_tier_target=localhost", ansible_python_interpreter=sys.executable)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "audited" == place.report()["hosts"]["localhost"]["state"]


def test_check_mode_is_the_same_run(place: Place) -> None:
    """In check mode with diff, the report is made all the same."""
    place.inventory({"here": HERE})
    ran = place.play("--check", "--diff")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "audited" == place.report()["hosts"]["here"]["state"]


def test_colour_only_where_it_is_wanted(place: Place) -> None:
    """With colour forced, tones are there; NO_COLOR takes them away again."""
    recorded(place, 1)
    place.environment["ANSIBLE_FORCE_COLOR"] = "1"
    assert "\x1b[" in place.play(playbook="report.yml").stdout
    place.environment.pop("ANSIBLE_FORCE_COLOR")
    place.environment["NO_COLOR"] = "1"
    assert "\x1b[" not in place.play(playbook="report.yml").stdout


@pytest.mark.parametrize(
    "words, extra, message",
    [
        ((), {"front_tier_target": "nowhere"}, 'the inventory has no group or host "nowhere". Put hosts into that group, or name another'),
        ((), {}, 'the inventory has no group or host "front_tier"'),
        (("--limit", "other"), {"front_tier_target": "edge"}, '--limit leaves no host of "edge".'),
    ],
)
def test_no_hosts_is_an_error(place: Place, words: tuple[str, ...], extra: dict[str, Any], message: str) -> None:
    """A target that matches nothing fails with the groups that there are, instead of a green run that audited nothing."""
    (place.folder / "inventory.yml").write_text(json.dumps({"edge": {"hosts": {"here": HERE}}, "other": {"hosts": {"other": HERE}}}))
    ran = place.play(*words, **extra)
    assert 2 == ran.returncode
    assert message in said(ran), ran.stdout
    if not words:
        assert "there are: edge, other." in said(ran)
    assert not (place.folder / "front-tier-report").exists()


def test_hosts_that_cannot_be_audited_are_reported_with_the_others(place: Place) -> None:
    """An unreachable host, a host without Python and a sound one are all in the report; without a gate the run succeeds."""
    place.inventory({"gone": GONE, "here": HERE, "bare": {**HERE, "ansible_python_interpreter": "/nowhere/python"}})
    ran = place.play()
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert {"gone": "unreachable", "here": "audited", "bare": "failed"} == {
        name: one["state"] for name, one in place.report()["hosts"].items()
    }
    assert "not audited, unreachable:" in ran.stdout and "Inbound bounds" in ran.stdout
    gated = place.play(front_tier_fail_on="error", front_tier_accept=[])
    assert 2 == gated.returncode
    assert "2 hosts could not be audited, so the gate cannot pass: gone (unreachable); bare (failed)." in said(gated)


def test_a_fleet_of_which_no_host_could_be_audited_fails(place: Place) -> None:
    """A report on nothing is no success, even without a gate."""
    place.inventory({"gone": GONE})
    ran = place.play()
    assert 2 == ran.returncode and "No host could be audited" in said(ran) and "unreachable" == place.report()["hosts"]["gone"]["state"]


WANTED = {"front_tier_connections": 10**9, "front_tier_fail_on": "error"}
ACCEPTED = {"id": "FT100", "hosts": "her*", "until": LATER, "why": "a new machine is booked"}


def test_the_gate_fails_after_the_report_and_names_what_is_wrong(place: Place) -> None:
    """A number that the host cannot hold is an error: the whole report comes first, then the run fails with host, id and subject."""
    place.inventory({"here": HERE})
    ran = place.play("-e", "front_tier_connections=1000000000", "-e", "front_tier_fail_on=error", "-e", "front_tier_headroom=0.1")
    assert 2 == ran.returncode
    assert "does not fit" in ran.stdout and "1,000,000,000 connections wanted: this host holds" in said(ran)
    assert re.search(r"new findings? on 1 host \(fail_on: error\): here FT\d{3}", said(ran))
    assert "here FT100 front_tier_connections" in said(ran)
    report = place.report()
    assert report["gate"]["fails"] and "here FT100" in report["gate"]["message"]
    assert ran.stdout.index("does not fit") < ran.stdout.index("fatal:")


def test_the_number_of_a_whole_fleet_is_asked_of_no_host(place: Place) -> None:
    """Where the inventory has the hops of a fleet, front_tier_connections is what all of it carries: the plan judges, not the audit."""
    hops = [{"from": "internet", "to": "front_tier", "listeners": [80], "clients": 9}]
    place.inventory({"here": {**HERE, "front_tier_connections": 10**9, "front_tier_hops": hops}})
    ran = place.play()
    assert 0 == ran.returncode, said(ran)
    assert "FT100" not in said(ran) and "1,000,000,000" not in said(ran)


@pytest.mark.parametrize("until, passes", [(TODAY.isoformat(), True), (BEFORE, False)])
def test_what_was_accepted_passes_until_its_day_is_over(place: Place, until: str, passes: bool) -> None:
    """An accepted finding does not fail; from the day after `until` on it does, and the message says that the acceptance ended."""
    recorded(place, 1, **WANTED)
    one = fact.kept(next(iter(hosts_of(1).values())), 10**9)
    one["findings"] = one["findings"][:1]
    place.keep({"web-000": one})
    ran = place.play(playbook="report.yml", front_tier_accept=[{**ACCEPTED, "hosts": "web-*", "until": until}])
    assert passes is (0 == ran.returncode), ran.stdout
    if passes:
        assert f"accepted until {until}: a new machine is booked" in said(ran) and "passes (fail_on: error)" in ran.stdout
    else:
        assert f"(accepted until {until}, which is over)" in said(ran)


def test_a_mistake_in_the_accept_list_stops_before_any_work(place: Place) -> None:
    """The list is checked before the first host is read, and every mistake in it is named."""
    place.inventory({"here": HERE}, **WANTED)
    ran = place.play(front_tier_accept=[{**ACCEPTED, "id": "FT999"}, {**ACCEPTED, "until": "some day"}])
    assert 2 == ran.returncode
    assert 'front_tier_accept[0].id "FT999" is not the id of a finding.' in said(ran)
    assert 'front_tier_accept[1].until "some day" is no date.' in said(ran)
    assert "Read what bounds connections" not in ran.stdout and not (place.folder / "front-tier-report").exists()


def test_every_host_has_its_own_gate(place: Place) -> None:
    """fail_on and accept are the host's own variables: one group can be strict and another can wait."""
    hosts = recorded(place, 12)
    errors = {name for name, one in hosts.items() if any(row["severity"] == "error" and not row["outside"] for row in one["findings"])}
    strict, lenient = sorted(errors)[:2], sorted(errors)[2:]
    assert strict and lenient
    variables = {name: {"front_tier_fail_on": "error"} if name in strict else {} for name in hosts}
    place.inventory(variables)
    ran = place.play(playbook="report.yml")
    assert 2 == ran.returncode
    failing = {name for name, one in place.report()["hosts"].items() if any(row["fails"] for row in one["gate"])}
    assert set(strict) == failing


def test_what_belongs_to_the_machine_outside_never_fails(place: Place) -> None:
    """A gate does not fail on what only the machine around a container can change."""
    ((name, one),) = recorded(place, 1, front_tier_fail_on="warning").items()
    one["findings"] = [dict(row, outside=True) for row in one["findings"]]
    assert any(row["severity"] == "error" for row in one["findings"])
    place.keep({name: fact.kept(one)})
    ran = place.play(playbook="report.yml")
    assert 0 == ran.returncode, ran.stdout
    assert {"outside"} == {row["state"] for row in place.report()["hosts"][name]["gate"]}


def test_what_a_host_says_is_never_a_template(place: Place) -> None:
    """A fact that holds Jinja is printed as it is: nothing in it is evaluated on the controller."""
    ((name, one),) = recorded(place, 1).items()
    mark = place.folder / "owned"
    attack = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}{%% for x in y %%}{{ 7 * 191 }}" % mark
    one["host"]["kernel"] = attack
    one["findings"] = [dict(row, message=attack) for row in one["findings"]]
    place.keep({name: fact.kept(one)})
    (place.folder / "what-if.yml").write_text(WHAT_IF)
    ran = place.play(playbook="report.yml")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    again = place.play(playbook="what-if.yml")
    assert 0 == again.returncode, again.stdout + again.stderr
    assert not mark.exists() and "{{ 7 * 191 }}" in ran.stdout and "1337" not in ran.stdout
    assert attack == place.report()["hosts"][name]["audit"]["host"]["kernel"]


def test_a_service_or_an_upstream_that_cannot_be_meant_is_told(place: Place) -> None:
    """A service that does not exist and an upstream without a port are reported for the host, with what to write."""
    place.inventory(
        {"here": HERE, "there": {**HERE, "front_tier_service": "no-such.service"}, "typo": {**HERE, "front_tier_upstreams": ["10.0.9.10"]}}
    )
    ran = place.play()
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    hosts = place.report()["hosts"]
    assert ["audited", "failed", "failed"] == [hosts[name]["state"] for name in ("here", "there", "typo")]
    assert "no-such.service" in hosts["there"]["why"] and "does not exist on this host." in hosts["there"]["why"]
    assert 'front_tier_upstreams[0] "10.0.9.10" has no port. Write it as "10.0.9.10:8080".' in hosts["typo"]["why"]


WHAT_IF = """---
- hosts: front_tier
  gather_facts: false
  vars:
    wider: {net.ipv4.ip_local_port_range: [1024, 65535], net.core.somaxconn: "{{ 65535 }}"}
  tasks:
    - ansible.builtin.command: cat {{ playbook_dir }}/facts/{{ inventory_hostname }}.json
      delegate_to: localhost
      register: earlier
    - ansible.builtin.set_fact:
        front_tier_audit: "{{ earlier.stdout | from_json }}"
    - delegate_to: localhost
      ansible.builtin.copy:
        dest: "{{ playbook_dir }}/answer.json"
        mode: "0644"
        content: >-
          {{ {'today': today.capacity.outbound.connections,
              'eight': eight.capacity.outbound.connections, 'wide': wide.paths[0].usable_ports,
              'files': files.capacity.inbound, 'wanted': (front_tier_audit | c10m.front_tier.capacity(connections=how_many)).wanted.message}
             | to_json }}
      vars:
        today: "{{ front_tier_audit | c10m.front_tier.capacity }}"
        eight: "{{ front_tier_audit | c10m.front_tier.capacity(addresses=8) }}"
        wide: "{{ front_tier_audit | c10m.front_tier.capacity(limits=wider) }}"
        files: "{{ front_tier_audit | c10m.front_tier.capacity(nofile=many) }}"
        many: "{{ 1000 * 1000 }}"
        how_many: "200000"
"""


def test_what_if(place: Place) -> None:
    """The filter computes a kept fact again with other values, also where they come out of templates as text."""
    ((name, one),) = recorded(place, 1).items()
    (place.folder / "what-if.yml").write_text(WHAT_IF)
    ran = place.play(playbook="what-if.yml")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    found = json.loads((place.folder / "answer.json").read_text())
    assert 8 * found["today"] == found["eight"] and 64512 - len(one["ports"]["blocked"]) == found["wide"]
    assert found["today"] < found["eight"] and 1012 < found["files"]["connections"]
    assert found["wanted"].startswith("200,000 connections wanted: this host holds")
    wrong = (place.folder / "what-if.yml").read_text().replace("nofile=many", "nofil=many")
    (place.folder / "what-if.yml").write_text(wrong)
    ran = place.play(playbook="what-if.yml")
    assert 2 == ran.returncode and "capacity has no nofil. Override one of limits, nofile, addresses" in said(ran)


def test_three_hundred_hosts_are_reported_in_seconds(place: Place) -> None:
    """The report on 300 hosts takes seconds (of processor time: a busy machine makes no difference), and its files stay small."""
    place.inventory({name: {"front_tier_audit": fact.kept(one)} for name, one in hosts_of(300).items()})
    without_reading(place)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = place.play(playbook="report.yml")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    sizes = {path.name: path.stat().st_size for path in (place.folder / "front-tier-report").iterdir()}
    print(f"300 hosts: {took:.1f} s of processor time, {sizes}")
    assert 60 > took and 5_000_000 > sizes["front-tier.html"] and 10_000_000 > sizes["front-tier.json"]
    assert {"front-tier.html", "front-tier.json"} == set(sizes)
    assert "300 hosts, 300 audited" in ran.stdout and "and 260 hosts more" in ran.stdout


def test_a_fact_cache_keeps_the_audit(place: Place) -> None:
    """With a fact cache, a later run can report and compute without reaching the host; a host that is gone is not passed off as audited."""
    place.cache()
    place.inventory({"here": HERE})
    assert 0 == place.play().returncode
    place.inventory({"here": GONE})
    without_reading(place)
    ran = place.play(playbook="report.yml")
    assert 0 == ran.returncode and "Inbound bounds" in ran.stdout, ran.stdout + ran.stderr
    ran = place.play()
    assert 2 == ran.returncode
    assert "unreachable" == place.report()["hosts"]["here"]["state"] and "the last audit in the fact cache is of 20" in said(ran)


def test_a_report_that_cannot_be_written_says_where(place: Place) -> None:
    """The table is printed all the same, and the message names the folder and the variable."""
    place.inventory({"here": HERE})
    (place.folder / "file").write_text("")
    ran = place.play(front_tier_report_dir="file/below")
    assert 2 == ran.returncode and "Inbound bounds" in ran.stdout
    assert f"The report cannot be written to {place.folder}/file/below: Not a directory." in said(ran)
