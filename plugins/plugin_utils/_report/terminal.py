# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a terminal: at most 100 columns, readable without colour. Private to the collection.

A line is a list of pieces (text, tone); whoever prints it decides what a tone looks like. Tones: "" (plain), title, strong, dim,
good, warning, error.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import grouped, percent
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.view import Bound, Capacity, Finding, Fleet, Host, Path, load_of

Piece = tuple[str, str]
Line = list[Piece]

WIDTH = 100
BAR = 20
DETAILED = 5  # with more hosts than this, each gets one line
MOST_LINES = 40
MOST_FINDINGS = 12
MOST_BOUNDS = 8
UNSHOWN = 1 << 48  # a bound above this bounds nothing
TONES = {"error": "error", "warning": "warning", "info": "dim"}


def cells(text: str) -> int:
    """Return how many columns a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def fit(text: str, width: int) -> str:
    """Return the text, cut with an ellipsis where it takes more than `width` columns."""
    if cells(text) <= width:
        return text
    while text and cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def left(text: str, width: int) -> str:
    """Return the text in exactly `width` columns, flush left."""
    text = fit(text, width)
    return text + " " * (width - cells(text))


def right(text: str, width: int) -> str:
    """Return the text in exactly `width` columns, flush right."""
    text = fit(text, width)
    return " " * (width - cells(text)) + text


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield the text in lines of at most `width` columns, broken at blanks where there are any."""
    line = ""
    for word in text.split():
        while cells(word) > width:
            room = width - cells(line) - bool(line)
            if room < 8:
                yield line
                line, room = "", width
            head = word[:room]
            while cells(head) > room:
                head = head[:-1]
            yield (line + " " + head) if line else head
            line, word = "", word[len(head) :]
        if line and cells(line) + 1 + cells(word) > width:
            yield line
            line = word
        else:
            line = (line + " " + word) if line else word
    if line:
        yield line


def paragraph(text: str, indent: int, tone: str = "", first: str = "") -> Iterator[Line]:
    """Yield the lines of a text that starts at column `indent`; `first` stands before its first line."""
    for place, line in enumerate(wrapped(text, WIDTH - indent)):
        yield [(left(first if place == 0 else "", indent), "dim"), (line, tone)]


def decades(bounds: Iterable[Bound]) -> int:
    """Return how many powers of ten the log scale of these bounds spans."""
    largest = max((bound.connections for bound in bounds if bound.connections and bound.connections < UNSHOWN), default=1)
    return max(3, math.ceil(math.log10(largest))) if largest > 1 else 3


def reach(value: int | None, span: int, width: int = BAR) -> int:
    """Return where a value lies on a log scale from 1 to 10**span, in columns."""
    if not value or value < 1:
        return 0
    return max(1, min(width, round(width * math.log10(max(value, 1.6)) / span)))


def drawn(bound: Bound, used: int | None, span: int) -> Line:
    """Return a bar: what is used dark, what is free light, up to the bound."""
    end = reach(bound.connections, span)
    dark = min(end, reach(used, span))
    tone = "warning" if bound.binding else ""
    return [("█" * dark, tone), ("░" * (end - dark), tone), (" " * (BAR - end), "")]


def table(title: str, held: Capacity) -> Iterator[Line]:
    """Yield the bounds of a capacity: a log scale, the binding one marked."""
    shown = [bound for bound in held.bounds if bound.connections is not None and bound.connections < UNSHOWN]
    if not shown:
        return
    span = decades(shown)
    yield [("  %s" % left(title, 34), "strong"), (scale(span), "dim"), ("  log scale; █ in use ░ free", "dim")]
    for bound in shown[:MOST_BOUNDS]:
        mark, tone = ("▸ ", "warning") if bound.binding else ("  ", "")
        yield [
            ("  " + mark, tone),
            (left(bound.name, 16), tone),
            (right(grouped(bound.connections), 14), tone),
            ("  ", ""),
            *drawn(bound, held.used, span),
            ("  ", ""),
            (fit(bound.note, 42), "dim"),
        ]
    if len(shown) > MOST_BOUNDS:
        yield [("    and %d larger ones" % (len(shown) - MOST_BOUNDS), "dim")]


