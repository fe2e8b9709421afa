# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction: all steps or none, with the undo on disk before the first write. Private to the collection.

The journal is the list of steps. Undo writes the recorded values, never differences, so it can be repeated at any point; whoever
finds a journal undoes all of it, also steps that never ran, and then takes it away.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any, Callable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import things
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Failed, Refusal, Step, file_value
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.unfinished import FOLDER, JOURNAL, KEPT

UNDO = (FOLDER + "/undo.py", FOLDER + "/undo.zip")  # what an armed undo runs (_apply/confirm.py)
VERSION = 1
NOTHING = " Nothing was changed."


class Undone(NamedTuple):
    """What came of an undo, in words. trouble: what could not be restored, and may be later; left: what never will be as before."""

    trouble: list[str]
    left: list[str]


def parse_journal(text: str) -> tuple[list[Step], dict[str, Any] | None]:
    """Return the steps of a journal, and what it says of a confirmation that the change waits for. Raises ValueError."""
    journal = json.loads(text)
    if not isinstance(journal, dict) or journal.get("version") != VERSION or not isinstance(journal.get("steps"), list):
        raise ValueError("it is no journal of version %d" % VERSION)
    for step in journal["steps"]:
        if not isinstance(step, list) or len(step) != 4 or not isinstance(step[0], str) or not isinstance(step[1], str):
            raise ValueError("it has a step that is none")
    waits = journal.get("waiting")
    if waits is not None and not (isinstance(waits, dict) and {"token", "live", "boot", "until"} <= set(waits)):
        raise ValueError("it waits for nothing that is known")
    return [Step(*step) for step in journal["steps"]], waits


def read_journal(root: Root) -> tuple[list[Step], dict[str, Any] | None] | None:
    """Return what parse_journal() does of the journal of a host, None where there is none. Raises Failed."""
    text = things.read(root, "file", [JOURNAL])[JOURNAL]
    try:
        return parse_journal(text["text"]) if text else None
    except ValueError as error:
        raise Failed(
            "%s cannot be understood (%s): an earlier change did not end. Look at it, then remove it." % (JOURNAL, error)
        ) from error


def settle(root: Root) -> tuple[list[Step], list[str]]:
    """Undo a change that did not end, if there is one; return its steps, and what is not as before all the same. Raises Failed."""
    journal = read_journal(root)
    if journal is None:
        things.clean_up(root, "file", JOURNAL)
        clear_undo(root)
        return [], []
    steps = journal[0]
    trouble, left = undo(root, steps)
    if trouble:
        raise Failed(
            "An earlier change did not end, and undoing it failed: %s. %s is kept: the next run tries again. "
            "If it never can, put that right by hand and remove the file." % ("; ".join(trouble), JOURNAL)
        )
    things.write(root, "file", JOURNAL, None)
    clear_undo(root)
    return steps, left


def clear_undo(root: Root) -> None:
    """Take away the script of an armed undo and its code, and a journal that was kept; also what a killed run left of them."""
    for path in (*UNDO, KEPT):
        things.clean_up(root, "file", path)
        if root.exists(path):
            things.write(root, "file", path, None)


def undo(root: Root, steps: list[Step]) -> Undone:
    """Give every thing the value it had before, the last step first.

    A thing whose carrier is gone went with it, and a folder that others use stays: neither can be restored, and both are told.
    """
    trouble: list[str] = []
    left: list[str] = []
    routes = things.routes_beside(steps)
    back = [step for following in (False, True) for step in reversed(steps) if (step.kind in things.FOLLOWING) == following]
    for kind, together in itertools.groupby(back, key=lambda step: step.kind):
        values = {step.name: step.before for step in together}
        for name in values:
            things.clean_up(root, kind, name)
        off = _restore(root, kind, values)
        for name, why in off.items():
            reason = things.why_left(root, kind, name, values[name])
            (left if reason else trouble).append("%s %s: %s" % (kind, name, reason or why))
    left += ["route %s: it went with an address or interface of the change" % one for one in routes - things.routes_beside(steps)]
    return Undone(trouble, left)


def _restore(root: Root, kind: str, values: dict[str, Any]) -> dict[str, str]:
    """Write the values of things of one kind; return {name: why} of those that do not have theirs in the end.

    What is off after a first round is written once more: with some sysctls the kernel writes others (_plan/sysctls.py).
    """
    errors: dict[str, str] = {}
    derived = kind in things.REFRESHED
    for _turn in range(1 if derived else 2):
        try:
            off = values if derived else _off(root, kind, values)
        except OSError:
            off = values  # what cannot be read is written all the same
        for name in off:
            try:
                things.write(root, kind, name, values[name])
            except OSError as error:
                errors[name] = str(error.strerror or error)
    if derived:
        return errors
    try:
        return {name: errors.get(name, "it does not keep its value") for name in _off(root, kind, values)}
    except OSError as error:
        return dict.fromkeys(values, str(error.strerror or error))


