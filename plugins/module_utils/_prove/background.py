# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The background: a run's parent in a session of its own, which outlives the call that started it. Private to the collection."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._prove.place import Place
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.sides import Side

STARTING = 20.0  # seconds for a run to be under way


def start(place: Place, side: Side) -> dict[str, Any]:
    """Start the run of a side; return its first status. Raises OSError where it does not come up."""
    place.make()
    try:
        side.prepare()
        child = os.fork()
        if child == 0:
            _leave(place, side)
        os.waitpid(child, 0)
        for sock in side.sockets:
            sock.close()
        return _first_status(place)
    except BaseException:
        place.remove()
        raise


def _leave(place: Place, side: Side) -> None:
    """Be the run's parent: no terminal, no pipe and no process of the caller holds on to it."""
    try:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.chdir("/")
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            kept = {0, 1, 2, *(sock.fileno() for sock in side.sockets)}
            for name in os.listdir("/proc/self/fd"):
                if int(name) not in kept:
                    with contextlib.suppress(OSError):
                        os.close(int(name))
            side.lead(place)
    finally:
        os._exit(0)


def _first_status(place: Place) -> dict[str, Any]:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        status = place.read()
        if status:
            return status
        time.sleep(0.01)
    raise OSError(0, "the run does not come up within %g s" % STARTING)
