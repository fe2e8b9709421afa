# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on what the next boot changes (FT6xx), and on a change of ours (FT801). Private to the collection.

Rules: sysctl.d(5), systemd.unit(5); the kinds of problems are those of the boot values' reader.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import (
    CHECKS,
    INFO,
    MOST,
    SHOWN,
    WARNING,
    Case,
    Check,
    Found,
    Part,
    check,
    known_ports,
    shown,
)

LINES = "{subject}: {lines}"
VENDOR = ("/usr/lib/", "/lib/")  # files that come with the system and are made to be overridden


def _meaning(name: str, value: Any) -> Any:
    """Return a value in a form in which equal meanings are equal: blanks, ports; None where it is no value of a limit."""
    if isinstance(value, dict):
        return Part({"nofile": value}).nofile()
    words = value if isinstance(value, list) else [value]
    if not all(isinstance(word, str) or (number(word) is not None and abs(word) < MOST) for word in words):
        return None
    words = [part for word in words for part in str(word).replace(",", " ").split()]
    ports = known_ports(words) if name.endswith("_reserved_ports") else None
    return words if ports is None else ports


def _named(limit: Part) -> str:
    """Return "net.core.somaxconn", or "nofile of @web"."""
    subject = limit.text("subject")
    return "%s of %s" % (limit.text("name"), subject) if subject else limit.text("name") or ""


def _changing(case: Case) -> Iterator[tuple[str | None, Found]]:
    """Yield (file, finding) for each limit whose boot value is known and another than the one in force."""
    for limit in case.limits:
        name, boot = limit.text("name") or "", limit.part("boot")
        live, then, source = limit.data.get("value"), boot.data.get("value"), boot.text("source")
        now, later = _meaning(name, live), _meaning(name, then)
        # What is lost is FT603; a key of an interface is set by what makes the interface.
        if name and None not in (now, later) and now != later and not boot.text("lost") and boot.text("applies") != "device-add":
            yield source, (_named(limit), {"live": shown(live) or "empty", "boot": shown(then) or "empty", "source": source})


@check(
    "FT601",
    WARNING,
    "{subject} is {live} now and will be {boot} after the next boot: {source} says so.",
    "If {boot} is right, set it now; if {live} is right, write it where {source} does not override it (kernel_settings does both).",
)
def boot_differs(case: Case) -> Iterator[Found]:
    """A file gives another value at boot."""
    return (found for source, found in _changing(case) if source)


@check(
    "FT602",
    WARNING,
    "{subject} decides {keys} at boot and overrides {overrides}.",
    "Keep one of the lines: the file that sorts last counts.",
)
def overridden(case: Case) -> Iterator[Found]:
    """A later file overrides a setting at boot."""
    winners: dict[str, list[Part]] = {}
    for limit in case.limits:
        source = limit.part("boot").text("source")
        if source and _mine(limit.part("boot")):
            winners.setdefault(source, []).append(limit)
    for source, limits in winners.items():
        places = {place for limit in limits for place in _mine(limit.part("boot"))}
        yield source, {"keys": sorted({_named(limit) for limit in limits}), "overrides": sorted(places)}


def _mine(boot: Part) -> list[str]:
    """Return the lines that lose, without those of a vendor."""
    return [place for place in boot.texts("overrides") if not place.startswith(VENDOR)]


@check(
    "FT604",
    INFO,
    "Set by {sources} when their interface appears, not before: {keys}. An interface that comes later has other values until then.",
    "Nothing, if the interfaces are there at boot; else set the value where the interface is configured.",
)
def at_device(case: Case) -> Iterator[Found]:
    """A key of an interface is set when the interface appears."""
    found = [
        (limit.text("name") or "", source)
        for limit in case.limits
        for boot in [limit.part("boot")]
        for source in [boot.text("source")]
        if boot.text("applies") == "device-add" and source and not source.startswith(VENDOR)
    ]
    if found:
        yield "net.ipv4.conf", {"keys": sorted({key for key, source in found}), "sources": sorted({source for key, source in found})}


@check(
    "FT608",
    INFO,
    "tuned is active with the profile {profile}: it sets sysctls after the files of sysctl.d were read, and may change them.",
    "See tuned-adm profile_info, and keep a sysctl in one of the two places (tuned: reapply_sysctl in tuned-main.conf).",
)
def tuned_active(case: Case) -> Iterator[Found]:
    """A profile of tuned is active."""
    profile = case.snapshot.part("boot").text("tuned")
    if profile:
        yield "tuned", {"profile": profile}


