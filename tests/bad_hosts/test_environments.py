# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit on this machine, made worse: no tools, no locale, no privilege, no namespace as it should be, system calls refused."""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import platform
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from tests.witness.apart import NEW_MOUNT, NEW_NETWORK, apart, dial, listen, needs, tool, unshare

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PLAIN_PYTHON = next((one for one in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(one)), sys.executable)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@functools.lru_cache(maxsize=None)
def readable_by_all():
    """Return a folder with a copy of what an audit needs: the checkout may lie where only its owner may look."""
    folder = tempfile.mkdtemp(prefix="front-tier-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    shutil.copytree(os.path.join(TOP, "plugins"), folder + "/ansible_collections/c10m/front_tier/plugins")
    shutil.copy(os.path.join(HERE, "audit.py"), folder)
    return folder


def audit(python=sys.executable, before=None, **environment):
    """Return the audit of this machine as a process prints it, with only this environment; `before` runs in that process first."""
    done = subprocess.run(
        [python, "-S", os.path.join(readable_by_all(), "audit.py")],
        env=dict({"PYTHONPATH": readable_by_all(), "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}, **environment),
        preexec_fn=before,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
    return json.loads(done.stdout.decode("ascii"))


def whole(found):
    """Check what every audit has, however little could be read."""
    assert {"host", "limits", "ports", "sockets", "listeners", "addresses", "paths", "capacity", "findings"} <= set(found)
    assert found["capacity"]["outbound"]["connections"] >= 0
    return found


class TestEnvironment:
    @pytest.mark.parametrize(
        "environment",
        [
            {},
            {"PATH": ""},
            {"PATH": "/no/such/folder"},
            {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            {"LC_ALL": "de_DE.ISO-8859-1", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            {"LC_ALL": "junk", "PATH": "/usr/bin:/bin"},
        ],
    )
    def test_without_a_path_or_a_locale(self, environment):
        """Neither tools nor UTF-8 are needed, and a variable that points nowhere is no error."""
        assert whole(audit(**environment))["sockets"]["source"] == "sock_diag"

    def test_a_path_full_of_tools_that_fail(self, tmp_path):
        """Tools that fail, hang up or print junk are absences, never what is read."""
        for name, text in (
            ("systemctl", "exit 1"),
            ("nft", "head -c 5000 /dev/urandom"),
            ("iptables-save", "kill -9 $$"),
            ("ip", "exit 127"),
        ):
            (tmp_path / name).write_text("#!/bin/sh\n%s\n" % text)
            (tmp_path / name).chmod(0o755)
        whole(audit(PATH=str(tmp_path) + ":/usr/bin:/bin"))

    def test_few_descriptors(self):
        """Sixteen descriptors are enough for the audit itself, and are not its answer for others."""
        whole(audit(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))))

    @as_root
    def test_without_any_privilege(self):
        """Another user, without groups and capabilities, gets the same ports, limits and listeners."""

        def drop():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

        mine, theirs = whole(audit(PLAIN_PYTHON)), whole(audit(PLAIN_PYTHON, drop))
        assert (mine["host"]["privileged"], theirs["host"]["privileged"]) == (True, False)
        assert theirs["ports"]["usable"] == mine["ports"]["usable"] and theirs["sockets"]["source"] == "sock_diag"
        assert [row["name"] for row in theirs["limits"] if is_absent(row["value"])] == [
            row["name"] for row in mine["limits"] if is_absent(row["value"])
        ]


def refuse(domain, error):
    """Return a function that has the kernel refuse socket(domain) with an error from now on: seccomp(2)."""

    def install():
        number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
        steps = [
            (0x20, 0, 0, 0),
            (0x15, 0, 3, number),
            (0x20, 0, 0, 16),
            (0x15, 0, 1, domain),
            (0x06, 0, 0, 0x50000 | error),
            (0x06, 0, 0, 0x7FFF0000),
        ]
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(header)):
            raise OSError(ctypes.get_errno(), "seccomp")

    return install


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the number of socket(2) is not known here")
class TestRefusedCalls:
    @needs("ip")
    @apart
    @pytest.mark.parametrize("error", [1, 93, 97])
    def test_without_netlink(self, error):
        """Where a sandbox refuses netlink, sockets come from /proc with what that cannot show as absences."""
        _kept = [listen("127.0.0.1", 9000)] + [dial("127.0.0.1", 9000) for _dummy in range(4)]
        found = whole(audit(before=refuse(16, error)))
        assert found["sockets"]["source"] == "/proc/net/tcp" and is_absent(found["sockets"]["bound"])
        (listener,) = found["listeners"]
        assert (listener["port"], listener["connections"]) == (9000, 4) and is_absent(listener["backlog"])
        assert found["sockets"]["tcp"]["established"] == 8
        assert is_absent(found["addresses"])

    def test_without_ipv6_and_inet_sockets(self):
        """Where not even a socket may be opened, what only files show remains."""
        whole(audit(before=refuse(2, 13)))
        whole(audit(before=refuse(10, 97)))


@needs("ip")
class TestNamespaces:
    @apart
    def test_lo_is_down(self):
        """A namespace in which nothing is up has no addresses, and still its ports."""
        tool("ip", "link", "set", "lo", "down")
        found = whole(audit())
        assert found["ports"]["usable"] == 28232 and found["listeners"] == []

    @apart
    def test_an_interface_whose_name_is_no_utf8(self):
        """An interface may have any bytes as its name; what the module prints is UTF-8 all the same, as Ansible wants it."""
        subprocess.run([b"ip", b"link", b"add", b"caf\xe9", b"type", b"veth", b"peer", b"name", b"v1"], check=True)
        subprocess.run([b"ip", b"addr", b"add", b"10.5.0.1/24", b"dev", b"caf\xe9"], check=True)
        for environment in ({}, {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}):
            found = module(**environment)
            assert [row["interface"] for row in found["addresses"] if row["address"] == "10.5.0.1/24"] == ["caf\ufffd"]


def module(before=None, **environment):
    """Return what the real module prints with this environment, after a check that it is UTF-8 to the last name."""
    pytest.importorskip("ansible")
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.c10m.front_tier.plugins.modules.connection_limits_info"],
        input=b'{"ANSIBLE_MODULE_ARGS": {}}',
        env=dict(os.environ, PYTHONPATH=readable_by_all(), **environment),
        preexec_fn=before,
        capture_output=True,
        timeout=100,
        check=True,
    )
    found = json.loads(done.stdout.decode("utf-8"))
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    return found


def mounted(*commands):
    """Return a function that enters a mount namespace and runs mount with each of these arguments."""

    def prepare():
        unshare(NEW_MOUNT | NEW_NETWORK)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        for command in commands:
            subprocess.run(["mount", *command], check=True)

    return prepare


@as_root
@needs("mount")
class TestMounts:
    def test_a_proc_sys_that_is_read_only(self):
        """Reading needs no writing."""
        found = whole(audit(before=mounted(["--bind", "/proc/sys", "/proc/sys"], ["-o", "remount,ro,bind", "/proc/sys"])))
        assert found["ports"]["usable"] == 28232

    @pytest.mark.parametrize("place", ["/sys", "/etc", "/run", "/proc/net", "/proc/sys", "/proc/self/ns", "/sys/fs/cgroup"])
    def test_an_empty_folder_in_place_of(self, place):
        """Whatever folder is missing: no crash, and each value that was in it is an absence."""
        if not os.path.isdir(place):
            pytest.skip("this machine has no " + place)
        found = whole(audit(before=mounted(["-t", "tmpfs", "none", place])))
        if place == "/proc/sys":
            sysctls = [row for row in found["limits"] if str(row["source"]).startswith("/proc/sys/")]
            assert len(sysctls) > 40 and all(is_absent(row["value"]) for row in sysctls)

    def test_without_any_proc(self):
        """Without /proc the sockets are still read from the kernel, and the rest are absences."""
        found = whole(audit(before=mounted(["-t", "tmpfs", "none", "/proc"])))
        assert found["sockets"]["source"] == "sock_diag" and is_absent(found["sockets"]["tcp"]["established"])

    def test_files_whose_names_are_no_utf8(self):
        """A file of settings with a name in Latin-1 is read, and named as far as its name can be printed."""

        def prepare():
            mounted(["-t", "tmpfs", "none", "/etc/sysctl.d"], ["-t", "tmpfs", "none", "/run"])()
            os.makedirs("/run/systemd/system")  # sd_booted(3)
            with open(b"/etc/sysctl.d/caf\xe9.conf", "wb") as file:
                file.write(b"net.core.somaxconn = 4321\nnet.core.somaxcon = 1\n\xff\xfe\x00 = 5\n")

        text = json.dumps(module(prepare), ensure_ascii=False)
        assert "/etc/sysctl.d/caf\ufffd.conf:" in text

    def test_processes_of_others_are_hidden(self):
        """With hidepid another user sees only its own processes: whose a listener is stays unknown."""

        def prepare():
            mounted(["-t", "proc", "-o", "hidepid=2", "none", "/proc"])()
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

        whole(audit(PLAIN_PYTHON, prepare))


@pytest.mark.skipif(not shutil.which("busybox"), reason="not installed: busybox")
def test_busybox_tools_alone(tmp_path):
    """Tools that know fewer options than expected are no error."""
    tool("busybox", "--install", "-s", str(tmp_path))
    whole(audit(PATH=str(tmp_path)))
