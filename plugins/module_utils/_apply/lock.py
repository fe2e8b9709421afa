# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of all changes on a host: one at a time. Private to the collection."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

LOCK = "/run/front-tier.lock"


@contextlib.contextmanager
def locked(root: Root, seconds: float) -> Iterator[None]:
    """Hold the lock of all changes on this host. Raises Refusal where another run holds it for longer than `seconds`."""
    fd = os.open(root.path(LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Refusal(
                        "lock_timeout: another run has held %s for %g s. Wait for it, or allow more. Nothing was changed." % (LOCK, seconds)
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(fd)
