# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The crew: the parent of the processes of one side of a run, in a session of its own. Private to the collection.

It starts them, tells them what to do, watches the host's memory and whether anybody still asks, and writes the status. They die with
it, whatever kills it; if one of them dies, it ends the run.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import time
from typing import Any, Callable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import gauge, refusals, syscalls, tally
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.dialler import Dialler
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.listener import BACKLOG, FULL, OPEN, Gate, Listener
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.place import Place, closing, started
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.shares import Share

TICK, WRITE = 0.05, 0.25  # seconds between two looks, and between two writings of the status
SHARE = 100  # the processes' looks at what they hold take at most one part in so many of the host's processors, all of them together


class Terms(NamedTuple):
    """What a run keeps to, in seconds and bytes; 0 is none.

    hold: after the last connect (a listener: in all); timeout: for dialling; start: the time of day at which dialling begins; lease: it
    ends when nobody asked for so long; reserve: memory that stays for the host's other work.
    """

    hold: float
    timeout: float
    start: float
    lease: float
    reserve: int


class Ended(Exception):
    """The run is over; the text says why, None where it is as it should be."""

    def __init__(self, why: str | None = None) -> None:
        super().__init__(why)
        self.why = why


class Crew:
    """The parent. count: reads the kernel's own count of each kind; kinds: what is known of each path or listener beforehand."""

    def __init__(self, place: Place, side: str, terms: Terms, kinds: list[dict[str, Any]], count: Callable[[], list[int]]) -> None:
        self.place, self.terms, self.kinds, self.count = place, terms, kinds, count
        self.pids: list[int] = []
        self.tally = tally.Tally(0, 0)
        self.listeners: list[Gate] = []
        self.status: dict[str, Any] = {"side": side, "phase": "waiting", "note": None, "closed": None}
        self.memory = gauge.Memory()
        self.stopped = False
        self.began = self.wrote = 0.0
        self.held = 0
        self.turned_down = 0  # why dialling ended early: see refusals

    def listen(self, listeners: list[Gate], processes: int, room: int, run: str) -> None:
        """Accept on the sockets with this many processes, each with room for so many, until the run ends."""
        self.listeners = listeners
        # Each listener has processes of its own, and each process listeners of its own, as evenly as they go.
        own = [
            [one for index, one in enumerate(listeners) if (index - number) % min(processes, len(listeners)) == 0]
            for number in range(processes)
        ]
        share = _share(processes)
        self._lead(processes, lambda row, orders, number: Listener(row, orders, listeners, own[number], room, run, share), self._listening)

    def dial(self, shares: list[list[Share]], rate: float) -> None:
        """Dial with a process for each list of shares, and hold, until the run ends."""
        each, share = rate / len(shares), _share(len(shares))
        turns = sorted({one.turn for process in shares for one in process})
        self._lead(
            len(shares), lambda row, orders, number: Dialler(row, orders, shares[number], each, share), lambda: self._dialling(turns)
        )

    def _lead(self, processes: int, worker: Callable[[memoryview, memoryview, int], Any], phases: Callable[[], None]) -> None:
        self.tally = tally.Tally(processes, len(self.kinds))
        self.status.update(pid=os.getpid(), started=started(os.getpid()), processes=processes)
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection would write into every page that the processes share
        try:
            self._start(processes, worker)
            phases()
        except Ended as end:
            self.status.update(phase="failed" if end.why else "ended", note=end.why)
        except Exception as error:  # pylint: disable=broad-except
            self.status.update(phase="failed", note="%s: %s" % (type(error).__name__, error))
        last, self.status["phase"] = self.status["phase"], "closing"
        self._write()
        self._close()
        self.status.update(phase=last, closed="reset", held_at_end=self.status.get("held"))
        self.place.write(self.status)

    def _told_to_stop(self, _number: int, _frame: Any) -> None:
        self.stopped = True

    def _start(self, processes: int, worker: Callable[[memoryview, memoryview, int], Any]) -> None:
        parent = os.getpid()
        for number in range(processes):
            pid = os.fork()
            if pid:
                self.pids.append(pid)
                continue
            code = 1
            try:
                syscalls.die_with_parent()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                    file.write("1000")  # where memory ends all the same, this process goes first
                if os.getppid() == parent:
                    worker(self.tally.row(number), self.tally.row(-1), number).run()
                    code = 0
            finally:
                os._exit(code)

    def _listening(self) -> None:
        while OPEN not in self.tally.states():
            self._tick()
        self.status["phase"] = "listening"
        until, closed = time.monotonic() + self.terms.hold, False
        while time.monotonic() < until:
            states = self.tally.states()
            full = set(states) == {FULL}
            if FULL in states:
                self.tally.row(-1)[tally.PENDING] = 1  # one is full: the others help out
            if full != closed:
                closed = full
                for one in self.listeners:
                    if full:
                        one.shutdown(socket.SHUT_RDWR)  # no more are accepted: a queue that nobody empties would look like connections
                    else:
                        one.listen(BACKLOG)
                self.status["note"] = "the listeners are full: they hold what they were told to" if full else None
            self._tick()
        raise Ended

    def _dialling(self, turns: list[int]) -> None:
        while time.time() < self.terms.start:
            self._tick()
        before = gauge.read(self.pids)
        self.began = time.monotonic()
        self.status.update(phase="dialling", dialled_at=time.time())
        for turn in turns:
            self._order(tally.DIAL + turn)
            while min(self.tally.states()) <= turn:
                self._tick()
                if self.terms.timeout and time.monotonic() > self.began + self.terms.timeout:
                    self._stop_dialling(refusals.CUT)
        seconds = time.monotonic() - self.began
        self._order(tally.HOLD)
        self.status.update(seconds=round(seconds, 3), rate=round(self.tally.held() / max(seconds, 1e-6)), held_at=time.time())
        median, most = self.tally.percentiles((0.5, 0.99))
        self.status.update(connect={"median": median, "p99": most}, **gauge.spent(before, gauge.read(self.pids), self.tally.held()))
        self.status["kernel"] = self.count()
        self.status["phase"] = "holding"
        self._write()
        until = time.monotonic() + self.terms.hold
        while time.monotonic() < until:
            self._tick()
        raise Ended

    def _order(self, order: int) -> None:
        if self.tally.row(-1)[tally.STATE] < order:
            self.tally.order(order)

    def _stop_dialling(self, why: int) -> None:
        self.turned_down = self.turned_down or why
        self._order(tally.HOLD)

    def _tick(self) -> None:
        """Wait a moment; raise Ended where the run is over."""
        time.sleep(TICK)
        if self.stopped:
            raise Ended
        for pid in self.pids:
            gone, code = os.waitpid(pid, os.WNOHANG)
            if gone:
                self.pids.remove(pid)
                raise Ended("one of its %d processes ended (%s), so the run was" % (self.status["processes"], _how(code)))
        held = self.tally.held()
        self._note_change(held)
        idle = self.status["side"] == "dial" or not held
        if self.terms.lease and idle and self.place.asked() > self.terms.lease:
            raise Ended("nobody asked for %g s (lease), so it ended" % self.terms.lease)
        if not idle:
            self.place.touch()  # a dialler of the run is there, and ends with its own lease
        if time.monotonic() >= self.wrote + WRITE:
            self._watch_memory()
            self._write()

    def _note_change(self, held: int) -> None:
        if self.status["side"] == "listen" and held != self.held:
            self.held, self.status["held_at"] = held, time.time()

    def _watch_memory(self) -> None:
        self.status["available"] = self.memory.available()
        if self.status["available"] < self.terms.reserve / 2:
            raise Ended("the host came down to %d bytes of memory, half of reserve_memory" % self.status["available"])
        if self.status["available"] < self.terms.reserve and self.status["phase"] == "dialling":
            self._stop_dialling(refusals.RESERVE)

    def _write(self) -> None:
        self.wrote = time.monotonic()
        held = [self.tally.of_kind(kind, tally.HELD) for kind in range(len(self.kinds))]
        self._note_change(sum(held))
        rows = [dict(kind, held=held[index], lost=self.tally.of_kind(index, tally.LOST)) for index, kind in enumerate(self.kinds)]
        if self.status["side"] == "dial":
            for index, row in enumerate(rows):
                refusal = self.tally.first_refusal(index)
                short = row["held"] + row["lost"] < row["asked"] and self.began
                when = refusal.when / 1e9 - self.began if refusal else 0.0
                error = refusal.errno if refusal else self.turned_down
                row["refusal"] = refusals.described(error, when) if short and error else None
            asked = sum(row["asked"] for row in rows)
            self.status["asked"] = asked
            if self.status["phase"] == "dialling":
                seconds = time.monotonic() - self.began
                rate = sum(held) / max(seconds, 1e-6)
                self.status.update(seconds=round(seconds, 1), rate=round(rate), left=round((asked - sum(held)) / rate, 1) if rate else None)
        for row, number in zip(rows, self.status.get("kernel") or []):
            row["kernel"] = number
        self.status.update(kinds=rows, held=sum(held), lost=sum(row["lost"] for row in rows))
        self.place.write(self.status)

    def _close(self) -> None:
        """Let all processes close what they hold with RST; kill those that do not end."""
        self.tally.order(tally.CLOSE)
        for one in self.listeners:
            one.close()
        until = time.monotonic() + closing(self.tally.held())
        while self.pids and time.monotonic() < until:
            self.pids = [pid for pid in self.pids if not os.waitpid(pid, os.WNOHANG)[0]]
            time.sleep(0.01)
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _share(processes: int) -> int:
    """Return how many times as long as a look took a process waits for its next one."""
    return SHARE * max(1, processes // (os.cpu_count() or 1))


def _how(code: int) -> str:
    return "signal %d" % os.WTERMSIG(code) if os.WIFSIGNALED(code) else "code %d" % os.WEXITSTATUS(code)
