# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy as a user asks for it: checked, and turned into lines with caps, and into what they need. Pure. Private to the collection.

A line is a pair of a source address and a listener that is dialled from it: a server line of HAProxy, a server of a lane in nginx.
Rules and measurements: front-tier-recipes 1, 2, 3 and 6.
"""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Any, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Own, PathError, upstream
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import is_odd
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import FULL_SHARE, OWN_FILES, Spare, by_chance, of_line
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import keeping

NOTHING = " Nothing was changed."
OLDEST = {"haproxy": (2, 2), "nginx": (1, 18), "varnish": (6, 5)}  # of Debian 11, the oldest that the scenarios run on
CHECK_PORTS = 2  # one for a health check under way, one for that of a worker which just went
SPARE = 64  # connections that a worker of nginx has open beside those of clients
QUEUE_SHARE = 0.05  # of what the lines carry: how many more may wait for a place in a line
QUEUE_LEAST = 16
NOFILE_LEAST = 65536  # as role limits has it
MOST_RELOADS = 16
# What is ours in a configuration: the line of HAProxy; and of nginx, whose sources stand in a comment.
# Blanks, not \s: over many empty lines, which a host that was taken over could send, that would take the square of their number.
HAPROXY_LINE = re.compile(r"^[ \t]*server \S+ (\S+:\d+)(?: source (\S+))?", re.MULTILINE)
NGINX_LINE = re.compile(r"^[ \t]*server (\S+) [^#\n]*# from(.*)$", re.MULTILINE)
TIMEOUT_NAME, TIMEOUT = re.compile(r"[a-z][a-z-]{0,31}\Z"), re.compile(r"[0-9]{1,9}(us|ms|s|m|h|d)?\Z")
LISTEN_LINE = re.compile(r"(?:^[ \t]*(?:bind|listen)| -a) (\S+?);?(?=\s|$)", re.MULTILINE)


class Endpoint(NamedTuple):
    """An address with a port, and what the user wrote after it."""

    address: str
    port: int
    more: str = ""

    @property
    def text(self) -> str:
        """Return address:port as programs read it."""
        return "%s:%d" % (bracketed(self.address), self.port)

    def overlaps(self, other: Endpoint) -> bool:
        """Tell whether both cannot listen at once; a wildcard of IPv6 takes IPv4, too, unless told otherwise."""
        if self.port != other.port:
            return False
        wild = [one for one in (self, other) if ipaddress.ip_address(one.address).is_unspecified]
        both = ":" in self.address and ":" in other.address or ":" not in self.address + other.address
        return self.address == other.address or bool(wild) and (both or any(":" in one.address for one in wild))


def bracketed(address: str) -> str:
    """Return an address as it stands before a port."""
    return "[%s]" % address if ":" in address else address


def version_of(program: str, text: str) -> tuple[int, int]:
    """Return the version in what a program says of itself. Raises Refusal where it is not there, or too old."""
    found = re.search(r"(\d+)\.(\d+)", str(text or ""))
    least = OLDEST[program]
    if not found:
        raise Refusal("%s is not installed on this host, or does not say its version. Install it first.%s" % (program, NOTHING))
    version = (int(found.group(1)), int(found.group(2)))
    if version < least:
        text = (
            "%s %d.%d is too old: the role needs %d.%d, for server lines with a source each and limits that refuse to start. Upgrade it.%s"
        )
        raise Refusal(text % (program, *version, *least, NOTHING))
    return version


def parse_endpoints(name: str, values: Any, wildcard: bool = False) -> list[Endpoint]:
    """Return a list of "address:port more", checked, each once. wildcard: a listener, for which an address may be left open.

    Raises Refusal, also where two of them overlap.
    """
    if not isinstance(values, (list, tuple)) or not values:
        raise Refusal('%s %r: write a list with at least one, such as ["10.0.9.10:8080"].%s' % (name, values, NOTHING))
    found: list[Endpoint] = []
    for index, value in enumerate(values):
        words, where = str(value).split(None, 1), "%s[%d]" % (name, index)
        host, colon, port = (words[0] if words else "").rpartition(":")
        if wildcard and colon and host in ("*", "0.0.0.0", "::", "[::]"):
            if not port.isdigit() or not 1 <= int(port) <= 65535:
                raise Refusal('%s "%s": the port must be 1 to 65535.%s' % (where, value, NOTHING))
            one = Endpoint("::" if ":" in host else "0.0.0.0", int(port), "".join(words[1:]))
        else:
            try:
                path = upstream(where, words[0] if words else "")
            except PathError as error:
                raise Refusal("%s%s" % (error, NOTHING)) from None
            one = Endpoint(path["destinations"][0], path["ports"][0], "".join(words[1:]))
        if one.more and (not wildcard or not one.more.isprintable() or set(one.more) & set(";{}#")):
            raise Refusal(
                '%s "%s": write address:port%s, and nothing else.%s'
                % (where, value, " and words of the program" if wildcard else "", NOTHING)
            )
        for other in found:
            if one.overlaps(other):
                raise Refusal("%s: %s and %s overlap. Leave one of them out.%s" % (name, other.text, one.text, NOTHING))
        found.append(one)
    return found


def parse_sources(values: Any) -> list[str]:
    """Return source addresses, checked, each once. Raises Refusal."""
    if not isinstance(values, (list, tuple)):
        raise Refusal('front_tier_sources %r is no list. Write ["10.0.9.101", "10.0.9.102"].%s' % (values, NOTHING))
    found: list[str] = []
    for index, value in enumerate(values):
        try:
            address = ipaddress.ip_address(str(value).strip())
        except ValueError:
            raise Refusal(
                'front_tier_sources[%d]: "%s" is no IPv4 or IPv6 address. Write one of this host.%s' % (index, value, NOTHING)
            ) from None
        if address.is_unspecified or address.is_multicast:
            raise Refusal("front_tier_sources[%d]: %s is no address of one host. Write one of this host.%s" % (index, address, NOTHING))
        if str(address) in found:
            raise Refusal("front_tier_sources: %s is named twice. Leave one of them out.%s" % (address, NOTHING))
        found.append(str(address))
    return found


def whole(options: dict[str, Any], name: str, low: int, high: int = 1 << 31) -> int | None:
    """Return an option as a whole number, None where it is not given. Raises Refusal."""
    value = options.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not re.match(r"-?\d{1,12}\Z", str(value).replace("_", "").strip(), re.A):
        raise Refusal("front_tier_%s %r is no whole number: it must be %d to %d.%s" % (name, value, low, high, NOTHING))
    found = int(str(value).replace("_", ""))
    if not low <= found <= high:
        raise Refusal("front_tier_%s %d is out of bounds: it must be %d to %d.%s" % (name, found, low, high, NOTHING))
    return found


def choice(options: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """Return an option that is one of a few words, the first of them where it is not given. Raises Refusal."""
    value = options.get(name) or choices[0]
    if value not in choices:
        raise Refusal('front_tier_%s "%s" is none of %s.%s' % (name, value, ", ".join(choices), NOTHING))
    return str(value)


def program_of(options: dict[str, Any], programs: tuple[str, ...]) -> str:
    """Return the program of front_tier_service: a unit, with or without its ending. Raises Refusal."""
    service = str(options.get("service") or "")
    program = service[: -len(".service")] if service.endswith(".service") else service
    if program not in programs:
        raise Refusal('front_tier_service "%s" is none of %s.%s' % (service, ", ".join(programs), NOTHING))
    return program


def check_roles(role: str, seen: dict[str, Any]) -> None:
    """Raise Refusal where another role of the collection has configured this program on this host."""
    others = sorted(set(re.findall(r"50-front-tier-(\w+)\.", " ".join(map(str, seen.get("others") or [])))) - {role})
    if others:
        raise Refusal(
            "This host already has the role %s (%s): both would write the program's limits. Give each role a host of its own, or take"
            " that one back first with front_tier_state: absent.%s" % (ROLES.get(others[0], others[0]), seen["others"][0], NOTHING)
        )


ROLES = {"proxy": "reverse_proxy", "origin": "origin", "balancer": "transparent_balancer"}


def listens_of(text: str) -> list[Endpoint]:
    """Return what a configuration of ours listens on: binds of HAProxy, listens of nginx, -a of Varnish."""
    rows = [words.rpartition(":")[::2] for words in LISTEN_LINE.findall(text) if not words.startswith("unix:")]
    return [Endpoint(host.strip("[]").replace("*", "0.0.0.0"), int(port)) for host, port in rows if port.isdigit()]


def check_listeners(
    audit: dict[str, Any], wanted: list[Endpoint], unit: str, ours: str, full: bool = False, name: str = "front_tier_listen"
) -> None:
    """Raise Refusal where something else on the host listens on what is wanted. ours: our configuration so far."""
    mine = {one[:2] for one in listens_of(ours)}
    for row in known(audit.get("listeners"), []) or []:
        there = Endpoint(str(row["address"]).partition("%")[0], int(row["port"]))
        own = row.get("service") == unit
        if own and (full or there[:2] in mine):
            continue
        for one in wanted:
            if one.overlaps(there):
                where = "its own configuration" if own else "that service"
                raise Refusal(
                    "%s: %s overlaps %s, on which %s listens already. Take it out of %s, or listen elsewhere.%s"
                    % (name, one.text, there.text, row.get("service") or "a program", where, NOTHING)
                )


def usable_ports(options: dict[str, Any], audit: dict[str, Any]) -> int:
    """Return P: the ports that a source can promise to a listener. Raises Refusal."""
    given = whole(options, "usable_ports", 1, 65535)
    usable = number((audit.get("ports") or {}).get("usable"))
    if given is None and usable is None:
        raise Refusal(
            "front_tier_usable_ports is not given, and the audit of this host could not read it. Say how many ports a source may use.%s"
            % NOTHING
        )
    return given if given is not None else max(0, int(usable or 0) - is_odd(audit))


def line_of(options: dict[str, Any], ports: int) -> tuple[int, int]:
    """Return (connections of a line, workers that share them: the one now, and those that reloads leave). Raises Refusal."""
    reloads = whole(options, "reloads", 0, MOST_RELOADS)
    return whole(options, "line_maxconn", 1, 65535) or of_line(ports), 1 + (1 if reloads is None else reloads)


def service_of(audit: dict[str, Any], unit: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (the row of a unit in an audit, the nofile that it starts with); empty where the audit does not have them."""
    row: dict[str, Any] = next((one for one in known(audit.get("services"), []) or [] if one.get("name") == unit), {})
    return row, known((row.get("boot") or {}).get("nofile"), {}) or {}