def _off(root: Root, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return {name: value now} of the things of one kind that do not have the values given. Raises OSError."""
    now = things.read(root, kind, values) if values else {}
    return {name: now[name] for name, value in values.items() if not things.same(kind, name, now[name], value)}


def run(
    root: Root,
    steps: list[Step],
    waiting: dict[str, Any] | None = None,
    arm: Callable[[], None] = lambda: None,
    keep_for: str | None = None,
) -> None:
    """Apply the steps in order and read each back; undo all of them where one fails or the process is told to end.

    Raises Failed. The journal is on disk before the first write and gone after the last. With `waiting` (_apply/confirm.py) only the
    first steps are applied, after `arm`, and the journal stays for the rest. With `keep_for`, a set, it is kept for take_up().
    """
    if not steps:
        return
    if things.read(root, "folder", [FOLDER])[FOLDER] is None:
        things.write(root, "folder", FOLDER, 0o700)
    begun: list[Step] = []
    try:
        _write_journal(root, JOURNAL, steps, **({"waiting": waiting} if waiting else {}))
        arm()
        _apply(root, steps[: waiting["live"]] if waiting else steps, begun)
        if keep_for:
            _write_journal(root, KEPT, steps, set=keep_for)
        if not waiting:
            things.write(root, "file", JOURNAL, None)
    except BaseException as error:
        _give_up(root, steps, begun, error)
        raise


def kept_steps(root: Root, name: str) -> list[Step]:
    """Return the steps of the last change, which has to be one of this set whose journal was kept, and in force. Raises Refusal."""
    kept = things.read(root, "file", [KEPT])[KEPT]
    try:
        steps = parse_journal(kept["text"])[0] if kept and json.loads(kept["text"]).get("set") == name else None
    except ValueError as error:
        raise Refusal("undo now: %s cannot be understood (%s). Remove it.%s" % (KEPT, error, NOTHING)) from error
    if steps is None:
        raise Refusal("undo now: the last change of this host was none of set %s with undo: keep.%s" % (name, NOTHING))
    others = sorted(_off(root, "file", {step.name: step.after for step in steps if step.kind == "file"}))
    if others and not root.exists(JOURNAL):  # else it is this very change, half undone
        raise Refusal("undo now: others have changed %s since. Put that right by hand.%s" % (", ".join(others), NOTHING))
    return steps


def take_up(root: Root, steps: list[Step]) -> None:
    """Make a change that has ended one that did not: settle() then undoes it, now or in a later run. Raises OSError."""
    _write_journal(root, JOURNAL, steps)


def _write_journal(root: Root, path: str, steps: list[Step], **more: Any) -> None:
    """Write steps, and what more is to be known of them, as parse_journal() reads them. Raises OSError."""
    things.write(root, "file", path, file_value(json.dumps({"version": VERSION, "steps": steps, **more}, indent=1), 0o600))


def waiting(root: Root) -> dict[str, Any] | None:
    """Return what the journal says of a change that waits for its confirmation, None where none does."""
    try:
        journal = read_journal(root)
    except Failed:
        return None  # settle() says what is wrong with it
    return journal[1] if journal else None


def go_on(root: Root, steps: list[Step], live: int) -> None:
    """Apply the steps of a change that waited, after the first ones, which are live; and end it. Raises Failed."""
    begun = steps[:live]
    try:
        _apply(root, steps[len(begun) :], begun)
        things.write(root, "file", JOURNAL, None)
    except BaseException as error:
        _give_up(root, steps, begun, error)
        raise


def _apply(root: Root, steps: list[Step], begun: list[Step]) -> None:
    """Write things and read them back; `begun` gets each step before it is made. Raises OSError."""
    for kind, group in itertools.groupby(steps, key=lambda step: step.kind):
        wanted = {}
        for step in group:
            begun.append(step)
            things.write(root, kind, step.name, step.after)
            wanted[step.name] = step.after
        for name, seen in _off(root, kind, wanted).items():
            raise OSError(0, "wrote %s to %s, reads back %s" % (_short(wanted[name]), name, _short(seen)))


def _give_up(root: Root, steps: list[Step], begun: list[Step], error: BaseException) -> None:
    """Undo what was begun and say so; a request to end the process goes on after it."""
    rest = itertools.takewhile(lambda step: begun and step.kind == begun[-1].kind, steps[len(begun) :])
    trouble, left = undo(root, [*begun, *rest])  # with its kind: the kernel writes some sysctls along with others
    if not trouble:
        with contextlib.suppress(OSError):
            if root.exists(KEPT):
                things.write(root, "file", KEPT, None)
            things.write(root, "file", JOURNAL, None)
    if not isinstance(error, OSError):
        return
    step = begun[-1] if begun else None
    where = "step %d of %d (%s %s)" % (len(begun), len(steps), step.kind, step.name) if step else "writing %s" % JOURNAL
    ending = (
        "All of it was undone: the host is as before%s." % (", but for " + "; ".join(left) if left else "")
        if not trouble
        else ("Undoing failed too: %s. %s is kept: the next run settles it." % ("; ".join(trouble), JOURNAL))
    )
    raise Failed("%s failed: %s. %s" % (where, error.strerror or error, ending)) from error


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
