#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action audit_report, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_report
version_added: 1.0.0
author: The c10m.front_tier contributors (@c10m)
short_description: Report what audits found, and fail where something new is wrong
description:
  - Prints what the role P(c10m.front_tier.audit#role) found on a fleet, and writes it as one HTML file that needs no other and as
    JSON.
  - Everything comes from the hosts' variables C(front_tier_audit), so hosts that were not audited in this run can be reported from a
    fact cache.
  - It is the gate of the playbook, too. Every host is reported first; then the task fails if a finding is as severe as O(fail_on), is
    not accepted, and can be remedied on the host, or if a host for which a gate is set could not be audited.
  - Of each host, its own variables C(front_tier_fail_on) and C(front_tier_accept) count, unless the options say otherwise.
options:
  hosts:
    description: The hosts to report on. Without it, all hosts of the play, also those that failed or are unreachable.
    type: list
    elements: str
  dest:
    description:
      - The folder on the controller that gets C(front-tier.html) and C(front-tier.json). It is made if there is none.
      - A relative path is below the folder in which the run was started.
    type: path
    default: front-tier-report
  fail_on:
    description: The least severity that fails. Without it, the variable C(front_tier_fail_on) of each host, or V(never).
    type: str
    choices: [never, error, warning]
  accept:
    description:
      - Findings that do not fail until a day. Each entry is a dictionary.
      - C(id) is the id of the finding, C(until) the last day on which it counts, and C(why) the reason; these are required.
      - C(hosts) is a pattern of host names or a list of them, and C(subject) a pattern of the finding's subject; without them, all.
      - Without this option, the variable C(front_tier_accept) of each host counts.
    type: list
    elements: dict
  validate_only:
    description: Check O(fail_on) and O(accept) of all hosts and stop, so that a mistake shows before any work.
    type: bool
    default: false
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._attributes.controller
seealso:
  - module: c10m.front_tier.connection_limits_info
  - plugin: c10m.front_tier.capacity
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Report on the hosts of this play, and fail on errors that nobody accepted
  c10m.front_tier.audit_report:
    dest: /srv/reports/front-tier
    fail_on: error
    accept:
      - id: FT117
        hosts: "edge-0*"
        until: 2027-03-01
        why: kernel upgrade booked
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
files:
  description: The files that were written, by format.
  returned: when a report was written
  type: dict
  sample: {html: /srv/reports/front-tier/front-tier.html, json: /srv/reports/front-tier/front-tier.json}
hosts:
  description: How many hosts the report is about.
  returned: when a report was written
  type: int
audited:
  description: How many of them were audited.
  returned: when a report was written
  type: int
failing:
  description: The findings that fail the gate, at most 100 of them.
  returned: when a report was written
  type: list
  elements: dict
  sample: [{host: edge-01, id: FT117, subject: "0.0.0.0:443", severity: warning, state: new, fails: true}]
unused_acceptances:
  description: Acceptances that match no finding, so that they can be removed.
  returned: when a report was written
  type: list
  elements: str
"""
