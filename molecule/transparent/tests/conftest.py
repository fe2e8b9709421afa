# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A balancer, with the client and the server that all balancers share."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import pytest
import testinfra

PEERS = "python3 /usr/local/bin/peers.py"
CLIENTS = ("198.18.1.31", "198.18.1.32", "fd00:1::31")


class Tier(NamedTuple):
    """One balancer and who is on either side of it."""

    balancer: Any
    client: Any
    server: Any
    last: str  # digit of the addresses that belong to this balancer
    intercepts: bool

    def server_address(self, client: str) -> str:
        """Return the server's address that this balancer dials for a client."""
        return ("fd00:2::5" if ":" in client else "198.18.2.5") + self.last

    def front(self, client: str) -> str:
        """Return what a client dials: an address, and a port after a blank."""
        if self.intercepts:
            return self.server_address(client) + " 8080"
        return ("fd00:1::1" if ":" in client else "198.18.1.1") + self.last + " 80"

    def get(self, client: str) -> str:
        """Return what the server says to a client, or how it fails."""
        return str(self.client.check_output(f"{PEERS} get {self.front(client)} {client}"))

    def works(self, seconds: float = 10) -> None:
        """Wait until the server sees each client as itself."""
        end = time.monotonic() + seconds
        for client in CLIENTS:
            while (said := self.get(client)) != f"server sees {client}":
                assert time.monotonic() < end, (client, said)
                time.sleep(0.3)

    def held(self, client: str, count: int) -> int:
        """Dial so often from a client and keep what is answered; return how many the server has from it, by its own socket table."""
        self.client.check_output(f"setsid {PEERS} hold {self.front(client)} {client} {count} web > /tmp/held 2>&1 & sleep 0.1")
        end = time.monotonic() + 30
        while not self.client.check_output("cat /tmp/held"):
            assert time.monotonic() < end
            time.sleep(0.3)
        assert int(self.client.check_output("cat /tmp/held")) == len(self.peers(client))
        return len(self.peers(client))

    def peers(self, client: str = "") -> list[str]:
        """Return who is connected to the server's address of this balancer, all families or that of a client."""
        address = self.server_address(client or CLIENTS[0])
        there = f"[{address}]" if ":" in address else address
        shown = self.server.check_output(f"ss -Htn state established '( sport = :8080 and src {there} )'").splitlines()
        found = [line.split()[-1].rpartition(":")[0].strip("[]") for line in shown]
        return [one for one in found if not client or one == client]

    def let_go(self) -> None:
        """End what the client holds, and wait until the balancer has no connection any more."""
        self.client.run("pkill -f 'peers.py hold'")
        for _attempt in range(50):
            if not self.peers() and not self.peers("fd00:1::31"):
                return
            time.sleep(0.2)


@pytest.fixture
def tier(host: Any) -> Tier:
    """Return this balancer with its client and its server."""
    name = str(host.check_output("hostname"))
    nodes = [testinfra.get_host(f"podman://ft-{one}") for one in ("client1", "server1")]
    rules = host.run("nft list table inet front_tier").stdout
    return Tier(host, *nodes, name[-1], "tproxy" in rules)
