# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the role `proof`: `proof` makes the fact of a host, `fleet_proof` the one result of all hosts."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _proof
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import plain


def _checked(name: str, value: Any) -> dict[str, Any]:
    found = plain(value)
    if not isinstance(found, dict):
        raise AnsibleFilterError("%s: give it a dictionary of results of c10m.front_tier.connection_probe." % name)
    return found


def proof(value: Any, hold: Any = 0) -> dict[str, Any] | None:
    """Return the fact `front_tier_proof` of {dialled, ended, listened}; None where the host did not dial."""
    return _proof.of_host(_checked("proof", value), float(hold))


def fleet_proof(value: Any, hold: Any = 0) -> dict[str, Any]:
    """Return the one result of {host: {dialled, ended, listened}}."""
    return _proof.of_fleet(_checked("fleet_proof", value), float(hold))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"proof": proof, "fleet_proof": fleet_proof}
