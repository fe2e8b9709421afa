# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The points at which a run is made to fail or is killed: every writing system call between its begin and its answer."""

from __future__ import annotations

import random
import re


def points_in(log):
    """Return [(system call, how manieth of its name)] out of what strace wrote of a driver's run.

    A driver writes a line "begin" when all is loaded, and its answer as JSON when it has ended.
    """
    counts, rows, begun = {}, [], False
    for line in log.read_text().splitlines():
        call = re.match(r"(\w+)\(", line)
        if not call:
            continue
        counts[call.group(1)] = counts.get(call.group(1), 0) + 1
        if begun and '"{\\"result' not in line:
            rows.append((call.group(1), counts[call.group(1)]))
        begun = begun or '"begin' in line
    return rows


def some(what, rows, step):
    """Return every so manieth point, from a random one on, and say so."""
    begin = random.SystemRandom().randrange(step)
    print("%s: %d points, from %d on every %d" % (what, len(rows), begin, step))
    return rows[begin::step]
