# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that run in a process and a network namespace of their own: what they open and set ends with them."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import traceback

import pytest

NEW_NETWORK, NEW_USER, NEW_MOUNT = 0x40000000, 0x10000000, 0x00020000
NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT
SKIPPED, FAILED = 42, 43
SECONDS = 120


def needs(*programs):
    """Skip a test where one of the programs is not installed."""
    missing = [name for name in programs if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing), reason="not installed: %s" % ", ".join(missing))


def tool(*command):
    """Return what a program prints; it has to succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ, LC_ALL="C")).stdout


def unshare(flags):
    """Enter namespaces; without root in a user namespace, in which we are root. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(flags | (NEW_USER if uid else 0)):
        raise OSError(ctypes.get_errno(), "namespaces are not to be had here")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)


def sysctl(name, value):
    """Write a sysctl of this network namespace."""
    with open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as file:
        file.write("%s\n" % value)


def apart(test):
    """Run a test in a child with a network namespace of its own, in which lo is up; it fails with the child's traceback."""

    @functools.wraps(test)
    def wrapper(*arguments, **named):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            status = FAILED
            try:
                os.close(reading)
                signal.alarm(SECONDS)
                try:
                    unshare(NEW_NETWORK)
                except OSError as error:
                    os.write(writing, str(error).encode())
                    status = SKIPPED
                else:
                    tool("ip", "link", "set", "lo", "up")
                    test(*arguments, **named)
                    status = 0
            except BaseException:
                os.write(writing, traceback.format_exc().encode()[-60000:])
            finally:
                os._exit(status)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8", errors="replace") as answer:
            text = answer.read()
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == SKIPPED:
            pytest.skip(text)
        if status:
            print(text, file=sys.stderr)
            pytest.fail("in the namespace: %s" % (text.strip().splitlines()[-1:] or ["ended by signal %d" % (status & 127)])[0])

    return wrapper


def listen(address, port, backlog=4096, v6only=1, reuseport=False):
    """Return a socket that listens."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuseport:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    sock.bind((address, port))
    sock.listen(backlog)
    return sock


def dial(address, port, source=None, family=None):
    """Return a connection; from `source` with IP_BIND_ADDRESS_NO_PORT."""
    sock = socket.socket(family or (socket.AF_INET6 if ":" in address else socket.AF_INET))
    if source:
        sock.setsockopt(socket.IPPROTO_IP, NO_PORT, 1)
        sock.bind((source, 0))
    sock.connect((address, port))
    return sock
