# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the playbook `scale`.

`plan_gaps` says what no change of the hosts solves, `unmet` holds an audit against what was changed, `raised` says what the change brought.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.ports import port_set
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import clean, items, mapping, plain, rows

SYSCTL_FILES = "file /etc/sysctl.d/"


def _fact(value: Any, name: str) -> dict[str, Any]:
    """Return an audit as plain data. Raises AnsibleFilterError."""
    try:
        fact = mapping(plain(value))
    except ValueError as error:
        raise AnsibleFilterError("%s: %s." % (name, error)) from None
    if "limits" not in fact:
        raise AnsibleFilterError("%s: give it the fact front_tier_audit, or a result of c10m.front_tier.connection_limits_info." % name)
    return fact


def _same(name: str, one: Any, other: Any) -> bool:
    """Tell whether two values of a sysctl mean the same: a set of ports, or words."""
    words = [value if isinstance(value, list) else str(value).replace(",", " ").split() for value in (one, other)]
    if name.endswith("_reserved_ports"):
        return port_set(map(str, words[0])) == port_set(map(str, words[1]))
    return list(map(str, words[0])) == list(map(str, words[1]))


def plan_gaps(value: Any, partly: bool = False) -> list[str]:
    """Return, in words, what a plan needs beside changes of its hosts: listeners; unless partly, also hosts, and what nothing solves."""
    plan = mapping(plain(value))
    if "hosts" not in plan or "missing" not in plan:
        raise AnsibleFilterError("plan_gaps: give it what the filter c10m.front_tier.plan returns.")
    found: dict[str, None] = {}
    for host in mapping(plan["hosts"]).values():
        for change in rows(mapping(host).get("changes")):
            if change.get("what") == "listeners":
                found["%s; write these ports into the listeners of the hop." % change.get("words")] = None
    if not partly:
        found.update(dict.fromkeys("%s." % row.get("words") for row in rows(plan["missing"])))
        found.update(dict.fromkeys(str(one) for one in items(plan.get("cannot"))))
    return list(found)


def unmet(value: Any, results: Any, planned: Any = None, now: Any = None) -> list[str]:
    """Return, in words, where an audit is not what the results of changing modules say that it must be.

    planned, now: what the plan said of the host, and what one from the audits of now says; then its capacity has to be as planned, too.
    """
    fact = _fact(value, "unmet")
    limits = {row.get("name"): row for row in rows(fact["limits"])}
    addresses = {(row.get("interface"), str(row.get("address")).partition("/")[0]) for row in rows(fact.get("addresses"))}
    found = []
    for result in rows(plain(results)):
        after, steps = mapping(result.get("after")), [str(step) for step in items(result.get("steps"))]
        kept = any(step.startswith(SYSCTL_FILES) for step in steps)
        for step in steps:
            kind, _space, name = step.partition(" ")
            wanted = after.get(name)
            if kind == "sysctl" and name in limits:
                row = limits[name]
                boot = mapping(row.get("boot")).get("value")
                if not _same(name, row.get("value"), wanted):
                    found.append("%s is %s, not %s." % (name, row.get("value"), wanted))
                elif kept and boot is not None and not is_absent(boot) and not _same(name, boot, wanted):
                    found.append("%s will be %s after the next boot, not %s." % (name, boot, wanted))
            elif kind == "address" and "addresses" not in mapping(fact.get("cut")):
                interface, _space, address = name.partition(" ")
                if ((interface, address.partition("/")[0]) in addresses) != (wanted is not None):
                    found.append("%s %s %s." % (interface, "lacks" if wanted is not None else "still has", address))
    found += _short(fact, mapping(plain(planned)), mapping(plain(now))) if planned and now else []
    return [clean(text) for text in found]


def _short(fact: dict[str, Any], planned: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return, in words, what a host lacks of what the plan said of it."""
    found = []
    if "listeners" not in mapping(fact.get("cut")):
        there = {row.get("port") for row in rows(fact.get("listeners"))}
        wanted = items(mapping(planned.get("variables")).get("front_tier_listeners"))
        lacking = [str(port) for port in wanted if port not in there]
        if lacking:
            found.append("Nothing listens on %s." % ", ".join(lacking))
    holds, promised, share = now.get("before"), planned.get("after"), planned.get("share")
    if not (isinstance(holds, int) and isinstance(promised, int) and isinstance(share, int)):
        return found
    # ports are promised to the connection; what else there is moves by itself, and has to suffice
    if holds < (promised if now.get("binding") == "ports" else min(promised, share)):
        found.append("It holds %s connections (%s), not the %s that were planned (%s)." % (
            format(holds, ","), now.get("binding"), format(promised, ","), planned.get("binding_after")))  # fmt: skip
    return found


def raised(value: Any, after: Any, planned: Any = None, now: Any = None) -> str:
    """Return a line that says what two audits of a host differ by: its capacity both ways and what binds; with plans, its share."""
    if planned and now:
        was, is_ = mapping(plain(planned)), mapping(plain(now))
        return "its share is %s: it could hold %s (%s), now %s (%s)" % (
            *(format(number, ",") if isinstance(number, int) else number for number in (was.get("share"), was.get("before"))),
            was.get("binding"), format(is_.get("before") or 0, ","), is_.get("binding"),
        )  # fmt: skip
    before, now = _fact(value, "raised"), _fact(after, "raised")
    return "; ".join("%s %s, now %s" % (way, _capacity(before, way), _capacity(now, way)) for way in ("inbound", "outbound"))


def _capacity(fact: dict[str, Any], way: str) -> str:
    one = mapping(mapping(fact.get("capacity")).get(way))
    number, binding = one.get("connections"), one.get("binding")
    shown = format(number, ",") if isinstance(number, int) else "unknown"
    return "%s (%s)" % (shown, clean(binding, 80)) if binding else shown


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"plan_gaps": plan_gaps, "unmet": unmet, "raised": raised}
