# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a machine after its boot and prints what is really in force, as JSON; reads its questions from stdin.

The witness: it shares no code with the collection, and asks the kernel, systemd and a login instead of files.
In: {"sysctls": [names], "services": [units], "users": [names], "interface": a name to create}.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time


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


def main() -> None:
    """Answer the questions: first what the boot left, then what comes with a module and a device that arrive later."""
    asked = json.load(sys.stdin)
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
    said("ip", "link", "add", asked["interface"], "type", "dummy")
    rules = "add table inet ft; add chain inet ft seen { type filter hook input priority 0; }; add rule inet ft seen ct state new accept"
    said("nft", rules)
    time.sleep(5)  # udev runs systemd-sysctl for a new device
    answer["later"] = {name: sysctl(name) for name in asked["sysctls"]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
