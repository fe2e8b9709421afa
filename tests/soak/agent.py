# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the soak runs on a node: a module as Ansible runs it, also one that dies half-way, and a look at what the node is.

usage: agent.py look                            (prints JSON)
       agent.py module NAME [kill|pause EVENT]  (arguments as JSON on stdin)
Python 3.8, standard library. A module counts its own writing calls (the events of sys.addaudithook, which are the same each time) from
its journal on, and dies before the one that is named, or stops there and says so.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import time

MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ansible_collections/c10m/front_tier/plugins/modules")
WRITING = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "subprocess.Popen", "socket.sendto", "resource.prlimit")
SECONDS_OF_CHECK = 10  # it takes one or two; an address that another has never gets through it
STATE, PROBES = "/var/lib/front-tier", "/run/front-tier-probe"
JOURNAL = STATE + "/journal"
OFTEN_WRITTEN = ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/.updated", "/etc/machine-id", "/etc/mtab")  # at each start


def stop_at(number, pause):
    """Kill or pause this process before the writing call with that number."""
    seen, begun = [0], []

    def hook(event, args):
        path = str(args[0]) if event == "open" else ""
        writes = event in WRITING or path not in ("", "/dev/null") and args[2] & (os.O_WRONLY | os.O_RDWR)
        if path.startswith(JOURNAL) and (writes or os.path.exists(JOURNAL)):
            begun.append(path)
        if begun and writes:
            seen[0] += 1
            if seen[0] == number and pause:
                os.write(1, b"paused\n")
                signal.pause()
            elif seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def tree(*tops):
    """Return {path: [mode, uid, gid, hash of the content or what a link says]}."""
    found = {}
    for top in tops:
        for folder, folders, names in os.walk(top):
            for path in (os.path.join(folder, name) for name in folders + names):
                status = os.lstat(path)
                held = os.readlink(path) if os.path.islink(path) else ""
                if os.path.isfile(path) and not held:
                    with open(path, "rb") as file:
                        held = hashlib.sha256(file.read()).hexdigest()
                if path not in OFTEN_WRITTEN:
                    found[path] = [oct(status.st_mode), status.st_uid, status.st_gid, held]
    return found


def sysctls():
    """Return {path below /proc/sys: value} of what belongs to the network namespace of the node."""
    found = {}
    for top in ("net/core", "net/ipv4", "net/ipv6"):
        for folder, _folders, names in os.walk("/proc/sys/" + top):
            for name in names:
                try:
                    with open(os.path.join(folder, name)) as file:
                        found[os.path.join(folder, name)[len("/proc/sys/") :]] = " ".join(file.read().split())
                except OSError:
                    continue
    return found


def asked(*words):
    """Return the JSON of a command of iproute2."""
    return json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode() or "[]")


def checked_addresses():
    """Return the rows of `ip address` once the kernel has made its own check of IPv6 addresses, which nobody can bind before."""
    until = time.monotonic() + SECONDS_OF_CHECK
    while True:
        found = asked("ip", "-j", "address")
        if time.monotonic() > until or not any(row.get("tentative") for link in found for row in link["addr_info"]):
            return found
        time.sleep(0.1)


def look():
    """Return what the node is: addresses, routes, sysctls, files, what of ours is there, and what is unfinished."""
    addresses = [
        [link["ifname"], "%s/%d" % (row["local"], row["prefixlen"]), bool(row.get("deprecated"))]
        for link in checked_addresses()
        for row in link["addr_info"]
        if row["scope"] != "link"
    ]
    texts = {}
    for path in glob.glob(STATE + "/*"):
        with open(path) as file:
            texts[path] = file.read()
    files = tree("/etc")
    ways = [row for family in ("-4", "-6") for row in asked("ip", "-j", family, "route", "show", "default")]
    local = [row["dst"] for row in asked("ip", "-j", "-4", "route", "show", "table", "local", "type", "local") if "/" in row["dst"]]
    listening = subprocess.run(["ss", "-Hltn"], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    return {
        "addresses": sorted(addresses),
        "defaults": sorted("%s dev %s" % (row.get("gateway"), row["dev"]) for row in ways),
        "local_routes": sorted(local),
        "listening": sorted({int(line.split()[3].rpartition(":")[2]) for line in listening}),
        "sysctls": sysctls(),
        "files": files,
        "texts": dict(texts, **{path: text_of(path) for path in files if path.endswith((".conf", ".network", ".netdev"))}),
        "unfinished": sorted([path for path in files if path.endswith("unfinished")] + [path for path in texts if "unfinished" in path]),
        "most_files": resource.prlimit(1, resource.RLIMIT_NOFILE)[1],
        "probes": os.listdir(PROBES) if os.path.isdir(PROBES) else [],
    }


def text_of(path):
    """Return the text of a file, an empty one where it cannot be read."""
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


if sys.argv[1] == "look":
    print(json.dumps(look()))
else:
    if len(sys.argv) > 3:
        stop_at(int(sys.argv[4]), sys.argv[3] == "pause")
    name, sys.argv = sys.argv[2], sys.argv[:1]
    runpy.run_path(os.path.join(MODULES, name + ".py"), run_name="__main__")
