# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls as they are in force: the files below /proc/sys. Private to the collection."""

from __future__ import annotations

from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import INTERFACE_SYSCTLS, SYSCTLS, Sysctl, values
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import is_valid
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, sysctl_path


def why_absent(name: str, scope: str) -> dict[str, str]:
    """Return the absence of a sysctl that this namespace does not show. Source: kernel-truths, 8. Which sysctl lives where."""
    if ".nf_conntrack" in name:
        return absent("not_loaded", "nf_conntrack is not loaded, so it does not bind; loading it later will")
    if scope == "kernel":
        return absent("unknown", "%s is not shown here: it belongs to the first network namespace" % name)
    return absent("too_old", "%s: this kernel does not have it" % name)


def read_sysctls(root: Root, subsets: Iterable[str], interfaces: Iterable[str], container: str | None) -> list[dict[str, Any]]:
    """Return a limit (docs/snapshot.md) for each known sysctl of the subsets, without `used` and `boot`.

    In a container what the whole machine shares has the scope `outside`.
    """
    wanted = [(name, known) for name, known in SYSCTLS.items() if known.subset in subsets]
    if "sockets" in subsets:
        of_interface = Sysctl("sockets", "netns", None, None)
        wanted += [(key % name.replace(".", "/"), of_interface) for name in interfaces for key in INTERFACE_SYSCTLS]
    return [read_sysctl(root, name, known, container) for name, known in wanted]


def read_sysctl(root: Root, name: str, known: Sysctl, container: str | None) -> dict[str, Any]:
    """Return the limit of one sysctl."""
    path = sysctl_path(name)
    text = root.text(path)
    if isinstance(text, dict) and text["absent"] == "unknown":  # no such file
        text = why_absent(name, known.scope)
    value = values(name, text) if isinstance(text, str) else text
    if not is_valid(name, value) and isinstance(text, str):
        value = absent("unreadable", '%s: "%.60s" is no value of it' % (path, text.strip()))
    return {
        "name": name,
        "scope": "outside" if container and known.scope == "kernel" else known.scope,
        "unit": known.unit,
        "value": value,
        "used": None,
        "source": path,
        "boot": {"value": absent("unknown", "not gathered"), "source": None, "applies": "boot"},
    }
