# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a connect takes while the ports of a source run out, for each way to pick a port, and for HAProxy's two.

usage: unshare --net python3 last_ports.py WAY PORTS      (prints {held, share: [microseconds at 1 %, 2 %, ... 100 % of the ports]})
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls

SOURCE, SERVER, PORT, LOW = "127.0.0.10", "127.0.0.1", 9000, 20000
WAYS = ("none", "no_port", "no_port, IP_LOCAL_PORT_RANGE", "plain", "explicit", "HAProxy, source addr", "HAProxy, source addr:range")
CONFIG = """
global
    maxconn %(ports)d
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
    retries 0
listen ports
    bind unix@%(folder)s/in
    server one %(server)s:%(port)d source %(source)s
"""


def serve(ports: int) -> int:
    """Accept `ports` connections in a process of its own, answer each with one byte, hold them; return its number."""
    listener = socket.create_server((SERVER, PORT), backlog=4096)
    child = os.fork()
    if child == 0:
        kept = []
        while len(kept) < ports + 1:
            connection = listener.accept()[0]
            connection.send(b"a")
            kept.append(connection.detach())
        signal.pause()
    listener.close()
    return child


def dialler(way: str, ports: int) -> Callable[[int], socket.socket]:
    """Return what opens the connection with a given number (0, 1, ...) in the given way."""

    def dial(number: int) -> socket.socket:
        sock = socket.socket()
        if way.startswith("no_port"):
            sock.setsockopt(socket.IPPROTO_IP, syscalls.NO_PORT, 1)
        if way.endswith("IP_LOCAL_PORT_RANGE"):
            sock.setsockopt(socket.IPPROTO_IP, syscalls.LOCAL_PORT_RANGE, syscalls.port_range_option(LOW, LOW + ports - 1))
        if way == "explicit":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if way != "none":
            sock.bind((SOURCE, LOW + number if way == "explicit" else 0))
        sock.connect((SERVER, PORT))
        return sock

    return dial


@contextlib.contextmanager
def through_haproxy(ports: int, lines: str) -> Iterator[Callable[[int], socket.socket]]:
    """Run HAProxy and give what opens one connection through it; it comes in by a Unix socket, so only its own side needs a port."""
    with tempfile.TemporaryDirectory() as folder:
        text = CONFIG % {"ports": ports + 10, "folder": folder, "server": SERVER, "port": PORT, "source": lines}
        path = os.path.join(folder, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        with subprocess.Popen(["haproxy", "-db", "-f", path], stderr=subprocess.DEVNULL) as proxy:
            try:
                while not os.path.exists(os.path.join(folder, "in")):
                    time.sleep(0.05)

                def dial(_number: int) -> socket.socket:
                    sock = socket.socket(socket.AF_UNIX)
                    sock.settimeout(20)
                    sock.connect(os.path.join(folder, "in"))
                    if sock.recv(1) != b"a":
                        raise ConnectionError("HAProxy closed the connection: no port was left")
                    return sock

                yield dial
            finally:
                proxy.kill()


def measure(dial: Callable[[int], socket.socket], ports: int) -> list[float]:
    """Return the seconds of each of `ports` connects, all of them held until the end, then reset."""
    held, seconds = [], []
    for number in range(ports):
        begin = time.perf_counter()
        held.append(dial(number))
        seconds.append(time.perf_counter() - begin)
    for sock in held:
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, syscalls.RESET)
        sock.close()
    return seconds


def main() -> None:
    """Measure one way in this network namespace, whose loopback is brought up."""
    way, ports = sys.argv[1], int(sys.argv[2])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in (("ip_local_port_range", "%d %d" % (LOW, LOW + ports - 1)), ("tcp_max_tw_buckets", "0")):
        with open("/proc/sys/net/ipv4/" + name, "w", encoding="utf-8") as file:
            file.write(value)
    server = serve(ports)
    try:
        if way.startswith("HAProxy"):
            source = SOURCE + (":%d-%d" % (LOW, LOW + ports - 1) if way.endswith("range") else "")
            with through_haproxy(ports, source) as dial:
                seconds = measure(dial, ports)
        else:
            seconds = measure(dialler(way, ports), ports)
    finally:
        os.kill(server, signal.SIGKILL)
    share = [statistics.median(seconds[ports * step // 100 : ports * (step + 1) // 100]) * 1e6 for step in range(100)]
    print(json.dumps({"held": len(seconds), "share": share}))


if __name__ == "__main__":
    main()
