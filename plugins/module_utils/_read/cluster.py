# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a cluster moves between hosts: those that keepalived and pacemaker are configured with. Private to the collection."""

from __future__ import annotations

import fnmatch
import os
import re
import socket

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

KEEPALIVED, INCLUDED = "/etc/keepalived", re.compile(r"^\s*include[rmwbgs]?\s+(\S+)", re.M)
PACEMAKER = "/var/lib/pacemaker/cib/cib.xml"
WORD = re.compile(r"[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]+")
MOST_FILES = 200


def read_cluster_addresses(root: Root) -> dict[str, str]:
    """Return {address: the file that names it}; remarks do not count."""
    found: dict[str, str] = {}
    for path in _keepalived_files(root):
        text = re.sub(r"[#!].*", "", text_of(root.text(path)))
        found.update((address, path) for address in addresses_in(text))
    text = re.sub(r"<!--.*?-->", "", text_of(root.text(PACEMAKER)), flags=re.S)
    found.update((address, PACEMAKER) for address in addresses_in(text))
    return found


def addresses_in(text: str) -> set[str]:
    """Return every address in a text, as the system writes it."""
    found = set()
    for word in set(WORD.findall(text)):
        family = socket.AF_INET6 if ":" in word else socket.AF_INET
        try:
            found.add(socket.inet_ntop(family, socket.inet_pton(family, word)))
        except OSError:
            continue
    return found


def _keepalived_files(root: Root) -> list[str]:
    """Return the configuration files of keepalived: all below its folder, and what they include from elsewhere."""
    found: list[str] = []
    folders = [KEEPALIVED]
    while folders and len(found) < MOST_FILES:
        folder = folders.pop()
        for name in root.names(folder):
            path = "%s/%s" % (folder, name)
            (folders if root.names(path) else found).append(path)
    for path in found[:]:
        for pattern in INCLUDED.findall(text_of(root.text(path))):
            folder, name = os.path.split(os.path.join(KEEPALIVED, pattern.strip("\"'")))
            found += ["%s/%s" % (folder, one) for one in root.names(folder) if fnmatch.fnmatch(one, name)]
    return list(dict.fromkeys(found))[:MOST_FILES]
