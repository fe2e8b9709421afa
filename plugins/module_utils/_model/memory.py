# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an idle connection costs in memory: the kernel's side and the program's. Private to the collection."""

from __future__ import annotations

# Bytes of slab pages for each end. Source: kernel-truths, 7. Memory.
DIALLED_END = 4010
ACCEPTED_END = 3790
CONNTRACK_ENTRY = 256
# Bytes that a program keeps for each idle connection beside the kernel's. Measured: docs/memory.md.
PROGRAMS: dict[str, int] = {}


def for_dialled(program: str | None, conntrack: bool) -> int:
    """Return the bytes that one more idle connection costs the host that dials it."""
    return DIALLED_END + PROGRAMS.get(program or "", 0) + (CONNTRACK_ENTRY if conntrack else 0)


def for_accepted(program: str | None, conntrack: bool) -> int:
    """Return the bytes that one more idle connection costs the host that accepts it."""
    return ACCEPTED_END + PROGRAMS.get(program or "", 0) + (CONNTRACK_ENTRY if conntrack else 0)
