# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transparent balancer: what HAProxy is given, with the privileges that its version needs, and what the kernel has to do. Pure.

Private to the collection. Rules and traps were measured with HAProxy 2.2, 2.6 and 3.0 (docs/transparent-balancer.md).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, NamedTuple, NoReturn, Sequence, Union

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import proxy, transparent
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.budget import Spare
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.nofile import keeping, pair

NOTHING = " Nothing was changed."
SETCAP = (2, 9)  # keeps a capability when it gives up root; before, it has to be started without root
FOLDER = "/etc/haproxy/conf.d"  # of all parts that stand beside the site's own configuration
CONFIG = FOLDER + "/50-front-tier-balancer.cfg"
UNIT = "/etc/systemd/system/haproxy.service.d/50-front-tier-balancer.conf"
SITE = "/etc/haproxy/haproxy.cfg"
DEFAULTS = "/etc/default/haproxy"  # wins over drop-ins of the unit
ADMIN = "/run/haproxy/front-tier.sock"
PROBE = "/run/haproxy/front-tier-%s.sock"  # takes the PROXY protocol, so that root can ask as any client would
MASTER = "/run/haproxy-master.sock"  # of the distribution, where only root may make a file
MANAGED = "# Managed by the role c10m.front_tier.transparent_balancer: changes here are overwritten.\n"
TAKEN = "#front_tier# "  # before a line of the site's configuration that the unit does in its place
PRIVILEGES = ("user", "uid", "group", "gid", "chroot")
SECTIONS = re.compile(
    r"(?:global|defaults|frontend|backend|listen|peers|userlist|mailers|resolvers|program|cache|ring|http-errors)(?:\s|\Z)"
)
FIRST_TABLE = 101  # of a server: one for each balancer
VIA = "via-"  # begins the names of their sets
RESERVE = 100  # descriptors beside those of connections: listeners, sockets of its own, checks
METHODS = ("return_path", "intercept")
SPELLED = {4: "ipv4", 6: "ipv6"}
ANY = {4: "0.0.0.0", 6: "[::]"}
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Endpoint(NamedTuple):
    """An address and a port."""

    address: Address
    port: int

    def __str__(self) -> str:
        """Return it as HAProxy and people write it."""
        return ("[%s]:%d" if self.address.version == 6 else "%s:%d") % self


class Host(NamedTuple):
    """What the balancer is, as its files and `haproxy -v` say."""

    version: tuple[int, int]
    site: str  # the text of the site's configuration
    defaults: dict[str, str]  # what /etc/default/haproxy sets
    nr_open: int | None
    hard_limit: str  # of descriptors, that systemd has for HAProxy: a number or infinity, empty where it does not say
    conntrack: int | None  # nf_conntrack_max; None where nothing is tracked
    conntrack_writable: bool
    without_ipv6: list[str]  # interfaces on which IPv6 is switched off
    forwards_ipv6: bool
    interfaces: list[str]
    addresses: list[Address]
    binds_foreign: list[int]  # families of which addresses that the host does not have may be bound (ip_nonlocal_bind)


class Asked(NamedTuple):
    """What a user asked for, checked."""

    method: str | None  # None: the PROXY protocol in place of transparency
    mode: str
    listen: list[Endpoint]
    upstreams: list[Endpoint]
    proxy_port: int
    when_down: str | None
    client_interface: str | None
    server_interface: str | None
    connections: int | None
    headroom: float
    full: bool
    conntrack: str
    ipv6_forwarding: bool
    mark: int
    table: int
    probe_clients: dict[int, Address]
    check: bool  # in check mode what another role would have added is not there

    @property
    def families(self) -> list[int]:
        """Return the families of the servers."""
        return sorted({one.address.version for one in self.upstreams})


def endpoints(option: str, texts: Iterable[Any]) -> list[Endpoint]:
    """Return addresses with ports, each once, in their order. Raises Refusal."""
    found: list[Endpoint] = []
    for text in texts:
        host, _colon, port = str(text).rpartition(":")
        try:
            address = ipaddress.ip_address(host[1:-1] if host[:1] + host[-1:] == "[]" else host)
        except ValueError:
            _refuse(option, text, "write an address and a port, such as 10.0.9.10:8080 or [2001:db8::10]:8080; names are not looked up")
        if not port.isdigit() or not 0 < int(port) < 65536:
            _refuse(option, text, "the port must be 1 to 65535")
        one = Endpoint(address, int(port))
        if one in found:
            _refuse(option, text, "it is named twice: leave one of them out")
        found.append(one)
    return found


