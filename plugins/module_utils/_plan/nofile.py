# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptor limits that a user wants, for whom, and what has to grow with them. Pure. Private to the collection."""

from __future__ import annotations

import re
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.programs import TABLE_SHARE, TABLES
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal

NOTHING = " Nothing was changed."
NR_OPEN, FILE_MAX = "fs.nr_open", "fs.file-max"
LEAST = 1024  # a session or a service needs some hundred descriptors to start at all
MOST = 2147483584  # the highest that fs.nr_open takes (kernel/sysctl.c: sysctl_nr_open_max)
NR_OPEN_DEFAULT = 1048576  # fs/file.c
OTHERS = 8192  # descriptors of everything else on a host, beside those of the units named
UNIT = re.compile(r"[\w:.\\-][\w:.\\@-]{0,246}\.service\Z", re.ASCII)
TYPE = re.compile(r"\.(service|socket|target|timer|mount|automount|swap|slice|scope|device|path)\Z")  # as systemctl(1) knows them
DOMAIN = re.compile(r"(?!\.\.?\Z)(?:\*|@?\d+:\d*|@?:\d+|@?[^\s#:%@/*,-][^\s#:%@/*,]{0,127})\Z")


def parse_nofile(value: Any) -> dict[str, int]:
    """Return {soft, hard} of the option `nofile`: a number for both, or both. Raises Refusal."""
    if value is None:
        raise Refusal("nofile is missing. Say how many files may be open: a number, or {soft, hard}.%s" % NOTHING)
    if isinstance(value, dict):
        if set(value) != {"soft", "hard"}:
            raise Refusal("nofile %s: as a dict it has exactly soft and hard: write both.%s" % (shown(value), NOTHING))
        nofile = {side: _number("nofile.%s" % side, value[side]) for side in ("soft", "hard")}
        if nofile["soft"] > nofile["hard"]:
            raise Refusal(
                "nofile.soft %d is above nofile.hard %d: no process can have that. Lower soft, or raise hard to %d.%s"
                % (nofile["soft"], nofile["hard"], nofile["soft"], NOTHING)
            )
        return nofile
    number = _number("nofile", value)
    return {"soft": number, "hard": number}


def _number(option: str, value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.match(r"-?\d{1,30}\Z", text, re.ASCII):
        raise Refusal('%s %s is no whole number. Write one, such as 65536; there is no "unlimited".%s' % (option, shown(value), NOTHING))
    if int(text) < LEAST:
        raise Refusal("%s %s is too low: sessions and services would not start. Ask for at least %d.%s" % (option, text, LEAST, NOTHING))
    if int(text) > MOST:
        raise Refusal("%s %s is above %d, the most that any kernel takes. Ask for less.%s" % (option, text, MOST, NOTHING))
    return int(text)


def parse_users(names: Iterable[Any]) -> list[str]:
    """Return the option `users`, checked, each once: users, @groups, `*` or ranges of ids, as limits.conf takes them. Raises Refusal."""
    for name in names:
        if not DOMAIN.match(str(name)) or not str(name).isprintable():
            raise Refusal(
                "users: %s is no user. Write a user's name, @group, * or a range of ids such as 1000:.%s" % (shown(name), NOTHING)
            )
    return sorted({str(name) for name in names})


def parse_units(names: Iterable[Any]) -> list[str]:
    """Return the option `units`, checked, each once, with `.service` where no type is named. Raises Refusal."""
    found = set()
    for name in names:
        text = str(name)
        full = text if TYPE.search(text) else text + ".service"
        if not UNIT.match(full) or "@" in full and not full.partition("@")[0]:
            raise Refusal(
                "units: %s is no name of a service unit. Write it as nginx.service, or web@.service for all instances of a template.%s"
                % (shown(name), NOTHING)
            )
        found.add(full)
    return sorted(found)


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and without control characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def pair(nofile: dict[str, Any]) -> str:
    """Return soft:hard."""
    return "%s:%s" % (nofile["soft"], nofile["hard"])


def raised(now: dict[str, int], wanted: dict[str, int]) -> dict[str, int]:
    """Return the limits of a running process: never less than it had. It may use what it has, or have raised its soft limit itself."""
    return {side: max(now[side], wanted[side]) for side in ("soft", "hard")}


def keeping(files: int, hard: Any, nr_open: int | None) -> int | dict[str, int]:
    """Return the nofile that gives a unit so many files and leaves it the hard limit that it starts with; a number where that is no higher.

    nr_open: what nobody gets more than; `unlimited` comes to that.
    """
    if hard == UNLIMITED:
        hard = nr_open
    most = min(number(hard) or 0, nr_open or MOST)
    return {"soft": files, "hard": most} if most > files else files


def highest(wanted: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the higher of each side of several limits."""
    rows = list(wanted)
    return {side: max(one[side] for one in rows) for side in ("soft", "hard")}


def enough(nofile: dict[str, int], units: int) -> dict[str, int]:
    """Return {sysctl: least value} that lets so many units have such limits all at once."""
    return {NR_OPEN: nofile["hard"], FILE_MAX: nofile["hard"] * max(1, units) + OTHERS}


def grown(need: int, now: int, boot: int, others: list[dict[str, Any]]) -> int | None:
    """Return what a ceiling has to be set to, None where it is high enough now and after a boot.

    others: the entries of other sets that manage it. Where one of them made it high enough, both have to want it, so that it
    stays until the last of them ends.
    """
    shared = [int(entry["value"]) for entry in others if int(entry["original"]) < need <= int(entry["value"])]
    if shared:
        return max(shared)
    return None if min(now, boot) >= need else max(now, need)


def table_warnings(unit: str, programs: Iterable[str], nofile: dict[str, int], memory: int) -> list[str]:
    """Return what to say of programs that make a table with a row for every descriptor, where that takes much memory."""
    found = []
    for program in programs:
        side, each = TABLES.get(program, ("hard", 0))
        total = each * nofile[side]
        if total > TABLE_SHARE * memory:
            found.append(
                "%s: %s makes a table for every file it may open, %d bytes each: a %s nofile of %d makes that %d of the host's %d bytes. "
                "Ask for less, or limit the program itself (HAProxy: maxconn or fd-hard-limit)."
                % (unit, program, each, side, nofile[side], total, memory)
            )
    return found


def claims(path: str, text: str) -> dict[str, str]:
    """Return {whom: soft:hard} of the text of a file of ours; whom is a unit, a PAM domain, or DefaultLimitNOFILE."""
    found: dict[str, str] = {}
    for key, value in re.findall(r"^(LimitNOFILE|DefaultLimitNOFILE)=(\d+:\d+)$", text, re.M):
        found[path.split("/")[-2][:-2] if key == "LimitNOFILE" else key] = value
    for domain, soft, _same, hard in re.findall(r"^(\S+) soft nofile (\d+)\n(\S+) hard nofile (\d+)$", text, re.M):
        found["user " + domain] = "%s:%s" % (soft, hard)
    return found


def lowered(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return a warning for each unit whose hard limit, of {unit: soft:hard}, falls: what it had, it could give itself."""
    text = "%s: the hard limit falls from %s to %s at the next start. Say nofile: {soft: %s, hard: %s} to keep it."
    found = []
    for unit in sorted(set(before) & set(after)):
        (_soft, had), (soft, hard) = before[unit].split(":"), after[unit].split(":")
        if had.isdigit() and hard.isdigit() and int(had) > int(hard):
            found.append(text % (unit, had, hard, soft, had))
    return found