def scale(span: int) -> str:
    """Return the ticks over the bars: the first and the last power of ten of the scale."""
    last = "1" + ("0" * (span % 3)) + {0: "", 1: "k", 2: "M", 3: "G", 4: "T"}.get(span // 3, "P")
    return "1" + "·" * (BAR - 1 - len(last)) + last


def summary(name: str, held: Capacity | None) -> Iterator[Line]:
    """Yield the one line that answers the question for one direction."""
    if held is None or held.connections is None:
        yield [
            ("  " + left(name, 10), "strong"),
            (right("not known", 14), "warning"),
            ("   what bounds it could not be read, or nothing does", "dim"),
        ]
        return
    load = held.load or 0.0
    tone = "error" if load >= 0.95 else "warning" if load >= 0.8 else "good"
    yield [
        ("  " + left(name, 10), "strong"),
        (right(grouped(held.connections), 14), "strong"),
        (right(grouped(held.used), 14), ""),
        (right(load_of(held), 7), tone),
        ("   ", ""),
        (fit("%s  %s" % (held.binding, held.deciding), 50), ""),
    ]


def verdict(host: Host) -> Iterator[Line]:
    """Yield whether the host can hold what is wanted of it."""
    if host.wanted is None:
        return
    tone, said = {True: ("good", "fits"), False: ("error", "does not fit"), None: ("warning", "tight")}[host.reachable]
    yield [("  " + left("wanted", 10), "strong"), (right(grouped(host.wanted), 14), "strong"), (right(said, 14), tone)]
    if host.reachable is not True:
        yield from paragraph(host.verdict, 12, tone)


def proof(host: Host) -> Iterator[Line]:
    """Yield what was proved: predicted and held, when, how long."""
    if host.proof:
        yield from paragraph(host.proof, 12, "good" if host.proved else "error", "  proved")


def paths(host: Host) -> Iterator[Line]:
    """Yield the paths: capacity, what is used and free, what binds; and the article's estimate beside it."""
    if not host.paths:
        return
    yield []
    yield [("  Paths" + " " * 40, "strong"), (right("connections", 13) + right("used", 12) + right("free", 13) + "  bound by", "dim")]
    told: set[str] = set()
    for one in host.paths:
        yield from path(one, told)


def path(one: Path, told: set[str]) -> Iterator[Line]:
    """Yield the lines of one path. told: the sentences that were said already."""
    about = "~" if one.estimated else ""
    yield [
        ("    " + left("%s → %s" % (one.sources, one.targets), 43), ""),
        (right(grouped(one.capacity.connections), 11), "strong"),
        (right(about + grouped(one.capacity.used), 12), ""),
        (right(about + grouped(one.free), 13), ""),
        ("  " + fit(one.capacity.binding, 15), "warning"),
    ]
    more = [one.how] + (["at most %s" % grouped(one.at_most)] if one.at_most is not None else [])
    more += ["%s new a second without reuse of TIME_WAIT" % one.rate] if one.rate else []
    yield [("      " + fit(", ".join(more), 90), "dim")]
    if one.article is not None:
        why = "" if one.why in told else ": " + one.why
        yield from paragraph("The article's estimate is %s%s" % (grouped(one.article), why or "."), 6, "dim")
        told.add(one.why)
    for note in one.notes:
        yield from paragraph(note, 6, "dim")


def boots(host: Host) -> Iterator[Line]:
    """Yield what the next boot changes."""
    if not host.boots:
        return
    yield []
    yield [("  After the next boot", "strong")]
    for one in host.boots:
        change = fit("stays %s: %s is lost" % (one.now, one.then) if one.lost else "%s → %s" % (one.now, one.then), 55)
        room = 55 - max(25, cells(change)) - 2
        fits = cells(one.where) <= room and not one.lost
        yield [
            ("    " + left(one.name, 40), ""),
            (" " + left(change, 25) if fits else " " + change, "warning"),
            ("  " + one.where if fits else "", "dim"),
        ]
        if not fits:
            yield from paragraph(one.where + (": %s" % one.lost if one.lost else ""), 6, "dim")


def findings(host: Host) -> Iterator[Line]:
    """Yield the findings that stand, the worst first, each with its remedy; then what was accepted."""
    standing = [one for one in host.findings if one.state != "accepted"]
    tally = [(one, host.tally(one)) for one in ("error", "warning", "info")]
    text = " · ".join("%d %s%s" % (number, name, "" if number == 1 or name == "info" else "s") for name, number in tally if number)
    yield []
    yield [("  Findings", "strong"), ("   " + (text or ("none but accepted ones" if host.findings else "none")), "dim")]
    for one in standing[:MOST_FINDINGS]:
        yield from finding(one)
    if len(standing) > MOST_FINDINGS:
        yield [("    and %d more in the HTML report" % (len(standing) - MOST_FINDINGS), "dim")]
    for one in host.findings:
        if one.state == "accepted":
            yield from paragraph("%s %s %s" % (one.id, one.subject, one.standing), 6, "dim", "    ✓")


def finding(one: Finding) -> Iterator[Line]:
    """Yield the lines of one finding."""
    tone = TONES.get(one.severity, "")
    yield [("    " + left(one.severity, 9), tone), (left(one.id, 7), "strong"), (fit(one.subject, 79), "strong")]
    yield from paragraph(one.message, 13)
    if one.remedy:
        yield from paragraph(one.remedy, 13, "", " " * 11 + "→")
    if one.standing:
        yield from paragraph("(%s)" % one.standing, 13, "dim")


def unseen(host: Host) -> Iterator[Line]:
    """Yield what could not be read, and why."""
    if host.unseen:
        yield []
        yield [("  Could not be seen", "strong")]
    for one in host.unseen[:MOST_BOUNDS]:
        yield [("    " + left(one.what, 39), ""), (" " + left(one.reason, 15), "warning"), (" " + fit(one.detail, 40), "dim")]
    if len(host.unseen) > MOST_BOUNDS:
        yield [("    and %d more in the HTML report" % (len(host.unseen) - MOST_BOUNDS), "dim")]


def details(host: Host) -> Iterator[Line]:
    """Yield everything about one host."""
    read = host.read_at.replace("T", " ").replace("Z", " UTC")
    head = fit("%s  %s" % (host.name, host.system), WIDTH - cells(read) - 2)
    name = fit(host.name, cells(head))
    yield []
    yield [(name, "title"), (head[len(name) :], "dim"), (right(read, WIDTH - cells(head)), "dim")]
    yield [("─" * WIDTH, "dim")]
    if host.state != "audited":
        yield from paragraph("not audited, %s: %s" % (host.state, host.why), 2, "error")
        return
    yield [(" " * 12 + right("connections", 14) + right("in use", 14) + " " * 10 + "bound by", "dim")]
    yield from summary("inbound", host.inbound)
    yield from summary("outbound", host.outbound)
    yield from verdict(host)
    yield from proof(host)
    for title, held in (("Inbound bounds", host.inbound), ("Outbound bounds", host.outbound)):
        if held and held.bounds:
            yield []
            yield from table(title, held)
    yield from paths(host)
    yield from boots(host)
    yield from findings(host)
    yield from unseen(host)
    if host.remarks:
        yield []
    for remark in host.remarks:
        yield from paragraph(remark, 4, "dim", "  ·")


def row(host: Host, wants: bool) -> Line:
    """Return the one line of a host among many."""
    if host.state != "audited":
        return [("  " + left(host.name, 20), "strong"), (fit("not audited, %s: %s" % (host.state, host.why), 73), "error")]
    line: Line = [("  " + left(host.name, 20), "strong")]
    for held in (host.inbound, host.outbound):
        load = held.load if held else None
        tone = "error" if load and load >= 0.95 else "warning" if load and load >= 0.8 else ""
        line += [
            (right(grouped(held.connections, "?") if held else "?", 11), ""),
            (right(percent(load), 6), tone),
            ("  " + left(held.binding if held else "", 12), "dim"),
        ]
    if wants:
        said, tone = {True: ("fits", "good"), False: ("short", "error"), None: ("tight", "warning")}[host.reachable]
        line.append((left(said if host.wanted is not None else "", 6), tone))
    errors, warnings = host.tally("error"), host.tally("warning")
    line += [
        (right("%d" % errors if errors else "·", 4), "error" if errors else "dim"),
        (right("%d" % warnings if warnings else "·", 5), "warning" if warnings else "dim"),
    ]
    return line


def overview(report: Fleet) -> Iterator[Line]:
    """Yield one line for each host, those closest to a limit first."""
    wants = any(host.wanted is not None for host in report.hosts)
    yield []
    yield [
        (
            "  "
            + left("host", 20)
            + right("inbound", 11)
            + right("used", 6)
            + "  "
            + left("bound by", 12)
            + right("outbound", 11)
            + right("used", 6)
            + "  "
            + left("bound by", 12)
            + (left("wanted", 6) if wants else "")
            + " err warn",
            "dim",
        )
    ]
    for host in report.hosts[:MOST_LINES]:
        yield row(host, wants)
    rest = report.hosts[MOST_LINES:]
    if rest:
        loads = max(host.load for host in rest)
        yield [("  and %d hosts more, none of them above %s of a limit: see the HTML report" % (len(rest), percent(loads)), "dim")]


def shared(report: Fleet) -> Iterator[Line]:
    """Yield the findings of the fleet, each once, with how many hosts have it."""
    if not report.common:
        return
    yield []
    yield [("  Findings of the fleet", "strong")]
    for one in report.common[:MOST_FINDINGS]:
        hosts = ", ".join(one.hosts[:3]) + (" …" if len(one.hosts) > 3 else "")
        yield [
            ("    " + left(one.severity, 9), TONES.get(one.severity, "")),
            (left(one.id, 7), "strong"),
            (left(one.subject, 34), ""),
            (right("%d host%s" % (len(one.hosts), "" if len(one.hosts) == 1 else "s"), 11), "strong"),
            ("  " + fit(hosts, 32), "dim"),
        ]
    if len(report.common) > MOST_FINDINGS:
        yield [("    and %d more in the HTML report" % (len(report.common) - MOST_FINDINGS), "dim")]


def totals(report: Fleet) -> Iterator[Line]:
    """Yield the fleet in one line."""
    missing = len(report.hosts) - len(report.audited)
    text = "%d hosts, %d audited" % (len(report.hosts), len(report.audited)) + (", %d not" % missing if missing else "")
    sums = " · ".join("%s %s" % (name, grouped(report.total(name))) for name in ("inbound", "outbound"))
    yield []
    yield [("  " + text, "strong"), ("   together: %s connections" % sums, "dim")]


def render(report: Fleet) -> list[Line]:
    """Return the whole report: in detail for a few hosts, else one line a host."""
    lines: list[Line] = []
    if len(report.hosts) <= DETAILED:
        for host in report.hosts:
            lines.extend(details(host))
        return lines
    lines.extend(overview(report))
    lines.extend(shared(report))
    lines.extend(totals(report))
    return lines


def text(lines: Iterable[Line]) -> str:
    """Return the lines without tones, as a terminal without colour shows them."""
    return "\n".join("".join(piece for piece, _tone in line).rstrip() for line in lines)
