# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to hold on a node after every action of the soak. Pure: what agent.py looked at against the model."""

from __future__ import annotations

import configparser
import json
import re
from typing import Any

from tests.soak.model import Model, text

RECORD = "/var/lib/front-tier/sets.json"
# Numbers that the kernel changes by itself, and those of an interface, which a restart makes anew.
MOVING = re.compile(r"nf_conntrack_count|file-nr|_key$|stable_secret|random|uuid|/mtu$|dev_weight|neigh/|bc_forwarding|accept_redirects")
SPREADING = re.compile(r"/conf/[^/]+/(forwarding|accept_redirects|mc_forwarding)$")


class Broken(Exception):
    """An invariant does not hold; the message says which, and how."""


def differing(what: str, wanted: Any, found: Any) -> None:
    """Raise Broken where two dicts, sets or values differ, with what differs."""
    if wanted == found:
        return
    if isinstance(wanted, dict) and isinstance(found, dict):
        names = sorted(name for name in set(wanted) | set(found) if wanted.get(name) != found.get(name))
        raise Broken("%s: %s" % (what, "; ".join("%s: wanted %s, is %s" % (one, wanted.get(one), found.get(one)) for one in names[:8])))
    raise Broken("%s: wanted %s, is %s" % (what, wanted, found))


def check_way(look: dict[str, Any], first: dict[str, Any]) -> None:
    """The addresses that the host had first, over which people log in, and its default routes are there. Raises Broken."""
    gone = [row for row in first["addresses"] if row not in look["addresses"]]
    if gone:
        raise Broken("addresses of the host are gone: %s" % gone)
    differing("default routes", first["defaults"], look["defaults"])


def check_files(look: dict[str, Any], first: dict[str, Any], model: Model) -> None:
    """Our files are whole, recorded and say what the sets want; nothing else below /etc differs; nothing is unfinished. Raises Broken."""
    differing("unfinished files", [], look["unfinished"] + look["probes"])
    state = sorted(path for path in look["texts"] if path.startswith("/var/lib/front-tier"))
    differing("files of our state", [RECORD] if model.sets else [], state)
    record = json.loads(look["texts"].get(RECORD, '{"sets": {}}'))
    differing("recorded sets", set(model.sets), set(record["sets"]))
    entries = [entry for sections in record["sets"].values() for things in sections.values() for entry in things.values()]
    ours = {entry["name"]: entry["value"]["text"] for entry in entries if entry["kind"] == "file"}
    differing("texts of our files", ours, {path: look["texts"].get(path) for path in ours})
    made = {entry["name"] for entry in entries if entry["kind"] in ("file", "folder", "symlink")}
    others = [{path: row for path, row in one["files"].items() if path not in made} for one in (first, look)]
    differing("files that are not ours", *others)
    for path, content in ours.items():
        check_text(path, content)
    kept: dict[str, str] = {}
    for path, content in ours.items():
        kept.update(said(path, content))
    wanted = {
        thing: entry["value"]
        for sections in model.sets.values()
        for things in sections.values()
        for thing, entry in things.items()
        if entry["persist"] and thing.split()[0] in ("sysctl", "unit", "user", "default")
    }
    differing("what our files say", wanted, kept)


def said(path: str, content: str) -> dict[str, str]:
    """Return {thing: value} of what a file of ours says of sysctls and descriptors."""
    lines = [line for line in content.splitlines() if line and line[0] not in "#["]
    if path.startswith("/etc/sysctl.d/"):
        return {"sysctl " + key: value for key, value in (line.split(" = ") if " = " in line else (line[:-2], "") for line in lines)}
    if path.startswith("/etc/security/limits.d/"):
        rows = [line.split() for line in lines]
        both = {(row[0], row[1]): row[3] for row in rows}
        return {"user " + user: "%s:%s" % (both[user, "soft"], both[user, "hard"]) for user, _side in both}
    found = re.search(r"^(Default)?LimitNOFILE=(\S+)$", content, re.M)
    if not found:
        return {}
    return {"default" if found.group(1) else "unit " + path.split("/")[-2][:-2]: found.group(2)}


