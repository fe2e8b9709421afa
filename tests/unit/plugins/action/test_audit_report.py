# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action audit_report: files are put in place whole, and the result stays small. The rest is run for real in tests/playbook."""

from __future__ import annotations

import datetime
import os
import stat

import pytest
import yaml

from ansible_collections.c10m.front_tier.plugins.action import audit_report
from ansible_collections.c10m.front_tier.plugins.modules import audit_report as documented
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report import fact, fleet, output
from ansible_collections.c10m.front_tier.tests.recorded.fleet import fleet as hosts_of


def test_a_file_is_replaced_whole(tmp_path):
    """The new file has the new content and an ordinary mode, and nothing is left beside it."""
    path = tmp_path / "front-tier.html"
    path.write_bytes(b"old")
    before = os.stat(path).st_ino
    output.write(str(path), b"new")
    mask = os.umask(0)
    os.umask(mask)
    assert b"new" == path.read_bytes() and before != os.stat(path).st_ino
    assert 0o666 & ~mask == stat.S_IMODE(os.stat(path).st_mode)
    assert ["front-tier.html"] == os.listdir(tmp_path)


def test_a_link_is_replaced_and_not_followed(tmp_path):
    """A link in the report's folder cannot make it overwrite another file."""
    (tmp_path / "other").write_bytes(b"precious")
    (tmp_path / "front-tier.html").symlink_to(tmp_path / "other")
    output.write(str(tmp_path / "front-tier.html"), b"new")
    assert b"precious" == (tmp_path / "other").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """A disk that is full leaves the report of yesterday, and no half of today's."""
    path = tmp_path / "front-tier.html"
    path.write_bytes(b"old")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        output.write(str(path), b"new")
    assert b"old" == path.read_bytes() and ["front-tier.html"] == os.listdir(tmp_path)


def test_the_documentation_has_the_options_of_the_action():
    """What is documented is what the action takes."""
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    keys = ("type", "elements", "choices", "default")
    assert audit_report.ARGUMENTS == {name: {key: one[key] for key in keys if key in one} for name, one in options.items()}


def test_the_result_of_a_failing_fleet_stays_small():
    """Three hundred hosts with findings do not make a result of a megabyte."""
    entries = [fleet.entry(name, fact.kept(one, 10**9), {}, None, ("warning", [])) for name, one in hosts_of(300).items()]
    told = audit_report.result(fleet.make(entries, datetime.date(2026, 11, 23)), {"html": "a", "json": "b"})
    assert told["failed"] and 100 == len(told["failing"]) and 40000 > len(str(told))
    assert not told["changed"] and (300, 300) == (told["hosts"], told["audited"])