def parse_seen(seen: dict[str, Any]) -> Host:
    """Return the host; seen: {host: what the role's look printed, a word and its values a line, site, defaults: texts}. Raises Refusal."""
    lines = [line.split() for line in str(seen.get("host") or "").splitlines()]
    found = {words[0]: words[1:] for words in lines if words}
    version = proxy.version_of("haproxy", " ".join(found.get("version", [])))
    proxy.check_roles("balancer", {"others": [path for path in found.get("others", []) if path not in (CONFIG, UNIT)]})
    return Host(
        version,
        str(seen.get("site") or ""),
        dict(re.findall(r"^[ \t]*(CONFIG|EXTRAOPTS|PIDFILE)=[\"']?(.*?)[\"']?[ \t]*$", str(seen.get("defaults") or ""), re.M)),
        _number(found.get("nr_open")),
        " ".join(found.get("hard_limit", [])),
        _number(found.get("conntrack")),
        found.get("conntrack_writable") == ["yes"],
        found.get("without_ipv6", []),
        found.get("forwards_ipv6") == ["1"],
        found.get("interfaces", []),
        [ipaddress.ip_address(text.partition("/")[0].partition("%")[0]) for text in found.get("addresses", [])],
        [version for version in SPELLED if found.get("binds_foreign_%s" % SPELLED[version]) == ["1"]],
    )


def _number(words: list[str] | None) -> int | None:
    return int(words[0]) if words and words[0].isdigit() else None


def parse(options: dict[str, Any]) -> Asked:
    """Return what was asked, checked by itself. options: those of the filter `transparent_balancer`. Raises Refusal."""
    method = None if options.get("proxy_protocol") else options.get("method")
    if not options.get("proxy_protocol") and method not in METHODS:
        _refuse("front_tier_transparent_method", method, "name one of %s, or say front_tier_proxy_protocol: true" % " and ".join(METHODS))
    when_down = options.get("when_down")
    listen = endpoints("front_tier_listen", options.get("listen") or [])
    upstreams = endpoints("front_tier_upstreams", options.get("upstreams") or [])
    if not upstreams:
        _refuse("front_tier_upstreams", None, "name the servers, such as 10.0.9.10:8080")
    if method == "intercept":
        if listen:
            _refuse("front_tier_listen", listen[0], "it means nothing with intercept: clients dial the servers. Leave it out")
    else:
        _check_listen(listen, upstreams, method)
        if when_down == "open":
            _refuse(
                "front_tier_when_down", "open", "clients dial the balancer itself, and nobody answers them while it is down. Leave it out"
            )
    asked = Asked(
        method,
        proxy.choice(options, "mode", ("tcp", "http")),
        listen,
        upstreams,
        proxy.whole(options, "proxy_port", 1, 65535) or 9080,
        when_down or "open" if method == "intercept" else None,
        options.get("client_interface") or None,
        options.get("server_interface") or None,
        proxy.whole(options, "connections", 1),
        proxy.headroom_of(options),
        proxy.choice(options, "manage", ("dropin", "full")) == "full",
        proxy.choice(options, "conntrack", ("size", "notrack", "leave")),
        bool(options.get("ipv6_forwarding")),
        proxy.whole(options, "mark", 1, (1 << 32) - 1) or 1,
        proxy.whole(options, "table", 1, (1 << 32) - 1) or 100,
        _probe_clients(options.get("probe_clients") or ["192.0.2.1", "2001:db8::1"]),
        bool(options.get("check")),
    )
    _check_interfaces(asked)
    return asked


def _check_listen(listen: Sequence[Endpoint], upstreams: Sequence[Endpoint], method: str | None) -> None:
    """Check that what clients dial has servers, of its own family where the servers are to see the clients' addresses. Raises Refusal."""
    if not listen:
        _refuse("front_tier_listen", None, "say what clients dial, such as 0.0.0.0:80")
    if method is None:
        return
    of_listen, of_servers = ({one.address.version for one in rows} for rows in (listen, upstreams))
    for version in sorted(of_listen ^ of_servers):
        here, other = (
            ("front_tier_listen", "front_tier_upstreams") if version in of_listen else ("front_tier_upstreams", "front_tier_listen")
        )
        value = next(one for one in (*listen, *upstreams) if one.address.version == version)
        _refuse(
            here,
            value,
            "%s has none of IPv%d, and a client of one family cannot be shown to a server of the other. Add one, or leave this out"
            % (other, version),
        )


