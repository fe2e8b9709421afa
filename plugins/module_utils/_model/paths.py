# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path: connections from source addresses to listeners, as a user describes it, checked. Private to the collection."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Any, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import known
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set

BINDS = ("none", "no_port", "plain", "explicit")
KEYS = ("sources", "destinations", "ports", "bind", "dialer", "port_range", "service", "pid", "nofile")
MOST_PAIRS = 1 << 20


class Dialer(NamedTuple):
    """How a known program opens connections.

    bound: its bind where it is told a source address; files: descriptors for each proxied connection (docs/memory.md).
    """

    bound: str
    files: int


# HAProxy's `source` and nginx's `proxy_bind` set IP_BIND_ADDRESS_NO_PORT, Envoy its upstream bind config too; Varnish has no
# source address for a backend. Source: front-tier-recipes 1, 6, 9.
DIALERS: dict[str, Dialer] = {
    "haproxy": Dialer("no_port", 2),
    "nginx": Dialer("no_port", 2),
    "varnish": Dialer("none", 2),
    "envoy": Dialer("no_port", 2),
}


class PathError(ValueError):
    """A path that a user described wrongly; the message names the option, the value, the bound and the remedy."""


class Path(NamedTuple):
    """A checked path. sources and destinations: addresses of one family; ports: of the listeners; port_range: for `explicit`."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: tuple[int, ...]
    bind: str
    dialer: str | None = None
    port_range: tuple[int, int] | None = None
    service: str | None = None
    pid: int | None = None
    nofile: int | None = None

    @property
    def family(self) -> str:
        """Return `inet` or `inet6`."""
        return "inet6" if ":" in self.destinations[0] else "inet"

    @property
    def listeners(self) -> list[tuple[str, int]]:
        """Return every (destination, port)."""
        return [(destination, port) for destination in self.destinations for port in self.ports]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _addresses(name: str, value: Any) -> tuple[str, ...]:
    found = []
    for text in _listed(value):
        try:
            address = ipaddress.ip_address(str(text).strip().replace("%", "no zone"))
        except ValueError:
            raise PathError('%s: "%s" is no IPv4 or IPv6 address. Write one address for each item.' % (name, text)) from None
        if address.is_unspecified or address.is_multicast:
            raise PathError("%s: %s is no address of one host. Write the address that is bound or dialled." % (name, text))
        mapped = getattr(address, "ipv4_mapped", None)
        found.append(str(mapped or address) if mapped or address.version == 4 else socket.inet_ntop(socket.AF_INET6, address.packed))
    if len({":" in address for address in found}) > 1:
        raise PathError("%s mixes IPv4 and IPv6: %s. Write a path for each family." % (name, ", ".join(found)))
    return tuple(dict.fromkeys(found))


def _whole(name: str, value: Any, low: int, high: int) -> int:
    text = str(value).strip()
    if not re.match(r"-?\d{1,20}\Z", text, re.A):
        raise PathError('%s "%s" is no whole number: it must be %d to %d.' % (name, value, low, high))
    number = int(text)
    if not low <= number <= high:
        raise PathError("%s %d is out of bounds: it must be %d to %d." % (name, number, low, high))
    return number


def _ports(name: str, value: Any) -> tuple[int, ...]:
    found: list[int] = []
    for item in _listed(value):
        if not re.match(r"\d{1,20}(-\d{1,20})?\Z", str(item).strip(), re.A):
            raise PathError('%s "%s" is no port and no range of ports: write 80 or "8080-8082".' % (name, item))
        low, dash, high = str(item).strip().partition("-")
        first = _whole(name, low, 1, 65535)
        last = _whole(name, high, first, 65535) if dash else first
        found.extend(range(first, last + 1))
    return tuple(dict.fromkeys(found))


def _explicit_range(name: str, value: Any) -> tuple[int, int]:
    low, dash, high = str(value).strip().partition("-")
    if not dash:
        raise PathError('%s "%s" is no range. Write "lo-hi", for example "10000-19999".' % (name, value))
    first = _whole(name, low, 1, 65535)
    return (first, _whole(name, high, first, 65535))


def _service(name: str, value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise PathError('%s "%s" is no name. Write the unit, such as "nginx.service", or leave it out.' % (name, value))


def parse_path(name: str, given: Any) -> Path:
    """Return the checked path of what a user wrote under `name` (such as `paths[0]`).

    `destinations` and `ports` are required; `sources` are required for `no_port`, `plain` and `explicit`. Where neither `bind`
    nor `dialer` is given, the bind is `none`, or `no_port` with sources. Raises PathError before anything is read.
    """
    if not isinstance(given, dict):
        raise PathError("%s is no dictionary. Write {destinations: [10.0.0.9], ports: [80]}." % name)
    given = {key: value for key, value in given.items() if value is not None}
    unknown = sorted(str(key) for key in given if key not in KEYS)
    if unknown:
        raise PathError("%s has no key %s. Its keys are %s." % (name, ", ".join(unknown), ", ".join(KEYS)))
    sources = _addresses(name + ".sources", given.get("sources"))
    destinations = _addresses(name + ".destinations", given.get("destinations"))
    ports = _ports(name + ".ports", given.get("ports"))
    if not destinations or not ports:
        raise PathError("%s needs destinations and ports: name the addresses and ports that are dialled." % name)
    if sources and (":" in sources[0]) != (":" in destinations[0]):
        raise PathError(
            "%s: sources and destinations are of different families: %s, %s. Write a path for each family."
            % (name, sources[0], destinations[0])
        )
    dialer, bind = given.get("dialer"), given.get("bind")
    if dialer is not None and dialer not in list(DIALERS):
        raise PathError('%s.dialer "%s" is not known. It is one of %s; or give bind.' % (name, dialer, ", ".join(DIALERS)))
    if bind is not None and bind not in BINDS:
        raise PathError('%s.bind "%s" is not one of %s.' % (name, bind, ", ".join(BINDS)))
    port_range = _explicit_range(name + ".port_range", given["port_range"]) if "port_range" in given else None
    if bind is None:
        bound = DIALERS[dialer].bound if dialer else "no_port"
        bind = ("explicit" if port_range else bound) if sources else "none"
    if bind != "none" and not sources:
        raise PathError("%s: bind %s needs sources: name the addresses that the program binds." % (name, bind))
    if (bind == "explicit") != (port_range is not None):
        raise PathError('%s: bind explicit and port_range "lo-hi" go together, give both or neither.' % name)
    owners = [key for key in ("service", "pid", "nofile") if key in given]
    if len(owners) > 1:
        raise PathError("%s names %s: only one of them can bound its descriptors. Leave the others out." % (name, " and ".join(owners)))
    if max(1, len(sources)) * len(destinations) * len(ports) > MOST_PAIRS:
        raise PathError("%s has more than %d pairs of source and listener. Split it." % (name, MOST_PAIRS))
    return Path(
        sources,
        destinations,
        ports,
        bind,
        dialer,
        port_range,
        _service(name + ".service", given["service"]) if "service" in given else None,
        _whole(name + ".pid", given["pid"], 1, 1 << 22) if "pid" in given else None,
        _whole(name + ".nofile", given["nofile"], 0, 1 << 31) if "nofile" in given else None,
    )


def parse_paths(given: Any) -> list[Path]:
    """Return the checked paths of the option `paths`."""
    return [parse_path("paths[%d]" % index, item) for index, item in enumerate(_listed(given))]


def upstream(name: str, text: str) -> dict[str, Any]:
    """Return the path to an upstream written as "10.0.9.10:8080" or "[2001:db8::1]:8080". Raises PathError."""
    host, colon, port = str(text).strip().rpartition(":")
    if not colon or not host:
        raise PathError('%s "%s" has no port. Write it as "10.0.9.10:8080".' % (name, text))
    address = _addresses(name, host.strip("[]"))[0]
    return {"destinations": [address], "ports": [_whole(name, port, 1, 65535)]}


def needed(paths: Iterable[Path]) -> tuple[set[tuple[str, int]], set[str]]:
    """Return what has to be known of connected sockets: (destination, port) pairs, and sources that are bound to."""
    exact: set[tuple[str, int]] = set()
    bound: set[str] = set()
    for path in paths:
        exact.update(path.listeners)
        if path.bind in ("plain", "explicit"):
            bound.update(path.sources)
    return exact, bound


def explicit_ports(path: Path) -> int:
    """Return the set of the ports of an `explicit` path's own range."""
    return port_set(["%d-%d" % path.port_range]) if path.port_range else 0


class Own:
    """The host's own addresses, also those by a local route: `"10.0.0.2" in Own(snapshot)`."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        rows = [(ipaddress.ip_interface(row["address"]), row.get("local_route")) for row in known(snapshot.get("addresses")) or []]
        self.addresses = {interface.ip for interface, _route in rows}
        self.networks = [interface.network for interface, route in rows if route]

    def may_bind(self, address: str, nonlocal_bind: bool) -> bool:
        """Tell whether a program can bind it: an IPv6 address by a local route alone only with net.ipv6.ip_nonlocal_bind.

        An address that is not the host's is not judged here. Source: kernel-truths, 12. Addresses.
        """
        only_routed = ":" in address and address in self and ipaddress.ip_address(address) not in self.addresses
        return nonlocal_bind or not only_routed or ipaddress.ip_address(address).is_loopback

    def __contains__(self, address: str) -> bool:
        wanted = ipaddress.ip_address(address)
        return wanted.is_loopback or wanted in self.addresses or any(wanted in network for network in self.networks)
