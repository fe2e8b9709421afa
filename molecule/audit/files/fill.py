# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a path: dial from each source to each destination until the kernel refuses, and print how many were held at once.

usage: fill.py BIND PORT SOURCE[,SOURCE...]|- ADDRESS[,ADDRESS...]     BIND: none, no_port or plain
Written for Python 3.9 (Debian 11). Everything is reset at the end, so that nothing is left in TIME_WAIT.
"""

from __future__ import annotations

import errno
import resource
import socket
import struct
import sys

IP_BIND_ADDRESS_NO_PORT = 24
RESET = struct.pack("ii", 1, 0)  # SO_LINGER without a wait: close() sends RST


def dialled(bind: str, source: str, destination: tuple[str, int]) -> socket.socket | None:
    """Return a connection, or None where the kernel has no port left for it."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    try:
        if bind == "no_port":
            one.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        if bind != "none":
            one.bind((source, 0))
        one.connect(destination)
    except OSError as error:
        one.close()
        if error.errno in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
            return None
        raise
    return one


bind, port = sys.argv[1], int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for source in sys.argv[3].split(","):
    for address in sys.argv[4].split(","):
        while True:
            one = dialled(bind, source, (address, port))
            if one is None:
                break
            held.append(one)
print(len(held))
for one in held:
    one.close()
