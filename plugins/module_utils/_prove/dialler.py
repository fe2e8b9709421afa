# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialler: one process that opens its shares of the paths, holds what it opened, and counts. Private to the collection."""

from __future__ import annotations

import errno
import os
import socket
import time
from select import POLLIN, POLLOUT
from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import syscalls, tally
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.descriptors import BROKEN, Descriptors
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.shares import Lane, Share

FEW, MOST = 32, 1024  # connections on their way at once: few where each is there at once, more where the network takes time
SAMPLED = 32  # one in so many is timed
PATIENCE = 20.0  # seconds for a connection
LOOK, SOON = 0.25, 0.02  # seconds between two looks at what is held, at least, and at the order to dial
UNDER_WAY = (errno.EINPROGRESS, 0)
# What ends all dialling of a process, and what only says that a port is taken.
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


class Route:
    """A lane of a path as this process dials it: what is bound, what is dialled, the options of its sockets, its ports."""

    def __init__(self, share: Share, lane: Lane) -> None:
        self.path, self.source = share.path, lane.source or ""
        self.family = syscalls.family_of(lane.destination)
        self.target = (lane.destination, lane.port)
        self.bound = (self.source, 0) if share.bind in ("no_port", "plain") else None
        self.ports: Iterator[int] | None = iter(share.ports) if share.bind == "explicit" else None
        self.options: list[tuple[int, int, int | bytes]] = []
        if share.bind == "no_port":
            self.options.append((socket.IPPROTO_IP, syscalls.NO_PORT, 1))
        if share.bind == "explicit":
            self.options.append((socket.SOL_SOCKET, socket.SO_REUSEADDR, 1))
        self.slices = iter(share.slices)
        self.slice = b""  # of IP_LOCAL_PORT_RANGE, where it is used
        self.open, self.error = True, errno.EADDRNOTAVAIL
        self.next_slice()

    def dial(self, sock: socket.SocketType) -> int:
        """Begin to connect a socket; return EINPROGRESS or 0, or the errno of what failed."""
        try:
            for option in self.options:
                sock.setsockopt(*option)
            if self.slice:
                sock.setsockopt(socket.IPPROTO_IP, syscalls.LOCAL_PORT_RANGE, self.slice)
            if self.bound:
                sock.bind(self.bound)
        except OSError as failed:
            return failed.errno or errno.EINVAL
        return sock.connect_ex(self.target)

    def next_slice(self) -> bool:
        """Go on to the next slice of the ports, where they are dialled in slices; tell whether there is one."""
        span = next(self.slices, None)
        self.slice = syscalls.port_range_option(*span) if span else b""
        return span is not None

    def next_port(self) -> bool:
        """Bind the next port of an `explicit` dialler; tell whether there is one."""
        port = next(self.ports or iter(()), 0)
        self.bound = (self.source, port)
        return port > 0


