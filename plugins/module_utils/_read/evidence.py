# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of a live front tier: what HAProxy, nginx, Varnish, their logs and the kernel show of it. Private to the collection.

Nothing is changed: HAProxy's stats socket is asked `show`, logs are read, other programs only list.
"""

from __future__ import annotations

import datetime
import os
import re
import socket
import time
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, absent_for, is_absent, known
from ansible_collections.c10m.front_tier.plugins.module_utils._model.symptoms import signs_in
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conntrack import STAT, parse_stat
from ansible_collections.c10m.front_tier.plugins.module_utils._read.counters import parse_pairs
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import pids_of, read_processes
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.routing import read_routes, read_rules
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot

PROGRAMS = ("haproxy", "nginx", "varnishd", "cache-main")
SUBSETS = ("min", "accept", "conntrack", "sockets")
UNITS = ("haproxy.service", "nginx.service", "varnish.service")
LIMITS = (
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.netfilter.nf_conntrack_max",
)
TAIL = 256 * 1024  # bytes of a log that are looked at
MOST_LINES = 5000
MOST_ANSWER = 32 << 20  # bytes; a server line of `show stat` takes some 500
STAMPS = (  # nginx; syslog of today; RFC 3339
    (re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) "), "%Y/%m/%d %H:%M:%S"),
    (re.compile(r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) "), "%b %d %H:%M:%S"),
    (re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)"), "%Y-%m-%dT%H:%M:%S"),
)


class Sources(NamedTuple):
    """Where the evidence is. logs: files; since: seconds of the past that count; watch: seconds between the two looks at counters."""

    haproxy_config: str
    haproxy_socket: str | None
    logs: tuple[str, ...]
    varnish: str | None
    since: int
    watch: float


def read_evidence(root: Root, sources: Sources) -> dict[str, Any]:
    """Return the evidence of this host (docs/diagnose.md)."""
    config = read_config(root, sources.haproxy_config)
    stats = sources.haproxy_socket or (known(config, {}) or {}).get("stats_socket")
    before, begin = read_counts(root, sources.varnish), time.monotonic()
    evidence: dict[str, Any] = {
        "haproxy_config": config,
        "haproxy_info": ask(stats, "show info", parse_info),
        "haproxy_servers": ask(stats, "show stat", parse_stats),
        "processes": read_programs(root),
        "routing": read_routing(),
        "snapshot": kept(read_snapshot(root, SUBSETS, sample=0)),
    }
    time.sleep(max(0.0, sources.watch - (time.monotonic() - begin)))
    after = read_counts(root, sources.varnish)
    evidence["grown"] = {name: after[name] - before[name] for name in sorted(after) if after[name] > before.get(name, after[name])}
    evidence["logs"] = signs_in(read_lines(root, sources))
    return evidence


def kept(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return of a snapshot what symptoms are judged by: the rest is the audit's."""
    found: dict[str, Any] = {name: snapshot[name] for name in ("host", "addresses", "listeners", "conntrack") if name in snapshot}
    found["limits"] = [row for row in snapshot["limits"] if row["name"] in LIMITS or row["name"].endswith(".rp_filter")]
    found["sockets"] = {name: snapshot["sockets"].get(name) for name in ("flows", "bound", "tcp")}
    return found


# --- HAProxy


def read_config(root: Root, path: str) -> Any:
    """Return what HAProxy's configuration says of sources, transparency, its user and its socket; or the absence."""
    names = [name for name in root.names(path) if name.endswith(".cfg")]
    texts = [root.text("%s/%s" % (path, name)) for name in names] if names else [root.text(path)]
    for text in texts:
        if is_absent(text):
            return text
    found = parse_config("\n".join(map(str, texts)))
    shown = run("haproxy", "-v")
    version = re.search(r"version (\d+)\.(\d+)", text_of(shown))
    return dict(found, version=[int(part) for part in version.groups()] if version else None)


