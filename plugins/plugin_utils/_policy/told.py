# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies said, for people and machines: lines of a terminal, plain data, JUnit XML. Private to the collection."""

from __future__ import annotations

from typing import Any, Iterator
from xml.etree import ElementTree

from ansible_collections.c10m.front_tier.plugins.plugin_utils._gate import Judged
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.judge import Case, Judgement, Result
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.record import standing
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import Line, fit, left, paragraph, right
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import clean, grouped

MOST_ROWS = 12  # violations of one policy in the terminal; the files hold all
STATES = {"accepted": "accepted", "outside": "not ours to change", "expired": "acceptance is over"}


def _counts(one: Judgement) -> dict[str, int]:
    found = [row for case in one.cases for row in case.rows]
    return {
        "judged": len(one.cases),
        "violations": len(found),
        "failing": sum(row.fails for row in found),
        "accepted": sum(row.state == "accepted" for row in found),
        "errors": sum(bool(case.trouble) for case in one.cases),
    }


def _violation(name: str, row: Judged) -> dict[str, Any]:
    said = standing(row)
    del said["id"]
    return {"name": name, **said, "message": row.finding["message"], "remedy": row.finding["remedy"], "evidence": row.finding["evidence"]}


def data(result: Result) -> dict[str, Any]:
    """Return the result as plain data, the JSON of the report and the value of the filter."""
    return {
        "passes": not result.message,
        "fail_on": result.fail_on,
        "message": result.message,
        "hosts": result.hosts,
        "oldest_audit": result.oldest or None,
        "unaudited": result.unaudited,
        "unused_acceptances": result.unused,
        "policies": [
            {
                "id": one.policy.id,
                "title": one.policy.title,
                "severity": one.policy.severity,
                "each": one.policy.each,
                "skipped": one.skipped or None,
                **_counts(one),
                "found": [_violation(case.name, row) for case in one.cases for row in case.rows],
                "troubles": [{"name": case.name, "message": case.trouble} for case in one.cases if case.trouble],
            }
            for one in result.judgements
        ],
    }


def lines(result: Result) -> list[Line]:
    """Return the table: a line for each policy, below it what breaks it."""
    audited = result.hosts - len(result.unaudited)
    head = "  %s audit%s%s" % (
        grouped(audited),
        "" if audited == 1 else "s",
        ", the oldest of " + result.oldest[:10] if result.oldest else "",
    )
    told: list[Line] = [
        [],
        [("   " + left("Policy", 28), "strong"), (right("judged", 8) + right("broken", 8) + right("accepted", 10), "dim")],
    ]
    told[-1].append((head, "dim"))
    for one in result.judgements:
        told.extend(_judgement(one))
    for name, why in list(result.unaudited.items())[:MOST_ROWS]:
        told.extend(paragraph("%s: %s" % (clean(name, 120), why), 4, "warning", "  !"))
    for text in result.unused:
        told.append([("  An acceptance matches nothing: %s" % clean(text), "dim")])
    return told


def _judgement(one: Judgement) -> Iterator[Line]:
    counts = _counts(one)
    broken = sum(case.fails or any(row.state == "new" for row in case.rows) for case in one.cases)
    tone = "error" if counts["failing"] or counts["errors"] else "warning" if broken else "dim" if one.skipped else "good"
    mark = {"error": "x", "warning": "!", "dim": "-", "good": "ok"}[tone]
    yield [
        (left(mark, 3), tone),
        (left(one.policy.id, 28), tone),
        (right("" if one.skipped else grouped(counts["judged"]), 8), ""),
        (right("" if one.skipped else grouped(broken), 8), tone if broken else "dim"),
        (right(grouped(counts["accepted"]) if counts["accepted"] else "", 10), "dim"),
        ("  " + fit("skipped: " + one.skipped if one.skipped else one.policy.title, 41), "dim"),
    ]
    shown = [(case, row) for case in one.cases for row in case.rows if row.state in ("new", "expired")]
    for case, row in shown[:MOST_ROWS]:
        note = " (%s)" % STATES[row.state] if row.state in STATES else ""
        yield from paragraph("%s %s: %s%s" % (clean(case.name, 120), row.finding["subject"], row.finding["message"], note), 6)
    remedies = sorted({row.finding["remedy"] for _case, row in shown if row.finding["remedy"]})
    for text in remedies[:3]:
        yield from paragraph(text, 6, "dim", "    →")
    if len(shown) > MOST_ROWS:
        yield [("      and %s more: the files hold all" % grouped(len(shown) - MOST_ROWS), "dim")]
    for case in [case for case in one.cases if case.trouble][:1]:
        yield from ([("      " + text, "error")] for text in ("%s: %s" % (clean(case.name, 120), case.trouble)).splitlines())


