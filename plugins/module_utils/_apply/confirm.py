# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that stays only if it is confirmed: its undo is armed on the host and needs nobody. Private to the collection.

The journal holds all steps, those that are live first, with the token of the confirmation. What is armed settles it, as the next run
would; it takes its code from a copy beside the journal, since a module's own files are gone when it ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import things, transaction
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.lock import locked
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import CEILINGS, Failed, Step, file_value
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

SCRIPT, CODE = transaction.UNDO
TIMER = "front-tier-undo"
REMEMBERED = ("file", "folder", "symlink", *things.FOLLOWING)  # kinds of things that wait for the confirmation
TEXT = """\
# Undoes a change that was not confirmed in time. Usage: undo.py SECONDS TOKEN TOP
import sys, time
sys.path.insert(0, %r)
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.confirm import expire
time.sleep(float(sys.argv[1]))
expire(sys.argv[2], sys.argv[3])
"""


def begin(root: Root, steps: list[Step], seconds: int) -> str | None:
    """Apply the live steps, with the undo of all armed before the first; return the token, None where nothing is live.

    Raises Failed.
    """
    live = [step for step in steps if not _waits_for_files(step)]
    later = [step for step in steps if _waits_for_files(step)]
    if not live:
        transaction.run(root, steps)
        return None
    token = os.urandom(8).hex()
    waiting = {"token": token, "live": len(live), "boot": _boot(root), "until": _now() + seconds}
    try:
        transaction.run(root, live + later, waiting, lambda: _arm(root, seconds, token))
    except BaseException:
        _disarm(root)
        raise
    return token


def _waits_for_files(step: Step) -> bool:
    """Tell whether a step has to wait: files do, and ceilings that fall, since files may still ask for more than they leave."""
    falls = step.kind == "sysctl" and step.name in CEILINGS and int(step.after or 0) < int(step.before or 0)
    return step.kind in REMEMBERED or falls


def confirm(root: Root, token: str) -> None:
    """Apply the steps that waited, and end the change. Raises Failed."""
    steps, waits = transaction.read_journal(root) or ([], None)
    if not waits or waits["token"] != token:  # the undo of a change that is not meant stays armed
        raise Failed("confirm_timeout: the confirmation came too late, and the change was undone. Allow more seconds. Nothing was changed.")
    try:
        transaction.go_on(root, steps, waits["live"])
    finally:
        _disarm(root)


def expire(token: str, top: str) -> None:
    """Undo the change of this token if it still waits."""
    root = Root(top)
    with locked(root, 600):
        waiting = transaction.waiting(root)
        if waiting and waiting["token"] == token:
            transaction.settle(root)


def _arm(root: Root, seconds: int, token: str) -> None:
    """Start what undoes the change: a timer of systemd, else a process of a session of its own. Raises OSError."""
    archive = getattr(getattr(sys.modules[__name__], "__loader__", None), "archive", None)
    source = root.path(CODE) if archive else re.sub(r"/ansible_collections/.*", "", os.path.abspath(__file__))
    if archive:
        with open(archive, "rb") as file:
            code = file.read().decode("utf-8", "surrogateescape")
        things.write(root, "file", CODE, file_value(code, 0o600))
    things.write(root, "file", SCRIPT, file_value(TEXT % source, 0o600))
    command = [sys.executable, "-B", root.path(SCRIPT)]
    quiet = subprocess.DEVNULL
    if root.exists("/run/systemd/system"):
        _systemctl("stop", TIMER + ".timer")
        timer = ["systemd-run", "--quiet", "--collect", "--unit=" + TIMER, "--on-active=%d" % seconds, "--timer-property=AccuracySec=100ms"]
        # _apply knows no AnsibleModule, whose run_command() bounds no time.
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                [*timer, *command, "0", token, root.top or "/"], stdin=quiet, capture_output=True, encoding="utf-8", timeout=30, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(0, "systemd-run does not end") from error
        if done.returncode:
            raise OSError(0, "systemd-run: %s" % " ".join(done.stderr.split()))
        return
    subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
        [*command, str(seconds), token, root.top or "/"], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, cwd="/"
    )


def _disarm(root: Root) -> None:
    """Stop the timer; a process of ours finds nothing that waits, and ends."""
    if root.exists("/run/systemd/system"):
        _systemctl("stop", TIMER + ".timer")
    transaction.clear_undo(root)


def _systemctl(*arguments: str) -> None:
    """Ask systemd for what may have been done already."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # the token decides, not the timer
        subprocess.run(["systemctl", *arguments], capture_output=True, timeout=30, check=False)  # pylint: disable=ansible-bad-function


def _boot(root: Root) -> Any:
    return root.text("/proc/sys/kernel/random/boot_id")


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def waits(root: Root) -> bool:
    """Tell whether a change waits for its confirmation and still can get it."""
    waiting = transaction.waiting(root)
    return bool(waiting and waiting["boot"] == _boot(root) and _now() < waiting["until"])
