# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of the tests of symptoms: a web server, clients that hold requests, a client that asks again and again. Standard library only.

usage: peers.py serve PORT... | hold ADDRESS PORT NUMBER | knock ADDRESS PORT PATH | ask ADDRESS PORT PATH | track NUMBER
       | evidence JSON
The server answers every path but /hold, which it never answers. `track` sends NUMBER packets to as many destinations.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import sys
import time


def serve(*ports):
    """Answer what is asked; keep /hold waiting."""
    waiting = selectors.DefaultSelector()
    for port in ports:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", int(port)))
        sock.listen(4096)
        waiting.register(sock, selectors.EVENT_READ, True)
    print("ready", flush=True)
    while True:
        for key, _mask in waiting.select():
            if key.data:
                waiting.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
                continue
            with contextlib.suppress(OSError):
                asked = key.fileobj.recv(65536)
                if b"/hold" in asked:
                    continue
                if asked:
                    key.fileobj.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
            waiting.unregister(key.fileobj)
            key.fileobj.close()


def request(address, port, path):
    """Send a request and return the connection, still open."""
    sock = socket.socket()
    sock.settimeout(2)
    sock.connect((address, int(port)))
    sock.sendall(("GET %s HTTP/1.0\r\nHost: a\r\n\r\n" % path).encode())
    return sock


def ask(address, port, path):
    """Return the first line of the answer, or what went wrong."""
    try:
        with request(address, port, path) as sock:
            return sock.recv(4096).decode().partition("\r\n")[0] or "closed"
    except OSError as error:
        return "fails: %s" % error


def hold(address, port, number):
    """Hold so many requests until we are killed."""
    kept = []
    for _dummy in range(int(number)):
        with contextlib.suppress(OSError):
            kept.append(request(address, port, "/hold/%d" % len(kept)))
    time.sleep(0.5)
    print("ready", flush=True)
    time.sleep(120)


def knock(address, port, path):
    """Ask again and again until we are killed."""
    print("ready", flush=True)
    for number in range(10000):
        ask(address, port, "%s/%d" % (path, number))
        time.sleep(0.05)


def track(number):
    """Fill the table of connection tracking: each packet goes to another address and port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    left = int(number)
    for host in range(1, 1 << 16):
        for port in range(1024, 2048):
            with contextlib.suppress(OSError):
                sock.sendto(b"", ("10.80.%d.%d" % (host >> 8, host & 255), port))
            left -= 1
            if not left:
                print("ready", flush=True)
                return


def evidence(text):
    """Print the evidence of this side, and how long it took."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.evidence import Sources, read_evidence
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

    begin = time.monotonic()
    found = read_evidence(Root(), Sources(**json.loads(text)))
    print(json.dumps({"seconds": time.monotonic() - begin, "evidence": found}))


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        print(ask(*sys.argv[2:]))
    else:
        {"serve": serve, "hold": hold, "knock": knock, "track": track, "evidence": evidence}[sys.argv[1]](*sys.argv[2:])
