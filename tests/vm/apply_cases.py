# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes by the collection over real boots: what is asked is what is shown, done, predicted and found, and it can be taken back.

One host_config with everything in it: shown in check mode, made, made again, predicted by the audit, compared after a restart;
then one that names less; then state absent and another restart, after which the host is what it was.
"""

from __future__ import annotations

import json
from typing import Any

from boot_cases import CONNTRACK, LATE_INTERFACE, PLAIN, PLAIN_SERVICE, USER
from compare import MOVING, Row, as_text, compare_predictions, is_absent, real, session_nofile
from images import MANAGED, OWN_ADDRESS
from machine import WORK, Machine
from remote import Answer, audit, call, observe

SET = "front-tier"
SETTINGS = {
    "fs.nr_open": "2000000",
    "fs.file-max": "3000000",
    "net.ipv4.tcp_mem": "11000 15000 22000",
    "net.core.somaxconn": "5555",
    CONNTRACK: "123456",
    "net.ipv4.conf.%s.rp_filter" % LATE_INTERFACE: "2",
    "vm.dirty_bytes": "104857600",
    "vm.overcommit_kbytes": "8000000",
}
MADE_ZERO = {"vm.dirty_ratio": "0", "vm.overcommit_ratio": "0"}  # by the kernel, with the two above
DROPPED = ("net.ipv4.tcp_mem", "net.core.somaxconn", "vm.dirty_bytes", "vm.overcommit_kbytes", *MADE_ZERO)
NOFILE = {"soft": 1500000, "hard": 1600000}
PORTS = {"low": 20000, "high": 60999, "reserve": ["30000-30009", 40000]}


def _interfaces(less: bool = False) -> list[dict[str, Any]]:
    """Return every kind of secondary interface by every manager; `less`: without the last address of each address list."""
    found: list[dict[str, Any]] = []
    for number, (name, manager) in enumerate(MANAGED.items(), 1):
        # What netplan has no words for is kept by networkd, which reads its own files beside those that netplan writes.
        other = {"backend": "networkd"} if manager == "netplan" else {}
        last = 106 if less else 107
        found += [
            {"interface": name, "addresses": ["10.77.%d.100-10.77.%d.%d" % (number, number, last), "fd77:%d::1" % number]},
            {"interface": name, "kind": "macvlan", "addresses": ["10.77.%d.120" % number, "fd77:%d::2" % number], **other},
            {"interface": name, "kind": "local_route", "addresses": ["10.88.%d.0/24" % number], **other},
        ]
        if not other:
            found.append({"interface": "dum%d" % number, "kind": "dummy", "addresses": ["10.99.%d.1" % number], "backend": manager})
    return found


def _addresses(less: bool = False) -> dict[str, dict[str, str]]:
    """Return {interface: {address: whether something takes it by itself}} as it has to be, the host's own ones among them."""
    found = {}
    for number, name in enumerate(MANAGED, 1):
        some = dict.fromkeys(("10.77.%d.%d/32" % (number, last) for last in range(100, 107 if less else 108)), PREFERRED)
        found[name] = {OWN_ADDRESS[name]: PREFERRED, **some, "fd77:%d::1/128" % number: DEPRECATED}
        found[name + "-ft"] = {"10.77.%d.120/32" % number: PREFERRED, "fd77:%d::2/128" % number: DEPRECATED}
        if MANAGED[name] != "netplan":
            found["dum%d" % number] = {"10.99.%d.1/32" % number: PREFERRED}
    return found


PREFERRED, DEPRECATED = "preferred", "deprecated"
LOCAL_ROUTES = ["%s 10.88.%d.0/24" % (name, number) for number, name in enumerate(MANAGED, 1)]
FULL: dict[str, Any] = {
    "kernel_settings": {"settings": SETTINGS},
    "port_range": PORTS,
    "fd_limits": {"nofile": NOFILE, "units": [PLAIN], "users": [USER]},
    "secondary_interfaces": _interfaces(),
}
LESS = {
    **FULL,
    "kernel_settings": {"settings": {key: value for key, value in SETTINGS.items() if key not in DROPPED}},
    "secondary_interfaces": _interfaces(less=True),
}
VALUES = {**SETTINGS, **MADE_ZERO, "net.ipv4.ip_local_port_range": "20000 60999", "net.ipv4.ip_local_reserved_ports": "30000-30009,40000"}
# Counts, and numbers that the kernel draws at each boot or computes of the memory that was free then.
RESTLESS = (
    *("fs/dentry-state", "fs/inode-nr", "fs/inode-state", "fs/file-nr", "fs/aio-nr", "fs/quota/syncs"),
    *("net/core/netdev_rss_key", "vm/user_reserve_kbytes", "vm/admin_reserve_kbytes"),
)
# Where the sets were recorded; empty once there are none.
STATE = ("/var/lib/front-tier",)


