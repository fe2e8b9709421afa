# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that size tables by how many descriptors they may open, or set that limit themselves. Private to the collection."""

from __future__ import annotations

# The limit that a program takes, and bytes for a row (measured on Debian 12: haproxy 2.6 and slapd 2.5, 1,000 against 20,000
# descriptors; memcached: conn_init() in memcached.c).
TABLES = {"haproxy": ("hard", 64), "memcached": ("hard", 8), "slapd": ("soft", 666)}
SET_OWN = ("memcached", "mariadbd", "mysqld")  # programs that set their own limit, the hard one too
TABLE_SHARE = 0.1  # of the memory: a table above it is worth a word
