# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fact that an audit leaves is bounded in size, and says what was left out."""

from __future__ import annotations

import json

import pytest

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.fact import kept
from ansible_collections.c10m.front_tier.tests.recorded.fleet import host

MOST_BYTES = 1 << 20


def grown(number):
    """Return a host with everything there can be many of."""
    one = host(1)
    row = {"address": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "port": 65535, "family": "inet6", "connections": 1, "service": "a" * 60}
    one["listeners"] = [dict(row, connections=place) for place in range(number)]
    one["addresses"] = [{"interface": "eth0", "address": "10.%d.%d.%d/8" % (n >> 16, n >> 8 & 255, n & 255)} for n in range(number)]
    one["sockets"]["flows"] = [dict(row, source="10.0.0.1", destination="10.0.0.2") for _place in range(number)]
    one["sockets"]["bound"] = [row] * number
    one["ports"]["blocked"] = [{"port": 40000, "by": "tcp listener 0.0.0.0"}] * number
    one["ports"]["without_socket"] = [{"port": 40000, "by": "nft dnat in table ip nat"}] * number
    service = one["services"][0]
    service["processes"] = service["processes"] * min(number, 100)
    one["services"] = [service] * 80
    one["findings"] = [dict(finding, message="m" * 10000) for finding in one["findings"]] * number
    one["limits"] = one["limits"] * number
    one["boot"]["problems"] = [{"source": "/etc/sysctl.d/9.conf:4", "kind": "unknown_key", "detail": "d" * 200}] * number
    return one


def test_a_usual_host_is_kept_whole():
    """Nothing is cut from an ordinary host."""
    one = host(3)
    fact = kept(one)
    assert {} == fact.pop("cut")
    assert one == fact


def test_the_fact_of_the_busiest_host_stays_small():
    """Whatever a host has, its fact is below a mebibyte."""
    fact = kept(grown(3000), 200000)
    assert MOST_BYTES > len(json.dumps(fact))
    assert [400, 3000] == fact["cut"]["listeners"] and [100, 3000] == fact["cut"]["sockets.flows"]
    assert {"processes", "services", "addresses", "findings", "limits", "sockets.bound", "ports.blocked"} < set(fact["cut"])


def test_the_busiest_rows_stay_in_their_order():
    """Of too many listeners those with the most connections are kept."""
    fact = kept(grown(1000))
    assert list(range(600, 1000)) == [row["connections"] for row in fact["listeners"]]


def test_what_ansible_adds_to_a_result_is_not_kept():
    """The fact holds what was read of the host, not how the task ran."""
    fact = kept(dict(host(1), changed=False, invocation={"module_args": {}}, warnings=["x"], failed=False))
    assert not {"changed", "invocation", "warnings", "failed"} & set(fact)


def test_no_command_line_is_in_it():
    """Processes are known by program, never by their arguments, where passwords may stand."""
    assert "cmdline" not in json.dumps(kept(host(1))) and "command" not in json.dumps(kept(host(1)))


def test_the_verdict_is_in_it_where_a_number_is_wanted():
    """The fact answers by itself whether the host can hold what is wanted."""
    fact = kept(host(0), 10**9)
    assert fact["wanted"]["reachable"] is False and "FT100" == fact["findings"][0]["id"]
    assert "wanted" not in kept(host(0))


@pytest.mark.parametrize(
    "result", [{}, {"host": {}, "capacity": {}}, {"host": {"absent": "unknown", "detail": ""}, "capacity": {"a": 1}}, {"msg": "x"}]
)
def test_what_is_no_result_is_refused(result):
    """A failed task's result does not become a fact."""
    with pytest.raises(ValueError, match="no host and no capacity"):
        kept(result)
