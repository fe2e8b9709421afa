# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters `reverse_proxy` and `origin`: what a configuration is made of, for the roles of these names."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import origin as origins
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import proxy
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, plain

UNUSABLE = "%s: what this host says of itself cannot be used (%s: %s). Look at what answers there. Nothing was changed."


def _given(name: str, *values: Any) -> list[dict[str, Any]]:
    """Return variables, audit and what else was seen as plain data. Raises Refusal."""
    found = [plain(value) for value in values]
    if not all(isinstance(one, dict) for one in found) or "limits" not in found[1]:
        raise Refusal("%s: give it the variables as a dict, and a result of c10m.front_tier.connection_limits_info." % name)
    return found


def reverse_proxy(value: Any, audit: Any, seen: Any = None, check: bool = False) -> dict[str, Any]:
    """Return the lines, caps and limits of a proxy. Raises AnsibleFilterError, whose message is for the user."""
    try:
        options, host, sights = _given("reverse_proxy", value, audit, seen or {})
        return proxy.reverse_proxy(options, host, sights, check)
    except Refusal as error:
        raise AnsibleFilterError(str(error)) from None
    except UNFIT as error:
        raise AnsibleFilterError(UNUSABLE % ("reverse_proxy", type(error).__name__, error)) from None


def origin(value: Any, audit: Any, seen: Any = None, check: bool = False) -> dict[str, Any]:
    """Return the listeners of an origin and what they need. Raises AnsibleFilterError, whose message is for the user."""
    try:
        options, host, sights = _given("origin", value, audit, seen or {})
        return origins.origin(options, host, sights, check)
    except Refusal as error:
        raise AnsibleFilterError(str(error)) from None
    except UNFIT as error:
        raise AnsibleFilterError(UNUSABLE % ("origin", type(error).__name__, error)) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"origin": origin, "reverse_proxy": reverse_proxy}
