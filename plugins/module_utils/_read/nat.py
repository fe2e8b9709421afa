# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that are in use without a socket: redirected by rules, IPVS or Kubernetes. Private to the collection.

Sources: libnftables-json(5), iptables-extensions(8), ipvsadm(8); the chains of kube-proxy.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.commands import run
from ansible_collections.c10m.front_tier.plugins.module_utils._read.host import is_privileged
from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import pids_of
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

ACTIONS = ("dnat", "redirect", "tproxy")
KUBERNETES = ("kubelet", "kube-proxy", "kubelite", "k3s-server", "k3s-agent")
NODE_PORTS = {"port": "30000-32767", "by": "kubernetes node ports"}  # --service-node-port-range where nobody sets it


class Rule(NamedTuple):
    """A rule for TCP: the ports that it names (None: it names none), what it does, the chain that it goes on to."""

    chain: str
    ports: tuple[tuple[int, int], ...] | None
    action: str | None
    target: str | None
    by: str


class Rules(NamedTuple):
    """A set of rules: the chains that packets from outside enter first, and whether iptables knows more of them."""

    rules: list[Rule]
    first: set[str]
    foreign: bool
    kubernetes: bool


def read_ports_without_socket(root: Root) -> Any:
    """Return [{port: number or "low-high", by}], or the absence: rules are shown to CAP_NET_ADMIN only.

    Only what is named by a port counts: a rule for every port, or for other hosts' addresses alone, takes none of ours.
    """
    if not root.live:
        return absent("unknown", "the rules of a recorded host are not read")
    if not is_privileged(root):
        return absent("no_permission", "listing the rules of nftables and iptables takes CAP_NET_ADMIN")
    nft = run("nft", "-j", "list", "ruleset") if _is_loaded(root, "nf_tables") else "{}"
    if isinstance(nft, dict) and nft["absent"] != "unknown":  # nft is installed, and failed
        return nft
    sets = [parse_nft(text_of(nft))]
    for name, file in (("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names")):
        if is_absent(nft) or sets[0].foreign:
            sets.append(parse_iptables(_save(name + "-nft-save", name + "-save")))
        if text_of(root.text("/proc/net/" + file)).strip():
            sets.append(parse_iptables(_save(name + "-legacy-save", name + "-save")))
    if is_absent(nft) and not any(one.first for one in sets):
        return nft
    found = [item for one in sets for item in collect(one)] + parse_ip_vs(text_of(root.text("/proc/net/ip_vs")))
    programs = {text_of(root.text("/proc/%d/comm" % pid)).strip() for pid in pids_of(root)}
    kubernetes = any(one.kubernetes for one in sets) or not programs.isdisjoint(KUBERNETES)
    return _rows(found) + ([dict(NODE_PORTS)] if kubernetes else [])


def _is_loaded(root: Root, module: str) -> bool:
    """Tell whether the kernel has a module: to ask nft(8) for rules would load it."""
    modules = root.text("/proc/modules")
    if is_absent(modules):
        return True  # a kernel without modules has it built in, or nothing can load it
    builtin = text_of(root.text("/lib/modules/%s/modules.builtin" % text_of(root.text("/proc/sys/kernel/osrelease")).strip()))
    return bool(re.search("^%s " % module, text_of(modules), re.M)) or "/%s.ko" % module in builtin


def _save(*commands: str) -> str:
    texts = (run(command) for command in commands)
    return next((text for text in texts if not is_absent(text)), "")


def collect(rules: Rules) -> list[tuple[int, int, str]]:
    """Return (low, high, by) of the ports that rules redirect, on every way from the first chains."""
    chains: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        chains.setdefault(rule.chain, []).append(rule)
    found: dict[tuple[int, int], str] = {}
    waiting: list[tuple[str, tuple[tuple[int, int], ...] | None]] = [(chain, None) for chain in sorted(rules.first)]
    seen = set(waiting)
    while waiting:
        chain, above = waiting.pop()
        for rule in chains.get(chain, ()):
            ports = above if rule.ports is None else rule.ports
            for pair in (ports or ()) if rule.action else ():
                found.setdefault(pair, rule.by)
            if rule.target and (rule.target, ports) not in seen:
                seen.add((rule.target, ports))
                waiting.append((rule.target, ports))
    return [(low, high, by) for (low, high), by in found.items()]


def _rows(found: list[tuple[int, int, str]]) -> list[dict[str, Any]]:
    """Return the rows of a snapshot; neighbours with the same reason become one."""
    merged: list[list[Any]] = []
    for low, high, by in sorted(set(found)):
        if merged and merged[-1][2] == by and low <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high, by])
    return [{"port": low if low == high else "%d-%d" % (low, high), "by": by} for low, high, by in merged]


