# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section service_config of a change: files of a service, which checks them before they are written. Private to the collection."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal, Step
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted

if TYPE_CHECKING:
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.change import Change

SECTION = "service_config"
NOTHING = " Nothing was changed."
DROP_IN = re.compile(r"/etc/systemd/system/([\w:.\\@-]+\.service)\.d/[^/]+\.conf\Z", re.ASCII)


def wanted(change: Change, options: dict[str, Any]) -> list[Wanted]:
    """Return the files. Raises Refusal for a path that this section does not write."""
    folder = _folder(options)
    for path, text in options["files"].items():
        if os.path.normpath(path) != path or not (path.startswith(folder + "/") or DROP_IN.match(path)):
            raise Refusal(
                "files: %r is neither below folder %s nor a drop-in /etc/systemd/system/UNIT.service.d/NAME.conf.%s"
                % (path, folder, NOTHING)
            )
        if not isinstance(text, str):
            raise Refusal("files: %s is no text but %r. Write what the file has to hold.%s" % (path, text, NOTHING))
    if options["files"] and not change.root.exists(folder):
        raise Refusal("folder %s is not there. Install the service first.%s" % (folder, NOTHING))
    return [_as_it_was(change, one) if one.kind == "file" else one for one in change.files(options["files"])]


def _as_it_was(change: Change, one: Wanted) -> Wanted:
    """Return a file with the mode and the owners that it has: a site may have kept passwords in it from others."""
    now = change.value("file", one.name)
    kept = {key: now[key] for key in ("mode", "uid", "gid")} if now else {}
    return one._replace(value=dict(one.value, **kept))


def check(change: Change) -> None:
    """Have the service check its files as they will be, where any of them changes. Raises Refusal with what it says."""
    options = change.asked.get(SECTION)
    if not options or not options["validate"]:
        return
    folder = _folder(options)
    changed = {name: after for name, (before, after) in _changes(change).items() if before != after}
    if not any(name.startswith(folder + "/") for name in changed):
        return
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.validated import refused

    try:
        why = refused(change.root, folder, changed, _command(options["validate"]))
    except OSError as error:
        raise Refusal("folder %s %s. Give it unshare(1), mount(8) and the right to mount.%s" % (folder, error.strerror, NOTHING)) from None
    if why:
        raise Refusal('"%s" refuses the files as they would be: %s%s' % (options["validate"], why.rstrip(".") + ". Mend that.", NOTHING))


def _command(text: str) -> list[str]:
    """Return the words of a command. Raises Refusal for a text that is none."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Refusal("validate %r: %s. Write a command with its quotes in pairs.%s" % (text, error, NOTHING)) from None
    if not words:
        raise Refusal("validate %r is empty. Write the command that checks the configuration, or leave it out.%s" % (text, NOTHING))
    return words


def following(change: Change, steps: list[Step]) -> list[Step]:
    """Return the one reload that makes systemd take over drop-ins of this section."""
    ours = _changes(change)
    found = [DROP_IN.match(step.name) for step in steps if step.kind == "file" and step.name in ours]
    units = sorted({one.group(1) for one in found if one})
    if not units:
        return []
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import unit

    if not unit.runs(change.root):
        change.not_applied.append("systemd does not run here: it takes over %s when it starts" % ", ".join(units))
        return []
    return [Step("unit", " ".join(units), {}, {})]


def _folder(options: dict[str, Any]) -> str:
    folder = str(options["folder"] or "")
    if not folder.startswith("/") or os.path.normpath(folder) != folder or folder == "/":
        raise Refusal("folder %r: write the folder of the service's configuration, such as /etc/haproxy.%s" % (folder, NOTHING))
    return folder


def _changes(change: Change) -> dict[str, tuple[str | None, str | None]]:
    """Return {path: (text now, text as it will be)} of the files that this section manages, or managed so far."""
    entries = change.record["sets"].get(change.params["name"], {}).get(SECTION, {})
    names = {entry["name"] for entry in [*change.managed(SECTION).values(), *entries.values()] if entry["kind"] == "file"}
    texts = {}
    for name in names:
        now = change.value("file", name)
        after = change.targets.get(("file", name), now)
        texts[name] = (now["text"] if now else None, after["text"] if after else None)
    return texts
