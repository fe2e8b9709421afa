# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd as things that are active or not; None is inactive. Private to the collection.

What a unit does must already be so when it is started: then starting it changes nothing but systemd's own view.
"""

from __future__ import annotations

import subprocess

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

ACTIVE = "active"
SECONDS = 60


def read(root: Root, names: list[str]) -> dict[str, str | None]:
    """Return {name: ACTIVE or None}; None too where systemd does not run."""
    return {name: _read(root, name) for name in names}


def _read(root: Root, name: str) -> str | None:
    if not root.exists("/run/systemd/system"):
        return None
    state = run("systemctl", "show", "--property=ActiveState", "--value", name)
    return ACTIVE if not is_absent(state) and state.strip() == ACTIVE else None


def write(root: Root, name: str, value: str | None) -> None:
    """Let systemd read its units again, then start or stop one. Raises OSError.

    It does not wait for what the unit comes after at a boot, such as a network that a broken interface keeps from being online.
    """
    for arguments in (["daemon-reload"], ["stop" if value is None else "start", "--job-mode=ignore-dependencies", name]):
        try:
            # _apply knows no AnsibleModule, whose run_command() bounds no time.
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                ["systemctl", *arguments], capture_output=True, encoding="utf-8", errors="replace", timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise OSError(0, "systemctl %s did not end within %d s" % (" ".join(arguments), SECONDS)) from None
        if done.returncode and not (arguments[0] == "stop" and _read(root, name) is None):  # what is not loaded cannot be stopped
            raise OSError(0, "systemctl %s: %s" % (" ".join(arguments), " ".join(done.stderr.split())))


def same(name: str, one: str, other: str) -> bool:
    """Tell whether two states are the same."""
    return one == other