def check(machine: Machine, row: Row, quick: bool) -> None:
    """Run it all on one machine; `quick` leaves out what needs no restart, and ends without the second one."""
    machine.put(PLAIN_SERVICE)
    machine.run("systemctl daemon-reload; systemctl start " + PLAIN)
    first, first_audit = _look(machine), audit(machine, [PLAIN])
    if not quick:
        _check_refusal(machine, row, first)
    machine.run("modprobe nf_conntrack; ip link add %s type dummy" % LATE_INTERFACE)
    _change(machine, row, "first change", FULL)
    _unchanged(machine, row, "the same again", FULL)
    predicted = audit(machine, [PLAIN])
    boots = [machine.reboot()]
    names = [entry["name"] for entry in predicted["limits"] if "." in entry["name"]]
    seen = _look(machine, [*names, *VALUES], addresses=_addresses(), interface=LATE_INTERFACE)
    (WORK / ("%s-apply.json" % row.suite)).write_text(json.dumps({"before": predicted, "seen": seen}, indent=1))
    compare_predictions(row, predicted, seen)
    _compare_asked(row, predicted, seen)
    _compare_interfaces(row, "after the restart", _addresses(), seen)
    if not quick:
        _unchanged(machine, row, "the same after the restart", FULL)
        _change(machine, row, "change that names less", LESS)
        seen = _look(machine)
        _compare_less(row, first, seen)
        _compare_interfaces(row, "after a change that names less", _addresses(less=True), seen)
    left = _change(machine, row, "absent", {"state": "absent"}).result.get("left")
    row.expect(left == [], "absent: left %s" % left)
    if quick:
        _compare_live(row, first, _look(machine))
    else:
        _unchanged(machine, row, "absent again", {"state": "absent"})
        boots.append(machine.reboot())
        _compare_host(row, "after absent and a restart", first, _look(machine))
        _compare_audits(row, first_audit, audit(machine, [PLAIN]))
    row.note += ", restarts of %s s" % " and ".join("%.0f" % one for one in boots)


