# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: members, listeners, connections, limits of their groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.services import (
    MEMORY,
    TASKS,
    Members,
    parse_limit,
    parse_mounts,
    read_group,
    read_services,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._read.systemd import parse_show, read_live

FIELDS = " ".join(str(number) for number in range(5, 53))
UNIFIED = "1 2 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
LIMITS = "Max open files            1024                 4096                 files     \n"


def process(pid, program, parent=1, cgroup="0::/\n", sockets=()):
    """Return the files of a process."""
    folder = "/proc/%d/" % pid
    files = {folder + "stat": "%d (%s) S %d %s" % (pid, program, parent, FIELDS), folder + "cgroup": cgroup}
    files.update({folder + "status": "Name: x\nUid:\t33\t33\t33\t33\n", folder + "limits": LIMITS, folder + "fd/": ""})
    files.update({"%sfd/%d" % (folder, fd): ("link", "socket:[%d]" % inode) for fd, inode in enumerate(sockets, 3)})
    return files


def host(*processes, **more):
    """Return the files of a host with these processes."""
    files = {"/proc/uptime": "1000.00 1.00\n", "/proc/self/mountinfo": UNIFIED}
    for one in processes:
        files.update(one)
    return dict(files, **more)


def listener(inode, port=80):
    """Return a listener as read_sockets() returns it."""
    return {"address": "0.0.0.0", "port": port, "family": "inet", "inode": inode, "cgroup": None}


WEB = "0::/system.slice/web.service\n"
WITH_UNITS = host(
    process(1, "systemd", 0, "0::/init.scope\n", (11,)),
    process(10, "nginx", 1, WEB, (11, 12)),
    process(20, "nginx", 10, WEB, (11, 101, 102)),
    process(21, "nginx", 10, WEB, (11, 103)),
    process(30, "cat", 1, "0::/system.slice/other.service\n"),
)


def test_service_with_a_unit(plant):
    """A service is its unit with every process; the main one is that whose parent is none of them."""
    listeners = [listener(11), listener(12, 443), listener(99, 7)]
    sockets = {"listeners": listeners, "inodes": {101, 102, 103, 104}, "seen": 4, "sampled": False}
    (service,) = read_services(plant(WITH_UNITS), sockets)
    assert [one["service"] for one in listeners] == ["web.service", "web.service", None]
    assert (service["name"], service["program"], service["main_pid"]) == ("web.service", "nginx", 10)
    assert [(one["pid"], one["connections"], one["files_open"]) for one in service["processes"]] == [(10, 0, 2), (20, 2, 3), (21, 1, 2)]
    assert service["connections"] == 3
    assert service["processes"][0]["nofile"] == {"soft": 1024, "hard": 4096}
    assert is_absent(service["live"]) and is_absent(service["needs_reload"])


def test_connections_of_a_sample(plant):
    """Of a sample of the sockets nothing can be counted by process: an absence, not a small number."""
    sockets = {"listeners": [listener(11)], "inodes": {101, 102}, "seen": 20000, "sampled": True}
    (service,) = read_services(plant(WITH_UNITS), sockets)
    assert is_absent(service["connections"]) and all(is_absent(one["connections"]) for one in service["processes"])


def test_programs_without_units(plant):
    """Without units a family of one program is a service: daemon and workers, old and new ones under one parent."""
    root = plant(
        host(
            process(1, "init", 0),
            process(10, "haproxy", 1, sockets=(11,)),
            process(11, "haproxy", 10, sockets=(11, 101)),
            process(12, "haproxy", 10, sockets=(102,)),
            process(40, "sh", 1),
            process(41, "haproxy", 40, sockets=(103, 0)),
            process(50, "idle", 1),
            process(60, "kworker/0:1", 2),
        )
    )
    sockets = {"listeners": [listener(11)], "inodes": {0, 101, 102, 103}, "seen": 3, "sampled": False}
    services = read_services(root, sockets)
    assert [(one["name"], [row["pid"] for row in one["processes"]], one["connections"]) for one in services] == [
        ("haproxy", [10, 11, 12], 2),
        ("haproxy (pid 41)", [41], 1),
    ]
    assert sockets["listeners"][0]["service"] == "haproxy"
    assert "kworker/0:1" not in Members(root).names()


@pytest.mark.parametrize("asked", ["web", "web.service"])
def test_wanted(plant, asked):
    """A wanted service is found with and without its suffix, although nothing of it listens."""
    (service,) = read_services(plant(WITH_UNITS), {"listeners": []}, [asked])
    assert (service["name"], service["asked"], len(service["processes"])) == ("web.service", [asked], 3)


def test_wanted_that_does_not_run(plant):
    """A unit that has a file exists without processes, also an instance of a template."""
    files = dict(WITH_UNITS, **{"/usr/lib/systemd/system/hap@.service": "", "/etc/systemd/system/redis.service": ""})
    services = read_services(plant(files), {"listeners": []}, ["hap@a", "redis"])
    assert [(one["name"], one["processes"], one.get("missing")) for one in services] == [
        ("hap@a.service", [], None),
        ("redis.service", [], None),
    ]


