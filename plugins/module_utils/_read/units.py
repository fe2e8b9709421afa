# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot values of systemd's limits: unit files, their drop-ins and the manager's defaults, as files. Private to the collection.

Sources: systemd.unit(5), systemd-system.conf(5); dropin.c, conf-parser.c, rlimit-util.c of systemd 247 to 257.
"""

from __future__ import annotations

import os
import re
from typing import Any, Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import (
    ABOVE,
    clipped,
    conf_files,
    folders,
    lines,
    place,
    problem,
)
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

# What lasts over a restart, or is made again at each boot; the rest of /run/systemd does not count.
SEARCHED = ["/etc/systemd/system.control", "/run/systemd/generator.early", "/etc/systemd/system", "/run/systemd/generator"]
SEARCHED += ["%s/systemd/system" % above for above in ABOVE[1:]] + ["/run/systemd/generator.late"]
TRANSIENT = ["/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/system"]
SIZES = {"TasksMax": "tasks_max", "MemoryMax": "memory_max", "MemoryHigh": "memory_high"}


def parse_unit(text: str, path: str, section: str) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value, file:line of its last line) of one section; a backslash at a line's end continues it."""
    inside, held = False, []
    for number, line in lines(text):
        if line[:1] in ("#", ";"):
            continue
        if (len(line) - len(line.rstrip("\\"))) % 2:
            held.append(line[:-1])
            continue
        line, held = " ".join(held + [line]), []
        key, equals, value = line.partition("=")
        if line.startswith("["):
            inside = line == "[%s]" % section
        elif inside and equals and key.strip():
            yield key.strip(), value.strip(), place(path, number)


def parse_nofile(text: str) -> dict[str, Any] | None:
    """Return {soft, hard} of `LimitNOFILE=`: numbers in C's or Python's notation, no suffix, or `infinity`; None for what systemd skips.

    An empty value is skipped too: it resets nothing (rlimit_parse()). `infinity` gives what process 1 has itself.
    """
    numbers = [_whole(part) for part in text.split(":")]
    soft, hard = numbers[0], numbers[-1]
    if len(numbers) > 2 or soft is None or hard is None or (hard != UNLIMITED and (soft == UNLIMITED or soft > hard)):
        return None
    return {"soft": soft, "hard": hard}


def parse_size(text: str) -> Any:
    """Return bytes (K, M, G, T, P, E count by 1024) or tasks; a percentage as its text; `unlimited`; None for what systemd skips."""
    if text in ("", "infinity"):
        return UNLIMITED
    match = re.match(r"(\d{1,19}(?:\.\d{1,9})?)(?:%|\s*([KMGTPE]?)B?)\Z", text, re.ASCII)
    if not match or text.endswith("%"):
        return text if match else None
    number, factor = match.group(1), 1024 ** " KMGTPE".index(match.group(2) or " ")
    return (int(number) * factor if number.isdigit() else int(float(number) * factor)) or None


def read_units(root: Root, names: Iterable[str], at_boot: bool = True) -> dict[str, dict[str, Any]]:
    """Return what the files give each service unit at its first start after the next boot, or at the next one before it.

    Each: exists; fragment (path, None where there is none); masked; drop_ins (paths in the order that they apply); nofile
    ({soft, hard}, None: the manager's default holds) with source (file:line) and overrides (lines with another value that
    lose); tasks_max, memory_max, memory_high ({value, source} or None); user (None is root); problems.
    """
    links = _links(root)
    places = SEARCHED if at_boot else SEARCHED + TRANSIENT
    return {name: _read_unit(root, name, links, places) for name in names}


def real_names(root: Root, names: Iterable[str]) -> set[str]:
    """Return the names that the files of units go by; each of `names` may be an alias."""
    links = _links(root)
    return {_names(name, links)[0] for name in names}


def read_manager(root: Root) -> dict[str, Any]:
    """Return the manager's defaults that a file sets: nofile ({soft, hard, source}), tasks_max ({value, source}); None without."""
    main = [path for path in ("%s/systemd/system.conf" % above for above in ABOVE) if root.exists(path)][:1]
    found: dict[str, Any] = {"nofile": None, "tasks_max": None}
    for path in main + conf_files(root, folders("systemd/system.conf.d")):
        for key, value, source in parse_unit(text_of(root.text(path)), path, "Manager"):
            if key == "DefaultLimitNOFILE" and parse_nofile(value):
                found["nofile"] = dict(parse_nofile(value) or {}, source=source)
            elif key == "DefaultTasksMax" and parse_size(value) is not None:
                found["tasks_max"] = {"value": parse_size(value), "source": source} if value else None
    return found


def drop_in_folders(names: list[str], places: list[str] | None = None) -> list[str]:
    """Return the folders that may hold drop-ins of a unit with these names, the most particular first (systemd.unit(5))."""
    places = SEARCHED if places is None else places
    levels = [list(dict.fromkeys(_levels(name))) for name in names]
    found = ["%s/%s.d" % (above, level) for group in levels for above in places for level in group]
    return found + ["%s/service.d" % above for above in places]


