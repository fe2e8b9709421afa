# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Symptoms of a front tier that loses connections, and the causes that the evidence of a host shows. Pure. Private to the collection.

Evidence is what `tier_evidence_info` reads (docs/diagnose.md). A cause is named only where the state or the log of the last minutes
proves it, so a healthy host has none. Numbers and facts: front-tier-recipes, 13.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Callable, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent, known, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import time_wait_reuse
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Own

NET_ADMIN, NET_RAW = 12, 13  # capability(7): either lets a process bind an address that is not the host's
KEEPS_RAW = (2, 9)  # from this version on, HAProxy keeps cap_net_raw through `setcap` although it changes its user
NEARLY = 0.95

# What a line of a log says. The words are those of HAProxy 2.2 to 3.0, nginx 1.18 to 1.26 and Linux 5.10 to 6.18.
SIGNS: dict[str, str] = {
    "connect_failed": r" SC[-A-Z]{2} ",
    "connect_timeout": r" sC[-A-Z]{2} ",
    "queue_timeout": r" sQ[-A-Z]{2} ",
    "no_free_ports": r"no free ports",
    "check_without_port": r"DOWN.*(Out of local source ports|Cannot assign requested address)",
    "cannot_bind_source": r"Cannot bind to source address",
    "fd_limit_at_start": r"Cannot raise FD limit|FD limit \(\d+\) too low",
    "fd_limit_reached": r"reached process FD limit|Cannot get a server socket",
    "full_privileges": r"require full privileges, so global\.[ug]id cannot be changed",
    "nginx_no_port": r"\(99: (Cannot assign requested address|Address not available)\) while connecting to upstream",
    "nginx_no_live": r"no live upstreams while connecting to upstream",
    "nginx_connections": r"\d+ worker_connections are not enough",
    "nginx_files": r"\((23|24): (Too many open files|No file descriptors available)",
    "conntrack_full": r"nf_conntrack: .*table full",
}


class Cause(NamedTuple):
    """A cause: which symptom of the table it is, what is wrong, what shows it, the command to look oneself, and what helps."""

    symptom: int
    name: str
    cause: str
    evidence: str
    command: str
    remedy: str


