# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal that a change of ours leaves on disk until it has ended. Private to the collection."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent_for
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

FOLDER = "/var/lib/front-tier"  # the state of ours, the record of all sets among it
JOURNAL = FOLDER + "/journal"
KEPT = FOLDER + "/undo.json"  # the journal of the last change, where that was to be kept


def read_unfinished(root: Root) -> Any:
    """Return the path of the journal, None where there is none, or the absence: its folder is for root only."""
    try:
        os.lstat(root.path(JOURNAL))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return absent_for(error, JOURNAL)
    return JOURNAL