def parse_config(text: str) -> dict[str, Any]:
    """Return {servers: [{name, address, port}], sources, usesrc, transparent_binds, user, stats_socket, strict_limits}."""
    servers: list[dict[str, Any]] = []
    sources: list[str] = []
    found: dict[str, Any] = {"usesrc": False, "transparent_binds": False, "user": False, "stats_socket": None, "strict_limits": True}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] in ("user", "group", "uid", "gid"):
            found["user"] = True
        if words[:2] == ["stats", "socket"] and len(words) > 2 and words[2].startswith("/"):
            found["stats_socket"] = found["stats_socket"] or words[2]
        if words[:2] == ["no", "strict-limits"]:
            found["strict_limits"] = False
        if words[0] == "bind" and "transparent" in words:
            found["transparent_binds"] = True
        if words[0] in ("server", "source", "default-server") and "usesrc" in words:
            found["usesrc"] = True
        if words[0] == "server" and len(words) > 2:
            address, _colon, port = words[2].rpartition(":")
            servers.append({"name": words[1], "address": address.strip("[]"), "port": int(port) if port.isdecimal() else None})
        if "source" in words[:-1] and "usesrc" not in words:
            bound = re.match(r"([0-9.]+)(:[0-9-]+)?\Z", words[words.index("source") + 1])
            if bound and bound.group(1) != "0.0.0.0" and bound.group(1) not in sources:
                sources.append(bound.group(1))
    known_servers = [one for one in servers if re.match(r"[0-9a-fA-F.:]+\Z", one["address"]) and one["address"] != "0.0.0.0"]
    return dict(found, servers=known_servers, sources=sources)


def ask(path: str | None, command: str, parse: Any, seconds: float = 2.0) -> Any:
    """Return what HAProxy answers on its stats socket, parsed; or the absence."""
    if not path:
        return absent(
            "unknown", "no stats socket is named in HAProxy's configuration: add `stats socket /run/haproxy/admin.sock level user`"
        )
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(seconds)
            sock.connect(path)
            sock.sendall(command.encode() + b"\n")
            return parse(_all_of(sock, time.monotonic() + seconds).decode("utf-8", "replace"))
    except OSError as error:
        return absent_for(error, path)


def _all_of(sock: socket.socket, until: float) -> bytes:
    """Return what a peer sends until it ends. Raises OSError where that takes too long, or is more than any HAProxy says."""
    parts: list[bytes] = []
    left = MOST_ANSWER
    while left > 0 and time.monotonic() < until:
        sock.settimeout(max(0.01, until - time.monotonic()))
        part = sock.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
        left -= len(part)
    raise OSError(0, "its answer does not end")


def parse_info(text: str) -> dict[str, Any]:
    """Return {name: number or text} of `show info`."""
    pairs = (line.partition(": ") for line in text.splitlines() if ": " in line)
    return {name: int(value) if value.strip().isdecimal() else value.strip() for name, _colon, value in pairs}


def parse_stats(text: str) -> list[dict[str, Any]]:
    """Return [{proxy, name, scur, slim, qcur, status, last_check}] of the server lines of `show stat`."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].startswith("# "):
        return []
    names = lines[0][2:].split(",")
    found = []
    for line in lines[1:]:
        row = dict(zip(names, line.split(",")))
        if row.get("svname") not in ("FRONTEND", "BACKEND", None):
            numbers = {key: int(row[key]) if row.get(key, "").isdecimal() else None for key in ("scur", "slim", "qcur", "econ")}
            check = " ".join(part for part in (row.get("check_desc"), row.get("last_chk")) if part)
            found.append(dict(numbers, proxy=row.get("pxname"), name=row["svname"], status=row.get("status"), last_check=check))
    return found


# --- processes, counters, rules


def read_programs(root: Root) -> list[dict[str, Any]]:
    """Return the processes of proxies in this network namespace, with their effective capabilities."""
    here = _namespace(root, "self")
    pids = [
        pid
        for pid in pids_of(root)
        if text_of(root.text("/proc/%d/comm" % pid)).strip() in PROGRAMS and _namespace(root, pid) in (here, None)
    ]
    processes = read_processes(root, pids)
    found = []
    for one in processes:
        held = re.search(r"^CapEff:\s*([0-9a-f]{1,16})\b", text_of(root.text("/proc/%d/status" % one["pid"])), re.M)
        keep = {key: one[key] for key in ("pid", "program", "uid", "nofile", "files_open")}
        found.append(dict(keep, capabilities=int(held.group(1), 16) if held else absent("unreadable", "/proc/PID/status: no CapEff")))
    parents = {one["parent"] for one in processes}
    workers = [one for one in found if one["pid"] not in parents]  # a master holds no connection
    return workers or found


def _namespace(root: Root, pid: Any) -> str | None:
    """Return the network namespace of a process, None where that may not be seen; "" for a process that has ended."""
    try:
        return os.readlink(root.path("/proc/%s/ns/net" % pid))
    except PermissionError:
        return None
    except OSError:
        return ""


def read_counts(root: Root, varnish: str | None) -> dict[str, int]:
    """Return {counter: number} of what only its growth tells: reverse path filter, conntrack, Varnish's backends."""
    pairs = parse_pairs(text_of(root.text("/proc/net/netstat"))).get("TcpExt", {})
    found = {"IPReversePathFilter": pairs.get("IPReversePathFilter", 0)}
    found.update(
        {"conntrack." + name: value for name, value in parse_stat(text_of(root.text(STAT))).items() if name in ("drop", "early_drop")}
    )
    command = ["varnishstat", "-1"] + (["-n", varnish] if varnish else []) + ["-f", "VBE.*"]
    found.update(parse_varnish(text_of(run(*command))))
    return found