def _check_interfaces(asked: Asked) -> None:
    if asked.method and not asked.server_interface:
        _refuse("front_tier_server_interface", None, "name the interface towards the servers")
    if asked.method == "intercept" and not asked.client_interface:
        _refuse("front_tier_client_interface", None, "name the interface on which clients come in: intercept takes their connections there")
    if asked.method == "intercept" and asked.client_interface == asked.server_interface:
        _refuse(
            "front_tier_client_interface",
            asked.client_interface,
            "it is the front_tier_server_interface, too: what clients send would be taken for what servers answer. Use two interfaces,"
            " or the method return_path",
        )


def _probe_clients(texts: Iterable[Any]) -> dict[int, Address]:
    found: dict[int, Address] = {}
    for text in texts:
        try:
            one = ipaddress.ip_address(str(text))
        except ValueError:
            _refuse("front_tier_probe_clients", text, "it is no address: write one such as 192.0.2.1")
        if found.setdefault(one.version, one) != one:
            _refuse("front_tier_probe_clients", text, "name one address of each family")
    return found


def _refuse(option: str, value: Any, why: str) -> NoReturn:
    shown = option if value is None else "%s %s" % (option, str(value)[:80])
    raise Refusal("%s: %s.%s" % (shown, why, NOTHING))


def plan(options: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """Return what the host gets: {files: {path: text}, validate, routing, sysctls, probe, …}. Raises Refusal.

    options: {name of a variable without front_tier_: value}; seen: see parse_seen. routing: options of transparent_routing, None where
    nothing has to be routed. probe: what proves the way of a client through the balancer to each server and back.
    """
    asked, host = parse(options), parse_seen(seen)
    _check_host(asked, host)
    unprivileged = asked.method is not None and host.version < SETCAP
    _check_defaults(asked, host, unprivileged)
    maxconn, configured = _maxconn(asked, host)
    nofile = 2 * maxconn + RESERVE if maxconn else None
    if nofile and host.nr_open and nofile > host.nr_open:
        raise Refusal(
            "front_tier_connections %d: with front_tier_headroom HAProxy needs %d descriptors, and fs.nr_open is %d: it would not start."
            " Raise it first, with the role limits.%s" % (asked.connections or 0, nofile, host.nr_open, NOTHING)
        )
    files = {
        SITE if asked.full else CONFIG: _config(asked, host, None if configured else maxconn),
        UNIT: _unit(asked, unprivileged, _limit(host, nofile)),
    }
    if not asked.full:
        site = without_privileges(host.site) if unprivileged else restored(host.site)
        if host.site and (site != host.site or TAKEN in site):
            files[SITE] = site
    return {
        "files": files,
        "validate": "haproxy -c -q -f " + SITE + ("" if asked.full else " -f " + FOLDER),
        "version": "%d.%d" % host.version,
        "privileges": "none" if asked.method is None else "unit" if unprivileged else "setcap",
        "maxconn": maxconn,
        "nofile": nofile,
        "routing": _routing(asked),
        "sysctls": _sysctls(asked, host),
        "probe": _probe(asked, str(options.get("set") or "front-tier")),
        "frontends": [_name(version) for version in (asked.families if asked.method else [0])],
        "ports": sorted({one.port for one in asked.listen or asked.upstreams}),
    }


def _check_host(asked: Asked, host: Host) -> None:
    """Check what was asked against the host. Raises Refusal."""
    for option, name in (("front_tier_client_interface", asked.client_interface), ("front_tier_server_interface", asked.server_interface)):
        if asked.method and name and host.interfaces and name not in host.interfaces:
            _refuse(option, name, "this host has no such interface: name one that it has, %s" % ", ".join(sorted(host.interfaces)))
        if asked.method and 6 in asked.families and name in host.without_ipv6:
            servers = ", ".join(str(one) for one in asked.upstreams if one.address.version == 6)
            _refuse(option, name, "IPv6 is switched off on it, and front_tier_upstreams has %s. Switch it on, or leave these out" % servers)
    for one in asked.listen if host.addresses and not asked.check else []:
        if not one.address.is_unspecified and one.address not in host.addresses and one.address.version not in host.binds_foreign:
            _refuse(
                "front_tier_listen",
                one,
                "this host does not have that address, and HAProxy would not start. Add it first, or set net.%s.ip_nonlocal_bind for one"
                " that moves between hosts" % SPELLED[one.address.version],
            )
    stuck = 6 in asked.families and not (host.forwards_ipv6 or asked.ipv6_forwarding)
    if asked.method == "intercept" and asked.when_down == "open" and stuck:
        _refuse(
            "front_tier_when_down",
            "open",
            "this host does not forward IPv6, so nothing would get through to the IPv6 servers while HAProxy is down."
            " Say front_tier_ipv6_forwarding: true (it then takes no default route from router advertisements), or closed",
        )


def _maxconn(asked: Asked, host: Host) -> tuple[int | None, bool]:
    """Return HAProxy's maxconn, and whether the site's configuration says it. Raises Refusal."""
    wanted = Spare.less(asked.headroom).over(asked.connections) if asked.connections else None
    said = [int(words[1]) for words in _global_lines(restored(host.site)) if words[0] == "maxconn" and words[1:2] and words[1].isdigit()]
    configured = said[0] if said else None
    if configured is None or asked.full:
        return wanted, False
    if wanted and wanted > configured:
        raise Refusal(
            "maxconn %d in %s is below the %d that front_tier_connections %d with its headroom needs: clients above it would wait without"
            " a word. Raise it there, take the line out, or say front_tier_manage: full.%s"
            % (configured, SITE, wanted, asked.connections or 0, NOTHING)
        )
    return configured, True


def _global_lines(text: str) -> list[list[str]]:
    return [line.split() for section, line in _sections(text) if section == "global" and line.split()]


def _sections(text: str) -> list[tuple[str, str]]:
    """Return [(section, line with its end)] of a configuration."""
    section, found = "", []
    for line in text.splitlines(keepends=True):
        if SECTIONS.match(line.strip()):
            section = line.split()[0]
        found.append((section, line))
    return found


def without_privileges(text: str) -> str:
    """Return a site's configuration without what names a user, a group and a root folder: the unit does that in its place."""
    return "".join(
        TAKEN + line if section == "global" and line.split()[:1] and line.split()[0] in PRIVILEGES else line
        for section, line in _sections(text)
    )


def restored(text: str) -> str:
    """Return a site's configuration as the site wrote it."""
    return "".join(line[len(TAKEN) :] if line.startswith(TAKEN) else line for line in text.splitlines(keepends=True))


def _config(asked: Asked, host: Host, maxconn: int | None) -> str:
    setcap = asked.method is not None and host.version >= SETCAP
    lines = ["global"]
    if asked.full:
        lines += ["    log stdout format raw local0"]
        lines += ["    user haproxy", "    group haproxy", "    chroot /var/lib/haproxy"] if asked.method is None or setcap else []
    lines += ["    setcap cap_net_raw"] if setcap else []
    lines += ["    maxconn %d" % maxconn] if maxconn else []
    lines += ["    stats socket %s mode 600 level admin expose-fd listeners" % ADMIN, "", "defaults", "    log global"]
    lines += ["    mode " + asked.mode, "    option %slog" % asked.mode, "    option dontlognull", "    balance leastconn"]
    lines += ["    timeout connect 5s", "    timeout client 1h", "    timeout server 1h", "    timeout queue 5s"]
    lines += ["    timeout http-request 10s", "    timeout http-keep-alive 1m"] if asked.mode == "http" else []
    lines += ["    retries 3", "    option redispatch 1"]
    # A connection kept for reuse carries one client's address: no other client's request may go over it.
    lines += ["    http-reuse never"] if asked.mode == "http" and asked.method else []
    for section in (_intercepting if asked.method == "intercept" else _listening)(asked):
        lines += ["", *section]
    for version in asked.families if asked.method else []:
        lines += ["", *_probing(version)]
    return MANAGED + "\n".join(lines) + "\n"


def _listening(asked: Asked) -> list[list[str]]:
    """Return a section for each family, or one for all where no client's address is to be shown."""
    sections = []
    for version in asked.families if asked.method else [0]:
        lines = ["listen " + _name(version)]
        lines += ["    bind %s" % _bind(one) for one in asked.listen if version in (0, one.address.version)]
        lines += ["    source %s usesrc clientip" % ANY[version]] if version else []
        word = " check inter 2s" + ("" if version else " send-proxy-v2 check-send-proxy")
        lines += ["    server %s:%d %s%s" % (*one, one, word) for one in asked.upstreams if version in (0, one.address.version)]
        sections.append(lines)
    return sections


def _name(version: int) -> str:
    return "front-tier" + ("-" + SPELLED[version] if version else "")


def _bind(one: Endpoint) -> str:
    return "%s%s" % (one, " v6only" if one.address.version == 6 else "")


def _intercepting(asked: Asked) -> list[list[str]]:
    """Return a section for each family, which passes each connection on to where its client dialled."""
    sections = []
    for version in asked.families:
        servers = sorted({one.address for one in asked.upstreams if one.address.version == version}, key=int)
        lines = ["listen " + _name(version)]
        lines += ["    bind %s:%d transparent%s" % (ANY[version], asked.proxy_port, " v6only" if version == 6 else "")]
        # Whoever dials this very port would be passed on to it for ever.
        lines += ["    tcp-request connection reject unless { dst %s }" % " ".join(map(str, servers))]
        lines += ["    source %s usesrc clientip" % ANY[version], "    server dialled %s:0" % ANY[version]]
        sections.append(lines)
    return sections


def _probing(version: int) -> list[str]:
    """Return the section through which a request of any client to any server can be tried, by root only."""
    return [
        "listen front-tier-probe-" + SPELLED[version],
        "    bind unix@%s accept-proxy mode 600" % (PROBE % SPELLED[version]),
        "    mode tcp",
        "    option tcplog",
        "    retries 0",
        "    no option redispatch",
        "    timeout connect 2s",
        "    timeout client 10s",
        "    timeout server 10s",
        "    source %s usesrc clientip" % ANY[version],
        "    server dialled %s:0" % ANY[version],
    ]


def _limit(host: Host, nofile: int | None) -> str | None:
    """Return soft:hard for the unit, which keeps a higher hard limit; a number where both are the same; None where nothing is asked."""
    if nofile is None:
        return None
    hard = UNLIMITED if host.hard_limit == "infinity" else _number([host.hard_limit])
    found = keeping(nofile, hard, host.nr_open)
    return pair(found) if isinstance(found, dict) else str(found)


def _unit(asked: Asked, unprivileged: bool, limit: str | None) -> str:
    lines = ["[Service]"]
    extra = ["-S " + _master(unprivileged), *([] if asked.full else ["-f " + FOLDER])]
    lines.append('Environment="EXTRAOPTS=%s"' % " ".join(extra))
    if unprivileged:
        lines += ['Environment="PIDFILE=/run/haproxy/haproxy.pid"', "User=haproxy", "Group=haproxy"]
        lines += ["AmbientCapabilities=CAP_NET_RAW CAP_NET_BIND_SERVICE"]
        # Of a file that root had made, HAProxy may not make a second name (fs.protected_hardlinks), and would not start.
        lines += ["ExecStartPre=+-/usr/bin/find /run/haproxy -type s ! -user haproxy -delete"]
        lines += ["RuntimeDirectory=haproxy", "RuntimeDirectoryMode=2775", "RuntimeDirectoryPreserve=yes"]
    lines += ["LimitNOFILE=%s" % limit] if limit else []
    return MANAGED + "\n".join(lines) + "\n"


def _master(unprivileged: bool) -> str:
    return "/run/haproxy/master.sock" if unprivileged else MASTER


def _check_defaults(asked: Asked, host: Host, unprivileged: bool) -> None:
    """Check that what the site gives HAProxy in its own file leaves room for ours: it wins over a drop-in. Raises Refusal."""
    config, extra = host.defaults.get("CONFIG", SITE), host.defaults.get("EXTRAOPTS")
    if config != SITE:
        _refuse(DEFAULTS, "CONFIG=" + config, "the role works on %s. Take the line out" % SITE)
    needed = ["-f " + FOLDER] if extra is not None and not asked.full else []
    missing = [words for words in needed if words not in (extra or "")]
    if missing:
        _refuse(DEFAULTS, "EXTRAOPTS=%s" % extra, "it wins over a drop-in of the unit. Add %s to it" % missing[0])
    places = re.findall(r"(/run/(?!haproxy/)\S+)", " ".join((extra or "", host.defaults.get("PIDFILE", ""))))
    if unprivileged and places:
        _refuse(
            DEFAULTS, places[0], "before HAProxy 2.9 it has to run without root, which cannot make files there. Name one in /run/haproxy"
        )


def _routing(asked: Asked) -> dict[str, Any] | None:
    """Return the options of transparent_routing; None where no address has to be brought back."""
    if asked.method is None:
        return None
    ports = sorted({one.port for one in asked.upstreams})
    found: dict[str, Any] = {"method": asked.method, "interfaces": [asked.server_interface], "mark": asked.mark, "table": asked.table}
    if asked.conntrack == "notrack":
        found["notrack"] = sorted({*ports, *(one.port for one in asked.listen)})
    if asked.method == "intercept":
        found.update(client_interfaces=[asked.client_interface], ports=ports, proxy_port=asked.proxy_port, when_down=asked.when_down)
        found["addresses"] = [str(one) for one in sorted({one.address for one in asked.upstreams}, key=lambda one: (one.version, int(one)))]
    return found


def _sysctls(asked: Asked, host: Host) -> dict[str, str]:
    """Return sysctls that the kernel side does not bring: room for both legs of each connection, and the way for IPv6."""
    found = {}
    if asked.method and asked.connections and asked.conntrack == "size" and host.conntrack is not None:
        needed = Spare.less(asked.headroom).over(2 * asked.connections)
        if host.conntrack_writable:
            found["net.netfilter.nf_conntrack_max"] = str(max(needed, host.conntrack))
        elif needed > host.conntrack:
            raise Refusal(
                "front_tier_connections %d takes %d entries of nf_conntrack with front_tier_headroom, and nf_conntrack_max %d cannot be"
                " raised in this container. Raise it on the machine outside, or say front_tier_conntrack: notrack.%s"
                % (asked.connections, needed, host.conntrack, NOTHING)
            )
    if asked.ipv6_forwarding:
        found["net.ipv6.conf.all.forwarding"] = "1"
    return found


def _probe(asked: Asked, name: str) -> dict[str, Any]:
    """Return {paths, there}: what the command front-tier-path dials, and commands that must print something."""
    if asked.method is None:
        return {"paths": [], "there": []}
    paths = [
        {
            "socket": PROBE % SPELLED[one.address.version],
            "client": str(asked.probe_clients[one.address.version]),
            "server": str(one.address),
            "port": one.port,
            "http": asked.mode == "http",
        }
        for one in asked.upstreams
        if one.address.version in asked.probe_clients
    ]
    nothing: dict[str, Any] = {
        "client_interfaces": [],
        "addresses": [],
        "ports": [],
        "proxy_port": None,
        "gateway": None,
        "when_down": None,
        "notrack": [],
    }
    rules = transparent.rules_of(transparent.parse({**nothing, **(_routing(asked) or {})}), 6 in asked.families)
    option = {"inet": "-4", "inet6": "-6"}
    there = ["ip %s rule show %s" % (option[words[0]], " ".join(words[1:])) for words in map(str.split, rules)]
    return {"paths": paths, "there": [*there, "nft list table %s" % transparent.table_of(name)]}


def return_routes(balancers: Any, sets: Any) -> dict[str, Any]:
    """Return {wanted: [{name, options}], ended: [name]}: one set for each balancer, whose answers return through it. Raises Refusal.

    balancers: rows of {address, or addresses, gateway, table, interface}; sets: the names of all sets that the host has.
    """
    found: list[dict[str, Any]] = []
    owners: dict[str, str] = {}
    for index, row in enumerate(balancers or []):
        where = "front_tier_balancers[%d]" % index
        if not isinstance(row, dict) or not row.get("gateway") or not (row.get("address") or row.get("addresses")):
            _refuse(where, None, "name an address of this server and the gateway, the balancer that dials it")
        gateway = _address(where + ".gateway", row["gateway"])
        addresses = [_address(where + ".address", one) for one in row.get("addresses") or [row["address"]]]
        for one in addresses:
            if owners.setdefault(str(one), str(gateway)) != str(gateway):
                _refuse(where, one, "%s dials it, too: give each balancer an address of its own" % owners[str(one)])
        options: dict[str, Any] = {"method": "backend_route", "addresses": [str(one) for one in addresses], "gateway": str(gateway)}
        where_table = "balancers[%d].table" % index
        options["table"] = proxy.whole({where_table: row.get("table")}, where_table, 1, (1 << 32) - 1) or FIRST_TABLE + index
        options.update({"interfaces": [row["interface"]]} if row.get("interface") else {})
        name = VIA + str(gateway).replace(".", "-").replace(":", "-")
        if name in [one["name"] for one in found]:
            _refuse(where + ".gateway", gateway, "it is named twice: list all of its addresses in one row, as addresses")
        found.append({"name": name, "options": options})
    names = [one["name"] for one in found]
    return {"wanted": found, "ended": sorted(str(name) for name in sets if str(name).startswith(VIA) and name not in names)}


def _address(option: str, text: Any) -> Address:
    try:
        return ipaddress.ip_address(str(text))
    except ValueError:
        _refuse(option, text, "it is no address: write one such as 192.0.2.1")
