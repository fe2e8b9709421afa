# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `capacity`: what the model computes of a snapshot, also with other values than the host has."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model import facts
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import PathError
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.fact import EXACT
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import mapping, plain

OVERRIDES = ("limits", "nofile", "addresses")
OTHERS = ("paths", "service", "connections", "headroom")
MOST_FILES = 1 << 31
MOST_ADDRESSES = 65536


def _whole(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number within its bounds, also where it is written as a text. Raises AnsibleFilterError."""
    try:
        number = value if isinstance(value, int) and not isinstance(value, bool) else int(str(value).replace("_", "").strip())
    except ValueError:
        raise AnsibleFilterError('capacity: %s "%s" is no whole number: it must be %d to %d.' % (name, value, low, high)) from None
    if not low <= number <= high:
        raise AnsibleFilterError("capacity: %s %d is out of bounds: it must be %d to %d." % (name, number, low, high))
    return number


def overrides(given: dict[str, Any]) -> dict[str, Any]:
    """Return the overrides as the model takes them. Raises AnsibleFilterError for a name or a value that cannot be meant."""
    unknown = sorted(set(given) - set(OVERRIDES))
    if unknown:
        raise AnsibleFilterError(
            "capacity has no %s. What can be overridden: %s; beside them there are %s."
            % (", ".join(unknown), ", ".join(OVERRIDES), ", ".join(OTHERS))
        )
    found: dict[str, Any] = {}
    if given.get("limits") is not None:
        if not isinstance(given["limits"], dict):
            raise AnsibleFilterError(
                'capacity: limits "%s" is no dictionary. Write limits={"net.core.somaxconn": 65535}.' % given["limits"]
            )
        found["limits"] = given["limits"]
    if given.get("nofile") is not None:
        found["nofile"] = _whole("nofile", given["nofile"], 1, MOST_FILES)
    addresses = given.get("addresses")
    if isinstance(addresses, list):
        found["sources"] = addresses
    elif addresses is not None:
        found["addresses"] = _whole("addresses", addresses, 1, MOST_ADDRESSES)
    return found


def _snapshot(value: Any) -> dict[str, Any]:
    """Return the snapshot in a fact, a result or a recorded file, as plain data. Raises AnsibleFilterError."""
    try:
        snapshot = plain(value)
    except ValueError as error:
        raise AnsibleFilterError("capacity: %s." % error) from None
    if not isinstance(snapshot, dict) or not mapping(snapshot.get("host")) or "limits" not in snapshot:
        raise AnsibleFilterError(
            "capacity needs a snapshot: the fact front_tier_audit, or the result of c10m.front_tier.connection_limits_info. "
            "What it got has no host and no limits."
        )
    cut = [name for name in mapping(snapshot.get("cut")) if name in EXACT]
    if cut:
        raise AnsibleFilterError(
            "capacity: the fact of this host was bounded in size (%s), so a number computed from it would not be exact. Register "
            "c10m.front_tier.connection_limits_info and give its result to the filter."
            % ", ".join("%s: %s of %s kept" % (name, *snapshot["cut"][name]) for name in cut)
        )
    return snapshot


def capacity(
    value: Any, paths: Any = None, service: str | None = None, connections: Any = None, headroom: float | None = None, **given: Any
) -> dict[str, Any]:
    """Return {paths, capacity, findings} of a snapshot, and {wanted} where a number of connections is wanted."""
    snapshot = _snapshot(value)
    changes = overrides(plain(given))
    asked, judged = mapping(snapshot.get("asked")), mapping(snapshot.get("wanted"))
    spare = float(headroom if headroom is not None else judged.get("headroom", verdict.HEADROOM))
    wanted = connections if connections is not None else judged.get("connections")
    chosen = plain(paths) if paths is not None else asked.get("paths")
    try:
        found = facts.compute(snapshot, chosen or None, changes, spare, service or asked.get("service"))
    except PathError as error:
        raise AnsibleFilterError("capacity: %s" % error) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise AnsibleFilterError(
            "capacity: this is no whole snapshot (%s: %s). Record it with "
            "c10m.front_tier.connection_limits_info." % (type(error).__name__, error)
        ) from error
    if wanted is not None:
        found["wanted"] = verdict.verdict(found, _whole("connections", wanted, 1, 1 << 40), spare, judged.get("relays", bool(chosen)))
        found["findings"] = [*verdict.finding(found["wanted"]), *found["findings"]]
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"capacity": capacity}