def junit(result: Result) -> bytes:
    """Return the result as JUnit XML: a suite for each policy, a case for each host, hop or tier that it was judged for.

    What fails the gate is a failure, what could not be judged an error, and what does not fail (accepted, outside, less severe than
    the gate) is told in system-out; a case all of whose violations are accepted is skipped, with the reasons.
    """
    top = ElementTree.Element("testsuites", name="c10m.front_tier.policy")
    for one in result.judgements:
        suite = ElementTree.SubElement(top, "testsuite", name=one.policy.id)
        for case in one.cases or [Case(one.policy.id, [], "")]:
            _testcase(suite, one, case)
        _count(suite)
    if result.unaudited:
        suite = ElementTree.SubElement(top, "testsuite", name="audited")
        for name, why in result.unaudited.items():
            node = ElementTree.SubElement(suite, "testcase", classname="audited", name=clean(name, 120), time="0")
            if result.fail_on != "never":
                ElementTree.SubElement(node, "error", message=clean(why), type="unaudited")
            else:
                ElementTree.SubElement(node, "skipped", message=clean(why))
        _count(suite)
    _count(top)
    ElementTree.indent(top, " ")
    text: str = ElementTree.tostring(top, "unicode")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n%s\n' % text).encode()


def _testcase(suite: ElementTree.Element, one: Judgement, case: Case) -> None:
    node = ElementTree.SubElement(suite, "testcase", classname=one.policy.id, name=clean(case.name, 120), time="0")
    failing, rest = [row for row in case.rows if row.fails], [row for row in case.rows if not row.fails]
    if one.skipped:
        ElementTree.SubElement(node, "skipped", message=one.skipped)
    elif case.trouble:
        ElementTree.SubElement(node, "error", message=clean(case.trouble), type="policy").text = _xml(case.trouble)
    elif failing:
        text = "\n".join("%s: %s %s" % (row.finding["subject"], row.finding["message"], row.finding["remedy"]) for row in failing)
        first = "%s: %s" % (failing[0].finding["subject"], failing[0].finding["message"])
        more = " (and %d more)" % (len(failing) - 1) if len(failing) > 1 else ""
        ElementTree.SubElement(node, "failure", message=first + more, type=one.policy.severity).text = text
    elif rest and all(row.state == "accepted" for row in rest):
        reasons = ["%s until %s: %s" % (row.finding["subject"], row.acceptance.until, row.acceptance.why) for row in rest if row.acceptance]
        ElementTree.SubElement(node, "skipped", message=clean("accepted: " + "; ".join(reasons)))
    if rest:
        told = ["%s %s: %s" % (row.state, row.finding["subject"], row.finding["message"]) for row in rest]
        ElementTree.SubElement(node, "system-out").text = "\n".join(told)


def _xml(text: str) -> str:
    """Return lines of text without what XML cannot hold."""
    return "\n".join(clean(line, 2000) if not line.startswith(" ") else "  " + clean(line, 2000) for line in text.splitlines())


def _count(node: ElementTree.Element) -> None:
    cases = list(node.iter("testcase"))
    for attribute, tag in (("tests", None), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        node.set(attribute, str(len(cases) if tag is None else sum(case.find(tag) is not None for case in cases)))
    node.set("time", "0")
