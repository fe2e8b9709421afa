# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host that are asked where no file tells: bounded in time and size. Private to the collection."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, absent_for


def run(*command: str, seconds: float = 3.0, most: int = 2 << 20) -> Any:
    """Return what a program prints, or the absence: not there, failed, too slow, or more than `most` bytes."""
    environment = dict(os.environ, LC_ALL="C", PATH=os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin")
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        # _read knows no AnsibleModule, whose run_command() bounds neither time nor output.
        process = subprocess.Popen(command, stdin=quiet, stdout=pipe, stderr=quiet, env=environment)  # pylint: disable=ansible-bad-function
    except FileNotFoundError:
        return absent("unknown", "%s: not installed" % command[0])
    except OSError as error:
        return absent_for(error, command[0])
    with process:
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        output = process.stdout.read(most + 1) if process.stdout else b""
        if len(output) > most:
            process.kill()
        status = process.wait()
        timer.cancel()
    if status or len(output) > most:
        why = "too much output" if len(output) > most else "no end in time" if status < 0 else "exit status %d" % status
        return absent("unreadable", "%s: %s" % (" ".join(command[:4]), why))
    return output.decode("utf-8", "replace")
