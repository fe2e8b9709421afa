# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the role `transparent_balancer`: what a balancer is given, and the routes of a server back to its balancers."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import balancer
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, plain


def transparent_balancer(value: Any, seen: Any) -> dict[str, Any]:
    """Return files, routing, sysctls and the probe of a balancer. Raises AnsibleFilterError, whose message is for the user."""
    try:
        options, sights = plain(value), plain(seen)
        if not isinstance(options, dict) or not isinstance(sights, dict):
            raise Refusal("transparent_balancer: give it the variables as a dict, and what was seen on the host as another.")
        return balancer.plan(options, sights)
    except Refusal as error:
        raise AnsibleFilterError(str(error)) from None
    except UNFIT as error:
        text = (
            "transparent_balancer: what this host says of itself cannot be used (%s: %s). Look at what answers there. Nothing was changed."
        )
        raise AnsibleFilterError(text % (type(error).__name__, error)) from None


def return_routes(value: Any, sets: Any = ()) -> dict[str, Any]:
    """Return the sets of a server that lead back to its balancers, and those that no longer do. Raises AnsibleFilterError."""
    try:
        return balancer.return_routes(plain(value), plain(sets))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transparent_balancer": transparent_balancer, "return_routes": return_routes}
