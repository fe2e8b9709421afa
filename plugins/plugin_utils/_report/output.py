# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a report goes: lines to Ansible's display, files to a folder of the controller, each whole or not at all.

Private to the collection.
"""

from __future__ import annotations

import os
import tempfile

from ansible.errors import AnsibleActionFail
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.terminal import Line

display = Display()

TONES = {"title": "bright blue", "strong": "normal", "dim": "dark gray", "good": "green", "warning": "yellow", "error": "red"}


def write_all(dest: str, contents: dict[str, bytes], option: str) -> list[str]:
    """Write {name: content} into a folder, which is made if there is none, and return the paths.

    A relative `dest` is below the current folder. Raises AnsibleActionFail, which names the option to change.
    """
    folder = os.path.abspath(os.path.expanduser(dest))
    paths = [os.path.join(folder, name) for name in contents]
    try:
        os.makedirs(folder, exist_ok=True)
        for path, content in zip(paths, contents.values()):
            write(path, content)
    except OSError as error:
        raise AnsibleActionFail(
            "The report cannot be written to %s: %s. Name a folder that you may write to in %s." % (folder, error.strerror or error, option)
        ) from None
    return paths


def write(path: str, content: bytes) -> None:
    """Put a file in place whole: a reader sees the old one or the new one. Its mode is what the umask leaves of 0666."""
    handle, name = tempfile.mkstemp(prefix=".front-tier.", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def show(lines: list[Line]) -> None:
    """Print lines, in colour where Ansible would print in colour."""
    display.display(
        "\n".join(
            "".join(
                stringc(text, TONES[tone]) if tone in TONES and tone != "strong" and text.strip() else text for text, tone in line
            ).rstrip()
            for line in lines
        )
    )
