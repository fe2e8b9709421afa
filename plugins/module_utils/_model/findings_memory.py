# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on memory (FT5xx). Rules: kernel-truths, 7 and Not measured. Private to the collection."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import (
    ERROR,
    INFO,
    NEAR,
    WARNING,
    Case,
    Found,
    check,
    counted,
    near,
)

TCP_MEM = "net.ipv4.tcp_mem"
CGROUP = 0.9  # the page cache counts too, so it is near later than other limits


def _pages(case: Case) -> tuple[int, int, int] | None:
    """Return (pages that TCP buffers hold, pressure, high) of the machine."""
    used, bounds = case.tcp.number("memory_pages"), case.limit(TCP_MEM).numbers("value")
    return (used, bounds[1], bounds[2]) if used is not None and len(bounds) == 3 else None


@check(
    "FT501",
    ERROR,
    "TCP buffers hold {used} pages, above the maximum {high} of net.ipv4.tcp_mem: data is dropped and sent again.",
    "Set net.ipv4.tcp_mem to a maximum of at least {wanted} pages if the memory allows, or hold fewer busy connections.",
)
def memory_spent(case: Case) -> Iterator[Found]:
    """The memory of TCP is spent."""
    pages = _pages(case)
    if pages and pages[0] > pages[2]:
        yield TCP_MEM, {"used": pages[0], "high": pages[2], "wanted": 2 * pages[0]}


@check(
    "FT502",
    WARNING,
    "TCP buffers hold {used} pages; from {pressure} on, the second value of net.ipv4.tcp_mem, the kernel shrinks windows, and from"
    " {high} on it drops data.",
    "Raise net.ipv4.tcp_mem if the memory allows, or lower the maximum of net.ipv4.tcp_rmem and net.ipv4.tcp_wmem.",
)
def memory_near(case: Case) -> Iterator[Found]:
    """TCP is near memory pressure."""
    pages = _pages(case)
    if pages and NEAR * pages[1] < pages[0] <= pages[2]:
        yield TCP_MEM, {"used": pages[0], "pressure": pages[1], "high": pages[2]}


@check(
    "FT503",
    INFO,
    "Memory ends the {side} capacity at {connections} connections: {detail}.",
    "Add memory or hosts; connections that carry data need more than idle ones.",
)
def memory_binds(case: Case) -> Iterator[Found]:
    """Memory binds the capacity."""
    for side in ("inbound", "outbound"):
        part = case.capacity.part(side)
        for bound in part.parts("bounds"):
            if bound.text("name") == part.text("binding") == "memory" and part.number("connections") is not None:
                yield side, {"side": side, "connections": part.number("connections"), "detail": bound.text("detail") or "memory"}


near(
    "FT504",
    "The control group of a service is near its memory limit",
    lambda case: [(name, service.part("memory").number("used"), service.part("memory").amount("limit")) for name, service in case.services],
    "{subject} uses {used} of {limit} bytes ({share} %), page cache included: at the limit its processes are killed.",
    "Raise MemoryMax of {subject}, or hold fewer connections in it.",
    CGROUP,
)
counted(
    "FT505",
    WARNING,
    "Connections were reset for lack of memory",
    "TCPAbortOnMemory",
    "{subject} is {count}: so many connections were reset since boot for lack of TCP memory or for too many orphans.",
    "See net.ipv4.tcp_mem and net.ipv4.tcp_max_orphans, and raise the one that was reached.",
)
counted(
    "FT506",
    INFO,
    "Receive buffers were pruned",
    "PruneCalled",
    "{subject} is {count}: so often since boot a socket's receive buffer was over its size and was pruned.",
    "Let the program read faster, or raise the maximum of net.ipv4.tcp_rmem.",
)


@check(
    "FT507",
    INFO,
    "{established} connections are established in a hash table of {buckets} buckets: each packet searches a chain of {each} or more.",
    "Boot with thash_entries={needed}, or set net.ipv4.tcp_child_ehash_entries before the namespace is made.",
)
def small_hash(case: Case) -> Iterator[Found]:
    """The hash table of connections is small."""
    # Below 0: the namespace shares the table of the first one, whose size that is.
    buckets = abs(number(case.limit("net.ipv4.tcp_ehash_entries").data.get("value")) or 0)
    established = case.tcp.number("established")
    if buckets and established is not None and established > buckets:
        yield (
            "net.ipv4.tcp_ehash_entries",
            {"established": established, "buckets": buckets, "each": established // buckets, "needed": 1 << (established - 1).bit_length()},
        )


@check(
    "FT508",
    WARNING,
    "net.ipv4.tcp_mem allows TCP {high} pages, {bytes} bytes, and the machine has {memory}: it counts pages, not bytes.",
    "Set net.ipv4.tcp_mem in pages of {page} bytes; its maximum should be below {pages}.",
)
def memory_in_bytes(case: Case) -> Iterator[Found]:
    """tcp_mem allows more than the machine has."""
    bounds, memory, page = case.limit(TCP_MEM).numbers("value"), case.host.number("memory"), case.host.number("page_size")
    if len(bounds) == 3 and memory and page and bounds[2] * page > memory:
        yield TCP_MEM, {"high": bounds[2], "bytes": bounds[2] * page, "memory": memory, "page": page, "pages": memory // page}


counted(
    "FT509",
    WARNING,
    "TCP came under memory pressure",
    "TCPMemoryPressures",
    "{subject} is {count}: so often since boot TCP came under memory pressure and shrank windows.",
    "Raise net.ipv4.tcp_mem if the memory allows, or lower the maximum of net.ipv4.tcp_rmem and net.ipv4.tcp_wmem.",
    TCP_MEM,
)
