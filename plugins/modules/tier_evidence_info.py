#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what HAProxy, nginx, Varnish, their logs and the kernel show of a live front tier."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tier_evidence_info
version_added: 1.0.0
author: The c10m.front_tier contributors (@c10m)
short_description: Read the evidence of a live front tier
description:
  - Reads what shows why a front tier loses connections - the statistics of HAProxy, the counters of Varnish's backends, what the logs of
    the last minutes say, sockets, listeners, connection tracking, rules of policy routing and nftables, capabilities of the processes.
  - The filter P(c10m.front_tier.diagnose#filter) names the causes that the evidence shows.
  - Changes nothing, ever. Of a log only the kinds of lines that mean something are counted, and the last of each is returned.
  - Root sees all of it; what another user cannot see is an absence with its reason.
options:
  haproxy_config:
    description: HAProxy's configuration, or a folder with C(.cfg) files.
    type: path
    default: /etc/haproxy/haproxy.cfg
  haproxy_socket:
    description: HAProxy's stats socket. Without it, the one that the configuration names.
    type: path
  logs:
    description: The log files that are read, at most their last 256 KiB each. The journal is read as well.
    type: list
    elements: path
    default: [/var/log/haproxy.log, /var/log/nginx/error.log]
  varnish:
    description: The name of the instance of Varnish, where it is not the default one.
    type: str
  since:
    description: How many seconds of the past count in logs, from V(1) to V(86400).
    type: int
    default: 600
  watch:
    description: How many seconds lie between the two looks at counters that only tell by growing, from V(0.1) to V(60).
    type: float
    default: 1.0
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._attributes.info
seealso:
  - plugin: c10m.front_tier.diagnose
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at a balancer
  c10m.front_tier.tier_evidence_info:
    logs: [/var/log/haproxy.log]
  register: looked

- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ (looked | c10m.front_tier.diagnose).causes }}"
"""

RETURN = r"""
evidence:
  description: What was read, as plain data.
  returned: success
  type: dict
  contains:
    haproxy_config:
      description: What its configuration says of servers, sources, transparency and its user.
      type: dict
      returned: always
    haproxy_info:
      description: What C(show info) answers.
      type: dict
      returned: always
    haproxy_servers:
      description: The server lines of C(show stat).
      type: list
      elements: dict
      returned: always
    processes:
      description: The processes of HAProxy, nginx and Varnish in this network namespace, with descriptors and capabilities.
      type: list
      elements: dict
      returned: always
    routing:
      description: Rules with a mark, tables with a local default, and the rules of nftables for transparency.
      type: dict
      returned: always
    grown:
      description: Counters that grew while it was looked.
      type: dict
      returned: always
    logs:
      description: Kinds of lines that the logs of late hold, with their number and the last of them.
      type: dict
      returned: always
    snapshot:
      description: The parts of a snapshot that the causes need - limits, sockets, listeners, addresses, connection tracking.
      type: dict
      returned: always
"""

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.evidence import run


def main() -> None:
    """Run the module."""
    run()


if __name__ == "__main__":
    main()