def parse_nft(text: str) -> Rules:
    """Return the rules of `nft -j list ruleset`, which lists the sets of a table before its rules; what has another shape is skipped."""
    found = Rules([], set(), '{"xt":' in text, bool(re.search(r'"(KUBE-NODEPORTS|kube-proxy)"', text)))
    try:
        objects = list(json.loads(text)["nftables"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return found
    sets: dict[str, dict[str, Any]] = {}
    for one in objects:
        try:
            ((kind, body),) = one.items()
            table = "%s %s" % (body.get("family"), body.get("table"))
            if kind in ("set", "map"):
                sets.setdefault(table, {})["@" + body["name"]] = body.get("elem", [])
            elif kind == "chain" and body.get("hook") == "prerouting":
                found.first.add("%s %s" % (table, body["name"]))
            elif kind == "rule" and body["table"] != "kube-proxy" and not body["chain"].startswith("KUBE-"):
                found.rules.extend(_nft_rules(table, body, sets.get(table, {})))
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError):
            continue
    return found


def _elements(data: Any, sets: dict[str, Any]) -> list[Any]:
    data = sets.get(data, []) if isinstance(data, str) else data
    data = data["set"] if isinstance(data, dict) and "set" in data else data
    return data if isinstance(data, list) else [data]


def _in_maps(value: Any, sets: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Yield the ports that a map inside a statement names: `dnat to tcp dport map {...}`."""
    if isinstance(value, dict) and "map" in value:
        yield from _ports(value["map"]["key"], [pair[0] for pair in _elements(value["map"]["data"], sets)])
    else:
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _in_maps(part, sets)


def _nft_rules(table: str, rule: dict[str, Any], sets: dict[str, Any]) -> Iterator[Rule]:
    chain = "%s %s" % (table, rule["chain"])
    ports: tuple[tuple[int, int], ...] | None = None

    def made(ports: tuple[tuple[int, int], ...] | None, verdict: dict[str, Any]) -> Iterator[Rule]:
        for name, value in verdict.items():
            if name in ACTIONS:
                yield Rule(chain, tuple(_in_maps(value, sets)) or ports, name, None, "nft %s in table %s" % (name, table))
            elif name in ("jump", "goto") and not value["target"].startswith("KUBE-"):
                yield Rule(chain, ports, None, "%s %s" % (table, value["target"]), "")

    for statement in rule["expr"]:
        match = statement.get("match")
        if match:
            if _excludes_tcp(match):
                return
            if _position(match["left"]) is not None:
                ports = tuple(_ports(match["left"], _elements(match["right"], sets))) if match["op"] in ("==", "in") else ()
        elif "vmap" in statement:
            key = statement["vmap"]["key"]
            for element, verdict in _elements(statement["vmap"]["data"], sets):
                yield from made(ports if _position(key) is None else tuple(_ports(key, [element])), verdict)
        else:
            yield from made(ports, statement)


def _excludes_tcp(match: dict[str, Any]) -> bool:
    left = match["left"]
    payload = left.get("payload", {})
    field = payload.get("field") or left.get("meta", {}).get("key")
    if field in ("l4proto", "protocol", "nexthdr"):
        return isinstance(match["right"], str) and (match["right"] != "tcp") == (match["op"] in ("==", "in"))
    return field == "dport" and payload["protocol"] not in ("tcp", "th")


def _position(key: Any) -> int | None:
    """Return where in a key (or a concatenation) the destination port of TCP stands; None where it does not."""
    for index, part in enumerate(key.get("concat", [key])):
        payload = part.get("payload") or {}
        if payload.get("field") == "dport" and payload.get("protocol") in ("tcp", "th"):
            return index
    return None


def _ports(key: Any, elements: list[Any]) -> Iterator[tuple[int, int]]:
    """Yield (low, high) for each element of a set (or a single value) that a key is compared with, where a port stands in it."""
    position = _position(key)
    if position is None:
        return
    for element in elements:
        if isinstance(element, dict) and "elem" in element:
            element = element["elem"]["val"]
        parts = element["concat"] if isinstance(element, dict) and "concat" in element else [element]
        part = parts[position] if "udp" not in parts and "sctp" not in parts else None
        low, high = part["range"] if isinstance(part, dict) and "range" in part else (part, part)
        if isinstance(low, int) and isinstance(high, int) and 0 < low <= high < 65536:
            yield low, high


def parse_iptables(text: str) -> Rules:
    """Return the rules of iptables-save(8), of the tables nat and mangle."""
    found = Rules([], {"nat PREROUTING", "mangle PREROUTING"} if text else set(), False, ":KUBE-NODEPORTS " in text)
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        words = re.sub(r'"(?:[^"\\]|\\.)*"', "", line).split()  # a comment may say anything
        if len(words) < 4 or words[0] != "-A" or words[1].startswith("KUBE-"):
            continue
        options = dict(zip(words, words[1:]))
        if options.get("-p", "tcp") not in ("tcp", "6") or ("-p" in words and words[words.index("-p") - 1] == "!"):
            continue
        target = options.get("-j", options.get("-g", ""))
        named = next((name for name in ("--dport", "--dports", "--ports") if name in options), None)
        ports = tuple(_port_list(options[named])) if named and words[words.index(named) - 1] != "!" else ()
        action = target.lower() if target in ("DNAT", "REDIRECT", "TPROXY") else None
        by = "iptables %s in table %s" % (target, table)
        if not target.startswith("KUBE-"):
            follow = None if action else "%s %s" % (table, target)
            found.rules.append(Rule("%s %s" % (table, words[1]), ports if named else None, action, follow, by))
    return found


def _port_list(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split(","):
        match = re.match(r"(\d{1,5})(?::(\d{1,5}))?\Z", part, re.A)
        if match:
            low, high = int(match.group(1)), int(match.group(2) or match.group(1))
            if 0 < low <= high < 65536:
                yield low, high


def parse_ip_vs(text: str) -> list[tuple[int, int, str]]:
    """Return (port, port, by) for each virtual TCP service of /proc/net/ip_vs, whose ports are hexadecimal."""
    ports = (int(word, 16) for word in re.findall(r"^TCP +\S+:([0-9A-F]{4})\b", text, re.M | re.A))
    return [(port, port, "ipvs") for port in ports if port]
