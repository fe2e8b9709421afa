# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A burst of connects against a program that does not accept meanwhile: how many the kernel keeps, predicted and seen.

usage: unshare --net python3 burst.py BACKLOG SOMAXCONN CONNECTS
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot

PORT = 9000


def overflows() -> int:
    """Return how many SYNs this namespace dropped because an accept queue was full."""
    with open("/proc/net/netstat", encoding="ascii") as file:
        names, values = [line.split() for line in file if line.startswith("TcpExt:")]
    return int(values[names.index("ListenOverflows")])


def established(clients: list[socket.socket]) -> int:
    """Return how many of the connects were answered."""
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLOUT)
    return sum(1 for _descriptor, events in poll.poll(0) if events == select.POLLOUT)


def main() -> None:
    """Measure one burst and print {predicted, kept, lost, overflows}."""
    backlog, somaxconn, connects = map(int, sys.argv[1:4])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open("/proc/sys/net/core/somaxconn", "w", encoding="ascii") as file:
        file.write(str(somaxconn))
    with socket.create_server(("127.0.0.1", PORT), backlog=backlog):
        listeners = read_snapshot(Root(), ["min", "accept"], [], sample=0)["listeners"]
        predicted = next(listener["backlog"] for listener in listeners if listener["port"] == PORT) + 1
        before, clients = overflows(), []
        for _dummy in range(connects):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", PORT))
            clients.append(client)
        time.sleep(0.3)
        kept = established(clients)
        seen = {"predicted": min(predicted, connects), "kept": kept, "lost": connects - kept, "overflows": overflows() - before}
    print(json.dumps(dict(seen, backlog=backlog, somaxconn=somaxconn, connects=connects)))


if __name__ == "__main__":
    main()
