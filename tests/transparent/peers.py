# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of the tests of transparent routing: a server that says who dialled, a transparent proxy, a client. Standard library only.

usage: peers.py serve PORT | proxy PORT DESTINATION_PORT [DESTINATION] | dial ADDRESS PORT [SOURCE]
A proxy without a destination takes intercepted connections and dials where the client wanted to go.
"""

from __future__ import annotations

import socket
import sys
import threading

TRANSPARENT = {socket.AF_INET: (socket.SOL_IP, 19), socket.AF_INET6: (socket.IPPROTO_IPV6, 75)}


def plain(address):
    """Return an address without the mapping that a dual-stack socket gives it."""
    return address.partition("%")[0].replace("::ffff:", "")


def listener(port, transparent):
    """Return a listening socket for both families."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if transparent:
        sock.setsockopt(*TRANSPARENT[socket.AF_INET6], 1)
        sock.setsockopt(*TRANSPARENT[socket.AF_INET], 1)
    sock.bind(("::", port))
    sock.listen(64)
    print("ready", flush=True)
    return sock


def serve(port):
    """Tell everyone who dials the address that is seen."""
    sock = listener(int(port), transparent=False)
    while True:
        connection, peer = sock.accept()
        connection.sendall(("server sees %s" % plain(peer[0])).encode())
        connection.close()


def dial(address, port, source=None, seconds=1.5):
    """Return what the other side says; source: an address to dial from, which need not be ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        if source:
            sock.setsockopt(*TRANSPARENT[family], 1)
            sock.bind((source, 0))
        sock.connect((address, int(port)))
        return b"".join(iter(lambda: sock.recv(4096), b"")).decode()


def relay(connection, destination, port):
    """Dial from the client's own address and hand on what the server says, with a word of ours before it."""
    with connection:
        client, wanted = plain(connection.getpeername()[0]), plain(connection.getsockname()[0])
        try:
            connection.sendall(("proxy: " + dial(destination or wanted, port, client, seconds=0.7)).encode())
        except OSError as error:
            connection.sendall(("proxy fails: %s" % error).encode())


def proxy(port, destination_port, destination=None):
    """Relay connections, transparently."""
    sock = listener(int(port), transparent=destination is None)
    while True:
        threading.Thread(target=relay, args=(sock.accept()[0], destination, destination_port), daemon=True).start()


if __name__ == "__main__":
    if sys.argv[1] == "dial":
        try:
            print(dial(*sys.argv[2:]))
        except OSError as error:
            print("fails: %s" % error)
    else:
        {"serve": serve, "proxy": proxy}[sys.argv[1]](*sys.argv[2:])