@pytest.mark.parametrize("asked", ["wab", "wab.service", "-p", "*", "../web.service", "", "\u20ac"])
def test_wanted_that_does_not_exist(plant, asked):
    """What does not exist is reported with the names that are near."""
    (service,) = read_services(plant(WITH_UNITS), {"listeners": []}, [asked])
    assert service["missing"] is True and service["asked"] == [asked]
    assert ("web.service" in service["near"]) == asked.startswith("wab")


def test_recorded_host_asks_nobody(plant):
    """systemd is asked on a live host only."""
    assert read_live(plant({"/run/systemd/system/": ""}), ["web.service"]) == {}


SHOWN = """Id=ssh.service
LoadState=loaded
MainPID=86
LimitNOFILE=infinity
LimitNOFILESoft=1024
TasksMax=18446744073709551615
MemoryMax=1048576
NeedDaemonReload=yes

Id=gone.service
LoadState=not-found
MainPID=0

"""


def test_systemctl_show():
    """One block for each unit; what has no limit is `unlimited`, however it is written, what is not said an absence."""
    first, second = parse_show(SHOWN)
    wanted = {"id": "ssh.service", "exists": True, "main_pid": 86, "tasks": "unlimited", "memory": 1048576}
    assert first == dict(wanted, nofile={"soft": 1024, "hard": "unlimited"}, needs_reload=True)
    assert (second["id"], second["exists"], is_absent(second["nofile"])) == ("gone.service", False, True)


V1 = "1 2 0:1 %s /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n2 2 0:2 %s /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
WEB_FOLDER = "/sys/fs/cgroup/system.slice/web.service/"


@pytest.mark.parametrize(
    "files, limit, used, source",
    [
        ({"memory.max": "500", "memory.high": "400", "memory.current": "7"}, 400, 7, WEB_FOLDER + "memory.high"),
        ({"memory.max": "max", "memory.high": "max", "memory.current": "7"}, "unlimited", 7, WEB_FOLDER + "memory.max"),
        ({"memory.max": "500", "../memory.max": "300", "../memory.current": "9"}, 300, 9, "/sys/fs/cgroup/system.slice/memory.max"),
        ({"memory.max": "500", "../memory.max": "500", "memory.current": "7"}, 500, 7, WEB_FOLDER + "memory.max"),
        ({"memory.max": "500", "../../memory.max": "5", "../../memory.current": "1"}, 5, 1, "/sys/fs/cgroup/memory.max"),
        ({"memory.max": "junk", "memory.high": "600", "memory.current": "7"}, 600, 7, WEB_FOLDER + "memory.high"),
    ],
)
def test_smallest_limit_on_the_way_up(plant, files, limit, used, source):
    """The smallest limit of a group and those around it binds, the nearest of equal ones, with what that group uses."""
    import os.path

    root = plant({os.path.normpath(WEB_FOLDER + name): text + "\n" for name, text in files.items()})
    found = read_group(root, parse_mounts(UNIFIED), {"": "/system.slice/web.service"}, MEMORY)
    assert found == {"limit": limit, "used": used, "source": source}


def test_version_1(plant):
    """Version 1 has a hierarchy for each controller, and a number near 2^63 for no limit."""
    root = plant(
        {
            "/sys/fs/cgroup/memory/web/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/web/memory.usage_in_bytes": "8\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/pids/pids.max": "2048\n",
            "/sys/fs/cgroup/pids/pids.current": "14\n",
        }
    )
    mounts = parse_mounts(V1 % ("/", "/libpod-4f"))
    groups = {"memory": "/web", "pids": "/libpod-4f"}
    memory = {"limit": "unlimited", "used": 8, "source": "/sys/fs/cgroup/memory/web/memory.limit_in_bytes"}
    assert read_group(root, mounts, groups, MEMORY) == memory
    assert read_group(root, mounts, groups, TASKS) == {"limit": 2048, "used": 14, "source": "/sys/fs/cgroup/pids/pids.max"}
    assert is_absent(read_group(root, mounts, dict(groups, memory="/"), MEMORY)["used"])


def test_no_group(plant):
    """Without control groups a limit is an absence."""
    assert is_absent(read_group(plant({}), {}, {}, MEMORY))
    assert is_absent(read_group(plant({}), parse_mounts(UNIFIED), {"": "/a"}, TASKS))


@given(st.text(), st.text(alphabet="Id=a\n0 9"))
def test_any_text(text, more):
    """No text makes the parsers fail."""
    parse_show(text + more)
    parse_limit(text)
    parse_mounts(text)
    parse_mounts("1 2 3 4 5 - cgroup " + text)
