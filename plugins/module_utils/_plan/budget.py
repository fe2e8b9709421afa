# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host of a fleet needs of its own limits for the connections that it is to carry, and what raises them. Pure.

Private to the collection.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import HUGE, workers
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import DIALERS
from ansible_collections.c10m.front_tier.plugins.module_utils._model.programs import TABLES
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import MOST as MOST_FILES
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import OTHERS, keeping

CONNTRACK, FILE_MAX, NR_OPEN = "net.netfilter.nf_conntrack_max", "fs.file-max", "fs.nr_open"
OWN_FILES = 100  # descriptors of a program beside its connections: listeners, logs, checks, threads (front-tier-recipes, 2)
LINE = 95  # per cent of a line's ports that connections may take; the rest is for health checks (front-tier-recipes, 3)
FULL_SHARE = Fraction(3, 2)  # a worker takes up to so many times its even share of the connections: the kernel does not spread them evenly
CERTAIN = 5  # standard deviations: of a million draws one goes further
START_FILES = 1024  # the soft limit that systemd gives where nothing is said (systemd-system.conf(5))
LANES = 2  # descriptors more for each connection that nginx dials through a lane: both ends of a unix socket


class Spare(NamedTuple):
    """The share of a capacity that may be used: 1 less the headroom, exactly."""

    part: Fraction

    @classmethod
    def less(cls, headroom: float) -> Spare:
        """Return what a headroom leaves."""
        return cls(1 - Fraction(str(headroom)))

    def of(self, capacity: int) -> int:
        """Return how many connections are expected at most on a capacity."""
        return math.floor(capacity * self.part)

    def over(self, wanted: int) -> int:
        """Return the capacity that so many connections need."""
        return math.ceil(wanted / self.part)


def of_line(ports: int) -> int:
    """Return floor(0.95 x P): how many connections a line may have on its ports."""
    return ports * LINE // 100


def by_chance(ports: int) -> int:
    """Return how many connections a pair's ports may expect where each connection draws its source (nginx by hash).

    Drawn from many sources, a pair that is to have x gets x give or take sqrt(x) (Poisson, the worst case), and a port for each is
    promised: the greatest x with x + 5 sqrt(x) <= ports. Above a hundred ports a pair runs out once in a million times at most.
    """
    root = (math.sqrt(CERTAIN**2 + 4 * ports) - CERTAIN) / 2
    return math.floor(root * root)


class Load(NamedTuple):
    """What a host is to carry at once: connections accepted, connections dialled, and those of them that go through nginx's lanes."""

    accepted: int
    dialled: int
    lanes: int = 0

    @property
    def files(self) -> int:
        """Return the descriptors: one for each end, two more for each lane."""
        return self.accepted + self.dialled + LANES * self.lanes


class Need(NamedTuple):
    """One limit of a host: what the load needs of it, what there is, and both in words."""

    name: str
    need: int
    have: int
    words: str


