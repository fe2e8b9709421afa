# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section fd_limits of a change: descriptors of users, units and running processes. Private to the collection."""

from __future__ import annotations

import copy
import os
import re
from typing import TYPE_CHECKING, Any, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import sysctl_d
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.programs import SET_OWN, TABLES
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal, Step
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import nofile as plan
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sets
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import FILE_MAX, NOTHING, NR_OPEN, pair
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted
from ansible_collections.c10m.front_tier.plugins.module_utils._read.memory import read_memory
from ansible_collections.c10m.front_tier.plugins.module_utils._read.planned import PlannedRoot

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change

SECTION = "fd_limits"
LOGINS = "sshd and sudo would refuse to start sessions"


def wanted(change: Change, options: dict[str, Any]) -> list[Wanted]:
    """Return the ceilings, files and processes that the options want. Raises Refusal; adds warnings and what needs a restart."""
    nofile = plan.parse_nofile(options["nofile"])
    users, units = plan.parse_users(options["users"]), _units(change, plan.parse_units(options["units"]))
    live, persist = change.modes(options)
    shared = bool(options.get("shared"))
    each = {unit: plan.highest([nofile, *_claimed(change, unit)]) if shared else nofile for unit in units}
    top = plan.highest([nofile, *each.values()])
    found = _ceilings(change, options, top, len(units))
    most = _most(change, top, users if persist else [], each)
    if shared:
        change.record = copy.deepcopy(change.record)  # what other sets want changes with this one
        _raise_files(change, each)
    if persist:
        found += _files(change, nofile, users, each, options["default"])
    elif users or options["default"]:
        change.not_applied.append("users and default live in files only: persist: false leaves them out")
    found += _processes(change, {unit: {side: min(value, most) for side, value in one.items()} for unit, one in each.items()}, live, shared)
    if shared:
        _raise_values(change, found)
    return found


def check(change: Change) -> None:
    """Check what files ask for against fs.nr_open as it will be; spare processes that use what they would lose. Raises Refusal."""
    now = int(change.value("sysctl", NR_OPEN) or 0)
    if ("sysctl", NR_OPEN) in change.targets:
        _check_nr_open(change, int(change.settled(NR_OPEN)), now, "")
    if not change.container:
        before, after = (_decided_at_boot(change, NR_OPEN, now, files) for files in ({}, _planned(change)))
        _check_nr_open(change, after, before, " at the next boot")
    processes = [name for kind, name in change.targets if kind == "process"]
    if processes:
        _spare(change, processes)


def following(change: Change, steps: list[Step]) -> list[Step]:
    """Return the one reload that makes systemd take over what the files of this section say from now on."""
    ours = {entry["name"] for entry in [*change.managed(SECTION).values(), *_entries(change)] if entry["kind"] == "file"}
    folders = [os.path.dirname(step.name) for step in steps if step.kind == "file" and step.name in ours]
    folders = [folder for folder in folders if folder.startswith("/etc/systemd/")]
    _tell_what_keeps(change, [step for step in steps if step.kind == "file" and os.path.dirname(step.name) in folders])
    if not folders or not change.modes(change.asked.get(SECTION) or {})[0]:
        return []
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import unit
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import nofile_d

    units = {unit.MANAGER if folder == nofile_d.MANAGER_D else os.path.basename(folder)[:-2] for folder in folders}
    if not unit.runs(change.root):
        change.not_applied.append("systemd does not run here: it takes over %s when it starts" % ", ".join(sorted(units)))
        return []
    instances = {name for _unit, name, _pids in _running(change, [one for one in units if "@." in one])}
    name = " ".join(sorted(units | instances))
    planned = PlannedRoot(change.root, _planned(change))
    after = nofile_d.loaded_next(planned, [one for one in name.split() if "@." not in one])
    step = Step("unit", name, change.value("unit", name), after)
    if change.asked.get(SECTION):
        change.warnings += plan.lowered(step.before, step.after)
    return [step]


