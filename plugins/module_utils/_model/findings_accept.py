# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the accept side (FT3xx). Rules: kernel-truths, 5. Private to the collection."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Found,
    Part,
    address,
    check,
    counted,
    switched,
)

SOMAXCONN = "net.core.somaxconn"
OLD_DEFAULT, DEFAULT, DEFAULT_SINCE = 128, 4096, (5, 4)
LONG = 65535  # a backlog that nobody asks for more than


def name_of(listener: Part) -> str:
    """Return how a listener is named: "0.0.0.0:80 (nginx.service)"."""
    where = address(listener.text("address"), listener.number("port"))
    return "%s (%s)" % (where, listener.text("service") or "service not known")


def _with_backlog(case: Case, backlog: int) -> list[str]:
    return sorted({name_of(listener) for listener in case.listeners if listener.number("backlog") == backlog})


@check(
    "FT301",
    INFO,
    "net.core.somaxconn is {somaxconn}, and so is the backlog of {listeners}: listen() may have asked for more and been cut.",
    "Set net.core.somaxconn to the backlog that the programs ask for, then restart or reload them: it is read in listen().",
)
def backlog_cut(case: Case) -> Iterator[Found]:
    """A backlog may be cut by somaxconn."""
    somaxconn = case.value(SOMAXCONN)
    listeners = _with_backlog(case, somaxconn) if somaxconn and somaxconn < LONG else []
    if listeners:
        yield SOMAXCONN, {"somaxconn": somaxconn, "listeners": listeners}


@check(
    "FT302",
    INFO,
    "net.core.somaxconn is {somaxconn}, but the backlog of {listeners} is {backlog}, the kernel's default for it: they may have"
    " called listen() before it was raised.",
    "Restart or reload these services: somaxconn is read in listen(). If one asks for {backlog} itself, raise its own setting.",
)
def raised_after_listen(case: Case) -> Iterator[Found]:
    """somaxconn may have been raised after listen()."""
    somaxconn, kernel = case.value(SOMAXCONN), case.kernel()
    default = OLD_DEFAULT if kernel and kernel < DEFAULT_SINCE else DEFAULT
    listeners = _with_backlog(case, default)
    if somaxconn is not None and somaxconn > default and listeners:
        yield SOMAXCONN, {"somaxconn": somaxconn, "listeners": listeners, "backlog": default}


@check(
    "FT303",
    ERROR,
    "The accept queue of {subject} is full: {queued} connections wait for accept(), its backlog is {backlog}. Further SYNs are"
    " dropped, and clients hang.",
    "See why the program does not accept (its own maxconn, its nofile, its CPU), then raise its backlog and net.core.somaxconn.",
)
def queue_full(case: Case) -> Iterator[Found]:
    """An accept queue is full."""
    for listener in case.listeners:
        queued, backlog = listener.number("queued"), listener.number("backlog")
        if queued is not None and backlog is not None and queued > backlog:
            yield name_of(listener), {"queued": queued, "backlog": backlog}


counted(
    "FT304",
    WARNING,
    "Accept queues overflowed",
    "ListenOverflows",
    "{subject} is {count}: so often since boot a connection came to a full accept queue and was dropped.",
    "Raise the program's backlog and net.core.somaxconn, and restart it; if the queue is full at rest, it accepts too slowly.",
)


@check(
    "FT305",
    WARNING,
    "ListenDrops is {drops}, {count} more than ListenOverflows ({overflows}) and TCPReqQFullDrop ({queue}): so many SYNs were dropped"
    " since boot for another reason than a full queue.",
    "Look for memory pressure, and for net.ipv4.tcp_max_syn_backlog while net.ipv4.tcp_syncookies is 0.",
)
def other_drops(case: Case) -> Iterator[Found]:
    """SYNs were dropped for another reason than a full queue."""
    drops, overflows, queue = (case.counters.number(name) for name in ("ListenDrops", "ListenOverflows", "TCPReqQFullDrop"))
    if drops is not None and overflows is not None and queue is not None and drops > overflows + queue:
        yield "ListenDrops", {"count": drops - overflows - queue, "drops": drops, "overflows": overflows, "queue": queue}


counted(
    "FT306",
    WARNING,
    "SYN queues overflowed and SYNs were dropped",
    "TCPReqQFullDrop",
    "{subject} is {count}: so many SYNs were dropped since boot because a SYN queue was full and SYN cookies were off.",
    "Set net.ipv4.tcp_syncookies to 1, and raise the program's backlog and net.core.somaxconn.",
)
counted(
    "FT307",
    INFO,
    "SYN queues overflowed and SYN cookies were sent",
    "TCPReqQFullDoCookies",
    "{subject} is {count}: so many SYN cookies were sent since boot because a SYN queue was full.",
    "If this is no attack, raise the program's backlog and net.core.somaxconn, and restart it.",
)
switched(
    "FT308",
    WARNING,
    "SYN cookies are off",
    "net.ipv4.tcp_syncookies",
    0,
    "{subject} is 0: when a SYN queue is full, SYNs are dropped.",
    "Set {subject} to 1.",
)
switched(
    "FT309",
    WARNING,
    "A full accept queue resets clients",
    "net.ipv4.tcp_abort_on_overflow",
    1,
    "{subject} is 1: a client whose handshake ends at a full accept queue is reset, where it would have been let in a moment later.",
    "Set {subject} to 0.",
)


@check(
    "FT310",
    WARNING,
    "net.ipv4.tcp_max_syn_backlog is {max} with SYN cookies off: a listener holds at most {held} half-open connections, below the"
    " backlog {backlog} of {subject}.",
    "Set net.ipv4.tcp_syncookies to 1, or net.ipv4.tcp_max_syn_backlog to at least {needed}.",
    "net.ipv4.tcp_max_syn_backlog",
)
def syn_backlog_cut(case: Case) -> Iterator[Found]:
    """tcp_max_syn_backlog cuts the SYN queue while SYN cookies are off."""
    most = case.value("net.ipv4.tcp_max_syn_backlog")
    listeners = [(backlog, name_of(one)) for one in case.listeners for backlog in [one.number("backlog")] if backlog is not None]
    backlog, name = max(listeners, default=(0, ""))
    # tcp_conn_request() drops once less than a quarter of tcp_max_syn_backlog is left.
    if most is not None and case.value("net.ipv4.tcp_syncookies") == 0 and most - most // 4 < backlog:
        yield name, {"max": most, "held": most - most // 4 + 1, "backlog": backlog, "needed": 4 * (backlog - 1) // 3 + 1}
