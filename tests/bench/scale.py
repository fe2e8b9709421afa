# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook scale on hosts that are namespaces, against a play of one ping: whole processes, from start to end.

Each host is audited, gets ports, queues, descriptors of a unit and four addresses, and is audited again; a first one alone, then others.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import changes

PING = "ping"


def variables(turn: int, host: int) -> dict[str, Any]:
    """Return what a host is to have: something else in every turn."""
    first = 1 + 8 * host + 4 * (turn % 2)
    return {
        "front_tier_port_low": 10240 + turn % 2 * 2,
        "front_tier_nofile": 15000 + turn % 2,
        "front_tier_nofile_units": changes.UNITS[:1],
        "front_tier_secondary_interfaces": [
            {"interface": changes.INTERFACE, "addresses": [f"10.8.0.{first}-10.8.0.{first + 3}"], "persist": False}
        ],
    }


def seconds(lines: list[str], rounds: int) -> dict[str, Any]:
    """Return {ping, changed, unchanged: median seconds of a playbook}, which take turns. lines: of the inventory, without its head."""
    found: dict[str, list[float]] = {PING: [], "changed": [], "unchanged": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ping.json").write_text(
            json.dumps([{"hosts": "front_tier", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}])
        )
        for turn in range(rounds + 1):
            hosts = "\n".join(["[front_tier]", *lines, "[front_tier:vars]", "ansible_connection=local", ""])
            (folder / "hosts").write_text(hosts)
            (folder / "host_vars").mkdir(exist_ok=True)
            for index, line in enumerate(lines):
                (folder / "host_vars" / f"{line.split()[0]}.json").write_text(json.dumps(variables(turn, index)))
            for what, playbook in (
                (PING, folder / "ping.json"),
                ("changed", "c10m.front_tier.scale"),
                ("unchanged", "c10m.front_tier.scale"),
            ):
                begin = time.monotonic()
                done = subprocess.run(
                    ["ansible-playbook", "-i", str(folder / "hosts"), str(playbook)],
                    env=dict(os.environ, ANSIBLE_PIPELINING="1", ANSIBLE_FORKS=str(2 * (os.cpu_count() or 1))),
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
                changes_of = re.findall(r"^host\d+ .* changed=(\d+) ", done.stdout, re.MULTILINE)
                if len(changes_of) != len(lines) or any((number != "0") != (what == "changed") for number in changes_of):
                    raise SystemExit(f"scale was to be {what} in turn {turn}:\n{done.stdout[-3000:]}")
                found[what] += [time.monotonic() - begin] * bool(turn)
    return {what: statistics.median(times) for what, times in found.items()}


def table(found: dict[str, Any]) -> list[str]:
    """Return lines of Markdown."""
    lines = ["| hosts | ping | scale, everything changes | scale, nothing changes | of a ping |", "|---|---|---|---|---|"]
    for hosts, row in found["hosts"].items():
        ratios = "%.1f, %.1f" % (row["changed"] / row[PING], row["unchanged"] / row[PING])
        lines.append("| %s | %.1f s | %.1f s | %.1f s | %s |" % (hosts, row[PING], row["changed"], row["unchanged"], ratios))
    return lines
