# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `policy_report`: policies over the audits of a fleet, in the terminal, as JSON and as JUnit XML. Runs on the controller."""

from __future__ import annotations

import datetime
import json
import os
import re
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.c10m.front_tier.plugins.plugin_utils import _gate
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy import judge, told
from ansible_collections.c10m.front_tier.plugins.plugin_utils._policy.policy import Policy, policies
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import output, terminal
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import clean, mapping, plain

ARGUMENTS: dict[str, Any] = {
    "hosts": {"type": "list", "elements": "str"},
    "report": {"type": "path"},
    "policies": {"type": "list", "elements": "raw", "default": ["ready"]},
    "accept": {"type": "list", "elements": "dict", "default": []},
    "fail_on": {"type": "str", "choices": list(_gate.LEVELS), "default": "error"},
    "plan": {"type": "path"},
    "dest": {"type": "path", "default": "front-tier-report"},
}
FILES = ("front-tier-policy.json", "front-tier-policy.xml")
MOST_ROWS = 100


class ActionModule(ActionBase):  # type: ignore[misc]
    """Judge what audits left in the hosts' variables or in a report; touch no managed host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print and write what the policies say, then fail if the gate does."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _result, options = self.validate_argument_spec(ARGUMENTS)
        names = options["hosts"] if options["hosts"] is not None else list(variables.get("ansible_play_hosts_all") or [])
        if not names:
            raise AnsibleActionFail("There is no host to judge: hosts is empty. Name a group in front_tier_target that has hosts.")
        try:
            chosen = policies(options["policies"])
            hosts = _hosts(names, variables.get("hostvars", {}), recorded(options["report"]), _mentioned(chosen))
            plan = written("plan", options["plan"], "hops", list, "the front-tier-plan.json that c10m.front_tier.plan wrote")
            today = datetime.datetime.now(datetime.timezone.utc).date()
            made = judge.judge(chosen, hosts, plan, plain(options["accept"]), options["fail_on"], today)
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        output.show(told.lines(made))
        contents = (json.dumps(told.data(made), indent=1).encode("ascii") + b"\n", told.junit(made))
        paths = output.write_all(options["dest"], dict(zip(FILES, contents)), "front_tier_report_dir")
        output.show(_ending(made, paths))
        return _told(made, paths)


def recorded(path: str | None) -> dict[str, Any]:
    """Return the hosts of the report that the audit wrote; none where there is no such file. Raises ValueError where it is another file."""
    report = written("report", path, "hosts", dict, "the front-tier.json that the audit wrote")
    return {} if report is None else dict(report["hosts"])


def written(option: str, path: str | None, holds: str, kind: type, what: str) -> dict[str, Any] | None:
    """Return what a file of JSON holds; None where there is no file. Raises ValueError where it is not what the option means."""
    if path is None or not os.path.exists(path):
        return None
    try:
        with open(path, "rb") as stream:
            data = json.load(stream)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError("%s %s cannot be read: %s. Name %s." % (option, path, error, what)) from None
    if not isinstance(data, dict) or not isinstance(data.get(holds), kind):
        raise ValueError("%s %s has no %s. Name %s." % (option, path, holds, what))
    return data


def _mentioned(chosen: list[Policy]) -> set[str]:
    """Return the variables of the inventory that policies speak of; only these are looked up, for every host."""
    return {name for one in chosen for name in re.findall(r"\bfront_tier_\w+", one.violations.text)}


def _hosts(names: list[str], hostvars: Any, report: dict[str, Any], mentioned: set[str]) -> list[judge.Host]:
    """Return what is known of every host: of two audits, the newer one."""
    found = []
    for name in names:
        host = hostvars[name] if name in hostvars else {}  # noqa: SIM401 (HostVars.get gives no default)
        entry = mapping(report.get(name))
        facts = [fact for fact in (plain(host.get("front_tier_audit")), entry.get("audit")) if isinstance(fact, dict)]
        fact = max(facts, key=lambda one: str(mapping(one.get("host")).get("read_at")), default=None)
        variables = {key: _variable(name, host, key) for key in mentioned if key in host}
        why = clean(entry.get("why")) or "there is no audit of it in the fact cache or in the report: run c10m.front_tier.audit first"
        found.append(judge.host_of(name, fact, [str(group) for group in host.get("group_names") or []], variables, why))
    return found


def _variable(name: str, host: Any, key: str) -> Any:
    """Return a variable of a host as plain data. Raises ValueError where Ansible cannot tell it."""
    try:
        return plain(host.get(key))
    except AnsibleError as error:
        raise ValueError(
            "A policy names %s, which cannot be told for %s: %s. Seen from another host, a variable cannot use hostvars: "
            "write its value out." % (key, name, error)
        ) from None


def _ending(made: judge.Result, paths: list[str]) -> list[terminal.Line]:
    """Return the last lines: the files, and what the gate says."""
    lines: list[terminal.Line] = [[], [("  JSON  ", "dim"), (paths[0], "")], [("  JUnit ", "dim"), (paths[1], "")], []]
    if made.message:
        return [*lines, *terminal.paragraph(made.message, 8, "error", "  Gate"), []]
    return [*lines, [("  Gate  ", "dim"), ("passes (fail_on: %s)" % made.fail_on, "good")], []]


def _told(made: judge.Result, paths: list[str]) -> dict[str, Any]:
    """Return the result of the task: small, the rest is in the files."""
    data = told.data(made)
    broken = [dict(row, policy=one["id"]) for one in data["policies"] for row in one["found"] if row["fails"]]
    result = {
        "changed": False,
        "files": dict(zip(("json", "junit"), paths)),
        "hosts": made.hosts,
        "audited": made.hosts - len(made.unaudited),
        "passes": data["passes"],
        "failing": broken[:MOST_ROWS],
        "unused_acceptances": made.unused[:MOST_ROWS],
    }
    if made.message:
        result.update(failed=True, msg=made.message)
    return result
