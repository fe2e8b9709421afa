# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the probe needs of sockets by their number, without a Python object for each connection. Private to the collection.

Source: setsockopt(2), poll(2), prctl(2), ip(7). A call through ctypes takes about a microsecond longer than one of Python's own, so what
is done for each connection while it is opened is done with those.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any

NO_PORT, LOCAL_PORT_RANGE = 24, 51  # IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE (since Linux 6.3, and in Debian's 6.1)
PARENT_DEATH, KILL = 1, 9  # PR_SET_PDEATHSIG, SIGKILL
KIND = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
RESET = struct.pack("=ii", 1, 0)  # struct linger: close() sends RST, and leaves no TIME_WAIT

_LIBC = ctypes.CDLL(None, use_errno=True)


def _function(name: str, *types: Any) -> Any:
    function = getattr(_LIBC, name)
    function.argtypes, function.restype = types, ctypes.c_int
    return function


poll = _function("poll", ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int)
_set_option = _function("setsockopt", ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_get_option = _function("getsockopt", ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_prctl = _function("prctl", ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def family_of(address: str) -> int:
    """Return AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def error_of(descriptor: int) -> int:
    """Return the pending error of a socket (SO_ERROR), and clear it."""
    value, size = ctypes.c_int(0), ctypes.c_uint(4)
    failed = _get_option(descriptor, socket.SOL_SOCKET, socket.SO_ERROR, ctypes.byref(value), ctypes.byref(size))
    return ctypes.get_errno() if failed else value.value


def has_ended(descriptor: int) -> bool:
    """Read away what the other end of a connection sent; tell whether it ended the connection."""
    try:
        while True:
            if not os.read(descriptor, 4096):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def reset(descriptor: int) -> None:
    """Close a connection with RST, so that no TIME_WAIT stays on either side."""
    _set_option(descriptor, socket.SOL_SOCKET, socket.SO_LINGER, RESET, len(RESET))
    os.close(descriptor)


def die_with_parent() -> None:
    """Let the kernel kill this process when the thread that made it ends."""
    _prctl(PARENT_DEATH, KILL, 0, 0, 0)


def port_range_option(low: int, high: int) -> bytes:
    """Return the value of IP_LOCAL_PORT_RANGE for the ports low..high."""
    return struct.pack("=I", low | high << 16)


def has_port_range() -> bool:
    """Tell whether this kernel knows IP_LOCAL_PORT_RANGE, by trying: distributions have it in older kernels too."""
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.IPPROTO_IP, LOCAL_PORT_RANGE, port_range_option(1, 65535))
        except OSError:
            return False
    return True
