# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules and actions say of check mode, diff mode and platforms, once for all of them."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes that every module and action of the collection documents."""

    # The attributes' meaning; each module adds its support, or takes one of the parts below.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tells what it would change, without changing it.
  diff_mode:
    description: In diff mode, shows what it changes or would change, the same in check mode as in the real run.
  idempotent:
    description: When run twice in a row with the same arguments, the second run changes nothing.
  platform:
    description: The systems that the module works on.
    support: full
    platforms: linux
"""

    # For what only reads.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: It changes nothing, so check mode makes no difference.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
"""

    # For what runs on the controller and leaves every managed host alone.
    CONTROLLER = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: It changes no managed host, so it does the same in check mode.
  diff_mode:
    support: N/A
    details: It changes no managed host.
  idempotent:
    support: full
    details: It changes no managed host, and never reports a change.
  action:
    description: Says whether there is an action plugin, so that some of it runs on the controller.
    support: full
    details: All of it runs on the controller.
"""
