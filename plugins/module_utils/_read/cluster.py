# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a cluster moves between hosts: those that keepalived and pacemaker are configured with. Private to the collection."""

from __future__ import annotations

import fnmatch
import os
import re
import socket
from typing import Any, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

KEEPALIVED, INCLUDED = "/etc/keepalived", re.compile(r"^\s*include[rmwbgs]?\s+(\S+)", re.M)
PACEMAKER = "/var/lib/pacemaker/cib/cib.xml"
WORD = re.compile(r"([0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]+)(/\d{1,3})?")
MOST_FILES = 200


def read_cluster_addresses(root: Root) -> dict[str, str]:
    """Return {address: the file that names it}; remarks do not count."""
    return {address: path for path, text in _texts(root) for address, _prefix in _words(text)}


def mark_moving(root: Root, rows: list[dict[str, Any]]) -> None:
    """Mark the addresses of a snapshot that move: as such a file names them, with or without the length of their network.

    A host's own address, which a file may name too (unicast_src_ip), has a network and stands there without.
    """
    named = {address + prefix for _path, text in _texts(root) for address, prefix in _words(text)}
    for row in rows:
        address, _slash, length = row["address"].partition("/")
        alone = length == ("128" if ":" in address else "32")
        if not row["local_route"] and (row["address"] in named or alone and address in named):
            row["moves"] = True


def _texts(root: Root) -> Iterator[tuple[str, str]]:
    for path in _keepalived_files(root):
        yield path, re.sub(r"[#!].*", "", text_of(root.text(path)))
    yield PACEMAKER, re.sub(r"<!--.*?-->", "", text_of(root.text(PACEMAKER)), flags=re.S)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield (address as the system writes it, the length of its network with its slash, if any) of each address in a text."""
    for word, prefix in set(WORD.findall(text)):
        family = socket.AF_INET6 if ":" in word else socket.AF_INET
        try:
            yield socket.inet_ntop(family, socket.inet_pton(family, word)), prefix
        except OSError:
            continue


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
