# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts: what the model computes of a snapshot: paths, capacity, findings. Private to the collection."""

from __future__ import annotations

import copy
import ipaddress
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model import capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings import find
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS, values
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Path, PathError, parse_paths
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import is_valid, ports_section

# Kernels that the truth tests ran on and proved every prediction (docs/testbed-vms.md).
PROVEN = ("5.10", "6.1", "6.12", "6.18")
BUSIEST = 5
OVERRIDES = ("limits", "nofile", "addresses", "sources")


def kernel_proven(release: Any) -> bool:
    """Tell whether the truth tests ran on this kernel series."""
    return ".".join(str(release).split("-", maxsplit=1)[0].split(".")[:2]) in PROVEN


def busiest(snapshot: dict[str, Any], most: int = BUSIEST) -> list[Path]:
    """Return the paths that hold the most connections, as the sockets show them: one for each destination and port."""
    groups: dict[tuple[str, int, bool], list[dict[str, Any]]] = {}
    for flow in (snapshot.get("sockets") or {}).get("flows") or []:
        if flow["connections"] + flow["time_wait"] > 0 and not flow.get("accepted"):
            no_port = flow["no_port"] * 2 > flow["connections"]
            groups.setdefault((flow["destination"], flow["port"], no_port), []).append(flow)
    ranked = sorted(groups.items(), key=lambda item: -sum(flow["connections"] + flow["time_wait"] for flow in item[1]))
    return [
        Path(tuple(sorted({flow["source"] for flow in flows})), (destination,), (port,), "no_port")
        for (destination, port, _no_port), flows in ranked[:most]
    ]


def override(snapshot: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the snapshot as it would be with other values: {limits: {name: value}, nofile: N}.

    Raises PathError for what it does not know.
    """
    unknown = sorted(set(overrides) - set(OVERRIDES))
    if unknown:
        raise PathError("%s cannot be overridden. Override one of %s." % (", ".join(unknown), ", ".join(OVERRIDES)))
    changed: dict[str, Any] = copy.deepcopy(snapshot)
    rows = {row["name"]: row for row in changed.get("limits") or []}
    for name, value in (overrides.get("limits") or {}).items():
        if name not in SYSCTLS:
            raise PathError('limits: "%s" is no sysctl that bounds connections. Name one of docs/limits.md.' % name)
        row = rows.setdefault(
            name,
            {
                "name": name,
                "scope": SYSCTLS[name].scope,
                "unit": SYSCTLS[name].unit,
                "used": None,
                "source": "override",
                "boot": {"value": None, "source": None, "applies": "boot"},
            },
        )
        row["value"] = values(name, str(value)) if not isinstance(value, (int, list)) else value
        if not is_valid(name, row["value"]):
            raise PathError('limits: "%s" is no value of %s. Write it as sysctl prints it.' % (value, name))
        if row not in changed.setdefault("limits", []):
            changed["limits"].append(row)
    if overrides.get("nofile") is not None:
        nofile = {"soft": int(overrides["nofile"]), "hard": int(overrides["nofile"])}
        for service in changed.get("services") or []:
            for process in service.get("processes") or []:
                process["nofile"] = dict(nofile)
        for row in changed.get("limits") or []:
            if row["name"] == "DefaultLimitNOFILE":
                row["value"] = dict(nofile)
        changed["files"] = dict(changed.get("files") or {}, nofile_self=nofile)
    changed["ports"] = ports_section(changed)
    return changed


def _overridden(path: Path, overrides: dict[str, Any]) -> Path:
    """Return the path with the descriptors and the source addresses of the override: a list, or a number counted on from the first."""
    if path.nofile is not None and overrides.get("nofile") is not None:
        path = path._replace(nofile=int(overrides["nofile"]))
    wanted = [source for source in overrides.get("sources") or () if (":" in source) == (path.family == "inet6")]
    if not wanted and overrides.get("sources"):
        raise PathError(
            "sources: none of %s is of the family of %s. Name some that are." % (", ".join(overrides["sources"]), path.destinations[0])
        )
    if not wanted and overrides.get("addresses"):
        first = ipaddress.ip_address(path.sources[0]) if path.sources else ipaddress.ip_address(path.destinations[0])
        most = (1 << first.max_prefixlen) - int(first)
        if int(overrides["addresses"]) > most:
            raise PathError("addresses %s: only %d lie from %s on. Ask for no more." % (overrides["addresses"], most, first))
        wanted = [str(first + index) for index in range(int(overrides["addresses"]))]
    if not wanted:
        return path
    return path._replace(sources=tuple(wanted), bind="no_port" if path.bind == "none" else path.bind)


def compute(
    snapshot: dict[str, Any], paths: Any = None, overrides: dict[str, Any] | None = None, headroom: float = 0.2, service: str | None = None
) -> dict[str, Any]:
    """Return {paths, capacity, findings} of a snapshot; pure, so a recorded snapshot gives the same.

    paths: as a user writes them, checked Paths, or None for the busiest ones seen. overrides: "what if", see override().
    Raises PathError for what a user wrote wrongly.
    """
    if overrides:
        snapshot = override(snapshot, overrides)
    given: Iterable[Path] = paths if paths and all(isinstance(path, Path) for path in paths) else parse_paths(paths)
    asked = [_overridden(path, overrides or {}) for path in (list(given) or busiest(snapshot))]
    computed = [capacity.path_capacity(snapshot, path) for path in asked]
    whole = {"inbound": capacity.inbound(snapshot, service), "outbound": capacity.outbound(snapshot, computed)}
    return {"paths": computed, "capacity": whole, "findings": find(snapshot, computed, whole, headroom=headroom)}


def complete(snapshot: dict[str, Any], paths: Any = None, service: str | None = None) -> dict[str, Any]:
    """Return the snapshot with all that the model says of it: what `connection_limits_info` returns."""
    host = dict(snapshot["host"], kernel_proven=kernel_proven(snapshot["host"].get("kernel")))
    snapshot = dict(snapshot, host=host)
    return dict(snapshot, **compute(snapshot, paths, service=service))