class Case:
    """The evidence of one host, and what the rules ask of it."""

    def __init__(self, evidence: dict[str, Any]) -> None:
        self.evidence = evidence
        self.snapshot: dict[str, Any] = evidence.get("snapshot") or {}
        self.config: dict[str, Any] = known(evidence.get("haproxy_config"), {}) or {}
        self.info: dict[str, Any] = known(evidence.get("haproxy_info"), {}) or {}
        self.servers: list[dict[str, Any]] = known(evidence.get("haproxy_servers"), []) or []
        self.routing: dict[str, Any] = known(evidence.get("routing"), {}) or {}
        self.grown: dict[str, int] = evidence.get("grown") or {}
        self.processes: list[dict[str, Any]] = evidence.get("processes") or []

    def said(self, sign: str) -> int:
        """Return how many lines of the logs of late say so."""
        return number(((self.evidence.get("logs") or {}).get(sign) or {}).get("count")) or 0

    def line(self, sign: str) -> str:
        """Return the last of these lines."""
        return str(((self.evidence.get("logs") or {}).get(sign) or {}).get("last") or "")

    def running(self, program: str) -> list[dict[str, Any]]:
        """Return the processes of a program."""
        return [one for one in self.processes if one.get("program") == program]

    def usable(self) -> int:
        """Return the ports that one source has for one destination."""
        return portsets.count(portsets.usable(self.snapshot))

    def targets(self) -> set[tuple[str, int]]:
        """Return the listeners that the lines of HAProxy dial."""
        return {
            (str(one["address"]), int(one["port"])) for one in self.config.get("servers") or [] if one.get("address") and one.get("port")
        }

    def flows(self) -> list[dict[str, Any]]:
        """Return the flows that this host dials: to the lines of HAProxy, or all where there are none."""
        rows = [one for one in (self.snapshot.get("sockets") or {}).get("flows") or [] if not one.get("accepted")]
        targets = self.targets()
        return [one for one in rows if (one["destination"], one["port"]) in targets] if targets else rows

    def full(self) -> list[dict[str, Any]]:
        """Return the flows of which every port is taken by a connection."""
        ports = self.usable()
        return [one for one in self.flows() if ports and one["connections"] >= ports - 1]

    def waiting(self) -> list[dict[str, Any]]:
        """Return the flows of which every port is taken, most of them by TIME_WAIT, which connect() may not reuse."""
        ports = self.usable()
        if time_wait_reuse(self.snapshot) == 1:
            return []
        return [
            one for one in self.flows() if ports and one["time_wait"] * 2 > ports and one["connections"] + one["time_wait"] >= ports - 2
        ]

    def transparent(self) -> bool:
        """Tell whether HAProxy shows its servers the clients' addresses, or takes what it is not addressed by."""
        return bool(self.config.get("usesrc") or self.config.get("transparent_binds"))

    def may_bind(self) -> bool:
        """Tell whether the workers of HAProxy may bind addresses that are not the host's; where it is not known, they may."""
        held = [number(one.get("capabilities")) for one in self.running("haproxy")]
        return not held or any(one is None or one >> NET_RAW & 1 or one >> NET_ADMIN & 1 for one in held)

    def towards(self) -> set[str]:
        """Return the interfaces in whose networks the servers of HAProxy are."""
        found = set()
        for row in known(self.snapshot.get("addresses"), []) or []:
            network = ipaddress.ip_interface(row["address"]).network
            if not row.get("local_route") and any(ipaddress.ip_address(address) in network for address, _port in self.targets() if address):
                found.add(str(row["interface"]))
        return found - {"lo"}

    def marked(self) -> set[str]:
        """Return the interfaces whose packets of transparent sockets get a mark; `*` where a rule does not say."""
        return set(self.routing.get("socket_marks") or [])

    def delivered(self) -> set[str]:
        """Return the interfaces whose marked packets are delivered here: a rule with a mark, and a table with a local default."""
        tables = set(self.routing.get("local_tables") or [])
        return {str(rule.get("iif") or "*") for rule in self.routing.get("rules") or [] if rule.get("mark") and rule.get("table") in tables}


Rule = Callable[[Case], Iterator[Cause]]


