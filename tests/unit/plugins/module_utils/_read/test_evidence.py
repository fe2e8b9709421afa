# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of HAProxy, Varnish, nftables and logs, from texts as these programs write them."""

from __future__ import annotations

import datetime
import os

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._read import evidence
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

CONFIG = """
global
    user haproxy            # gone in 2.9
    stats socket /run/haproxy/admin.sock mode 660 level admin
    no strict-limits
listen fe
    bind :9080 transparent
    server a 10.70.2.11:8080 source 10.70.2.101 maxconn 95 check
    server b [fd00::1]:8080 source 10.70.2.102:1024-2000
    server c 0.0.0.0:0 source 0.0.0.0 usesrc clientip
    server d backend.example:80
"""
STATS = (
    "# pxname,svname,qcur,qmax,scur,smax,slim,stot,econ,status,check_status,last_chk,check_desc\n"
    "fe,FRONTEND,,,3,4,400,9,,OPEN,,,\n"
    "fe,a,0,0,20,20,95,9,1,DOWN,L4CON,Out of local source ports on the system (Cannot assign requested address),Layer4 connection problem\n"
    "fe,BACKEND,0,1,20,20,40,9,1,DOWN,,,\n\n"
)
RULESET = """table inet front_tier { # handle 1
\tchain pre {
\t\ttype filter hook prerouting priority mangle; policy accept;
\t\tiifname { "f0", "k0" } meta l4proto tcp socket transparent 1 meta mark set 0x00000001 accept
\t\tiifname "f0" ip daddr 10.70.2.11 tcp dport 8080 tproxy ip to :9080 meta mark set 0x00000001 accept
\t\tiifname "f0" tcp dport { 443, 8443 } tproxy ip to 127.0.0.1:9443 meta mark set 0x00000001 accept
\t\tiifname "f0" ip daddr 10.70.2.11 tcp dport 8080 drop
\t}
}
"""


def test_a_configuration_of_haproxy_is_understood():
    """Servers with addresses, sources, transparency, the user, the socket."""
    found = evidence.parse_config(CONFIG)
    assert found == {
        "servers": [{"name": "a", "address": "10.70.2.11", "port": 8080}, {"name": "b", "address": "fd00::1", "port": 8080}],
        "sources": ["10.70.2.101", "10.70.2.102"],
        "usesrc": True,
        "transparent_binds": True,
        "user": True,
        "stats_socket": "/run/haproxy/admin.sock",
        "strict_limits": False,
    }


def test_the_statistics_of_haproxy_are_understood():
    """Server lines only, with what their last check said."""
    (row,) = evidence.parse_stats(STATS)
    assert (row["proxy"], row["name"], row["scur"], row["slim"], row["status"]) == ("fe", "a", 20, 95, "DOWN")
    assert "Out of local source ports" in row["last_check"]
    assert evidence.parse_stats("Permission denied\n") == []
    assert evidence.parse_info("Name: HAProxy\nMaxconn: 400\nCurrConns: 5\n\n") == {"Name": "HAProxy", "Maxconn": 400, "CurrConns": 5}


def test_rules_of_nftables_are_understood():
    """Which interfaces are marked, what is intercepted where, and what is dropped behind it."""
    found = evidence.parse_ruleset(RULESET)
    assert found["socket_marks"] == ["f0", "k0"]
    assert [(one["iif"], one["port"], one["closed"]) for one in found["tproxy"]] == [(["f0"], 9080, True), (["f0"], 9443, False)]


def test_counters_of_varnish_are_understood():
    """Those of backends."""
    text = "VBE.boot.b1.busy                   20          .   Fetches not attempted\nMAIN.uptime 5 1.00 x\nVBE.boot.b1.x y z\n"
    assert evidence.parse_varnish(text) == {"VBE.boot.b1.busy": 20}


@pytest.mark.parametrize(
    "line, recent",
    [
        ("2026/11/24 01:00:00 [crit] 5#5: x", True),
        ("2026/11/24 00:00:00 [crit] 5#5: x", False),
        ("Nov 24 00:59:00 host haproxy[1]: x", True),
        ("Nov 23 00:59:00 host haproxy[1]: x", False),
        ("2026-11-24T00:10:00 host haproxy[1]: x", False),
        ("no time at all", True),
        ("Nov 99 00:59:00 host", True),
    ],
)
def test_old_lines_do_not_count(line, recent):
    """A line is judged by its own time where that is known."""
    assert evidence.is_recent(line, datetime.datetime(2026, 11, 24, 1, 5), 600) is recent


def test_a_log_that_nobody_writes_to_says_nothing(tmp_path):
    """A file that is older than the time that counts is left out, and one that is not there, too."""
    log = tmp_path / "error.log"
    log.write_text("one\ntwo\n")
    assert evidence.tail(Root(), str(log), 600) == ["one", "two"]
    os.utime(str(log), (1, 1))
    assert evidence.tail(Root(), str(log), 600) == []
    assert evidence.tail(Root(), str(tmp_path / "none"), 600) == []


def test_what_cannot_be_asked_is_an_absence(tmp_path):
    """No socket, a socket that is gone, no configuration: each with its reason."""
    assert "no stats socket" in evidence.ask(None, "show info", evidence.parse_info)["detail"]
    assert evidence.ask(str(tmp_path / "none"), "show info", evidence.parse_info)["absent"] == "unreadable"
    assert "absent" in evidence.read_config(Root(str(tmp_path)), "/etc/haproxy/haproxy.cfg")
