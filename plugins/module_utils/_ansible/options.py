# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may ask of a change: the options that all have, and those of each section. Private to the collection."""

from __future__ import annotations

from typing import Any

COMMON: dict[str, Any] = {
    "name": {"type": "str", "default": "front-tier"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "persist": {"type": "bool", "default": True},
    "live": {"type": "bool", "default": True},
    "on_override": {"type": "str", "default": "fail", "choices": ["fail", "warn", "outrank"]},
    "skip_unavailable": {"type": "bool", "default": False},
    "lock_timeout": {"type": "float", "default": 30.0},
}
SECTIONS: dict[str, dict[str, Any]] = {
    "kernel_settings": {"settings": {"type": "dict", "default": {}}},
    "port_range": {"low": {"type": "int"}, "high": {"type": "int"}, "reserve": {"type": "raw", "default": "auto"}},
    "fd_limits": {
        "nofile": {"type": "raw"},
        "users": {"type": "list", "elements": "str", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
        "default": {"type": "bool", "default": False},
        "shared": {"type": "bool", "default": False},
    },
    "secondary_interfaces": {
        "interface": {"type": "str"},
        "addresses": {"type": "list", "elements": "str", "default": []},
        "kind": {"type": "str", "default": "address", "choices": ["address", "macvlan", "dummy", "local_route"]},
        "backend": {"type": "str", "default": "auto", "choices": ["auto", "networkd", "networkmanager", "ifupdown", "netplan"]},
        "duplicate_check": {"type": "bool", "default": True},
        "in_use": {"type": "str", "default": "refuse", "choices": ["refuse", "drain", "drop"]},
    },
    "transparent_routing": {
        "method": {"type": "str", "choices": ["return_path", "intercept", "backend_route"]},
        "interfaces": {"type": "list", "elements": "str", "default": []},
        "client_interfaces": {"type": "list", "elements": "str", "default": []},
        "addresses": {"type": "list", "elements": "str", "default": []},
        "ports": {"type": "list", "elements": "int", "default": []},
        "proxy_port": {"type": "int"},
        "gateway": {"type": "str"},
        "when_down": {"type": "str", "choices": ["open", "closed"]},
        "notrack": {"type": "list", "elements": "int", "default": []},
        "mark": {"type": "int", "default": 1},
        "table": {"type": "int", "default": 100},
    },
    "service_config": {"files": {"type": "dict", "default": {}}, "folder": {"type": "str"}, "validate": {"type": "str"}},
}
MANY = ("secondary_interfaces",)  # sections that are lists of options


def specification(section: str | None) -> dict[str, Any]:
    """Return the argument specification of the module for one section, or of `host_config` for None."""
    if section:
        return dict(COMMON, **SECTIONS[section])
    inner = {"live": {"type": "bool"}, "persist": {"type": "bool"}}
    found = dict(COMMON, undo={"type": "str", "choices": ["keep", "now"]}, confirm_timeout={"type": "int", "default": 0})
    found["confirmation"] = {"type": "str"}  # the action's
    for name, own in SECTIONS.items():
        options = dict(inner, **own)
        found[name] = {"type": "list", "elements": "dict", "options": options} if name in MANY else {"type": "dict", "options": options}
    return found
