# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and their descriptors."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read import processes
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import (
    parse_cgroups,
    parse_nofile,
    parse_stat,
    read_files_open,
    read_processes,
    socket_inodes,
    socket_owners,
    sockets_of,
    top_of,
    unit_of,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

LIMITS = "Limit   Soft Limit  Hard Limit  Units\nMax processes  1 2 processes\nMax open files    %s   %s    files     \n"
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize(
    "text, unit",
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        ("0::/system.slice/system-haproxy.slice/haproxy@a.service/sub\n", "haproxy@a.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n", "user@1000.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"),
        ("9:name=systemd:/system.slice/a.service\n0::/\n", "a.service"),
        ("9:name=systemd:/\n4:memory:/x.service\n0::/system.slice/b.service\n", "b.service"),
        ("0::/\n", None),
        ("0::/init.scope\n", "init.scope"),
        ("", None),
        ("::::\n:\n", None),
    ],
)
def test_unit(text, unit):
    """The unit is the first folder that is one, in systemd's own hierarchy or that of version 2."""
    assert unit_of(parse_cgroups(text)) == unit


def test_unit_in_a_container():
    """Inside a container the container's own group, which may be a scope of the machine around it, is no unit."""
    top = top_of(parse_cgroups("0::/machine.slice/libpod-4f.scope/init.scope\n"))
    inside = parse_cgroups("0::/machine.slice/libpod-4f.scope/system.slice/nginx.service\n")
    assert (unit_of(inside, top), unit_of(inside)) == ("nginx.service", "libpod-4f.scope")
    assert unit_of(parse_cgroups("0::/machine.slice/libpod-4f.scope\n"), top) is None
    assert unit_of(parse_cgroups("0::/elsewhere/x.service\n"), top) is None


@pytest.mark.parametrize("name", ["nginx", "a b", "a) R 1 (b", "(sd-pam)", "x\ny"])
def test_stat_with_any_name(name):
    """A name may hold blanks, brackets and line ends: the last closing bracket ends it."""
    fields = " ".join(str(number) for number in range(5, 53))
    assert parse_stat("812 (%s) S 7 %s" % (name, fields)) == {"program": name, "parent": 7, "started": 22}


def test_nofile():
    """A limit is a number or `unlimited`; a file without it is an absence."""
    assert parse_nofile(LIMITS % (1024, 524288)) == {"soft": 1024, "hard": 524288}
    assert parse_nofile(LIMITS % ("unlimited", "unlimited")) == {"soft": "unlimited", "hard": "unlimited"}
    assert is_absent(parse_nofile("Max processes 1 2 x\n")) and is_absent(parse_nofile(""))


@linux
def test_this_process():
    """A process reads itself: limits, user, age and the number of descriptors."""
    (row,) = read_processes(Root(), [os.getpid()])
    soft, hard = ("unlimited" if value < 0 else value for value in resource.getrlimit(resource.RLIMIT_NOFILE))
    assert row["nofile"] == {"soft": soft, "hard": hard}
    assert (row["uid"], row["parent"], row["pid"]) == (os.getuid(), os.getppid(), os.getpid())
    assert 0 <= row["age"] < 86400
    before = read_files_open(Root(), os.getpid())
    with open(os.devnull, "rb"):
        assert read_files_open(Root(), os.getpid()) == before + 1


@linux
def test_process_that_is_gone():
    """A process that ended while the list was read is left out."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert read_processes(Root(), [child.pid]) == []


@linux
def test_owner_of_a_socket():
    """The process that holds a socket is found by its inode; sockets of nobody stay out."""
    with socket.socket() as one, socket.socket() as two:
        inodes = {os.fstat(one.fileno()).st_ino, os.fstat(two.fileno()).st_ino}
        assert socket_owners(Root(), inodes | {1}, [os.getpid()]) == dict.fromkeys(inodes, os.getpid())
        assert inodes <= (sockets_of(Root(), os.getpid()) or set())


@linux
def test_sockets_of_a_process_with_many_descriptors(monkeypatch):
    """Also with many open, and with gaps between their numbers, each socket is found once, those with a high number too."""
    monkeypatch.setattr(processes, "MOST_LINKS", 64)  # a session may open 1,024
    with contextlib.ExitStack() as kept:
        files = [kept.enter_context(open(os.devnull)) for _dummy in range(150)]
        held = [kept.enter_context(socket.socket()) for _dummy in range(3)]
        os.dup2(held[1].fileno(), 900)
        kept.callback(os.close, 900)
        for number in files[20:140]:
            number.close()
        more = [kept.enter_context(socket.socket()) for _dummy in range(100)]
        wanted = sorted(os.fstat(one.fileno()).st_ino for one in [*held, held[1], *more])
        assert sorted(inode for inode in socket_inodes(Root(), os.getpid()) if inode in set(wanted)) == wanted
        after = list(socket_inodes(Root(), os.getpid(), 800))
        assert after == [os.fstat(900).st_ino]


def test_recorded_host(plant):
    """A recorded process gives what its files say, and absences for what they do not."""
    fields = " ".join(str(number) for number in range(5, 53))
    root = plant(
        {
            "/proc/812/stat": "812 (nginx) S 1 " + fields,
            "/proc/812/fd/3": ("link", "socket:[77]"),
            "/proc/812/fd/4": ("link", "/dev/null"),
            "/proc/812/cgroup": "0::/system.slice/nginx.service\n",
            "/proc/uptime": "100.50 7.00\n",
            "/proc/self": ("link", "812"),
        }
    )
    (row,) = read_processes(root)
    assert row["draining"] is False
    assert (row["program"], row["unit"], row["files_open"], row["age"]) == ("nginx", "nginx.service", 2, 100)
    assert is_absent(row["nofile"]) and is_absent(row["uid"])
    assert socket_owners(root, {77, 78}) == {77: 812}
    assert sockets_of(root, 812) == {77} and sockets_of(root, 5) is None


@pytest.mark.parametrize(
    ("program", "title", "draining"),
    [
        ("nginx", "nginx: worker process is shutting down\0\0", True),
        ("nginx", "nginx: worker process\0", False),
        ("nginx", "", False),
        ("web", "nginx: worker process is shutting down", False),  # anybody may call himself so; nothing is believed of others
    ],
)
def test_a_worker_of_nginx_says_that_it_drains(plant, program, title, draining):
    """After a reload the old workers have it in their title; a title that cannot be read says nothing."""
    stat = "812 (%s) S 1 %s" % (program, " ".join(str(number) for number in range(5, 53)))
    (row,) = read_processes(plant({"/proc/812/stat": stat, "/proc/812/cmdline": title}))
    assert row["draining"] is draining


@given(st.text())
def test_any_text(text):
    """No text makes the parsers fail."""
    parse_stat(text)
    parse_stat("1 (%s" % text)
    parse_nofile("Max open files " + text)
    groups = parse_cgroups(text)
    unit_of(groups, top_of(groups))
