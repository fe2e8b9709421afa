# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tally: numbers that every process of a proof writes and its parent reads, in shared memory. Private to the collection.

A row for each process, 8 bytes a number; a number has one writer, so no lock is needed.
"""

from __future__ import annotations

import mmap
import time
from typing import Iterable, NamedTuple

WAIT, DIAL, HOLD, CLOSE = 0, 1, 8, 9  # orders; DIAL + turn dials the paths of that turn
# Numbers of a row (in the parent's, PENDING says that a listener is full); from KINDS on, those of each kind (a path, or a listener).
STATE, PENDING, KINDS = 0, 1, 2
HELD, LOST, ERRNO, WHEN = 0, 1, 2, 3  # of a kind; WHEN: monotonic nanoseconds of its first refusal
EACH = 4
STEPS = 16  # of the histogram for each doubling of the time: it is right to 1/16
SHORTEST = 10  # bits of nanoseconds: about a microsecond
BUCKETS = (41 - SHORTEST) * STEPS  # up to 18 minutes


class Refusal(NamedTuple):
    """The first refusal of a kind: its errno, and when it was, in monotonic nanoseconds."""

    errno: int
    when: int


class Tally:
    """The rows of `processes` processes for `kinds` kinds, and a row of the parent's orders before them."""

    def __init__(self, processes: int, kinds: int) -> None:
        self.processes, self.kinds = processes, kinds
        self.width = KINDS + EACH * kinds + BUCKETS
        self._cells = memoryview(mmap.mmap(-1, 8 * self.width * (processes + 1))).cast("q")

    def row(self, process: int) -> memoryview:
        """Return the numbers of a process, which begin with STATE; -1 is the row whose STATE is the parent's order."""
        first = self.width * (process + 1)
        return self._cells[first : first + self.width]

    def order(self, order: int) -> None:
        """Tell all processes what to do."""
        self._cells[STATE] = order

    def states(self) -> list[int]:
        """Return the STATE of each process."""
        return self._cells[self.width + STATE :: self.width].tolist()

    def total(self, number: int) -> int:
        """Return the sum of one number of the rows of all processes."""
        return sum(self._cells[self.width + number :: self.width].tolist())

    def of_kind(self, kind: int, number: int) -> int:
        """Return the sum of a number (HELD, LOST) of one kind."""
        return self.total(KINDS + EACH * kind + number)

    def held(self) -> int:
        """Return what all processes hold."""
        return sum(self.of_kind(kind, HELD) for kind in range(self.kinds))

    def first_refusal(self, kind: int) -> Refusal | None:
        """Return the earliest refusal of a kind."""
        first = KINDS + EACH * kind
        rows = (self.row(process) for process in range(self.processes))
        found = [Refusal(row[first + ERRNO], row[first + WHEN]) for row in rows if row[first + ERRNO]]
        return min(found, key=lambda one: one.when) if found else None

    def percentiles(self, shares: Iterable[float]) -> list[float | None]:
        """Return the connect times, in seconds, below which these shares of the sampled connections lie; None without a sample."""
        first = KINDS + EACH * self.kinds
        counts = [self.total(first + bucket) for bucket in range(BUCKETS)]
        return [_percentile(counts, share) for share in shares]


def note(row: memoryview, kind: int, error: int, lesser: tuple[int, ...] = ()) -> None:
    """Keep a refusal of a kind in a process's row, if it is the first one, or the first that is not among the lesser ones."""
    first = KINDS + EACH * kind
    if not row[first + ERRNO] or row[first + ERRNO] in lesser and error not in lesser:
        row[first + WHEN] = time.monotonic_ns()
        row[first + ERRNO] = error


def bucket_of(nanoseconds: int) -> int:
    """Return the bucket of a time."""
    bits = nanoseconds.bit_length()
    if bits <= SHORTEST:
        return 0
    return min(BUCKETS - 1, (bits - SHORTEST) * STEPS + (nanoseconds >> (bits - 5)) - STEPS)


def upper_end(bucket: int) -> int:
    """Return the nanoseconds at which a bucket ends."""
    if bucket < STEPS:
        return 1 << SHORTEST
    bits, step = divmod(bucket, STEPS)
    return (STEPS + step + 1) << (bits + SHORTEST - 5)


def _percentile(counts: list[int], share: float) -> float | None:
    wanted, seen = share * sum(counts), 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return upper_end(bucket) / 1e9
    return None
