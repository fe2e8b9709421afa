# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `diagnose`: the causes that the evidence of a live front tier shows."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model import symptoms
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, clean, mapping, plain


def diagnose(value: Any) -> dict[str, Any]:
    """Return {causes: [{symptom, name, cause, evidence, command, remedy}], unseen: [words], words: [lines]} of a host's evidence."""
    try:
        given = mapping(plain(value))
    except ValueError as error:
        raise AnsibleFilterError("diagnose: %s." % error) from None
    evidence = mapping(given.get("evidence")) or given
    if "snapshot" not in evidence or "logs" not in evidence:
        raise AnsibleFilterError("diagnose: there is no evidence in this. Give it the result of c10m.front_tier.tier_evidence_info.")
    try:
        causes, unseen = symptoms.diagnose(evidence), symptoms.unseen(evidence)
    except UNFIT as error:
        raise AnsibleFilterError(
            "diagnose: this is no whole evidence (%s: %s). Read it again with c10m.front_tier.tier_evidence_info."
            % (type(error).__name__, error)
        ) from None
    causes = [{name: clean(text) if isinstance(text, str) else text for name, text in row.items()} for row in causes]
    unseen = [clean(text) for text in unseen]
    words = [
        line
        for row in causes
        for line in (
            "%d %s: %s" % (row["symptom"], row["name"], row["cause"]),
            "   seen: %s" % row["evidence"],
            "   look: %s" % row["command"],
            "   mend: %s" % row["remedy"],
        )
    ]
    words = words or ["nothing found that loses connections"]
    return {"causes": causes, "unseen": unseen, "words": words + ["not seen: %s" % text for text in unseen]}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"diagnose": diagnose}
