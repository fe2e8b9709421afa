# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How addresses outlast a restart under NetworkManager: by a dispatcher script of our own. Private to the collection.

The keyfile of an active connection belongs to somebody else, and NetworkManager reads no drop-ins for it. It runs the scripts in
dispatcher.d each time an interface comes up. Source: NetworkManager-dispatcher(8), nm-settings-keyfile(5).
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.networkd import enabled
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.sysctl_d import HEADER
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Kept
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

RUN, PROFILES, SCRIPTS = "/run/NetworkManager", "/etc/NetworkManager/system-connections", "/etc/NetworkManager/dispatcher.d"
AT_ONCE = 16
NAMESPACE = uuid.UUID("5d4c9b6e-3f0f-4f5e-9d8c-1f2c9d7a1c10")


def runs(root: Root) -> bool:
    """Tell whether NetworkManager runs, or will after the next boot."""
    return root.exists(RUN + "/devices") or enabled(root, "NetworkManager.service")


def manages(root: Root, interface: str, link: dict[str, Any]) -> str:
    """Return by what NetworkManager manages an interface, an empty text where it does not."""
    path = "%s/devices/%d" % (RUN, link.get("index", 0))
    state = text_of(root.text(path))
    found = re.search(r"^connection-uuid=(\S+)$", state, re.M)
    if state:
        return path if found and not re.search(r"^managed=(false|0)$", state, re.M) and not _of_others(root, found.group(1)) else ""
    if not runs(root):
        return ""
    profiles = ("%s/%s" % (PROFILES, name) for name in root.names(PROFILES))
    wanted = re.compile(r"^interface-name=%s$" % re.escape(interface), re.M)
    return next((profile for profile in profiles if wanted.search(text_of(root.text(profile)))), "")


def _of_others(root: Root, connection: str) -> bool:
    """Tell whether a profile is netplan's, or only shows what others have set up (nmcli: "connected (externally)").

    Such a one lies in /run and never connects by itself; that it is external, Debian 11 forgets to write when an address is added.
    """
    folder = RUN + "/system-connections"
    texts = {name: text_of(root.text("%s/%s" % (folder, name))) for name in root.names(folder)}
    own = [name for name, text in texts.items() if "uuid=" + connection in text]
    return any(name.startswith("netplan-") or re.search(r"^autoconnect=false$", texts[name], re.M) for name in own)


def files(root: Root, name: str, kept: list[Kept], links: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return {path: (text, mode)}: one script, and a profile for each interface of our own."""
    found = {"%s/50-%s" % (SCRIPTS, name): (_script(name, kept), 0o755)}
    for one in kept:
        if one.kind in ("macvlan", "dummy"):
            found["%s/50-%s-%s.nmconnection" % (PROFILES, name, one.target)] = (_profile(name, one), 0o600)
    return found


def _script(name: str, kept: list[Kept]) -> str:
    """Return the script: interface and what happened to it are its arguments."""
    cases = []
    for one in kept:
        verb = "route replace local" if one.kind == "local_route" else "address replace"
        lines = "".join("    %s\n" % line for line in batches(verb, one))
        cases.append("%s)\n%s    ;;\n" % ("*" if one.target == "lo" else one.target, lines))
    return '#!/bin/sh\n%s[ "$2" = up ] || [ "$2" = reapply ] || exit 0\n%sexit 0\n' % (
        HEADER % name,
        "".join('case "$1" in\n%sesac\n' % case for case in cases),
    )


def batches(verb: str, one: Kept) -> list[str]:
    """Return shell commands that hand the addresses of one interface to `ip`, some in each, and go on where one of them fails."""
    commands = []
    for unpreferred in (False, True):
        rows = [cidr for cidr, other in one.addresses if other == unpreferred]
        tail = " preferred_lft 0" if unpreferred and verb.endswith("replace") else ""
        for start in range(0, len(rows), AT_ONCE):
            some = " ".join(rows[start : start + AT_ONCE])
            commands.append("printf '%s %%s dev %s%s\\n' %s | ip -force -batch - || :" % (verb, one.target, tail, some))
    return commands


def _profile(name: str, one: Kept) -> str:
    """Return the profile of an interface of our own; the script gives it its addresses, also those that nothing else is to take."""
    stem = "front-tier-%s-%s" % (name, one.target)
    more = "\n[macvlan]\nmode=2\nparent=%s\n" % one.interface if one.kind == "macvlan" else ""
    return (
        "%s[connection]\nid=%s\nuuid=%s\ntype=%s\ninterface-name=%s\nautoconnect=true\n%s\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=link-local\n"
        % (HEADER % name, stem, uuid.uuid5(NAMESPACE, stem), one.kind, one.target, more)
    )
