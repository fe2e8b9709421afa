# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section kernel_settings of a change: sysctls by name. Private to the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change

OPTIONS: dict[str, Any] = {"settings": {"type": "dict", "default": {}}}


def wanted(change: Change, options: dict[str, Any]) -> list[Wanted]:
    """Return the sysctls that the option `settings` wants. Raises Refusal."""
    return change.sysctls(options["settings"], options)
