# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks that the virtual machines start from: one Debian release each, with that release's own kernel.

A suite is installed once by mmdebstrap and kept as `<suite>-<hash>.tar.zst`; the hash covers the suite, the packages
and how they are installed. From it comes a raw base disk with the control channel in place; its hash covers this
file as well. Machines never write to a base disk, only to overlays of it (`machine.py`).
Run as a program it builds the suites named and prints where they lie.
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
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent

# What a release runs: the test checks it, so that an image can never be tested under another one's name.
KERNELS = {"bullseye": "5.10.", "bookworm": "6.1.", "trixie": "6.12.", "sid": ""}

PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,python3,iproute2,procps,nftables,kmod,linux-image-cloud-amd64,initramfs-tools,openssh-server,"
    "network-manager,ifupdown,netplan.io"
)
INSTALL = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    '--aptopt=Acquire::Check-Valid-Until "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--include=" + PACKAGES,
)

# command -> Debian package. What a fresh machine lacks is named, not guessed at by the reader of a traceback.
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "zstd": "zstd",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}

CONTROL_MAC = "52:54:00:00:00:01"

# One interface for each network manager, on a wire without anybody else: what a change keeps by one of them is tried beside the others.
MANAGED = {"lan0": "networkd", "lan1": "networkmanager", "lan2": "ifupdown", "lan3": "netplan"}
MACS = {"ctl0": CONTROL_MAC, **{name: "52:54:00:00:01:%02x" % number for number, name in enumerate(MANAGED)}}
OWN_ADDRESS = {name: "10.77.%d.1/24" % number for number, name in enumerate(MANAGED, 1)}

# Written into every image. The control interface has a name of its own and belongs to no network manager, so what a
# test does to networking does not cut the test off.
FILES = {
    **{"etc/systemd/network/10-%s.link" % name: "[Match]\nMACAddress=%s\n[Link]\nName=%s\n" % (mac, name) for name, mac in MACS.items()},
    "etc/systemd/network/50-lan0.network": "[Match]\nName=lan0\n[Network]\nAddress=%s\n" % OWN_ADDRESS["lan0"],
    "etc/NetworkManager/conf.d/05-test.conf": "[main]\nno-auto-default=*\n[keyfile]\nunmanaged-devices=interface-name:ctl0\n",
    "etc/NetworkManager/system-connections/lan1.nmconnection": (
        "[connection]\nid=lan1\nuuid=6a8e8f1c-3c1b-4d0e-9d53-9f4f6d1f0a01\ntype=ethernet\ninterface-name=lan1\n"
        "[ipv4]\nmethod=manual\naddress1=%s\n[ipv6]\nmethod=link-local\n"
    )
    % OWN_ADDRESS["lan1"],
    "etc/network/interfaces": "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n",
    "etc/network/interfaces.d/lan2": "auto lan2\niface lan2 inet static\n    address %s\n" % OWN_ADDRESS["lan2"],
    "etc/netplan/50-lan3.yaml": "network:\n  version: 2\n  ethernets:\n    lan3:\n      addresses: [%s]\n" % OWN_ADDRESS["lan3"],
    "etc/fstab": "",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/systemd/network/05-ctl.network": "[Match]\nName=ctl0\n[Link]\nUnmanaged=yes\n",
    "etc/systemd/system/ctl-nic.service": (
        "[Unit]\nDescription=The test's control interface\nDefaultDependencies=no\n"
        "BindsTo=sys-subsystem-net-devices-ctl0.device\nAfter=sys-subsystem-net-devices-ctl0.device\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/bin/sh -c 'ip addr replace 10.0.2.15/24 dev ctl0 && ip link set ctl0 up'\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
    # A device that an emulated processor on a busy host takes two minutes to find is no failure.
    "usr/lib/systemd/system.conf.d/05-slow.conf": "[Manager]\nDefaultTimeoutStartSec=600\nDefaultDeviceTimeoutSec=600\n",
}
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "man-db.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "systemd-networkd-wait-online.service",
    "NetworkManager-wait-online.service",
    "ifupdown-wait-online.service",
)
# Folders whose files hold secrets as a rule; NetworkManager and netplan refuse or warn of readable ones.
PRIVATE = ("root/.ssh/", "etc/NetworkManager/system-connections/", "etc/netplan/")


class Unavailable(Exception):
    """This machine lacks what the virtual machines need; the message names it."""


@dataclass(frozen=True)
class Image:
    """A base disk, the kernel and initial RAM disk to start it with, and the private key that it lets in."""

    suite: str
    disk: Path
    kernel: Path
    initrd: Path
    key: Path


def in_use(image: Image) -> contextlib.AbstractContextManager[None]:
    """Hold an image: as long as anybody does, no other checkout that shares the cache deletes it for a newer one."""
    return _locked(image.disk.parent, fcntl.LOCK_SH)


