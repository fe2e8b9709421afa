# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The absence: a value that could not be read, with the reason, in place of the value. Private to the collection."""

from __future__ import annotations

import errno
from typing import Any

REASONS = ("not_loaded", "no_permission", "too_old", "unreadable", "unknown")
UNLIMITED = "unlimited"


def absent(reason: str, detail: str) -> dict[str, str]:
    """Return the absence of a value: one of REASONS, and a sentence that names what was tried."""
    if reason not in REASONS:
        raise ValueError("absence reason %r is not one of %s" % (reason, ", ".join(REASONS)))
    return {"absent": reason, "detail": detail}


def absent_for(error: OSError, path: str) -> dict[str, str]:
    """Return the absence that an error of reading `path` means: EACCES and EPERM are permissions, the rest is unreadable."""
    reason = "no_permission" if error.errno in (errno.EACCES, errno.EPERM) else "unreadable"
    return absent(reason, "%s: %s" % (path, error.strerror or error))


def is_absent(value: Any) -> bool:
    """Tell whether a value of a snapshot is an absence."""
    return isinstance(value, dict) and "absent" in value


def known(value: Any, default: Any = None) -> Any:
    """Return the value, or `default` where it is an absence."""
    return default if is_absent(value) else value


def number(value: Any) -> int | None:
    """Return the value where it is a whole number; None for an absence, `unlimited`, a list or a text."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