def _look(machine: Machine, names: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Ask the witness, once the addresses are there that every boot brings or that are asked for."""
    own = {name: {one: PREFERRED} for name, one in OWN_ADDRESS.items()}
    asked = {"sysctls": sorted({*(names or VALUES)}), "services": [PLAIN], "users": [USER], "host": True, "addresses": own}
    return observe(machine, {**asked, **more})


def _check_refusal(machine: Machine, row: Row, first: dict[str, Any]) -> None:
    """A key whose module is not loaded and an interface that is not there are refused by name, and nothing is touched."""
    result = call(machine, "host_config", FULL, "--diff").result
    message = str(result.get("msg"))
    named = [key for key in VALUES if first["boot"][key] is None]
    right = len(named) == 2 and all(key in message for key in named) and message.endswith("Nothing was changed.")
    row.expect(right, "without nf_conntrack and %s: %s" % (LATE_INTERFACE, result))
    _compare_host(row, "after the refusal", first, _look(machine))


def _change(machine: Machine, row: Row, what: str, arguments: dict[str, Any]) -> Answer:
    """Show a change and make it; what check mode printed has to be what the real run prints, to the byte."""
    shown = call(machine, "host_config", arguments, "--check", "--diff")
    made = call(machine, "host_config", arguments, "--diff")
    row.expect(made.changed is True, "%s: %s" % (what, made.result))
    row.expect(shown.output == made.output, "%s: check mode printed\n%s\nand the real run\n%s" % (what, shown.output, made.output))
    return made


def _unchanged(machine: Machine, row: Row, what: str, arguments: dict[str, Any]) -> None:
    answer = call(machine, "host_config", arguments, "--diff")
    row.expect(answer.changed is False, "%s: %s" % (what, answer.result))


def _compare_asked(row: Row, predicted: dict[str, Any], seen: dict[str, Any]) -> None:
    """Hold what was asked against what the restart left, and against what the audit had said, with our file as the source."""
    limits = {entry["name"]: entry for entry in predicted["limits"] if "subject" not in entry}
    for name, value in VALUES.items():
        row.expect(real(seen, name) == value, "%s: asked %s, is %s after the restart" % (name, value, real(seen, name)))
        boot = limits.get(name, {"boot": {"value": {"absent": "not audited"}}})["boot"]
        right = not is_absent(boot["value"]) and as_text(boot["value"]) == value
        right = right and str(boot.get("source")).startswith("/etc/sysctl.d/90-%s.conf:" % SET)
        row.expect(right or name not in limits, "%s: asked %s, the audit predicted %s" % (name, value, boot))
    row.expect(seen["boot"][CONNTRACK] == VALUES[CONNTRACK], "%s: is %s at the end of the boot" % (CONNTRACK, seen["boot"][CONNTRACK]))
    pair = [NOFILE["soft"], NOFILE["hard"]]
    row.expect(seen["services"][PLAIN] == pair, "%s: nofile is %s" % (PLAIN, seen["services"][PLAIN]))
    row.expect(seen["users"][USER] == pair, "%s: nofile is %s" % (USER, seen["users"][USER]))
    session = session_nofile(predicted["limits"], USER)
    row.expect(session == pair, "%s: nofile of a session predicted %s" % (USER, session))


def _compare_less(row: Row, first: dict[str, Any], seen: dict[str, Any]) -> None:
    """What the second change does not name is back at its first value, the rest stays."""
    for name, value in VALUES.items():
        wanted = first["boot"][name] if name in DROPPED else value
        row.expect(seen["boot"][name] == wanted, "%s: is %s after a change that names less, not %s" % (name, seen["boot"][name], wanted))


def _compare_interfaces(row: Row, when: str, wanted: dict[str, dict[str, str]], seen: dict[str, Any]) -> None:
    """Every manager has brought its addresses, and its interfaces and local routes, and no others."""
    found = seen["host"]["addresses"]
    for name, some in wanted.items():
        row.expect(found.get(name) == some, "%s: %s has %s, not %s" % (when, name, found.get(name), some))
    routes = [one for one in seen["host"]["local_routes"] if one.split()[0] in wanted]
    row.expect(routes == LOCAL_ROUTES, "%s: local routes are %s, not %s" % (when, routes, LOCAL_ROUTES))


def _compare_live(row: Row, first: dict[str, Any], last: dict[str, Any]) -> None:
    """Without another restart: each sysctl that was there at the start, files, addresses and local routes are what they were.

    Interfaces without an address do not count: NetworkManager brings back one that its profile was for, empty, until it restarts itself.
    """
    for name, value in first["boot"].items():
        row.expect(value in (None, last["boot"][name]), "after absent: %s is %s, was %s" % (name, last["boot"][name], value))
    for one in (first, last):
        one["host"]["addresses"] = {name: some for name, some in one["host"]["addresses"].items() if some}
    _compare_parts(row, "after absent", first, last, [part for part in first["host"] if part != "sysctls"])


def _compare_host(row: Row, when: str, first: dict[str, Any], last: dict[str, Any]) -> None:
    """All sysctls, files, addresses and limits are what they were."""
    for part in ("manager", "services", "users"):
        row.expect(first[part] == last[part], "%s: %s: %s was %s" % (when, part, last[part], first[part]))
    _compare_parts(row, when, first, last, list(first["host"]))


def _compare_parts(row: Row, when: str, first: dict[str, Any], last: dict[str, Any], parts: list[str]) -> None:
    for part in parts:
        one, other = first["host"][part], last["host"][part]
        if not isinstance(one, dict):
            row.expect(one == other, "%s: %s: %s was %s" % (when, part, other, one))
            continue
        differing = [name for name in sorted({*one, *other} - {*RESTLESS}) if one.get(name) != other.get(name)]
        words = ["%s: %s was %s" % (name, other.get(name), one.get(name)) for name in differing if not name.startswith(STATE)]
        row.expect(not words, "%s: %s: %s" % (when, part, "; ".join(words)))


def _compare_audits(row: Row, first: dict[str, Any], last: dict[str, Any]) -> None:
    """The audit says of the host, at its end, what it said at its start: limits, boot values with their sources, ports, addresses."""
    keep = ("name", "subject", "scope", "value", "source", "boot")
    rows = [
        {(entry["name"], entry.get("subject")): {key: entry.get(key) for key in keep} for entry in one["limits"]} for one in (first, last)
    ]
    differing = [name for name in {**rows[0], **rows[1]} if rows[0].get(name) != rows[1].get(name) and name[0] not in MOVING]
    words = ["%s: %s was %s" % (name, rows[1].get(name), rows[0].get(name)) for name in differing]
    row.expect(not words, "audit at the end: %s" % "; ".join(words))
    for part in ("ports", "addresses"):
        row.expect(first[part] == last[part], "audit at the end: %s: %s was %s" % (part, last[part], first[part]))
