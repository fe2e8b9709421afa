"""The listener: one process that accepts, answers greetings, holds and counts. Private to the collection.

All processes accept from the same listening sockets; one that is full leaves the rest to the others. What they accept inherits from
the listening socket that close() sends RST, so that no TIME_WAIT stays on either side whoever ends first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import greeting, syscalls, tally
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.descriptors import BROKEN, Descriptors

OPEN, FULL = 1, 2  # states of a process
BACKLOG = 65535  # cut to net.core.somaxconn by the kernel
AT_ONCE = 512  # connections taken from one listening socket before the next has its turn
FEW, NAP = 64, 0.005  # where few wait at once, a short sleep makes them more: fewer calls for each
LOOK = 0.25  # seconds between two looks at what is held, at least
BUSY = 10  # times as long where connections arrive meanwhile


class Gate(socket.socket):
    """A listening socket that gives descriptors; accept() would make an object for each connection."""

    def take(self, most: int) -> tuple[list[int], int]:
        """Accept what waits, at most so many; return their descriptors, and the errno that ended it, 0 where more may wait."""
        taken: list[int] = []
        while len(taken) < most:
            try:
                while len(taken) < most:
                    taken.append(self._accept()[0])  # type: ignore[attr-defined]  # typeshed leaves it out; accept() is made of it
            except OSError as error:
                if error.errno != errno.ECONNABORTED:
                    return taken, error.errno or errno.EINVAL
        return taken, 0


def listening_socket(address: str, port: int) -> Gate:
    """Return a socket that listens at (address, port). Raises OSError."""
    sock = Gate(syscalls.family_of(address), syscalls.KIND)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, syscalls.RESET)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


class Listener:
    """One process. row: its numbers in the tally; orders: the parent's row; room: the most connections that it may hold.

    patience: how many times as long as a look at what it holds takes it waits for the next one.
    own: the listening sockets that it accepts from; from all, once one of the processes is full. A socket that many processes watch makes
    the kernel look at all of them for each connection.
    """

    def __init__(
        self, row: memoryview, orders: memoryview, listeners: list[Gate], own: list[Gate], room: int, run: str, patience: int
    ) -> None:
        self.row, self.orders, self.listeners, self.own, self.name, self.patience = row, orders, listeners, own, run, patience
        self.watched: list[Gate] = []
        self.held = Descriptors(room, select.POLLIN)
        self.epoll = select.epoll()
        self.kinds = {gate.fileno(): index for index, gate in enumerate(listeners)}
        self.looked, self.interval = 0.0, LOOK

    def run(self) -> None:
        """Accept and hold, and close with RST when told to."""
        self._watch()
        while self.orders[tally.STATE] != tally.CLOSE:
            taken = sum(self._accept(descriptor) for descriptor, _events in self.epoll.poll(LOOK))
            if 0 < taken < FEW:
                time.sleep(NAP)
            if time.monotonic() >= self.looked + self.interval * (BUSY if taken else 1):
                self.look()
        self.held.reset()

    def _watch(self) -> None:
        for gate in self.listeners if self.orders[tally.PENDING] else self.own:
            if gate not in self.watched:
                self.epoll.register(gate, select.EPOLLIN | select.EPOLLEXCLUSIVE)
                self.watched.append(gate)
        self.row[tally.STATE] = OPEN

    def _accept(self, descriptor: int) -> int:
        held, kind = self.held, self.kinds[descriptor]
        taken, error = self.listeners[kind].take(min(AT_ONCE, held.room - held.count))
        held.add_all(taken, kind)
        self.row[tally.KINDS + tally.EACH * kind + tally.HELD] += len(taken)
        if error not in (0, errno.EAGAIN):
            tally.note(self.row, kind, error)
            time.sleep(NAP)
        if held.count == held.room and self.row[tally.STATE] == OPEN:
            for one in self.watched:
                self.epoll.unregister(one)
            self.watched = []
            self.row[tally.STATE] = FULL
        return len(taken)

    def look(self) -> None:
        """Answer greetings, and let go of what the other end has closed."""
        began = time.thread_time()  # not the clock on the wall: a busy machine would put off the next look for long
        for index, descriptor, events in self.held.ready():
            if not events & BROKEN and self._answered(descriptor):
                continue
            first = tally.KINDS + tally.EACH * self.held.owners[index]
            self.held.remove(index)
            os.close(descriptor)
            self.row[first + tally.HELD] -= 1
            self.row[first + tally.LOST] += 1
        if self.held.count < self.held.room:
            self._watch()
        self.looked, self.interval = time.monotonic(), max(LOOK, self.patience * (time.thread_time() - began))

    def _answered(self, descriptor: int) -> bool:
        """Answer what a peer sent, if it is a greeting; tell whether the connection goes on."""
        try:
            text = os.read(descriptor, greeting.SIZE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        reply = greeting.answer(self.name, text)
        if reply:
            with contextlib.suppress(OSError):
                os.write(descriptor, reply)
        return bool(text)
