#!/usr/bin/env python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the testbed's node images, one a Debian release, and hand them to podman; what is there already is kept.

An image is a minimal Debian with systemd, the programs of a front tier and all four network managers, nothing of it
enabled. It is known by a hash of its recipe: as the file RELEASE-HASH.tar.zst in the cache, and as a label in podman.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

RELEASES = {"bullseye": "Debian 11", "bookworm": "Debian 12", "trixie": "Debian 13"}
PACKAGES = (
    # an init system, a network, and what the collection needs on a managed host
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "iproute2", "nftables", "iptables", "python3"),
    # the programs of a front tier, and a way in that must never be lost
    *("haproxy", "nginx-light", "varnish", "openssh-server"),
    # the four that keep addresses over a restart (systemd-networkd is part of systemd)
    *("ifupdown", "network-manager", "netplan.io"),
)
OPTIONS = (
    "--variant=minbase",
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
INIT = Path(__file__).with_name("ft-init")
# Run with the image's root as "$1". Nothing is enabled until a scenario enables it, also not by the presets of a first
# boot; an empty machine-id makes every node a machine of its own.
FINISH = (
    'mkdir -p "$1/etc/systemd/system-preset" && echo "disable *" > "$1/etc/systemd/system-preset/00-front-tier.preset"',
    'find "$1/etc/systemd/system" -type l -delete && chmod 755 "$1/sbin/ft-init"',
    ': > "$1/etc/machine-id" && rm -f "$1/var/lib/dbus/machine-id" "$1/etc/hostname" "$1/etc/resolv.conf"',
)
REPOSITORY = "localhost/c10m-front-tier-node"
LABEL = "c10m.front_tier.recipe"

# what has to be on the machine: a program or file, and the Debian package that has it
NEEDED = {
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "iptables": "iptables",
    "/usr/lib/podman/netavark": "netavark",
    "mmdebstrap": "mmdebstrap",
    "zstd": "zstd",
}


class Unable(Exception):
    """The images cannot be built here; the message says what is missing and what to do."""


def recipe_hash(release: str) -> str:
    """Return the name of everything that decides what is in an image, apart from the day it was built."""
    recipe = "\n".join((release, *PACKAGES, *OPTIONS, *FINISH, INIT.read_text()))
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def missing_packages() -> list[str]:
    """Return the Debian packages that this machine lacks for building and running nodes."""
    return sorted(package for what, package in NEEDED.items() if not (shutil.which(what) or os.path.exists(what)))


def require_machine() -> None:
    """Refuse a machine on which no node can be built or run, naming all that is missing."""
    if os.geteuid() != 0:
        raise Unable("The container testbed needs root (it mounts, and makes networks); run it as root. Nothing was built.")
    missing = missing_packages()
    if missing:
        raise Unable("Missing on this machine: apt-get install " + " ".join(missing) + ". Nothing was built.")


def mirror() -> str:
    """Return the Debian mirror: FT_DEBIAN_MIRROR, or the one that this machine's own apt is configured with."""
    if os.environ.get("FT_DEBIAN_MIRROR"):
        return os.environ["FT_DEBIAN_MIRROR"]
    system = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if system.get("ID", "").strip('"') == "debian":
        codename = system.get("VERSION_CODENAME", "").strip('"')
        targets = run_text("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
        for line in targets.splitlines():
            release, component, uri = line.split(" ", 2)
            if (release, component) == (codename, "main"):
                return uri
    raise Unable("This machine's apt names no Debian mirror; set FT_DEBIAN_MIRROR to the URL of one. Nothing was built.")


def run_text(*command: str) -> str:
    """Run a command and return what it prints; its errors go to the terminal."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def image_name(release: str) -> str:
    """Return the name under which podman knows a release's image."""
    return f"{REPOSITORY}:{release}"


def imported(release: str) -> bool:
    """Tell whether podman has the release's image, made by today's recipe."""
    form = f'{{{{index .Labels "{LABEL}"}}}}'
    command = ["podman", "image", "inspect", "--format", form, image_name(release)]
    found = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return found.returncode == 0 and found.stdout.strip() == recipe_hash(release)


def build(release: str, archive: Path) -> None:
    """Build a release's file tree into `archive`, which appears whole or not at all."""
    unfinished = archive.with_name(f".{archive.stem}.{os.getpid()}.tar.zst")
    hooks = [f"--customize-hook={hook}" for hook in (f"upload {INIT} /sbin/ft-init", *FINISH)]
    command = ["mmdebstrap", "--quiet", *OPTIONS, "--include=" + ",".join(PACKAGES), *hooks, release, str(unfinished)]
    try:
        subprocess.run([*command, f"deb {mirror()} {release} main"], check=True)
        unfinished.rename(archive)
    except subprocess.CalledProcessError as error:
        raise Unable(f"mmdebstrap could not build {release} (exit status {error.returncode}); its messages are above.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    for older in archive.parent.glob(f"{release}-*.tar.zst"):
        if older != archive:
            older.unlink()


def hand_over(release: str, archive: Path) -> None:
    """Import an archive into podman as the release's image, in place of an older one."""
    changes = [f"LABEL {LABEL}={recipe_hash(release)}", "STOPSIGNAL SIGRTMIN+3", 'CMD ["/sbin/ft-init"]']
    options = [word for change in changes for word in ("--change", change)]
    subprocess.run(["podman", "import", "--quiet", *options, str(archive), image_name(release)], check=True, stdout=subprocess.DEVNULL)
    prune = ["podman", "image", "prune", "--force", "--filter", f"label={LABEL}"]
    subprocess.run(prune, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Hold the cache: a second run waits, and then finds everything there."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def provide(release: str, cache: Path) -> str:
    """Make sure that podman has a release's image; return in words what had to be done for it."""
    if imported(release):
        return "present"
    archive = cache / f"{release}-{recipe_hash(release)}.tar.zst"
    start, done = time.monotonic(), "imported from the cache"
    if not archive.exists():
        build(release, archive)
        done = "built"
    hand_over(release, archive)
    return f"{done} in {time.monotonic() - start:.0f} s, {archive.stat().st_size / 1e6:.0f} MB"


def main() -> int:
    """Provide, remove or list, as the command line says; exit status 0 when all is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=f"one of {', '.join(RELEASES)}; default: all")
    parser.add_argument("--missing", action="store_true", help="print the Debian packages that this machine lacks, and stop")
    parser.add_argument("--remove", action="store_true", help="take the images out of podman; the cache stays")
    asked = parser.parse_args()
    unknown = sorted(set(asked.releases) - set(RELEASES))
    if unknown:
        parser.error(f"no such release: {', '.join(unknown)}; there are {', '.join(RELEASES)}")
    if asked.missing:
        print(" ".join(missing_packages()))
        return 0
    cache = Path(os.environ.get("FT_CACHE") or Path(__file__).resolve().parents[2] / ".cache") / "images"
    try:
        require_machine()
        with alone(cache):
            for release in asked.releases or RELEASES:
                if asked.remove:
                    subprocess.run(["podman", "rmi", "--force", "--ignore", image_name(release)], check=True, stdout=subprocess.DEVNULL)
                else:
                    print(f"{image_name(release)} ({RELEASES[release]}): {provide(release, cache)}", flush=True)
    except Unable as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} failed with exit status {error.returncode}; its messages are above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
