# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The causes of symptoms, by evidence that was recorded of real HAProxy, nginx and Varnish (tests/symptoms makes it)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.filter.diagnose import diagnose as filtered
from ansible_collections.c10m.front_tier.plugins.module_utils._model.symptoms import SIGNS, diagnose, signs_in, unseen

FOLDER = Path(__file__).resolve().parents[3] / "recorded/evidence"
RECORDED = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def evidence(name):
    """Return a copy of recorded evidence."""
    return copy.deepcopy(RECORDED[name]["evidence"])


def symptoms(given):
    """Return the symptoms that are named."""
    return [row["symptom"] for row in diagnose(given)]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_evidence_has_its_causes(name):
    """What was named on the live tier is named of its record; of a healthy one, nothing."""
    assert sorted(symptoms(evidence(name))) == RECORDED[name]["symptoms"]
    assert not name.startswith("healthy") or RECORDED[name]["symptoms"] == []


def test_every_symptom_was_recorded():
    """All twenty are there."""
    assert {one for row in RECORDED.values() for one in row["symptoms"]} == set(range(1, 21))


@pytest.mark.parametrize("name", [name for name in RECORDED if not name.startswith("healthy")])
def test_without_what_shows_it_nothing_is_named(name):
    """The first cause has evidence, a command and a remedy in words."""
    for row in diagnose(evidence(name)):
        assert all(isinstance(row[key], str) and row[key] for key in ("name", "cause", "evidence", "command", "remedy"))


# (recorded evidence, what is changed in it, the symptom that is then not named any more)
def no_logs(given):
    """Take out what the logs say."""
    given["logs"] = {}


def more_ports(given):
    """Give the host the standard range."""
    for row in given["snapshot"]["limits"]:
        if row["name"] == "net.ipv4.ip_local_port_range":
            row["value"] = [32768, 60999]


def reused(given):
    """Let connect() reuse TIME_WAIT."""
    for row in given["snapshot"]["limits"]:
        if row["name"] == "net.ipv4.tcp_tw_reuse":
            row["value"] = 1


def no_growth(given):
    """Let no counter grow."""
    given["grown"] = {}


def empty_queues(given):
    """Let nobody wait to be accepted."""
    for row in given["snapshot"]["listeners"]:
        row["queued"] = 0


def capable(given):
    """Give the processes their capabilities."""
    for row in given["processes"]:
        row["capabilities"] = 1 << 13


def with_rules(given):
    """Let packets be marked and delivered."""
    given["routing"] = {"rules": [{"iif": None, "mark": 1, "table": 100}], "local_tables": [100], "socket_marks": ["*"], "tproxy": []}
    given["logs"] = {}


def all_sides(given):
    """Deliver what comes from the clients' side, too."""
    given["routing"]["rules"] += [{"iif": "f0", "mark": 1, "table": 100}]


def fails_closed(given):
    """Drop what is not intercepted."""
    for row in given["routing"]["tproxy"]:
        row["closed"] = True


def roomy(given):
    """Make the table of connection tracking larger."""
    given["snapshot"]["conntrack"]["max"] *= 2


MENDED = [
    ("ports_used_up-b", no_logs, 1),
    ("ports_used_up-b", more_ports, 1),
    ("lines_at_maxconn-b", no_logs, 2),
    ("time_wait_holds_ports-b", reused, 3),
    ("time_wait_holds_ports-b", more_ports, 3),
    ("global_maxconn-b", empty_queues, 6),
    ("descriptors_at_start-b", no_logs, 7),
    ("descriptors_used_up-b", no_logs, 8),
    ("nginx_no_port-b", no_logs, 9),
    ("max_fails-b", no_logs, 10),
    ("worker_connections-b", no_logs, 11),
    ("nginx_files-b", no_logs, 11),
    ("varnish_held_down-b", no_growth, 12),
    ("varnish_busy-b", no_growth, 13),
    ("return_path_missing-b", with_rules, 14),
    ("route_of_servers-b", no_logs, 14),
    ("rp_filter-s", no_growth, 15),
    ("front_rule_missing-b", all_sides, 16),
    ("fails_open-b", fails_closed, 17),
    ("capability_missing-b", capable, 19),
    ("conntrack_full-b", roomy, 20),
]


@pytest.mark.parametrize("name, mend, symptom", MENDED)
def test_what_is_mended_is_not_named(name, mend, symptom):
    """Once what shows a cause is gone, the cause is not named: no alarm on a tier that was mended."""
    given = evidence(name)
    assert symptom in symptoms(given)
    mend(given)
    assert symptom not in symptoms(given)


LINES = {
    "connect_failed": '10.70.1.10:40000 [24/Nov/2026:01:00:00.000] fe fe/a 0/0/-1/-1/0 503 221 - - SC-- 21/21/20/0/1 0/0 "GET / HTTP/1.0"',
    "queue_timeout": '10.70.1.10:4 [24/Nov/2026:01:00:00.000] fe fe/<NOSRV> 0/301/-1/-1/301 503 217 - - sQ-- 6/6/5/0/0 0/1 "GET /"',
    "connect_timeout": "10.70.1.10:1 [24/Nov/2026:01:00:00.000] fe fe/a 1/0/301 0 sC 1/1/0/0/1 0/0 503 221 - - sC-- 1/1",
    "no_free_ports": "Connect() failed for backend fe: no free ports.",
    "fd_limit_at_start": "[ALERT]    (4322) : [haproxy.main()] Cannot raise FD limit to 817, limit is 100.",
    "full_privileges": "Some configuration options require full privileges, so global.uid cannot be changed.",
    "nginx_files": "2026/11/24 01:00:00 [crit] 5#5: accept4() failed (24: Too many open files)",
    "conntrack_full": "nf_conntrack: nf_conntrack: table full, dropping packet",
}


@pytest.mark.parametrize("sign", LINES)
def test_a_line_of_a_log_is_understood(sign):
    """Lines as the programs write them are counted under what they say."""
    assert signs_in([LINES[sign], "10.0.0.1 - - [24/Nov/2026] fe/a 200 15 - - ---- 1/1", LINES[sign]])[sign]["count"] == 2
    assert set(LINES) <= set(SIGNS)


def test_what_could_not_be_read_is_said():
    """No cause is no health where the evidence is missing."""
    given = evidence("healthy-b")
    assert unseen(given) == []
    given["haproxy_info"] = {"absent": "no_permission", "detail": "/run/haproxy/admin.sock: Permission denied"}
    told = filtered({"evidence": given})
    assert told["causes"] == []
    assert told["words"] == ["nothing found that loses connections", "not seen: haproxy_info: /run/haproxy/admin.sock: Permission denied"]


def test_the_filter_says_a_cause_in_words():
    """A cause is four lines: what, seen, look, mend."""
    told = filtered({"evidence": evidence("global_maxconn-b")})
    assert told["words"][0].startswith("6 global_maxconn: HAProxy is at its global maxconn")
    assert [line[:8] for line in told["words"][1:4]] == ["   seen:", "   look:", "   mend:"]


@pytest.mark.parametrize("value", [None, {}, {"evidence": {}}, {"evidence": {"snapshot": 5}}, []])
def test_what_is_no_evidence_is_refused(value):
    """Anything else ends with a message."""
    with pytest.raises(AnsibleFilterError, match="diagnose"):
        filtered(value)
