# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo makes of what it saw: predictions with caps, and every difference told."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).resolve().parents[2] / "examples/fleet/demo.py"
SPEC = importlib.util.spec_from_file_location("fleet_demo", PATH)
assert SPEC and SPEC.loader
demo = importlib.util.module_from_spec(SPEC)
sys.modules["fleet_demo"] = demo
SPEC.loader.exec_module(demo)

FLEET = {"clients": ["c1"], "balancers": ["b1"], "proxies": ["p1", "p2"]}
HOP = {"name": "edge", "from": "balancers", "to": "proxies", "now": 80, "binding": "ports"}
GOOD = {
    "hops": [{"name": "edge", "before": 40, "before_predicted": 40, "predicted": 76, "held": 76}],
    "origins": ["Varnish", "nginx"],
    "origin_sees": {"c1": ["10.0.0.9"]},
    "origin_sees_client": True,
}


@pytest.mark.parametrize(
    ("caps", "predicted"),
    [
        ({}, (80, "ports")),
        (
            {
                "b1": {"process": None, "queue": 9, "lines": None},
                "p1": {"process": None, "queue": 9, "lines": None},
                "p2": {"process": 30, "queue": 9, "lines": 1},
            },
            (80, "ports"),
        ),
        ({"b1": {"process": 100, "queue": 9, "lines": 76}}, (76, "maxconn of the lines")),
        ({"b1": {"process": 60, "queue": 9, "lines": 76}}, (60, "maxconn")),
        ({"p1": {"process": 30, "queue": 3, "lines": 1}, "p2": {"process": 20, "queue": 2, "lines": 1}}, (55, "maxconn and accept queues")),
    ],
)
def test_the_smallest_of_capacity_and_caps_is_predicted(caps: dict[str, Any], predicted: tuple[int, str]) -> None:
    """Caps count where all hosts of a side have them; of the receiving side not its lines, but its accept queues."""
    assert demo.predict(HOP, FLEET, caps) == predicted


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("hops", 0, "held"), 75, "edge, after: 76 predicted, 75 held."),
        (("hops", 0, "before"), 41, "edge, before: 40 predicted, 41 held."),
        (("origins",), ["nginx"], "Answers came from nginx, and nginx and Varnish were to answer."),
        (("origin_sees_client",), False, "The origins see {'c1': ['10.0.0.9']}, and were to see each client."),
    ],
)
def test_whatever_is_not_as_promised_is_told(place: tuple[Any, ...], value: Any, words: str) -> None:
    """One sentence for each difference; none where everything is as promised."""
    assert demo.faults(GOOD) == []
    found = copy.deepcopy(GOOD)
    there: Any = found
    for key in place[:-1]:
        there = there[key]
    there[place[-1]] = value
    assert demo.faults(found) == [words]
