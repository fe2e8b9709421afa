# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that carries every section: it can do, and settle, whatever any of them can. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change


def run(section: str | None) -> None:
    """Make the change of the module for one section, or of host_config for None, and end the module."""
    change.run(section)


def everything() -> list[Any]:
    """Return all that a change may ask for by its name (_model/carried.py), which travels because it is imported here.

    The kinds of things travel with the sections that make them. Nothing but a test calls it: a run imports what it needs.
    """
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.sections import (
        fd_limits,
        kernel_settings,
        port_range,
        secondary_interfaces,
        service_config,
        transparent_routing,
    )
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply import confirm
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import (
        address,
        file,
        folder,
        link,
        local_route,
        nft_table,
        process,
        route,
        rule,
        service,
        symlink,
        sysctl,
        unit,
    )
    from ansible_collections.c10m.front_tier.plugins.module_utils._read import links

    sections = [fd_limits, kernel_settings, port_range, secondary_interfaces, service_config, transparent_routing]
    kinds = [address, file, folder, link, local_route, nft_table, process, route, rule, service, symlink, sysctl, unit]
    return [*sections, *kinds, confirm, links]
