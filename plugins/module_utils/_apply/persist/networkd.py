# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How systemd-networkd keeps addresses: drop-ins beside the file that is active for an interface. Private to the collection.

Source: systemd.network(5), systemd.netdev(5); the traces in /run/systemd/netif are what networkctl reads.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.sysctl_d import HEADER
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Kept
from ansible_collections.c10m.front_tier.plugins.module_utils._read.planned import PlannedRoot
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

ETC = "/etc/systemd/network"
PLACES = (ETC, "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network")
UNIT = "systemd-networkd.service"
NETPLAN = "-netplan-"


def runs(root: Root) -> bool:
    """Tell whether networkd runs, or will after the next boot."""
    return root.exists("/run/systemd/netif/state") or enabled(root, UNIT)


def enabled(root: Root, unit: str) -> bool:
    """Tell whether a unit is wanted at boot by the links of the administrator."""
    top = "/etc/systemd/system"
    return any(root.link("%s/%s/%s" % (top, folder, unit)) for folder in root.names(top) if folder.endswith((".wants", ".requires")))


def manages(root: Root, interface: str, link: dict[str, Any]) -> str:
    """Return by what networkd manages an interface, an empty text where it does not; what netplan wrote is netplan's."""
    path = active_file(root, interface, link)
    return path if path and NETPLAN not in path else ""


def active_file(root: Root, interface: str, link: dict[str, Any]) -> str:
    """Return the .network file that is in force for an interface: as networkd itself says, else the first that matches it."""
    state = text_of(root.text("/run/systemd/netif/links/%d" % link["index"])) if link.get("index") else ""
    if state:
        path = re.search(r"^NETWORK_FILE=(.+)$", state, re.M)
        managed = path and root.exists(path.group(1)) and not re.search(r"^ADMIN_STATE=unmanaged$", state, re.M)
        return path.group(1) if path and managed else ""
    return matching_file(root, interface, link) if runs(root) else ""


def matching_file(root: Root, interface: str, link: dict[str, Any]) -> str:
    """Return the first .network file, by name, whose [Match] fits an interface, an empty text where none does. Raises Refusal."""
    chosen: dict[str, str] = {}
    for place in PLACES:
        for name in root.names(place):
            if name.endswith(".network"):
                chosen.setdefault(name, "%s/%s" % (place, name))
    for name in sorted(chosen, key=os.fsencode):
        match = section(text_of(root.text(chosen[name])), "Match")
        if not match or root.real(chosen[name]) == "/dev/null":
            continue
        fits = [_fits(key, value, interface, link) for key, value in match.items()]
        if all(fits):
            return chosen[name]
        if None in fits and False not in fits:
            raise Refusal(
                "backend: whether %s is in force for %s cannot be told while networkd does not run (%s). "
                "Name the interface in it by Name, or say persist: false. Nothing was changed."
                % (chosen[name], interface, ", ".join(match))
            )
    return ""


def _fits(key: str, value: str, interface: str, link: dict[str, Any]) -> bool | None:
    """Tell whether one line of [Match] fits; None where it takes more than is known of an interface."""
    if key in ("MACAddress", "PermanentMACAddress"):
        return bool(link.get("mac")) and link["mac"].hex() in re.sub(r"[:.-]", "", value).lower().split()
    known = {"Name": interface, "Kind": link.get("type", ""), "Type": "loopback" if interface == "lo" else "ether"}
    if key in known:
        inverted = value.startswith("!")
        return any(fnmatch.fnmatchcase(known[key], one) for one in value.lstrip("!").split()) != inverted
    return False if key == "Path" and not link.get("mac") else None


def section(text: str, wanted: str) -> dict[str, str]:
    """Return {key: value} of a section of a file of systemd; of a key that stands twice, both values."""
    found: dict[str, str] = {}
    inside = False
    for line in (line.strip() for line in text.replace("\\\n", " ").splitlines()):
        if line.startswith("["):
            inside = line == "[%s]" % wanted
        elif inside and line and line[0] not in "#;" and "=" in line:
            key, _equals, value = line.partition("=")
            found[key.strip()] = (found.get(key.strip(), "") + " " + value.strip()).strip()
    return found


def files(root: Root, name: str, kept: list[Kept], links: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return {path: (text, mode)}: a drop-in for each interface that is there, and the files of interfaces of our own."""
    head = HEADER % name
    texts: dict[str, str] = {}
    below: dict[str, str] = {}  # {interface: what its drop-in gets}
    for one in kept:
        if one.kind in ("macvlan", "dummy"):
            stem = "%s/50-%s-%s" % (ETC, name, one.target)
            mode = "\n[MACVLAN]\nMode=bridge\n" if one.kind == "macvlan" else ""
            texts[stem + ".netdev"] = head + "[NetDev]\nName=%s\nKind=%s\n%s" % (one.target, one.kind, mode)
            texts[stem + ".network"] = head + "[Match]\nName=%s\n\n[Network]\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n%s" % (
                one.target,
                _sections(one),
            )
            if one.kind == "macvlan":
                below[one.interface] = "[Network]\nMACVLAN=%s\n" % one.target + below.get(one.interface, "")
        else:
            below[one.interface] = below.get(one.interface, "") + _sections(one)
    for interface, text in sorted(below.items()):
        path = active_file(root, interface, links.get(interface, {}))
        if path:
            texts["%s/%s.d/50-%s.conf" % (ETC, os.path.basename(path), name)] = head + text.lstrip("\n")
        elif interface == "lo":
            texts["%s/50-%s-lo.network" % (ETC, name)] = head + "[Match]\nName=lo\n" + text
        else:
            raise Refusal(
                "backend: systemd-networkd has no .network file in force for %s, so a drop-in would have no effect. "
                "Name the backend that manages it, or say persist: false. Nothing was changed." % interface
            )
    own = {one.target: {"type": one.kind} for one in kept if one.target != one.interface or one.kind == "dummy"}
    _check_first(root, {path: text for path, text in texts.items() if path.endswith(".network")}, own)
    return {path: (text, 0o644) for path, text in texts.items()}


def _check_first(root: Root, texts: dict[str, str], own: dict[str, dict[str, str]]) -> None:
    """Refuse where somebody else's file would take our interface before ours does."""
    planned = PlannedRoot(root, {**getattr(root, "files", {}), **texts})
    for path, text in texts.items():
        interface = section(text, "Match")["Name"]
        first = matching_file(planned, interface, own.get(interface, {}))
        if first != path:
            raise Refusal(
                "backend: %s matches %s before %s does. Exclude it there by its name. Nothing was changed." % (first, interface, path)
            )


def _sections(one: Kept) -> str:
    """Return the addresses or routes of an interface, in sections of their own, which add to what the file itself has."""
    if one.kind == "local_route":
        rows = ["\n[Route]\nDestination=%s\nType=local\nTable=local\n" % cidr for cidr, _unpreferred in one.addresses]
        return "".join(row if ":" in row.split("Type")[0] else row + "Scope=host\n" for row in rows)
    return "".join(
        "\n[Address]\nAddress=%s\n%s" % (cidr, "PreferredLifetime=0\n" if unpreferred else "") for cidr, unpreferred in one.addresses
    )