def _tell_what_keeps(change: Change, files: list[Step]) -> None:
    """Tell which units run on with what their file gave them: a process that started with it was never raised, so nothing takes it back."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import process

    units = [unit for step in files for unit in sorted(_soft(step.name, step.before)) if _falls(step, unit)]
    managed = change.managed(SECTION)
    for _unit, name, pids in _running(change, units):
        names = [one for one in (process.name_of(change.root, name, pid) for pid in pids) if one and "process " + one not in managed]
        change.look("process", names)
        keeping = sorted({pair(now) for now in (change.value("process", one) for one in names) if "soft" in now})
        if keeping:
            change.needs_restart.append("%s: processes of it keep nofile %s until it restarts." % (name, ", ".join(keeping)))


def _soft(path: str, value: dict[str, Any] | None) -> dict[str, int]:
    """Return {unit: the soft limit that a file of ours gives it}."""
    return {whom: int(nofile.partition(":")[0]) for whom, nofile in plan.claims(path, value["text"]).items()} if value else {}


def _falls(step: Step, unit: str) -> bool:
    return unit.endswith(".service") and _soft(step.name, step.after).get(unit, 0) < _soft(step.name, step.before)[unit]


def _entries(change: Change) -> list[dict[str, Any]]:
    """Return the entries of this section as they will be."""
    return list(change.record["sets"].get(change.params["name"], {}).get(SECTION, {}).values())


def _planned(change: Change) -> dict[str, str | None]:
    """Return {path: text, None where it goes away} of the files of this run."""
    return {name: value["text"] if value else None for (kind, name), value in change.targets.items() if kind == "file"}


def _units(change: Change, names: list[str]) -> list[str]:
    """Return the units by the names of their files. Raises Refusal for those that are not there, unless they are to be skipped."""
    if not names:
        return []
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.units import read_units, real_names

    real = sorted(real_names(change.root, names))
    found = read_units(change.root, real)
    reasons = {
        name: "%s %s" % (name, "is masked: it cannot start" if unit["masked"] else "is not there: no folder of systemd has its file")
        for name, unit in found.items()
        if unit["masked"] or not unit["exists"]
    }
    if reasons and not change.params["skip_unavailable"]:
        raise Refusal(
            "units: %s. Install or unmask it first, leave it out, or say skip_unavailable: true.%s" % ("; ".join(reasons.values()), NOTHING)
        )
    change.not_applied += reasons.values()
    return [name for name in real if name not in reasons]


def _ceilings(change: Change, options: dict[str, Any], nofile: dict[str, int], units: int) -> list[Wanted]:
    """Return fs.nr_open and fs.file-max where they would bind, now or after the next boot. Raises Refusal where they cannot be raised."""
    live, persist = change.modes(options)
    found: list[Wanted] = []
    for name, need in plan.enough(nofile, units).items():
        mine = change.managed(SECTION).get("sysctl " + name)
        now = int((mine["original"] if mine else change.settled(name)) or 0)
        rows = sets.entries(change.record).get("sysctl " + name, [])
        others = [entry for owner, _section, entry in rows if owner != change.params["name"]]
        value = plan.grown(need, now, _at_boot(change, name, now) if persist else now, others)
        why = change.why_not(name, live and value > now) if value else None
        if value and not why:
            found += change.sysctls({name: value}, options)
        elif value and name == NR_OPEN:
            raise Refusal(_too_high(nofile["hard"], now, str(why), change.container))
        elif value:
            text = "%s %d is less than the %d that %d units and the rest of the host may open together, and it %s."
            change.warnings.append(text % (name, now, need, max(1, units), why))
        if name == NR_OPEN and nofile["hard"] > now and options["users"] and persist and not live:
            raise Refusal(
                "nofile %d is above %s %d, and live: false leaves that as it is until the next boot: %s till then. Say live: true.%s"
                % (nofile["hard"], NR_OPEN, now, LOGINS, NOTHING)
            )
    return found


def _too_high(hard: int, now: int, why: str, container: bool) -> str:
    text = "nofile %d is above %s %d, and %s: %s. %s, or ask for at most %d.%s"
    cannot = "this container cannot raise it" if container else "it %s" % why
    remedy = "Raise it on the machine outside" if container else "Make it writable"
    return text % (hard, NR_OPEN, now, cannot, LOGINS, remedy, now, NOTHING)


def _at_boot(change: Change, name: str, now: int) -> int:
    """Return what a ceiling will be after the next boot without this section."""
    if change.container:
        return now
    for section, entries in change.record["sets"].get(change.params["name"], {}).items():
        entry = entries.get("sysctl " + name)
        if section != SECTION and entry and entry["persist"]:
            return int(entry["value"])
    ours = {entry["name"]: None for entry in change.managed("_files").values() if entry["kind"] == "file"}
    return _decided_at_boot(change, name, now, dict(ours))


def _decided_at_boot(change: Change, name: str, now: int, files: dict[str, str | None]) -> int:
    """Return what a ceiling will be after the next boot once `files` are in place, None for those that are gone."""
    decided, nothing = sysctl_d.boot_values(change.root, files, [name], False)
    text = str(decided.get(name, {}).get("value"))
    if text.isdigit():
        return int(text)
    return now if nothing or name == FILE_MAX else plan.NR_OPEN_DEFAULT


def _most(change: Change, nofile: dict[str, int], users: list[str], units: dict[str, dict[str, int]]) -> int:
    """Return what a process can be given here at most. Raises Refusal for sessions that would be refused; warns of units.

    A hard limit that a unit has already, and just keeps, is not worth a word.
    """
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds.process import may_raise
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import parse_nofile

    most = number(parse_nofile(change.root.text("/proc/1/limits")).get("hard"))
    if most is None or nofile["hard"] <= most or may_raise(change.root, 1):
        return nofile["hard"]
    why = "nofile %d is above the %d that process 1 has and, without CAP_SYS_RESOURCE, can give"
    if users:
        text = "users: %s: %s. Ask for at most %d, or give this container more from outside.%s"
        raise Refusal(text % (why % (nofile["hard"], most), LOGINS, most, NOTHING))
    for unit, asked in units.items():
        if asked["soft"] > most or asked["hard"] > max(most, _hard_of(change, unit)):
            above = asked["soft" if asked["soft"] > most else "hard"]
            change.warnings.append("%s: systemd starts %s with that, and without an error." % (why % (above, most), unit))
    return most


def _hard_of(change: Change, unit: str) -> int:
    """Return the hard limit that systemd has for a unit; 0 where it has none in numbers, or does not say."""
    hard = str(change.value("unit", unit).get(unit)).rpartition(":")[2]
    return int(hard) if hard.isdigit() else 0


def _of_others(change: Change) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (set, entry) of what this section of other sets manages."""
    for owner, sections in change.record["sets"].items():
        if owner != change.params["name"]:
            for entry in sections.get(SECTION, {}).values():
                yield owner, entry


