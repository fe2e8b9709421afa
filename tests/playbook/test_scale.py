# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks scale and revert, for real, where they must refuse: nothing is changed, and the message says what to do.

What they change is proven on containers, in the scenarios scale and fleet.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.playbook.conftest import GONE, HERE, ROOT, Place

HOPS = [{"name": "cache", "from": "webs", "to": "stores", "listeners": [80]}]


def fleet(place: Place, tiers: dict[str, Any], **variables: Any) -> None:
    """Write an inventory of tiers, {group: {host: variables}}, all of them in front_tier."""
    children = {name: {"hosts": hosts} for name, hosts in tiers.items()}
    given = {"front_tier_hops": HOPS, "front_tier_connections": 100, **variables}
    (place.folder / "inventory.yml").write_text(yaml.safe_dump({"front_tier": {"children": children, "vars": given}}))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown group": ({"front_tier_hops": [dict(HOPS[0], to="storess")]}, 'no host is in a group "storess"'),
    "empty group": ({"front_tier_hops": [dict(HOPS[0], to="empty")]}, 'the group "empty" has no hosts'),
    "cycle": (
        {"front_tier_hops": [*HOPS, {"name": "back", "from": "stores", "to": "webs", "listeners": [80]}]},
        "The hops go in a circle: webs -> stores -> webs",
    ),
    "overlap": (
        {"front_tier_hops": [dict(HOPS[0], listeners=[80, "10.0.0.1:80"])]},
        "overlap in port 80: one listener takes a connection once",
    ),
    "both hops": ({"front_tier_hops": [*HOPS, dict(HOPS[0], name="again")]}, "Hops cache and again overlap"),
    "role": ({"front_tier_role": "proxy"}, "is not known: write one of reverse_proxy, origin, transparent_balancer"),
    "role of a tier": ({"front_tier_role": "origin"}, "front_tier_role origin of web1: no hop goes to webs"),
    "serial": ({"front_tier_serial": "some"}, 'front_tier_serial "some" is no number'),
    "share that may fail": (
        {"front_tier_max_fail_percentage": 101},
        "front_tier_max_fail_percentage 101 is out of bounds: it must be 0 to 100",
    ),
}


@pytest.mark.parametrize("planned, dialled", [({}, "192.0.2.1"), ({"front_tier_upstreams": ["192.0.2.2:80"]}, "192.0.2.2")])
def test_a_tier_that_no_hop_says_to_dial_keeps_its_own_upstreams(place: Place, planned: dict[str, Any], dialled: str) -> None:
    """A role gets the upstreams of the plan; where the plan has none, those of the inventory, and not nothing."""
    variables = {"front_tier_role": "audit", "front_tier_upstreams": ["192.0.2.1:80"], "front_tier__now_host": {}}
    variables["front_tier__planned_host"] = {"variables": {"front_tier_connections": 10, **planned}}
    place.inventory({"web1": {**HERE, **variables}})
    tasks = [
        {"include_tasks": str(ROOT / "playbooks/tasks/as_planned.yml")},
        {"debug": {"msg": "dialled {{ front_tier_audit.paths | map(attribute='destinations') | flatten }}"}},
    ]
    (place.folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "front_tier", "gather_facts": False, "tasks": tasks}]))
    done = place.play(playbook="play.yml")
    assert done.returncode == 0 and "dialled ['%s']" % dialled in done.stdout.replace('"', "'"), done.stdout + done.stderr


@pytest.mark.parametrize("role", ["reverse_proxy", "origin"])
def test_a_program_that_a_role_does_not_know_is_refused_with_those_that_it_knows(place: Place, role: str) -> None:
    """The message names the variable, the value and what it may be, before the host is looked at."""
    (place.folder / "play.yml").write_text("- {hosts: front_tier, gather_facts: false, roles: [c10m.front_tier.%s]}" % role)
    place.inventory({"web1": {**HERE, "front_tier_service": "ssh", "front_tier_listeners": [80], "front_tier_upstreams": ["192.0.2.1:80"]}})
    done = place.play(playbook="play.yml")
    said = " ".join(done.stdout.split() + done.stderr.split())
    assert "value of front_tier_service must be one of: haproxy, haproxy.service, nginx," in said and "got: ssh" in said, said
    assert "Read the host" not in said


