# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's own check of a configuration as it will be, before any of it is written. Private to the collection.

The folder is copied with the changes in it and mounted over the real one in a mount namespace that only the check sees. So
includes, certificates and the files of others count as they will, and nothing of it is visible outside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

MOST_SECONDS = 60
NOT_MOUNTED = 250  # an exit status that neither mount(8) nor a check of a configuration has
GUARDED = 'mount --bind "$1" "$2" || exit %d; shift 2; exec "$@"' % NOT_MOUNTED


def refused(root: Root, folder: str, changed: dict[str, str | None], command: list[str]) -> str | None:
    """Return what the command says against the folder with these files, {path: text, None where it goes}; None where it succeeds.

    Raises OSError where the check cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="front-tier-", dir="/run" if os.path.isdir("/run") else None) as made:
        copy = os.path.join(made, "copy")
        shutil.copytree(root.path(folder), copy, symlinks=True, ignore=_special)
        for path, text in changed.items():
            if path.startswith(folder + "/"):
                _put(copy, root.path(folder), path[len(folder) :], text)
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", GUARDED, "sh", copy, folder, *command]
        environment = dict(os.environ, LC_ALL="C", PATH=os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin")
        try:
            # _apply knows no AnsibleModule
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired:
            return "no end after %d s" % MOST_SECONDS
    said = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
    if done.returncode == NOT_MOUNTED or said.startswith("unshare:"):
        raise OSError(0, "cannot be checked before it is in place: %s" % said)
    return None if done.returncode == 0 else said or "exit status %d" % done.returncode


def _special(folder: str, names: list[str]) -> list[str]:
    """Return what is neither a file, a folder nor a link: no configuration."""
    paths = {name: os.path.join(folder, name) for name in names}
    return [name for name, path in paths.items() if not (os.path.islink(path) or os.path.isfile(path) or os.path.isdir(path))]


def _put(copy: str, folder: str, path: str, text: str | None) -> None:
    """Write or take away a file of the copy. A link on the way becomes a copy of what it leads to: that itself is not to be written."""
    for inner in [path[:place] for place, letter in enumerate(path) if letter == "/" and place]:
        if os.path.islink(copy + inner):
            os.unlink(copy + inner)
            shutil.copytree(os.path.realpath(folder + inner), copy + inner, symlinks=True, ignore=_special)
    if os.path.lexists(copy + path):
        os.unlink(copy + path)
    if text is None:
        return
    os.makedirs(os.path.dirname(copy + path), exist_ok=True)
    with open(copy + path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
