# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The active profile of tuned, which sets sysctls after systemd-sysctl did. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

PROFILE = "/etc/tuned/active_profile"
RUNNING = "/run/tuned/tuned.pid"
ENABLED = "/etc/systemd/system/multi-user.target.wants/tuned.service"


def read_tuned(root: Root) -> Any:
    """Return the name of the profile that tuned applies now or at the next boot; None without one; or the absence.

    A profile's name that a removed or disabled tuned left behind applies nothing.
    """
    if not root.exists(PROFILE) or not (root.exists(RUNNING) or root.link(ENABLED)):
        return None
    text = root.text(PROFILE)
    return text if is_absent(text) else text_of(text).strip() or None
