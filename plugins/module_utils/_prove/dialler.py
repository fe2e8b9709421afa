# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialler: one process that opens its shares of the paths, holds what it opened, and counts. Private to the collection."""

from __future__ import annotations

import errno
import socket
import time
from select import POLLIN, POLLOUT
from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls, tally
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.descriptors import BROKEN, Descriptors
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.shares import Lane, Share

FEW, MOST = 16, 1024  # connections on their way at once: few where each is there at once, more where the network takes time
SAMPLED = 16  # one in so many is timed
PATIENCE = 20.0  # seconds for a connection
LOOK = 0.25  # seconds between two looks at what is held
# What ends all dialling of a process, and what only says that a port is taken.
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


class Route:
    """A lane of a path as this process dials it: what is bound, what is dialled, the options of its sockets, its ports."""

    def __init__(self, share: Share, lane: Lane) -> None:
        self.path, self.source = share.path, lane.source or ""
        self.family = syscalls.family_of(lane.destination)
        self.target = syscalls.socket_address(lane.destination, lane.port)
        self.bound = syscalls.socket_address(self.source, 0) if share.bind in ("no_port", "plain") else None
        self.ports: Iterator[int] | None = iter(share.ports) if share.bind == "explicit" else None
        self.options = []
        if share.bind == "no_port":
            self.options.append((socket.IPPROTO_IP, syscalls.NO_PORT, syscalls.ON))
        if share.bind == "explicit":
            self.options.append((socket.SOL_SOCKET, socket.SO_REUSEADDR, syscalls.ON))
        if share.port_range:
            self.options.append((socket.IPPROTO_IP, syscalls.LOCAL_PORT_RANGE, syscalls.port_range_option(*share.port_range)))
        self.open, self.error = True, errno.EADDRNOTAVAIL

    def next_port(self) -> bool:
        """Bind the next port of an `explicit` dialler; tell whether there is one."""
        port = next(self.ports or iter(()), 0)
        self.bound = syscalls.socket_address(self.source, port)
        return port > 0


