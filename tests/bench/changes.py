# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benches of modules that change a host: against a ping, and against a loop of the usual one-key module.

They run in a network namespace and with folders of their own in place of those that a change writes to, so that the machine stays as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ansible==14.5.0"  # carries ansible.posix, whose module sysctl sets one key, and community.general with listen_ports_facts
THEIRS = ("ansible_collections/ansible/posix/", "ansible_collections/community/general/")
PING, SETTINGS, LOOP = "ansible.builtin.ping", "c10m.front_tier.kernel_settings", "ansible.posix.sysctl"
HOST_CONFIG, ADDRESSES = "c10m.front_tier.host_config", "c10m.front_tier.secondary_interfaces"
# Fifteen keys that a network namespace has for itself, with the two values between which the rounds go.
KEYS = {
    "net.core.somaxconn": (4096, 65535),
    "net.ipv4.ip_default_ttl": (64, 63),
    "net.ipv4.tcp_fin_timeout": (60, 15),
    "net.ipv4.tcp_keepalive_intvl": (75, 15),
    "net.ipv4.tcp_keepalive_probes": (9, 5),
    "net.ipv4.tcp_keepalive_time": (7200, 300),
    "net.ipv4.tcp_max_syn_backlog": (1024, 65535),
    "net.ipv4.tcp_no_metrics_save": (0, 1),
    "net.ipv4.tcp_orphan_retries": (0, 3),
    "net.ipv4.tcp_retries1": (3, 4),
    "net.ipv4.tcp_retries2": (15, 8),
    "net.ipv4.tcp_slow_start_after_idle": (1, 0),
    "net.ipv4.tcp_syn_retries": (6, 4),
    "net.ipv4.tcp_synack_retries": (5, 3),
    "net.ipv4.tcp_tw_reuse": (2, 1),
}
MORE_KEYS = {
    "net.ipv4.tcp_autocorking": (1, 0),
    "net.ipv4.tcp_ecn": (2, 1),
    "net.ipv4.tcp_mtu_probing": (0, 1),
    "net.ipv4.tcp_reordering": (3, 5),
    "net.ipv4.tcp_window_scaling": (1, 0),
}
UNITS = ["bench%d.service" % number for number in range(4)]
INTERFACE = "bench0"
FOLDERS = ("/etc/sysctl.d", "/etc/modules-load.d", "/etc/systemd/system", "/etc/security/limits.d", "/var/lib", "/run")


def apart() -> list[str]:
    """Return the command that runs another one in namespaces of its own, with empty folders where a change writes."""
    steps = ["mount --make-rprivate /", *("mount -t tmpfs -o mode=755 none %s" % folder for folder in FOLDERS)]
    steps += ["echo '[Service]' > /etc/systemd/system/%s" % unit for unit in UNITS]
    steps += [
        "ip link add %s type veth peer name bench1" % INTERFACE,
        *("ip link set %s up" % name for name in ("lo", INTERFACE, "bench1")),
    ]
    return ["unshare", "--net", "--mount", "sh", "-ec", "; ".join([*steps, 'exec "$@"']), "apart"]


def standing() -> subprocess.Popen[bytes]:
    """Return the process that keeps namespaces of apart() until it is killed, once all is in place there."""
    holder = subprocess.Popen([*apart(), "sleep", "infinity"])
    while Path("/proc/%d/comm" % holder.pid).read_text().strip() != "sleep":
        if holder.poll() is not None:
            raise SystemExit("the namespaces could not be made")
        time.sleep(0.02)
    return holder


def inside(holder: subprocess.Popen[bytes]) -> list[str]:
    """Return the command that runs another one in the namespaces of standing()."""
    return ["nsenter", "--net", "--mount", "--target", str(holder.pid)]


def usual_modules() -> Path:
    """Return the folder above ansible_collections with the usual modules that ours are compared with; fetched once."""
    folder = ROOT / ".build/bench-collections"
    if not all((folder / name).exists() for name in THEIRS):
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(folder),
            PACKAGE,
        ]
        subprocess.run(command, check=True)
        for wheel in folder.glob("ansible-*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(folder, [name for name in packed.namelist() if name.startswith(THEIRS)])
            wheel.unlink()
    return folder


def settings_rounds(rounds: int) -> list[dict[str, Any]]:
    """Return the tasks: in each round a ping, all keys changed at once, the same again, and the loop over the same keys."""
    tasks: list[dict[str, Any]] = []
    for turn in range(rounds):
        ours = {name: values[1 - turn % 2] for name, values in KEYS.items()}
        theirs = [{"name": name, "value": values[turn % 2]} for name, values in KEYS.items()]
        tasks += [
            {"name": "ping", PING: {}},
            {"name": "changed", SETTINGS: {"settings": ours}},
            {"name": "unchanged", SETTINGS: {"settings": ours}},
            {
                "name": "loop",
                LOOP: {
                    "name": "{{ item.name }}",
                    "value": "{{ item.value }}",
                    "sysctl_set": True,
                    "reload": False,
                    "sysctl_file": "/etc/sysctl.d/10-loop.conf",
                },
                "loop": theirs,
            },
        ]
    return tasks


def host_rounds(rounds: int) -> list[dict[str, Any]]:
    """Return the tasks: in each round a ping, all sections of a host changed at once, and 1,024 addresses added or taken away."""
    tasks: list[dict[str, Any]] = []
    for turn in range(rounds):
        last = 63 + turn % 2 * 64  # other addresses in every round
        everything = {
            "kernel_settings": {"settings": {name: values[1 - turn % 2] for name, values in {**KEYS, **MORE_KEYS}.items()}},
            "port_range": {"low": 10240 + turn % 2 * 2, "high": 65535},
            "fd_limits": {"nofile": 15000 + turn % 2, "units": UNITS},
            "secondary_interfaces": [
                {
                    "interface": INTERFACE,
                    "addresses": ["10.8.0.%d-10.8.0.%d" % (last - 62, last + 1)],
                    "duplicate_check": False,
                    "persist": False,
                }
            ],
        }
        many = {"addresses": ["10.9.0.1-10.9.4.0"], "interface": INTERFACE} if turn % 2 == 0 else {"state": "absent"}
        tasks += [
            {"name": "ping", PING: {}},
            {"name": "everything", HOST_CONFIG: everything},
            {"name": "many addresses", ADDRESSES: dict(many, name="many", duplicate_check=False, persist=False)},
        ]
    return tasks


def fleet_rounds(rounds: int, audit: str) -> list[dict[str, Any]]:
    """Return the tasks: in each round a ping, an audit, and a host's settings and ports, which only the first round changes."""
    same = {
        "kernel_settings": {"settings": {name: values[1] for name, values in KEYS.items()}},
        "port_range": {"low": 10240, "high": 65535},
    }
    return [
        task
        for _dummy in range(rounds)
        for task in ({"name": "ping", PING: {}}, {"name": "audit", audit: {}}, {"name": "apply", HOST_CONFIG: same})
    ]


def environment() -> dict[str, str]:
    """Return the variables with which both collections are found."""
    return {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(ROOT / ".build/live"), str(usual_modules())])}
