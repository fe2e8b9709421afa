# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report shows: the facts of a fleet, put in order and in words, the same for terminal, HTML and JSON.

Private to the collection. Every text in a view is one printable line; it is still to be escaped where it is written as HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.plugin_utils import _proof
from ansible_collections.c10m.front_tier.plugins.plugin_utils._gate import Judged
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import (
    clean,
    count,
    grouped,
    items,
    label,
    mapping,
    percent,
    rows,
    share,
    size,
    words,
)

REASONS = {
    "not_loaded": "not loaded",
    "no_permission": "no permission",
    "too_old": "kernel too old",
    "unreadable": "unreadable",
    "unknown": "not present",
}
MOST_PATHS = 20
MOST_BOOTS = 60
MOST_UNSEEN = 40


@dataclass(frozen=True)
class Bound:
    """A candidate of a capacity. connections: None where there is none to tell; note: what decides it; detail: how, where both are told."""

    name: str
    connections: int | None
    note: str
    detail: str
    binding: bool


@dataclass(frozen=True)
class Capacity:
    """The capacity of a direction or a path, its bounds from the smallest up. connections: None where it is not known."""

    connections: int | None
    used: int | None
    binding: str
    bounds: tuple[Bound, ...]

    @property
    def load(self) -> float | None:
        """Return the share that is used."""
        return share(self.used, self.connections)

    @property
    def deciding(self) -> str:
        """Return what decides the bound that binds."""
        return next((bound.note for bound in self.bounds if bound.binding and bound.note), "")


@dataclass(frozen=True)
class Path:
    """One path. `at_most` is None where it is the same as the capacity."""

    sources: str
    targets: str
    how: str
    capacity: Capacity
    at_most: int | None
    free: int | None
    estimated: bool
    rate: str
    article: int | None
    why: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Boot:
    """What the next boot changes, or loses."""

    name: str
    now: str
    then: str
    where: str
    lost: str


@dataclass(frozen=True)
class Finding:
    """A finding as it is shown. standing: what the gate says of it, "" where there is nothing to say."""

    id: str
    severity: str
    subject: str
    message: str
    remedy: str
    evidence: str
    outside: bool
    fails: bool
    state: str
    standing: str