def test_reverting_a_balancer_that_is_none_leaves_haproxy_alone(place: Place) -> None:
    """Where there is nothing to take back, HAProxy is not started: it may be stopped for a reason, or not be there."""
    web = {**HERE, "front_tier_role": "transparent_balancer", "front_tier_set": "ft-test"}
    fleet(place, {"webs": {"web1": web}, "stores": {"store1": HERE}})
    done = place.play("--check", playbook="c10m.front_tier.revert", front_tier_target="webs")
    assert "Run HAProxy as it was] " in done.stdout, done.stdout + done.stderr
    assert done.stdout.partition("Run HAProxy as it was] ")[2].splitlines()[1] == "skipping: [web1]"
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("playbook", ["scale", "revert"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_inventory_is_refused_before_a_host_is_reached(place: Place, name: str, playbook: str) -> None:
    """What dials what is read first: no host is contacted, so hosts that are gone do not matter."""
    variables, message = WRONG[name]
    fleet(place, {"webs": {"web1": GONE}, "stores": {"store1": GONE}, "empty": {}}, **variables)
    done = place.play(playbook="c10m.front_tier.%s" % playbook)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split() + done.stderr.split()), done.stdout + done.stderr
    assert "unreachable=1" not in done.stdout and "PLAY [Read" not in done.stdout and "PLAY [Take" not in done.stdout


def test_a_host_that_is_down_ends_it_before_a_change(place: Place) -> None:
    """Every tier is read first, and a host that is down is named; no other host is changed."""
    fleet(place, {"webs": {"web1": HERE}, "stores": {"store1": HERE, "store2": GONE}})
    done = place.play(playbook="c10m.front_tier.scale")
    assert done.returncode != 0 and "fatal: [store2]: UNREACHABLE!" in done.stdout
    assert "TASK [Look for a hold]" not in done.stdout


@pytest.mark.parametrize("most", [None, 60])
def test_how_many_hosts_may_fail_is_a_variable_of_their_group(place: Place, most: int | None) -> None:
    """A host that is down ends the run, or is left out where half of them may fail."""
    place.inventory({"web1": HERE, "web2": GONE}, **({} if most is None else {"front_tier_max_fail_percentage": most}))
    done = place.play("--check", playbook="c10m.front_tier.scale")
    assert "fatal: [web2]: UNREACHABLE!" in done.stdout
    assert ("TASK [Look for a hold]" in done.stdout) == (most is not None), done.stdout + done.stderr


@pytest.mark.parametrize("playbook", ["plan", "scale"])
def test_a_variable_that_refers_to_other_hosts_is_named(place: Place, playbook: str) -> None:
    """Ansible has no hostvars while variables of other hosts are read: which variable, of which host, and what to write in its place."""
    given = {"front_tier_upstreams": ["{{ hostvars.web2.ansible_host }}:80"], "front_tier_connections": 100}
    place.inventory({"web1": GONE, "web2": GONE}, **given)
    done = place.play(playbook="c10m.front_tier.%s" % playbook)
    words = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0 and "front_tier_upstreams of web1 cannot be worked out: it refers to hostvars" in words, words
    assert "keep the value as a fact with ansible.builtin.set_fact first." in words


ADDRESSES = {
    "outside": ({"front_tier_addresses": ["203.0.113.9"]}, "front_tier_addresses of web1: 203.0.113.9 lies outside the networks of"),
    "pool": ({"front_tier_address_pool": ["203.0.113.1-203.0.113.9"]}, "front_tier_address_pool of web1: 203.0.113.1 lies outside"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_outside_the_networks_of_a_host_are_refused(place: Place, name: str) -> None:
    """They are held against the audit of now; nothing is changed."""
    variables, message = ADDRESSES[name]
    given = {"front_tier_hops": [dict(HOPS[0], listeners=["192.0.2.7:80"])], "front_tier_address_pool": [], **variables}
    fleet(place, {"webs": {"web1": dict(HERE, **variables)}}, **given)
    done = place.play(playbook="c10m.front_tier.scale")
    assert done.returncode != 0 and message in " ".join(done.stdout.split()), done.stdout + done.stderr
    assert "PLAY [Scale the front tier]" not in done.stdout


def test_more_than_these_hosts_can_have_ends_it_with_what_is_lacking(place: Place) -> None:
    """A plan that needs more hosts is shown, and changes nothing; --check says the same."""
    given = {"front_tier_hops": [dict(HOPS[0], listeners=["192.0.2.7:80"])], "front_tier_connections": 90000, "front_tier_prefer": "hosts"}
    fleet(place, {"webs": {"web1": HERE}}, **given)
    done = place.play("--check", playbook="c10m.front_tier.scale")
    words = " ".join(done.stdout.split())
    assert done.returncode != 0 and "more in webs, like web1" in words, done.stdout + done.stderr
    assert "-e front_tier_partly=true. Nothing was changed." in words
    assert "PLAY [Scale the front tier]" not in done.stdout
    assert json.loads((place.folder / "front-tier-report" / "front-tier-plan.json").read_text())["missing"][0]["tier"] == "webs"


def test_role_limits_counts_the_descriptors_that_a_program_uses(place: Place) -> None:
    """nginx over lanes costs four a connection, by hash, from one address or with HAProxy two."""
    two = {"front_tier_sources": ["10.0.9.101", "10.0.9.102"]}
    given = {
        "lanes": {"front_tier_service": "nginx.service", **two},
        "lanes_by_name": {"front_tier_service": "nginx", "front_tier_nginx_method": "lanes", **two},
        "hash": {"front_tier_service": "nginx.service", "front_tier_nginx_method": "hash", **two},
        "one": {"front_tier_service": "nginx.service", "front_tier_sources": ["10.0.9.101"]},
        "haproxy": {"front_tier_service": "haproxy.service", **two},
        "nobody": {},
    }
    place.inventory({name: dict(HERE, front_tier_connections=40000, **more) for name, more in given.items()})
    tasks = [{"ansible.builtin.debug": {"msg": "{{ inventory_hostname }}: {{ front_tier_nofile }} descriptors"}}]
    play = {"hosts": "all", "gather_facts": False, "vars_files": [str(ROOT / "roles/limits/defaults/main.yml")], "tasks": tasks}
    (place.folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = place.play(playbook="play.yml")
    found = {name: 200100 if name.startswith("lanes") else 100100 for name in given}
    assert [name for name, number in found.items() if "%s: %d descriptors" % (name, number) not in done.stdout] == [], done.stdout
