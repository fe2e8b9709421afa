# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot values of sysctls: what files and the kernel command line leave after a restart, and which line decides. Private to the collection.

The rules are systemd-sysctl's (sysctl.d(5), src/sysctl/sysctl.c of 247 to 257); procps (`sysctl --system`, where there is no
systemd) has the same ones, and reads /etc/sysctl.conf last.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import clipped, conf_files, folders, lines, place, problem
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

BY_HAND = "/etc/sysctl.conf"
CMDLINE = "/proc/cmdline"
# Two names of one variable of the kernel: whichever is written last counts.
TWINS = {"net/ipv4/ip_forward": "net/ipv4/conf/all/forwarding", "net/netfilter/nf_conntrack_max": "net/nf_conntrack_max"}
TWINS.update({twin: key for key, twin in list(TWINS.items())})
# Process 1 of systems that run `sysctl --system` or its like from a script.
OTHER_INITS = ("init", "openrc-init", "busybox", "runit", "runit-init", "s6-svscan", "dinit")
# The module behind the beginning of a sysctl's path.
BEHIND = {
    "net/netfilter/nf_conntrack": "nf_conntrack",
    "net/nf_conntrack_": "nf_conntrack",
    "net/bridge/": "br_netfilter",
    "net/ipv4/vs/": "ip_vs",
    "net/sctp/": "sctp",
    "sunrpc/": "sunrpc",
    "fs/nfs/": "lockd",
}
DEVICE = re.compile(r"net/ipv[46]/(?:conf|neigh)/(?!(?:all|default|lo)/)([^/]+)/")


def key_path(name: str) -> str:
    """Return a sysctl's path below /proc/sys. If the first separator is a dot, dots separate and slashes stand for dots."""
    first = re.search("[./]", name)
    if first and first.group() == ".":
        name = name.translate({ord("."): "/", ord("/"): "."})
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def key_name(path: str) -> str:
    """Return the dotted name of a path below /proc/sys."""
    return path.translate({ord("."): "/", ord("/"): "."})