def _claimed(change: Change, unit: str) -> list[dict[str, int]]:
    """Return the limits that files of other sets give a unit."""
    files = [entry for _owner, entry in _of_others(change) if entry["kind"] == "file"]
    found = [plan.claims(entry["name"], entry["value"]["text"]).get(unit) for entry in files]
    return [dict(zip(("soft", "hard"), map(int, one.split(":")))) for one in found if one]


def _raise_files(change: Change, each: dict[str, dict[str, int]]) -> None:
    """Have the files of other sets give the units no less: whichever of them sorts last decides."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import nofile_d

    for owner, entry in _of_others(change):
        claims = plan.claims(entry["name"], entry["value"]["text"]) if entry["kind"] == "file" else {}
        for unit in set(claims) & set(each):
            if claims[unit] != pair(each[unit]):
                entry["value"]["text"] = nofile_d.text_for(owner, unit, [], each[unit])
                change.look("file", [entry["name"]])
                change.targets["file", entry["name"]] = entry["value"]


def _raise_values(change: Change, found: list[Wanted]) -> None:
    """Let other sets want the same of processes and ceilings from now on, so that it stays until the last of them ends."""
    wanted = {one.key: one.value for one in found if one.kind in ("process", "sysctl")}
    for owner, entry in _of_others(change):
        key = "%s %s" % (entry["kind"], entry["name"])
        if key in wanted and entry["value"] != wanted[key]:
            entry["value"] = wanted[key]
            change.raised.update([owner] if entry["kind"] == "sysctl" else [])


def _files(change: Change, nofile: dict[str, int], users: list[str], each: dict[str, dict[str, int]], default: bool) -> list[Wanted]:
    """Return the files that keep the limits. Raises Refusal where another set or a later file decides otherwise.

    each: what each unit gets.
    """
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import nofile_d

    name, root = change.params["name"], change.root
    whom = [*(["users"] if users else []), *each, *([nofile_d.MANAGER] if default else [])]
    _check_folders(change, whom)
    managed = [entry["name"] for entry in change.managed(SECTION).values() if entry["kind"] == "file"]
    paths = {one: "%s/50-%s.conf" % (nofile_d.folder_of(one), name) for one in whom}
    for one in whom:
        paths[one] = next((path for path in managed if os.path.dirname(path) == nofile_d.folder_of(one)), paths[one])
    texts = {one: nofile_d.text_for(name, one, users, each.get(one, nofile)) for one in whom}
    _check_sets(change, {paths[one]: text for one, text in texts.items()})

    def lost() -> dict[str, list[str]]:
        planned = PlannedRoot(root, {**_planned(change), **dict.fromkeys(managed), **{paths[one]: text for one, text in texts.items()}})
        return nofile_d.losing(planned, whom, users, nofile, each)

    losing = lost()
    if losing and change.params["on_override"] == "outrank":
        paths.update({one: nofile_d.last_in(root, one, name) for one in losing})
        losing = lost()
    if losing:
        text = "At the next boot %s." % "; ".join(line for lines in losing.values() for line in lines)
        if change.params["on_override"] != "warn":
            raise Refusal("%s Remove that line, or say on_override: outrank (or warn).%s" % (text, NOTHING))
        change.warnings.append(text)
    if users:
        change.warnings += nofile_d.unread(root)
    return change.files({paths[one]: text for one, text in texts.items()})


def _check_folders(change: Change, whom: list[str]) -> None:
    """Raise Refusal where this host has nothing that would read a file."""
    for one, above, what in (("users", "/etc/security", "PAM"), ("DefaultLimitNOFILE", "/etc/systemd", "systemd")):
        if one in whom and not change.root.exists(above):
            option = "users" if one == "users" else "default"
            raise Refusal("%s: this host has no %s, so it has no %s that would read them. Leave it out.%s" % (option, above, what, NOTHING))


def _check_sets(change: Change, texts: dict[str, str]) -> None:
    """Raise Refusal where another set gives the same unit or user another limit."""
    mine = {whom: value for path, text in texts.items() for whom, value in plan.claims(path, text).items()}
    for rows in sets.entries(change.record, (change.params["name"], SECTION)).values():
        for owner, section, entry in rows:
            theirs = plan.claims(entry["name"], entry["value"]["text"]) if entry["kind"] == "file" else {}
            for whom in sorted(set(mine) & set(theirs)):
                if mine[whom] != theirs[whom]:
                    raise Refusal(
                        "%s: set %s wants nofile %s, and set %s, section %s has %s. Let one of them manage it.%s"
                        % (whom, change.params["name"], mine[whom], owner, section, theirs[whom], NOTHING)
                    )


def _running(change: Change, units: list[str]) -> list[tuple[str, str, list[int]]]:
    """Return [(unit, it or an instance of it that runs, its processes)], without this process."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import pids_by_unit

    found = sorted(pids_by_unit(change.root).items()) if units else []
    return [
        (unit, name, [pid for pid in pids if pid != os.getpid()])
        for name, pids in found
        for unit in units
        if unit in (name, re.sub("@.+", "@.service", name))
    ]


