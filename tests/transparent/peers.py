# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of the tests of transparent routing: a server that says who dialled, a transparent proxy, a client. Standard library only.

usage: peers.py serve PORT [hold] | web PORT | told PORT | dial ADDRESS PORT [SOURCE] | get ADDRESS PORT [SOURCE]
       | hold ADDRESS PORT SOURCE COUNT [web] | proxy PORT DESTINATION_PORT [DESTINATION]
A proxy without a destination takes intercepted connections and dials where the client wanted to go.
"""

from __future__ import annotations

import contextlib
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


def serve(port, hold=None):
    """Tell everyone who dials the address that is seen; hold: keep the connections."""
    sock, held = listener(int(port), transparent=False), []
    while True:
        connection, peer = sock.accept()
        connection.sendall(("server sees %s" % plain(peer[0])).encode())
        if hold:
            held.append(connection)
        else:
            connection.close()


def web(port):
    """The same over HTTP."""
    sock = listener(int(port), transparent=False)
    while True:
        connection, peer = sock.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(("HTTP/1.0 200 OK\r\n\r\nserver sees %s" % plain(peer[0])).encode())


def told(port):
    """Tell what is seen, and what the PROXY protocol (version 2, IPv4) says."""
    sock = listener(int(port), transparent=False)
    while True:
        connection, peer = sock.accept()
        with connection, contextlib.suppress(OSError):
            head = connection.recv(28)
            if head[12:13] == b"\x21":
                said = "server sees %s, is told %s" % (plain(peer[0]), socket.inet_ntoa(head[16:20]))
                connection.sendall(said.encode())


def get(address, port, source=None):
    """Return the body of an answer, or its status where it is not 200."""
    answer = dial(address, port, source, request=b"GET / HTTP/1.0\r\n\r\n", seconds=8)
    head, _blank, body = answer.partition("\r\n\r\n")
    return body if " 200 " in head.partition("\r")[0] else head.partition("\r")[0]


def hold(address, port, source, count, protocol=None):
    """Dial so often, keep what a server has answered, and tell how many that are; they stay until this process ends."""
    request = b"GET / HTTP/1.1\r\nHost: front\r\n\r\n" if protocol == "web" else b""
    held = []
    for _number in range(int(count)):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(6)
        sock.bind((source, 0))
        try:
            sock.connect((address, int(port)))
            sock.sendall(request)
            if sock.recv(4096):
                held.append(sock)
        except OSError:
            sock.close()
    print(len(held), flush=True)
    threading.Event().wait()


def dial(address, port, source=None, seconds=1.5, request=b""):
    """Return what the other side says; source: an address to dial from, which need not be ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        if source:
            sock.setsockopt(*TRANSPARENT[family], 1)
            sock.bind((source, 0))
        sock.connect((address, int(port)))
        sock.sendall(request)
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
    if sys.argv[1] in ("dial", "get"):
        try:
            print({"dial": dial, "get": get}[sys.argv[1]](*sys.argv[2:]))
        except OSError as error:
            print("fails: %s" % error)
    else:
        {"serve": serve, "web": web, "told": told, "hold": hold, "proxy": proxy}[sys.argv[1]](*sys.argv[2:])
