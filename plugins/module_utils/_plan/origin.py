# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An origin as a user asks for it: the listeners that its program has to be given, and what they need. Pure. Private to the collection."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Own
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import proxy
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.addresses import parse_addresses
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import OWN_FILES, Spare
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import keeping
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.proxy import NOTHING, Endpoint

PROGRAMS = ("nginx", "varnish", "haproxy", "none")
BACKLOG_MOST = 65535
THREADS = 5000  # that a pool of Varnish has by itself; there are two of them
POOLS = 2
QUEUES = ("net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog")
# systemctl cat writes the path of each file above it
CAT_FILE = re.compile(r"^# (/\S+)$", re.MULTILINE)


def origin(options: dict[str, Any], audit: dict[str, Any], seen: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Return the listeners of an origin, all of them checked.

    options: {name of a variable without front_tier_: value}; audit: of this host; seen: {version, ours: our configuration so far, others:
    paths of other roles' files, unit: what systemctl cat prints}; check: addresses may still be missing.
    Raises Refusal.
    """
    program = proxy.program_of(dict(options, service=options.get("service") or "none"), PROGRAMS)
    unit = None if program == "none" else program + ".service"
    version = proxy.version_of(program, seen.get("version") or "") if unit else None
    if unit:
        proxy.check_roles("origin", seen)
    added = _added(options)
    asked = _listeners(options, added)
    if not check:
        _check_addresses(audit, asked)
    ours = str(seen.get("ours") or "")
    there = _own_listeners(audit, unit, ours)
    # what the site's own configuration listens on already is as good
    listen = [one for one in asked if one[:2] not in {other[:2] for other in there}]
    if unit:
        proxy.check_listeners(audit, listen, unit, ours, name="front_tier_listeners")
    backlog = proxy.whole(options, "backlog", 1, BACKLOG_MOST) or BACKLOG_MOST
    found: dict[str, Any] = {
        "program": program,
        "unit": unit,
        "version": "%d.%d" % version if version else None,
        "listen": [{"address": one.text, "more": one.more, "only_six": ":" in one.address} for one in listen],
        "listeners": [one.text for one in asked],
        "backlog": backlog,
        "settings": _settings(audit, backlog),
        "marks": ["/etc/haproxy/conf.d"] if program == "haproxy" else [],
        "pairs": _pairs(audit, asked, added, options.get("interface")),
    }
    lines = options.get("server_lines") or []
    if program == "haproxy" and not lines:
        raise Refusal(
            "front_tier_server_lines is empty: say what HAProxy does with what it accepts, such as [default_backend app].%s" % NOTHING
        )
    if program == "varnish":
        found.update(_varnish(options, audit, seen, found))
    return dict(found, **_nofile(options, audit, unit)) if unit else found


def _added(options: dict[str, Any]) -> list[str]:
    """Return the addresses that the role adds, without their prefixes. Raises Refusal."""
    if options.get("address_kind") == "local_route":
        return []
    return [row.host for row in parse_addresses("front_tier_addresses", options.get("addresses") or [])]


def _listeners(options: dict[str, Any], added: list[str]) -> list[Endpoint]:
    """Return the listeners: a port alone is on every address. Raises Refusal."""
    six = any(":" in address for address in added)
    texts: list[str] = []
    for value in options.get("listeners") or []:
        if re.match(r"\d{1,5}\Z", str(value), re.A):
            texts += ["0.0.0.0:%s" % value] + (["[::]:%s" % value] if six else [])
        else:
            texts.append(str(value))
    return proxy.parse_endpoints("front_tier_listeners", texts, wildcard=True)


def _check_addresses(audit: dict[str, Any], asked: list[Endpoint]) -> None:
    own = Own(audit)
    missing = sorted({one.address for one in asked if not ipaddress.ip_address(one.address).is_unspecified and one.address not in own})
    if missing:
        raise Refusal(
            "front_tier_listeners: this host has no address %s. Name it in front_tier_addresses, or leave it out.%s"
            % (", ".join(missing), NOTHING)
        )


def _own_listeners(audit: dict[str, Any], unit: str | None, ours: str) -> list[Endpoint]:
    """Return what the service listens on without us; where the role only checks, whatever listens."""
    mine = {(one.address, one.port) for one in proxy.listens_of(ours)}
    rows = [row for row in known(audit.get("listeners"), []) or [] if unit is None or row.get("service") == unit]
    found = [Endpoint(str(row["address"]).partition("%")[0], int(row["port"])) for row in rows]
    return [one for one in found if one[:2] not in mine]


def _settings(audit: dict[str, Any], backlog: int) -> dict[str, int]:
    """Return the queues that are too short for the backlog: the kernel would shorten it without a word."""
    limits = Limits(audit)
    return {name: backlog for name in QUEUES if (limits.number(name) or 0) < backlog}


def _pairs(audit: dict[str, Any], asked: list[Endpoint], added: list[str], interface: Any) -> list[dict[str, Any]]:
    """Return what another host has to be able to dial: a port on every address means those added, or else those of the interface."""
    rows = [row for row in known(audit.get("addresses"), []) or [] if not row.get("local_route") and row["interface"] != "lo"]
    own = [str(ipaddress.ip_interface(row["address"]).ip) for row in rows if interface in (None, "", row["interface"])]
    reachable = added or [address for address in own if not ipaddress.ip_address(address).is_link_local]
    found = []
    for one in asked:
        wild = ipaddress.ip_address(one.address).is_unspecified
        for address in [other for other in reachable if (":" in other) == (":" in one.address)] if wild else [one.address]:
            found.append({"address": address, "port": one.port})
    return found


def exec_start(text: str, ours: str) -> list[str]:
    """Return the words of the last ExecStart= of a unit, as systemctl cat prints it, without the file `ours`. Raises Refusal."""
    parts = CAT_FILE.split(text)
    bodies = [body for path, body in zip(parts[1::2], parts[2::2]) if path != ours]
    lines = re.findall(r"^ExecStart=(.*)$", re.sub(r"\\\n\s*", " ", "\n".join(bodies)), re.MULTILINE)
    if not lines or not lines[-1].strip():
        raise Refusal("varnish.service has no ExecStart that can be added to. Install Varnish first.%s" % NOTHING)
    return shlex.split(lines[-1])


def _varnish(options: dict[str, Any], audit: dict[str, Any], seen: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return what Varnish is started with, and the listeners that it dials with their caps. It has no source address for a backend."""
    words = exec_start(str(seen.get("unit") or ""), str(seen.get("drop_in") or ""))
    backends: list[dict[str, Any]] = []
    if options.get("upstreams"):
        ports = proxy.usable_ports(options, audit)
        most, workers = proxy.line_of(options, ports)
        cap = most // workers
        if most > ports or cap < 1:
            raise Refusal("front_tier_line_maxconn: %d of %d ports for each listener leave %d connections.%s" % (most, ports, cap, NOTHING))
        for index, there in enumerate(proxy.parse_endpoints("front_tier_upstreams", options["upstreams"])):
            backends.append({"name": "front_tier_%d" % (index + 1), "host": there.address, "port": there.port, "maxconn": cap})
    carried = sum(int(one["maxconn"]) for one in backends)
    expected = proxy.whole(options, "connections", 1) or carried
    extra = ["-p", "listen_depth=%d" % found["backlog"]]
    for one in found["listen"]:
        extra += ["-a", one["address"]]
    if max(expected, carried) > THREADS * POOLS:  # a thread for each fetch
        extra += ["-p", "thread_pool_max=%d" % -(-max(expected, carried) // POOLS)]
    if backends and options.get("manage") == "full":
        at = words.index("-f") if "-f" in words else None
        words = words[:at] + words[at + 2 :] if at is not None else words
        extra += ["-f", "/etc/varnish/front-tier.vcl"]
    marks = ["%s %s" % pair for pair in zip(extra[::2], extra[1::2])]
    return {"command": " ".join(shlex.quote(word) for word in words + extra), "backends": backends, "carried": carried, "marks": marks}


def _nofile(options: dict[str, Any], audit: dict[str, Any], unit: str) -> dict[str, Any]:
    """Return the descriptors that the unit has to get, 0 where it has enough: one for each connection, and some of its own."""
    expected = proxy.whole(options, "connections", 1)
    given = proxy.whole(options, "nofile", 0)
    _row, boot = proxy.service_of(audit, unit)
    if given is not None or expected is None:
        return {"nofile": 0 if boot == {"soft": given, "hard": given} else given or 0}
    need = Spare.less(proxy.headroom_of(options)).over(expected) + OWN_FILES
    enough = boot.get("soft") == "unlimited" or (number(boot.get("soft")) or 0) >= need
    return {"nofile": 0 if enough else keeping(max(need, proxy.NOFILE_LEAST), boot.get("hard"), Limits(audit).number("fs.nr_open"))}
