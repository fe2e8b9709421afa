# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has to be after each action: written anew from the documentation, without the collection's code.

A thing is named by its kind: "sysctl net.core.somaxconn", "address eth1 198.18.112.20/32", "local_route 198.19.0.0/28",
"unit nginx.service", "user app", "default". Its value is text; a thing that is not there has none.
"""

from __future__ import annotations

import copy
import ipaddress
from typing import Any

from tests.soak.actions import OVERRIDDEN

RANGE, RESERVED = "sysctl net.ipv4.ip_local_port_range", "sysctl net.ipv4.ip_local_reserved_ports"
SECTIONS = ("kernel_settings", "port_range", "fd_limits", "secondary_interfaces")
FILES_ONLY = ("unit", "user", "default")  # things that live in files; systemd and PAM read them
DISAGREE, OVERRIDE = r"Let one of them manage it", r"say on_override: outrank"
LISTENED, NO_PORT = r"are listened on", r"leaves no port"


class Model:
    """One node. sets: {set: {section: {thing: {value, live, persist}}}}; live: {thing: value} of all that was ever ours."""

    def __init__(self, first: dict[str, str], listening: set[int]) -> None:
        self.first, self.listening = first, listening  # what things were before anything of ours; a thing that is not in it was not there
        self.sets: dict[str, dict[str, dict[str, Any]]] = {}
        self.live: dict[str, str | None] = {}
        self.outranking: dict[str, set[str]] = {}

    def now(self, thing: str) -> str | None:
        """Return the value of a thing in force."""
        return self.live.get(thing, self.first.get(thing))

    def boot(self, thing: str) -> str | None:
        """Return the value that a thing has after the next start."""
        kept = [(name, entry["value"]) for name, entry in self.entries(thing) if entry["persist"]]
        if kept and thing in OVERRIDDEN and not any(thing in self.outranking.get(name, ()) for name, _value in kept):
            return OVERRIDDEN[thing]
        return kept[0][1] if kept else self.first.get(thing)

    def entries(self, thing: str) -> list[tuple[str, dict[str, Any]]]:
        """Return [(set, entry)] of the sets that have a thing."""
        return [(name, things[thing]) for name, sections in self.sets.items() for things in sections.values() if thing in things]

    def things(self) -> set[str]:
        """Return all that was ever ours, or is."""
        return set(self.live) | {thing for sections in self.sets.values() for things in sections.values() for thing in things}

    def asked(self, options: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
        """Return {section: {thing: entry}} of the options of a host_config, nothing in what ends."""
        name, found = options["name"], {}
        how = {"live": options.get("live", True), "persist": options.get("persist", True)}
        given = {section: options[section] for section in SECTIONS if section in options}
        if options.get("state") == "absent":
            return {section: {} for section in given or self.sets.get(name, {})}
        for section, of in given.items():
            values = {
                "kernel_settings": lambda of: {"sysctl " + key.replace("/", "."): text(value) for key, value in of["settings"].items()},
                "port_range": lambda of: self._ports(name, of),
                "fd_limits": _limits,
                "secondary_interfaces": _addresses,
            }[section](of)
            found[section] = {
                thing: dict(how, value=value) for thing, value in values.items() if how["persist"] or not thing.startswith(FILES_ONLY)
            }
        return found

    def _ports(self, name: str, options: dict[str, Any]) -> dict[str, str]:
        """Return range and reserved ports; auto is what is reserved, what this set reserved, and what is listened on in the range."""
        low, high = options["low"], options["high"]
        if options["reserve"] == "auto":
            mine = self.sets.get(name, {}).get("port_range", {}).get(RESERVED, {}).get("value", "")
            reserved = ports(self.now(RESERVED) or "") | ports(mine) | {port for port in self.listening if low <= port <= high}
        else:
            reserved = set().union(*(ports(str(one)) for one in options["reserve"]), set())
        return {RANGE: "%d %d" % (low, high), RESERVED: spelled(reserved)}

    def obstacles(self, options: dict[str, Any]) -> list[str]:
        """Return what a refusal has to say, one of them; none where the change has to be made."""
        asked, name = self.asked(options), options["name"]
        found = []
        for things in asked.values():
            others = [
                (thing, entry["value"], other) for thing, entry in things.items() for who, other in self.entries(thing) if who != name
            ]
            if any(other["value"] != value for _thing, value, other in others):
                found.append(DISAGREE)
        if options.get("on_override") == "fail" and self._losing(name, asked):
            found.append(OVERRIDE)
        if asked.get("port_range"):
            low, high = map(int, asked["port_range"][RANGE]["value"].split())
            usable = set(range(low, high + 1)) - ports(asked["port_range"][RESERVED]["value"])
            found += [LISTENED] if usable & self.listening else []
            found += [] if usable else [NO_PORT]
        return found

    def _losing(self, name: str, sections: dict[str, dict[str, Any]]) -> set[str]:
        """Return the things in some sections of a set that a file of the site decides later than the set's own file."""
        return {
            thing
            for things in sections.values()
            for thing, entry in things.items()
            if thing in OVERRIDDEN
            and entry["persist"]
            and entry["value"] != OVERRIDDEN[thing]
            and thing not in self.outranking.get(name, ())
        }

    def change(self, options: dict[str, Any]) -> None:
        """Make a change that has no obstacles."""
        name, asked = options["name"], self.asked(options)
        if options.get("on_override") == "outrank":
            others = {} if "kernel_settings" in asked else {"": self.sets.get(name, {}).get("kernel_settings", {})}  # it is one file
            self.outranking.setdefault(name, set()).update(self._losing(name, {**asked, **others}))
        before = copy.deepcopy(self.sets.get(name, {}))
        sections = {**self.sets.pop(name, {}), **asked}
        if any(sections.values()):
            self.sets[name] = {section: things for section, things in sections.items() if things}
        for section, things in asked.items():
            for thing, entry in things.items():
                if entry["live"] and not thing.startswith(FILES_ONLY):
                    self.live[thing] = entry["value"]
            for thing in set(before.get(section, {})) - set(things):
                if not self.entries(thing):
                    self.live[thing] = self.first.get(thing)
        kept = self.kept(name)
        some = any(thing.startswith("sysctl ") for thing in kept)  # their file keeps its name as long as it is there
        self.outranking[name] = {one for one in self.outranking.get(name, ()) if one in kept or some and one.startswith("sysctl ")}

    def kept(self, name: str) -> set[str]:
        """Return the things that a set keeps over a restart."""
        return {thing for things in self.sets.get(name, {}).values() for thing, entry in things.items() if entry["persist"]}

    def restart(self) -> None:
        """Start the node anew: what is in files is in force, and nothing else."""
        self.live = {thing: self.boot(thing) for thing in self.things() if not thing.startswith(FILES_ONLY)}

    def adopt(self, things: set[str], look: dict[str, Any]) -> None:
        """Take the values of some things as they were seen."""
        there = {"address %s %s" % (row[0], row[1]) for row in look["addresses"]} | {"local_route " + one for one in look["local_routes"]}
        for thing in things:
            sysctl = thing.split()[1].replace(".", "/") if thing.startswith("sysctl ") else ""
            self.live[thing] = look["sysctls"][sysctl] if sysctl else "there" if thing in there else None

    def unsure(self, other: Model) -> set[str]:
        """Return the things of which it cannot be told what they are after a power cut on the way to another model, and its undo."""
        every = {thing for thing in self.things() | other.things() if not thing.startswith(FILES_ONLY)}
        return {thing for thing in every if not self.now(thing) == self.boot(thing) == other.boot(thing)}


