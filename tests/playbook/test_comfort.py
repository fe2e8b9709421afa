# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comfort: module_defaults for the modules that change a host, and the table at the end of a run."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.playbook.conftest import HERE, ROOT, Place

GROUP = "c10m.front_tier.front_tier"
MEMBERS = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["front_tier"]
CALLBACK = "c10m.front_tier.capacity_table"


def test_the_group_has_the_modules_with_the_common_options() -> None:
    """A module that documents them is in the group, and no other: its options would not be known to it."""
    texts = {path.stem: path.read_text() for path in sorted(Path(ROOT, "plugins/modules").glob("*.py"))}
    assert sorted(MEMBERS) == [name for name, text in texts.items() if "  - c10m.front_tier._change\n" in text]


def test_module_defaults_reach_every_module_of_the_group(place: Place) -> None:
    """One line sets the name of the set for all of them; here a name that each of them refuses, before anything is touched."""
    place.inventory({"here": HERE})
    options = {
        "kernel_settings": {"settings": {"net.core.somaxconn": 4096}}, "port_range": {"low": 1024, "high": 65535},
        "fd_limits": {"nofile": 1024},
        "secondary_interfaces": {"interface": "lo", "addresses": ["10.99.0.1/32"]},
        "transparent_routing": {"method": "return_path", "interfaces": ["lo"], "ports": [80]},
        "service_config": {"folder": "/etc", "files": {"/etc/front-tier-comfort.conf": "a"}, "validate": "true"},
        "host_config": {"kernel_settings": {"settings": {"net.core.somaxconn": 4096}}},
    }  # fmt: skip
    assert set(options) == set(MEMBERS)
    tasks = [{"c10m.front_tier." + name: given, "ignore_errors": True} for name, given in options.items()]
    play = {"hosts": "all", "gather_facts": False, "module_defaults": {"group/" + GROUP: {"name": "not a name"}}, "tasks": tasks}
    (place.folder / "play.yml").write_text(yaml.safe_dump([play]))
    ran = place.play("--check", playbook="play.yml")
    assert len(MEMBERS) == len(re.findall(r"msg: .*name ''not a name'': it must be", ran.stdout)), ran.stdout
    assert re.search(r"changed=0 .*failed=0 .*ignored=%d" % len(MEMBERS), ran.stdout)


def test_the_table_ends_a_run_only_where_it_is_enabled(place: Place) -> None:
    """With the callback enabled, the last audit of each host is one line, and what was another before is said; else nothing is."""
    place.inventory({"here": HERE, "there": HERE})
    (place.folder / "play.yml").write_text("""---
- hosts: front_tier
  gather_facts: false
  tasks:
    - c10m.front_tier.connection_limits_info: {gather_subset: [min, files]}
    - ansible.builtin.set_fact:
        front_tier_audit: {host: {system: Linux}, capacity: {inbound: {connections: 7, binding: nofile, bounds: []}, outbound: {}}}
      when: inventory_hostname == 'here'
""")
    assert "bound by" not in place.play(playbook="play.yml").stdout
    place.environment["ANSIBLE_CALLBACKS_ENABLED"] = CALLBACK
    ran = place.play(playbook="play.yml")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    table = ran.stdout[ran.stdout.index("PLAY RECAP") :]
    assert re.search(r"^  here +7 +nofile", table, re.M) and re.search(r"^  there +[\d,]+ +<?\d+ %  nofile", table, re.M), table
    assert re.search(r"^ +here: inbound [\d,]+ before", table, re.M)
    assert "WARNING" not in ran.stderr, ran.stderr


def test_a_run_without_an_audit_ends_as_ever(place: Place) -> None:
    """The callback says nothing where there is nothing to say."""
    place.inventory({"here": HERE})
    place.environment["ANSIBLE_CALLBACKS_ENABLED"] = CALLBACK
    (place.folder / "play.yml").write_text("- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: }]}\n")
    ran = place.play(playbook="play.yml")
    assert 0 == ran.returncode and "bound by" not in ran.stdout and "WARNING" not in ran.stderr
