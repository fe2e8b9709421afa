# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a restart the node has the boot values that the audit gave before it."""

from __future__ import annotations

from typing import Any


def test_every_sysctl_has_its_boot_value(audit: Any, sysctls: Any, printed: Any) -> None:
    """Each sysctl of the node whose boot value was known has it now, whether a file decides it or the kernel."""
    boots = {limit["name"]: limit["boot"]["value"] for limit in audit["limits"] if limit["scope"] == "netns"}
    told = {name: printed(value) for name, value in boots.items() if not (isinstance(value, dict) and "absent" in value)}
    assert {name: sysctls[name] for name in told} == told
    assert len(told) > 25


def test_the_restart_changed_what_the_audit_said_it_would(audit: Any, sysctls: Any) -> None:
    """What a finding said the next boot would change has changed: the live value that it named is gone."""
    changed = [one for one in audit["findings"] if one["id"] in ("FT601", "FT611")]
    assert {one["subject"] for one in changed} >= {"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_keepalive_probes"}
    assert [one["subject"] for one in changed if sysctls[one["subject"]] != one["evidence"]["boot"]] == []
    assert [one["subject"] for one in changed if sysctls[one["subject"]] == one["evidence"]["live"]] == []


def test_sysctl_conf_counts_where_the_release_reads_it(audit: Any, node: str, sysctls: Any) -> None:
    """/etc/sysctl.conf was applied on Debian 11 and 12, and not on 13; the audit had said so."""
    read = sysctls["net.ipv4.tcp_max_syn_backlog"] == "6666"
    assert read == (node != "front2")
    assert read == any(limit["boot"]["source"] == "/etc/sysctl.d/99-sysctl.conf:1" for limit in audit["limits"])


def test_units_started_with_their_boot_nofile(host: Any, audit: Any) -> None:
    """Each enabled service has in systemd the nofile that the audit gave for its next start, and its main process as much of
    it as this machine can give."""
    boots = {service["name"]: service["boot"]["nofile"] for service in audit["services"]}
    shown = host.check_output("systemctl show -p Id -p LimitNOFILE -p LimitNOFILESoft -p MainPID " + " ".join(boots))
    told = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n")]
    assert {one["Id"]: {"soft": int(one["LimitNOFILESoft"]), "hard": int(one["LimitNOFILE"])} for one in told} == boots
    most = int(host.check_output("ulimit -Hn"))
    running = {one["Id"]: one["MainPID"] for one in told if one["MainPID"] != "0"}
    assert set(running) == set(boots) - {"dialler.service"}  # not enabled
    for name, pid in running.items():
        hard = host.check_output("prlimit --pid %s --nofile --noheadings --raw --output HARD", pid)
        assert int(hard) == min(boots[name]["hard"], most)
