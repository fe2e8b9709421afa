# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals: which limit an errno of a dialler names, and the finding that says more. Private to the collection."""

from __future__ import annotations

import errno
import os
from typing import Any

RESERVE, CUT = -1, -2  # no errno of the kernel: the probe stopped by itself, for its reserve of memory or its time
# errno: (the limit, the finding's id or None, what it means). Source: kernel-truths, 1, 4, 5, 6 and 12.
MEANINGS: dict[int, tuple[str, str | None, str]] = {
    errno.EADDRNOTAVAIL: ("net.ipv4.ip_local_port_range", "FT108", "every usable port is taken towards this listener"),
    errno.EADDRINUSE: ("net.ipv4.ip_local_port_range", "FT110", "every usable port of this source is bound"),
    errno.EMFILE: ("nofile", "FT205", "a process of the probe has no descriptor left"),
    errno.ENFILE: ("fs.file-max", "FT207", "the kernel has no file left"),
    errno.ENOBUFS: ("memory", "FT503", "the kernel has no memory for another socket"),
    errno.ENOMEM: ("memory", "FT503", "the kernel has no memory for another socket"),
    errno.ETIMEDOUT: ("net.core.somaxconn", "FT303", "no answer: a full accept queue, a full connection table, or no way there or back"),
    errno.ECONNREFUSED: ("listener", None, "nothing listens there any more, or the listener is full"),
    errno.ECONNRESET: ("listener", None, "the other end closed the connection as it was made"),
    errno.EHOSTUNREACH: ("route", None, "the destination cannot be reached"),
    errno.ENETUNREACH: ("route", None, "there is no route to the destination"),
    RESERVE: ("reserve_memory", None, "the host came down to the memory that is reserved for its other work"),
    CUT: ("timeout", None, "the time for dialling was over"),
}


def described(error: int, seconds: float) -> dict[str, Any]:
    """Return {error, message, limit, finding, seconds: from the first connect on} of a refusal."""
    limit, finding, meaning = MEANINGS.get(error, ("unknown", None, os.strerror(error) if error > 0 else "unknown"))
    name = {RESERVE: "reserve", CUT: "timeout"}.get(error) or errno.errorcode.get(error, str(error))
    return {"error": name, "message": meaning, "limit": limit, "finding": finding, "seconds": round(seconds, 2)}
