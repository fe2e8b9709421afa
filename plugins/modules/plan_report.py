#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plan_report, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_report
version_added: 1.0.0
author: The c10m.front_tier contributors (@c10m)
short_description: Show what a fleet needs, hop by hop and host by host
description:
  - Prints a plan as the filter P(c10m.front_tier.plan#filter) makes it, with the arithmetic in words, and writes it as JSON.
  - Changes nothing, on no host.
options:
  plan:
    description: The plan.
    type: dict
    required: true
  dest:
    description:
      - The folder on the controller that gets C(front-tier-plan.json). It is made if there is none.
      - A relative path is below the folder in which the run was started.
    type: path
    default: front-tier-report
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._attributes.controller
seealso:
  - plugin: c10m.front_tier.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the plan of the fleet
  c10m.front_tier.plan_report:
    plan: "{{ hostvars | c10m.front_tier.plan(groups=groups) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
file:
  description: The file that was written.
  returned: success
  type: str
  sample: /srv/reports/front-tier/front-tier-plan.json
reached:
  description: Whether every hop carries what is wanted once the plan is applied.
  returned: success
  type: bool
cannot:
  description: What no change of the plan solves, in words.
  returned: success
  type: list
  elements: str
"""