def check_text(path: str, content: str) -> None:
    """A file of ours says who made it, ends with a whole line, and is of the form that its reader wants. Raises Broken."""
    if not content.startswith("# Managed by the Ansible collection c10m.front_tier, set ") or not content.endswith("\n"):
        raise Broken("%s is not whole: %r" % (path, content))
    lines = content.splitlines()[1:]
    try:
        if path.startswith("/etc/sysctl.d/"):
            assert lines and all(re.match(r"\S+ = ?.*\Z", line) for line in lines)
        elif path.startswith("/etc/security/"):
            assert lines and all(re.match(r"\S+ (soft|hard) nofile \d+\Z", line) for line in lines)
        else:
            parser = configparser.RawConfigParser(strict=False)
            parser.read_string(content)
            assert parser.sections()
    except (AssertionError, configparser.Error) as error:
        raise Broken("%s is not whole: %r (%s)" % (path, content, error)) from None


def check_node(look: dict[str, Any], first: dict[str, Any], model: Model) -> None:
    """Addresses, local routes and sysctls are those of the model, all others those of the beginning. Raises Broken."""
    there = {thing for thing in model.things() if model.now(thing)}
    told = {"%s %s" % (row[0], row[1]): row[2] for row in look["addresses"]}
    before = {"%s %s" % (row[0], row[1]) for row in first["addresses"]}
    differing("addresses", before | {thing[len("address ") :] for thing in there if thing.startswith("address ")}, set(told))
    used = [place for place, deprecated in told.items() if place not in before and ":" in place and not deprecated]
    if used:
        raise Broken("addresses that others may take as their source: %s" % used)
    routes = {thing.split()[1] for thing in there if thing.startswith("local_route ")}
    differing("local routes", set(first["local_routes"]) | routes, set(look["local_routes"]))
    mine = {thing.split()[1].replace(".", "/"): model.now(thing) for thing in model.things() if thing.startswith("sysctl ")}
    differing("live values", mine, {name: look["sysctls"].get(name) for name in mine})
    spread = any(mine.get(name) == "1" for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"))
    others = [name for name in first["sysctls"] if name not in mine and not MOVING.search(name) and not (spread and SPREADING.search(name))]
    differing("sysctls of others", *({name: one["sysctls"].get(name) for name in others} for one in (first, look)))


def check_limits(audit: dict[str, Any], first: dict[str, Any], model: Model, most_files: int | None) -> None:
    """The audit says the same: live values, boot values; all that is kept and set has both alike. Raises Broken.

    most_files: after a start, what process 1 has and, without CAP_SYS_RESOURCE, can give; None while things run.
    """
    rows, before = ({row["name"]: row for row in one["limits"]} for one in (audit, first))
    for name, row in rows.items():
        thing, live, boot = "sysctl " + name, plain(row["value"]), plain(row["boot"]["value"])
        if thing in model.things():
            differing("audit, value of " + name, model.now(thing), live)
            kept = model.boot(thing)
            differing(
                "audit, boot value of " + name,
                kept if any(one["persist"] for _set, one in model.entries(thing)) else plain(before[name]["boot"]["value"]),
                boot,
            )
        elif name == "DefaultLimitNOFILE":  # its live value is what systemd has loaded, which live: false leaves
            differing(
                "audit, boot value of " + name, model.boot("default") or pair(before[name]["boot"]["value"]), pair(row["boot"]["value"])
            )
        elif name in before and not MOVING.search(name):
            differing("audit, " + name, (before[name]["value"], before[name]["boot"]), (row["value"], row["boot"]))
    units = {row["name"]: row for row in audit["services"]}
    for row in first["services"]:
        name, told = row["name"], units[row["name"]]["boot"]["nofile"]
        wanted = model.boot("unit " + name) or model.boot("default") or pair(row["boot"]["nofile"])
        wanted = wanted if model.boot("unit " + name) or row["boot"]["source"] is None else pair(row["boot"]["nofile"])
        differing("audit, boot value of " + name, wanted, pair(told))
        has = {pair(one["nofile"]) for one in units[name]["processes"]}
        if most_files:
            given = ":".join(str(min(int(side), most_files)) for side in wanted.split(":"))
            differing("what %s started with" % name, {given}, has)


def pair(nofile: dict[str, Any]) -> str:
    """Return soft:hard."""
    return "%(soft)s:%(hard)s" % nofile


def plain(value: Any) -> Any:
    """Return a value of the audit as the kernel shows it; an absence as it is."""
    if isinstance(value, list):
        return (" " if value and isinstance(value[0], int) else ",").join(map(str, value))
    return value if isinstance(value, dict) else text(value)
