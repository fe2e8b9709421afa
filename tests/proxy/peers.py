# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of the tests of reverse proxies: an origin that holds what it is asked to hold, and clients. Standard library only, Python 3.9.

usage: peers.py serve ADDRESS:PORT ... | hold ADDRESS PORT CONNECTIONS [SECONDS] | busy ADDRESS PORT CONNECTIONS SECONDS [MOST]
An origin answers /hold with the head and the first line of a body that never ends, anything else at once.
hold: that many requests for /hold at once; prints {status: how many} when each has an answer or the seconds are over, then
keeps them until its input ends, and prints {"lost": those that had ended before}.
busy: keeps that many connections busy with one request after the other until its input ends, or for MOST seconds; prints
{status or failure: how many, "ended": without an answer, "lost": in the middle of one}.
"""

from __future__ import annotations

import collections
import json
import os
import selectors
import socket
import sys
import time

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n"
ENDLESS = 1 << 30
IP_BIND_ADDRESS_NO_PORT = 24


def endpoint(text):
    """Return (family, address, port) of address:port."""
    host, _colon, port = text.rpartition(":")
    host = host.strip("[]")
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), host, int(port)


def serve(places):
    """Answer until killed. The body names both ends of the connection and what X-Forwarded-For says."""
    waiting = selectors.DefaultSelector()
    for place in places:
        family, host, port = endpoint(place)
        server = socket.socket(family)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(4096)
        server.setblocking(False)
        waiting.register(server, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while True:
        for key, _events in waiting.select():
            sock = key.fileobj
            if key.data is None:
                try:
                    one, _peer = sock.accept()
                except OSError:
                    continue
                waiting.register(one, selectors.EVENT_READ, bytearray())
                continue
            try:
                part = sock.recv(65536)
            except OSError:
                part = b""
            if not part:
                waiting.unregister(sock)
                sock.close()
                continue
            key.data.extend(part)
            while b"\r\n\r\n" in key.data:
                head, _blank, rest = bytes(key.data).partition(b"\r\n\r\n")
                key.data[:] = rest
                try:
                    answer(sock, head.decode("latin-1"))
                except OSError:
                    break


def answer(sock, head):
    """Answer one request."""
    forwarded = [line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("x-forwarded-for:")]
    body = "peer=%s local=%s:%d forwarded=%s\n" % (sock.getpeername()[0], *sock.getsockname()[:2], ",".join(forwarded))
    size = ENDLESS if head.split(" ")[1].startswith("/hold") else len(body)
    sock.sendall((HEAD % size + body).encode())


def dialled(host, port, number, seconds):
    """Return a connection; over loopback from more than one address, since a test has few ports.

    A source that is bound with a port would keep that port from everybody who lets connect() choose one.
    """
    sock = socket.socket()
    sock.settimeout(seconds)
    if host.startswith("127."):
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind(("127.%d.%d.%d" % (1 + os.getpid() // 250 % 250, os.getpid() % 250, 1 + number // 25), 0))
    sock.connect((host, port))
    return sock


def request(path, host):
    """Return a request."""
    return ("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, host)).encode()


def hold(host, port, number, seconds):
    """Hold requests; say what became of them."""
    statuses, waiting, held = collections.Counter(), selectors.DefaultSelector(), []
    for one in range(number):
        sock = dialled(host, port, one, seconds)
        sock.sendall(request("/hold/%d/%d" % (os.getpid(), one), host))
        sock.setblocking(False)
        waiting.register(sock, selectors.EVENT_READ)
    until = time.monotonic() + seconds
    while waiting.get_map() and time.monotonic() < until:
        for key, _events in waiting.select(until - time.monotonic()):
            waiting.unregister(key.fileobj)
            try:
                part = key.fileobj.recv(256)
            except OSError as error:
                part = b"HTTP/1.1 " + type(error).__name__.encode()
            status = part.split(b" ")[1].decode() if part else "closed"
            statuses[status] += 1
            if status == "200":
                held.append(key.fileobj)
            else:
                key.fileobj.close()
    statuses["silent"] += len(waiting.get_map())
    print(json.dumps({name: count for name, count in statuses.items() if count}), flush=True)
    sys.stdin.read()
    print(json.dumps({"lost": sum(map(ended, held))}), flush=True)


def ended(sock):
    """Tell whether the other end has closed a connection whose answer never ends."""
    try:
        while sock.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def busy(host, port, number, seconds, most):
    """Ask again and again on many connections; a connection that the server ends after its answer is opened anew, like a browser does."""
    statuses, waiting = collections.Counter(), selectors.DefaultSelector()
    end = time.monotonic() + most
    waiting.register(sys.stdin, selectors.EVENT_READ)

    def begin(one):
        sock = dialled(host, port, one, seconds)
        sock.sendall(request("/", host))
        sock.setblocking(False)
        waiting.register(sock, selectors.EVENT_READ, [bytearray(), one])

    for one in range(number):
        begin(one)
    print("ready", flush=True)
    stop = False
    while not stop and time.monotonic() < end:
        for key, _events in waiting.select(1.0):
            if key.fileobj is sys.stdin:
                stop = True
                break
            try:
                part = key.fileobj.recv(65536)
            except OSError as error:
                part, statuses[type(error).__name__] = b"", statuses[type(error).__name__] + 1
            key.data[0].extend(part)
            head, blank, body = bytes(key.data[0]).partition(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            sizes = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
            if blank and sizes and len(body) >= sizes[0]:
                statuses[lines[0].split(" ")[1]] += 1
                del key.data[0][:]
                if "connection: close" in lines:
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()
                    begin(key.data[1])
                else:
                    time.sleep(0.0005)
                    try:
                        key.fileobj.sendall(request("/", host))
                    except OSError:
                        statuses["lost"] += 1
            elif not part:  # between two requests a server may end a connection; in the middle of an answer it may not
                statuses["lost" if key.data[0] else "ended"] += 1
                waiting.unregister(key.fileobj)
                key.fileobj.close()
                begin(key.data[1])
    print(json.dumps(dict(statuses)), flush=True)


if __name__ == "__main__":
    words = sys.argv[2:]
    if sys.argv[1] == "serve":
        serve(words)
    elif sys.argv[1] == "hold":
        hold(words[0], int(words[1]), int(words[2]), float(words[3]) if len(words) > 3 else 10.0)
    else:
        busy(words[0], int(words[1]), int(words[2]), float(words[3]), float(words[4]) if len(words) > 4 else 600.0)
