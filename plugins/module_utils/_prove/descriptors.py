# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of descriptors that poll(2) looks at all at once: 8 bytes for each, and no watch in the kernel. Private to the collection.

An epoll watch costs the kernel 150 to 200 bytes a connection and two calls (kernel-truths, 7. Memory). What is held is idle, so a
look at all of it a few times a second costs less: about 60 nanoseconds each.
"""

from __future__ import annotations

import ctypes
from array import array
from select import POLLERR, POLLHUP

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls

BROKEN = POLLERR | POLLHUP


class Descriptors:
    """At most `room` descriptors, each with a number that says what it belongs to. Source: poll(2), struct pollfd."""

    def __init__(self, room: int, events: int) -> None:
        self.room, self.count = room, 0
        raw = bytearray(8 * max(1, room))
        self._keep = (ctypes.c_char * len(raw)).from_buffer(raw)
        self._address = ctypes.addressof(self._keep)
        self.numbers = memoryview(raw).cast("i")  # descriptor, -
        self._events = memoryview(raw).cast("h")  # -, -, events, revents
        self.owners = array("i", bytes(4 * max(1, room)))
        for index in range(room):
            self._events[4 * index + 2] = events

    def add(self, descriptor: int, owner: int) -> None:
        """Take in a descriptor; the caller minds the room."""
        self.numbers[2 * self.count] = descriptor
        self.owners[self.count] = owner
        self.count += 1

    def add_all(self, descriptors: list[int], owner: int) -> None:
        """Take in many that belong to one owner; the caller minds the room."""
        first, last = self.count, self.count + len(descriptors)
        self.numbers[2 * first : 2 * last : 2] = array("i", descriptors)
        self.owners[first:last] = array("i", [owner]) * len(descriptors)
        self.count = last

    def ready(self, milliseconds: float = 0) -> list[tuple[int, int, int]]:
        """Return (index, descriptor, events) of what is ready, the last one first, so that each can be removed in turn."""
        if not self.count or syscalls.poll(self._address, self.count, int(milliseconds)) <= 0:
            return []
        found = self._events[3 : 4 * self.count : 4].tolist()
        return [(index, self.numbers[2 * index], found[index]) for index in range(self.count - 1, -1, -1) if found[index]]

    def all_ready(self, event: int) -> bool:
        """Tell whether this event, and nothing else, is there for all of them."""
        if syscalls.poll(self._address, self.count, 0) != self.count:
            return False
        return self._events[3 : 4 * self.count : 4].tolist().count(event) == self.count

    def move_all(self, other: Descriptors, owner: int) -> None:
        """Hand all of them over to another table, where they belong to `owner`."""
        first, last = other.count, other.count + self.count
        other.numbers[2 * first : 2 * last : 2] = self.numbers[0 : 2 * self.count : 2]
        other.owners[first:last] = array("i", [owner]) * self.count
        other.count, self.count = last, 0

    def remove(self, index: int) -> None:
        """Take out a descriptor; the last one takes its place."""
        self.count -= 1
        self.numbers[2 * index] = self.numbers[2 * self.count]
        self.owners[index] = self.owners[self.count]

    def reset(self) -> None:
        """Close all of them with RST."""
        for index in range(self.count):
            syscalls.reset(self.numbers[2 * index])
        self.count = 0
