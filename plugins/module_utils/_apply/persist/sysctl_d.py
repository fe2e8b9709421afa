# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a sysctl is kept over a restart: files of our own in sysctl.d and modules-load.d. Private to the collection."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sysctls import SPREADING
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import conf_files, folders
from ansible_collections.c10m.front_tier.plugins.module_utils._read.planned import PlannedRoot
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import (
    boot_sysctls,
    key_path,
    module_behind,
    read_sysctl_files,
)

SYSCTL_D, MODULES_D = "/etc/sysctl.d", "/etc/modules-load.d"
HEADER = "# Managed by the Ansible collection c10m.front_tier, set %s: changes here are overwritten.\n"
MOST_Z = 60


def file_of(name: str) -> str:
    """Return the file in which a set keeps its sysctls."""
    return "%s/90-%s.conf" % (SYSCTL_D, name)


def outranking_file(root: Root, name: str) -> str:
    """Return a name for the set's file that sorts after every other one, with just enough z."""
    others = [os.path.basename(path) for path in conf_files(root, folders("sysctl.d"))]
    return "%s/%s" % (SYSCTL_D, last_name(others, name))


def last_name(others: list[str], name: str) -> str:
    """Return a file name of a set that sorts after all others, with just enough z. Raises Refusal."""
    for count in range(2, MOST_Z):
        candidate = "%s-%s.conf" % ("z" * count, name)
        if all(os.fsencode(other) < os.fsencode(candidate) or other == candidate for other in others):
            return candidate
    raise Refusal("on_override: no file name sorts after %s. Remove that file. Nothing was changed." % max(others))


def files_for(name: str, path: str, settings: dict[str, Any]) -> dict[str, str]:
    """Return {path: text} of the files that keep `settings` ({dotted name: text}); none for no settings."""
    found = {}
    if settings:
        body = "".join("%s = %s\n" % (key, settings[key]) for key in sorted(settings, key=lambda key: (key not in SPREADING, key)))
        found[path] = HEADER % name + body
    if any(".nf_conntrack" in key for key in settings):
        found["%s/90-%s.conf" % (MODULES_D, name)] = HEADER % name + "nf_conntrack\n"
    return found


def boot_values(
    root: Root, files: dict[str, str | None], names: list[str], container: bool
) -> tuple[dict[str, dict[str, Any]], str | None]:
    """Return what the next boot gives each name once `files` are in place ({} where nothing decides), and why nothing is applied at all."""
    planned = PlannedRoot(root, files)
    read = read_sysctl_files(planned, container)
    modules: dict[str, Any] = {}
    if any(module_behind(key_path(name)) for name in names):
        from ansible_collections.c10m.front_tier.plugins.module_utils._read.modules import read_modules

        modules = read_modules(planned)
    return boot_sysctls(read, names, modules), None if read["applied_by"] else str(read["detail"])
