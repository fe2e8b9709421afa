# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The budget: how many connections the memory holds."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._prove import budget

AWAY, HERE = ["192.0.2.7"], ["127.0.0.2"]
SPARE = 10 << 30


def allowed(destinations, ports, dials=True, bind="no_port", conntrack=False):
    """Return (connections, bytes of each beside the probe's own) for one path."""
    path = parse_path("paths[0]", {"sources": ["127.0.0.1"], "destinations": destinations, "ports": ports, "bind": bind})
    snapshot = {"conntrack": {"active": conntrack}, "local_addresses": [], "addresses": []}
    most, each = budget.fitting(snapshot, [path], SPARE, dials)
    sides = 2 if destinations == HERE and dials else 1
    assert most == (SPARE - sides * budget.PARENT) // each
    return most, each - sides * (budget.ENTRY + budget.PROCESS // budget.room_of_process())


@pytest.mark.parametrize(
    ("given", "each"),
    [
        ({"destinations": AWAY, "ports": [80]}, 4010),
        ({"destinations": AWAY, "ports": [80, 81]}, 3900),
        ({"destinations": AWAY, "ports": [80, 81], "bind": "plain"}, 4010),  # a plain bind takes a port for one connection
        ({"destinations": AWAY, "ports": [80], "conntrack": True}, 4266),
        ({"destinations": AWAY, "ports": [80], "dials": False}, 3790),
        ({"destinations": HERE, "ports": [80]}, 7800),
        ({"destinations": HERE, "ports": list(range(80, 102))}, 7590),
    ],
)
def test_a_connection_costs_its_ends_and_its_part_of_the_port(given, each):
    """Each end that is here counts once; connections to several listeners share the buckets of a port."""
    assert allowed(**given)[1] == each


def test_nothing_fits_where_the_probe_itself_does_not():
    """Less than the parent takes allows none, and never a negative number."""
    path = parse_path("paths[0]", {"destinations": AWAY, "ports": [80]})
    assert budget.fitting({}, [path], budget.PARENT - 1, True)[0] == 0
    assert memory.DIALLED_END < budget.fitting({}, [path], 0, True)[1]