def _whole(text: str) -> Any:
    """Return a number as safe_atou64() takes it, `unlimited` for `infinity`, None for what it refuses."""
    if text == "infinity":
        return UNLIMITED
    match = re.match(r"\+?(?:(0[xX][0-9a-fA-F]+)|(0[bB][01]+)|0[oO]?([0-7]*)|([1-9]\d*))\Z", text.strip(), re.ASCII)
    if not match or len(text) > 70:
        return None
    hexadecimal, binary, octal, decimal = match.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(binary, 2) if binary else int(decimal) if decimal else int(octal or "0", 8)
    return number if number < 2**64 - 1 else None


def _levels(name: str) -> list[str]:
    """Return a unit's own name, its template's, and those of the prefixes that end in a dash (unit_file_find_dirs())."""
    stem, _dot, kind = name.rpartition(".")
    stem, at, instance = stem.partition("@")
    shorter = (stem[:-1] if stem.endswith("-") else stem).rpartition("-")[0]
    return (
        [name]
        + (_levels("%s@.%s" % (stem, kind)) if instance else [])
        + (_levels("%s-%s.%s" % (shorter, at + instance if instance else "", kind)) if shorter else [])
    )


def _template(name: str) -> str:
    """Return the template of an instance, any other unit as it is."""
    return re.sub("@.+", "@.service", name)


def _instance(unit: str, name: str) -> str:
    """Return a template as the instance that `name` is, any other unit as it is."""
    stem, at, _kind = unit.partition("@.")
    return "%s@%s" % (stem, name.partition("@")[2]) if at and "@" in name else unit


def _names(name: str, links: dict[str, str]) -> list[str]:
    """Return the name that a unit's file goes by, then all others that are links to it."""
    final = name
    for _hop in range(8):
        final = _instance(links.get(final) or links.get(_template(final)) or final, name)
    others = [_instance(alias, final) for alias, target in links.items() if target in (final, _template(final))]
    return list(dict.fromkeys([final, name] + sorted(others)))


def _links(root: Root) -> dict[str, str]:
    """Return {alias: the unit it is a link to} of all service units."""
    found: dict[str, str] = {}
    for folder in SEARCHED:
        for name, target in root.links(folder).items():
            if name.endswith(".service") and target and target != "/dev/null":
                found.setdefault(name, os.path.basename(target))
    return found


def _read_unit(root: Root, name: str, links: dict[str, str], places: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "exists": False,
        "fragment": None,
        "masked": False,
        "drop_ins": [],
        "nofile": None,
        "source": None,
        "overrides": [],
        "tasks_max": None,
        "memory_max": None,
        "memory_high": None,
        "user": None,
        "problems": [],
    }
    if not re.match(r"[\w:.@\\-]{1,255}\.service\Z", name):
        return found
    names = _names(name, links)
    known = dict.fromkeys([names[0], name, _template(names[0]), _template(name)])
    paths = ["%s/%s" % (folder, one) for one in known for folder in SEARCHED + TRANSIENT]
    fragment = next((path for path in paths if root.real(path) == "/dev/null" or root.exists(path)), None)
    if fragment is None:
        return found
    found.update(exists=True, fragment=fragment, masked=root.real(fragment) == "/dev/null" or root.text(fragment) == "")
    if not found["masked"]:
        found["drop_ins"] = conf_files(root, drop_in_folders(names, places))
        for path in [fragment] + found["drop_ins"]:
            text = root.text(path)
            if not isinstance(text, str) and root.link(path) is None:
                found["problems"].append(problem("unreadable", path, text["detail"]))
            for key, value, source in parse_unit(text_of(text), path, "Service"):
                _assign(found, key, value, source)
    found["overrides"] = [source for nofile, source in found.pop("lines", []) if nofile != found["nofile"]]
    return found


def _assign(found: dict[str, Any], key: str, value: str, source: str) -> None:
    """Take one assignment of the [Service] section over; what systemd would skip becomes a problem."""
    if key == "LimitNOFILE":
        nofile = parse_nofile(value)
        if nofile is None:
            found["problems"].append(
                problem(
                    "garbage",
                    source,
                    "LimitNOFILE=%s is skipped: write a number, soft:hard or infinity; an empty value resets nothing." % clipped(value),
                )
            )
        else:
            found.update(nofile=nofile, source=source)
            found.setdefault("lines", []).append((nofile, source))
    elif key == "User":
        found["user"] = value or None
    elif key in SIZES and parse_size(value) is not None and (key != "TasksMax" or re.match(r"[\d.]*%?\Z|infinity", value)):
        found[SIZES[key]] = {"value": parse_size(value), "source": source} if value or key != "TasksMax" else None