def _processes(change: Change, each: dict[str, dict[str, int]], live: bool, shared: bool) -> list[Wanted]:
    """Return the running processes of the units that have less than asked, or that are ours already; tell what needs a restart."""
    found: list[Wanted] = []
    programs = {unit: {unit.rpartition(".")[0]} for unit in each}
    theirs = {entry["name"] for _owner, entry in _of_others(change) if entry["kind"] == "process"} if shared else set()
    for unit, name, pids in _running(change, list(each)):
        ours, stuck, names = _of_unit(change, each[unit], name, pids, live, theirs)
        found += ours
        programs[unit] |= names
        tables = sorted(names & set(TABLES))
        if stuck:
            keeping = ", ".join(sorted({pair(now) for now in stuck}))
            reason = " (this host lets nothing here change them)" if live else ""
            change.needs_restart.append("%s: processes of it keep nofile %s until it restarts%s." % (name, keeping, reason))
        elif tables and any(change.value(one.kind, one.name) != one.value for one in ours):
            text = "%s: %s makes its table of descriptors when it starts, and uses the new limit after a restart."
            change.needs_restart.append(text % (name, ", ".join(tables)))
    memory = number(read_memory(change.root)["total"]) if each else None
    for unit in each if memory else []:
        change.warnings += plan.table_warnings(unit, sorted(programs[unit]), each[unit], memory or 0)
    return found


