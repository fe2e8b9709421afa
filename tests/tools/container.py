# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of the testbed's image that a test starts by itself, and what a run of the testbed has left."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

EVERY = os.environ.get("RELEASES") == "all"  # each Debian release, and the cases that take minutes: part of make test-all
RELEASES = ["bullseye", "bookworm", "trixie"] if EVERY else ["bookworm"]
WHY_NOT = "needs root, podman and the testbed's image (make images)"


def image(release: str) -> str:
    """Return the name of the image of a Debian release."""
    return "localhost/c10m-front-tier-node:" + release


def has_image(release: str) -> bool:
    """Tell whether the image is here and may be started."""
    podman = shutil.which("podman")
    return bool(podman) and os.geteuid() == 0 and 0 == subprocess.run(["podman", "image", "exists", image(release)], check=False).returncode


def start(name: str, release: str, *options: str, command: tuple[str, ...] = ()) -> None:
    """Start a container without a network, in which systemd runs."""
    words = ["--privileged", "--systemd", "always", "--log-driver", "none", "--network", "none", *(f"--ulimit={one}" for one in ulimits())]
    words += ["--runtime", "runc"] if shutil.which("runc") else []
    run = ["podman", "run", "--detach", "--name", name, *words, *options, image(release), *command]
    subprocess.run(run, check=True, capture_output=True, timeout=60)


def ulimits() -> list[str]:
    """Return the limits of a container: podman would ask for more than a machine may have that is a container itself."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes, most = int(Path("/proc/sys/kernel/pid_max").read_text()), resource.getrlimit(resource.RLIMIT_NPROC)[1]
    processes = processes if most == resource.RLIM_INFINITY else min(processes, most)
    return [f"nofile={files}:{files}", f"nproc={processes}:{processes}"]


def remove(name: str) -> None:
    """Take a container away, if it is there."""
    subprocess.run(["podman", "rm", "--force", "--ignore", "--time", "0", name], check=False, capture_output=True)


def left(label: str, netns: str) -> list[str]:
    """Return what is on this machine of nodes that carry a label: containers, networks, their network namespace."""
    found = []
    for what in (["ps", "--all"], ["network", "ls"]):
        words = ["podman", *what, "--quiet", "--filter", "label=" + label]
        found += subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return found + [str(path) for path in [Path("/run/netns", netns)] if path.exists()]
