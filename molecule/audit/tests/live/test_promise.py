# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capacity of a path is the number of connections that a program really gets, from node to node over a network."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("number", range(4), ids=["none", "no_port", "none, two destinations", "plain, two destinations"])
def test_a_dialler_gets_exactly_what_is_free(host: Any, audit: Any, facts: Any, number: int) -> None:
    """A dialler holds as many as `free` says and is refused the next; with an odd number of ports, one a tuple more is allowed."""
    path = audit["paths"][number]
    sources, destinations = ",".join(path["sources"]), ",".join(path["destinations"])
    got = host.check_output("python3 /usr/local/bin/fill.py %s 8080 %s %s", path["bind"], sources or "-", destinations)
    assert path["free"] <= int(got) <= path["free"] + path["at_most"] - path["connections"]
    assert path["used"] + path["free"] == path["connections"]
    low, high = map(int, facts["port_range"].split())
    assert (path["at_most"] > path["connections"]) == ((high - low + 1) % 2 == 1)
