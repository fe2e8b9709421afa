# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `capacity`: what the model computes of a snapshot, also with other values than the host has."""

from __future__ import annotations

import ipaddress
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model import facts
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import PathError
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.fact import EXACT
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, mapping, plain

OVERRIDES = ("limits", "nofile", "addresses")
OTHERS = ("paths", "service", "connections", "headroom")
MOST_FILES = 1 << 31
MOST_ADDRESSES = 65536
MOST_VALUE = (1 << 63) - 1
RANGE = "net.ipv4.ip_local_port_range"
RESERVED = "net.ipv4.ip_local_reserved_ports"
SIZES = {RANGE: 2, "net.ipv4.tcp_mem": 3, "net.ipv4.tcp_rmem": 3, "net.ipv4.tcp_wmem": 3}  # how many values, where not one


def _whole(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number within its bounds, also where it is written as a text. Raises AnsibleFilterError."""
    try:
        number = value if isinstance(value, int) and not isinstance(value, bool) else int(str(value).replace("_", "").strip())
    except ValueError:
        raise AnsibleFilterError('capacity: %s "%s" is no whole number: it must be %d to %d.' % (name, value, low, high)) from None
    if not low <= number <= high:
        raise AnsibleFilterError("capacity: %s %d is out of bounds: it must be %d to %d." % (name, number, low, high))
    return number


def _texts(name: str, value: Any) -> list[str]:
    """Return the words of a sysctl's value, however it is written: 5, "5", [1024, 65535], "1024 65535"."""
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value).split()
    raise AnsibleFilterError(
        'capacity: limits["%s"] "%s" is no value of a sysctl. Write it as sysctl prints it, such as 65535 or "1024 65535".' % (name, value)
    )


def _sysctl(name: str, value: Any) -> int | list[int] | list[str]:
    """Return the value of a sysctl in the form of a snapshot. Raises AnsibleFilterError where the kernel would refuse it."""
    place = 'limits["%s"]' % name
    words = _texts(name, value)
    if name == RESERVED:
        items = [item for word in words for item in word.split(",") if item]
        for item in items:
            low, dash, high = item.partition("-")
            _whole(place, high if dash else low, _whole(place, low, 0, 65535), 65535)
        return items
    numbers = [_whole(place, word, 0, MOST_VALUE) for word in words]
    size = SIZES.get(name, 1)
    if len(numbers) != size:
        raise AnsibleFilterError(
            "capacity: %s has %d values, and needs %d: write them all, as sysctl prints them." % (place, len(numbers), size)
        )
    if name == RANGE and not 1 <= numbers[0] <= numbers[1] <= 65535:
        raise AnsibleFilterError("capacity: %s %d-%d is no range of ports: write [1024, 65535]." % (place, numbers[0], numbers[1]))
    return numbers if size > 1 else numbers[0]


def _address(index: int, value: Any) -> str:
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError:
        raise AnsibleFilterError(
            'capacity: addresses[%d] "%s" is no IPv4 or IPv6 address. Write one in each item, or how many there are.' % (index, value)
        ) from None


def overrides(given: dict[str, Any]) -> dict[str, Any]:
    """Return the overrides as the model takes them. Raises AnsibleFilterError for a name or a value that cannot be meant."""
    unknown = sorted(set(given) - set(OVERRIDES))
    if unknown:
        raise AnsibleFilterError(
            "capacity has no %s. Override one of %s; beside them there are %s."
            % (", ".join(unknown), ", ".join(OVERRIDES), ", ".join(OTHERS))
        )
    found: dict[str, Any] = {}
    if given.get("limits") is not None:
        if not isinstance(given["limits"], dict):
            raise AnsibleFilterError(
                'capacity: limits "%s" is no dictionary. Write limits={"net.core.somaxconn": 65535}.' % given["limits"]
            )
        found["limits"] = {str(name): _sysctl(str(name), value) for name, value in given["limits"].items()}
    if given.get("nofile") is not None:
        found["nofile"] = _whole("nofile", given["nofile"], 1, MOST_FILES)
    addresses = given.get("addresses")
    if isinstance(addresses, list):
        found["sources"] = [_address(index, item) for index, item in enumerate(addresses)]
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
            "Give it one of these: what it got has no host and no limits."
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
    except UNFIT as error:
        raise AnsibleFilterError(
            "capacity: this is no whole snapshot (%s: %s). Record it with "
            "c10m.front_tier.connection_limits_info." % (type(error).__name__, error)
        ) from None
    if wanted is not None:
        found["wanted"] = verdict.verdict(found, _whole("connections", wanted, 1, 1 << 40), spare, judged.get("relays", bool(chosen)))
        found["findings"] = [*verdict.finding(found["wanted"]), *found["findings"]]
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"capacity": capacity}
