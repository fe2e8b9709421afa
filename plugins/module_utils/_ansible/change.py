# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change as a module makes it: options in, plan, transaction, result out. Private to the collection."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from typing import TYPE_CHECKING, Any, Callable, Iterable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import MANY, SECTIONS, specification
from ansible_collections.c10m.front_tier.plugins.module_utils._apply import things
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import folder as folders
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.lock import locked
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import sysctl_d
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import CEILINGS, Failed, Refusal, Step, file_value, plain, shown
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sets, sysctls
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted
from ansible_collections.c10m.front_tier.plugins.module_utils._read.container import read_container
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, sysctl_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.sysctl_files import key_name, key_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.unfinished import FOLDER, JOURNAL, KEPT

if TYPE_CHECKING:  # found by their names: what is imported anywhere travels with a module
    from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.sections import (  # noqa: F401
        fd_limits,
        kernel_settings,
        port_range,
        secondary_interfaces,
        service_config,
        transparent_routing,
    )

# A section says what it wants: wanted(change, options) -> [Wanted]; where it has relations to check, check(change); and
# where something follows from the steps, following(change, steps) -> [Step] of a kind of things.FOLLOWING.
# Where not all of it may go at once when it ends: ended(change) -> [Wanted] that stays.
# The order of a transaction, by phase, which is the kind of a thing but for the ceilings that files and processes must stay below:
# they rise before them and fall after them. What follows from files comes last of all.
ORDER = (
    "rising",
    "file",
    "symlink",
    "sysctl",
    "link",
    "leaving",
    "address",
    "local_route",
    "parting",
    "route",
    "rule",
    "nft_table",
    "process",
    "falling",
    "service",
)
# Interfaces are there before their addresses and go after them; addresses go before others come, since IPv6 has none twice.
PHASES = {"rising": "sysctl", "falling": "sysctl", "leaving": "address", "parting": "link"}
TEXTS = ("files", "service_config")  # options that hold the texts of files
FILES = "_files"  # the section of the record in which a set's own files stand
MOST_SECONDS = 3600  # that a change may wait for its confirmation
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def section_file(name: str) -> Any:
    """Return the file of a section, imported only where a change has to do with it."""
    return importlib.import_module("%s.sections.%s" % (__name__.rpartition(".")[0], name))


