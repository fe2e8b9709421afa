# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ifupdown keeps addresses: stanzas of our own in interfaces.d, where that folder is read. Private to the collection.

Source: interfaces(5): stanzas of one name add up, and only the first `auto` decides that it comes up.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.networkmanager import batches
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.sysctl_d import HEADER
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Kept
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

MAIN, FOLDER, STATE = "/etc/network/interfaces", "/etc/network/interfaces.d", "/run/network/ifstate"
SUFFIXES = ("", ".cfg", ".conf", ".interfaces")


def runs(root: Root) -> bool:
    """Tell whether ifupdown brings up any interface but lo."""
    return bool(re.search(r"^(?!lo=)\S+=", text_of(root.text(STATE)), re.M)) or bool(_stanzas(root) - {"lo"})


def manages(root: Root, interface: str, link: dict[str, Any]) -> str:
    """Return by what ifupdown manages an interface, an empty text where it does not: what is up now, else what comes up at boot."""
    state = text_of(root.text(STATE))
    if state:
        return STATE if re.search(r"^%s=" % re.escape(interface), state, re.M) else ""
    return MAIN if interface in _stanzas(root) else ""


def _stanzas(root: Root) -> set[str]:
    """Return the interfaces that have a stanza and come up by themselves."""
    text = "\n".join(text_of(root.text(path)) for path in [MAIN, *_sourced(root)])
    up = {name for names in re.findall(r"^\s*(?:auto|allow-\S+)\s+(.*)$", text, re.M) for name in names.split()}
    return up & set(re.findall(r"^\s*iface\s+(\S+)\s", text, re.M))


def _patterns(root: Root) -> list[str]:
    """Return the patterns of files that the main file reads; `source-directory` takes names of letters, digits, - and _ alone."""
    found = []
    for kind, pattern in re.findall(r"^\s*(source|source-directory)\s+(\S+)\s*$", text_of(root.text(MAIN)), re.M):
        path = os.path.join(os.path.dirname(MAIN), pattern)
        found.append(path if kind == "source" else path.rstrip("/") + "/*[!.]")
    return found


def _sourced(root: Root) -> list[str]:
    folders = {os.path.dirname(pattern) for pattern in _patterns(root)}
    return [
        path for folder in sorted(folders) for path in ("%s/%s" % (folder, name) for name in root.names(folder)) if _is_read(root, path)
    ]


def _is_read(root: Root, path: str) -> bool:
    name = os.path.basename(path)
    for pattern in _patterns(root):
        directory = pattern.endswith("/*[!.]")
        if directory and os.path.dirname(pattern) == os.path.dirname(path) and re.match(r"[A-Za-z0-9_-]+\Z", name):
            return True
        if not directory and fnmatch.fnmatchcase(path, pattern):
            return True
    return False


def files(root: Root, name: str, kept: list[Kept], links: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return {path: (text, mode)} of one file. Raises Refusal where ifupdown would not read it."""
    path = next((one for one in ("%s/50-%s%s" % (FOLDER, name, suffix) for suffix in SUFFIXES) if _is_read(root, one)), None)
    if path is None:
        raise Refusal(
            "backend: %s does not read %s. Add the line `source %s/*` to it, or say persist: false. Nothing was changed."
            % (MAIN, FOLDER, FOLDER)
        )
    return {path: (HEADER % name + "\n".join(_stanza(one) for one in kept), 0o644)}


def _stanza(one: Kept) -> str:
    """Return the stanza of one interface: a further one where the interface is there, the only one of an interface of our own."""
    lines = ["iface %s inet manual" % one.target]
    down = ["ip link delete %s || :" % one.target]
    if one.kind in ("macvlan", "dummy"):
        more = " link %s type macvlan mode bridge" % one.interface if one.kind == "macvlan" else " type dummy"
        lines = [
            "auto " + one.target,
            *lines,
            "    pre-up ip link add %s%s || :" % (one.target, more),
            "    pre-up echo 0 > /proc/sys/net/ipv6/conf/%s/accept_ra || :" % one.target,
            "    up ip link set %s up" % one.target,
        ]
    else:
        verb = "route delete local" if one.kind == "local_route" else "address delete"
        down = batches(verb, one)
    verb = "route replace local" if one.kind == "local_route" else "address replace"
    lines += ["    up " + line for line in batches(verb, one)]
    lines += ["    %s %s" % ("post-down" if line.startswith("ip link") else "down", line) for line in down]
    return "\n".join(lines) + "\n"