def parse_sysctl(text: str, path: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return a file's assignments in order, and its garbage.

    An assignment: {key: path below /proc/sys, may be a glob; value: text with whitespace folded, None for `-key`, which takes
    the key out of globs and undoes earlier lines; source: file:line; quiet: `-` before it, failing is no error}.
    """
    found, problems = [], []
    for number, line in lines(text):
        if not line or line[0] in "#;":
            continue
        quiet = line[0] == "-"
        left, equals, right = line[1 if quiet else 0 :].partition("=")
        key = key_path(left.strip())
        if not (equals or quiet) or not key or ".." in key.split("/"):
            problems.append(problem("garbage", place(path, number), "%s is not an assignment and is skipped at boot." % clipped(line)))
        else:
            value = " ".join(right.split()) if equals else None
            found.append({"key": key, "value": value, "source": place(path, number), "quiet": quiet})
    return found, problems


def parse_cmdline(text: str) -> list[dict[str, Any]]:
    """Return the `sysctl.KEY=value` of a kernel command line in order (Linux 5.8; process_sysctl_arg() swaps every dot)."""
    found = []
    for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', text):
        if word == "--":
            break
        key, equals, value = word.replace('"', "").partition("=")
        if equals and re.match("sysctl[./].", key):
            path = "/".join(part for part in key[7:].replace(".", "/").split("/") if part)
            found.append({"key": path, "value": " ".join(value.split()), "source": CMDLINE, "quiet": False})
    return found


def read_sysctl_files(root: Root, container: bool = False) -> dict[str, Any]:
    """Return all that decides sysctls at boot, as plain data for boot_sysctls() and sysctl_problems().

    applied_by: `systemd`, `procps` or None with `detail` saying why nothing is applied; lines: assignments in the order of the
    boot; cmdline: those of the kernel command line, which come first (it belongs to the machine outside a `container`);
    by_hand: those of /etc/sysctl.conf where the boot does not read it; problems: files that could not be read, and garbage.
    """
    applied_by, detail = read_applier(root)
    paths = conf_files(root, folders("sysctl.d"))
    linked = any(root.real(path) == root.real(BY_HAND) for path in paths)
    at_boot = paths + [BY_HAND] if applied_by == "procps" and root.exists(BY_HAND) else paths
    files: dict[str, Any] = {
        "applied_by": applied_by,
        "detail": detail,
        "lines": [],
        "problems": _hidden(root),
        "by_hand": parse_sysctl(text_of(root.text(BY_HAND)), BY_HAND)[0] if applied_by == "systemd" and not linked else [],
        "cmdline": [] if container else parse_cmdline(text_of(root.text(CMDLINE))),
    }
    for path in at_boot:
        text = root.text(path)
        if isinstance(text, str):
            found, garbage = parse_sysctl(text, path)
            files["lines"] += found
            files["problems"] += garbage
        elif root.link(path) is None or root.exists(path):
            files["problems"].append(problem("unreadable", path, "%s. What it sets at boot is not known." % text["detail"]))
    if root.exists("/proc/sys"):
        for line in files["lines"]:
            line["present"] = is_glob(line["key"]) or root.exists("/proc/sys/" + line["key"])
    return files


def read_applier(root: Root) -> tuple[str | None, str]:
    """Return what writes sysctls at boot (`systemd`, `procps`), None with the reason where nothing does."""
    try:
        if root.live and os.statvfs("/proc/sys/net").f_flag & os.ST_RDONLY:
            return None, "/proc/sys/net is read-only here: the sysctls of this container are set from outside."
    except OSError:
        pass
    if root.exists("/run/systemd/system"):
        if root.link("/etc/systemd/system/systemd-sysctl.service") == "/dev/null":
            return None, "systemd-sysctl.service is masked: no file of sysctl.d is read at boot."
        return "systemd", "systemd-sysctl.service reads sysctl.d at boot."
    first = text_of(root.text("/proc/1/comm")).strip()
    if first in OTHER_INITS:
        return "procps", "The boot scripts run sysctl --system."
    return None, "Process 1 is %s, no init system: no file of sysctl.d is read at boot." % (clipped(first) or "not visible")


def boot_sysctls(files: dict[str, Any], names: Iterable[str], modules: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the next boot gives to each of `names` (dotted) that a line decides; the others are missing.

    Each: value (text as written, whitespace folded), source (file:line, or /proc/cmdline), applies (`boot`, `module-load`,
    `device-add`), lost (None, or why the line will not take effect), overrides (sources of lines with another value that
    lose), via (the dotted key that was written where it is not the name itself: a twin, a glob, the default of interfaces).
    modules: of read_modules(). In a systemd boot a later file wins, and any plain key wins over globs.
    """
    if not files["applied_by"]:
        return {}
    early, late = settled_lines(files["cmdline"]), settled_lines(files["lines"])
    found = {name: _decision(key_path(name), early, late, modules, files["applied_by"]) for name in names}
    return {name: decision for name, decision in found.items() if decision is not None}


def is_glob(key: str) -> bool:
    """Tell whether a key is a pattern."""
    return any(char in key for char in "*?[")


def matches(pattern: str, key: str) -> bool:
    """Tell whether a glob covers a key: part by part, since no wildcard stands for a slash (glob(7))."""
    wanted, parts = pattern.replace("[^", "[!").split("/"), key.split("/")
    try:
        return len(wanted) == len(parts) and all(map(fnmatch.fnmatchcase, parts, wanted))
    except re.error:  # a range like [z-a], before Python 3.10
        return False


def _hidden(root: Root) -> list[dict[str, str]]:
    """Return the files that do not count although they lie in a sysctl.d: masked by one in /etc, or in /run."""
    found = []
    above, *others = folders("sysctl.d")
    below = {folder: root.names(folder) for folder in others}
    for name in root.names(above):
        path = "%s/%s" % (above, name)
        masked = [folder for folder, names in below.items() if name in names] if name.endswith(".conf") else []
        if masked and (root.real(path) == "/dev/null" or root.text(path) == ""):
            found.append(problem("masked", path, "It is empty and so switches %s/%s off." % (masked[0], clipped(name))))
    for path in conf_files(root, ["/run/sysctl.d"]):
        found.append(problem("volatile", path, "/run is empty after a restart: this file counts only until then."))
    return found


def settled_lines(assigned: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return {key: its assignments, the last counts} in the order of writing: a key moves to the end when its value changes."""
    settled: dict[str, list[dict[str, Any]]] = {}
    for line in assigned:
        history = settled.get(line["key"], [])
        if history and history[-1]["value"] != line["value"]:
            del settled[line["key"]]
        history.append(line)
        settled[line["key"]] = history
    return settled


def lines_for(settled: dict[str, list[dict[str, Any]]], key: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the assignments that bear on a key, each with its turn in the order of writing; the last one counts."""
    turns = {one: turn for turn, one in enumerate(settled)}
    chain: list[tuple[int, dict[str, Any]]] = []
    for name in [key, TWINS[key]] if key in TWINS else [key]:
        if name in settled:
            history = settled[name] if settled[name][-1]["value"] is not None else []
            chain += [(turns[name], line) for line in history if line["value"] is not None]
        else:
            chain += [
                (turns[pattern], history[-1])
                for pattern, history in settled.items()
                if is_glob(pattern) and history[-1]["value"] is not None and matches(pattern, name)
            ]
    return sorted(chain, key=lambda entry: entry[0])


def _decision(
    key: str, early: dict[str, list[dict[str, Any]]], late: dict[str, list[dict[str, Any]]], modules: dict[str, Any], applied_by: str
) -> dict[str, Any] | None:
    """Return what decides a key; the kernel command line counts only where no file does."""
    chain = [line for _turn, line in lines_for(early, key) + lines_for(late, key)]
    if not chain:
        return _inherited(key, early, late, modules, applied_by)
    line = chain[-1]
    applies, lost = when(dict(line, key=key), modules, applied_by)
    return {
        "value": line["value"],
        "source": line["source"],
        "applies": applies,
        "lost": lost,
        "overrides": [other["source"] for other in chain[:-1] if other["value"] != line["value"]],
        "via": None if line["key"] == key else key_name(line["key"]),
    }


def _inherited(
    key: str, early: dict[str, list[dict[str, Any]]], late: dict[str, list[dict[str, Any]]], modules: dict[str, Any], applied_by: str
) -> dict[str, Any] | None:
    """Return what a key gets without a line of its own: an interface its conf.default, the connection table modprobe's hashsize.

    A conf.default written on the kernel command line stays with the interfaces of the boot: the later write of a file reaches
    only interfaces that come after it (measured on 5.10 to 7.2; devinet_copy_dflt_conf()).
    """
    interface = re.match("net/ipv4/conf/(?!(?:all|default)/)([^/]+)/", key)
    if interface:
        default = "net/ipv4/conf/default/" + key[interface.end() :]
        decision = _decision(default, early, {} if lines_for(early, default) else late, modules, applied_by)
        applies = "boot" if interface.group(1) == "lo" else "device-add"
        return decision and dict(decision, applies=applies, via=key_name(default))
    if key == "net/netfilter/nf_conntrack_buckets" and modules["hashsize"]:
        return dict(modules["hashsize"], applies="module-load", lost=None, overrides=[], via="options nf_conntrack hashsize")
    return None


def module_behind(key: str) -> str | None:
    """Return the module that brings the sysctl at a path below /proc/sys, None for the kernel itself."""
    return next((module for start, module in BEHIND.items() if key.startswith(start)), None)


def when(line: dict[str, Any], modules: dict[str, Any], applied_by: str) -> tuple[str, str | None]:
    """Return when a line takes effect, and why it does not (measured on Debian 11 to 13: the key of an absent module is dropped)."""
    by_kernel, key = line["source"] == CMDLINE, clipped(key_name(line["key"]))
    module, device = module_behind(line["key"]), DEVICE.match(line["key"])
    if module and module not in modules["built_in"]:
        if by_kernel:
            return "module-load", "The kernel applies its command line before %s can be loaded: %s is dropped." % (module, key)
        if module in modules["at_boot"]:
            return "boot", None
        if module in modules["reapplied"]:
            return "module-load", None
        return "module-load", ("%s is set before %s is loaded and is dropped: no file in modules-load.d names the module." % (key, module))
    if device and not is_glob(device.group(1)):
        if by_kernel:
            return "device-add", "The kernel applies its command line before %s exists: %s is dropped." % (clipped(device.group(1)), key)
        return ("device-add" if applied_by == "systemd" else "boot"), None
    return "boot", None
