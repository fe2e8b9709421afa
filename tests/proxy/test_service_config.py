# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a service, checked by the real HAProxy as they will be; on a tree as root, so that this machine's own stay as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

SITE = """global
    maxconn 100
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend site
    bind 127.0.0.1:8404
"""
PART = "/etc/haproxy/conf.d/part.cfg"
DROP_IN = "/etc/systemd/system/haproxy.service.d/50-x.conf"
COMMAND = "haproxy -c -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/conf.d"


class Host:
    """A tree with HAProxy's folder."""

    def __init__(self, top: Path) -> None:
        self.top = top
        for folder in ("etc/haproxy/conf.d", "etc/systemd/system", "var/lib", "run", "proc"):
            (top / folder).mkdir(parents=True)
        (top / "etc/haproxy/haproxy.cfg").write_text(SITE)
        os.mkfifo(top / "etc/haproxy/fifo")  # what is no configuration is not copied
        self.before = self.files()

    def files(self):
        """Return {path: text} of what belongs to the host."""
        return {
            str(path.relative_to(self.top)): path.read_text()
            for top in ("etc",)
            for path in sorted((self.top / top).rglob("*"))
            if path.is_file()
        }

    def change(self, files, check=False, state="present", validate=COMMAND):
        """Make the change."""
        common = {"name": "web", "state": state, "persist": True, "live": True, "on_override": "fail", "skip_unavailable": False}
        options = {"files": files, "folder": "/etc/haproxy", "validate": validate, "lock_timeout": 5.0}
        return change.change({**common, **options}, "service_config", check, Root(str(self.top)))


@pytest.fixture
def host(tmp_path):
    """Return a fresh tree."""
    if os.geteuid() or not shutil.which("haproxy"):
        pytest.skip("takes root and haproxy (make apt)")
    return Host(tmp_path)


def test_it_is_checked_written_and_given_back(host):
    """Check mode says what the run does; the second run changes nothing; what the site had in a file goes back with absent."""
    files = {
        PART: "frontend more\n    bind 127.0.0.1:8405\n",
        "/etc/haproxy/haproxy.cfg": SITE + "    maxconn 50\n",
        DROP_IN: "[Service]\n",
    }
    shown = host.change(files, check=True)
    assert host.files() == host.before
    done = host.change(files)
    assert done["diff"] == shown["diff"] and done["changed"]
    assert host.files()[PART[1:]] == files[PART] and host.files()[DROP_IN[1:]] == "[Service]\n"
    assert not host.change(files)["changed"]
    host.change({}, state="absent")
    assert host.files() == host.before


@pytest.mark.parametrize("check", [True, False])
def test_what_the_service_refuses_is_not_written(host, check):
    """HAProxy sees its whole folder with the change in it; what it says is the message, and no file is touched."""
    with pytest.raises(Refusal, match=r"(?s)unknown keyword 'nonsense'.*Nothing was changed\.") as refusal:
        host.change({PART: "frontend more\n    nonsense\n"}, check=check)
    assert "/etc/haproxy/conf.d/part.cfg" in str(refusal.value)
    assert host.files() == host.before


def test_what_would_remain_is_checked_too(host):
    """Taking a part away that another one needs is refused like any other change."""
    host.change({PART: "backend used\n"})
    other = host.top / "etc/haproxy/conf.d/theirs.cfg"
    other.write_text("frontend theirs\n    bind 127.0.0.1:8406\n    default_backend used\n")
    before = host.files()
    with pytest.raises(Refusal, match="unable to find required default_backend: 'used'"):
        host.change({})
    assert host.files() == before


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"/etc/passwd": ""}, "'/etc/passwd' is neither below folder /etc/haproxy nor a drop-in"),
        ({"/etc/haproxy/../passwd": ""}, "is neither below folder /etc/haproxy nor a drop-in"),
        ({PART: 5}, "is no text but 5. Write what the file has to hold."),
    ],
)
def test_paths_and_texts(host, files, message):
    """Only files of the service, and only text."""
    with pytest.raises(Refusal, match=message):
        host.change(files)


def test_a_check_that_cannot_be_made_is_no_success(host):
    """A folder that is not there on the machine cannot be mounted over: refused, with what it takes."""
    (host.top / "etc/gone-ft").mkdir()
    with pytest.raises(Refusal, match="cannot be checked before it is in place"):
        change.change(
            {
                "name": "web",
                "state": "present",
                "persist": True,
                "live": True,
                "on_override": "fail",
                "skip_unavailable": False,
                "files": {"/etc/gone-ft/a": "x"},
                "folder": "/etc/gone-ft",
                "validate": "true",
                "lock_timeout": 5.0,
            },
            "service_config",
            True,
            Root(str(host.top)),
        )
