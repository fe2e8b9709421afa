# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the collection that a module may have to do without, since they did not travel with it. Private to the collection.

Ansible packs what a module's files import, called or not, and every line costs: it is sent, unpacked and compiled at every task. So
kernel_settings, the change that most hosts get, imports only what sysctls take, and host_config all that any change takes. What a
change may have to do with, but most do not, is asked for here, by its name.
"""

from __future__ import annotations

import importlib
from typing import Any

ROOMS = __name__.rpartition("._model.")[0]


class NotCarried(Exception):
    """A change has to do with what did not travel with its module. Raised before anything is touched."""


def carried(name: str) -> Any:
    """Return a file of module_utils, such as `_apply.kinds.address`. Raises NotCarried where it did not travel with this module."""
    full = "%s.%s" % (ROOMS, name)
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name and full.startswith(error.name):
            raise NotCarried(name) from None
        raise
