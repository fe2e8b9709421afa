# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings: what is wrong on a host or about to go wrong, computed from its snapshot. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model import (
    findings_accept,
    findings_boot,
    findings_files,
    findings_life,
    findings_memory,
    findings_ports,
    findings_routing,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import CHECKS, SEVERITIES, Case, Check, plain, shown

# Importing one enters its checks into CHECKS.
SUBJECTS = (findings_ports, findings_files, findings_accept, findings_life, findings_memory, findings_boot, findings_routing)
OUTSIDE = " Only the machine around this container can change that."


def find(snapshot: Any, paths: Any, capacity: Any, headroom: float = 0.2) -> list[dict[str, Any]]:
    """Return the findings of one host, the gravest first, then by id and subject. Raises nothing, whatever the snapshot holds.

    snapshot, paths, capacity: as in docs/snapshot.md; headroom: the share of a path's capacity that should stay free.
    A check whose values were not read does not run. Each finding is {id, severity, subject, message, evidence (plain data),
    remedy, outside: true where only the machine around the container can apply the remedy}.
    """
    case = Case(snapshot, paths, capacity, headroom)
    found = [_finding(name, check, case, subject, evidence) for name, check in CHECKS.items() for subject, evidence in check.run(case)]
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding["severity"]), finding["id"], finding["subject"]))


def _finding(name: str, check: Check, case: Case, subject: str, evidence: dict[str, Any]) -> dict[str, Any]:
    """Return one finding; what the evidence has under an underscore is for the templates only."""
    outside = case.limit(check.knob or subject).text("scope") == "outside"
    words = {key: shown(plain(value)) for key, value in evidence.items()}
    return {
        "id": name,
        "severity": check.severity,
        "subject": subject,
        "message": check.message.format(subject=subject, **words),
        "evidence": {key: plain(value) for key, value in evidence.items() if not key.startswith("_")},
        "remedy": check.remedy.format(subject=subject, **words) + (OUTSIDE if outside else ""),
        "outside": outside,
    }
