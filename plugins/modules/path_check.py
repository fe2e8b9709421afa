#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a host can dial listeners from its addresses, by one TCP handshake each."""

from __future__ import annotations

DOCUMENTATION = r"""
module: path_check
short_description: Check that a host can dial listeners from its addresses
version_added: 1.0.0
description:
  - Completes one TCP handshake for each pair of a source address and a listener, all of them together, and fails if any cannot be
    completed. A network, a firewall or a peer may refuse an address that it does not know.
  - Sends no data. A connection is reset as soon as it is there, so that nothing stays in C(TIME_WAIT).
extends_documentation_fragment:
  - c10m.front_tier._attributes
  - c10m.front_tier._attributes.info
options:
  pairs:
    description: What is dialled from where.
    type: list
    elements: dict
    required: true
    suboptions:
      source:
        description: An address of this host. Without it, the kernel chooses.
        type: str
        default: ''
      address:
        description: The address of the listener.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        required: true
  timeout:
    description: How many seconds a handshake may take.
    type: float
    default: 3
attributes:
  check_mode:
    support: full
    details: In check mode it dials nothing, and returns what it would dial.
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Does the origin answer the new address?
  c10m.front_tier.path_check:
    pairs:
      - source: 10.0.9.101
        address: 10.0.9.10
        port: 8080
"""

RETURN = r"""
pairs:
  description: What was dialled, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["10.0.9.101 -> 10.0.9.10:8080"]
dialled:
  description: How many handshakes were begun.
  returned: always
  type: int
failed_pairs:
  description: The pairs that failed, each with the reason.
  returned: always
  type: list
  elements: str
  sample: ["10.0.9.101 -> 10.0.9.10:8080: no answer in 3 s: no route back, or a firewall drops it"]
"""

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.path_check import run  # noqa: E402


def main() -> None:
    """Run the module."""
    run()


if __name__ == "__main__":
    main()
