# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as a tree of plain files, with a real process of this test in one of its units."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import SECTIONS
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

FILES = {
    "/proc/sys/fs/nr_open": "1048576\n",
    "/proc/sys/fs/file-max": "9223372036854775807\n",
    "/proc/sys/kernel/random/boot_id": "6b1f3c1e-0000-4000-8000-000000000000\n",
    "/proc/meminfo": "MemTotal:        8000000 kB\nMemAvailable:    7000000 kB\n",
    "/proc/1/cgroup": "0::/init.scope\n",
    "/run/systemd/system/.keep": "",
    "/etc/systemd/system/.keep": "",
    "/etc/security/limits.conf": "# comments stay\n*  soft  core  0\n",
    "/etc/pam.d/sshd": "session required pam_limits.so\n",
    "/usr/lib/systemd/system/web.service": "[Service]\nExecStart=/usr/sbin/web\n",
    "/usr/lib/systemd/system/app@.service": "[Service]\nExecStart=/usr/sbin/app\n",
    "/var/lib/.keep": "",
}
HARD = min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
SLEEP = "import ctypes, resource, time; ctypes.CDLL(None).prctl(15, %r, 0, 0, 0); "  # PR_SET_NAME
SLEEP += "resource.setrlimit(resource.RLIMIT_NOFILE, (1024, %d)); print(flush=True); time.sleep(600)"


class Host:
    """A tree, what it holds, and changes to it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.children: list[subprocess.Popen] = []
        self.plant(FILES)

    def plant(self, files):
        """Put files, or links as ("link", target), into the tree."""
        for name, content in files.items():
            path = Path(str(self.top) + name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, tuple):
                path.symlink_to(content[1])
            else:
                path.write_text(content)

    def text(self, name):
        """Return a file's text, None where there is none."""
        path = Path(str(self.top) + name)
        return path.read_text() if path.is_file() else None

    def change(self, check=False, **params):
        """Make the change of fd_limits, or of all sections that are named."""
        common = {"name": "front-tier", "persist": True, "live": True, "on_override": "fail", "skip_unavailable": False}
        options = {"nofile": None, "users": [], "units": [], "default": False, "shared": False}
        section = None if {"kernel_settings", "fd_limits"} & set(params) else "fd_limits"
        given = dict(common, state="present", lock_timeout=1.0, **({} if section is None else options))
        if section is None:
            given.update(dict.fromkeys(SECTIONS))
            params = {key: dict(options, **value) if key == "fd_limits" and value else value for key, value in params.items()}
        return change.change(dict(given, **params), section, check, Root(str(self.top)))

    def process(self, unit, program="web"):
        """Start a process (soft 1024, hard HARD) that the tree has in a unit; return its number."""
        child = subprocess.Popen([sys.executable, "-c", SLEEP % (program.encode(), HARD)], stdout=subprocess.PIPE)
        self.children.append(child)
        child.stdout.read(1)
        self.show(child.pid, unit)
        return child.pid

    def show(self, pid, unit):
        """Let the tree have a real process in a unit."""
        self.plant(
            {"/proc/%d/cgroup" % pid: "0::/system.slice/%s\n" % unit, "/proc/%d/stat" % pid: Path("/proc/%d/stat" % pid).read_text()}
        )

    def snapshot(self):
        """Return {path: (content, mode, inode)} of everything but our state and lock."""
        found = {}
        for path in sorted(self.top.rglob("*")):
            name = "/" + str(path.relative_to(self.top))
            if not name.startswith(("/var/lib/front-tier", "/run/front-tier.lock", "/proc/")):
                found[name] = (path.read_bytes() if path.is_file() else None, path.lstat().st_mode)
        return found


def limits(pid):
    """Return (soft, hard) of a process as the kernel has them."""
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)


@pytest.fixture
def host(tmp_path):
    """Return a host in a tree; its processes end with the test."""
    made = Host(tmp_path)
    yield made
    for child in made.children:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture(autouse=True)
def _as_root():
    if os.geteuid():
        pytest.skip("changing a host takes root")
