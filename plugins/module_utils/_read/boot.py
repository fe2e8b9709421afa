# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot values: what the files on disk are expected to give after a restart, beside each limit. Private to the collection."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS, values
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import is_valid
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.modules import read_modules
from ansible_collections.c10m.front_tier.plugins.module_utils._read.pam_limits import limits_for, read_pam_limits
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import boot_sysctls, read_sysctl_files
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_problems import sysctl_problems
from ansible_collections.c10m.front_tier.plugins.module_utils._read.tuned import read_tuned
from ansible_collections.c10m.front_tier.plugins.module_utils._read.unfinished import read_unfinished
from ansible_collections.c10m.front_tier.plugins.module_utils._read.units import read_manager, read_units

# What systemd gives a service where no file says anything: systemd-system.conf(5).
BUILT_IN_NOFILE = {"soft": 1024, "hard": 524288}
MOST_PROBLEMS = 100
C_NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F]{1,16}|0[0-7]{0,22}|[1-9][0-9]{0,19})\Z")


def read_boot(root: Root, snapshot: dict[str, Any]) -> None:
    """Write the boot value into every limit and service of the snapshot, and add the sections `boot` and `unfinished`."""
    container = bool(snapshot["host"]["container"])
    files, modules = read_sysctl_files(root, container), read_modules(root)
    _sysctls(snapshot, files, modules)
    manager = read_manager(root)
    names = [service["name"] for service in snapshot.get("services") or [] if service["name"].endswith(".service")]
    units = read_units(root, names)
    for service in snapshot.get("services") or []:
        service["boot"] = _service(units.get(service["name"]), manager)
    pam = read_pam_limits(root)
    snapshot["limits"] += _manager(root, snapshot, manager) + _users(pam)
    problems = sysctl_problems(files, modules) + pam["problems"] + [one for unit in units.values() for one in unit["problems"]]
    snapshot["boot"] = {
        "applied_by": files["applied_by"],
        "problems": problems[:MOST_PROBLEMS],
        "tuned": read_tuned(root),
        "modules_load": sorted(modules["at_boot"]),
    }
    snapshot["unfinished"] = read_unfinished(root)


def _sysctls(snapshot: dict[str, Any], files: dict[str, Any], modules: dict[str, Any]) -> None:
    decided = boot_sysctls(files, [row["name"] for row in snapshot["limits"]], modules)
    for row in snapshot["limits"]:
        row["boot"] = _sysctl(row, decided.get(row["name"]), files, snapshot["host"])


def _sysctl(row: dict[str, Any], decision: dict[str, Any] | None, files: dict[str, Any], host: dict[str, Any]) -> dict[str, Any]:
    """Return the boot value of one sysctl."""
    name, systemd = row["name"], host.get("init") == "systemd"
    if row["scope"] == "outside":
        return {"value": absent("unknown", "it belongs to the machine around this container"), "source": None, "applies": "boot"}
    if not decision and not files["applied_by"]:
        return {"value": absent("unknown", files["detail"]), "source": None, "applies": "boot"}
    if not decision:
        return {"value": default_at_boot(name, systemd), "source": None, "applies": "boot"}
    if host["container"] and str(decision.get("via")).startswith("net.ipv4.conf.default."):
        # The kernel hands a new default only to interfaces without an address, and the engine has given them theirs by then.
        return {
            "value": absent("unknown", "whether the default reaches an interface depends on the engine"),
            "source": None,
            "applies": "boot",
        }
    value = written(name, decision["value"], row["value"])
    if is_absent(value):
        return dict(decision, value=value)
    refused = None if is_valid(name, value) else 'The kernel takes no "%.60s": the line does nothing.' % decision["value"]
    lost = decision["lost"] or refused
    return dict(decision, value=default_at_boot(name, systemd) if lost else value, lost=lost)


