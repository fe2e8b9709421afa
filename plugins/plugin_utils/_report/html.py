# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file that needs nothing else: no network, no other file. Private to the collection.

Everything that comes from a host goes through escape(). A content security policy allows the one script and the one style sheet
by their hashes and nothing else, so markup that got past it could still not run or load anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
import math
import re
from collections import Counter
from typing import Any, Iterator

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import verdict
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.script import JS
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.style import CSS
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import UNSHOWN, decades
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import grouped, percent, short
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.view import Bound, Capacity, Finding, Fleet, Host, Path

DOCS = "https://github.com/c10m/front_tier/blob/main/docs/%s"
IDENTITY = re.compile(r"FT[0-9]{3}\Z")
OPEN = 3  # with no more hosts than this, each is shown open
MOST_COMMON = 40
TOOLS = 2  # with fewer hosts than this, there is nothing to search or sort
TONES = {True: "good", False: "error", None: "warning"}
SAID = {True: "fits", False: "short", None: "tight"}


def escape(value: Any) -> str:
    """Return a text that is only text wherever it stands in HTML, also between quotes."""
    return html.escape(str(value), quote=True)


def policy(*texts: str) -> str:
    """Return the source expression of a content security policy that allows exactly these inline texts."""
    return " ".join("'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)


def link(identity: str) -> str:
    """Return the id of a finding, linked to its page where it is one of ours."""
    if not IDENTITY.match(identity):
        return '<span class="id">%s</span>' % escape(identity)
    page_of = "audit.md#the-verdict" if identity == verdict.ID else "findings/%s.md" % identity
    return '<a class="id" href="%s" rel="noopener noreferrer">%s</a>' % (DOCS % page_of, identity)


def along(value: int | None, span: int) -> float:
    """Return where a value lies on the log scale, in percent."""
    return 0.0 if not value or value < 1 else min(100.0, 100 * math.log10(max(value, 1.3)) / span)


def drawn(bound: Bound, used: int | None, span: int) -> str:
    """Return a bound as a bar on the log scale: what is in use dark, what is free light."""
    end = along(bound.connections, span)
    dark = min(end, along(used, span))
    return (
        '<svg class="bar" role="img" aria-label="%s of %s in use"><use href="#grid"/>'
        '<rect class="f" y="3" height="12" rx="2" width="%.1f%%"/><rect class="u" y="3" height="12" rx="2" width="%.1f%%"/></svg>'
    ) % (grouped(used), grouped(bound.connections), end, dark)


def grid(span: int) -> str:
    """Return the ticks that every bar stands on, once for the page."""
    lines = "".join(
        '<line class="tick" x1="%.1f%%" x2="%.1f%%" y1="0" y2="100%%"/>' % ((100 * place / span,) * 2) for place in range(span + 1)
    )
    return '<svg width="0" height="0" aria-hidden="true"><defs><g id="grid">%s</g></defs></svg>' % lines


def axis(span: int) -> str:
    """Return the labels of the log scale."""
    step = 1 if span <= 8 else 2
    anchors = {0: "start", span: "end"}
    texts = "".join(
        '<text x="%.1f%%" y="13" text-anchor="%s">%s</text>' % (100 * place / span, anchors.get(place, "middle"), short(10**place))
        for place in range(0, span + 1, step)
    )
    return '<svg class="axis" aria-hidden="true">%s</svg>' % texts


def bounds(title: str, held: Capacity, span: int) -> Iterator[str]:
    """Yield the bounds of a capacity as a table of bars, the binding one marked."""
    shown = [bound for bound in held.bounds if bound.connections is not None]
    if not shown:
        return
    yield (
        '<h3>%s</h3><table class="bounds"><thead><tr><th class="c1">bound</th><th class="c2 num">connections</th><th class="c3">%s</th>'
        '<th class="c4 note">decided by</th></tr></thead><tbody>'
    ) % (title, axis(span))
    for bound in shown:
        if (bound.connections or 0) >= UNSHOWN:
            cell, number = '<td class="dim">bounds nothing</td>', "unlimited"
        else:
            cell, number = "<td>%s</td>" % drawn(bound, held.used, span), grouped(bound.connections)
        detail = " <small>%s</small>" % escape(bound.detail) if bound.detail else ""
        yield '<tr%s><th scope="row">%s%s</th><td class="num">%s</td>%s<td class="note">%s%s</td></tr>' % (
            ' class="binds"' if bound.binding else "",
            escape(bound.name),
            '<span class="sr"> binds</span>' if bound.binding else "",
            number,
            cell,
            escape(bound.note),
            detail,
        )
    yield "</tbody></table>"


def path(one: Path, told: set[str]) -> Iterator[str]:
    """Yield the rows of one path."""
    about = "~" if one.estimated else ""
    at_most = " <small>at most %s</small>" % grouped(one.at_most) if one.at_most is not None else ""
    rate = "<br><small>%s new a second without reuse of TIME_WAIT</small>" % escape(one.rate) if one.rate else ""
    yield (
        '<tr><td class="wide"><code>%s → %s</code><br><small>%s</small></td><td class="num" data-l="holds"><b>%s</b>%s</td>'
        '<td class="num" data-l="used">%s%s</td><td class="num" data-l="free">%s%s</td><td data-l="bound by">%s%s</td>'
    ) % (
        escape(one.sources),
        escape(one.targets),
        escape(one.how),
        grouped(one.capacity.connections),
        at_most,
        about,
        grouped(one.capacity.used),
        about,
        grouped(one.free),
        escape(one.capacity.binding),
        rate,
    )
    why = "" if one.why in told else "<br><small>%s</small>" % escape(one.why)
    told.add(one.why)
    estimate = "%s%s" % (grouped(one.article), why) if one.article is not None else ""
    notes = "".join("<br><small>%s</small>" % escape(note) for note in one.notes)
    yield '<td class="wide" data-l="the article says">%s%s</td></tr>' % (estimate, notes)


def paths(host: Host) -> Iterator[str]:
    """Yield the table of the paths."""
    if not host.paths:
        return
    yield (
        '<h3>Paths</h3><table class="paths stack"><thead><tr><th>from → to</th><th class="num">connections</th><th class="num">used</th>'
        '<th class="num">free</th><th>bound by</th><th>the article\'s estimate</th></tr></thead><tbody>'
    )
    told: set[str] = set()
    for one in host.paths:
        yield from path(one, told)
    yield "</tbody></table>"


def boots(host: Host) -> Iterator[str]:
    """Yield the table of what the next boot changes."""
    if not host.boots:
        return
    yield '<h3>After the next boot</h3><table class="stack"><thead><tr><th>what</th><th>now</th><th>then</th>'
    yield "<th>decided by</th></tr></thead><tbody>"
    for one in host.boots:
        then = "%s is lost: %s" % (one.then, one.lost) if one.lost else one.then
        yield (
            '<tr><td class="wide"><code>%s</code></td><td data-l="now">%s</td><td data-l="then">%s</td>'
            '<td class="wide"><small>%s</small></td></tr>' % (escape(one.name), escape(one.now), escape(then), escape(one.where))
        )
    yield "</tbody></table>"


def chip(severity: str, text: str) -> str:
    """Return a small label; `severity` is one of ours, never a host's text."""
    return '<span class="chip %s">%s</span>' % (severity, escape(text))


def findings(host: Host) -> Iterator[str]:
    """Yield the findings with their remedies, those that stand first."""
    if not host.findings:
        yield "<h3>Findings</h3><p>none</p>"
        return
    yield '<h3>Findings</h3><ul class="findings">'
    for one in sorted(host.findings, key=lambda row: row.state == "accepted"):
        yield from finding(one)
    yield "</ul>"


def finding(one: Finding) -> Iterator[str]:
    """Yield one finding."""
    yield "<li%s><div>%s</div><div><p>%s <code>%s</code>%s</p><p>%s</p>" % (
        ' class="gone"' if one.state == "accepted" else "",
        chip(one.severity, one.severity),
        link(one.id),
        escape(one.subject),
        " " + chip("error", "fails the gate") if one.fails else "",
        escape(one.message),
    )
    if one.remedy:
        yield '<p class="remedy">%s</p>' % escape(one.remedy)
    for text in (one.standing, one.evidence):
        if text:
            yield "<p><small>%s</small></p>" % escape(text)
    yield "</div></li>"


def unseen(host: Host) -> Iterator[str]:
    """Yield what could not be read, and why; and how the rest was read."""
    if host.unseen:
        yield '<h3>Could not be seen</h3><table class="stack"><tbody>'
        for one in host.unseen:
            yield '<tr><td class="wide"><code>%s</code></td><td>%s</td><td class="wide"><small>%s</small></td></tr>' % (
                escape(one.what),
                escape(one.reason),
                escape(one.detail),
            )
        yield "</tbody></table>"
    if host.remarks:
        yield "<h3>How it was read</h3>"
        yield "".join("<p><small>%s</small></p>" % escape(remark) for remark in host.remarks)


def load(label: str, held: Capacity | None) -> str:
    """Return one direction in the list of hosts: capacity, what binds, what is used."""
    if held is None or held.connections is None:
        return '<div class="cap" data-l="%s"><span>not known</span></div>' % label
    part = held.load or 0.0
    heat = " hot" if part >= 0.95 else " warm" if part >= 0.8 else ""
    return (
        '<div class="cap" data-l="%s"><span><b>%s</b> %s</span><span>%s</span><svg class="load%s" aria-hidden="true">'
        '<rect class="f" width="100%%" height="5" rx="2"/><rect class="u" width="%.1f%%" height="5" rx="2"/></svg></div>'
    ) % (label, grouped(held.connections), escape(held.binding), percent(held.load), heat, 100 * part)


def chips(host: Host) -> str:
    """Return the numbers of findings of a host."""
    tally = [(name, host.tally(name)) for name in ("error", "warning")]
    told = " ".join(chip(name, "%d %s" % (number, name if number == 1 else name + "s")) for name, number in tally if number)
    return told or '<span class="dim">none</span>'


def searched(host: Host) -> str:
    """Return the words by which a host is found, in small letters."""
    words = [host.name, host.state, host.system]
    words += [held.binding for held in (host.inbound, host.outbound) if held]
    words += ["%s %s" % (one.id, one.subject) for one in host.findings]
    return " ".join(words).lower()


def host(one: Host, place: int, span: int, is_open: bool) -> Iterator[str]:
    """Yield one host: a line, and behind it all that is known of it."""
    fits = {True: "yes", False: "no", None: "tight"}[one.reachable] if one.wanted is not None else ""
    yield (
        '<details class="host" id="host-%s" data-place="%d" data-load="%.4f" data-least="%d" data-e="%d" data-w="%d" data-state="%s" '
        'data-fits="%s" data-find="%s"%s><summary class="grid"><span class="name">%s</span>'
    ) % (
        escape(one.name),
        place,
        one.load,
        min(one.least, UNSHOWN),
        one.tally("error"),
        one.tally("warning"),
        one.state,
        fits,
        escape(searched(one)),
        " open" if is_open else "",
        escape(one.name),
    )
    if one.state != "audited":
        yield '<span class="away">not audited, %s: %s</span></summary><div class="body"><p>%s</p></div></details>' % (
            one.state,
            escape(one.why[:90] + ("…" if len(one.why) > 90 else "")),
            escape(one.why),
        )
        return
    fits_chip = chip(TONES[one.reachable], SAID[one.reachable]) if one.wanted is not None else ""
    yield '%s%s<span class="w">%s</span><span>%s</span></summary><div class="body">' % (
        load("inbound", one.inbound),
        load("outbound", one.outbound),
        fits_chip,
        chips(one),
    )
    yield '<p class="legend">%s · read %s</p>' % (escape(one.system), escape(one.read_at.replace("T", " ").replace("Z", " UTC")))
    if one.verdict:
        yield '<p class="verdict %s">%s</p>' % (TONES[one.reachable], escape(one.verdict))
    if one.proof:
        yield '<p class="verdict %s">Proved: %s</p>' % (TONES[one.proved], escape(one.proof))
    for title, held in (("Inbound: bounds", one.inbound), ("Outbound: bounds", one.outbound)):
        if held:
            yield from bounds(title, held, span)
    if one.inbound or one.outbound:
        yield LEGEND
    for part in (paths, boots, findings, unseen):
        yield from part(one)
    yield "</div></details>"


LEGEND = (
    '<p class="legend"><svg aria-hidden="true"><rect class="u" width="10" height="10" rx="2"/></svg>in use'
    '<svg aria-hidden="true"><rect class="f" width="10" height="10" rx="2"/></svg>free · log scale; the marked bound binds first</p>'
)


def tile(term: str, value: str, more: str = "") -> str:
    """Return one figure of the head of the page; the texts are escaped already."""
    return '<div class="tile"><dt>%s</dt><dd>%s%s</dd></div>' % (term, value, "<small>%s</small>" % more if more else "")


def binding(report: Fleet, direction: str) -> str:
    """Return how many hosts each limit binds on."""
    held = [getattr(one, direction) for one in report.audited]
    found = Counter(one.binding for one in held if one and one.binding)
    if len(held) == 1:
        return "bound by %s" % escape(next(iter(found), "nothing that was read"))
    return " · ".join("%s %d" % (escape(name), number) for name, number in found.most_common(4))


def tiles(report: Fleet) -> Iterator[str]:
    """Yield the figures of the whole fleet."""
    together = ", all hosts" if len(report.hosts) > 1 else " capacity"
    for direction in ("inbound", "outbound"):
        yield tile("%s%s" % (direction.capitalize(), together), grouped(report.total(direction)), binding(report, direction))
    tightest = max(report.audited, key=lambda one: one.load, default=None)
    if tightest:
        yield tile(
            "Closest to a limit", percent(tightest.load), escape(tightest.name) if len(report.hosts) > 1 else "of a capacity is in use"
        )
    wants = [one for one in report.audited if one.wanted is not None]
    if wants:
        fit = sum(one.reachable is True for one in wants)
        wanted = ", ".join(sorted({grouped(one.wanted) for one in wants})[:3])
        yield tile("Hold what is wanted", "%d of %d" % (fit, len(wants)), "%s each" % wanted)
    errors, warnings = (sum(one.tally(name) for one in report.hosts) for name in ("error", "warning"))
    yield tile(
        "Findings",
        "%d" % (errors + warnings),
        "%d error%s, %d warning%s" % (errors, "" if errors == 1 else "s", warnings, "" if warnings == 1 else "s"),
    )


def shared(report: Fleet) -> Iterator[str]:
    """Yield the findings of the fleet, each once, with the first of the hosts that have it."""
    if not report.common or len(report.hosts) < TOOLS:
        return
    yield '<h2>Findings of the fleet</h2><table class="stack fleet"><tbody>'
    for one in report.common[:MOST_COMMON]:
        some = ", ".join(one.hosts[:4]) + (" and %d more" % (len(one.hosts) - 4) if len(one.hosts) > 4 else "")
        words = escape("%s %s" % (one.id, one.subject))
        yield (
            '<tr><td>%s</td><td>%s</td><td><code>%s</code></td><td class="num">%d host%s</td><td class="wide"><small>%s</small></td>'
            '<td><button type="button" data-words="%s" data-tool hidden>show</button></td></tr>'
        ) % (
            chip(one.severity, one.severity),
            link(one.id),
            escape(one.subject),
            len(one.hosts),
            "" if len(one.hosts) == 1 else "s",
            escape(some),
            words,
        )
    yield "</tbody></table>"
    if len(report.common) > MOST_COMMON:
        yield "<p><small>and %d more, at the hosts below</small></p>" % (len(report.common) - MOST_COMMON)


TOOLBAR = """<div class="tools"><h2>Hosts</h2>
<input id="search" type="search" placeholder="Host, finding, limit" aria-label="Search hosts" data-tool hidden>
<select id="show" aria-label="Show" data-tool hidden><option value="">all</option><option value="error">with errors</option>
<option value="warning">with warnings</option><option value="short">short of what is wanted</option>
<option value="away">not audited</option></select>
<select id="sort" aria-label="Sort by" data-tool hidden><option value="urgent">most urgent first</option>
<option value="load">closest to a limit</option>
<option value="least">smallest capacity</option><option value="findings">most findings</option><option value="name">name</option></select>
<button id="open" type="button" data-tool hidden>Open or close all</button><output id="count" aria-live="polite"></output></div>"""
HEADS = (
    '<div class="grid heads" aria-hidden="true"><span>host</span><span>inbound</span><span>outbound</span><span>%s</span>'
    "<span>findings</span><span></span></div>"
)


def gate(report: Fleet) -> str:
    """Return what the gate says."""
    if report.gate:
        return '<p class="gate" role="alert">The gate fails. %s</p>' % escape(report.gate)
    return '<p class="gate ok">The gate passes (fail on: %s).</p>' % escape(report.fail_on) if report.fail_on != "never" else ""


def page(report: Fleet) -> str:
    """Return the whole page."""
    span = decades(bound for one in report.hosts for held in (one.inbound, one.outbound) if held for bound in held.bounds)
    many = len(report.hosts) >= TOOLS
    counted = "%d host%s, %d audited" % (len(report.hosts), "" if len(report.hosts) == 1 else "s", len(report.audited))
    only = "" if many or not report.hosts else escape(report.hosts[0].name) + ": "
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src %s; style-src %s; base-uri 'none'; "
        "form-action 'none'\">" % (policy(JS), policy(CSS)),
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
        "<title>Front tier audit</title><style>%s</style></head><body>" % CSS,
        grid(span),
        '<header class="top"><div><h1>%show many connections, and what stops them</h1><p class="dim">%s, read %s</p></div>'
        % (only or "Front tier: ", counted, escape(report.read_at.replace("T", " ").replace("Z", " UTC"))),
        '<button id="theme" type="button" hidden>Dark</button></header><main>',
        '<dl class="tiles">%s</dl>' % "".join(tiles(report)),
        gate(report),
    ]
    parts.extend(shared(report))
    parts.append(TOOLBAR if many else "<h2>Host</h2>")
    parts.append(HEADS % ("wanted" if any(one.wanted is not None for one in report.hosts) else ""))
    parts.append('<div id="hosts">')
    for place, one in enumerate(report.hosts):
        parts.extend(host(one, place, span, len(report.hosts) <= OPEN))
    parts.append('</div><p id="none" class="empty" hidden>No host matches.</p></main>')
    parts.append(
        "<footer>Made by the playbook c10m.front_tier.audit. Nothing was changed on any host. "
        "Memory bounds are those of idle connections.</footer>"
    )
    parts.append("<script>%s</script></body></html>\n" % JS)
    return "".join(parts)


def bytes_of(report: Fleet) -> bytes:
    """Return the page as the file holds it."""
    return page(report).encode("utf-8", "replace")
