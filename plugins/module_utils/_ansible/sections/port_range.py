# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section port_range of a change: the local port range and the reserved ports, checked together. Private to the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sets, sysctls
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.port_range import check_range
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import key_name, key_path

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change

NAMES = (sysctls.RANGE, sysctls.RESERVED)


def wanted(change: Change, options: dict[str, Any]) -> list[Wanted]:
    """Return the two sysctls that the options want. Raises Refusal."""
    return change.sysctls(_texts(change, options), options)


def check(change: Change) -> None:
    """Check range and reserved ports together as they will be, now and after the next boot, whichever section sets them. Raises Refusal."""
    if not any(change.asked.values()):
        return
    kept = sets.kept(change.record, change.params["name"], "sysctl")
    now, boot = [], []
    for name in (*NAMES, sysctls.START):
        now.append(change.settled(name))
        boot.append(kept.get(name, now[-1]))
    settled = [now] if any(("sysctl", name) in change.targets for name in NAMES) else []
    settled += [boot] if any(name in kept for name in NAMES) and boot not in settled else []
    in_use = _in_use(change) if settled else 0
    warnings = [check_range(dict(zip((*NAMES, sysctls.START), texts)), in_use) for texts in settled]
    change.warnings += sorted({one for several in warnings for one in several})


def _texts(change: Change, options: dict[str, Any]) -> dict[str, str]:
    """Return the texts of range and reserved list. `auto`: what is reserved, what we once reserved, and what is in use inside."""
    now = (change.value("sysctl", sysctls.RANGE) or "32768 60999").split()
    low, high = (now[index] if options[side] is None else options[side] for index, side in enumerate(("low", "high")))
    text = sysctls.parse_settings({sysctls.RANGE: [low, high]}, key_path, key_name)[sysctls.RANGE]
    reserve = options["reserve"]
    if reserve == "auto":
        ours = change.managed("port_range").get("sysctl " + sysctls.RESERVED, {})
        kept = ",".join(filter(None, [change.value("sysctl", sysctls.RESERVED), ours.get("value")]))
        reserved = portsets.port_set(item for item in kept.split(",") if item)
        if int(low) <= int(high):
            reserved |= _in_use(change) & portsets.span(int(low), int(high))
    else:
        items = reserve if isinstance(reserve, list) else [reserve]
        try:
            reserved = portsets.port_set(item for item in items if str(item).strip())
        except ValueError as error:
            raise Refusal('reserve: %s, or "auto".%s' % (error, sysctls.NOTHING)) from None
    return {sysctls.RANGE: text, sysctls.RESERVED: ",".join(portsets.texts(reserved))}


def _in_use(change: Change) -> int:
    """Return the ports that something listens on, and those that rules hand on without a socket here."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.nat import read_ports_without_socket
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.sock_diag import read_listening

    without = known(change.once(read_ports_without_socket, change.root), []) or []
    return int(change.once(read_listening, change.root)) | portsets.port_set(row["port"] for row in without)