def _of_unit(
    change: Change, nofile: dict[str, int], unit: str, pids: list[int], live: bool, theirs: set[str]
) -> tuple[list[Wanted], list[dict[str, int]], set[str]]:
    """Return the processes of a unit that get or keep a limit, what those have that cannot get it, and the programs that run.

    theirs: processes that another set raised, with which this one shares them.
    """
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import process
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import parse_stat
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import text_of

    names = {pid: name for pid in pids for name in [process.name_of(change.root, unit, pid)] if name}
    change.look("process", names.values())
    managed = change.managed(SECTION)
    found, stuck, programs = [], [], set()
    for pid, name in names.items():
        now: dict[str, int] = change.value("process", name)
        if "soft" not in now:
            continue
        stat = parse_stat(text_of(change.root.text("/proc/%d/stat" % pid)))
        if not stat or stat["program"] in SET_OWN:
            continue
        programs.add(stat["program"])
        entry = managed.get("process " + name)
        target = plan.raised(entry["original"] if entry else now, nofile)
        if target != now and not (live and process.can_have(pid, now, target)):
            stuck.append(now)
        elif entry or target != now or name in theirs:
            found.append(Wanted("process", name, target, live=live))
    return found, stuck, programs


def _check_nr_open(change: Change, will: int, now: int, when: str) -> None:
    """Raise Refusal where fs.nr_open would fall, now or at the next boot, below what a rule of PAM or a set of ours asks for."""
    if will >= now:
        return
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist.nofile_d import highest_rule

    most, source = highest_rule(PlannedRoot(change.root, _planned(change)))
    if will < most <= now:
        raise Refusal(
            "%s would fall to %d%s, below the nofile %d of %s: %s. Lower that line first, or keep %s at %d.%s"
            % (NR_OPEN, will, when, most, source, LOGINS, NR_OPEN, most, NOTHING)
        )
    for rows in sets.entries(change.record).values():
        for owner, _section, entry in rows:
            for whom, value in plan.claims(entry["name"], entry["value"]["text"]).items() if entry["kind"] == "file" else ():
                if int(value.rpartition(":")[2]) > will:
                    raise Refusal(
                        "%s would fall to %d%s, and set %s gives %s nofile %s. End that set first, or keep %s.%s"
                        % (NR_OPEN, will, when, owner, whom, value, NR_OPEN, NOTHING)
                    )


def _spare(change: Change, names: list[str]) -> None:
    """Leave out processes that have more files open than they would be allowed: they would fail to accept or open at once."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import read_files_open

    for name in names:
        now, target = change.value("process", name), change.targets["process", name]
        if "soft" not in now or target["soft"] >= now["soft"]:
            continue
        unit, pid, _start = name.rsplit("/", 2)
        opened = number(read_files_open(change.root, int(pid))) or 0
        if opened >= target["soft"]:
            del change.targets["process", name]
            change.needs_restart.append(
                "%s: process %s has %d files open, above the soft nofile %d that it would get, and keeps %s until it restarts."
                % (unit, pid, opened, target["soft"], pair(now))
            )
