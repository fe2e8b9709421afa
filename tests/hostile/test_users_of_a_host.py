# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a host who are not root, against what root does there: files and links in its way, a tampered journal, endless answers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._apply import transaction, validated
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import file
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal, Step, file_value
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import RECORD
from ansible_collections.c10m.front_tier.plugins.module_utils._read import evidence
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.unfinished import JOURNAL

NOBODY = 65534
COMMON = {
    "name": "web",
    "state": "present",
    "persist": True,
    "live": True,
    "on_override": "fail",
    "skip_unavailable": False,
    "lock_timeout": 5.0,
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Return a tree with the folder of a service."""
    for folder in ("etc/haproxy/conf.d", "etc/systemd/system", "etc/sysctl.d", "var/lib/front-tier", "run", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/lib/front-tier").chmod(0o700)
    return tmp_path


@pytest.fixture
def root() -> None:
    """Skip without root: only root can give a file to somebody else."""
    if os.geteuid():
        pytest.skip("takes root: files are given to another user")


def config(top: Path, files: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
    """Write files of the service."""
    options = {"files": files, "folder": "/etc/haproxy", "validate": None, **more}
    return change.change({**COMMON, **options}, "service_config", check, Root(str(top)))


def test_a_file_laid_in_the_way_gets_nothing(tmp_path: Path) -> None:
    """Who holds the temporary name of a file open cannot write to the file that takes the place of the old one."""
    path = tmp_path / "a.conf"
    ahead = os.open(str(path) + file.UNFINISHED, os.O_RDWR | os.O_CREAT, 0o666)
    file.write(Root(), str(path), dict(file_value("ours\n"), uid=os.geteuid(), gid=os.getegid()))
    os.pwrite(ahead, b"evil", 0)
    os.close(ahead)
    assert "ours\n" == path.read_text()


def test_a_second_name_of_a_file_laid_in_the_way_is_not_written(tmp_path: Path) -> None:
    """A hard link to a file of root's under the temporary name leaves that file as it is."""
    victim, path = tmp_path / "shadow", tmp_path / "a.conf"
    victim.write_text("root's\n")
    os.link(victim, str(path) + file.UNFINISHED)
    file.write(Root(), str(path), dict(file_value("ours\n"), uid=os.geteuid(), gid=os.getegid()))
    assert ("root's\n", "ours\n") == (victim.read_text(), path.read_text())


@pytest.mark.parametrize("name", ["etc/haproxy", "etc/haproxy/conf.d"])
@pytest.mark.parametrize("how", ["owner", "others", "group", "behind a link"])
def test_no_file_is_written_below_a_folder_of_others(top: Path, root: None, name: str, how: str) -> None:
    """A folder that somebody else may write to could lead elsewhere a moment later: refused, with its owner and what to do."""
    folder = top / name
    if how == "behind a link":
        there = top / "srv"
        shutil.move(str(folder), str(there))
        folder.symlink_to("/srv")
        folder = there
    if how in ("owner", "behind a link"):
        os.chown(folder, NOBODY, NOBODY)
    elif how == "others":
        folder.chmod(0o777)
    else:
        os.chown(folder, 0, NOBODY)
        folder.chmod(0o775)
    with pytest.raises(Refusal, match=r"whoever may write there .* Nothing was changed\.\Z") as refused:
        config(top, {"/etc/haproxy/conf.d/a.cfg": "x\n"})
    assert "/" + str(folder.relative_to(top)) in str(refused.value)
    assert not list(folder.rglob("a.cfg*"))


def test_a_file_keeps_the_mode_that_the_site_gave_it(top: Path, root: None) -> None:
    """A configuration that only a group may read, for the passwords in it, is not opened to everybody; and goes back as it was."""
    site = top / "etc/haproxy/haproxy.cfg"
    site.write_text("password\n")
    os.chown(site, 0, NOBODY)
    site.chmod(0o640)
    config(top, {"/etc/haproxy/haproxy.cfg": "password and more\n"})
    status = site.stat()
    assert (0o640, 0, NOBODY) == (status.st_mode & 0o7777, status.st_uid, status.st_gid)
    assert not config(top, {"/etc/haproxy/haproxy.cfg": "password and more\n"})["changed"]
    config(top, {}, state="absent")
    assert ("password\n", 0o640) == (site.read_text(), site.stat().st_mode & 0o7777)


def test_the_check_of_a_configuration_writes_nothing_through_a_link(top: Path, root: None) -> None:
    """A folder of parts that is a link is checked as a copy: what the link leads to has no new file before the change is made."""
    parts = top / "srv/parts"
    parts.mkdir(parents=True)
    (parts / "theirs.cfg").write_text("theirs\n")
    (top / "etc/haproxy/conf.d").rmdir()
    (top / "etc/haproxy/conf.d").symlink_to(parts)
    os.makedirs("/run/front-tier-test", exist_ok=True)
    mounted = Path("/run/front-tier-test")
    (mounted / "conf.d").symlink_to(parts)
    try:
        seen = "test -e %s/conf.d/ours.cfg && test -e %s/conf.d/theirs.cfg" % (mounted, mounted)
        files: dict[str, str | None] = {"%s/conf.d/ours.cfg" % mounted: "ours\n"}
        assert None is validated.refused(Root(), str(mounted), files, ["sh", "-c", seen])
        assert ["theirs.cfg"] == os.listdir(parts)
    finally:
        shutil.rmtree(mounted)


@pytest.mark.parametrize("name", [JOURNAL, RECORD, os.path.dirname(JOURNAL)])
@pytest.mark.parametrize("how", ["owner", "mode"])
def test_a_journal_of_somebody_else_undoes_nothing(top: Path, root: None, name: str, how: str) -> None:
    """What others could have written is not obeyed: neither a journal, nor a record of first values, nor their folder."""
    victim = top / "etc/passwd"
    victim.write_text("root's\n")
    step = Step("file", "/etc/passwd", file_value("evil\n"), None)
    (top / JOURNAL[1:]).write_text(json.dumps({"version": transaction.VERSION, "steps": [step]}))
    (top / RECORD[1:]).write_text(json.dumps({"version": 1, "sets": {}}))
    for one in (JOURNAL, RECORD):
        (top / one[1:]).chmod(0o600)
    place = top / name[1:]
    if how == "owner":
        os.chown(place, NOBODY, NOBODY)
    else:
        place.chmod(place.stat().st_mode | 0o022)
    with pytest.raises(Refusal, match=r"belongs to user \d+ and has mode \d+: .* Nothing was changed\.\Z") as refused:
        config(top, {})
    assert name in str(refused.value) and "root's\n" == victim.read_text()


def test_a_log_that_is_a_pipe_does_not_hold_the_reading(tmp_path: Path) -> None:
    """Who owns the folder of a log can put a pipe in its place: it has no lines."""
    os.mkfifo(tmp_path / "haproxy.log")
    assert [] == evidence.tail(Root(), str(tmp_path / "haproxy.log"), 600)


@pytest.mark.parametrize("slow", [True, False])
def test_a_socket_that_never_ends_its_answer_is_given_up(tmp_path: Path, slow: bool) -> None:
    """What listens in HAProxy's place may send without end, fast or a byte at a time: an absence, within a few seconds."""
    path, stop = str(tmp_path / "s"), threading.Event()
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def answer() -> None:
        peer, _address = server.accept()
        with peer:
            while not stop.wait(0.05 if slow else 0):
                try:
                    peer.sendall(b"x" * (1 if slow else 1 << 16))
                except OSError:
                    return

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    assert is_absent(evidence.ask(path, "show stat", str, seconds=1.0))
    stop.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("option", ["files", "service_config"])
def test_the_log_of_a_host_has_no_texts_of_files(option: str) -> None:
    """Whoever may read the journal does not read a configuration that its own mode keeps from them; the other options are logged."""
    given = {"name": "web", option: "{'/etc/haproxy/haproxy.cfg': 'password'}"}
    message, options = change.loggable("Invoked with name=web %s=%s" % (option, given[option]), given)
    assert "Invoked with name=web %s=NOT_LOGGING_PARAMETER" % option == message
    assert {"name": "web", option: "NOT_LOGGING_PARAMETER"} == options
    assert ("an error", None) == change.loggable("an error", None)


@pytest.mark.parametrize("check", [True, False])
def test_who_lacks_the_rights_is_told_so(root: None, check: bool) -> None:
    """Without root, a change and its check mode say what they take, and do not call a sysctl read-only that is not."""
    asked = {**COMMON, "on_override": "warn", "settings": {"net.core.somaxconn": 4096}}
    with tempfile.TemporaryDirectory() as made:  # the folders of pytest are its own
        top = Path(made)
        top.chmod(0o755)
        for name in ("proc/sys/net/core", "etc/sysctl.d", "var/lib", "run"):
            (top / name).mkdir(parents=True)
        (top / "proc/sys/net/core/somaxconn").write_text("128\n")
        change.change(asked, "kernel_settings", True, Root(made))  # what it imports may lie where only root reads
        text = told_as(NOBODY, lambda: change.change(asked, "kernel_settings", check, Root(made)))
    assert "say become: true" in text and text.endswith(" Nothing was changed."), text


def told_as(user: int, work: Callable[[], Any]) -> str:
    """Return the message with which work fails as another user."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        try:
            work()
        except (Refusal, OSError) as error:
            os.write(sender, change.said(error).encode())
        os._exit(0)
    os.close(sender)
    os.waitpid(child, 0)
    with os.fdopen(receiver) as told:
        return told.read()
