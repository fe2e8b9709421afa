# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network managers that bring addresses back after a restart: which of them manages an interface. Private to the collection.

Each has a file of its own: manages(root, interface, link) says, in words, by what it has an interface; runs(root) whether it is the
host's manager at all; files(root, name, kept, links) -> {path: (text, mode)} what it reads. None of them is ever told to reload.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import ifupdown, netplan, networkd, networkmanager
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Item, Kept
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

BACKENDS: dict[str, Any] = {"networkd": networkd, "networkmanager": networkmanager, "ifupdown": ifupdown, "netplan": netplan}


def choose(root: Root, backend: str, item: Item, links: dict[str, Any]) -> str:
    """Return the backend that keeps an item; `auto` is the one that manages its interface. Raises Refusal for none and for several."""
    if backend != "auto":
        return backend
    if item.kind == "dummy" or item.interface == "lo":
        found = {name: "it runs here" for name, one in BACKENDS.items() if one.runs(root)}
    else:
        reasons = {name: one.manages(root, item.interface, links.get(item.interface, {})) for name, one in BACKENDS.items()}
        found = {name: why for name, why in reasons.items() if why}
    if len(found) == 1:
        return next(iter(found))
    where = "%sbackend: %s" % (item.label, item.interface)
    remedy = "Name the backend (%s), or say persist: false. Nothing was changed." % ", ".join(BACKENDS)
    if not found:
        raise Refusal("%s is managed by none of %s that can be seen. %s" % (where, ", ".join(BACKENDS), remedy))
    several = " and by ".join("%s (%s)" % one for one in found.items())
    raise Refusal("%s seems to be managed by %s, and this is no time to guess. %s" % (where, several, remedy))


def files(root: Root, backend: str, name: str, kept: list[Kept], links: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return {path: (text, mode)} of what a backend reads at the next start. Raises Refusal for what it cannot do."""
    return dict(BACKENDS[backend].files(root, name, kept, links))
