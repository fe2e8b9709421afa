# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the playbook scale: what a change promised against what an audit found."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.filter.scale import raised, unmet
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
