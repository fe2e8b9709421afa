# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host: container or machine, capabilities, sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.container import parse_traces, read_container
from ansible_collections.c10m.front_tier.plugins.module_utils._read.host import is_privileged, read_host

FIRST = {
    "/proc/self/ns/pid": ("link", "pid:[4026531836]"),
    "/proc/self/ns/uts": ("link", "uts:[4026531838]"),
    "/proc/self/ns/ipc": ("link", "ipc:[4026531839]"),
}
OWN = dict(FIRST, **{"/proc/self/ns/pid": ("link", "pid:[4026532180]")})
OVERLAY = "1 2 0:1 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/X\n"


@pytest.mark.parametrize(
    "files, container",
    [
        (FIRST, None),
        (dict(FIRST, **{"/.dockerenv": "", "/run/.containerenv": ""}), None),
        (dict(OWN, **{"/.dockerenv": ""}), "docker"),
        (dict(OWN, **{"/run/.containerenv": "engine=podman"}), "podman"),
        ({"/.dockerenv": ""}, "docker"),
        (OWN, "other"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"/run/systemd/container": "lxc-libvirt"}, "lxc"),
        ({"/run/systemd/container": "rkt"}, "other"),
        ({"/proc/1/environ": "TERM=linux\0container=podman\0"}, "podman"),
        ({"/proc/1/environ": "notcontainer=podman\0container_uuid=7\0"}, None),
        ({"/var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, "kubernetes"),
        ({"/proc/self/cgroup": "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope\n"}, "kubernetes"),
        ({"/proc/self/cgroup": "9:name=systemd:/libpod_parent/libpod-46\n"}, "podman"),
        ({"/proc/self/cgroup": "0::/system.slice/docker-4f.scope\n"}, "docker"),
        ({"/proc/self/cgroup": "0::/user.slice/user-0.slice/session-1.scope\n"}, None),
        ({"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": OVERLAY}, None),
        ({"/proc/self/mountinfo": "1 2 0:1 /var/lib/docker/containers/4f/hosts /etc/hosts rw - ext4 a rw\n"}, "docker"),
        ({}, None),
    ],
)
def test_container(plant, files, container):
    """A container is known by what its manager leaves; a marker in the image of a whole machine is none."""
    assert read_container(plant(files)) == container


@pytest.mark.parametrize(
    "status, privileged",
    [
        ("CapPrm:\t0000000000000000\nCapEff:\t0000000000001000\n", True),
        ("CapPrm:\t0000000000001000\nCapEff:\t0000000000000000\n", False),
        ("CapEff:\t000001ffffffefff\n", False),
        ("CapEff:\tjunk\n", False),
        ("", False),
    ],
)
def test_privileged(plant, status, privileged):
    """Only the effective CAP_NET_ADMIN counts, not the user's number."""
    assert is_privileged(plant({"/proc/self/status": status})) is privileged


def test_recorded_host(plant):
    """A recorded host says what its files say, and an absence where no file does."""
    root = plant(
        {
            "/proc/sys/kernel/osrelease": "6.1.0-56\n",
            "/proc/sys/kernel/hostname": "edge-01\n",
            "/run/systemd/system/": "",
            "/proc/stat": "cpu  1 2\ncpu0 1 2\ncpu1 1 2\ncpu11 1 2\nintr 5\n",
            "/proc/meminfo": "MemTotal: 2048 kB\n",
        }
    )
    host = read_host(root)
    assert host.pop("page_size")["absent"] == "unknown"
    assert host == {
        "system": "Linux",
        "kernel": "6.1.0-56",
        "hostname": "edge-01",
        "container": None,
        "privileged": False,
        "init": "systemd",
        "cpus": 3,
        "memory": 2097152,
    }


def test_empty_tree(plant):
    """Of nothing at all come absences and no zeros."""
    host = read_host(plant({}))
    assert [key for key, value in sorted(host.items()) if isinstance(value, dict)] == ["cpus", "hostname", "kernel", "memory", "page_size"]


@given(st.text(), st.text())
def test_traces_of_anything(cgroup, mountinfo):
    """No text makes the parser fail."""
    assert parse_traces(cgroup, mountinfo) in (None, "kubernetes", "podman", "docker", "lxc")
