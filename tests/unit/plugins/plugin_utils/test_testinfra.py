# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit in tests: what belongs to the machine outside a container is left out and marked, on a machine nothing is."""

from __future__ import annotations

import warnings

import pytest

from ansible_collections.c10m.front_tier.plugins.plugin_utils import testinfra
from ansible_collections.c10m.front_tier.plugins.plugin_utils.testinfra import Audit, AuditError, OutsideWarning

NGINX = {
    "name": "nginx.service", "program": "nginx", "main_pid": 1, "asked": ["nginx"],
    "processes": [{"pid": 1, "nofile": {"soft": 1024, "hard": 20000}, "files_open": 10, "connections": 0}],
}  # fmt: skip
MEMORY = {"name": "memory", "connections": 900, "detail": "idle, 4.0 KB each"}
FILES = {"name": "nofile", "connections": 1014, "detail": "descriptors", "limit": "nginx.service nofile 1024"}
GROUP = {"name": "cgroup memory", "connections": 5000, "detail": "1 GB"}
MAX = {"name": "fs.file-max", "connections": 2000, "detail": "fs.file-max"}


def audit(container="podman", soft=1024, bounds=(MEMORY, FILES, GROUP, MAX), **sections):
    """Return the audit of a host on which nginx listens; its hard limit of open files is 20000."""
    nginx = {**NGINX, "processes": [{**NGINX["processes"][0], "nofile": {"soft": soft, "hard": 20000}}]}
    scope = "outside" if container else "kernel"
    snapshot = {
        "host": {"container": container}, "services": [nginx], "files": {"nofile_self": {"soft": 1024, "hard": 20000}},
        "limits": [{"name": "fs.file-max", "scope": scope, "value": 5000, "boot": {"value": {"absent": "unknown", "detail": "no file"}}}],
        "capacity": {"inbound": {"bounds": list(bounds), "services": ["nginx.service"], "used": 0}}, "findings": [], "paths": [],
        "addresses": [], "sockets": {"flows": []}, "listeners": [], "ports": {"low": 1024, "high": 2023, "reserved": []}, **sections,
    }  # fmt: skip
    return Audit(snapshot)


def test_on_a_machine_everything_counts():
    """Without a container, memory binds like anything else and nothing is marked."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = audit(container=None).inbound
    assert (900, "memory", []) == (found, found.binding, found.outside)
    assert "<900 connections by idle memory (idle, 4.0 KB each)>" == repr(found)


def test_in_a_container_the_machine_is_left_out_and_marked():
    """Memory and fs.file-max are the machine's; the nofile of the unit is the container's and binds."""
    with pytest.warns(OutsideWarning, match="inbound is bound by the machine outside this container, which is left out"):
        found = audit().inbound
    assert (1014, "nofile", [MEMORY]) == (found, found.binding, found.outside)
    assert "<1,014 connections by nofile (nginx.service nofile 1024); outside this container: idle memory 900>" == repr(found)


def test_a_nofile_that_is_all_the_container_may_have_is_outside():
    """Nothing inside can raise it, so what is left binds."""
    with pytest.warns(OutsideWarning):
        assert (5000, "cgroup memory") == (audit(soft=20000).inbound, audit(soft=20000).inbound.binding)


def test_where_only_the_machine_binds_every_demand_holds():
    """The number is without limit and says so."""
    with pytest.warns(OutsideWarning):
        found = audit(soft=20000, bounds=[MEMORY, FILES]).inbound
    assert found >= 50_000_000 and "<unlimited connections; outside this container: idle memory 900, nofile 1,014>" == repr(found)


def test_nothing_read_is_no_number():
    """Without any bound there is no capacity to compare with."""
    with pytest.raises(AuditError, match="inbound is not known: nothing that bounds it could be read. Audit with more rights"):
        _dummy = audit(bounds=[]).inbound


def test_the_ports_of_a_container_are_its_own():
    """Outbound, the range binds also where the machine's memory would bind before."""
    memory = {"total": 4096 * 100, "available": 4096 * 100, "tcp_pages": 0}
    path = {"bounds": [{"name": "ports", "connections": 1000, "detail": ""}, {"name": "memory", "connections": 90, "detail": ""}],
            "service": None, "used": 0, "binding": "memory", "connections": 90}  # fmt: skip
    with pytest.warns(OutsideWarning):
        found = audit(memory=memory, paths=[path]).outbound
    assert (1000, "ports") == (found, found.binding) and ["memory"] == [one["name"] for one in found.outside]
    assert 102 >= audit(container=None, memory=memory, paths=[path]).outbound


@pytest.mark.parametrize(("severity", "ids"), [("error", ["FT1"]), ("warning", ["FT1", "FT2"]), ("info", ["FT1", "FT2", "FT4"])])
def test_findings_are_at_least_as_severe(severity, ids):
    """Those of the machine outside are left out with a warning, and given where they are wanted."""
    rows = [{"id": "FT%d" % number, "severity": severity, "subject": "s", "message": "m.", "remedy": "r.", "outside": number == 3}
            for number, severity in ((1, "error"), (2, "warning"), (3, "error"), (4, "info"))]  # fmt: skip
    told = audit(findings=rows)
    with pytest.warns(OutsideWarning, match="1 findings of the machine outside this container are left out: FT3."):
        assert ids == [one["id"] for one in told.findings(severity)]
    assert "FT3" in [one["id"] for one in told.findings(severity, outside=True)]
    assert "<FT1 error s: m. r.>" == repr(told.findings(severity, outside=True)[0])


def test_an_unknown_severity_or_limit_is_named():
    """What cannot be meant is told, and what was not read is no value."""
    with pytest.raises(ValueError, match='severity "fatal" is not one of error, warning, info.'):
        audit().findings("fatal")
    with pytest.raises(AuditError, match="net.x is no limit of this audit. docs/limits.md lists them."):
        audit().limit("net.x")
    with pytest.raises(AuditError, match="fs.file-max at boot is not known: no file."):
        audit().boot("fs.file-max")
    assert 5000 == audit().limit("fs.file-max")


def test_the_command_fits_one_argument():
    """Linux takes arguments of up to 128 KiB each; a quarter stays free for options and quoting."""
    assert len(testinfra.command({"paths": []})) < 96 * 1024


def test_the_command_holds_what_the_module_imports():
    """The files that travel are those of the audit, and none that reads nothing."""
    names = set(testinfra._sources())
    assert testinfra.PACKAGE + "plugins.module_utils._read.snapshot" in names and len(names) <= 34
    assert not [name for name in names if "_apply" in name or "findings" in name]


@pytest.mark.parametrize(
    "said", ["{}", "[]", '{"host": {"kernel": 5}, "listeners": [{"address": "::", "port": 1000000000000}]}', "{" * 9, '{"a":' * 99999, ""]
)
def test_a_host_that_answers_what_it_likes_fails_its_test(said):
    """Neither a number that is no port, nor endless nesting, nor nothing at all: one error of the plugin, and no other."""

    class Host:
        def run(self, _command):
            return type("Ran", (), {"rc": 0, "stdout": said, "stderr": ""})

    with pytest.raises(AuditError):
        testinfra.front_tier(Host())
