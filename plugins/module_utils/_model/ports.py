# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of ports, and which ports a source can use. Private to the collection.

A set of ports is a whole number whose bit N stands for port N: union, intersection and difference are one operation each.
"""

from __future__ import annotations

from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import Limits

ANY4, ANY6 = "0.0.0.0", "::"
MAPPED = "::ffff:"
DEFAULT_RANGE = (32768, 60999)


def span(low: int, high: int) -> int:
    """Return the set of the ports low..high, both included; the empty set where high < low."""
    return ((1 << (high - low + 1)) - 1) << low if high >= low else 0


def port_set(items: Iterable[Any]) -> int:
    """Return the set that texts and numbers such as `80` and "8080-8082" name. Raises ValueError, which names the item."""
    ports = 0
    for item in items:
        low, dash, high = str(item).strip().partition("-")
        if not (low.isdecimal() and (high.isdecimal() or not dash)):
            raise ValueError('"%s" is no port and no range of ports: write "8080" or "8080-8082"' % item)
        first, last = int(low), int(high or low)
        if last > 65535 or first > last:
            raise ValueError('ports "%s": they must lie in 0-65535, the lower one first' % item)
        ports |= span(first, last)
    return ports


def count(ports: int) -> int:
    """Return how many ports the set holds."""
    return bin(ports).count("1")


def texts(ports: int) -> list[str]:
    """Return the set as the kernel would print it: ["80", "8080-8082"]."""
    found = []
    low = 0
    while ports:
        zeros = (ports & -ports).bit_length() - 1
        ports >>= zeros
        low += zeros
        ones = (~ports & (ports + 1)).bit_length() - 1
        found.append(str(low) if ones == 1 else "%d-%d" % (low, low + ones - 1))
        ports >>= ones
        low += ones
    return found


def is_valid(name: str, value: Any) -> bool:
    """Tell whether a value, as limits.values() returns it, is one that the sysctl can have: for what is read, and for overrides."""
    if name.endswith("_reserved_ports"):
        try:
            return isinstance(value, list) and port_set(value) >= 0
        except ValueError:
            return False
    whole = value if isinstance(value, list) else [value]
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in whole):
        return False
    return not name.endswith("ip_local_port_range") or (len(whole) == 2 and 0 <= whole[0] <= whole[1] <= 65535)


def in_range(snapshot: dict[str, Any]) -> tuple[int, int]:
    """Return (low, high) of ip_local_port_range; the kernel's default where it could not be read."""
    value = Limits(snapshot).value("net.ipv4.ip_local_port_range")
    return (value[0], value[1]) if value and is_valid("net.ipv4.ip_local_port_range", value) else DEFAULT_RANGE


def reserved(snapshot: dict[str, Any]) -> int:
    """Return the set of ip_local_reserved_ports."""
    value = Limits(snapshot).value("net.ipv4.ip_local_reserved_ports")
    try:
        return port_set(value) if isinstance(value, list) else 0
    except ValueError:  # of a snapshot that is not ours
        return 0


def candidates(snapshot: dict[str, Any]) -> int:
    """Return the ports among which the kernel chooses: the range less what is reserved."""
    low, high = in_range(snapshot)
    return span(low, high) & ~reserved(snapshot)


def is_odd(snapshot: dict[str, Any]) -> bool:
    """Tell whether the range has an odd number of ports, of which the kernel leaves one out by chance.

    Source: `remaining &= ~1` in __inet_hash_connect() and inet_csk_find_open_port(); kernel-truths, additions to 1.
    """
    low, high = in_range(snapshot)
    return high > low and (high - low + 1) % 2 == 1


def plain_address(address: str) -> str:
    """Return an IPv4-mapped IPv6 address as the IPv4 address that it is on the wire."""
    return address[len(MAPPED) :] if address.lower().startswith(MAPPED) and "." in address else address


def _holds(holder: dict[str, Any], source: str) -> bool:
    """Tell whether a listening or bound socket stands in the way of a bind to `source` on its port.

    Source: inet_rcv_saddr_equal() and ipv6_rcv_saddr_equal(); kernel-truths, 2 and 3: a dual-stack `::` is one for IPv4 too.
    """
    address = plain_address(str(holder.get("address")))
    if ":" in source:
        return address in (source, ANY6)
    return address in (source, ANY4) or (address == ANY6 and not holder.get("v6only"))


def holders(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every listening and every bound-only TCP socket; before Linux 6.8 the latter cannot be seen."""
    bound = (snapshot.get("sockets") or {}).get("bound")
    return list(snapshot.get("listeners") or []) + ([] if is_absent(bound) or not bound else list(bound))


def held_by(sockets: Iterable[dict[str, Any]], source: str | None = None) -> int:
    """Return the ports of `sockets` that are held for a bind to `source`; all their ports where it is None.

    connect()'s own choice leaves out a port that any bound or listening TCP socket of the namespace holds, on any address
    and of any family; a bind only minds its own address and the wildcards. Source: kernel-truths, 1 and 2.
    Raises ValueError for a number that is no port: of a snapshot that a host made up, such a set would fill all memory.
    """
    ports = 0
    for socket in sockets:
        if source is None or _holds(socket, source):
            port = int(socket["port"])
            if not 0 <= port <= 65535:
                raise ValueError("a socket on port %.20s" % port)
            ports |= 1 << port
    return ports


def usable(snapshot: dict[str, Any]) -> int:
    """Return the ports that connect()'s own choice has: the range less what is reserved, bound or listened on."""
    return candidates(snapshot) & ~held_by(holders(snapshot))


def blocked(snapshot: dict[str, Any], most: int = 50) -> list[dict[str, Any]]:
    """Return the ports of the range that a listening or bound socket keeps from connect()'s choice: [{port, by}]."""
    wanted = candidates(snapshot)
    bound_only = (snapshot.get("sockets") or {}).get("bound")
    rows = [(one, "tcp listener") for one in snapshot.get("listeners") or []]
    rows += [(one, "tcp socket bound to") for one in ([] if is_absent(bound_only) or not bound_only else bound_only)]
    found = {(int(one["port"]), "%s %s" % (what, one["address"])) for one, what in rows if wanted >> int(one["port"]) & 1}
    return [{"port": port, "by": by} for port, by in sorted(found)[:most]]


def ports_section(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the `ports` section of a snapshot."""
    low, high = in_range(snapshot)
    section = {
        "low": low,
        "high": high,
        "reserved": texts(reserved(snapshot)),
        "usable": count(usable(snapshot)),
        "blocked": blocked(snapshot),
    }
    kept = (snapshot.get("ports") or {}).get("without_socket")
    return section if kept is None else dict(section, without_socket=kept)
