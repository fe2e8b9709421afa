# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper for testinfra audits a node over podman, on each release's own Python, as the role did over Ansible."""

from __future__ import annotations

import warnings
from typing import Any

from ansible_collections.c10m.front_tier.plugins.plugin_utils.testinfra import OutsideWarning, front_tier

COUNTS = ("net.netfilter.nf_conntrack_count",)  # how much is used of a limit: it has gone on


def test_it_reads_what_the_role_read(host: Any, audit: Any) -> None:
    """Limits of the node, and findings on its files and units, are the same, whichever way the code came there."""
    told = front_tier(host)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideWarning)
        found = {(one["id"], one["subject"]) for one in told.findings(outside=True)}
    kinds = ("FT2", "FT6")  # those of paths are the role's, and counters have gone on
    assert {one for one in found if one[0].startswith(kinds)} == {
        (one["id"], one["subject"]) for one in audit["findings"] if one["id"].startswith(kinds)
    }
    values = {one["name"]: one["value"] for one in audit["limits"] if one["scope"] == "netns" and one["name"] not in COUNTS}
    assert {name: told.limit(name) for name, value in values.items() if "absent" not in str(value)} == {
        name: value for name, value in values.items() if "absent" not in str(value)
    }


def test_the_machine_outside_is_left_out_and_marked(host: Any) -> None:
    """A node's inbound capacity is what its own unit allows; the machine's memory and fs.file-max do not count."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideWarning)
        inbound = front_tier(host, service="haproxy").inbound
    assert "nofile" == inbound.binding and inbound <= 1024
    assert {"memory", "fs.file-max"}.isdisjoint(one["name"] for one in inbound.bounds)


def test_no_file_is_left_on_the_node(host: Any) -> None:
    """Folders for temporary files hold what they held before."""
    before = host.check_output("find /tmp /var/tmp /root -xdev | sort")
    front_tier(host)
    assert before == host.check_output("find /tmp /var/tmp /root -xdev | sort")