def check_sources(audit: dict[str, Any], sources: list[str], name: str = "front_tier_sources") -> None:
    """Raise Refusal for addresses that the host does not have, or cannot bind."""
    own = Own(audit)
    missing = [source for source in sources if source not in own]
    if missing:
        raise Refusal(
            "%s: this host has no address %s. Add it first (role secondary_interfaces), or leave it out.%s"
            % (name, ", ".join(missing), NOTHING)
        )
    nonlocal_bind = Limits(audit).number("net.ipv6.ip_nonlocal_bind") == 1
    routed = [source for source in sources if not own.may_bind(source, nonlocal_bind)]
    if routed:
        raise Refusal(
            "%s: %s cannot be bound: only a local route gives it, and net.ipv6.ip_nonlocal_bind is not 1. Set that, or add the address.%s"
            % (name, ", ".join(routed), NOTHING)
        )


def pairs_of(text: str) -> set[tuple[str, str]]:
    """Return the (source, "address:port") of the lines of a configuration of ours; the source is empty where the kernel chooses."""
    found = {(source.strip("[]"), there) for there, source in HAPROXY_LINE.findall(text) if not there.startswith("unix:")}
    found |= {(source, there) for there, sources in NGINX_LINE.findall(text) for source in sources.split() or [""]}
    return found