def missing_packages() -> list[str]:
    """Return the Debian packages to install before virtual machines can run here; empty where all is there."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return sorted({package for command, package in TOOLS.items() if shutil.which(command, path=path) is None})


def cache_folder() -> Path:
    """Return the folder of the images: `vm` below $FT_CACHE, or below .cache of the project."""
    return Path(os.environ.get("FT_CACHE") or PROJECT / ".cache").resolve() / "vm"


def build(suite: str) -> Image:
    """Return the image of a suite, built now where the cache does not hold it; two callers at once build it once.

    Raises Unavailable where it has to be built and cannot be, and subprocess.CalledProcessError where a tool fails.
    """
    if suite not in KERNELS:
        raise ValueError("suite %r is not one of %s" % (suite, ", ".join(KERNELS)))
    if os.geteuid() != 0:
        raise Unavailable("images of virtual machines are built and kept by root")
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    tar_name = "%s-%s" % (suite, _digest(suite, *INSTALL))
    folder = cache / ("%s-%s" % (tar_name, _digest(Path(__file__).read_text())))
    with _locked(cache / (suite + ".lock")):
        if not folder.is_dir():
            _make_folder(suite, cache / (tar_name + ".tar.zst"), folder)
            _drop_older(cache, suite, keep={tar_name + ".tar.zst", folder.name})
    return Image(suite, folder / "disk.img", folder / "vmlinuz", folder / "initrd", folder / "key")


def mirror() -> str:
    """Return the Debian mirror that this machine's own apt uses. Raises Unavailable where apt knows none.

    Read when it is needed: which mirror a machine uses is that machine's business and stands in no file of ours.
    """
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(REPO_URI)"], capture_output=True, text=True, check=False
    )
    for line in listing.stdout.splitlines():
        kind, origin, label, uri = (line.split("|", 3) + ["", "", ""])[:4]
        if (kind, origin, label) == ("Packages", "Debian", "Debian"):
            return uri
    raise Unavailable("apt knows no mirror of Debian: run apt-get update, or name one in its sources")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@contextlib.contextmanager
def _locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock on a folder, or on a file that is made for it."""
    lock = os.open(path, os.O_RDONLY) if path.is_dir() else os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        os.close(lock)


def _run(*command: str | Path) -> None:
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)


def _make_folder(suite: str, tar: Path, folder: Path) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="new-", dir=tar.parent) as scratch_name:
        scratch = Path(scratch_name)
        if not tar.exists():
            _install(suite, scratch / "root.tar")
            _run("zstd", "-q", "-T0", "-3", "--rm", scratch / "root.tar", "-o", scratch / "root.tar.zst")
            os.replace(scratch / "root.tar.zst", tar)
        made = scratch / "made"
        made.mkdir()
        _make_disk(suite, tar, scratch / "root", made)
        os.rename(made, folder)
    print("image of %s: %.0f s" % (suite, time.monotonic() - started), file=sys.stderr, flush=True)


def _install(suite: str, tar: Path) -> None:
    # One source line on purpose: a suite's security archive lists kernels whose files are gone, and moves meanwhile.
    _run(*INSTALL, suite, tar, "deb %s %s main" % (mirror(), suite))


def _make_disk(suite: str, tar: Path, root: Path, made: Path) -> None:
    root.mkdir()
    _run("tar", "--zstd", "-xf", tar, "-C", root, "--exclude=./var/lib/apt/lists/*", "--exclude=./var/cache/apt/*")
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "front-tier test", "-f", made / "key")
    _edit(suite, root, (made / "key.pub").read_text())
    for name, target in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd")):
        shutil.copyfile(max((root / "boot").glob(name)), made / target)
    for initrd in (root / "boot").glob("initrd*"):
        initrd.unlink()
    _run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", root, made / "disk.img", "1500M")


def _edit(suite: str, root: Path, public_key: str) -> None:
    files = dict(FILES)
    files["etc/hostname"] = suite + "\n"
    files["etc/machine-id"] = _digest(suite, public_key)[:12].ljust(32, "0") + "\n"
    files["root/.ssh/authorized_keys"] = public_key
    # A client that connects and leaves is what waiting for the machine looks like; sshd 9.8 and later would ban it.
    penalties = "PerSourcePenalties no\n" if suite in ("trixie", "sid") else ""
    files["etc/ssh/sshd_config.d/control.conf"] = "UseDNS no\nGSSAPIAuthentication no\n" + penalties
    for old in (root / "etc/ssh").glob("ssh_host_*"):
        old.unlink()
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o600 if path.startswith(PRIVATE) else 0o644)
    (root / "root/.ssh").chmod(0o700)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", suite, "-f", root / "etc/ssh/ssh_host_ed25519_key")
    _run("chroot", root, "systemctl", "--quiet", "enable", "systemd-networkd.service", "NetworkManager.service", "networking.service")
    units = root / "etc/systemd/system"
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "ctl-nic.service").symlink_to("/etc/systemd/system/ctl-nic.service")
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")


def _drop_older(cache: Path, suite: str, keep: set[str]) -> None:
    for path in cache.glob(suite + "-*"):
        if path.name in keep:
            continue
        if path.is_file():
            path.unlink()
            continue
        with contextlib.suppress(BlockingIOError), _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(path, ignore_errors=True)


def main() -> int:
    """Build the suites that the command line names and print their folders."""
    parser = argparse.ArgumentParser(description="Build the virtual machines' images.")
    parser.add_argument("suites", nargs="+", choices=sorted(KERNELS))
    for suite in parser.parse_args().suites:
        try:
            print(build(suite).disk.parent)
        except (Unavailable, subprocess.CalledProcessError) as error:
            print("image of %s: %s" % (suite, error), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
