# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls that a user wants: names, values and relations checked before anything is touched. Pure. Private to the collection."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal

NOTHING = " Nothing was changed."
RANGE, RESERVED, START = ("net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start")
# Sysctls that a section has to check whichever section sets them.
WATCHED = {RANGE: "port_range", RESERVED: "port_range", "fs.nr_open": "fd_limits"}
INT, BIG = (1 << 31) - 1, (1 << 63) - 1


# Sysctls with which the kernel writes the same of `default` and of every interface, whatever each had: inet_forward_change(),
# addrconf_fixup_forwarding(), addrconf_disable_ipv6(), addrconf_fixup_linkdown(), addrconf_sysctl_addr_gen_mode().
SPREADING = {
    "net.ipv4.ip_forward": "net.ipv4.conf.%s.forwarding",
    **{
        name % "all": name
        for name in (
            "net.ipv4.conf.%s.forwarding",
            "net.ipv6.conf.%s.forwarding",
            "net.ipv6.conf.%s.disable_ipv6",
            "net.ipv6.conf.%s.ignore_routes_with_linkdown",
            "net.ipv6.conf.%s.addr_gen_mode",
        )
    },
}
REDIRECTS = "net.ipv4.conf.all.accept_redirects"  # written with net.ipv4.ip_forward, as its opposite
# Of each of these pairs the kernel makes the one 0 when the other is set, which then counts: dirty_bytes_handler() and its like in
# mm/page-writeback.c, overcommit_kbytes_handler() in mm/util.c. Setting one of the first two `bytes` to 0 is refused with EINVAL.
_PAIRS = (
    ("vm.dirty_bytes", "vm.dirty_ratio"),
    ("vm.dirty_background_bytes", "vm.dirty_background_ratio"),
    ("vm.overcommit_kbytes", "vm.overcommit_ratio"),
)
OTHER = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
FORWARDING = re.compile(r"net\.ipv6\.conf\.(?!default\.).+\.forwarding\Z")
ACCEPT_RA = "net.ipv6.conf.%s.accept_ra"
IPV6_OFF = re.compile(r"net\.ipv6\.conf\.(.+)\.disable_ipv6\Z")


class Bounds(NamedTuple):
    """What a known sysctl takes: how many whole numbers, each from low to high."""

    words: int
    low: int
    high: int


# Bounds as the kernel has them (kernel/sysctl.c, net/ipv4/sysctl_net_ipv4.c; kernel-truths, 11), or narrower where with less a host
# starts no process, sends nothing or lets nobody in, and so could not be reached any more.
BOUNDS: dict[str, Bounds] = {
    "fs.file-max": Bounds(1, 8192, BIG),
    "fs.nr_open": Bounds(1, 1024, 2147483584),
    "fs.epoll.max_user_watches": Bounds(1, 1024, BIG),
    "kernel.pid_max": Bounds(1, 4096, 4194304),
    "kernel.threads-max": Bounds(1, 1024, INT),
    RANGE: Bounds(2, 1, 65535),
    START: Bounds(1, 0, 65535),
    "net.ipv4.tcp_tw_reuse": Bounds(1, 0, 2),
    "net.ipv4.tcp_timestamps": Bounds(1, 0, 2),
    "net.ipv4.tcp_syncookies": Bounds(1, 0, 2),
    "net.ipv4.tcp_mem": Bounds(3, 1024, BIG),
    "net.ipv4.tcp_rmem": Bounds(3, 1024, INT),
    "net.ipv4.tcp_wmem": Bounds(3, 1024, INT),
    "net.core.somaxconn": Bounds(1, 1, INT),
    "net.ipv4.tcp_max_syn_backlog": Bounds(1, 1, INT),
    "net.core.netdev_max_backlog": Bounds(1, 1, INT),
    "net.netfilter.nf_conntrack_max": Bounds(1, 1024, INT),
    "net.netfilter.nf_conntrack_buckets": Bounds(1, 1, INT),
}


def canonical(name: str, key_path: Callable[[str], str], key_name: Callable[[str], str]) -> str:
    """Return the one dotted name of a sysctl however it is spelled. Raises Refusal for what is no name of one."""
    text = str(name).strip()
    path = key_path(text)
    if not text or not path or ".." in text.replace("/", ".") or any(char in text for char in "\n\r\0 \t=*?[") or text.startswith("-"):
        raise Refusal('settings: %r is no name of a sysctl. Write it as "net.core.somaxconn".%s' % (str(name), NOTHING))
    return key_name(path)


def parse_settings(settings: dict[Any, Any], key_path: Callable[[str], str], key_name: Callable[[str], str]) -> dict[str, str]:
    """Return {dotted name: text} of the option `settings`. Raises Refusal, naming the key, the value, the bound and the remedy."""
    found: dict[str, str] = {}
    for given, value in settings.items():
        name = canonical(given, key_path, key_name)
        text = _text(name, value)
        if found.setdefault(name, text) != text:
            raise Refusal("settings: %s is named twice, as %s and as %s. Name it once.%s" % (name, found[name], text, NOTHING))
    return found


