# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the role `audit`: `audit` makes the fact that it leaves, `upstream_paths` the paths to its upstreams."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings import find
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS, Own, PathError, upstream
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import parse_address
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.places import beside, places_of
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.proxy import parse_sources
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.fact import kept
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import plain


def _wanted(value: Any) -> int | None:
    """Return front_tier_connections as a number; None where no number is wanted. Raises AnsibleFilterError."""
    if value is None or value == "":
        return None
    try:
        number = int(str(value).replace("_", "").strip())
    except ValueError:
        raise AnsibleFilterError('front_tier_connections "%s" is no whole number. Write it as 200000.' % (value,)) from None
    if number < 1:
        raise AnsibleFilterError("front_tier_connections %d is out of bounds: it must be 1 or more." % number)
    return number


def _spare(value: Any) -> float:
    """Return front_tier_headroom as a share. Raises AnsibleFilterError."""
    try:
        share = float(value)
    except (TypeError, ValueError):
        raise AnsibleFilterError('front_tier_headroom "%s" is no number. Write it as 0.2.' % (value,)) from None
    if not 0 <= share < 1:
        raise AnsibleFilterError("front_tier_headroom %s is out of bounds: it must be from 0 to less than 1, such as 0.2." % value)
    return share


def _dialled_from(snapshot: dict[str, Any], path: dict[str, Any], told: list[str], role: str | None) -> dict[str, Any]:
    """Return a path with the addresses of this host that a proxy dials it from, where it does not say so itself.

    That is those that are told, and that are there; without a word, where our role writes a line for each, those of the interface in the
    network of what is dialled, as the plan has it.
    """
    if {"sources", "bind"} & set(path):
        return path
    there, own = parse_address(path["destinations"][0]), Own(snapshot)
    sources = [one for one in told if one in own and parse_address(one).family == there.family]
    if not told and role == "reverse_proxy":
        places = places_of(snapshot)
        near = next((place for place in places if place.address.holds(there) and place.address.host != there.host), None)
        sources = beside(places, near) if near else []
    return dict(path, sources=sources) if sources else path


def audit(
    value: Any,
    connections: Any = None,
    headroom: Any = verdict.HEADROOM,
    relays: bool = False,
    paths: Any = None,
    service: str | None = None,
    sources: Any = None,
    role: str | None = None,
) -> dict[str, Any]:
    """Return the fact `front_tier_audit`: bounded in size, with the verdict on the connections that are wanted."""
    wanted, spare, asked = _wanted(connections), _spare(headroom), plain(paths) or []
    try:
        told = parse_sources(plain(sources) or [])
    except Refusal as error:
        raise AnsibleFilterError(str(error).replace(" Nothing was changed.", "")) from None
    try:
        result = plain(value)
        if asked and isinstance(result, dict) and "limits" in result:
            dialled = [_dialled_from(result, path, told, role) for path in asked]
            if dialled != asked:
                asked, result = dialled, complete(result, dialled, service)
        if isinstance(result, dict) and spare != verdict.HEADROOM and "findings" in result:
            result["findings"] = find(result, result.get("paths"), result.get("capacity"), spare)
        fact = kept(result if isinstance(result, dict) else {}, wanted, spare, relays)
    except ValueError as error:
        raise AnsibleFilterError("audit needs the result of c10m.front_tier.connection_limits_info: %s." % error) from None
    fact["asked"] = {"paths": asked, "service": service or None}
    return fact


def upstream_paths(value: Any, service: str | None = None) -> list[dict[str, Any]]:
    """Return one path for each upstream that is written as "10.0.9.10:8080" or "[2001:db8::1]:8080"."""
    if not isinstance(value, (list, tuple)):
        raise AnsibleFilterError('front_tier_upstreams "%s" is no list. Write ["10.0.9.10:8080"].' % (value,))
    more: dict[str, Any] = {"service": service} if service else {}
    program = (service or "").partition(".")[0].partition("@")[0]
    if program in DIALERS:
        more["dialer"] = program
    try:
        return [dict(upstream("front_tier_upstreams[%d]" % index, str(item)), **more) for index, item in enumerate(value)]
    except PathError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"audit": audit, "upstream_paths": upstream_paths}
