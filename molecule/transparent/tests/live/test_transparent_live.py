# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three balancers with HAProxy 2.2, 2.6 and 3.0 at once: what the server sees, what they hold, and what they outlive."""

from __future__ import annotations

import time
from typing import Any

CLIENTS = ("198.18.1.31", "198.18.1.32", "fd00:1::31")
PORTS = 40


def test_the_access_log_has_the_clients(tier: Any) -> None:
    """Each request is in the server's log under its client's own address, none under a balancer's."""
    tier.server.check_output("truncate --size 0 /var/log/nginx/who.log")
    tier.works()
    lines = [line.split() for line in tier.server.check_output("cat /var/log/nginx/who.log").splitlines()]
    ours = {client for client, address in lines if address in {tier.server_address(one) for one in CLIENTS}}
    assert ours == set(CLIENTS)


def test_each_client_holds_what_was_predicted(tier: Any) -> None:
    """By the server's socket table each client has exactly the balancer's usable ports, and the next connection none."""
    tier.works()
    time.sleep(1.2)  # what has just ended may be reused after a second
    try:
        for client in CLIENTS:
            assert tier.held(client, PORTS + 1) == PORTS
        assert set(tier.peers()) == {one for one in CLIENTS if ":" not in one}
    finally:
        tier.let_go()


def test_no_more_rights_than_needed(tier: Any) -> None:
    """The process that carries connections is no root, and may bind foreign addresses."""
    script = "for pid in $(pgrep -x haproxy); do echo $(grep -E '^(Uid|CapEff)' /proc/$pid/status); done"
    rows = [line.split() for line in tier.balancer.check_output(script).splitlines()]
    workers = [row for row in rows if row[2] != "0"]
    assert workers
    user = tier.balancer.check_output("id -u haproxy")
    for row in workers:
        assert row[2] == user
        assert int(row[-1], 16) & 1 << 13  # CAP_NET_RAW
        assert int(row[-1], 16) & ~(1 << 13 | 1 << 10 | 1 << 12) == 0  # nothing but it, low ports, and from 3.0 on what HAProxy adds


def test_reload_and_restart(tier: Any) -> None:
    """A reload keeps connections, a restart brings the service back, and clients are seen all the time."""
    try:
        assert tier.held(CLIENTS[0], 5) == 5
        tier.balancer.check_output("systemctl reload haproxy")
        tier.works()
        assert len(tier.peers(CLIENTS[0])) == 5
    finally:
        tier.let_go()
    tier.balancer.check_output("systemctl restart haproxy")
    tier.works()


def test_haproxy_is_stopped(tier: Any) -> None:
    """While it is down, clients are refused, let through or dropped, as declared; then they are seen again."""
    tier.balancer.check_output("systemctl stop haproxy")
    said = tier.get(CLIENTS[0])
    if tier.intercepts and tier.last != "2":
        assert said == f"server sees {CLIENTS[0]}"
    else:
        assert said == ("fails: timed out" if tier.intercepts else "fails: [Errno 111] Connection refused")
    tier.balancer.check_output("systemctl start haproxy")
    tier.works()


def test_somebody_reloads_nftables(tier: Any) -> None:
    """The distribution's ruleset begins with a flush; ours is back at once."""
    for order in ("reload", "restart"):
        tier.balancer.check_output(f"systemctl {order} nftables")
        tier.works()


def test_a_dead_path_is_noticed(tier: Any) -> None:
    """A flush by hand, or a server that lost its routes: checks stay green, the command says so, and reloading the unit mends it."""
    tier.works()
    assert tier.balancer.run("front-tier-path").rc == 0
    gateway = "198-18-2-1" + tier.last
    cases = (
        (tier.balancer, "nft flush ruleset", "systemctl reload front-tier"),
        (tier.server, f"ip rule del from 198.18.2.5{tier.last}", f"systemctl reload front-tier-via-{gateway}"),
    )
    for node, broken, mended in cases:
        node.check_output(broken)
        time.sleep(2.5)  # longer than a check's interval
        tried = tier.balancer.run("front-tier-path")
        assert tried.rc == 1
        assert "health checks stay green" in tried.stdout
        assert "DOWN" not in tier.balancer.check_output(ASK)
        node.check_output(mended)
        tier.works()
    tier.balancer.check_output("systemctl reload nftables")  # the rulesets of others went with the flush
    tier.works()
    assert tier.balancer.run("front-tier-path").rc == 0


ASK = (
    'python3 -c \'import socket; s = socket.socket(socket.AF_UNIX); s.connect("/run/haproxy/front-tier.sock");'
    ' s.sendall(b"show stat\\n"); print(b"".join(iter(lambda: s.recv(65536), b"")).decode())\''
)
