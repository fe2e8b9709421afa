# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host that are asked where no file tells: bounded in time and size. Private to the collection."""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, absent_for


def run(*command: str, seconds: float = 3.0, most: int = 2 << 20) -> Any:
    """Return what a program prints, or the absence: not there, failed, too slow, or more than `most` bytes."""
    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, LC_ALL="C", PATH=path),
        )
    except FileNotFoundError:
        return absent("unknown", "%s: not installed" % command[0])
    except OSError as error:
        return absent_for(error, command[0])
    with process:
        text, trouble = _collect(process, time.monotonic() + seconds, most)
        if trouble:
            process.kill()
        status = process.wait()
    if status and not trouble:
        trouble = "exit status %d" % status
    return absent("unreadable", "%s: %s" % (" ".join(command[:4]), trouble)) if trouble else text


def _collect(process: subprocess.Popen[bytes], deadline: float, most: int) -> tuple[str, str]:
    """Return (output, what went wrong)."""
    pipe = process.stdout
    if pipe is None:
        return "", "no output"
    waiter = select.poll()
    waiter.register(pipe, select.POLLIN)
    parts: list[bytes] = []
    while True:
        if not waiter.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return "", "no end in time"
        part = os.read(pipe.fileno(), 1 << 16)
        if not part:
            return b"".join(parts).decode("utf-8", "replace"), ""
        parts.append(part)
        most -= len(part)
        if most < 0:
            return "", "too much output"
