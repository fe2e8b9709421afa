# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a host that was taken over puts into its snapshot, the controller computes or refuses it, in little time and memory."""

from __future__ import annotations

import copy
import datetime
import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.filter.audit import audit
from ansible_collections.c10m.front_tier.plugins.filter.capacity import capacity
from ansible_collections.c10m.front_tier.plugins.filter.plan import plan
from ansible_collections.c10m.front_tier.plugins.filter.policy import policy
from ansible_collections.c10m.front_tier.plugins.module_utils._model import facts
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fleet, html, record, terminal
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT

HOST: dict[str, Any] = json.loads((Path(__file__).resolve().parents[1] / "recorded/hosts/edge/expected.json").read_text())
MEMORY, SECONDS = 2 << 30, 5.0
PATHS = [{"destinations": ["10.0.0.9"], "ports": [80], "sources": ["10.0.0.2"]}]
Where = tuple[Any, ...]


def nested(depth: int) -> Any:
    """Return lists and dictionaries in one another."""
    found: Any = 0
    for turn in range(depth):
        found = {"a": found} if turn % 2 else [found]
    return found


VALUES = [
    *(10**12, 10**30, -1, 1.5, float("nan"), float("inf"), True, None, "x" * 100000, "\x1b[2J", "1-99999999999", "999999999999"),
    *([], {}, [[]], {"absent": "x"}, {"absent": []}, nested(400), nested(3000)),
]


def places(value: Any, way: Where = ()) -> Iterator[Where]:
    """Yield the way to every value of a snapshot, of lists to the first one."""
    yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*way, key))


def spoiled(way: Where, value: Any) -> Any:
    """Return the snapshot with another value in one place."""
    if not way:
        return value
    found = copy.deepcopy(HOST)
    inner: Any = found
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return found


def reported(one: Any) -> None:
    """Make every form of the report of this host and of a good one; the good one must be in it."""
    made = fleet.make(
        [fleet.Entry(name, fact, None, "error", []) for name, fact in (("evil", one), ("good", HOST))], datetime.date(2026, 1, 1)
    )
    assert html.page(made.fleet) and terminal.render(made.fleet) and record.bytes_of(made.fleet, made.facts, made.judged, made.proofs)
    assert "good" in made.facts


def policed(one: Any) -> None:
    """Judge this host and a good one; the good one must be judged."""
    assert all(row["judged"] >= 1 for row in policy({"evil": one, "good": HOST})["policies"] if not row["skipped"])


def planned(one: Any) -> None:
    """Plan with this host; where the model itself cannot compute on it, the message names it."""
    host = {"front_tier_upstreams": ["10.0.9.10:80"], "front_tier_connections": 1000, "group_names": ["g"]}
    try:
        plan({"evil": dict(host, front_tier_audit=one), "good": dict(host, front_tier_audit=HOST)}, groups={"g": ["evil", "good"]})
    except AnsibleFilterError as error:
        try:
            facts.compute(one)
        except UNFIT:
            assert "evil" in str(error)
        raise


STAGES: dict[str, tuple[Callable[[Any], Any], tuple[type[BaseException], ...]]] = {
    "the action": (lambda one: facts.complete(one, PATHS), UNFIT),
    "the fact": (lambda one: audit(one, 5000), (AnsibleFilterError,)),
    "what if": (lambda one: capacity(one, addresses=8), (AnsibleFilterError,)),
    "the plan": (planned, (AnsibleFilterError,)),
    "policies": (policed, ()),
    "the report": (reported, ()),
}


def worked(stage: str, turn: int, told: Any) -> None:
    """Send each (place, value) with which a stage fails otherwise than it says, or takes long, and None at the end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    work, refusals = STAGES[stage]
    for number, way in enumerate(places(HOST)):
        for index in range(number % 4 + turn, len(VALUES), 4):
            began, trouble = time.process_time(), ""
            try:
                work(spoiled(way, VALUES[index]))
            except refusals:
                pass
            except BaseException as error:  # noqa: BLE001 (told, whatever it is)
                trouble = "%s: %.100s" % (type(error).__name__, error)
            if trouble or time.process_time() - began > SECONDS:
                told.send((way, str(VALUES[index])[:40] if index < len(VALUES) - 2 else "nested", trouble or "it takes long"))
    told.send(None)


@pytest.mark.parametrize("stage", STAGES)
def test_every_value_of_a_snapshot_may_be_anything(stage: str) -> None:
    """Each value of a snapshot in turn becomes what none can be: huge, negative, endless, of another kind. Each goes on or says so."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=worked, args=(stage, 0, sender))
    process.start()
    sender.close()
    found = []
    try:
        found = list(iter(receiver.recv, None))
    except EOFError:
        found.append("the process died with %s" % process.exitcode)
    process.join()
    assert found == []