@check(
    "FT609",
    WARNING,
    "{source} decides nofile of {subject} and overrides {overrides}.",
    "Keep one of the lines: the drop-in that sorts last counts.",
)
def drop_in_overridden(case: Case) -> Iterator[Found]:
    """A later drop-in overrides the nofile of a unit."""
    for name, service in case.services:
        boot = service.part("boot")
        if _mine(boot):
            yield name, {"source": boot.text("source") or "A later line", "overrides": _mine(boot)}


@check(
    "FT610",
    WARNING,
    "{subject} has nofile {live} in systemd now and will have {boot} after the next boot.",
    "Run systemctl daemon-reload and restart {subject} if {boot} is right; else correct its drop-in (fd_limits).",
)
def unit_boot_differs(case: Case) -> Iterator[Found]:
    """The nofile of a unit will be another after the next boot."""
    for name, service in case.services:
        live, boot = service.part("live").nofile(), service.part("boot").nofile()
        if live and boot and live != boot:
            yield name, {"live": live, "boot": boot}


@check(
    "FT611",
    WARNING,
    "{subject} is {live} now and will be {boot} after the next boot: no file sets it.",
    "Write it to a file in /etc/sysctl.d (kernel_settings does), unless a program sets it whenever it starts.",
)
def boot_forgets(case: Case) -> Iterator[Found]:
    """A value is set in no file."""
    return (found for source, found in _changing(case) if not source and "." in found[0])


def _by_file(rows: Iterable[tuple[str | None, str | None]]) -> Iterator[Found]:
    """Yield one finding for each file of (file:line, message): {count, lines}, the first lines of them."""
    files: dict[str, list[str]] = {}
    for source, message in dict.fromkeys(rows):
        if source:
            path, colon, line = source.rpartition(":")
            path, start = (path, "line %s: " % line) if colon and line.isdigit() else (source, "")
            files.setdefault(path, []).append(start + (message or "no reason is given"))
    return ((path, {"count": len(lines), "lines": lines[:SHOWN]}) for path, lines in files.items())


def _problems(name: str, severity: str, kinds: tuple[str, ...], title: str, remedy: str) -> None:
    """Enter a check that finds a kind of the boot files' problems, one finding for each file."""

    def run(case: Case) -> Iterator[Found]:
        return _by_file(
            (row.text("source"), row.text("message"))
            for row in case.snapshot.part("boot").parts("problems")
            if row.text("kind") in kinds and not (row.text("source") or "").startswith(VENDOR)
        )

    CHECKS[name] = Check(severity, title, LINES, remedy, None, run)


@check("FT603", WARNING, LINES, "Name the module in a file of /etc/modules-load.d: it is then loaded before the files are read.")
def lost(case: Case) -> Iterator[Found]:
    """A key is lost at boot because its module is loaded later."""
    rows = [(row.text("source"), row.text("message")) for row in case.snapshot.part("boot").parts("problems") if row.text("kind") == "lost"]
    boots = [limit.part("boot") for limit in case.limits]
    return _by_file(rows + [(boot.text("source"), boot.text("lost")) for boot in boots if boot.text("lost")])


_problems(
    "FT605",
    WARNING,
    ("unknown_key",),
    "A file sets a key that this kernel does not have",
    "Correct the name of the key, or take the line out of {subject}.",
)
_problems("FT606", WARNING, ("garbage", "unreadable"), "A file of settings cannot be read or understood", "Correct {subject}.")
_problems("FT607", WARNING, ("by_hand",), "/etc/sysctl.conf is not read at boot", "Move these lines to a file in /etc/sysctl.d.")
_problems("FT612", INFO, ("masked",), "A file of sysctl.d is switched off", "Nothing, if that is meant; else take {subject} away.")
_problems("FT613", INFO, ("volatile",), "A file of sysctl.d is gone after a restart", "Move {subject} to /etc/sysctl.d if it is to stay.")
_problems(
    "FT614",
    INFO,
    ("not_applied",),
    "Nothing reads the files of sysctl.d at boot",
    "Set these sysctls on the machine or by the engine that starts this container.",
)
_problems(
    "FT615",
    INFO,
    ("no_interface",),
    "A file sets a key of an interface that is not here",
    "Correct the name of the interface in {subject}, or take the line out.",
)


@check(
    "FT801",
    WARNING,
    "{subject} is the journal of a change by this collection that did not end: the host may be between two states.",
    "Run any task of this collection that changes the host: it undoes that change before it does anything else.",
)
def unfinished_change(case: Case) -> Iterator[Found]:
    """A change of ours did not end."""
    journal = case.snapshot.text("unfinished")
    if journal:
        yield journal, {}
