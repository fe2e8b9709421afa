# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules that bring sysctls with them: loaded, built in, loaded at boot before the sysctls are set. Private to the collection."""

from __future__ import annotations

from typing import Any, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import conf_files, folders, lines, place
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import BEHIND


def read_modules(root: Root) -> dict[str, Any]:
    """Return what is known of modules, names with `_` for `-`.

    loaded, built_in (of BEHIND): lists. at_boot: {module: the file:line that has it loaded before the sysctls are set}, with
    what those modules need themselves. reapplied: {module: the udev rule that sets its sysctls when it is loaded}.
    hashsize: {"value": text, "source": file:line} of `options nf_conntrack`, None without. Sources: modules-load.d(5),
    modprobe.d(5), the udev rule in sysctl.d(5), depmod(8). A kernel without module support has all built in.
    """
    loaded = [line.split()[0] for _number, line in lines(text_of(root.text("/proc/modules"))) if line]
    behind = sorted(set(BEHIND.values()))
    listed = dict(_listed(root))
    options, barred = _modprobe(root)
    wanted = {name: source for name, source in listed.items() if name not in barred}
    if set(wanted) - set(behind):
        release = text_of(root.text("/proc/sys/kernel/osrelease")).strip()
        for name, needs in parse_needs(text_of(root.text("/lib/modules/%s/modules.dep" % release)) if release else ""):
            if name in wanted:
                for need in needs:
                    wanted.setdefault(need, wanted[name])
    return {
        "loaded": loaded,
        "at_boot": wanted,
        "hashsize": options,
        "built_in": [name for name in behind if name not in loaded and root.exists("/sys/module/" + name)],
        "reapplied": dict(_reapplied(root, behind)),
    }


def parse_needs(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (module, all the modules it needs) from modules.dep."""
    for _number, line in lines(text):
        name, _colon, needs = line.partition(":")
        yield _module(name), [_module(need) for need in needs.split()]


def parse_hashsize(words: list[str]) -> str | None:
    """Return the value of the last `hashsize=` among a module's options."""
    found = [word.partition("=")[2] for word in words if word.startswith("hashsize=")]
    return found[-1] if found else None


def _module(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0].strip().replace("-", "_")


def _listed(root: Root) -> Iterator[tuple[str, str]]:
    """Yield (module, file:line): the kernel command line's modules_load=, modules-load.d; /etc/modules where no systemd reads those."""
    for word in text_of(root.text("/proc/cmdline")).split():
        key, _equals, names = word.partition("=")
        if key.replace("-", "_") in ("modules_load", "rd.modules_load"):
            for name in names.split(","):
                yield _module(name), "/proc/cmdline"
    paths = conf_files(root, folders("modules-load.d"))
    for path in paths if root.exists("/run/systemd/system") else ["/etc/modules"] + paths:
        for number, line in lines(text_of(root.text(path))):
            if line and line[0] not in "#;":
                yield _module(line.split()[0]), place(path, number)


def _modprobe(root: Root) -> tuple[dict[str, str] | None, set[str]]:
    """Return the size of the connection table that modprobe.d gives nf_conntrack, and the modules that it bars."""
    hashsize, barred = None, set()
    for path in conf_files(root, folders("modprobe.d")):
        for number, line in lines(text_of(root.text(path))):
            words = line.split()
            if words[:2] == ["options", "nf_conntrack"] and parse_hashsize(words[2:]) is not None:
                hashsize = {"value": parse_hashsize(words[2:]) or "", "source": place(path, number)}
            elif words[:1] == ["blacklist"] and len(words) > 1:
                barred.add(_module(words[1]))
    for word in text_of(root.text("/proc/cmdline")).split():
        if word.startswith("nf_conntrack.hashsize="):
            hashsize = {"value": word.partition("=")[2], "source": "/proc/cmdline"}
    return hashsize, barred


def _reapplied(root: Root, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (module, file:line) of udev rules that run a sysctl program when the module is added (example in sysctl.d(5))."""
    for place_of_rules in folders("udev/rules.d"):
        for file in root.names(place_of_rules):
            path = "%s/%s" % (place_of_rules, file)
            for number, line in lines(text_of(root.text(path)) if file.endswith(".rules") else ""):
                if "sysctl" in line and '"module"' in line and not line.startswith("#"):
                    for name in names:
                        if '"%s"' % name in line:
                            yield name, place(path, number)
