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
        asked = [(end, _Question(*end)) for end in some]
        until = time.monotonic() + PATIENCE
        found += [(*end, why) for end, why in [(end, question.heard(run, until)) for end, question in asked] if why]
    return found


class _Question:
    """A connection on which a challenge was sent, or why there is none."""

    def __init__(self, address: str, port: int) -> None:
        self.text, self.sock = challenge(), socket.socket(syscalls.family_of(address))
        self.trouble: str | None = None
        try:
            self.sock.settimeout(PATIENCE)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, syscalls.RESET)
            self.sock.connect((address, port))
            self.sock.sendall(self.text)
        except OSError as error:
            self.trouble = "it cannot be dialled: %s" % (error.strerror or error)

    def heard(self, run: str, until: float) -> str | None:
        """Return why the answer is not that of a listener of the run; None where it is."""
        wanted, heard = answer(run, self.text) or b"", b""
        with self.sock:
            try:
                while not self.trouble and len(heard) < len(wanted):
                    self.sock.settimeout(max(0.01, until - time.monotonic()))
                    part = self.sock.recv(len(wanted) - len(heard))
                    if not part:
                        break
                    heard += part
            except OSError:
                return "it does not answer: it is another service"
        return self.trouble or (None if heard == wanted else "it is not a listener of this run")
