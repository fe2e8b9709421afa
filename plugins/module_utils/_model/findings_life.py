# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on the life of a connection: TIME_WAIT, keepalive, reloads, conntrack (FT4xx). Private to the collection.

Rules: kernel-truths, 2 and 6; front-tier-recipes, 12.
"""

from __future__ import annotations

from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Fill,
    Found,
    address,
    check,
    counted,
    near,
    percent,
)

TW_BUCKETS = "net.ipv4.tcp_max_tw_buckets"
TW_REUSE = "net.ipv4.tcp_tw_reuse"
CONNTRACK = "net.netfilter.nf_conntrack_max"
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
LOOPBACK = ("127.", "::1", "::ffff:127.")
TIME_WAIT_SECONDS = 60
WAITING = 0.2  # the share of a destination's ports that TIME_WAIT may hold unnoticed
ORPHANS = 0.25  # from a quarter of the maximum on the kernel may reset an orphan: tcp_out_of_resources() counts one up to four times
CHAIN = 8  # entries in a bucket of the connection table
FIVE_DAYS = 432000
TWO_HOURS = 7200
IDLE = 10000  # connections from which on dead peers matter
RELOADING = ("haproxy", "nginx", "envoy")  # whose old workers live on until their connections end
GENERATION = 10  # seconds within which the workers of one start appear

near(
    "FT401",
    "TIME_WAIT is near its maximum",
    lambda case: [(TW_BUCKETS, case.tcp.number("time_wait"), case.value(TW_BUCKETS))],
    "{used} connections are in TIME_WAIT, and {subject} is {limit} ({share} %): beyond it they end at once, without the protection"
    " against late segments.",
    "Set {subject} to at least {wanted}, or keep connections open (keepalive) so that fewer end.",
)
counted(
    "FT402",
    WARNING,
    "TIME_WAITs were ended early",
    "TCPTimeWaitOverflow",
    "{subject} is {count}: so many connections skipped TIME_WAIT since boot because net.ipv4.tcp_max_tw_buckets was reached.",
    "Raise net.ipv4.tcp_max_tw_buckets.",
)


@check(
    "FT403",
    WARNING,
    "net.ipv4.tcp_tw_reuse is {reuse} but net.ipv4.tcp_timestamps is 0: no TIME_WAIT is reused without timestamps.",
    "Set net.ipv4.tcp_timestamps to 1, here and on the hosts that are dialled.",
    "net.ipv4.tcp_timestamps",
)
def reuse_defeated(case: Case) -> Iterator[Found]:
    """tcp_timestamps=0 defeats tcp_tw_reuse."""
    if case.value("net.ipv4.tcp_timestamps") == 0 and case.value(TW_REUSE) == 1:
        yield TW_REUSE, {"reuse": 1}


@check(
    "FT404",
    WARNING,
    "TIME_WAIT holds {time_wait} of the {usable} usable ports of {subject}, and net.ipv4.tcp_tw_reuse {reuse} does not"
    " free them: at most {rate} new connections a second last.",
    "Set net.ipv4.tcp_tw_reuse to 1, or keep these connections open (keepalive).",
    TW_REUSE,
)
def time_wait_ports(case: Case) -> Iterator[Found]:
    """TIME_WAIT holds the ports of a destination."""
    usable, reuse = case.snapshot.part("ports").number("usable"), case.value(TW_REUSE)
    for flow in case.flows:
        waiting, source, there = flow.number("time_wait"), flow.text("source"), flow.text("destination")
        if not usable or not source or not there or waiting is None or waiting <= WAITING * usable or flow.is_true("accepted"):
            continue
        if reuse == 0 or (reuse == 2 and not there.startswith(LOOPBACK) and not source.startswith(LOOPBACK)):
            yield (
                "%s -> %s" % (source, address(there, flow.number("port"))),
                {"source": source, "time_wait": waiting, "usable": usable, "reuse": reuse, "rate": usable // TIME_WAIT_SECONDS},
            )


near(
    "FT405",
    "Orphaned connections are near their maximum",
    lambda case: [("net.ipv4.tcp_max_orphans", case.tcp.number("orphan"), case.value("net.ipv4.tcp_max_orphans"))],
    "{used} closed connections still send, and {subject} is {limit}: from a quarter of it on the kernel resets some of them.",
    "Set {subject} to at least {wanted}, or see why peers do not take their last data.",
    ORPHANS,
    8,
)


@check(
    "FT406",
    INFO,
    "{established} connections are established, and keepalive takes {seconds} seconds to find that a peer is gone: until then each"
    " holds a descriptor and its port.",
    "Set net.ipv4.tcp_keepalive_time to what your clients bear (300 is common), for programs that switch keepalive on.",
    "net.ipv4.tcp_keepalive_time",
)
def slow_keepalive(case: Case) -> Iterator[Found]:
    """Dead peers are found after two hours."""
    first, every, probes = (case.value("net.ipv4.tcp_keepalive_" + name) for name in ("time", "intvl", "probes"))
    established = case.tcp.number("established")
    if first is None or every is None or probes is None or established is None or first < TWO_HOURS or established < IDLE:
        return
    yield "net.ipv4.tcp_keepalive_time", {"established": established, "seconds": first + every * probes}


@check(
    "FT407",
    WARNING,
    "Workers of an earlier start still run in {subject} (processes: {processes}, connections: {connections}): the oldest is {age} seconds"
    " old, the newest worker {newest}. Until its connections end, each keeps its ports, files and memory.",
    "Set a time after which old workers end (HAProxy: hard-stop-after; nginx: worker_shutdown_timeout), and reload less often.",
)
def old_workers(case: Case) -> Iterator[Found]:
    """Old workers hold connections after a reload."""
    for name, service in case.services:
        main = service.number("main_pid")
        workers = [
            (age, process.number("connections") or 0)
            for process in service.parts("processes")
            for age in [process.number("age")]
            if age is not None and main is not None and process.number("pid") != main
        ]
        newest = min(workers, default=(0, 0))[0]
        old = [(age, held) for age, held in workers if age > newest + GENERATION]
        # A reload starts as many workers as there were; a few younger ones took the place of some that crashed.
        earlier = max((sum(age <= other <= age + GENERATION for other, _held in old) for age, _held in old), default=0)
        young, old = len(workers) - len(old), [(age, held) for age, held in old if held]
        if service.text("program") in RELOADING and old and young >= earlier:
            yield name, {"processes": len(old), "connections": sum(held for _age, held in old), "age": max(old)[0], "newest": newest}


@check(
    "FT408",
    INFO,
    "net.ipv4.tcp_fin_timeout is {value} seconds: it ends orphans in FIN_WAIT2 and shortens no TIME_WAIT, which lasts 60 seconds.",
    "For ports use net.ipv4.tcp_tw_reuse = 1; set net.ipv4.tcp_fin_timeout back to 60 if TIME_WAIT was the reason.",
)
def fin_timeout(case: Case) -> Iterator[Found]:
    """tcp_fin_timeout is lowered and does not shorten TIME_WAIT."""
    value = case.value("net.ipv4.tcp_fin_timeout")
    if value is not None and value < TIME_WAIT_SECONDS:
        yield "net.ipv4.tcp_fin_timeout", {"value": value}


def _tracked(case: Case) -> list[Fill]:
    track = case.snapshot.part("conntrack")
    return [(CONNTRACK, track.number("entries"), track.number("max"))] if track.is_true("active") else []


@check(
    "FT411",
    ERROR,
    "The connection table is full: {used} of {limit} entries. Every new connection is dropped without an answer.",
    "Set {subject} to at least {wanted} (256 bytes an entry), or leave the front traffic out of tracking (notrack).",
)
def table_full(case: Case) -> Iterator[Found]:
    """The connection table is full."""
    return (
        (name, {"used": used, "limit": limit, "wanted": 2 * used})
        for name, used, limit in _tracked(case)
        if used is not None and limit and used >= limit
    )


near(
    "FT412",
    "The connection table is nearly full",
    lambda case: [fill for fill in _tracked(case) if (fill[1] or 0) < (fill[2] or 0)],
    "The connection table holds {used} of {limit} entries ({share} %): when it is full, new connections are dropped without an answer.",
    "Set {subject} to at least {wanted} (256 bytes an entry), or leave the front traffic out of tracking (notrack).",
)


def _lost(case: Case, column: str) -> Iterator[Found]:
    count = case.snapshot.part("conntrack").number(column)
    if count:
        yield CONNTRACK, {"count": count}


@check(
    "FT413",
    WARNING,
    "/proc/net/stat/nf_conntrack counts {count} under drop: so many packets got no entry since boot, as in a full table.",
    "Raise {subject}, or leave the front traffic out of tracking (notrack).",
)
def table_dropped(case: Case) -> Iterator[Found]:
    """The connection table was full."""
    return _lost(case, "drop")


@check(
    "FT414",
    WARNING,
    "The connection table may hold {max} entries in {buckets} buckets, {each} in each: every packet searches a chain of that length.",
    "Set net.netfilter.nf_conntrack_buckets to {max} (8 bytes each).",
    "net.netfilter.nf_conntrack_buckets",
)
def few_buckets(case: Case) -> Iterator[Found]:
    """The connection table is short of buckets."""
    track = case.snapshot.part("conntrack")
    most, buckets = track.number("max"), track.number("buckets")
    if most and buckets and most > CHAIN * buckets:
        yield "net.netfilter.nf_conntrack_buckets", {"max": most, "buckets": buckets, "each": most // buckets}


@check(
    "FT415",
    WARNING,
    "The connection table ends the capacity at {connections} connections ({side}); what binds next allows {next} ({name}).",
    "Set {subject} to at least {needed} (256 bytes an entry), or leave this traffic out of tracking (notrack).",
)
def table_binds(case: Case) -> Iterator[Found]:
    """The connection table binds the capacity."""
    for side in ("inbound", "outbound"):
        part, most = case.capacity.part(side), case.snapshot.part("conntrack").number("max")
        others = [
            (connections, bound.text("name"))
            for bound in part.parts("bounds")
            for connections in [bound.number("connections")]
            if connections is not None and bound.text("name") != "nf_conntrack_max"
        ]
        connections = part.number("connections")
        if part.text("binding") == "nf_conntrack_max" and others and most is not None and connections is not None:
            following, name = min(others, key=lambda other: other[0])
            yield (
                CONNTRACK,
                {
                    "connections": connections,
                    "side": side,
                    "next": following,
                    "name": name,
                    "needed": most + max(0, following - connections),
                },
            )


@check(
    "FT416",
    WARNING,
    "The connection table is {share} % full, and {subject} keeps the entry of a silent connection for {days} days.",
    "Set {subject} to more than your longest silence (86400 is a day); keepalive must be shorter.",
)
def long_timeout(case: Case) -> Iterator[Found]:
    """Entries of silent connections fill the connection table."""
    seconds = case.value(ESTABLISHED)
    for _name, used, limit in _tracked(case):
        if seconds is not None and seconds >= FIVE_DAYS and used is not None and limit and used * 2 > limit:
            yield ESTABLISHED, {"share": percent(used, limit), "days": seconds // 86400}


@check(
    "FT417",
    INFO,
    "/proc/net/stat/nf_conntrack counts {count} under early_drop: so many entries were thrown out since boot to make room.",
    "Raise {subject}; a flood of SYNs does the same.",
)
def table_evicted(case: Case) -> Iterator[Found]:
    """The connection table threw out entries."""
    return _lost(case, "early_drop")
