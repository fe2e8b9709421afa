# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module that changes a host documents: the common options, the attributes, and what it returns."""

from __future__ import annotations


class ModuleDocFragment:
    """The common options of changing modules."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - The name of the set, that is, of all that this and other modules of the collection manage together on a host.
      - Files of our own carry it. Letters, digits, C(-) and C(_), 64 at most.
    type: str
    default: front-tier
  state:
    description:
      - With V(present) the set is authoritative for what the module manages. What it does not name any more goes back to the value
        that it had before the set took it over.
      - With V(absent) all of it goes back, each thing that still has the value that we set. What others changed since stays, and is
        returned in RV(left).
    type: str
    choices: [present, absent]
    default: present
  persist:
    description: Keep the values over a restart, in files of our own.
    type: bool
    default: true
  live:
    description: Set the values now.
    type: bool
    default: true
  on_override:
    description:
      - What to do where a later file would win at the next boot. V(fail) refuses and changes nothing, V(warn) goes on with a warning,
        V(outrank) gives our file a name that sorts after it.
    type: str
    choices: [fail, warn, outrank]
    default: fail
  skip_unavailable:
    description:
      - Leave out what cannot be set on this host (not there, read-only, or belonging to the machine around a container) and list it in
        RV(not_applied). Otherwise the whole change is refused.
    type: bool
    default: false
  lock_timeout:
    description: How many seconds to wait for another run on the same host.
    type: float
    default: 30
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - All is validated before the first write. The change is one transaction, with its undo on disk before the first write. If a step
    fails, or the process is killed, nothing of it stays; an undo after a kill is made by the next run that may change the host.
  - Needs root.
"""
