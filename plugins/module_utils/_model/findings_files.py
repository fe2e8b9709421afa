# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on descriptors, tasks and watches (FT2xx). Rules: kernel-truths, 4 and 10. Private to the collection."""

from __future__ import annotations

import math
from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import (
    ERROR,
    INFO,
    NEAR,
    WARNING,
    Case,
    Fill,
    Found,
    Part,
    check,
    near,
    percent,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._model.programs import SET_OWN, TABLE_SHARE, TABLES

OLD_SOFT = 1024
LOOPBACK = ("127.", "::1", "::ffff:127.")
# Programs of which no process holds many connections: one for each connection, or rare questions.
FEW_EACH = ("sshd", "systemd", "postgres", "vsftpd", "proftpd", "inetd", "xinetd", "exim4", "master", "rpcbind")


def _accepting(case: Case) -> Iterator[tuple[str, Part]]:
    """Return (name, service) of the services that others than this host itself can connect to."""
    listening = {one.text("service") for one in case.listeners if not (one.text("address") or "").startswith(LOOPBACK)}
    return ((name, service) for name, service in case.services if name in listening)


@check(
    "FT201",
    ERROR,
    "{subject} asks for {nofile} files, and fs.nr_open will be {nr_open}: the kernel refuses more, and systemd then starts it with"
    " less and without an error.",
    "Set fs.nr_open to at least {nofile} (fd_limits sets both), or LimitNOFILE to at most {nr_open}.",
)
def unit_above_nr_open(case: Case) -> Iterator[Found]:
    """The nofile of a unit is above fs.nr_open."""
    nr_open = case.at_boot("fs.nr_open")
    units = [(name, service.part("boot").part("nofile")) for name, service in case.services]
    default = case.limit("DefaultLimitNOFILE")
    units.append(("DefaultLimitNOFILE", Part(default.part("boot").part("value").data or default.part("value").data)))
    for name, nofile in units:
        hard = nofile.number("hard")
        if nr_open and hard and hard > nr_open:
            yield name, {"nofile": hard, "nr_open": nr_open}


@check(
    "FT202",
    WARNING,
    "{subject}: its main process {pid} runs with nofile {running}, the unit says {unit} now. A restart gives it that, unless"
    " the program sets its own.",
    "Restart {subject}, or give its processes the unit's limit (fd_limits does so without a restart).",
)
def unit_differs(case: Case) -> Iterator[Found]:
    """The running process has another nofile than its unit."""
    nr_open = case.value("fs.nr_open") or 0
    session = case.snapshot.part("files").part("nofile_self").amount("hard")
    engine = session if case.host.text("container") else None  # a container's engine allows no more
    for name, service in case.services:
        unit = service.part("live").nofile()
        if service.text("program") in SET_OWN or (unit and unit["hard"] > nr_open):
            continue  # above nr_open, such as infinity: the process has what the kernel allows
        for process in service.parts("processes"):
            running, pid = process.nofile(), process.number("pid")
            # A program may raise its own soft limit; the hard one changes by intent only.
            if (
                unit
                and running
                and pid is not None
                and pid == service.number("main_pid")
                and (running["hard"] != unit["hard"] or running["soft"] < unit["soft"])
                and running["hard"] != engine
            ):
                yield name, {"pid": pid, "running": running, "unit": unit}


@check(
    "FT203",
    WARNING,
    "{subject} accepts connections with a soft nofile of {soft} (hard {hard}): unless {program} raises it itself, accept() fails"
    " with EMFILE at {soft} open files.",
    "Set nofile of {subject} (fd_limits) to the connections it must hold, twice that for a proxy, plus 100; then restart it.",
)
def low_soft(case: Case) -> Iterator[Found]:
    """A service that accepts has a soft nofile of 1024 or less."""
    for name, service in _accepting(case):
        processes, program = service.parts("processes"), service.text("program")
        limits = [nofile for nofile in map(Part.nofile, processes) if nofile]
        whole = limits and len(limits) == len(processes)  # one that could not be read may have more
        if whole and program and program not in FEW_EACH and max(nofile["soft"] for nofile in limits) <= OLD_SOFT:
            most = max(limits, key=lambda nofile: nofile["soft"])
            yield name, {"soft": most["soft"], "hard": most["hard"], "program": program}


@check(
    "FT204",
    WARNING,
    "{program} makes a table for every file it may open, {bytes} bytes each: a {kind} nofile of {files} makes that {total} bytes of"
    " the host's {memory}.",
    "Set nofile of {subject} to what it needs (fd_limits), or limit the program itself (HAProxy: maxconn or fd-hard-limit).",
)
def huge_table(case: Case) -> Iterator[Found]:
    """A huge nofile on a program that sizes its tables by it."""
    memory = case.host.number("memory")
    for name, service in case.services:
        kind, each = TABLES.get(service.text("program") or "", ("hard", 0))
        limits = [files for process in service.parts("processes") for files in [process.part("nofile").amount(kind)] if files]
        files = min(max(limits, default=0), case.value("fs.nr_open") or math.inf)
        if memory and files < math.inf and each * files > TABLE_SHARE * memory:
            yield (
                name,
                {
                    "program": service.text("program"),
                    "bytes": each,
                    "kind": kind,
                    "files": files,
                    "total": each * int(files),
                    "memory": memory,
                },
            )


def _fullest(case: Case) -> Iterator[Found]:
    for name, service in case.services:
        used = [
            (percent(opened, soft), process.number("pid"), opened, soft)
            for process in service.parts("processes")
            for opened, soft in [(process.number("files_open"), process.part("nofile").number("soft"))]
            if opened is not None and soft
        ]
        if used:
            share, pid, opened, soft = max(used, key=lambda one: one[2] / one[3])
            yield name, {"pid": pid, "files_open": opened, "soft": soft, "share": share}


@check(
    "FT205",
    ERROR,
    "{subject}: process {pid} has {files_open} files open and may have {soft}: accept() and connect() fail with EMFILE.",
    "Raise nofile of {subject} above {soft} (fd_limits does it without a restart).",
)
def files_spent(case: Case) -> Iterator[Found]:
    """A service has spent its nofile."""
    return (found for found in _fullest(case) if found[1]["files_open"] >= found[1]["soft"])


@check(
    "FT206",
    WARNING,
    "{subject}: process {pid} has {files_open} of {soft} files open ({share} %).",
    "Raise nofile of {subject} above {soft} (fd_limits does it without a restart).",
)
def files_near(case: Case) -> Iterator[Found]:
    """A service is near its nofile."""
    return (found for found in _fullest(case) if NEAR * found[1]["soft"] < found[1]["files_open"] < found[1]["soft"])


def _kernel_fills(case: Case, *names: str) -> list[Fill]:
    return [(name, case.limit(name).number("used"), case.value(name)) for name in names]


near(
    "FT207",
    "fs.file-max is near",
    lambda case: _kernel_fills(case, "fs.file-max"),
    "The machine has {used} files open, and {subject} is {limit} ({share} %): at the limit all but root get ENFILE.",
    "Set {subject} to at least {wanted} (fd_limits).",
)


@check(
    "FT208",
    ERROR,
    "{source} gives {subject} a nofile of {nofile}, above fs.nr_open {nr_open}: pam_limits cannot set it, and sshd, su and sudo"
    " refuse the session.",
    "Set fs.nr_open to at least {nofile}, or nofile of {subject} to at most {nr_open} (fd_limits).",
)
def pam_above_nr_open(case: Case) -> Iterator[Found]:
    """The nofile of users is above fs.nr_open: they cannot log in."""
    nr_open = min(filter(None, (case.value("fs.nr_open"), case.at_boot("fs.nr_open"))), default=0)
    for limit in case.limits:
        sides = limit.part("value").number("soft"), limit.part("value").number("hard")
        files = max(filter(None, sides), default=0)
        if nr_open and limit.text("name") == "nofile" and limit.text("scope") == "user" and files > nr_open:
            yield limit.text("subject") or "users", {"nofile": files, "nr_open": nr_open, "source": limit.text("source") or "PAM"}


near(
    "FT209",
    "Processes and threads are near their maximum",
    lambda case: _kernel_fills(case, "kernel.pid_max", "kernel.threads-max"),
    "The machine runs {used} threads, and {subject} is {limit} ({share} %): at the limit fork() fails with EAGAIN.",
    "Set {subject} to at least {wanted}.",
)
near(
    "FT210",
    "A service is near its TasksMax",
    lambda case: [(name, service.part("tasks").number("used"), service.part("tasks").amount("limit")) for name, service in case.services],
    "{subject} runs {used} of {limit} tasks ({share} %): at the limit it starts no further thread or worker.",
    "Set TasksMax of {subject} to at least {wanted}.",
)


@check(
    "FT211",
    INFO,
    "fs.epoll.max_user_watches is {watches}, below the {soft} files of {subject}: its user gets ENOSPC from epoll_ctl() first.",
    "Set fs.epoll.max_user_watches to at least {soft}.",
    "fs.epoll.max_user_watches",
)
def few_watches(case: Case) -> Iterator[Found]:
    """A user may watch fewer sockets than a service may open."""
    watches = case.value("fs.epoll.max_user_watches")
    for name, service in _accepting(case):
        soft = max((process.part("nofile").number("soft") or 0 for process in service.parts("processes")), default=0)
        if watches and soft > watches:
            yield name, {"watches": watches, "soft": soft}


@check(
    "FT212",
    WARNING,
    "The files of {subject} changed after systemd read them: a restart still uses the old ones.",
    "Run systemctl daemon-reload, then restart {subject}.",
)
def reload_pending(case: Case) -> Iterator[Found]:
    """A unit waits for a daemon-reload."""
    return ((name, {}) for name, service in case.services if service.is_true("needs_reload"))


@check(
    "FT213",
    WARNING,
    "fs.file-max is {file_max}, below the nofile {soft} of {subject}: it gets ENFILE before it has its files.",
    "Set fs.file-max to at least {wanted} (fd_limits).",
    "fs.file-max",
)
def file_max_below(case: Case) -> Iterator[Found]:
    """A service may open more files than the machine."""
    most = case.value("fs.file-max")
    for name, service in _accepting(case):
        soft = max((process.part("nofile").number("soft") or 0 for process in service.parts("processes")), default=0)
        if most and soft > most:
            yield name, {"file_max": most, "soft": soft, "wanted": 2 * soft}