def text(value: Any) -> str:
    """Return the value of a sysctl as the kernel shows it."""
    if isinstance(value, bool):
        return str(int(value))
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def ports(words: str) -> set[int]:
    """Return the ports of a list such as 80,443-445."""
    found: set[int] = set()
    for word in filter(None, words.split(",")):
        low, _dash, high = word.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def spelled(found: set[int]) -> str:
    """Return ports as the kernel shows them."""
    rows: list[list[int]] = []
    for port in sorted(found):
        if rows and rows[-1][1] == port - 1:
            rows[-1][1] = port
        else:
            rows.append([port, port])
    return ",".join(str(low) if low == high else "%d-%d" % (low, high) for low, high in rows)


def _limits(options: dict[str, Any]) -> dict[str, str]:
    nofile = options["nofile"] if isinstance(options["nofile"], dict) else dict.fromkeys(("soft", "hard"), options["nofile"])
    value = "%d:%d" % (nofile["soft"], nofile["hard"])
    whom = ["unit " + one + ("" if one.endswith(".service") else ".service") for one in options["units"]]
    return dict.fromkeys([*whom, *("user " + one for one in options["users"]), *(["default"] if options["default"] else [])], value)


def _addresses(options: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for one in options:
        interface = one["interface"] + ("-ft" if one.get("kind") == "macvlan" else "")
        for given in one["addresses"]:
            if one.get("kind") == "local_route":
                found["local_route " + given] = "there"
                continue
            low, _dash, high = given.partition("-")
            address, _slash, prefix = low.partition("/")
            first = ipaddress.ip_address(address)
            for number in range(int(first), int(ipaddress.ip_address(high or address)) + 1):
                host = type(first)(number)
                found["address %s %s/%s" % (interface, host, prefix or host.max_prefixlen)] = "there"
    return found
