# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JSON: the facts of every host with the standing of their findings, and what the gate says. Private to the collection."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.c10m.front_tier.plugins.plugin_utils._gate import Judged
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.view import Fleet


def standing(judged: Judged) -> dict[str, Any]:
    """Return what the gate says of one finding."""
    row = {
        "id": judged.finding.get("id"),
        "subject": judged.finding.get("subject"),
        "severity": judged.finding.get("severity"),
        "state": judged.state,
        "fails": judged.fails,
    }
    if judged.acceptance:
        row.update(until=judged.acceptance.until.isoformat(), why=judged.acceptance.why)
    return row


def data(report: Fleet, facts: dict[str, dict[str, Any]], judged: dict[str, list[Judged]], proofs: dict[str, Any]) -> dict[str, Any]:
    """Return the report as plain data. facts, judged, proofs: by the host's name in the inventory, of the hosts that were audited."""
    hosts = {}
    for one in report.hosts:
        entry: dict[str, Any] = {"state": one.state}
        if one.state == "audited":
            entry.update(audit=facts[one.name], gate=[standing(row) for row in judged[one.name]])
            if one.name in proofs:
                entry.update(proof=proofs[one.name])
        else:
            entry.update(why=one.why)
        hosts[one.name] = entry
    return {
        "read_at": report.read_at or None,
        "fleet": {
            "hosts": len(report.hosts),
            "audited": len(report.audited),
            "inbound": report.total("inbound"),
            "outbound": report.total("outbound"),
        },
        "gate": {"fail_on": report.fail_on, "fails": bool(report.gate), "message": report.gate or None},
        "hosts": hosts,
    }


def bytes_of(report: Fleet, facts: dict[str, dict[str, Any]], judged: dict[str, list[Judged]], proofs: dict[str, Any]) -> bytes:
    """Return the report as the file holds it."""
    return (json.dumps(data(report, facts, judged, proofs), indent=1, sort_keys=False) + "\n").encode("ascii")
