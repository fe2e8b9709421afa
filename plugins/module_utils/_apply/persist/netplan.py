# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How netplan keeps addresses: a file of our own that adds to the interface's definition. Private to the collection.

A boot runs netplan's generator, which reads all files and adds up the addresses of one definition; nothing has to be generated now.
Source: netplan(5), netplan-generate(8).
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.networkd import NETPLAN, active_file
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.sysctl_d import HEADER
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Kept
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

PLACES = ("/etc/netplan", "/run/netplan", "/usr/lib/netplan", "/lib/netplan")
KINDS = ("ethernets", "bonds", "bridges", "vlans", "wifis", "modems", "tunnels", "dummy-devices", "vrfs")
PROFILES = "/run/NetworkManager/system-connections"


def runs(root: Root) -> bool:
    """Tell whether netplan defines anything; it never brings up an interface that none of its files names."""
    return False


def manages(root: Root, interface: str, link: dict[str, Any]) -> str:
    """Return by what netplan manages an interface, an empty text where it does not."""
    found = _definition(root, interface, link)
    return found[2] if found else ""


def _definition(root: Root, interface: str, link: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return (kind, id, file) of an interface's definition: what it generated tells the id, which need not be the name."""
    generated = active_file(root, interface, link)
    ids = [generated.partition(NETPLAN)[2][: -len(".network")]] if NETPLAN in generated else []
    for name in root.names(PROFILES):
        text = text_of(root.text("%s/%s" % (PROFILES, name)))
        if name.startswith("netplan-") and re.search(r"^interface-name=%s$" % re.escape(interface), text, re.M):
            ids.append(re.sub(r"^netplan-|\.nmconnection$", "", name))
    for path in yaml_files(root):
        for kind, one in definitions(text_of(root.text(path))):
            if one in (ids or [interface]):
                return kind, one, path
    return None


def yaml_files(root: Root) -> list[str]:
    """Return netplan's files in the order in which they add up; of one name the first folder's counts."""
    chosen: dict[str, str] = {}
    for place in PLACES:
        for name in root.names(place):
            if name.endswith(".yaml"):
                chosen.setdefault(name, "%s/%s" % (place, name))
    return [chosen[name] for name in sorted(chosen)]


def definitions(text: str) -> list[tuple[str, str]]:
    """Return (kind, id) of every definition in a file in block style, by indentation; of the rest of YAML nothing is understood."""
    found = []
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = re.match(r"( *)([\"']?)([^\s\"'#:][^\"':]*)\2:(\s|\Z)", line)
        if not match:
            continue
        indent = len(match.group(1))
        above = [row for row in above if row[0] < indent]
        names = [name for _indent, name in above]
        if len(names) == 2 and names[0] == "network" and names[1] in KINDS:
            found.append((names[1], match.group(3)))
        above.append((indent, match.group(3)))
    return found


def files(root: Root, name: str, kept: list[Kept], links: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return {path: (text, mode)} of one file. Raises Refusal for what netplan has no words for."""
    path = "/etc/netplan/90-%s.yaml" % name
    by_kind: dict[str, str] = {}
    for one in kept:
        if one.kind != "address":
            raise Refusal(
                "backend: netplan cannot keep kind %s of %s. Say backend: networkd, which reads its own files beside netplan's, "
                "or persist: false. Nothing was changed." % (one.kind, one.interface)
            )
        found = _definition(root, one.interface, links.get(one.interface, {}))
        if found is None or found[2] == path:
            raise Refusal(
                "backend: no file of netplan that can be understood defines %s, and a definition of ours would be its only one. "
                "Name the backend that manages it, or say persist: false. Nothing was changed." % one.interface
            )
        if any(unpreferred for _cidr, unpreferred in one.addresses) and _by_networkmanager(root):
            raise Refusal(
                "backend: netplan cannot tell NetworkManager that nothing else is to take the IPv6 addresses of %s. "
                "Say backend: networkmanager. Nothing was changed." % one.interface
            )
        rows = "".join(_row(cidr, unpreferred) for cidr, unpreferred in one.addresses)
        by_kind[found[0]] = by_kind.get(found[0], "") + "    %s:\n      addresses:\n%s" % (found[1], rows)
    body = "".join("  %s:\n%s" % (kind, by_kind[kind]) for kind in sorted(by_kind))
    return {path: (HEADER % name + "network:\n  version: 2\n" + body, 0o600)}


def _row(cidr: str, unpreferred: bool) -> str:
    return '        - "%s":\n            lifetime: 0\n' % cidr if unpreferred else '        - "%s"\n' % cidr


def _by_networkmanager(root: Root) -> bool:
    texts = (text_of(root.text(path)) for path in yaml_files(root))
    return any(re.search(r"^\s*renderer:\s*[\"']?NetworkManager\b", text, re.M) for text in texts)
