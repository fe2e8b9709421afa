# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a machine after its boot and prints what is really in force, as JSON; reads its questions from stdin.

The witness: it shares no code with the collection, and asks the kernel, systemd and a login instead of files.
In: {"sysctls": [names], "services": [units], "users": [names]}; with "interface", a name, also what comes with it and with conntrack;
with "host", true, all of the host that a change of ours could touch. "addresses" {interface: addresses} are waited for: a network
manager may bring them after the boot has ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from typing import Any

WAIT_SECONDS = 60.0


def said(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


def sysctl(name: str) -> str | None:
    """Return a sysctl's words joined by one blank, None where the kernel has no such file."""
    try:
        with open("/proc/sys/" + name.translate(str.maketrans("./", "/."))) as file:
            return " ".join(file.read().split())
    except FileNotFoundError:
        return None


def pair(text: str) -> list[int | str]:
    """Return [soft, hard] as numbers where they are numbers."""
    return [int(word) if word.isdigit() else word for word in text.split()]


def manager(option: str) -> int | str:
    """Return a property of the service manager; its word for no limit is `infinity`."""
    value = said("systemctl", "show", "--value", "-p", option).strip()
    return int(value) if value.isdigit() else value


def service(unit: str) -> list[int | str] | None:
    """Return [soft, hard] of the number of files of a unit's running main process."""
    pid = said("systemctl", "show", "--value", "-p", "MainPID", unit).strip()
    if pid in ("", "0"):
        return None
    with open("/proc/%s/limits" % pid) as file:
        return pair(next(line for line in file if line.startswith("Max open files")).split("files")[1])


def tree(top: str) -> list[str]:
    """Return a folder and all paths below it."""
    return [top] + [os.path.join(folder, name) for folder, folders, files in os.walk(top) for name in folders + files]


def all_sysctls() -> dict[str, str]:
    """Return every sysctl of networks, files and memory that can be read, by its path."""
    found = {}
    for path in (path for part in ("net", "fs", "vm") for path in tree("/proc/sys/" + part)):
        try:
            with open(path) as file:
                found[path[len("/proc/sys/") :]] = " ".join(file.read().split())
        except (OSError, UnicodeDecodeError):
            continue
    return found


def all_files() -> dict[str, str]:
    """Return what each path of the configuration and of our state is: mode, owner, group, and the digest of its content."""
    found = {}
    for path in (path for top in ("/etc", "/var/lib/front-tier") for path in tree(top) if os.path.lexists(path)):
        status = os.lstat(path)
        content = ""
        if os.path.islink(path):
            content = os.readlink(path)
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        found[path] = "%o %d %d %s" % (status.st_mode, status.st_uid, status.st_gid, content)
    return found


def addresses() -> dict[str, dict[str, str]]:
    """Return {interface: {address with its prefix: "preferred" or "deprecated"}}; addresses that the kernel makes itself are left out."""
    return {
        link["ifname"]: {
            "%s/%d" % (one["local"], one["prefixlen"]): "deprecated" if one.get("deprecated") else "preferred"
            for one in link["addr_info"]
            if "local" in one and one["scope"] != "link"
        }
        for link in json.loads(said("ip", "-j", "address"))
        if link
    }


def wait_for(wanted: dict[str, dict[str, str]]) -> None:
    """Wait until interfaces have the addresses that they are to have, but not for ever: what is missing then is seen to be missing."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        found = addresses()
        if all(one in found.get(name, {}) for name, some in wanted.items() for one in some):
            return
        time.sleep(1)


def local_routes() -> list[str]:
    """Return "interface prefix" of the local routes to whole prefixes that did not come with an address."""
    words = [line.split() for family in ("-4", "-6") for line in said("ip", family, "route", "show", "table", "local").splitlines()]
    return sorted(
        "%s %s" % (line[line.index("dev") + 1], line[1])
        for line in words
        if line[0] == "local" and "/" in line[1] and line[1] != "127.0.0.0/8"
    )


def main() -> None:
    """Answer the questions: first what the boot left, then what comes with a module and a device that arrive later."""
    asked = json.load(sys.stdin)
    wait_for(asked.get("addresses", {}))
    answer = {
        "boot": {name: sysctl(name) for name in asked["sysctls"]},
        "manager": {name: manager(name) for name in ("DefaultLimitNOFILESoft", "DefaultLimitNOFILE")},
        "services": {unit: service(unit) for unit in asked["services"]},
        "users": {user: pair(said("su", "-", user, "-s", "/bin/sh", "-c", "echo $(ulimit -Sn) $(ulimit -Hn)")) for user in asked["users"]},
        "journal": [
            line
            for line in said("journalctl", "-b", "-o", "cat", "-u", "systemd-sysctl.service").splitlines()
            if "Couldn't" in line or "gnor" in line
        ],
        "failed": said("systemctl", "--failed", "--plain", "--no-legend").split("\n"),
    }
    if asked.get("host"):
        answer["host"] = {"sysctls": all_sysctls(), "files": all_files(), "addresses": addresses(), "local_routes": local_routes()}
    if asked.get("interface"):
        answer["later"] = later(asked)
    print(json.dumps(answer))


def later(asked: dict[str, Any]) -> dict[str, str | None]:
    """Let a device and connection tracking arrive, and return what the sysctls are then."""
    said("ip", "link", "add", asked["interface"], "type", "dummy")
    rules = "add table inet ft; add chain inet ft seen { type filter hook input priority 0; }; add rule inet ft seen ct state new accept"
    said("nft", rules)
    time.sleep(5)  # udev runs systemd-sysctl for a new device
    return {name: sysctl(name) for name in asked["sysctls"]}


if __name__ == "__main__":
    main()
