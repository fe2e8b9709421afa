# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold connections on a node: accept all that come to a port, or dial a number of them to another node and keep them.

usage: hold.py listen PORT | hold.py dial ADDRESS PORT CONNECTIONS
Written for Python 3.9 (Debian 11); tells systemd when everything is held.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time


def ready() -> None:
    """Tell systemd that the service has started: sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as note:
        note.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


def listen(port: int) -> None:
    """Accept everything; let go of a connection when its other end does."""
    waiting = selectors.DefaultSelector()
    server = socket.create_server(("0.0.0.0", port), backlog=300)
    waiting.register(server, selectors.EVENT_READ)
    ready()
    while True:
        for key, _events in waiting.select():
            if key.fileobj is server:
                waiting.register(server.accept()[0], selectors.EVENT_READ)
                continue
            try:
                ended = not key.fileobj.recv(4096)  # type: ignore[union-attr]
            except OSError:
                ended = True
            if ended:
                waiting.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]


def dial(address: str, port: int, connections: int) -> None:
    """Dial, then sleep; the other node may start later than this one."""
    held: list[socket.socket] = []
    while len(held) < connections:
        try:
            held.append(socket.create_connection((address, port)))
        except ConnectionRefusedError:
            time.sleep(0.1)
    ready()
    signal.pause()


if sys.argv[1] == "listen":
    listen(int(sys.argv[2]))
else:
    dial(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
