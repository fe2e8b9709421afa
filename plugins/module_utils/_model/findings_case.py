# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a finding, the table of all checks, and the case that a check looks at. Private to the collection."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)
NEAR = 0.8  # the share of a limit from which on it is near
MOST = 1 << 64  # no number of the kernel is larger
SHOWN = 20  # items of a list that a message names; the evidence has them all


class Part:
    """A dictionary of a snapshot, asked by type: what is missing, an absence or of another type is None or empty.

    So a check that asks for what was not read does not run, and nothing that a snapshot holds can make it raise.
    """

    def __init__(self, data: Any) -> None:
        self.data: dict[Any, Any] = data if isinstance(data, dict) and "absent" not in data else {}

    def number(self, name: str) -> int | None:
        """Return a whole number of at most 64 bits that is not negative."""
        value = self.data.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST else None

    def amount(self, name: str) -> float | None:
        """Return a whole number, or infinity for `unlimited`."""
        return math.inf if self.data.get(name) == UNLIMITED else self.number(name)

    def nofile(self) -> dict[str, float] | None:
        """Return {soft, hard} of `nofile` where both are known."""
        soft, hard = self.part("nofile").amount("soft"), self.part("nofile").amount("hard")
        return None if soft is None or hard is None else {"soft": soft, "hard": hard}

    def text(self, name: str) -> str | None:
        """Return a text that is not empty."""
        value = self.data.get(name)
        return value if isinstance(value, str) and value else None

    def is_true(self, name: str) -> bool:
        """Tell whether the value is true itself, not merely something."""
        return self.data.get(name) is True

    def part(self, name: str) -> Part:
        """Return a dictionary below this one; an empty one where there is none."""
        return Part(self.data.get(name))

    def items(self, name: str) -> list[Any]:
        """Return a list; an empty one where there is none."""
        value = self.data.get(name)
        return value if isinstance(value, list) else []

    def parts(self, name: str) -> list[Part]:
        """Return the dictionaries of a list, absences left out."""
        return [part for part in map(Part, self.items(name)) if part.data]

    def numbers(self, name: str) -> list[int]:
        """Return a list that holds nothing but whole numbers; else an empty one."""
        items = self.items(name)
        return items if all(number(item) is not None and abs(item) < MOST for item in items) else []

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list."""
        return [item for item in self.items(name) if isinstance(item, str) and item]


class Case:
    """What the checks look at: a snapshot, the paths and the capacity that the model computed of it, and the headroom."""

    def __init__(self, snapshot: Any, paths: Any, capacity: Any, headroom: float) -> None:
        self.snapshot = Part(snapshot)
        self.host = self.snapshot.part("host")
        self.paths = Part({"paths": paths}).parts("paths")
        self.capacity = Part(capacity)
        self.headroom = headroom
        self.limits = self.snapshot.parts("limits")
        self.by_name = {limit.text("name"): limit for limit in reversed(self.limits)}
        self.counters = self.snapshot.part("counters")
        self.listeners = self.snapshot.parts("listeners")
        self.sockets = self.snapshot.part("sockets")
        self.flows = self.sockets.parts("flows")
        self.tcp = self.sockets.part("tcp")
        self.services = [(name, service) for service in self.snapshot.parts("services") for name in [service.text("name")] if name]

    def limit(self, name: str) -> Part:
        """Return a limit by its name; an empty part where it was not read."""
        return self.by_name.get(name, Part(None))

    def value(self, name: str) -> int | None:
        """Return the value in force of a limit that is a whole number."""
        return self.limit(name).number("value")

    def at_boot(self, name: str) -> int | None:
        """Return the value after the next boot; where that is not known, the one in force."""
        value = self.limit(name).part("boot").number("value")
        return self.value(name) if value is None else value

    def kernel(self) -> tuple[int, int] | None:
        """Return the kernel's version: (6, 1) for "6.1.0-56-cloud-amd64"."""
        major, dot, rest = (self.host.text("kernel") or "").partition(".")
        minor = rest.replace("-", ".").partition(".")[0]
        return (int(major), int(minor)) if _is_decimal(major) and _is_decimal(minor) else None


Found = Tuple[str, Dict[str, Any]]  # the subject and the evidence
Run = Callable[[Case], Iterable[Found]]


class Check(NamedTuple):
    """One check. message and remedy are templates of the evidence and `subject`; knob: the limit that its remedy changes."""

    severity: str
    title: str
    message: str
    remedy: str
    knob: str | None
    run: Run


CHECKS: dict[str, Check] = {}  # by id; every one has a page docs/findings/<id>.md


def check(name: str, severity: str, message: str, remedy: str, knob: str | None = None) -> Callable[[Run], Run]:
    """Enter the decorated function in CHECKS; its docstring is the title. Without `knob`, the subject's limit is meant."""

    def enter(run: Run) -> Run:
        CHECKS[name] = Check(severity, (run.__doc__ or name).rstrip("."), message, remedy, knob, run)
        return run

    return enter


def counted(name: str, severity: str, title: str, counter: str, message: str, remedy: str, knob: str | None = None) -> None:
    """Enter a check that finds a counter of the kernel above 0: {subject} is the counter, {count} its value."""

    def run(case: Case) -> Iterator[Found]:
        count = case.counters.number(counter)
        if count:
            yield counter, {"count": count}

    CHECKS[name] = Check(severity, title, message, remedy, knob, run)


def switched(name: str, severity: str, title: str, key: str, value: int, message: str, remedy: str) -> None:
    """Enter a check that finds a sysctl at the one value that it should not have."""

    def run(case: Case) -> Iterator[Found]:
        if case.value(key) == value:
            yield key, {"value": value}

    CHECKS[name] = Check(severity, title, message, remedy, None, run)


Fill = Tuple[str, Optional[int], Optional[float]]


def near(
    name: str, title: str, fills: Callable[[Case], Iterable[Fill]], message: str, remedy: str, share: float = NEAR, times: int = 2
) -> None:
    """Enter a warning for each (subject, used, limit) of which more than `share` is used.

    The evidence has {share} in percent, and {wanted}: so many `times` what is used.
    """

    def run(case: Case) -> Iterator[Found]:
        for subject, used, limit in fills(case):
            if used is not None and limit and used > share * limit:
                yield subject, {"used": used, "limit": limit, "share": percent(used, limit), "wanted": times * used}

    CHECKS[name] = Check(WARNING, title, message, remedy, None, run)


def shown(value: Any) -> str:
    """Return a value of the evidence as a message shows it: lists with commas, {soft, hard} as soft:hard."""
    if isinstance(value, list):
        more = " and %d more" % (len(value) - SHOWN) if len(value) > SHOWN else ""
        between = " " if str(value[:1]).endswith(".']") else ", "  # whole sentences
        return between.join(map(str, value[:SHOWN])) + more
    if isinstance(value, dict):
        return "%s:%s" % (value.get("soft"), value.get("hard"))
    return str(value)


def plain(value: Any) -> Any:
    """Return a value of the evidence as plain data: infinity is `unlimited`."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return UNLIMITED if value == math.inf else value


def address(host: Any, port: Any) -> str:
    """Return "10.0.0.9:80" or "[::]:80"."""
    return ("[%s]:%s" if ":" in str(host) else "%s:%s") % (host or "*", port)


def known_ports(items: list[Any]) -> int | None:
    """Return the set of the ports that a list names; None where it names anything else."""
    try:
        return port_set(items)
    except ValueError:
        return None


def percent(part: float, whole: float) -> int:
    """Return the share in whole percents, rounded down."""
    return int(100 * part // whole)


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
