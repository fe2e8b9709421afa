# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal and HTML reports: what they show, how wide they are, and that nothing a host says breaks them."""

from __future__ import annotations

import datetime
import html.parser
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact, fleet, record, terminal, verdict, view
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import html as page
from ansible_collections.c10m.front_tier.tests.recorded.fleet import fleet as hosts_of

TODAY = datetime.date(2026, 11, 23)
KNOWN = {"FT100", "FT101", "FT104", "FT110", "FT117", "FT121", "FT130", "FT133"}
ACCEPT = [{"id": "FT110", "until": "2027-03-01", "why": "kernel upgrade booked"}]
HOSTILE = "</script><script>document.title='owned'</script>\"'><img src=x onerror=\"document.title='owned'\">\x1b[2J{{ 7*7 }}"
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just(HOSTILE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
VOID = {"meta", "input", "br", "use", "rect", "line"}


def made(hosts, fail_on="error", wanted=20000, accept=()):
    """Return the report of these hosts."""
    gate = (fail_on, _gate.acceptances(list(accept), KNOWN))
    return fleet.make([fleet.entry(name, fact.kept(one, wanted, relays=True), {}, None, gate) for name, one in hosts.items()], TODAY)


def text_of(report):
    """Return the terminal report as text."""
    return terminal.text(terminal.render(report.fleet))


def flat(text):
    """Return the text without its line breaks, so that a sentence can be looked for."""
    return " ".join(text.split())


def spoiled(value, dice):
    """Return a snapshot in which leaves were replaced by other data."""
    if isinstance(value, dict):
        return {name: spoiled(item, dice) for name, item in value.items()}
    if isinstance(value, list):
        return [spoiled(item, dice) for item in value]
    return dice()


class Balanced(html.parser.HTMLParser):
    """Reads a page and notes its elements, attributes and texts; fails where elements do not nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("size", [0, 1, 5, 6, 60, 300])
def test_no_line_is_wider_than_100_columns(size):
    """The table fits every terminal that has 100 columns."""
    text = text_of(made(hosts_of(size), accept=ACCEPT))
    assert 100 >= max((terminal.cells(line) for line in text.splitlines()), default=0)


def test_one_host_shows_everything():
    """One host is shown with capacity, bounds, paths, next boot, findings, remedies and what could not be seen."""
    ((name, one),) = hosts_of(1).items()
    text = text_of(made({name: one}, accept=ACCEPT))
    capacity = one["capacity"]["inbound"]
    for part in (
        name, "inbound", "{:,}".format(capacity["connections"]), capacity["binding"], "Inbound bounds", "log scale", "▸ nofile",
        "idle, 34.0 KB each", "Paths", "10.0.0.1 → 10.0.9.10:8080, 10.0.9.11:8080", "article's estimate is 65,512:",
        "After the next boot", "1,024 / 1,048,576 → 524,288 / 1,048,576", "FT121  net.netfilter.nf_conntrack_max",
        "→ Raise net.netfilter.nf_conntrack_max", "✓ FT110 haproxy.service accepted until 2027-03-01: kernel upgrade booked",
        "Could not be seen", "kernel too old", "does not fit", "short of nofile 506",
    ):  # fmt: skip
        assert part in text or part in flat(text), part


def test_the_binding_bound_is_first_and_marked_without_colour():
    """The mark that says what binds is a character, not a colour."""
    lines = text_of(made(hosts_of(1))).splitlines()
    start = next(place for place, line in enumerate(lines) if "Inbound bounds" in line)
    assert lines[start + 1].startswith("  ▸ nofile")
    assert not any(line.startswith("  ▸") for line in lines[start + 2 : start + 3])


def test_many_hosts_get_a_line_each_the_most_urgent_first():
    """More than five hosts are one line each: first those that were not audited, then those short of what is wanted."""
    report = made(hosts_of(30))
    lines = text_of(report).splitlines()
    assert all(any(line.startswith("  %s " % host.name) for line in lines) for host in report.fleet.hosts)
    assert "Findings of the fleet" in "\n".join(lines)
    keys = [view.urgency(host) for host in report.fleet.hosts]
    assert sorted(keys) == keys and len({key[:3] for key in keys}) > 3


def test_three_hundred_hosts_do_not_flood_the_terminal():
    """The least urgent hosts are counted, with how close the closest of them is to a limit."""
    lines = text_of(made(hosts_of(300))).splitlines()
    assert 80 > len(lines)
    assert any(re.match(r"  and 260 hosts more, none of them above \S+ % of a limit", line) for line in lines)


def test_hosts_that_were_not_audited_are_shown_with_their_reason():
    """An unreachable host and a failed one are in the report, before all others."""
    entries = [
        fleet.entry("a", None, {"unreachable": True, "msg": "ssh: no route to host"}, None, ("never", [])),
        fleet.entry(
            "b", {"host": {"read_at": "2026-11-01T00:00:00Z"}}, {"failed": True, "msg": "service x does not exist"}, None, ("error", [])
        ),
        fleet.entry("c", None, {}, "no upstream", ("never", [])),
        fleet.entry("d", None, None, None, ("never", [])),
        fleet.entry("e", "text", None, None, ("never", [])),
    ]
    report = fleet.make(entries, TODAY)
    assert ["a", "b", "c", "d", "e"] == [host.name for host in report.fleet.hosts]
    assert ["unreachable"] + ["failed"] * 4 == [host.state for host in report.fleet.hosts]
    assert {"b": "failed"} == report.unaudited and "1 host could not be audited, so the gate cannot pass: b (failed)." == report.fleet.gate
    text = text_of(report)
    for why in (
        "ssh: no route to host",
        "service x does not exist (the last audit in the fact cache is of 2026-11-01T00:00:00Z)",
        "no upstream",
    ):
        assert why in flat(text)


def test_the_page_is_whole_and_says_the_same():
    """The page's elements nest, and every host, finding and number of the terminal is on it."""
    report = made(hosts_of(8), accept=ACCEPT)
    text = page.page(report.fleet)
    seen = " ".join(Balanced(text).texts)
    for host in report.fleet.hosts:
        for part in (
            host.name,
            "{:,}".format(host.inbound.connections),
            *(one.message for one in host.findings),
            *(one.detail for one in host.unseen),
        ):
            assert part in seen, part


def test_the_page_needs_no_network():
    """Nothing on the page loads from elsewhere; only links lead away."""
    parsed = Balanced(page.page(made(hosts_of(3)).fleet))
    loading = [(name, value) for name, value in parsed.attributes if name in ("src", "srcset", "data", "action", "style", "background")]
    assert [] == loading
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & set(parsed.tags)
    linked = {value for name, value in parsed.attributes if name == "href" and not value.startswith("#")}
    assert linked and all(
        re.fullmatch(r"https://github\.com/c10m/front_tier/blob/main/docs/(findings/FT[0-9]{3}\.md|audit\.md#the-verdict)", one)
        for one in linked
    )


def test_the_policy_allows_only_its_own_script_and_style():
    """The content security policy holds the hash of exactly the text between the tags."""
    text = page.page(made(hosts_of(1)).fleet)
    (rule,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    (script,), (style,) = re.findall(r"<script>(.*?)</script>", text, re.S), re.findall(r"<style>(.*?)</style>", text, re.S)
    assert (
        "default-src 'none'; script-src %s; style-src %s; base-uri 'none'; form-action 'none'" % (page.policy(script), page.policy(style))
        == rule
    )


def test_three_hundred_hosts_stay_small():
    """The page of 300 hosts is below 5 MB."""
    assert 5_000_000 > len(page.bytes_of(made(hosts_of(300)).fleet))


def test_hostile_text_is_only_text():
    """Markup and escape sequences in every field of a host end as text on the page, and as printable lines in the terminal."""
    one = spoiled(next(iter(hosts_of(1).values())), lambda: HOSTILE)
    entries = [fleet.Entry("evil", one, None, "error", []), fleet.Entry(HOSTILE, one, ("unreachable", HOSTILE), "error", [])]
    report = fleet.make(entries, TODAY)
    parsed = Balanced(page.page(report.fleet))
    assert 1 == parsed.tags.count("script") and "img" not in parsed.tags
    assert not [name for name, _value in parsed.attributes if name.startswith("on")]
    text = text_of(report)
    assert all(line.isprintable() for line in text.splitlines()) and "document.title" in text


@given(st.data())
def test_no_data_of_a_host_breaks_the_report(data):
    """Whatever stands in a fact, the host is reported and the page still nests."""
    one = next(iter(hosts_of(1).values()))
    for section in data.draw(st.lists(st.sampled_from(sorted(one)), min_size=1, max_size=4)):
        one[section] = data.draw(DATA) if data.draw(st.booleans()) else spoiled(one[section], lambda: data.draw(DATA))
    report = fleet.make([fleet.Entry("a", one, None, "warning", [])], TODAY)
    Balanced(page.page(report.fleet))
    assert all(line.isprintable() and terminal.cells(line) <= 100 for line in text_of(report).splitlines())
    json.loads(record.bytes_of(report.fleet, report.facts, report.judged, report.proofs))


def test_the_same_facts_make_the_same_files():
    """The report holds no time of its own, so a second run over the same facts writes the same bytes."""
    first, second = (made(hosts_of(4)) for _run in range(2))
    assert page.bytes_of(first.fleet) == page.bytes_of(second.fleet)
    assert record.bytes_of(first.fleet, first.facts, first.judged, first.proofs) == record.bytes_of(
        second.fleet, second.facts, second.judged, second.proofs
    )


def test_the_record_holds_the_facts_and_the_gate():
    """The JSON holds every fact whole, with the standing of its findings: a recorded fleet."""
    report = made(hosts_of(2), accept=ACCEPT)
    found = json.loads(record.bytes_of(report.fleet, report.facts, report.judged, report.proofs))
    assert {"hosts": 2, "audited": 2} == {name: found["fleet"][name] for name in ("hosts", "audited")}
    assert report.facts["web-000"] == found["hosts"]["web-000"]["audit"]
    standing = {row["id"]: row for row in found["hosts"]["web-000"]["gate"]}
    assert ("accepted", "2027-03-01", False) == (standing["FT110"]["state"], standing["FT110"]["until"], standing["FT110"]["fails"])
    assert found["gate"]["fails"] and "FT121" in found["gate"]["message"]


def test_an_acceptance_that_matches_nothing_is_named():
    """What can be removed from the accept list is said."""
    assert ["FT117 on cache-*"] == made(hosts_of(1), accept=[{"id": "FT117", "hosts": "cache-*", "until": "2027-01-01", "why": "x"}]).unused


@pytest.mark.parametrize(
    "value, name, boot, expected",
    [
        (4096, "net.core.somaxconn", {"value": 4096}, None),
        (4096, "net.core.somaxconn", {"value": {"absent": "unknown", "detail": ""}}, None),
        ({"absent": "not_loaded", "detail": ""}, "net.core.somaxconn", {"value": 1}, None),
        (4096, "net.core.somaxconn", {"value": 128, "source": "/etc/a:1", "applies": "boot"}, ("4,096", "128", "/etc/a:1", "")),
        ([1, 2], "net.core.somaxconn", {"value": [3, 4]}, ("1 2", "3 4", "the kernel's default", "")),
        (
            7,
            "nf",
            {"value": 7, "source": "/etc/a:1", "applies": "module-load", "lost": "late"},
            ("7", "7", "/etc/a:1 (at module-load)", "late"),
        ),
    ],
)
def test_the_next_boot_is_told_where_it_changes_something(value, name, boot, expected):
    """Equal and unknown values are not listed; a value that is lost is."""
    found = view.boots({"limits": [{"name": name, "value": value, "boot": boot}]})
    assert [expected] * bool(expected) == [(one.now, one.then, one.where, one.lost) for one in found]


def test_an_absence_is_told_once_with_its_reason():
    """The same absence of a hundred processes is one line with a number."""
    hidden = [{"absent": "no_permission", "detail": "/proc/%d/fd: Permission denied" % pid} for pid in range(100)]
    gone = {"absent": "not_loaded", "detail": "nf_conntrack"}
    services = [{"name": "a", "processes": [{"files_open": one} for one in hidden]}]
    found = view.unseen({"services": services, "limits": [{"name": "x", "value": gone, "boot": {"value": gone}}]})
    assert [
        ("a processes files_open and 99 more", "no permission", "/proc/0/fd: Permission denied"),
        ("x", "not loaded", "nf_conntrack"),
    ] == [(one.what, one.reason, one.detail) for one in found]


def test_an_idle_memory_figure_says_idle():
    """The word stands wherever a memory bound is shown: in the bounds, in what binds, and in the verdict."""
    given_facts = {
        "capacity": {
            "inbound": {"connections": 9, "binding": "memory", "bounds": [{"name": "memory", "connections": 9, "detail": "3.8 KB"}]}
        }
    }
    held = view.capacity(given_facts["capacity"]["inbound"])
    assert ("idle memory", "idle memory") == (held.binding, held.bounds[0].name)
    for wanted in (8, 9, 10):
        assert "idle memory" in verdict.verdict(given_facts, wanted)["message"]