class Change:
    """One run: what was asked, what the host has, and what follows of it."""

    def __init__(self, root: Root, params: dict[str, Any], record: dict[str, Any], asked: dict[str, Any]) -> None:
        self.root, self.params, self.asked = root, params, asked
        self.warnings: list[str] = []
        self.not_applied: list[str] = []
        self.needs_restart: list[str] = []
        self.left: list[dict[str, Any]] = []
        self.container = bool(read_container(root))
        self.record = self.before_record = record
        self.targets: dict[tuple[str, str], Any] = {}
        self.raised: set[str] = set()  # other sets of which a ceiling was raised together with ours
        self.rewritten: set[tuple[str, str]] = set()  # what is written even if it has its value: the kernel changes it meanwhile
        self.current: dict[tuple[str, str], Any] = {}
        self._read: dict[Callable[..., Any], Any] = {}

    def once(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a reader of the host gives, which is asked only once: nothing is written while a change is planned."""
        if read not in self._read:
            self._read[read] = read(*arguments)
        return self._read[read]

    def value(self, kind: str, name: str) -> Any:
        """Return the value of a thing now, read once."""
        self.look(kind, [name])
        return self.current[kind, name]

    def look(self, kind: str, names: Iterable[str]) -> None:
        """Read the values of things of one kind, all at once, that were not read before."""
        missing = [name for name in names if (kind, name) not in self.current]
        if missing:
            self.current.update({(kind, name): value for name, value in things.read(self.root, kind, missing).items()})

    def managed(self, section: str) -> dict[str, Any]:
        """Return {key of a thing: entry} of what a section of this set manages so far."""
        return dict(self.before_record["sets"].get(self.params["name"], {}).get(section, {}))

    def settled(self, name: str) -> str:
        """Return a sysctl's text as it will be, as far as the sections before have said."""
        return self.targets.get(("sysctl", name), self.value("sysctl", name)) or ""

    def modes(self, options: dict[str, Any]) -> tuple[bool, bool]:
        """Return whether a section sets live values, and whether it keeps them: its own words win."""
        live, persist = options.get("live"), options.get("persist")
        return (self.params["live"] if live is None else live, self.params["persist"] if persist is None else persist)

    def plan(self) -> list[Step]:
        """Return the steps from the host as it is to what was asked. Raises Refusal; touches nothing."""
        for section, options in self.asked.items():
            self._settle_section(section, self._wanted(section, options))
        for name in [name for kind, name in self.targets if kind == "sysctl" and name in sysctls.SPREADING]:
            self._settle_along(name)
        for owner in sorted(self.raised):
            self._write_again(owner)
        self._settle_section(FILES, self._files())
        for one in self._involved():
            if hasattr(one, "check"):
                one.check(self)
        return self._steps()

    def _involved(self) -> list[Any]:
        """Return the sections that were asked for, and those that watch a sysctl which changes."""
        kept = [set(sets.kept(record, self.params["name"], "sysctl").items()) for record in (self.before_record, self.record)]
        changed = {name for kind, name in self.targets if kind == "sysctl"} | {name for name, _value in kept[0] ^ kept[1]}
        names = {*self.asked, *(sysctls.WATCHED.get(name) for name in changed)}
        return [section_file(name) for name in SECTIONS if name in names]

    def _wanted(self, section: str, options: Any) -> list[Wanted]:
        one = section_file(section)
        if options is not None:
            return list(one.wanted(self, options))
        return list(one.ended(self)) if hasattr(one, "ended") else []

    def sysctls(self, given: dict[Any, Any], options: dict[str, Any]) -> list[Wanted]:
        """Return the sysctls of a section, {name in any spelling: value}, checked. Raises Refusal."""
        settings = sysctls.parse_settings(given, key_path, key_name)
        live, persist = self.modes(options)
        usable = self._available(settings, live)
        for name in usable:
            now = self.value("sysctl", name)
            if now is not None:
                sysctls.check_kind(name, settings[name], now)
        found = [Wanted("sysctl", name, settings[name], persist, live) for name in usable]
        return found if sysctls.OTHER.keys().isdisjoint(usable) else self._paired(found)

    def _paired(self, found: list[Wanted]) -> list[Wanted]:
        """Return sysctls with the halves of pairs that the kernel makes 0 with them, which no file keeps. Raises Refusal."""
        given = {one.name: one for one in found}
        halves = {other: sysctls.OTHER[other] for other in (sysctls.OTHER[name] for name in given if name in sysctls.OTHER)}
        now = {name: self.value("sysctl", name) or "0" for pair in halves.items() for name in pair}
        zero = sysctls.check_pairs({name: one.value for name, one in given.items()}, now)
        return [one for one in found if one.name not in zero] + [
            Wanted("sysctl", name, "0", False, given[halves[name]].live) for name in sorted(zero)
        ]

    def files(self, texts: dict[str, str]) -> list[Wanted]:
        """Return files of our own with these texts, and the folders that they need and that are not there or are ours."""
        return self._folders_for(texts) + [Wanted("file", where, file_value(text)) for where, text in sorted(texts.items())]

    def links(self, links: dict[str, str]) -> list[Wanted]:
        """Return symbolic links of our own, {path: what it says}, and the folders that they need."""
        return self._folders_for(links) + [Wanted("symlink", where, says) for where, says in sorted(links.items())]

    def _folders_for(self, paths: Iterable[str]) -> list[Wanted]:
        paths = sorted(paths)
        for path in paths:
            others = folders.of_others(self.root, path)
            if others:
                raise Refusal(
                    "%s cannot be written: %s, and whoever may write there could lead it elsewhere. Give that folder to root "
                    "(chown root, chmod go-w).%s" % (path, others, sysctls.NOTHING)
                )
        ours = {
            entry["name"]
            for rows in sets.entries(self.before_record).values()
            for _set, _section, entry in rows
            if entry["kind"] == "folder"
        }
        found: set[str] = set()
        for place in {os.path.dirname(path) for path in paths}:
            while place not in found and (place in ours or self.value("folder", place) is None):
                found.add(place)
                place = os.path.dirname(place)
        return [Wanted("folder", place, 0o755) for place in sorted(found)]

    def _available(self, settings: dict[str, str], live: bool) -> list[str]:
        """Return the names that can be set here. Raises Refusal for the others, all of them named, unless they are to be skipped."""
        reasons = {name: self.why_not(name, live) for name in settings}
        unavailable = ["%s %s" % (name, why) for name, why in reasons.items() if why]
        if unavailable and not self.params["skip_unavailable"]:
            raise Refusal(
                "settings: %s. Leave out what cannot be set here, or say skip_unavailable: true.%s"
                % ("; ".join(unavailable), sysctls.NOTHING)
            )
        self.not_applied += unavailable
        return [name for name, why in reasons.items() if not why]

    def why_not(self, name: str, live: bool) -> str | None:
        """Return why a sysctl cannot be set on this host, None where it can."""
        path = self.root.path(sysctl_path(name))
        if self.container and sysctls.scope_of(name) == "kernel":
            return "belongs to the machine around this container: set it there"
        if self.value("sysctl", name) is None:
            module = "nf_conntrack is not loaded" if ".nf_conntrack" in name else "this kernel has no such sysctl here"
            return "is not there (%s)" % module
        if live and not _writable(path):
            return "takes root: say become: true" if os.geteuid() else "is read-only here"
        return None

    def _settle_section(self, section: str, wanted: list[Wanted]) -> None:
        places = [(one.kind, one.name) for one in wanted] + [(entry["kind"], entry["name"]) for entry in self.managed(section).values()]
        for kind in sorted({kind for kind, _name in places}):
            self.look(kind, [name for other, name in places if other == kind])
        handed = {place: self.targets[place] for place in places if place in self.targets}  # what a section before gave back
        outcome = sets.reconcile(self.record, self.params["name"], section, wanted, {**self.current, **handed}, things.same)
        self.record = outcome.record
        self.targets.update(outcome.targets)
        self.left += outcome.left

    def _settle_along(self, name: str) -> None:
        """Settle what the kernel writes together with a sysctl that changes.

        What a set of ours manages stays. The rest becomes what the kernel makes of it, and comes back as it was before we came, but for
        what others changed since.
        """
        now, will = self.value("sysctl", name), self.targets["sysctl", name]
        if now is None or will is None or things.same("sysctl", name, now, will):
            return
        folder = os.path.dirname(sysctl_path(sysctls.SPREADING[name])).rpartition("/")[0]
        interfaces = [key_name(one) for one in self.root.names(folder)]
        before, after = (sysctls.written_with(name, value, interfaces) for value in (now, will))
        self.look("sysctl", before)
        current = {one: self.current["sysctl", one] for one in before if self.current["sysctl", one] is not None}
        managed, known = sets.entries(self.record), sets.entries(self.before_record).get("sysctl " + name, [])
        staying = managed.get("sysctl " + name, [])
        along = known[0][2].get("along", {}) if known else {}
        kept = {}
        for one, value in current.items():
            last = self.targets.get(("sysctl", one), value)
            if "sysctl " + one in managed or not staying and last != before[one]:
                kept[one] = last
            else:
                kept[one] = self.targets.get(("sysctl", one), after[one]) if staying else along.get(one, after[one])
        for one in sysctls.written_after(before, after, current, kept):
            self.targets["sysctl", one] = kept[one]
            self.rewritten.add(("sysctl", one))
        for _set, _section, entry in staying:
            entry.setdefault("along", {one: value for one, value in current.items() if value != before[one]})

    def _write_again(self, owner: str) -> None:
        """Have another set's file keep what was raised of it; it may sort after ours."""
        settings = sets.kept(self.record, owner, "sysctl")
        for entry in self.record["sets"][owner].get(FILES, {}).values():
            if entry["kind"] == "file" and entry["name"].startswith(sysctl_d.SYSCTL_D):
                entry["value"]["text"] = sysctl_d.files_for(owner, entry["name"], settings)[entry["name"]]
                self.look("file", [entry["name"]])
                self.targets["file", entry["name"]] = entry["value"]

    def _files(self) -> list[Wanted]:
        """Return the files of the set as they will be. Raises Refusal where a later file would win at the next boot."""
        name = self.params["name"]
        settings = sets.kept(self.record, name, "sysctl")
        managed = [entry["name"] for entry in self.managed(FILES).values() if entry["kind"] == "file"]
        path = next((one for one in managed if one.startswith(sysctl_d.SYSCTL_D)), sysctl_d.file_of(name))
        files = sysctl_d.files_for(name, path, settings)
        losing = self._losing(settings, files, managed)
        if losing and self.params["on_override"] == "outrank":
            path = sysctl_d.outranking_file(self.root, name)
            files = sysctl_d.files_for(name, path, settings)
            losing = self._losing(settings, files, managed)
        asked = [text for one, text in losing.items() if one in self._kept_now()]  # of what was asked before, somebody has been told
        if asked and self.params["on_override"] != "warn":
            text = "At the next boot %s. Remove that line, or say on_override: outrank (or warn).%s"
            raise Refusal(text % ("; ".join(asked), sysctls.NOTHING))
        if losing:
            self.warnings.append("At the next boot %s." % "; ".join(losing.values()))
        return self.files(files)

    def _kept_now(self) -> set[str]:
        """Return the sysctls that this very call asks to be kept over a restart."""
        sections = self.record["sets"].get(self.params["name"], {})
        entries = [entry for name, options in self.asked.items() if options for entry in sections.get(name, {}).values()]
        return {entry["name"] for entry in entries if entry["kind"] == "sysctl" and entry["persist"]}

    def _losing(self, settings: dict[str, str], files: dict[str, str], managed: list[str]) -> dict[str, str]:
        """Return {name: in words} of the settings that the next boot would not keep although `files` are in place."""
        if not settings:
            return {}
        others = {name: value["text"] if value else None for (kind, name), value in self.targets.items() if kind == "file"}
        planned: dict[str, str | None] = {**others, **dict.fromkeys(managed), **files}
        decided, nothing = sysctl_d.boot_values(self.root, planned, list(settings), self.container)
        if nothing:
            self.not_applied = [*self.not_applied, *([nothing] if nothing not in self.not_applied else [])]
            return {}
        losing = {}
        for name, value in settings.items():
            decision = decided.get(name, {"value": None, "source": "no file", "lost": None})
            if decision["lost"]:
                losing[name] = "%s is lost (%s)" % (name, decision["lost"])
            elif not things.same("sysctl", name, decision["value"], value):
                losing[name] = "%s sets %s to %s" % (decision["source"], name, decision["value"])
        return losing

    def _steps(self) -> list[Step]:
        """Return the steps: what remembers first, then files, then live values in the order in which the kernel takes them."""
        steps = []
        if self.record != self.before_record:
            before = self.value("file", sets.RECORD)
            after = file_value(sets.record_text(self.record), 0o600) if self.record["sets"] else None
            steps.append(Step("file", sets.RECORD, before, after))
        changed: dict[str, dict[str, Any]] = {}
        for (kind, name), value in self.targets.items():
            if (kind, name) in self.rewritten or not things.same(kind, name, self.value(kind, name), value):
                changed.setdefault(self._phase(kind, name, value), {})[name] = value
        folders = changed.pop("folder", {})
        taken = {**changed.get("file", {}), **changed.get("symlink", {})}
        made = sorted(name for name, value in folders.items() if value is not None)
        gone = []
        for name in sorted(set(folders) - set(made), reverse=True):
            if self._emptied(name, taken):
                taken[name] = None
                gone.append(name)
        steps += [Step("folder", name, self.value("folder", name), folders[name]) for name in made]
        for phase in sorted(changed, key=ORDER.index):
            kind = PHASES.get(phase, phase)
            steps += [Step(kind, name, self.value(kind, name), changed[phase][name]) for name in self._in_order(kind, changed[phase])]
        steps += [Step("folder", name, self.value("folder", name), None) for name in gone]
        for one in self._involved():
            if hasattr(one, "following"):
                steps += one.following(self, steps)
        return steps

    def _phase(self, kind: str, name: str, value: Any) -> str:
        if value is None and kind in ("address", "link"):
            return "leaving" if kind == "address" else "parting"
        if kind != "sysctl" or name not in CEILINGS:
            return kind
        return "rising" if int(self.settled(name) or 0) > int(self.value(kind, name) or 0) else "falling"

    def _in_order(self, kind: str, values: dict[str, Any]) -> list[str]:
        if kind != "sysctl":
            return sorted(values)
        raising = int(self.settled(sysctls.START) or 0) > int(self.value("sysctl", sysctls.START) or 0)
        ordered = sysctls.in_order(list(values), raising)
        return sorted(ordered, key=lambda name: name in sysctls.OTHER and values[name] == "0")  # the other half makes it so

    def _emptied(self, folder: str, files: dict[str, Any]) -> bool:
        """Tell whether a folder holds nothing but files that this run takes away."""
        return all(files.get("%s/%s" % (folder, name), "stays") is None for name in self.root.names(folder))


def _writable(path: str) -> bool:
    try:
        return os.access(path, os.W_OK) and not os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError:
        return False


class Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """A module whose entry in the host's log has no texts of files: passwords may be in them, and a log has other readers than they."""

    def log(self, msg: str, log_args: dict[str, Any] | None = None) -> None:
        """Log, as every module does."""
        super().log(*loggable(msg, log_args))


def loggable(msg: str, log_args: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    """Return what a module is about to log of its options, without the texts of files."""
    if not log_args or not set(log_args) & set(TEXTS):
        return msg, log_args
    kept = {name: "NOT_LOGGING_PARAMETER" if name in TEXTS else value for name, value in log_args.items()}
    return "Invoked with %s" % " ".join("%s=%s" % one for one in kept.items()), kept


def run(section: str | None) -> None:
    """Make the change that a module was asked for, or show it in check mode, and end the module."""
    module = Module(argument_spec=specification(section), supports_check_mode=True)
    try:
        result = change(module.params, section, module.check_mode)
        for warning in result.pop("warnings"):
            module.warn(warning)
        module.exit_json(**result)
    except (Refusal, Failed, OSError) as error:
        module.fail_json(msg=said(error))


def said(error: Exception) -> str:
    """Return the message of a failure; of one that the system reports, before anything was written, with what to do."""
    if not isinstance(error, OSError):
        return str(error)
    text = "%s%s" % ("%s: " % error.filename if error.filename else "", error.strerror or error)
    if isinstance(error, PermissionError) and os.geteuid():
        return "%s. Changing this host takes root: say become: true.%s" % (text, sysctls.NOTHING)
    return "%s. Put that right, then run this again.%s" % (text, sysctls.NOTHING)


def asked_of(params: dict[str, Any], section: str | None, record: dict[str, Any]) -> dict[str, Any]:
    """Return {section: options}, options None where the section is to end."""
    absent = params["state"] == "absent"
    if section:
        options = {key: params[key] for key in SECTIONS[section]}
        return {section: None if absent else [options] if section in MANY else options}
    named = [name for name in SECTIONS if params[name] is not None]
    if absent:
        managed = [name for name in SECTIONS if name in record["sets"].get(params["name"], {})]
        return dict.fromkeys(named or managed)
    if not named:
        raise Refusal("host_config names no section. Name one of %s.%s" % (", ".join(SECTIONS), sysctls.NOTHING))
    return {name: params[name] for name in named}


def change(params: dict[str, Any], section: str | None, check: bool, root: Root | None = None) -> dict[str, Any]:
    """Return the result of a run. Raises Refusal, where nothing was touched, and Failed."""
    root = root or Root()
    if not NAME.match(params["name"]):
        raise Refusal("name %r: it must be 1 to 64 letters, digits, - and _.%s" % (params["name"], sysctls.NOTHING))
    if not 0 <= params.get("confirm_timeout", 0) <= MOST_SECONDS:
        text = "confirm_timeout %d: give 1 to %d seconds, or 0 for a change that needs no confirmation.%s"
        raise Refusal(text % (params["confirm_timeout"], MOST_SECONDS, sysctls.NOTHING))
    if params.get("undo") and params.get("confirm_timeout"):
        text = "undo %s: a change with confirm_timeout has an undo of its own. Give one of both.%s"
        raise Refusal(text % (params["undo"], sysctls.NOTHING))
    _check_state(root)
    if params.get("undo") == "now":
        return _undone(root, params, check)
    if check:
        return _result(*_planned(root, params, section))
    seconds, confirmation = params.get("confirm_timeout", 0), params.get("confirmation")
    token = None
    with locked(root, params["lock_timeout"]):
        if confirmation:
            return _confirmed(root, confirmation)
        _wait_for_no_other(root)
        settled, gone = _settled(root)
        made, steps = _planned(root, params, section)
        if seconds:
            from ansible_collections.c10m.front_tier.plugins.module_utils._apply import confirm

            token = confirm.begin(root, steps, seconds)
        elif steps:
            from ansible_collections.c10m.front_tier.plugins.module_utils._apply import transaction

            transaction.run(root, steps, keep_for=params["name"] if params.get("undo") == "keep" else None)
    result = dict(_result(made, steps), **({"unconfirmed": token} if token else {}))
    if settled:
        but = "; what is not as before: %s" % "; ".join(gone) if gone else ""
        result["warnings"].append("An earlier change did not end; its %d steps were undone first%s." % (len(settled), but))
        result["changed"] = True
    return result


def _undone(root: Root, params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Undo the last change of the host, which was kept; return what the module returns. Raises Refusal and Failed."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply import transaction

    with locked(root, params["lock_timeout"]) if not check else contextlib.nullcontext():
        steps = transaction.kept_steps(root, params["name"])
        left: list[str] = []
        if not check:
            transaction.take_up(root, steps)
            left = transaction.settle(root)[1]
    made = Change(root, params, sets.parse_record(""), {})
    made.warnings += ["What is not as before: %s." % "; ".join(left)] if left else []
    return _result(made, [step.undone() for step in reversed(steps)])


def _confirmed(root: Root, token: str) -> dict[str, Any]:
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.confirm import confirm

    confirm(root, token)
    return {"changed": True, "warnings": []}


def _wait_for_no_other(root: Root) -> None:
    """Refuse to settle a change that may still be confirmed."""
    if not root.exists(JOURNAL):
        return
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.confirm import waits

    if waits(root):
        raise Refusal("Another change of this host waits for its confirmation. Try again when it has it, or is undone.%s" % sysctls.NOTHING)


def _settled(root: Root) -> tuple[list[Step], list[str]]:
    """Undo a change that did not end, if there is one; return its steps, and what is not as before all the same. Raises Failed."""
    try:
        there = os.listdir(root.path(FOLDER))
    except FileNotFoundError:
        return [], []
    if set(there) <= {os.path.basename(sets.RECORD)}:
        return [], []  # nothing else lies there, not even what a killed run left
    from ansible_collections.c10m.front_tier.plugins.module_utils._apply.transaction import settle

    return settle(root)


def _check_state(root: Root) -> None:
    """Refuse to obey a journal or a record that others than root could have written: an undo writes what they say. Raises Refusal."""
    for path in (FOLDER, JOURNAL, KEPT, sets.RECORD):
        try:
            words = folders.not_ours_alone(os.lstat(root.path(path)))
        except (FileNotFoundError, PermissionError):
            continue
        if words:
            raise Refusal(
                "%s %s: others could have written what would be done as root. Look at it, then give it to root alone (chown root, "
                "chmod go-w), or remove it.%s" % (path, words, sysctls.NOTHING)
            )


def _planned(root: Root, params: dict[str, Any], section: str | None) -> tuple[Change, list[Step]]:
    kept = things.read(root, "file", [sets.RECORD])[sets.RECORD]
    record = sets.parse_record(kept["text"] if kept else "")
    made = Change(root, params, record, asked_of(params, section, record))
    if root.exists(JOURNAL):
        made.warnings.append("An earlier change did not end (%s): the next run that may change this host undoes it first." % JOURNAL)
    return made, made.plan()


def _result(made: Change, steps: list[Step]) -> dict[str, Any]:
    """Return what the module returns; the same in check mode as in the real run."""
    visible = [step for step in steps if step.name != sets.RECORD]
    restart = list(made.needs_restart)
    if any(step.name == "net.core.somaxconn" for step in visible):
        restart.append("net.core.somaxconn counts for a program once it calls listen() again: restart or reload those that listen.")
    return {
        "changed": bool(visible),
        "before": {step.name: plain(step, step.before) for step in visible},
        "after": {step.name: plain(step, step.after) for step in visible},
        "steps": ["%s %s" % (step.kind, step.name) for step in visible],
        "diff": shown(visible),
        "needs_restart": restart,
        "not_applied": made.not_applied,
        "left": made.left,
        "warnings": made.warnings,
    }