def _text(name: str, value: Any) -> str:
    """Return a value as it is written to the kernel."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = (
        ",".join(str(item) for item in value)
        if isinstance(value, (list, tuple)) and name == RESERVED
        else (" ".join(str(item) for item in value) if isinstance(value, (list, tuple)) else str(value))
    )
    if value is None or any(ord(char) < 32 and char != "\t" for char in text) or len(text) > 200000:
        raise Refusal(
            "settings: the value %r of %s cannot be written to a sysctl. Give one line of text or a number.%s" % (text[:60], name, NOTHING)
        )
    text = " ".join(text.split())
    if name == RESERVED:
        from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set

        try:
            port_set(item for item in text.split(",") if item)
        except ValueError as error:
            raise Refusal("settings: %s: %s.%s" % (name, error, NOTHING)) from None
    return _bounded(name, text)


def _bounded(name: str, text: str) -> str:
    bounds = BOUNDS.get(name)
    words = text.split()
    if bounds is None:
        for word in words:
            if re.match(r"-?[0-9]+\Z", word) and not -BIG <= int(word) <= BIG * 2 + 1:
                raise Refusal("settings: %s %s does not fit into 64 bits. Give a smaller number.%s" % (name, word, NOTHING))
        return text
    if len(words) != bounds.words or not all(re.match(r"[0-9]+\Z", word) for word in words):
        raise Refusal(
            'settings: %s is "%s": write %s.%s'
            % (name, text, "a whole number" if bounds.words == 1 else "%d whole numbers" % bounds.words, NOTHING)
        )
    for word in words:
        if not bounds.low <= int(word) <= bounds.high:
            raise Refusal("settings: %s %s is out of bounds: it must be %d to %d.%s" % (name, word, bounds.low, bounds.high, NOTHING))
    if bounds.words == 3 and sorted(map(int, words)) != list(map(int, words)):
        raise Refusal('settings: %s is "%s": write the least first and the most last.%s' % (name, text, NOTHING))
    return " ".join(str(int(word)) for word in words)  # the kernel reads a leading 0 as octal


def check_kind(name: str, text: str, now: str) -> None:
    """Raise Refusal where a key that no table knows would get another number or kind of values than it has."""
    if name in BOUNDS or name == RESERVED:
        return
    old, new = now.split(), text.split()
    numeric = [re.match(r"-?[0-9]+\Z", word) for word in old]
    if old and all(numeric) and (len(old) != len(new) or not all(re.match(r"-?[0-9]+\Z", word) for word in new)):
        raise Refusal(
            'settings: %s is "%s" now: %d whole number%s. "%s" is not: write it like that.%s'
            % (name, now, len(old), "" if len(old) == 1 else "s", text, NOTHING)
        )


def check_pairs(settings: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Return {sysctl: "0"} of the other halves that the kernel makes 0 with some settings. Raises Refusal where halves exclude each other.

    now: the values of both halves of each pair that has one in `settings`.
    """
    found = {}
    for name, other in OTHER.items():
        if name not in settings:
            continue
        if settings[name] != "0":
            found[other] = "0"
            if settings.get(other, "0") != "0":
                raise Refusal(
                    "settings: %s %s and %s %s: the kernel keeps only one of the two, and makes the other 0. Leave one out.%s"
                    % (name, settings[name], other, settings[other], NOTHING)
                )
        elif name.endswith("_bytes") and settings.get(other, now.get(other, "0")) == "0" and now.get(name, "0") != "0":
            raise Refusal(
                "settings: %s 0: it gets that by itself when %s is set, and counts till then. Set %s in place of it.%s"
                % (name, other, other, NOTHING)
            )
    return found


def scope_of(name: str) -> str:
    """Return the scope of a sysctl: `kernel` where the whole machine shares it."""
    from ansible_collections.c10m.front_tier.plugins.module_utils._model.limits import SYSCTLS

    known = SYSCTLS.get(name)
    return known.scope if known else "kernel" if name.split(".", maxsplit=1)[0] in ("fs", "vm", "kernel") else "netns"


def written_with(name: str, value: str, interfaces: Iterable[str]) -> dict[str, str]:
    """Return {sysctl: value} of all that the kernel writes when a sysctl changes to a value. interfaces: as in names of sysctls."""
    if name not in SPREADING:
        return {}
    found = {SPREADING[name] % one: value for one in interfaces if one != "all"}
    if SPREADING[name].startswith("net.ipv4."):
        found[REDIRECTS] = "0" if value != "0" else "1"
    return found


def written_after(before: dict[str, str], after: dict[str, str], current: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return {sysctl: value} of what has to be written after the one that the kernel writes them with, and again after its undo.

    before, after: of written_with() for the value that it has and the one that it gets; current: their values now; kept: those that
    they are to have in the end. What the kernel leaves right both times is left to it.
    """
    return {name: kept[name] for name in kept if current[name] != before[name] or kept[name] != after[name]}


ORDER = (START, RESERVED, "fs.nr_open", "fs.file-max", "net.netfilter.nf_conntrack_buckets")


def in_order(names: list[str], raising_start: bool) -> list[str]:
    """Return the names in the order in which they have to be written.

    Reserved ports go before the range, so that no port is open to a dial in between; the first unprivileged port goes before
    the range where it falls, and after it where it rises (kernel-truths, 11. Write semantics). What the kernel writes others with
    goes before those.
    """

    def rank(name: str) -> tuple[int, str]:
        if name == START and raising_start:
            return (len(ORDER) + 1, name)
        if name in SPREADING:
            return (-1, name)
        if name.startswith("net.ipv6.conf.") and name.endswith(".accept_ra"):
            return (-2, name)  # with it an interface keeps the routes that it would lose when forwarding is switched on
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)

    return sorted(names, key=rank)