def parse_varnish(text: str) -> dict[str, int]:
    """Return {counter: number} of `varnishstat -1`."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[0].startswith("VBE.") and row[1].isdecimal()}


def read_routing() -> Any:
    """Return {rules: [{iif, mark, table}], local_tables, socket_marks, tproxy}: what transparency needs; or the absence."""
    try:
        marked = [rule for rule in read_rules() if rule.mark]
        rules = [{"iif": _word(rule.name, "iif"), "mark": rule.mark, "table": rule.table} for rule in marked]
        routes = [route for table in sorted({rule.table for rule in marked}) for route in read_routes(table)]
        local = [route.table for route in routes if route.name.endswith(" default") and route.way.startswith("local")]
    except OSError as error:
        return absent_for(error, "rtnetlink")
    return dict(parse_ruleset(text_of(run("nft", "-s", "list", "ruleset"))), rules=rules, local_tables=sorted(set(local)))


def _word(name: str, key: str) -> str | None:
    words = name.split()
    return words[words.index(key) + 1] if key in words else None


def parse_ruleset(text: str) -> dict[str, Any]:
    """Return {socket_marks: [interface or *], tproxy: [{iif, port, dport, closed}]} of what `nft list ruleset` prints."""
    marks: set[str] = set()
    caught: list[dict[str, Any]] = []
    for line in (one.strip() for one in text.splitlines()):
        sides = _interfaces(line)
        target = re.search(r"\btproxy (?:ip6? )?to (?:\S*?:)?:?(\d+)\b", line)
        if target:
            caught.append({"iif": sides, "port": int(target.group(1)), "dport": _dport(line), "closed": False})
        elif "socket transparent" in line and "mark set" in line:
            marks.update(sides or ["*"])
        elif re.search(r"\bdrop$|\breject", line):
            for one in caught:
                one["closed"] |= one["dport"] is not None and one["dport"] == _dport(line)
    return {"socket_marks": sorted(marks), "tproxy": caught}


def _interfaces(line: str) -> list[str]:
    match = re.search(r'\biif(?:name)? (\{[^}]*\}|"[^"]*")', line)
    return sorted(re.findall(r'"([^"]*)"', match.group(1))) if match else []


def _dport(line: str) -> str | None:
    match = re.search(r"\bdport (\{[^}]*\}|\S+)", line)
    return match.group(1) if match else None


# --- logs


def read_lines(root: Root, sources: Sources) -> Iterable[str]:
    """Yield the lines of the last `since` seconds: of the files that are named, and of the journal."""
    for path in sources.logs:
        yield from tail(root, path, sources.since)
    asked = ("journalctl", "--no-pager", "-q", "-o", "cat", "--since=-%ds" % sources.since, "-n", str(MOST_LINES))
    yield from text_of(run(*asked, *("--unit=%s" % unit for unit in UNITS))).splitlines()
    yield from text_of(run(*asked, "-k")).splitlines()


def tail(root: Root, path: str, since: int) -> list[str]:
    """Return the last lines of a log, without those whose time is older; of a file that nobody wrote to meanwhile, none."""
    try:
        with os.fdopen(root.opened(path), "rb") as file:
            now = time.time()
            if now - os.fstat(file.fileno()).st_mtime > since:
                return []
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            lines = file.read(TAIL).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    today = datetime.datetime.fromtimestamp(now)
    return [line for line in lines[-MOST_LINES:] if is_recent(line, today, since)]


def is_recent(line: str, now: datetime.datetime, since: int) -> bool:
    """Tell whether a line is not older than `since` seconds; one without a time that is known counts."""
    for pattern, form in STAMPS:
        match = pattern.match(line)
        if match:
            text, shape = match.group(1), form
            if "%Y" not in form:
                text, shape = "%d %s" % (now.year, text), "%Y " + form
            try:
                then = datetime.datetime.strptime(text, shape)
            except ValueError:
                return True
            return (now - then).total_seconds() <= since
    return True
