# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold many TCP connections in this network namespace, with processes that do nothing else: the state that benches measure in.

usage: python3 hold.py PAIRS [RANGE]      (in a network namespace of its own; ends with its input)

Prints "held N" when they stand, and then how many seconds the dialling took. It is also the bare loop that the probe is compared with:
all processes begin to dial at once, each to a listener of its own.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from typing import Callable

OWN_FILES = 40


def share() -> int:
    """Return how many connections one process takes, and so one listener."""
    return min(25000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - OWN_FILES)


def serve(address: str, count: int, pipes: dict[str, tuple[int, int]]) -> list[int]:
    """Accept `count` connections; return their descriptors."""
    listener = socket.create_server((address, 9000), backlog=4096)
    os.write(pipes["listening"][1], b"l")
    kept = [listener._accept()[0] for _dummy in range(count)]  # type: ignore[attr-defined]
    listener.detach()  # it goes on listening: without it the accepted sockets look like dialled ones
    return kept


def dial(address: str, count: int, pipes: dict[str, tuple[int, int]]) -> list[int]:
    """Open `count` connections; return their descriptors."""
    kept = []
    os.read(pipes["dial"][0], 1)
    for _dummy in range(count):
        sock = socket.socket()
        sock.connect((address, 9000))
        kept.append(sock.detach())
    return kept


def start(
    side: Callable[[str, int, dict[str, tuple[int, int]]], list[int]], address: str, count: int, pipes: dict[str, tuple[int, int]]
) -> None:
    """Start a process that holds one side until the pipe `go` is closed; what goes wrong in it is said on both pipes."""
    if os.fork():
        return
    try:
        os.close(pipes["go"][1])
        kept = side(address, count, pipes)
        os.write(pipes["done"][1], b"d" if len(kept) == count else b"x")
        os.read(pipes["go"][0], 1)
    except BaseException as error:  # pylint: disable=broad-except
        print(error, file=sys.stderr)
        os.write(pipes["done"][1], b"x")
        os.write(pipes["listening"][1], b"x")
    os._exit(0)


def expect(pipe: int, wanted: bytes) -> None:
    """Read one byte; end where it is not the one that means well."""
    if os.read(pipe, 1) != wanted:
        raise SystemExit("a process failed")


def main() -> None:
    """Start one listening and one dialling process for each share that the descriptor limit allows."""
    pairs = int(sys.argv[1])
    hard, each = resource.getrlimit(resource.RLIMIT_NOFILE)[1], share()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
        file.write(sys.argv[2] if len(sys.argv) > 2 else "1024 65535")
    pipes = {name: os.pipe() for name in ("listening", "dial", "done", "go")}
    shares = [min(each, pairs - done) for done in range(0, pairs, each)]
    for index, count in enumerate(shares):
        address = "127.1.%d.%d" % (index // 250, index % 250 + 1)
        start(serve, address, count, pipes)
        expect(pipes["listening"][0], b"l")
        start(dial, address, count, pipes)
    begin = time.monotonic()
    os.write(pipes["dial"][1], b"d" * len(shares))
    for _dummy in range(2 * len(shares)):
        expect(pipes["done"][0], b"d")
    seconds = time.monotonic() - begin
    print("held %d\n%.3f" % (pairs, seconds), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
