# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot values beside live ones: defaults, services, the manager, users."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read import boot

BASE = {"/run/systemd/system/": "", "/proc/1/comm": "systemd\n"}


def snapshot(*names, container=None, init="systemd", services=()):
    """Return as much of a snapshot as boot values are written into."""
    scope = "outside" if container else "kernel"
    rows = [{"name": name, "scope": scope if name.startswith("fs.") else "netns", "value": 1} for name in names]
    return {"host": {"container": container, "init": init}, "limits": rows, "services": [{"name": name} for name in services]}


def read(root, found):
    """Return the snapshot with boot values."""
    boot.read_boot(root, found)
    return found


@pytest.mark.parametrize(
    "name, systemd, value",
    [
        ("fs.file-max", True, (1 << 63) - 1),
        ("fs.file-max", False, None),
        ("net.core.somaxconn", True, 4096),
        ("net.ipv4.ip_local_port_range", False, [32768, 60999]),
        ("net.ipv4.ip_local_reserved_ports", True, []),
        ("net.ipv4.tcp_mem", True, None),
        ("net.ipv4.conf.eth0.rp_filter", True, None),
    ],
)
def test_defaults(name, systemd, value):
    """Where no file decides it is the kernel's (or systemd's) own value, or an absence where that depends on the machine."""
    found = boot.default_at_boot(name, systemd)
    assert is_absent(found) if value is None else found == value


@pytest.mark.parametrize(
    "text, live, value",
    [
        ("65535", 4096, 65535),
        ("010", 7200, 8),
        ("0x4000", 1, 16384),
        ("7 # remark", 9, 7),
        ("-1", 0, -1),
        ("4096 131072 0x10", [1, 2, 3], [4096, 131072, 16]),
        ("4096 131072 5 6", [1, 2, 3], [4096, 131072, 5]),
        ("4096 100000", [1, 2, 3], None),
        ("junk", 1, "junk"),
        ("08", 1, 8),
        ("8080-8081", [], ["8080-8081"]),
    ],
)
def test_a_line_is_read_as_the_kernel_reads_it(text, live, value):
    """C's notation, remarks behind a number, lists that are too short or too long: what the kernel makes of them."""
    name = "net.ipv4.ip_local_reserved_ports" if live == [] else "net.x"
    found = boot.written(name, text, live)
    assert is_absent(found) if value is None else found == value


def test_a_container_does_not_decide_for_the_machine(plant):
    """What belongs to the machine outside has no boot value here."""
    found = read(plant(dict(BASE, **{"/etc/sysctl.d/a.conf": "fs.nr_open = 5\n"})), snapshot("fs.nr_open", container="docker"))
    assert found["limits"][0]["boot"]["value"] == {"absent": "unknown", "detail": "it belongs to the machine around this container"}


def test_a_container_does_not_promise_what_its_engine_decides(plant):
    """The default of interfaces reaches one only before it has an address, and in a container the engine gives it that."""
    files = dict(BASE, **{"/etc/sysctl.d/a.conf": "net.ipv4.conf.default.rp_filter = 2\n", "/proc/sys/net/ipv4/conf/eth1/rp_filter": "0\n"})
    name = "net.ipv4.conf.eth1.rp_filter"
    assert 2 == read(plant(files), snapshot(name))["limits"][0]["boot"]["value"]
    assert is_absent(read(plant(files), snapshot(name, container="podman"))["limits"][0]["boot"]["value"])


def test_without_anything_that_applies_files(tmp_path, plant):
    """Where nothing reads sysctl.d at boot, that is the boot value's absence, not the file's number."""
    found = read(plant({"/proc/1/comm": "node\n"}), snapshot("net.core.somaxconn", init="other"))
    boots = found["limits"][0]["boot"]
    assert is_absent(boots["value"]) and "node" in boots["value"]["detail"] and boots["source"] is None


@pytest.mark.parametrize(
    "path, text, nofile, source",
    [
        ("/etc/nothing", "", {"soft": 1024, "hard": 524288}, None),
        ("/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=2048:4096\n", {"soft": 2048, "hard": 4096}, ":2"),
        ("/etc/systemd/system/a.service.d/x.conf", "[Service]\nLimitNOFILE=77\n", {"soft": 77, "hard": 77}, ":2"),
    ],
)
def test_descriptors_of_a_service(plant, path, text, nofile, source):
    """A unit's own line goes before the manager's default, and that before what is built in."""
    root = plant(dict(BASE, **{"/usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/a\n", path: text}))
    found = read(root, snapshot(services=["a.service"]))["services"][0]["boot"]
    assert (found["nofile"], found["source"]) == (nofile, source and path + source)


def test_a_service_without_a_unit(plant):
    """A program that no unit starts has no boot value."""
    found = read(plant(BASE), snapshot(services=["gone.service", "web"]))
    assert is_absent(found["services"][0]["boot"]["nofile"]) and found["services"][1]["boot"]["source"] is None


def test_users_of_limits_conf(plant):
    """Each domain with a rule for descriptors is a limit of its own; a side without a rule is inherited."""
    root = plant(dict(BASE, **{"/etc/security/limits.d/w.conf": "@web hard nofile 4096\nbob - nofile unlimited\n* soft nproc 5\n"}))
    rows = {row["subject"]: row for row in read(root, snapshot())["limits"] if row["name"] == "nofile"}
    assert set(rows) == {"@web", "bob"} and rows["bob"]["value"] == {"soft": "unlimited", "hard": "unlimited"}
    assert rows["@web"]["value"]["hard"] == 4096 and is_absent(rows["@web"]["value"]["soft"])
    assert rows["@web"]["source"] == "/etc/security/limits.d/w.conf:1"


@pytest.mark.parametrize(
    "text, value",
    [
        ("DefaultLimitNOFILE=524288\nDefaultLimitNOFILESoft=1024\n", {"soft": 1024, "hard": 524288}),
        ("DefaultLimitNOFILE=infinity\nDefaultLimitNOFILESoft=1024\n", {"soft": 1024, "hard": "unlimited"}),
        ("DefaultLimitNOFILE=524288\n", None),
        ("DefaultLimitNOFILE=\u00b2\nDefaultLimitNOFILESoft=1\n", None),
        ("", None),
    ],
)
def test_what_systemctl_shows_of_the_manager(text, value):
    """Numbers or no limit; anything else is an absence."""
    found = boot._nofile(text)
    assert is_absent(found) if value is None else found == value


@given(st.text(max_size=100))
def test_any_output_of_systemctl(text):
    """Whatever systemctl prints, no crash."""
    boot._nofile(text)


def test_problems_are_bounded(plant):
    """A file with a thousand wrong lines does not make a result of a thousand rows."""
    found = read(plant(dict(BASE, **{"/etc/sysctl.d/a.conf": "junk\n" * 1000})), snapshot())
    assert len(found["boot"]["problems"]) == boot.MOST_PROBLEMS
