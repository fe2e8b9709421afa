# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `policy`: expressions in JMESPath over the audits of a fleet and its plan."""

from __future__ import annotations

import datetime
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy import judge, told
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.policy import policies as policies_of
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import plain


def policy(value: Any, policies: Any = None, accept: Any = None, fail_on: Any = "error", plan: Any = None) -> dict[str, Any]:
    """Return what policies say of {name of a host: its audit}, with the table as text and the JUnit XML."""
    try:
        level = _gate.level(fail_on, "policy: fail_on")
        chosen = policies_of(policies, "policies")
        hosts = judge.hosts_of(value)
        today = datetime.datetime.now(datetime.timezone.utc).date()
        result = judge.judge(chosen, hosts, None if plan is None else plain(plan), plain(accept), level, today, "accept")
    except ValueError as error:
        raise AnsibleFilterError("%s" % error) from None
    table = ["".join(text for text, _tone in line).rstrip() for line in told.lines(result)]
    return {**told.data(result), "table": table[1:], "junit": told.junit(result).decode()}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"policy": policy}