def reverse_proxy(options: dict[str, Any], audit: dict[str, Any], seen: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Return what a proxy's configuration is made of, all of it checked.

    options: {name of a variable without front_tier_: value}; audit: of this host; seen: {version, ours: our configuration so far, others:
    paths of other roles' files, workers, worker_connections, extraopts}; check: sources may still be missing.
    Raises Refusal.
    """
    program = program_of(options, ("haproxy", "nginx"))
    version = version_of(program, seen.get("version") or "")
    check_roles("proxy", seen)
    manage = choice(options, "manage", ("dropin", "full"))
    mode = choice(options, "mode", ("http", "tcp"))
    method = choice(options, "nginx_method", ("lanes", "hash")) if program == "nginx" else None
    if program == "nginx" and mode == "tcp":
        raise Refusal(
            "front_tier_mode tcp: nginx cannot spread it over sources without losing connections. Use haproxy.service.%s" % NOTHING
        )
    _check_words(options)
    if program == "haproxy":
        _check_extraopts(manage, seen)
    whole(options, "backlog", 1, 65535)
    listen = parse_endpoints("front_tier_listen", options.get("listen"), wildcard=True)
    upstreams = parse_endpoints("front_tier_upstreams", options.get("upstreams"))
    sources = parse_sources(options.get("sources") or [])
    if not check:
        check_sources(audit, sources)
    unit = program + ".service"
    check_listeners(audit, listen, unit, str(seen.get("ours") or ""), manage == "full")
    ports = usable_ports(options, audit)
    most, workers = line_of(options, ports)
    if most > ports:
        raise Refusal(
            "front_tier_line_maxconn %d is above the %d ports that a source has for a listener. Ask for at most %d, or widen the range.%s"
            % (most, ports, of_line(ports), NOTHING)
        )
    lines = _lines(upstreams, sources)
    cap = most // workers
    if cap < 1:
        raise Refusal(
            "A line has %d ports, and %d workers (front_tier_reloads and the one now) share %d of them: none is left. Widen the range.%s"
            % (ports, workers, most, NOTHING)
        )
    found: dict[str, Any] = {
        "program": program,
        "version": "%d.%d" % version,
        "unit": unit,
        "manage": manage,
        "mode": mode,
        "method": method,
        "listen": [{"address": one.text, "more": one.more} for one in listen],
        "lines": [dict(line, maxconn=cap) for line in lines],
        "pairs": [{"source": line["source"], "address": line["host"], "port": line["port"]} for line in lines],
        "usable_ports": ports,
        "workers": workers,
        "pool": max(0, (ports - most - CHECK_PORTS) // workers),
        "carried": len(lines) * cap,
    }
    if method == "hash":
        found.update(_hash(lines, ports, most, workers))
    so_far = pairs_of(str(seen.get("ours") or ""))
    found["new"] = [pair for pair, line in zip(found["pairs"], lines) if (line["source"], line["address"]) not in so_far]
    found.update(_sizes(options, found, seen))
    found.update(_room(options, audit, found))
    return found


def _check_words(options: dict[str, Any]) -> None:
    """Check what goes into the configuration as it is written: one value must not become two directives. Raises Refusal."""
    timeouts = options.get("timeouts") or {}
    for name, value in timeouts.items() if isinstance(timeouts, dict) else [("", timeouts)]:
        if not TIMEOUT_NAME.match(str(name)) or not TIMEOUT.match(str(value)):
            raise Refusal(
                "front_tier_timeouts.%s %r is no time: write a number with us, ms, s, m, h or d, such as {client: 1m}.%s"
                % (name, value, NOTHING)
            )


def _lines(upstreams: list[Endpoint], sources: list[str]) -> list[dict[str, Any]]:
    """Return a line for each pair of a listener and a source of its family, the first one of each listener with a health check."""
    found = []
    for there in upstreams:
        mine = [source for source in sources if (":" in source) == (":" in there.address)] if sources else [""]
        if not mine:
            raise Refusal(
                "front_tier_upstreams: %s has no source of its family in front_tier_sources (%s). Add one, or leave it out.%s"
                % (there.text, ", ".join(sources), NOTHING)
            )
        first = ""
        for source in mine:
            name = there.text.strip("[").replace("]", "") + ("-from-%s" % source if source else "")
            found.append({"name": name, "address": there.text, "host": there.address, "port": there.port, "source": source, "track": first})
            first = first or name
    return found


def _hash(lines: list[dict[str, Any]], ports: int, most: int, workers: int) -> dict[str, Any]:
    """Return the caps of nginx by hash: a listener has all sources, of which one may be full before the others."""
    addresses = list(dict.fromkeys(line["address"] for line in lines))
    sources = list(dict.fromkeys(line["source"] for line in lines))
    if len(lines) != len(addresses) * len(sources):
        raise Refusal("front_tier_nginx_method hash takes sources and upstreams of one family. Use lanes.%s" % NOTHING)
    each = min(most, by_chance(ports)) // workers * len(sources)
    if not each:
        raise Refusal(
            "front_tier_nginx_method hash draws a source for each connection, and of %d ports for %d workers none can be promised."
            " Use lanes, or widen the range.%s" % (ports, workers, NOTHING)
        )
    return {
        "hash": {"sources": sources, "servers": [{"address": one, "maxconn": each} for one in addresses]},
        "carried": each * len(addresses),
    }


def _sizes(options: dict[str, Any], found: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """Return maxconn, what nginx's workers need, and the descriptors. Raises Refusal where the lines do not carry what is expected."""
    expected = whole(options, "connections", 1)
    headroom = headroom_of(options)
    spare = Spare.less(headroom)
    carried = found["carried"]
    if expected is not None and expected > carried:
        raise Refusal(
            "front_tier_connections %d is more than the %d that %d lines carry (%d of %d usable ports each%s). Add sources or listeners,"
            " widen the port range, or lower front_tier_reloads.%s"
            % (
                expected,
                carried,
                len(found["lines"]),
                carried // len(found["lines"]),
                found["usable_ports"],
                ", since %d workers may share them" % found["workers"] if found["workers"] > 1 else "",
                NOTHING,
            )
        )
    most = carried + max(QUEUE_LEAST, int(carried * QUEUE_SHARE))
    roomy = most if expected is None else min(most, spare.over(expected))
    result: dict[str, Any] = {"maxconn": roomy, "predicted": min(carried, roomy), "warnings": []}
    # as in a plan, the caps of the lines and the headroom are not multiplied: what lines keep for checks and old workers is spare, too
    ports = len(found["lines"]) * found["usable_ports"]
    if expected is not None and expected > spare.part * ports:
        result["warnings"].append(
            "%d expected connections leave less than the headroom of %d %% of the %d ports of the lines."
            % (expected, headroom * 100, ports)
        )
    if found["program"] == "haproxy":
        checks = len({line["address"] for line in found["lines"]})
        need = 2 * roomy + found["pool"] * len(found["lines"]) + checks + 2 * len(found["listen"]) + OWN_FILES
        return dict(result, files_each=2, nofile_needed=need)
    each = 4 if found["method"] == "lanes" and len({line["source"] for line in found["lines"]}) > 1 else 2
    return dict(result, files_each=each, **_nginx_workers(found, seen, each, roomy))


def headroom_of(options: dict[str, Any]) -> float:
    """Return front_tier_headroom. Raises Refusal."""
    value = options.get("headroom")
    try:
        headroom = float(0.2 if value is None or value == "" else value)
    except (TypeError, ValueError):
        raise Refusal('front_tier_headroom "%s" is no number. Write it as 0.2.%s' % (value, NOTHING)) from None
    if not 0 <= headroom < 1:
        raise Refusal("front_tier_headroom %s is out of bounds: it must be from 0 to less than 1.%s" % (value, NOTHING))
    return headroom


def _check_extraopts(manage: str, seen: dict[str, Any]) -> None:
    """Raise Refusal where the site's own file decides HAProxy's options, and leaves our folder out: it wins over a drop-in."""
    given = re.findall(r"^[ \t]*EXTRAOPTS=(.*)$", str(seen.get("extraopts") or ""), re.MULTILINE)
    if given and manage == "dropin" and "/etc/haproxy/conf.d" not in given[-1]:
        raise Refusal(
            "/etc/default/haproxy sets EXTRAOPTS=%s, which wins over a drop-in. Add -f /etc/haproxy/conf.d to it, or use"
            " front_tier_manage: full.%s" % (given[-1], NOTHING)
        )


def _nginx_workers(found: dict[str, Any], seen: dict[str, Any], each: int, roomy: int) -> dict[str, Any]:
    """Return how many connections a worker of nginx needs. Raises Refusal where the site's own configuration has too few."""
    workers = max(1, int(seen.get("workers") or 1))
    total = each * roomy
    need = min(total, math.ceil(total * FULL_SHARE / workers)) + SPARE
    has = int(seen.get("worker_connections") or 0)
    if found["manage"] == "dropin" and has < need:
        raise Refusal(
            "worker_connections %d of nginx is too low: %d connections of %d ends each on %d workers need %d. Set that in"
            " /etc/nginx/nginx.conf, or use front_tier_manage: full.%s" % (has, roomy, each, workers, need, NOTHING)
        )
    connections = max(has, need) if found["manage"] == "dropin" else need
    idle = max(0, found["usable_ports"] - of_line(found["usable_ports"]) - CHECK_PORTS) // found["workers"]
    listeners = len({line["address"] for line in found["lines"]})
    return {"worker_connections": connections, "nofile_needed": connections + OWN_FILES, "keepalive": idle * listeners // workers}


def _room(options: dict[str, Any], audit: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the descriptors that the unit has to get, 0 where it has enough, and the memory. Raises Refusal where there is too little."""
    need = found["nofile_needed"]
    wish = options.get("nofile")
    given = whole(dict(options, nofile=wish.get("soft") if isinstance(wish, dict) else wish), "nofile", 0)
    if given and given < need:
        raise Refusal(
            "front_tier_nofile %d cannot carry maxconn %d: %s needs %d, %d for each connection and %d more. Ask for at least %d, or for"
            " fewer connections.%s"
            % (
                given,
                found["maxconn"],
                found["unit"],
                need,
                found["files_each"],
                need - found["files_each"] * found["maxconn"],
                need,
                NOTHING,
            )
        )
    limits = Limits(audit)
    itself = known((audit.get("files") or {}).get("nofile_self"), {}) or {}
    contained = known((audit.get("host") or {}).get("container"))
    outside = number(itself.get("hard")) if contained else None
    ceiling = limits.number("fs.nr_open")
    bounds = {
        "the hard limit of this container": outside,
        "fs.nr_open of the machine around this container": ceiling if contained else None,
    }
    known_bounds = {what: most for what, most in bounds.items() if most is not None}
    for what, most in known_bounds.items():
        if most < need:
            raise Refusal(
                "maxconn %d needs %d descriptors, and %s is %d. Raise it there, or lower front_tier_connections.%s"
                % (found["maxconn"], need, what, most, NOTHING)
            )
    row, boot = service_of(audit, found["unit"])
    ask = wish
    if not isinstance(wish, dict):
        ask = min([given or max(NOFILE_LEAST, need), *known_bounds.values()])
        ask = ask if given else keeping(ask, boot.get("hard"), ceiling)
    side = "hard" if found["program"] == "haproxy" else "soft"  # HAProxy raises its own soft limit, nginx does not
    has = [boot.get(side), *((known(one.get("nofile"), {}) or {}).get("hard") for one in row.get("processes") or [])]
    enough = bool(boot) and all(one == "unlimited" or (number(one) or 0) >= need for one in has)
    if given:  # exactly that, as the unit's files have it: HAProxy 2.2 lowers its own soft limit again
        enough = enough and boot == (wish if isinstance(wish, dict) else {"soft": given, "hard": given})
    return {"nofile": 0 if given == 0 or enough else ask, "memory": _memory(audit, found, row)}


def _memory(audit: dict[str, Any], found: dict[str, Any], row: dict[str, Any]) -> int:
    """Return the bytes that maxconn idle connections take. Raises Refusal where the host has less."""
    tracked = (audit.get("conntrack") or {}).get("active") is True
    lanes = found["files_each"] // 2
    each = memory.for_dialled(found["program"], tracked) + (lanes - 1) * memory.PROGRAMS[found["program"]].relayed
    need = int(each * found["maxconn"])
    available = memory.available(audit)
    ends = sum(number(one.get("connections")) or 0 for one in row.get("processes") or [])
    if available is not None and need > available + ends // found["files_each"] * each:
        raise Refusal(
            "maxconn %d takes %d bytes of memory (%d for each idle connection), and %d are available. Lower front_tier_connections, or add"
            " memory or hosts.%s" % (found["maxconn"], need, each, available, NOTHING)
        )
    return need
