#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action policy_report, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_report
version_added: 1.0.0
author: The c10m.front_tier contributors (@c10m)
short_description: Hold the audits of a fleet against policies, and fail where one is broken
description:
  - Evaluates expressions in JMESPath over what the role P(c10m.front_tier.audit#role) left of each host, and over a plan; prints a
    table, and writes all of it as JSON and as JUnit XML. No host is contacted.
  - Audits come from the hosts' variables C(front_tier_audit), so from a fact cache too, and from the report of the audit. Where both
    have a host, the newer audit counts.
  - It is a gate. Everything is reported first; then the task fails if a violation is as severe as O(fail_on) and not accepted, if a
    policy could not be evaluated, or if there is no audit of a host.
requirements:
  - jmespath on the controller
options:
  hosts:
    description: The hosts to judge. Without it, all hosts of the play.
    type: list
    elements: str
  report:
    description:
      - The file C(front-tier.json) that M(c10m.front_tier.audit_report) wrote. A file that does not exist holds no audits.
      - A relative path is below the folder in which the run was started.
    type: path
  policies:
    description:
      - The policies, in this order. V(ready) is every policy that comes with the collection.
      - Other entries are the id of a ready policy, a file whose name ends in C(.yml) and that holds such a list, or a policy itself.
      - A policy is a dictionary with C(id) and C(violations), an expression in JMESPath that finds what breaks the policy. It may have
        C(title), C(severity) (V(error), V(warning) or V(info)), C(each) (V(host), V(hop), V(tier) or V(fleet)), C(hosts) (patterns of
        hosts and groups) and C(remedy).
      - An entry with the id of an earlier or of a ready policy changes the keys that it gives.
    type: list
    elements: raw
    default: [ready]
  accept:
    description:
      - Violations that do not fail until a day. Each entry is a dictionary.
      - C(id) is the id of the policy, C(until) the last day on which it counts, and C(why) the reason; these are required.
      - C(hosts) is a pattern of names of hosts (or hops, or tiers) or a list of them, and C(subject) a pattern of the violation's
        subject; without them, all.
    type: list
    elements: dict
    default: []
  fail_on:
    description: The least severity that fails.
    type: str
    choices: [never, error, warning]
    default: error
  plan:
    description:
      - The file C(front-tier-plan.json) that the playbook C(c10m.front_tier.plan) wrote, for the policies about hops and tiers.
        Where there is none, they are skipped, and the report says so.
      - A relative path is below the folder in which the run was started.
    type: path
  dest:
    description:
      - The folder on the controller that gets C(front-tier-policy.json) and C(front-tier-policy.xml). It is made if there is none.
      - A relative path is below the folder in which the run was started.
    type: path
    default: front-tier-report
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._attributes.controller
seealso:
  - module: c10m.front_tier.audit_report
  - plugin: c10m.front_tier.policy
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Hold the last audits against two policies
  c10m.front_tier.policy_report:
    report: front-tier-report/front-tier.json
    policies:
      - no-soft-nofile-1024
      - id: wide-port-range
        title: The port range holds 50,000 ports
        violations: "ports.usable < `50000` && {message: 'the port range is narrow'}"
    accept:
      - id: wide-port-range
        hosts: "edge-0*"
        until: 2027-03-01
        why: they are replaced in February
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
files:
  description: The files that were written, by format.
  returned: when there was something to judge
  type: dict
  sample: {json: /srv/reports/front-tier-policy.json, junit: /srv/reports/front-tier-policy.xml}
hosts:
  description: How many hosts there are.
  returned: when there was something to judge
  type: int
audited:
  description: Of how many of them there is an audit.
  returned: when there was something to judge
  type: int
passes:
  description: Whether the gate passes.
  returned: when there was something to judge
  type: bool
failing:
  description: The violations that fail the gate, at most 100 of them.
  returned: when there was something to judge
  type: list
  elements: dict
  sample:
    - {policy: no-soft-nofile-1024, name: edge-01, subject: haproxy.service, severity: error, state: new, fails: true,
       message: "it listens on 0.0.0.0:443, and a process of it may open 1024 files",
       remedy: "Set the nofile of its unit with c10m.front_tier.fd_limits, and restart it.", evidence: null}
unused_acceptances:
  description: Acceptances that match no violation, so that they can be removed.
  returned: when there was something to judge
  type: list
  elements: str
"""