class Dialler:
    """One process. row: its numbers in the tally; orders: the parent's row; rate: connections a second, 0 for as fast as it goes.

    patience: how many times as long as a look at what it holds takes it waits for the next one.
    """

    def __init__(self, row: memoryview, orders: memoryview, shares: list[Share], rate: float, patience: int) -> None:
        self.row, self.orders, self.shares, self.patience = row, orders, shares, patience
        self.pause = 1.0 / rate if rate else 0.0
        self.held = Descriptors(sum(share.quota for share in shares), POLLIN)
        self.flight = Descriptors(MOST, POLLOUT)  # what is on its way; its owners are places in `routes`
        self.since = [0.0] * MOST
        self.routes: list[Route] = []
        self.histogram = len(row) - tally.BUCKETS
        self.timed, self.began = -1, 0.0  # the descriptor that is timed, and when its connect() began
        self.window, self.due, self.clock = FEW, 0.0, 0.0  # clock: when the last look at what is on its way was

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
        next_look = 0.0
        while self.orders[tally.STATE] < order:
            holding = self.orders[tally.STATE] == tally.HOLD
            time.sleep(LOOK if holding else SOON)
            if holding and time.monotonic() >= next_look:
                began = time.thread_time()  # not the clock on the wall: a busy machine would put off the next look for long
                self.look()
                next_look = time.monotonic() + self.patience * (time.thread_time() - began)

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
        self._settle()
        route, orders, flight, since = self.routes[number], self.orders, self.flight, self.since
        numbers, owners, family, kind, new, dial = flight.numbers, flight.owners, route.family, syscalls.KIND, socket.SocketType, route.dial
        ports, pause, state, hold = route.ports, self.pause, tally.STATE, tally.HOLD
        while count > 0 and route.open and orders[state] < hold:
            if pause:
                self._keep_pace()
            if ports is not None and not route.next_port():
                return self._refuse(route, route.error)
            try:
                sock = new(family, kind, 0)
            except OSError as failed:
                return self._refuse(route, failed.errno or errno.EMFILE)
            sampled = not count % SAMPLED and self.timed < 0
            if sampled:
                self.timed, self.began = sock.fileno(), time.monotonic()
            error = dial(sock)
            if error not in UNDER_WAY:
                sock.close()
                self.timed = -1 if sampled else self.timed
                if error not in TAKEN or not (ports or route.next_slice()):
                    return self._refuse(route, error)
                route.error = error
                continue
            place = flight.count
            since[place], numbers[2 * place], owners[place] = self.clock, sock.detach(), number
            flight.count = place + 1
            count -= 1
            if place + 1 >= self.window or self.timed >= 0:
                self._settle()
                while flight.count >= MOST and orders[state] < hold:
                    self._settle(LOOK)
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
        if waiting and not seconds and self._arrived():
            return
        found = flight.ready(1000 * min(seconds, LOOK))
        now = self.clock = time.monotonic()
        for index, descriptor, events in found:
            route = self.routes[flight.owners[index]]
            self._take_out(index)
            if events & BROKEN:
                error = syscalls.error_of(descriptor) or errno.ECONNRESET
                os.close(descriptor)
                self._refuse(route, error)
            else:
                self.held.add(descriptor, route.path)
                self.row[tally.KINDS + tally.EACH * route.path + tally.HELD] += 1
                if descriptor == self.timed:
                    self._time()
            if descriptor == self.timed:
                self.timed = -1
        if len(found) == waiting:
            self.window = max(FEW, self.window // 2)
        elif not found and flight.count >= self.window:
            self.window = min(MOST, 2 * self.window)
        if not found and flight.count and now - min(self.since[: flight.count]) > PATIENCE:
            self._lose_patience(now)
        self.row[tally.PENDING] = flight.count

    def _arrived(self) -> bool:
        """Take all that is on its way at once where all of it has arrived, on one route: the usual case, and the fastest."""
        flight, number = self.flight, self.flight.owners[0]
        if not flight.all_ready(POLLOUT) or flight.owners[: flight.count].count(number) != flight.count:
            return False
        self.clock = time.monotonic()
        self._time()
        path = self.routes[number].path
        self.row[tally.KINDS + tally.EACH * path + tally.HELD] += flight.count
        flight.move_all(self.held, path)
        self.window = max(FEW, self.window // 2)
        return True

    def _time(self) -> None:
        """Note how long the connection took that is timed, if there is one."""
        if self.timed >= 0:
            self.row[self.histogram + tally.bucket_of(int(1e9 * (self.clock - self.began)))] += 1
            self.timed = -1

    def _take_out(self, index: int) -> None:
        self.flight.remove(index)
        self.since[index] = self.since[self.flight.count]

    def _lose_patience(self, now: float) -> None:
        for index in range(self.flight.count - 1, -1, -1):
            if now - self.since[index] > PATIENCE:
                descriptor, route = self.flight.numbers[2 * index], self.routes[self.flight.owners[index]]
                self._take_out(index)
                os.close(descriptor)
                if descriptor == self.timed:
                    self.timed = -1
                self._refuse(route, errno.ETIMEDOUT)

    def _refuse(self, route: Route, error: int) -> None:
        """Open nothing more on a route, or on none where this process can open nothing more; keep the first refusal of each path.

        What is on its way has ports, too: where it then fails, the ports are not what was short.
        """
        for one in self.routes if error in EXHAUSTED else [route]:
            one.open = False
        tally.note(self.row, route.path, error, TAKEN)

    def look(self) -> None:
        """Count what is no longer held: closed or reset by the other end."""
        for index, descriptor, events in self.held.ready():
            if events & BROKEN or syscalls.has_ended(descriptor):
                first = tally.KINDS + tally.EACH * self.held.owners[index]
                self.held.remove(index)
                syscalls.reset(descriptor)
                self.row[first + tally.HELD] -= 1
                self.row[first + tally.LOST] += 1