def written(name: str, text: str, live: Any) -> Any:
    """Return what the kernel makes of a written text, given the form of the value in force.

    Numbers are in C's notation; what follows a single number is ignored, and a list that is too short keeps the rest of what
    the machine has. Source: proc_get_long() in kernel/sysctl.c; seen on 5.10, 6.1 and 6.12.
    """
    words = text.split()
    if isinstance(live, int) and words and C_NUMBER.match(words[0]):
        return c_number(words[0])
    if isinstance(live, list) and live and all(isinstance(one, int) for one in live) and all(map(C_NUMBER.match, words)):
        if len(words) < len(live):
            return absent("unknown", "the line sets %d of %d values, and the others stay as the machine has them" % (len(words), len(live)))
        return [c_number(word) for word in words[: len(live)]]
    return values(name, text)


def c_number(word: str) -> int:
    """Return a number in C's notation: 0x hexadecimal, 0 octal, else decimal."""
    sign, digits = (-1, word[1:]) if word.startswith("-") else (1, word)
    return sign * int(digits, 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10)


def default_at_boot(name: str, systemd: bool) -> Any:
    """Return what a sysctl has after a boot where no file decides it, or the absence where that depends on the machine."""
    if name == "fs.file-max" and systemd:
        return (1 << 63) - 1  # bump_file_max_and_nr_open() in systemd's main.c
    default = SYSCTLS[name].default if name in SYSCTLS else None
    if default is None:
        return absent("unknown", "no file decides, and the default depends on the machine")
    return values(name, str(default))


def _service(unit: dict[str, Any] | None, manager: dict[str, Any]) -> dict[str, Any]:
    """Return the `boot` part of a service: the descriptors that its next start gets."""
    if unit is None or not unit["exists"]:
        return {"nofile": absent("unknown", "no unit file"), "source": None, "overrides": []}
    if unit["nofile"]:
        return {"nofile": unit["nofile"], "source": unit["source"], "overrides": unit["overrides"]}
    default = manager["nofile"]
    if default:
        return {"nofile": {"soft": default["soft"], "hard": default["hard"]}, "source": default["source"], "overrides": []}
    return {"nofile": dict(BUILT_IN_NOFILE), "source": None, "overrides": []}


def _manager(root: Root, snapshot: dict[str, Any], manager: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the limit that systemd gives to every service that says nothing."""
    if snapshot["host"].get("init") != "systemd":
        return []
    default = manager["nofile"] or dict(BUILT_IN_NOFILE, source=None)
    asked = ("systemctl", "show", "--no-pager", "-p", "DefaultLimitNOFILE,DefaultLimitNOFILESoft")
    shown = run(*asked) if root.live else absent("unknown", "not this machine")
    live = _nofile(shown) if isinstance(shown, str) else shown
    return [
        {
            "name": "DefaultLimitNOFILE",
            "scope": "unit",
            "unit": "files",
            "value": live,
            "used": None,
            "source": "systemd",
            "boot": {"value": {"soft": default["soft"], "hard": default["hard"]}, "source": default["source"], "applies": "boot"},
        }
    ]


def _nofile(text: str) -> Any:
    shown = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    found = {side: shown.get("DefaultLimitNOFILE" + suffix, "") for side, suffix in (("soft", "Soft"), ("hard", ""))}
    if not all(text.isdecimal() or text == "infinity" for text in found.values()):
        return absent("unreadable", "systemctl does not show DefaultLimitNOFILE")
    return {side: int(text) if text.isdecimal() else "unlimited" for side, text in found.items()}


def _users(pam: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a limit for each domain of limits.conf that has a rule for nofile: what its new sessions get."""
    rows = []
    for domain in dict.fromkeys(rule["domain"] for rule in pam["rules"] if rule.get("item") == "nofile"):
        mine = dict(pam, rules=[rule for rule in pam["rules"] if rule["domain"] == domain], root_by_name=False)
        last = [rule for rule in mine["rules"] if rule.get("item") == "nofile"][-1]
        group = domain.lstrip("@%") if domain[:1] in "@%" else ""
        found = limits_for(mine, "" if group or domain == "*" else domain, [group] if group else [])
        value = {side: found[side] if found[side] is not None else absent("unknown", "inherited") for side in ("soft", "hard")}
        rows.append(
            {
                "name": "nofile",
                "subject": domain,
                "scope": "user",
                "unit": "files",
                "value": value,
                "used": None,
                "source": last["source"],
                "boot": {"value": value, "source": last["source"], "applies": "boot"},
            }
        )
    return rows