@dataclass(frozen=True)
class Unseen:
    """What could not be read, how many values that are, and why."""

    what: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Host:
    """A host of the report. state: `audited`, `unreachable` or `failed`; why: the reason where it was not audited.

    proof: what was predicted and held, when and how long, "" where nothing was proved; proved: whether it held what it had to.
    """

    name: str
    state: str
    why: str = ""
    system: str = ""
    read_at: str = ""
    remarks: tuple[str, ...] = ()
    inbound: Capacity | None = None
    outbound: Capacity | None = None
    paths: tuple[Path, ...] = ()
    boots: tuple[Boot, ...] = ()
    findings: tuple[Finding, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    wanted: int | None = None
    reachable: bool | None = None
    verdict: str = ""
    proof: str = ""
    proved: bool = False

    @property
    def load(self) -> float:
        """Return the greatest share in use of any of its capacities."""
        loads = [one.load for one in (self.inbound, self.outbound, *(path.capacity for path in self.paths)) if one]
        return max((load for load in loads if load is not None), default=0.0)

    @property
    def least(self) -> int:
        """Return the smallest of its capacities."""
        known = [one.connections for one in (self.inbound, self.outbound) if one and one.connections is not None]
        return min(known, default=1 << 63)

    def tally(self, severity: str) -> int:
        """Return how many findings of a severity still stand: not the accepted ones."""
        return sum(one.severity == severity and one.state != "accepted" for one in self.findings)


@dataclass(frozen=True)
class Common:
    """A finding that several hosts have."""

    id: str
    severity: str
    subject: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Fleet:
    """The whole report. hosts: those that need a look first; gate: what the gate says, "" where none is set."""

    hosts: tuple[Host, ...]
    fail_on: str = "never"
    gate: str = ""
    common: tuple[Common, ...] = field(default=())

    @property
    def audited(self) -> list[Host]:
        """Return the hosts that were audited."""
        return [host for host in self.hosts if host.state == "audited"]

    @property
    def read_at(self) -> str:
        """Return when the last host was read: the date of the report."""
        return max((host.read_at for host in self.hosts), default="")

    def total(self, direction: str) -> int | None:
        """Return the sum of a capacity over the hosts; None where none is known."""
        known = [one.connections for host in self.hosts for one in [getattr(host, direction)] if one and one.connections is not None]
        return sum(known) if known else None


def capacity(section: Any) -> Capacity | None:
    """Return a capacity of the facts in order; None where there is none."""
    given = mapping(section)
    if not given:
        return None
    tied = [given.get("binding"), *items(given.get("tied"))]
    found = []
    for row in rows(given.get("bounds")):
        name, limit, detail = label(row.get("name")), clean(row.get("limit"), 200), clean(row.get("detail"), 200)
        found.append(Bound(name, count(row.get("connections")), limit or detail, detail if limit else "", row.get("name") in tied))
    found.sort(key=lambda bound: (bound.connections is None, bound.connections or 0, not bound.binding))
    binding = " and ".join(label(name) for name in tied[:3] if isinstance(name, str))
    return Capacity(count(given.get("connections")), count(given.get("used")), binding, tuple(found))


def _named(addresses: list[Any], most: int = 2) -> str:
    texts = [clean(address, 60) for address in addresses]
    return ", ".join(texts[:most]) + (" +%d" % (len(texts) - most) if len(texts) > most else "")


def path(row: dict[str, Any]) -> Path | None:
    """Return one path of the facts in words; None where it has no capacity."""
    held = capacity(row)
    if held is None:
        return None
    ports = items(row.get("ports"))
    destinations = items(row.get("destinations"))
    if len(ports) == 1:
        targets = _named([("[%s]:%s" if ":" in str(one) else "%s:%s") % (one, ports[0]) for one in destinations])
    else:
        targets = "%s ports %s" % (_named(destinations), _named(ports, 3))
    how = ", ".join(part for part in (clean(row.get("dialer"), 20), "bind " + clean(row.get("bind") or "none", 20)) if part)
    at_most = count(row.get("at_most"))
    rate = row.get("rate")
    told = "{:,.0f}".format(rate) if isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 <= rate < 1e15 else ""
    return Path(
        sources=_named(items(row.get("sources"))) or "any source",
        targets=targets,
        how=how,
        capacity=held,
        at_most=at_most if at_most != held.connections else None,
        free=count(row.get("free")),
        estimated=row.get("estimated") is True,
        rate=told,
        article=count(row.get("article_estimate")),
        why=clean(row.get("article_note"), 300),
        notes=tuple(clean(note, 300) for note in items(row.get("notes"))[:10]),
    )


def _boot(name: str, now: Any, after: dict[str, Any]) -> Boot | None:
    """Return what changes for one value; None where nothing does, or where it is not known."""
    then = after.get("value")
    lost = clean(after.get("lost"), 200)
    unknown = then is None or is_absent(then) or now is None or is_absent(now)
    if unknown or (then == now and not lost):
        return None
    applies = clean(after.get("applies"), 40)
    where = clean(after.get("source") or "the kernel's default", 160)
    return Boot(
        clean(name, 120),
        clean(words(now), 60),
        clean(words(then), 60),
        where + (" (at %s)" % applies if applies not in ("", "boot") else ""),
        lost,
    )


def boots(fact: dict[str, Any]) -> list[Boot]:
    """Return what the next boot changes: sysctls, and the descriptors of services."""
    found = [
        _boot(
            "%s %s" % (row.get("name"), row["subject"]) if row.get("subject") else str(row.get("name")),
            row.get("value"),
            mapping(row.get("boot")),
        )
        for row in rows(fact.get("limits"))
    ]
    for service in rows(fact.get("services")):
        after, now = mapping(service.get("boot")), mapping(service.get("live"))
        found.append(
            _boot(
                "%s nofile" % service.get("name"),
                now.get("nofile"),
                {"value": after.get("nofile"), "source": after.get("source"), "applies": "restart"},
            )
        )
    return [one for one in found if one][:MOST_BOOTS]


def _absences(value: Any, place: str) -> Iterable[tuple[str, str, str]]:
    """Yield (what, reason, detail) of every absence; those of boot values are left out: there, no file decides."""
    if is_absent(value):
        yield place, str(value.get("absent")), str(value.get("detail") or "")
    elif isinstance(value, dict):
        label = value.get("name") or value.get("address")
        for name, item in value.items():
            if name not in ("boot", "findings", "paths", "capacity", "wanted") and isinstance(item, (dict, list)):
                yield from _absences(
                    item, str(label) if label and name == "value" else " ".join(part for part in (str(label or place), str(name)) if part)
                )
    elif isinstance(value, list):
        for item in value:
            yield from _absences(item, place)


def unseen(fact: dict[str, Any]) -> list[Unseen]:
    """Return what could not be read: what has the same reason is one line, named by the first of them."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for what, reason, detail in _absences(fact, ""):
        alike = re.sub("[0-9]+", "#", detail)
        found.setdefault((reason, alike), []).append((what, detail))
    told = []
    for (reason, _alike), group in list(found.items())[:MOST_UNSEEN]:
        names = list(dict.fromkeys(what for what, _detail in group))
        more = len(group) - 1
        what = clean(names[0], 120) + (" and %d more" % more if more else "")
        told.append(Unseen(what, REASONS.get(reason, clean(reason, 40)), clean(group[0][1], 200)))
    return told


def _verdict(wanted: dict[str, Any]) -> str:
    """Return the verdict in a line: what the host holds, and all that it is short of; the finding says it at length."""
    if wanted.get("reachable") is not False:
        return clean(wanted.get("message"))
    short = ["%s %s" % (label(row.get("name")), grouped(count(row.get("connections")))) for row in rows(wanted.get("short_of"))]
    relayed = ", each of them relayed to an upstream" if wanted.get("relays") is True else ""
    return "%s wanted%s: holds %s, short of %s" % (
        grouped(count(wanted.get("connections"))),
        relayed,
        grouped(count(wanted.get("holds"))),
        ", ".join(short),
    )


def _system(host: dict[str, Any]) -> str:
    parts = [clean("%s %s" % (host.get("system") or "", host.get("kernel") or ""), 80)]
    cpus, memory = count(host.get("cpus")), count(host.get("memory"))
    parts += ["%d CPU%s" % (cpus, "" if cpus == 1 else "s")] if cpus else []
    parts += [size(memory)] if memory else []
    container = host.get("container")
    parts += ["in a container (%s)" % clean(container, 40)] if container and not is_absent(container) else []
    return " · ".join(part for part in parts if part.strip())


def _remarks(fact: dict[str, Any]) -> Iterable[str]:
    """Yield what a reader of the numbers has to know of how they were got."""
    host, sockets = mapping(fact.get("host")), mapping(fact.get("sockets"))
    if host.get("kernel_proven") is False:
        yield "The truth tests did not run on this kernel series: the numbers follow its documentation."
    if host.get("privileged") is False:
        yield "Read without root: what other users' processes hold could not be seen everywhere."
    if sockets.get("sampled") is True:
        error = sockets.get("error")
        far = (
            " (a flow of 10 %% of them is right to about %d %%)" % round(100 * error) if isinstance(error, float) and 0 < error < 10 else ""
        )
        yield "%s of about %s connected sockets were looked at; used and free are estimates%s." % (
            grouped(count(sockets.get("seen"))),
            grouped(count(sockets.get("total"))),
            far,
        )
    cut = mapping(fact.get("cut"))
    if cut:
        yield "Left out of the kept fact: %s." % ", ".join(
            "%s (%s of %s rows kept)" % (clean(name, 40), *[clean(part, 20) for part in (items(pair) + ["?", "?"])[:2]])
            for name, pair in list(cut.items())[:8]
        )
    if fact.get("unfinished") and not is_absent(fact.get("unfinished")):
        yield "A change of ours did not end: its journal is %s." % clean(fact["unfinished"], 160)


def finding(judged: Judged) -> Finding:
    """Return a finding in words."""
    row, accepted = judged.finding, judged.acceptance
    evidence = "; ".join(
        "%s %s" % (clean(name, 60), clean(words(value), 120)) for name, value in list(mapping(row.get("evidence")).items())[:8]
    )
    standing = ""
    if judged.state == "outside":
        standing = "belongs to the machine outside this container; the gate leaves it out"
    elif accepted:
        standing = "accepted until %s: %s" % (accepted.until, clean(accepted.why, 200))
        if judged.state == "expired":
            standing = "its acceptance ended on %s: %s" % (accepted.until, clean(accepted.why, 200))
    severity = row.get("severity") if row.get("severity") in ("error", "warning", "info") else "info"
    return Finding(
        clean(row.get("id"), 20),
        str(severity),
        clean(row.get("subject"), 160),
        clean(row.get("message")),
        clean(row.get("remedy")),
        evidence,
        row.get("outside") is True,
        judged.fails,
        judged.state,
        standing,
    )


def host(name: str, fact: dict[str, Any], judged: Iterable[Judged] = (), proof: Any = None) -> Host:
    """Return an audited host in words and in order. fact, proof: plain data, as front_tier_audit and front_tier_proof hold it."""
    about, asked, wanted = mapping(fact.get("host")), mapping(fact.get("capacity")), mapping(fact.get("wanted"))
    paths = [path(row) for row in rows(fact.get("paths"))[:MOST_PATHS]]
    reachable = wanted.get("reachable")
    return Host(
        name=clean(name, 120),
        state="audited",
        system=_system(about),
        read_at=clean(about.get("read_at"), 32),
        remarks=tuple(_remarks(fact)),
        inbound=capacity(asked.get("inbound")),
        outbound=capacity(asked.get("outbound")),
        paths=tuple(sorted((one for one in paths if one), key=lambda one: -(one.capacity.load or 0.0))),
        boots=tuple(boots(fact)),
        findings=tuple(finding(one) for one in judged),
        unseen=tuple(unseen(fact)),
        wanted=count(wanted.get("connections")),
        reachable=reachable if isinstance(reachable, bool) else None,
        verdict=_verdict(wanted),
        proof=_proof.said(proof),
        proved=_proof.holds(proof),
    )


def common(hosts: Iterable[Host]) -> tuple[Common, ...]:
    """Return the findings by id and subject over the hosts: errors first, then what most hosts have."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in hosts:
        for row in one.findings:
            if row.state != "accepted":
                names = found.setdefault((row.severity, row.id, row.subject), [])
                if one.name not in names[-1:]:
                    names.append(one.name)
    order = ("error", "warning", "info")
    ranked = sorted(found.items(), key=lambda item: (order.index(item[0][0]), -len(item[1]), item[0]))
    return tuple(Common(identity, severity, subject, tuple(names)) for (severity, identity, subject), names in ranked)


def urgency(one: Host) -> tuple[Any, ...]:
    """Return the sort key: not audited, then short of what is wanted, then closest to a limit, then the smallest capacity."""
    return (one.state == "audited", one.reachable is not False, -round(one.load, 2), one.least, one.name)


def fleet(hosts: Iterable[Host], fail_on: str = "never", gate: str = "") -> Fleet:
    """Return the report of these hosts."""
    ordered = tuple(sorted(hosts, key=urgency))
    return Fleet(ordered, fail_on, clean(gate, 4000), common(ordered))


def load_of(held: Capacity | None) -> str:
    """Return the share in use as a percentage, "" where it is not known."""
    return percent(held.load) if held else ""