class Dialler:
    """One process. row: its numbers in the tally; orders: the parent's row; rate: connections a second, 0 for as fast as it goes."""

    def __init__(self, row: memoryview, orders: memoryview, shares: list[Share], rate: float = 0.0) -> None:
        self.row, self.orders, self.shares = row, orders, shares
        self.pause = 1.0 / rate if rate else 0.0
        self.held = Descriptors(sum(share.quota for share in shares), POLLIN)
        self.flight = Descriptors(MOST, POLLOUT)  # what is on its way; its owners are places in `routes`
        self.since = [0.0] * MOST
        self.routes: list[Route] = []
        self.histogram = len(row) - tally.BUCKETS
        self.timed = -1  # the descriptor that is timed
        self.window, self.sent, self.due = FEW, 0, 0.0

    def run(self) -> None:
        """Dial what each turn has, hold it, and close it with RST when told to."""
        for turn in (0, 1):
            self._hold_until(tally.DIAL + turn)
            if self.orders[tally.STATE] < tally.HOLD:
                for share in self.shares:
                    if share.turn == turn:
                        self._dial(share)
            self.row[tally.STATE] = turn + 1
        self._hold_until(tally.CLOSE)
        self.flight.reset()
        self.held.reset()

    def _hold_until(self, order: int) -> None:
        while self.orders[tally.STATE] < order:
            time.sleep(LOOK)
            self.look()

    def _dial(self, share: Share) -> None:
        """Open the share evenly on its lanes, and what is then missing wherever there is room."""
        first, lanes = len(self.routes), share.lanes
        self.routes += [Route(share, lane) for lane in lanes]
        for index in range(len(lanes)):
            self._open(first + index, share.quota // len(lanes) + (index < share.quota % len(lanes)))
        for index in range(len(lanes)):
            self._land()
            self._open(first + index, share.quota - self._opened(share.path))
        self._land()

    def _opened(self, path: int) -> int:
        first = tally.KINDS + tally.EACH * path
        return int(self.row[first + tally.HELD] + self.row[first + tally.LOST])

    def _open(self, number: int, count: int) -> None:
        """Open `count` connections on a route, or as many as it gives."""
        route, orders, flight, now = self.routes[number], self.orders, self.flight, time.monotonic
        while count > 0 and route.open and orders[tally.STATE] < tally.HOLD:
            if self.pause:
                self._keep_pace()
            if route.ports is not None and not route.next_port():
                return self._refuse(route, route.error)
            descriptor = syscalls.new_socket(route.family, syscalls.KIND, 0)
            if descriptor < 0:
                return self._refuse(route, syscalls.get_errno())
            for level, name, value in route.options:
                syscalls.set_option(descriptor, level, name, value, 4)
            began = now()
            failed = route.bound and syscalls.bind(descriptor, route.bound, len(route.bound))
            failed = failed or syscalls.connect(descriptor, route.target, len(route.target))
            error = syscalls.get_errno() if failed else 0
            if error not in (0, errno.EINPROGRESS):
                syscalls.close(descriptor)
                if route.ports is None or error not in TAKEN:
                    return self._refuse(route, error)
                route.error = error
                continue
            if self.timed < 0 and not self.sent % SAMPLED:
                self.timed = descriptor
            self.since[flight.count] = began
            flight.add(descriptor, number)
            self.sent += 1
            count -= 1
            if flight.count >= self.window or self.timed >= 0:
                self._settle()
        return None

    def _keep_pace(self) -> None:
        self.due = max(self.due, time.monotonic() - LOOK) + self.pause  # what was late by up to LOOK is caught up with
        while self.orders[tally.STATE] < tally.HOLD:
            ahead = self.due - time.monotonic()
            if ahead <= 0:
                return
            if self.flight.count:
                self._settle(ahead)
            else:
                time.sleep(min(ahead, LOOK))

    def _land(self) -> None:
        """Wait until nothing is on its way any more; what is when dialling is to end gets a second."""
        until = None
        while self.flight.count:
            self._settle(LOOK)
            if until is None and self.orders[tally.STATE] >= tally.HOLD:
                until = time.monotonic() + 1
            if until and time.monotonic() > until:
                self.flight.reset()

    def _settle(self, seconds: float = 0.0) -> None:
        """Take what has arrived out of what is on its way, and give up what takes too long."""
        flight, waiting = self.flight, self.flight.count
        found = flight.ready(1000 * min(seconds, LOOK))
        now = time.monotonic()
        for index, descriptor, events in found:
            route, began = self.routes[flight.owners[index]], self.since[index]
            self._take_out(index)
            if events & BROKEN:
                error = syscalls.error_of(descriptor) or errno.ECONNRESET
                syscalls.close(descriptor)
                self._refuse(route, error)
            else:
                self.held.add(descriptor, route.path)
                self.row[tally.KINDS + tally.EACH * route.path + tally.HELD] += 1
                if descriptor == self.timed:
                    self.row[self.histogram + tally.bucket_of(int(1e9 * (now - began)))] += 1
            if descriptor == self.timed:
                self.timed = -1
        if len(found) == waiting:
            self.window = max(FEW, self.window // 2)
        elif not found and flight.count >= self.window:
            if self.window < MOST:
                self.window *= 2
            else:
                flight.ready(10)
        if not found and flight.count and now - min(self.since[: flight.count]) > PATIENCE:
            self._lose_patience(now)
        self.row[tally.PENDING] = flight.count

    def _take_out(self, index: int) -> None:
        self.flight.remove(index)
        self.since[index] = self.since[self.flight.count]

    def _lose_patience(self, now: float) -> None:
        for index in range(self.flight.count - 1, -1, -1):
            if now - self.since[index] > PATIENCE:
                descriptor, route = self.flight.descriptor(index), self.routes[self.flight.owners[index]]
                self._take_out(index)
                syscalls.close(descriptor)
                if descriptor == self.timed:
                    self.timed = -1
                self._refuse(route, errno.ETIMEDOUT)

    def _refuse(self, route: Route, error: int) -> None:
        """Open nothing more on a route, or on none where this process can open nothing more; keep the first refusal of each path."""
        for one in self.routes if error in EXHAUSTED else [route]:
            one.open = False
        first = tally.KINDS + tally.EACH * route.path
        if not self.row[first + tally.ERRNO]:
            self.row[first + tally.WHEN] = time.monotonic_ns()
            self.row[first + tally.ERRNO] = error

    def look(self) -> None:
        """Count what is no longer held: closed or reset by the other end."""
        for index, descriptor, events in self.held.ready():
            if events & BROKEN or syscalls.has_ended(descriptor):
                first = tally.KINDS + tally.EACH * self.held.owners[index]
                self.held.remove(index)
                syscalls.reset(descriptor)
                self.row[first + tally.HELD] -= 1
                self.row[first + tally.LOST] += 1
