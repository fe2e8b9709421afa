# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a descriptor limit is kept: files of our own for PAM, for units, and for systemd's default. Private to the collection."""

from __future__ import annotations

import os

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.sysctl_d import HEADER, last_name
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import pair
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import conf_files, folders
from ansible_collections.c10m.front_tier.plugins.module_utils._read.pam_limits import read_pam_limits
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.units import drop_in_folders, read_manager, read_units

LIMITS_D, SYSTEM_D, MANAGER_D = "/etc/security/limits.d", "/etc/systemd/system", "/etc/systemd/system.conf.d"
MANAGER = "DefaultLimitNOFILE"


def folder_of(whom: str) -> str:
    """Return the folder in which a limit is kept: of a unit, of the manager's default (MANAGER), or of all users (`users`)."""
    return {"users": LIMITS_D, MANAGER: MANAGER_D}.get(whom, "%s/%s.d" % (SYSTEM_D, whom))


def text_for(name: str, whom: str, users: list[str], nofile: dict[str, int]) -> str:
    """Return the text of the file that keeps a limit."""
    head = HEADER % name
    if whom == "users":
        lines = ["%s %s nofile %d\n" % (user, side, nofile[side]) for user in users for side in ("soft", "hard")]
        return head + "".join(lines)
    section, key = ("Manager", "DefaultLimitNOFILE") if whom == MANAGER else ("Service", "LimitNOFILE")
    return "%s[%s]\n%s=%s\n" % (head, section, key, pair(nofile))


def last_in(root: Root, whom: str, name: str) -> str:
    """Return a path for the set's file that sorts after every other one that decides the same limit."""
    searched = {"users": ["/etc/security/limits.d", "/usr/lib/security/limits.d"], MANAGER: folders("systemd/system.conf.d")}
    places = searched[whom] if whom in searched else drop_in_folders([whom])
    others = [os.path.basename(path) for path in conf_files(root, places)]
    return "%s/%s" % (folder_of(whom), last_name(others, name))


def losing(
    root: Root, whom: list[str], users: list[str], nofile: dict[str, int], each: dict[str, dict[str, int]] | None = None
) -> dict[str, list[str]]:
    """Return {whom: in words, which files of a root as it will be decide otherwise than asked}; those whom none does are missing.

    each: what units get, where that is not nofile.
    """
    found = {"users": _losing_users(root, users, nofile)} if "users" in whom else {}
    units = read_units(root, [one for one in whom if one not in ("users", MANAGER)])
    decided = {name: (unit["nofile"], unit["source"]) for name, unit in units.items()}
    if MANAGER in whom:
        manager = read_manager(root)["nofile"]
        decided[MANAGER] = (manager, manager and manager["source"])
    for one, (value, source) in decided.items():
        if not value or {side: value[side] for side in ("soft", "hard")} != (each or {}).get(one, nofile):
            found[one] = ["%s gives %s %s" % (source or "no file", one, pair(value) if value else "nothing")]
    return {one: found[one] for one in whom if found.get(one)}


def _losing_users(root: Root, users: list[str], nofile: dict[str, int]) -> list[str]:
    rules = [rule for rule in read_pam_limits(root)["rules"] if rule["item"] in ("nofile", "-")]
    found = []
    for user in users:
        mine = [rule for rule in rules if rule["domain"] == user]
        for rule in mine:
            if rule["type"] == "none":
                found.append('%s takes all limits off %s ("%s -")' % (rule["source"], user, user))
        for side in ("soft", "hard"):
            last = [rule for rule in mine if rule["type"] in (side, "both")][-1:]
            found += ["%s gives %s %s %s" % (rule["source"], user, side, rule["value"]) for rule in last if rule["value"] != nofile[side]]
    return found


def highest_rule(root: Root) -> tuple[int, str]:
    """Return the highest number of files that a rule of PAM asks for, and where it stands; (0, "") without any."""
    rules = [rule for rule in read_pam_limits(root)["rules"] if rule["item"] == "nofile" and isinstance(rule["value"], int)]
    return max(((rule["value"], rule["source"]) for rule in rules), default=(0, ""))


def loaded_next(root: Root, names: list[str]) -> dict[str, str]:
    """Return {unit or MANAGER: soft:hard} as systemd has it once it loads the files of a root as it will be.

    Those that no file decides in numbers are missing.
    """
    units = read_units(root, [name for name in names if name != MANAGER], at_boot=False)
    found = {name: unit["nofile"] for name, unit in units.items()}
    if MANAGER in names:
        found[MANAGER] = read_manager(root)["nofile"]
    return {name: pair(nofile) for name, nofile in found.items() if nofile and UNLIMITED not in nofile.values()}


def unread(root: Root) -> list[str]:
    """Return, in words, why sessions would not be given what a file of limits.d says."""
    services = read_pam_limits(root)["services"]
    other = sorted({one["conf"] for one in services.values() if one["conf"]})
    if services and not any(one["enabled"] for one in services.values()):
        return ["users: no service of /etc/pam.d has pam_limits in its session part: sessions get their limits from elsewhere."]
    return ["users: pam_limits reads %s in place of limits.d for some services." % path for path in other]
