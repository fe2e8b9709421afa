# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration folders (`sysctl.d` and its kin): which files count at the next boot, and in which order. Private to the collection."""

from __future__ import annotations

import os
import re
from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

# systemd's order of precedence (CONF_PATHS in its constants.h; /lib counts where /usr is not merged); procps has the same.
# /run is left out on purpose: it is empty after a restart.
ABOVE = ("/etc", "/usr/local/lib", "/usr/lib", "/lib")
BLANKS = " \t\n\r"


def folders(name: str) -> list[str]:
    """Return the folders that may hold a kind of configuration (`sysctl.d`), the one that wins first."""
    return ["%s/%s" % (above, name) for above in ABOVE]


def conf_files(root: Root, places: list[str]) -> list[str]:
    """Return the paths of the `*.conf` files that count, in the order they are applied.

    Of files with the same name the one in the first folder counts, also when it is empty or dangling, and a link to /dev/null
    takes the name out (a mask); the rest is sorted by name, byte by byte (conf-files.c; sysctl.d(5)).
    """
    chosen: dict[str, str] = {}
    for place in places:
        for name in root.names(place):
            if name.endswith(".conf") and not name.startswith("."):
                chosen.setdefault(name, "%s/%s" % (place, name))
    return [chosen[name] for name in sorted(chosen, key=os.fsencode) if root.real(chosen[name]) != "/dev/null"]


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, line without blanks around it) as systemd cuts lines: at CR, LF, CRLF and NUL."""
    for number, line in enumerate(re.split("\r\n|[\n\r\0]", text), 1):
        yield number, line.strip(BLANKS)


def place(path: str, number: int) -> str:
    """Return `file:line` in characters that any output can hold, whatever bytes the file's name is made of."""
    return "%s:%d" % (os.fsencode(path).decode("utf-8", "replace"), number)


def problem(kind: str, source: str, message: str) -> dict[str, str]:
    """Return what is wrong with a configuration file or one of its lines."""
    return {"kind": kind, "source": source, "message": message}


def clipped(text: str) -> str:
    """Return a text of a file, short enough for a message and without control characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:60]) + ("..." if len(text) > 60 else "")