def diagnose(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the causes that the evidence of a host shows, the most particular first, as plain data."""
    case = Case(evidence)
    found: dict[int, Cause] = {}
    for rule in RULES:
        for one in rule(case):
            found.setdefault(one.symptom, one)
    return [one._asdict() for one in found.values() if not _explained(one.symptom, set(found))]


# What another cause explains: without a capability or a source address no connect() succeeds, whatever else the log says of it.
EXPLAINED_BY: dict[int, set[int]] = {1: {3, 19}, 5: {18, 19}, 8: {7}, 14: {15, 16, 19}}


def _explained(symptom: int, found: set[int]) -> bool:
    return bool(EXPLAINED_BY.get(symptom, set()) & found)


def _ss(flow: dict[str, Any]) -> str:
    return "ss -Htan 'src %s and dst %s and dport = :%d' | awk '{print $1}' | sort | uniq -c" % (
        flow["source"],
        flow["destination"],
        flow["port"],
    )


def _way(flow: dict[str, Any]) -> str:
    return "%s -> %s:%d" % (flow["source"], flow["destination"], flow["port"])


def _haproxy_ports(case: Case) -> Iterator[Cause]:
    """Yield 3 and 1: the ports of a line are used up, by TIME_WAIT or by connections."""
    failed = case.said("no_free_ports") or case.said("connect_failed")
    for flow in case.waiting() if failed else []:
        yield Cause(
            3,
            "time_wait_holds_ports",
            "Old connections in TIME_WAIT hold the ports of a line, and leastconn keeps choosing it since it looks idle.",
            "%s: %d of %d ports wait, %d are connected; %s"
            % (_way(flow), flow["time_wait"], case.usable(), flow["connections"], _logged(case)),
            _ss(flow),
            "Set net.ipv4.tcp_tw_reuse to 1 on this host, and reload in place of restarting.",
        )
    full = case.full()
    if failed and full and not case.waiting():
        flow = full[0]
        yield Cause(
            1,
            "ports_used_up",
            "Every port of a source address towards a listener is in use.",
            "%s: %d connections on %d usable ports; %s" % (_way(flow), flow["connections"], case.usable(), _logged(case)),
            _ss(flow),
            "Widen the range, add source addresses or listeners (c10m.front_tier.plan), and give each line a maxconn of 95 % of its ports.",
        )


def _logged(case: Case) -> str:
    line = case.line("no_free_ports") or case.line("connect_failed")
    return 'the log says "%s"' % line[-120:] if line else "no line in a log"


def _queue(case: Case) -> Iterator[Cause]:
    """Yield 2: all lines are at their maxconn, which is the cap that was designed."""
    capped = [one for one in case.servers if number(one.get("slim")) and (number(one.get("scur")) or 0) >= int(one["slim"])]
    if case.said("queue_timeout") and not case.said("connect_failed") and capped and len(capped) == len(case.servers):
        yield Cause(
            2,
            "lines_at_maxconn",
            "Every server line is at its maxconn: requests wait in the queue until they time out. The cap works as designed.",
            "%s of %s; %d requests timed out in the queue"
            % (
                ", ".join("%s/%s %s" % (one["proxy"], one["name"], one["scur"]) for one in capped[:4]),
                capped[0]["slim"],
                case.said("queue_timeout"),
            ),
            "echo 'show stat' | socat stdio STATS_SOCKET | cut -d, -f1-8",
            "Add pairs of source and listener: c10m.front_tier.plan says how many.",
        )


def _check(case: Case) -> Iterator[Cause]:
    """Yield 4: a health check found no port, and took a healthy server out."""
    down = [
        one
        for one in case.servers
        if str(one.get("status")).startswith("DOWN") and re.search("local source ports|Cannot assign", str(one.get("last_check")))
    ]
    if down or case.said("check_without_port"):
        which = ", ".join("%s/%s" % (one["proxy"], one["name"]) for one in down) or case.line("check_without_port")[-120:]
        yield Cause(
            4,
            "check_without_port",
            "A health check found no free port here, and a healthy server was taken out for it.",
            "%s: %s" % (which, down[0]["last_check"] if down else "as the log says"),
            "echo 'show servers state' | socat stdio STATS_SOCKET; echo 'show stat' | socat stdio STATS_SOCKET | grep DOWN",
            "Give each line a maxconn of 95 % of its ports: the rest is for checks.",
        )


def _source(case: Case) -> Iterator[Cause]:
    """Yield 5: a source address cannot be bound."""
    own = Own(case.snapshot)
    missing = [one for one in case.config.get("sources") or [] if one not in own]
    if case.said("cannot_bind_source") or (missing and case.running("haproxy")):
        yield Cause(
            5,
            "source_address_missing",
            "A source address of a server line cannot be bound: it is not on this host, or its own port range is full or shared.",
            "%s; %d lines in the log"
            % ("not here: %s" % ", ".join(missing) if missing else "all sources are here", case.said("cannot_bind_source")),
            "ip -br address; ip route show table local type local",
            "Add the address (c10m.front_tier.secondary_interfaces), or correct the `source` of the line.",
        )


def _maxconn(case: Case) -> Iterator[Cause]:
    """Yield 6: the global maxconn is reached; clients wait in the accept queue, and nothing is logged."""
    most, held = number(case.info.get("Maxconn")), number(case.info.get("CurrConns"))
    queued = [one for one in case.snapshot.get("listeners") or [] if (number(one.get("queued")) or 0) > 0]
    if most is not None and held is not None and held >= most and queued:
        yield Cause(
            6,
            "global_maxconn",
            "HAProxy is at its global maxconn: it accepts no more, and clients wait in the accept queue. It does not log that.",
            "CurrConns %d of Maxconn %d; %s:%s has %s waiting" % (held, most, queued[0]["address"], queued[0]["port"], queued[0]["queued"]),
            "echo 'show info' | socat stdio STATS_SOCKET | grep -i conn; ss -Hltn",
            "Raise maxconn together with LimitNOFILE (2 x maxconn + 100).",
        )


def _files(case: Case) -> Iterator[Cause]:
    """Yield 7 and 8: HAProxy does not start for want of descriptors, or runs out of them."""
    if case.said("fd_limit_at_start") and not case.running("haproxy"):
        yield Cause(
            7,
            "descriptors_at_start",
            "HAProxy refuses to start: its maxconn needs more descriptors than it may have.",
            case.line("fd_limit_at_start")[-200:],
            "systemctl show haproxy -p LimitNOFILE; sysctl fs.nr_open",
            "Raise LimitNOFILE of the unit (c10m.front_tier.fd_limits raises fs.nr_open with it).",
        )
    if case.said("fd_limit_reached") and case.running("haproxy"):
        each = case.running("haproxy")[-1]
        yield Cause(
            8,
            "descriptors_used_up",
            "HAProxy runs with fewer descriptors than its maxconn needs (no strict-limits), and has none left.",
            "%s; nofile %s, %s open" % (case.line("fd_limit_reached")[-160:], each.get("nofile"), each.get("files_open")),
            "grep files /proc/$(pidof -s haproxy)/limits; ls /proc/$(pidof -s haproxy)/fd | wc -l",
            "Raise LimitNOFILE of the unit, and take out no strict-limits.",
        )


def _nginx(case: Case) -> Iterator[Cause]:
    """Yield 9, 10 and 11: what nginx logs where it cannot dial or accept."""
    if case.said("nginx_no_live"):
        yield Cause(
            10,
            "max_fails",
            "nginx took its upstreams out after one failed connect() (max_fails=1): it refuses although ports may be free.",
            case.line("nginx_no_live")[-200:],
            "grep -c 'no live upstreams' /var/log/nginx/error.log",
            "Set max_fails=0 on each server of the upstream.",
        )
    if case.said("nginx_no_port"):
        yield Cause(
            9,
            "nginx_no_port",
            "A source address of nginx has no port left towards a listener; by hash, one source fills before another.",
            "%d times, such as: %s" % (case.said("nginx_no_port"), case.line("nginx_no_port")[-200:]),
            "ss -Htan state established | awk '{print $3, $4}' | sed 's/:[0-9]* / /' | sort | uniq -c",
            "Dial through lanes in place of split_clients, or add sources or listeners.",
        )
    if case.said("nginx_connections") or case.said("nginx_files"):
        yield Cause(
            11,
            "nginx_connections",
            "nginx is at its worker_connections or at its descriptors: each client takes two of them, four through a lane.",
            (case.line("nginx_connections") or case.line("nginx_files"))[-200:],
            "nginx -T 2>/dev/null | grep -E 'worker_(connections|rlimit_nofile|processes)'",
            "Raise worker_connections and worker_rlimit_nofile: 2 or 4 for each connection expected.",
        )


def _varnish(case: Case) -> Iterator[Cause]:
    """Yield 12 and 13: backends of Varnish held down, or at their cap, while we looked."""
    for symptom, name, counter, cause, remedy in (
        (
            12,
            "varnish_held_down",
            "helddown",
            "Varnish holds a backend down for 10 s after one connect() without a port, and refuses without a try.",
            "Cap each backend with .max_connections, and set backend_local_error_holddown to 1.",
        ),
        (
            13,
            "varnish_busy",
            "busy",
            "A backend of Varnish is at its .max_connections: the cap works as designed.",
            "Add listeners on the upstream, one backend each.",
        ),
    ):
        grown = {key: value for key, value in case.grown.items() if key.startswith("VBE.") and key.endswith("." + counter) and value > 0}
        if grown:
            shown = ", ".join("%s +%d" % item for item in sorted(grown.items())[:4])
            yield Cause(symptom, name, cause, shown, "varnishstat -1 -f 'VBE.*.%s'" % counter, remedy)


def _transparent(case: Case) -> Iterator[Cause]:
    """Yield 14, 16 and 17: what a transparent balancer needs of rules, routes and its own process."""
    routing = case.routing
    caught = routing.get("tproxy") or []
    listening = {int(one["port"]) for one in case.snapshot.get("listeners") or []}
    delivered = case.delivered()
    for rule in caught:
        sides = set(rule.get("iif") or [])
        if rule.get("port") and rule["port"] not in listening and not rule.get("closed"):
            yield Cause(
                17,
                "fails_open",
                "Nothing listens where connections are intercepted, so they are forwarded past the balancer: it fails open.",
                "tproxy to :%d, and no listener there; no drop behind it" % rule["port"],
                "nft list ruleset | grep -A1 tproxy; ss -Hltn 'sport = :%d'" % rule["port"],
                "Start the balancer; if it has to fail closed, set when_down: closed in transparent_routing.",
            )
        elif sides and not sides <= delivered and "*" not in delivered:
            lacking = ", ".join(sorted(sides - delivered))
            yield Cause(
                16,
                "front_rule_missing",
                "Intercepted connections are marked and then not delivered here: no rule of policy routing for the clients' interface.",
                "tproxy on %s; rules with a mark and a local table on: %s" % (lacking, ", ".join(sorted(delivered)) or "none"),
                "ip rule; ip route show table all type local default",
                "Add a rule for each interface: ip rule add iif %s fwmark 1 lookup 100 (transparent_routing does)." % lacking,
            )
    if not case.config.get("usesrc") or not case.running("haproxy"):
        return
    needed, marked = case.towards(), case.marked()
    unmarked = (needed or {"*"}) - marked if "*" not in marked else set()
    unrouted = (needed or {"*"}) - delivered if "*" not in delivered else set()
    if unmarked and (needed or not marked) or unrouted and (needed or not delivered):
        wrong = ["no mark for transparent sockets on %s" % ", ".join(sorted(unmarked))] if unmarked else []
        wrong += ["no rule with a mark to a local table on %s" % ", ".join(sorted(unrouted))] if unrouted else []
        yield Cause(
            14,
            "return_path_missing",
            "The servers' answers go to the clients' addresses and are not brought back to HAProxy. Its checks stay green all the same.",
            "; ".join(wrong) + _refused(case),
            "nft list ruleset | grep 'socket transparent'; ip rule; ip route show table all type local default",
            "Apply c10m.front_tier.transparent_routing with method return_path, and see what flushed it (a reload of nftables does).",
        )
    elif case.said("connect_timeout") and case.may_bind():
        yield Cause(
            14,
            "return_path_of_servers",
            "This host is complete, and yet answers do not come back: a server's route to the clients leads elsewhere.",
            "%d connections timed out (sC)" % case.said("connect_timeout"),
            "on each server: ip route get CLIENT from SERVER_ADDRESS",
            "On the servers, apply c10m.front_tier.transparent_routing with method backend_route.",
        )


def _refused(case: Case) -> str:
    return "; %d connections timed out (sC)" % case.said("connect_timeout") if case.said("connect_timeout") else ""


def _rp_filter(case: Case) -> Iterator[Cause]:
    """Yield 15: packets are dropped since their source is not routed back the way they came."""
    grown = case.grown.get("IPReversePathFilter", 0)
    strict = [name for name, row in Limits(case.snapshot).by_name.items() if name.endswith(".rp_filter") and known(row.get("value")) == 1]
    if grown > 0 and strict:
        yield Cause(
            15,
            "rp_filter",
            "Packets from clients are dropped by strict reverse path filtering: this host would answer them another way.",
            "TcpExtIPReversePathFilter grew by %d while we looked; %s is 1" % (grown, strict[0]),
            "nstat -az TcpExtIPReversePathFilter; sysctl -a 2>/dev/null | grep '[.]rp_filter = 1'",
            "Route the answers by source address (transparent_routing, method backend_route), or set rp_filter to 2.",
        )


def _privileges(case: Case) -> Iterator[Cause]:
    """Yield 18 and 19: HAProxy may not bind the clients' addresses."""
    version = tuple(case.config.get("version") or ())
    drops = case.config.get("user") and case.config.get("usesrc")
    if case.said("full_privileges") or (drops and not case.running("haproxy") and version and version < KEEPS_RAW):
        yield Cause(
            18,
            "user_with_usesrc",
            "HAProxy before 2.9 cannot both change its user and bind the clients' addresses; haproxy -c does not see that.",
            case.line("full_privileges")[-200:] or "user in global, and usesrc on a server line",
            "haproxy -v; grep -nE '^ *(user|group|uid|gid) |usesrc' /etc/haproxy/haproxy.cfg",
            "Take user and group out of global, and give the unit User= and AmbientCapabilities=CAP_NET_RAW.",
        )
    if case.config.get("usesrc") and not case.may_bind():
        yield Cause(
            19,
            "capability_missing",
            "HAProxy has neither CAP_NET_RAW nor CAP_NET_ADMIN: no connection from a client's address can be bound.",
            "CapEff %s; %d failed connects (SC)"
            % (", ".join("%#x" % one["capabilities"] for one in case.running("haproxy")), case.said("connect_failed")),
            "grep CapEff /proc/$(pidof -s haproxy)/status",
            "Give the unit AmbientCapabilities=CAP_NET_RAW, or from 2.9 on setcap cap_net_raw in global.",
        )


def _conntrack(case: Case) -> Iterator[Cause]:
    """Yield 20: the table of connection tracking is full."""
    track = known(case.snapshot.get("conntrack"), {}) or {}
    most, entries = number(track.get("max")), number(track.get("entries"))
    full = bool(most and entries is not None and entries >= NEARLY * most)
    lost = case.grown.get("conntrack.drop", 0) + case.grown.get("conntrack.early_drop", 0)
    if full or (case.said("conntrack_full") and lost):
        yield Cause(
            20,
            "conntrack_full",
            "The table of connection tracking is full: new connections are dropped. A relayed one takes two entries.",
            "%s of %s entries, %d dropped while we looked" % (entries, most, lost),
            "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max; conntrack -S",
            "Leave these connections out (notrack), or raise net.netfilter.nf_conntrack_max to 2.4 times the connections.",
        )


RULES: tuple[Rule, ...] = (
    _privileges,
    _files,
    _conntrack,
    _check,
    _source,
    _haproxy_ports,
    _queue,
    _maxconn,
    _nginx,
    _varnish,
    _rp_filter,
    _transparent,
)


def signs_in(lines: Any) -> dict[str, dict[str, Any]]:
    """Return {sign: {count, last}} of the lines of logs."""
    found: dict[str, dict[str, Any]] = {}
    patterns = [(name, re.compile(pattern)) for name, pattern in SIGNS.items()]
    for line in lines:
        for name, pattern in patterns:
            if pattern.search(line):
                row = found.setdefault(name, {"count": 0, "last": ""})
                row["count"] += 1
                row["last"] = line.strip()[-300:]
    return found


def unseen(evidence: dict[str, Any]) -> list[str]:
    """Return, in words, what could not be read although HAProxy runs or its configuration is there."""
    found = []
    here = bool(Case(evidence).running("haproxy")) or not is_absent(evidence.get("haproxy_config"))
    for name in ("haproxy_config", "haproxy_info", "haproxy_servers") if here else ():
        if is_absent(evidence.get(name)):
            found.append("%s: %s" % (name, evidence[name].get("detail") or evidence[name]["absent"]))
    if is_absent(evidence.get("routing")):
        found.append("routing: %s" % evidence["routing"].get("detail"))
    if any(is_absent(one.get("capabilities")) for one in evidence.get("processes") or []):
        found.append("capabilities of processes: not readable")
    return found
