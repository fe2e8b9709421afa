# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls: what is read is a value that a kernel prints, or an absence with the right reason."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS, values
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import is_valid
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, sysctl_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl import read_sysctl, read_sysctls

RANGE, RESERVED, BACKLOG = "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.core.somaxconn"


def value_of(root, name):
    """Return the value that is read of one sysctl."""
    return read_sysctl(root, name, SYSCTLS[name], None)["value"]


@pytest.mark.parametrize(
    "name, path",
    [(BACKLOG, "/proc/sys/net/core/somaxconn"), ("net.ipv4.conf.eth0/100.rp_filter", "/proc/sys/net/ipv4/conf/eth0.100/rp_filter")],
)
def test_the_file_of_a_name(name, path):
    """Dots become slashes, and the slash that stands for a dot in an interface's name becomes a dot."""
    assert sysctl_path(name) == path


@pytest.mark.parametrize(
    "name, text, expected",
    [
        (BACKLOG, "4096\n", 4096),
        (RANGE, "32768\t60999\n", [32768, 60999]),
        (RESERVED, "\n", []),
        (RESERVED, "80,90-99\n", ["80", "90-99"]),
        ("net.ipv4.tcp_mem", "1\t2\t3\n", [1, 2, 3]),
        ("fs.file-max", "9223372036854775807\n", 9223372036854775807),
    ],
)
def test_what_a_kernel_prints(plant, name, text, expected):
    """A number, a list of numbers or a list of ports, each as plain data."""
    assert value_of(plant({sysctl_path(name): text}), name) == expected


@pytest.mark.parametrize(
    "name, content",
    [
        (BACKLOG, ""),
        (BACKLOG, "\n"),
        (BACKLOG, "junk\n"),
        (BACKLOG, b"\x00\xff\xfe"),
        (BACKLOG, b"\x00" * 4096),
        (RANGE, "5\n"),
        (RANGE, "60999 32768\n"),
        (RANGE, "1 99999999999\n"),
        (RANGE, "-5 10\n"),
        (RESERVED, "junk\n"),
        (RESERVED, "90-80\n"),
        (RESERVED, "80-\n"),
        (BACKLOG, b"7" * (11 << 20)),
    ],
)
def test_what_no_kernel_prints_is_unreadable(plant, name, content):
    """Junk is an absence that names the file, never an empty text or a number."""
    found = value_of(plant({sysctl_path(name): content}), name)
    assert found["absent"] == "unreadable" and found["detail"].startswith(sysctl_path(name) + ": ")
    assert len(found["detail"]) < 200


@pytest.mark.parametrize(
    "name, reason",
    [("net.netfilter.nf_conntrack_max", "not_loaded"), ("net.ipv4.tcp_mem", "unknown"), ("net.ipv4.tcp_tw_reuse_delay", "too_old")],
)
def test_why_a_file_is_missing(tmp_path, name, reason):
    """A missing module, a namespace that does not show it, and a kernel that does not have it are told apart."""
    assert value_of(Root(str(tmp_path)), name)["absent"] == reason


def test_a_folder_in_place_of_the_file(plant):
    """What is there but is no file is unreadable, not a kernel too old."""
    assert value_of(plant({sysctl_path(BACKLOG) + "/x": ""}), BACKLOG)["absent"] == "unreadable"


def test_in_a_container_what_the_machine_shares_is_outside(plant):
    """A sysctl of the whole kernel belongs to the machine outside; one of the namespace does not."""
    root = plant({})
    scopes = {row["name"]: row["scope"] for row in read_sysctls(root, ["min", "files"], [], "docker")}
    assert (scopes["fs.file-max"], scopes[RANGE]) == ("outside", "netns")


def test_each_interface_has_its_own_filter(plant):
    """rp_filter is read for every interface, dots in names included."""
    root = plant({"/proc/sys/net/ipv4/conf/eth0.100/rp_filter": "1\n"})
    rows = {row["name"]: row["value"] for row in read_sysctls(root, ["sockets"], ["eth0.100"], None)}
    assert rows["net.ipv4.conf.eth0/100.rp_filter"] == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from([BACKLOG, RANGE, RESERVED, "net.ipv4.tcp_mem"]), st.binary(max_size=60))
def test_any_bytes_are_a_valid_value_or_an_absence(tmp_path, name, content):
    """Whatever a file holds, what comes out is a value that the model can use, or an absence."""
    path = tmp_path / sysctl_path(name)[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found = value_of(Root(str(tmp_path)), name)
    assert is_absent(found) or is_valid(name, found)


@given(st.sampled_from(sorted(SYSCTLS)), st.text(max_size=80))
def test_values_takes_any_text(name, text):
    """A text from a file of settings becomes plain data, whatever stands in it."""
    assert isinstance(values(name, text), (int, str, list))
