# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes: one TCP connection for each pair of a source and a listener, ended as soon as it is there. Private to the collection."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls

AT_ONCE = 256  # handshakes under way
REASONS = {
    errno.ECONNREFUSED: "refused: nothing listens there, or a firewall rejects this source",
    errno.EADDRNOTAVAIL: "this host does not have the source, or has no free port on it for this listener",
    errno.ENETUNREACH: "no route",
    errno.EHOSTUNREACH: "no route, or nobody on the wire has the address",
    errno.EACCES: "a firewall of this host forbids it",
    errno.EPERM: "a firewall of this host forbids it",
}


class Pair(NamedTuple):
    """Where a connection comes from, and which listener it goes to. An empty source leaves the choice to the kernel."""

    source: str
    address: str
    port: int

    def __str__(self) -> str:
        """Return it as messages show it."""
        where = "[%s]:%d" % (self.address, self.port) if ":" in self.address else "%s:%d" % (self.address, self.port)
        return "%s -> %s" % (self.source or "this host", where)


def shake(pairs: Iterable[Pair], seconds: float) -> dict[Pair, str | None]:
    """Return {pair: why it cannot be dialled, None where it can}. Each handshake has so many seconds."""
    left, found = list(dict.fromkeys(pairs))[::-1], {}
    with selectors.DefaultSelector() as waiting:
        while left or waiting.get_map():
            while left and len(waiting.get_map()) < AT_ONCE:
                pair = left.pop()
                sock, why = _begun(pair)
                if sock is None:
                    found[pair] = why
                else:
                    waiting.register(sock, selectors.EVENT_WRITE, (pair, time.monotonic() + seconds))
            first = min((key.data[1] for key in waiting.get_map().values()), default=0.0)
            for key, _events in waiting.select(max(0.0, first - time.monotonic())):
                error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # type: ignore[union-attr]
                found[key.data[0]] = reason(error) if error else None
                _end(waiting, key.fileobj)
            for key in [key for key in waiting.get_map().values() if key.data[1] <= time.monotonic()]:
                found[key.data[0]] = "no answer in %g s: no route back, or a firewall drops it" % seconds
                _end(waiting, key.fileobj)
    return found


def _begun(pair: Pair) -> tuple[Any, str | None]:
    """Return a socket whose handshake is under way, or why there is none."""
    sock = socket.socket(syscalls.family_of(pair.address), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, syscalls.RESET)
        if pair.source:
            sock.setsockopt(socket.IPPROTO_IP, syscalls.NO_PORT, 1)
            sock.bind((pair.source, 0))
        error = sock.connect_ex((pair.address, pair.port))
    except OSError as failed:
        error = failed.errno or errno.EINVAL
    if error in (0, errno.EINPROGRESS):
        return sock, None
    sock.close()
    return None, reason(error)


def reason(error: int) -> str:
    """Return what an errno of connect() means for a path, in words."""
    return "%s (%s)" % (REASONS.get(error, os.strerror(error)), errno.errorcode.get(error, error))


def _end(waiting: selectors.BaseSelector, sock: Any) -> None:
    waiting.unregister(sock)
    sock.close()