class Machine:
    """The limits of one host that its connections share: descriptors, memory, tracking; all but the ports."""

    def __init__(self, snapshot: dict[str, Any], service: str | None, dialer: str | None, reloads: int, managed: bool = False) -> None:
        self.snapshot, self.limits, self.dialer, self.reloads = snapshot, Limits(snapshot), dialer, reloads
        self.managed = managed  # by a role, which gives the program as many descriptors as its configuration takes, headroom included
        self.row = self._service(service)
        self.service: str | None = self.row["name"] if self.row else _unit(service)
        self.program: str | None = (self.row or {}).get("program") or dialer
        processes = workers(self.row) if self.row else []
        self.processes = [one for one in processes if number((known(one.get("nofile"), {}) or {}).get("soft")) is not None]
        self.held = sum(number(one.get("connections")) or 0 for one in self.processes)

    def _service(self, name: str | None) -> dict[str, Any] | None:
        names = {name, "%s.service" % name}
        for row in self.snapshot.get("services") or []:
            if name and (row["name"] in names or name in (row.get("asked") or [])):
                return dict(row)
        return None

    def own_files(self) -> int:
        """Return what a process keeps open beside connections, as what is planned for has room for it: the most of any, and no few."""
        return max([OWN_FILES, *(_own(one) for one in self.processes)])

    def fullest(self, files: int) -> int:
        """Return how many of a service's descriptors one process of it may need: the limit is that of a process.

        Of HAProxy, all: its other processes are old workers, which take no more connections.
        """
        count = len(self.processes)
        return files if count < 2 or self.program == "haproxy" else min(files, math.ceil(files * FULL_SHARE / count))

    def fits(self, one: Need, spare: Spare) -> bool:
        """Tell whether a limit is enough, with the headroom left that is not in it already."""
        return one.need <= (one.have if self.managed and one.name == "nofile" else spare.of(one.have))

    def nofile(self) -> int:
        """Return the least soft limit of the processes; without any, what the unit starts with."""
        if self.processes:
            return min(int(one["nofile"]["soft"]) for one in self.processes)
        return next(filter(None, (number(one.get("soft")) for one in self._starts("live", "boot"))), START_FILES)

    def asked(self, files: int) -> int | dict[str, int]:
        """Return the nofile that gives the service so many files, and no lower hard limit than it starts with."""
        hard = next((one["hard"] for one in self._starts("boot", "live") if "hard" in one), None)
        return keeping(files, hard, self.limits.number(NR_OPEN))

    def _starts(self, *places: str) -> Iterator[dict[str, Any]]:
        """Yield what the unit starts with: as each place of it says, else as systemd gives every service."""
        row = self.row or {}
        for place in (*(row.get(name) for name in places), {"nofile": self.limits.value("DefaultLimitNOFILE")}):
            yield known((known(place, {}) or {}).get("nofile"), {}) or {}

    def outside(self, name: str) -> bool:
        """Tell whether a sysctl belongs to the machine around this container."""
        return (self.limits.entry(name) or {}).get("scope") == "outside"

    def needs(self, load: Load, nofile: int | None = None, settings: dict[str, int] | None = None) -> list[Need]:
        """Return what the load needs of each limit, with another nofile or other sysctls where they are given."""
        changed, found = settings or {}, []
        each = nofile or self.nofile()
        if self.service:
            have = each - self.own_files() if nofile else self._files_now()
            lanes = " + %s x %d of lanes" % (grouped(load.lanes), LANES) if load.lanes else ""
            words = "%s accepted + %s dialled%s = %s descriptors" % (
                grouped(load.accepted),
                grouped(load.dialled),
                lanes,
                grouped(load.files),
            )
            full = self.fullest(load.files)
            words += ", up to %s of them in one of %d processes" % (grouped(full), len(self.processes)) if full < load.files else ""
            found.append(Need("nofile", full, max(0, have), words))
        most, opened = self.limits.number(FILE_MAX), number((self.limits.entry(FILE_MAX) or {}).get("used"))
        most = changed.get(FILE_MAX, most)
        if nofile and most is not None and not self.outside(FILE_MAX):
            most = max(most, nofile + OTHERS)  # fd_limits raises it in the same transaction
        if most is not None and opened is not None and most < HUGE:
            found.append(
                Need(FILE_MAX, load.files, max(0, most - opened + self.held), "%s descriptors of the whole machine" % grouped(load.files))
            )
        track = known(self.snapshot.get("conntrack"), {}) or {}
        top, entries = changed.get(CONNTRACK) or self.limits.number(CONNTRACK), number(track.get("entries"))
        if track.get("active") is True and top and entries is not None:
            both = load.accepted + load.dialled
            words = "%s entries: conntrack counts both legs of what is dialled on" % grouped(both)
            found.append(Need("nf_conntrack_max", both, max(0, top - entries + min(entries, self.established())), words))
        available = memory.available(self.snapshot)
        if available is not None:
            found.append(self._memory(load, available, each, track.get("active") is True))
        return found

    def established(self) -> int:
        """Return how many connections the host holds now."""
        tcp = known((self.snapshot.get("sockets") or {}).get("tcp"), {}) or {}
        return number(tcp.get("established")) or 0

    def _files_now(self) -> int:
        return min([int(one["nofile"]["soft"]) - _own(one) for one in self.processes] or [self.nofile() - OWN_FILES])

    def _memory(self, load: Load, available: int, nofile: int, conntrack: bool) -> Need:
        """Return the need of memory: every connection idle, and the table of each worker that a reload leaves."""
        relayed = min(load.accepted, load.dialled) if self.dialer in DIALERS else 0
        program = self.program if self.program in memory.PROGRAMS else None
        pair, taken = memory.for_dialled(self.dialer, conntrack), memory.for_accepted(program, conntrack)
        alone = memory.for_dialled(None, conntrack)
        lanes = load.lanes * memory.PROGRAMS["nginx"].relayed  # nginx relays these a second time, to itself
        total = relayed * pair + (load.accepted - relayed) * taken + (load.dialled - relayed) * alone + lanes
        table = TABLES.get(self.program or "", ("", 0))[1] * nofile * self.reloads
        words = "%s of memory, idle%s" % (size(total + table), ", %d old worker%s with a table of their own counted" % (
            self.reloads, "" if self.reloads == 1 else "s") if table else "")  # fmt: skip
        return Need("memory", total + table, available + self.established() * memory.ACCEPTED_END, words)

    def most(self, load: Load, spare: Spare) -> tuple[int | None, dict[str, int], list[str]]:
        """Return (nofile, sysctls, what cannot be raised enough, in words) that the load needs; None and {} where nothing has to rise."""
        nofile, settings = None, {}
        for one in self.needs(load):
            if self.fits(one, spare):
                continue
            wanted = spare.over(one.need)
            if one.name == "nofile":
                nofile = wanted + self.own_files()
            elif one.name == "nf_conntrack_max":
                settings[CONNTRACK] = (self.limits.number(CONNTRACK) or 0) + wanted - one.have
            elif one.name == FILE_MAX:
                settings[FILE_MAX] = (self.limits.number(FILE_MAX) or 0) + wanted - one.have
        ceiling = self.limits.number(NR_OPEN) if self.outside(NR_OPEN) else MOST_FILES
        if nofile and ceiling and nofile > ceiling:
            nofile = ceiling if ceiling > self.nofile() else None
        settings = {name: value for name, value in settings.items() if not self.outside(name)}
        if nofile and FILE_MAX in settings:
            raised = [one for one in self.needs(load, nofile) if one.name == FILE_MAX]
            if all(one.need <= spare.of(one.have) for one in raised):
                del settings[FILE_MAX]
        lacking = [one for one in self.needs(load, nofile, settings) if not self.fits(one, spare)]
        return nofile, settings, ["%s: %s need %s, there is room for %s" % (
            one.name, one.words, quantity(one, spare.over(one.need)), quantity(one, one.have)) for one in lacking]  # fmt: skip


def quantity(one: Need, value: int) -> str:
    """Return an amount of a limit in words."""
    return size(value) if one.name == "memory" else grouped(value)


def _own(process: dict[str, Any]) -> int:
    """Return what a process keeps open beside connections."""
    return (number(process.get("files_open")) or 0) - (number(process.get("connections")) or 0)


def _unit(service: str | None) -> str | None:
    return None if not service else service if service.endswith(".service") else service + ".service"


def grouped(value: int) -> str:
    """Return a number with its thousands apart: 28,229."""
    return "{:,}".format(value)


def size(value: int) -> str:
    """Return bytes as a person writes them: 6.4 GB."""
    amount = float(value)
    for unit in ("bytes", "KB", "MB"):
        if amount < 1000:
            return "%.3g %s" % (amount, unit)
        amount /= 1000
    return "%.1f GB" % amount
