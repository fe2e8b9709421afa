# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The greeting: how a dialler makes sure that what it dials are listeners of its own run. Private to the collection.

The dialler sends a challenge, the listener answers with the hash of the run's name and the challenge. It guards against mistakes, not
against an enemy: whoever knows the name of a run can answer.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from typing import Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls

MARK = b"c10m.front_tier probe\n"
SIZE = len(MARK) + 16
PATIENCE = 5.0  # seconds for an answer
AT_ONCE = 200


def challenge() -> bytes:
    """Return a fresh challenge."""
    return MARK + os.urandom(16)


def answer(run: str, text: bytes) -> bytes | None:
    """Return the answer to what a peer sent, None where that is no challenge."""
    return hashlib.sha256(run.encode() + text).digest() if len(text) == SIZE and text.startswith(MARK) else None


def strangers(run: str, listeners: Iterable[tuple[str, int]]) -> list[tuple[str, int, str]]:
    """Return (address, port, why) of those that do not answer for this run; each is asked once, on a connection of its own."""
    left, found = list(listeners), []
    while left:
        some, left = left[:AT_ONCE], left[AT_ONCE:]
        asked = [(address, port, challenge(), _dialled(address, port)) for address, port in some]
        for address, port, text, sock in asked:
            if not isinstance(sock, str):
                sock.sendall(text)
        until = time.monotonic() + PATIENCE
        for address, port, text, sock in asked:
            why = sock if isinstance(sock, str) else _heard(sock, answer(run, text) or b"", until)
            if why:
                found.append((address, port, why))
    return found


def _dialled(address: str, port: int) -> socket.socket | str:
    try:
        sock = socket.create_connection((address, port), timeout=PATIENCE)
    except OSError as error:
        return "it cannot be dialled: %s" % (error.strerror or error)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, syscalls.RESET)
    return sock


def _heard(sock: socket.socket, wanted: bytes, until: float) -> str | None:
    with sock:
        heard = b""
        try:
            while len(heard) < len(wanted):
                sock.settimeout(max(0.01, until - time.monotonic()))
                part = sock.recv(len(wanted) - len(heard))
                if not part:
                    break
                heard += part
        except OSError:
            return "it does not answer a probe: it is another service"
    return None if heard == wanted else "it is not a listener of this run"
