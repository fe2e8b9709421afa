# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the playbook scale: what a change promised against what an audit found."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.filter.scale import plan_gaps, raised, unmet
from ansible_collections.c10m.front_tier.tests.recorded.fleet import host

RANGE, RESERVED = "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"
FILE = "file /etc/sysctl.d/90-front-tier.conf"


def audited(name, value, boot):
    """Return an audit in which one sysctl has a value and a boot value."""
    fact = host(0)
    fact["limits"] = [row for row in fact["limits"] if row["name"] != name]
    fact["limits"].append({"name": name, "value": value, "boot": {"value": boot, "source": None}})
    fact["addresses"] = [{"interface": "eth0", "address": "10.0.0.10/32", "family": "inet", "local_route": False}]
    return fact


def result(after, *steps):
    """Return what a changing module returns."""
    return {"changed": True, "after": after, "steps": list(steps)}


@pytest.mark.parametrize(
    "name, value, boot, wanted, message",
    [
        (RANGE, [10240, 65535], [10240, 65535], "10240 65535", None),
        (RANGE, [32768, 60999], [10240, 65535], "10240 65535", "is [32768, 60999], not 10240 65535"),
        (RANGE, [10240, 65535], [32768, 60999], "10240 65535", "after the next boot"),
        (RANGE, [10240, 65535], {"absent": "unknown", "detail": ""}, "10240 65535", None),
        (RESERVED, ["80-81", "90"], ["80", "81", "90"], "80-81,90", None),
        (RESERVED, ["80"], ["80"], "80-81", "not 80-81"),
        (RESERVED, [], [], "", None),
        ("net.core.somaxconn", 65535, 65535, "65535", None),
        ("net.core.somaxconn", 4096, 65535, "65535", "is 4096"),
    ],
)
def test_a_sysctl_is_compared_by_meaning_now_and_at_boot(name, value, boot, wanted, message):
    """What has the value that was set, in whatever form, is met; what has another one, or loses it at boot, is named."""
    found = unmet(audited(name, value, boot), [result({name: wanted}, FILE, "sysctl " + name)])
    assert found == [] if message is None else len(found) == 1 and message in found[0]


def test_without_a_file_the_boot_value_was_not_promised():
    """A live change promises nothing about the next boot."""
    fact = audited("net.core.somaxconn", 65535, 4096)
    assert unmet(fact, [result({"net.core.somaxconn": "65535"}, "sysctl net.core.somaxconn")]) == []


def test_addresses_must_be_there_or_be_gone():
    """An address that was added and is not there is named, and so is one that was to go."""
    fact = audited("net.core.somaxconn", 1, 1)
    here, there = "eth0 10.0.0.10/32", "eth0 10.0.0.11/32"
    assert unmet(fact, [result({here: {}, there: None}, "address " + here, "address " + there)]) == []
    assert unmet(fact, [result({there: {}}, "address " + there)]) == ["eth0 lacks 10.0.0.11/32."]
    assert unmet(fact, [result({here: None}, "address " + here)]) == ["eth0 still has 10.0.0.10/32."]


def test_a_skipped_task_promises_nothing():
    """The result of a task that did not run has neither steps nor values."""
    assert unmet(host(0), [{"skipped": True, "changed": False}]) == []


def test_what_is_no_audit_is_refused():
    """A result of another module is no audit, and the message says what is."""
    with pytest.raises(AnsibleFilterError, match="front_tier_audit"):
        unmet({"changed": False}, [])


def test_the_line_says_what_it_was_and_what_it_is():
    """Both directions, before and after, with what binds."""
    before, after = host(0), host(0)
    before["capacity"] = {"inbound": {"connections": 1012, "binding": "nofile"}, "outbound": {"connections": 28232, "binding": "ports"}}
    after["capacity"] = {"inbound": {"connections": 20000, "binding": "nofile"}, "outbound": {"connections": 55296, "binding": "ports"}}
    assert raised(before, after) == "inbound 1,012 (nofile), now 20,000 (nofile); outbound 28,232 (ports), now 55,296 (ports)"


PLANNED = {
    "after": 400,
    "before": 120,
    "share": 102,
    "binding": "ports",
    "binding_after": "ports",
    "variables": {"front_tier_listeners": [80]},
}


@pytest.mark.parametrize(
    "now, listening, message",
    [
        ({"before": 400, "binding": "ports"}, (80,), None),
        ({"before": 399, "binding": "ports"}, (80,), "It holds 399 connections (ports), not the 400 that were planned (ports)."),
        ({"before": 150, "binding": "nofile"}, (80,), None),
        ({"before": 101, "binding": "nofile"}, (80,), "It holds 101 connections (nofile), not the 400 that were planned (ports)."),
        ({"before": 400, "binding": "ports"}, (8080,), "Nothing listens on 80."),
    ],
)
def test_a_host_has_to_be_what_the_plan_said(now, listening, message):
    """Ports are promised to the connection, anything else has to suffice for the share, and what is dialled has to be listened on."""
    fact = dict(host(0), listeners=[{"address": "0.0.0.0", "port": port} for port in listening])
    assert unmet(fact, [], PLANNED, now) == ([] if message is None else [message])


def test_without_a_plan_of_now_nothing_of_it_is_promised():
    """In check mode, and without hops, there is no second plan."""
    assert unmet(dict(host(0), listeners=[]), [], PLANNED, {}) == []


def test_what_no_change_of_the_hosts_solves_is_said():
    """Further listeners belong into the hop; more hosts and what cannot be reached may be put off with partly."""
    more = {"what": "listeners", "words": "listen on 82 as well, for hop cache"}
    plan = {
        "hosts": {"a": {"changes": [more, {"what": "port_range", "words": "ports"}]}, "b": {"changes": [more]}},
        "missing": [{"words": "2 more in proxies"}],
        "cannot": ["It cannot."],
    }
    ports = "listen on 82 as well, for hop cache; write these ports into the listeners of the hop."
    assert plan_gaps(plan) == [ports, "2 more in proxies.", "It cannot."]
    assert plan_gaps(plan, partly=True) == [ports]
    assert plan_gaps({"hosts": {}, "missing": [], "cannot": []}) == []
    with pytest.raises(AnsibleFilterError, match="plan_gaps: give it what the filter c10m.front_tier.plan returns"):
        plan_gaps({"changed": False})


def test_with_plans_the_line_says_what_it_holds_of_its_share():
    """The share, what was held before, and what is now."""
    now = {"before": 400, "binding": "ports"}
    assert raised(host(0), host(0), PLANNED, now) == "its share is 102: it could hold 120 (ports), now 400 (ports)"
