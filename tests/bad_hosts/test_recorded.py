# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded hosts: read as expected, and broken in every way, file by file and many at once."""

from __future__ import annotations

import json
import os
import random
import shutil

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import REASONS
from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_paths
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot
from tests.recorded.record import facts_of

HOSTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recorded", "hosts")
NAMES = sorted(os.listdir(HOSTS))
PATHS = [
    {"destinations": ["10.99.0.9"], "ports": [8080]},
    {"sources": ["10.0.0.2"], "destinations": ["10.99.0.9"], "ports": [8080], "bind": "plain", "service": "haproxy"},
    {"sources": ["10.0.0.2"], "destinations": ["10.99.0.9"], "ports": [8080], "port_range": "20000-20099", "nofile": 50},
]
JUNK = bytes(range(256)) * 20


def files_of(top):
    """Return every file and link of a tree, from the top as `/`."""
    return sorted(os.path.join(folder, name)[len(top) :] for folder, _folders, names in os.walk(top) for name in names)


def _write(content):
    def put(path):
        with open(path, "wb") as file:
            file.write(content(path) if callable(content) else content)

    return put


def _mutated(path):
    """Return the file's own bytes with some of them changed, cut or doubled; always the same for the same file."""
    pick = random.Random(path.rpartition("/root")[2])
    data = bytearray(KEPT.get(path, b"") or b"1")
    for _dummy in range(12):
        at = pick.randrange(len(data) or 1)
        data[at : at + pick.choice([0, 1, 1, 5])] = bytes([pick.randrange(256)]) * pick.choice([0, 1, 1, 30])
    return bytes(data)


KEPT: dict = {}
BREAK = {
    "missing": lambda path: None,
    "empty": _write(b""),
    "junk": _write(JUNK),
    "text": _write("not a number, \u00b2 \u0663 -1 99999999999999999999999 \udce9\n".encode("utf-8", "surrogateescape") * 3),
    "huge": _write(b"9" * (2 << 20)),
    "mutated": _write(_mutated),
    "dangling": lambda path: os.symlink("/no/such/file", path),
    "circular": lambda path: os.symlink(os.path.basename(path), path),
    "folder": os.mkdir,
    "fifo": os.mkfifo,
}


def broken(path, how):
    """Break a file; it is kept for mend()."""
    if os.path.islink(path):
        KEPT[path] = os.readlink(path)
    else:
        with open(path, "rb") as file:
            KEPT[path] = file.read()
    content = KEPT[path]
    os.remove(path)
    if isinstance(content, bytes) or how != "mutated":
        BREAK[how](path)


def mend(path):
    """Put a broken file back."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.remove(path)
    content = KEPT.pop(path)
    if isinstance(content, str):
        os.symlink(content, path)
    else:
        with open(path, "wb") as file:
            file.write(content)


def check(value, place="snapshot"):
    """Check that data is plain and that every absence in it has a reason and says something."""
    if isinstance(value, dict):
        if "absent" in value:
            assert value["absent"] in REASONS and value["detail"], place
        for key, inner in value.items():
            check(inner, "%s.%s" % (place, key))
    elif isinstance(value, (list, tuple)):
        for inner in value[:50]:
            check(inner, place + "[]")
    else:
        assert value is None or isinstance(value, (bool, int, float, str)), place


def audited(top):
    """Return the audit of a tree, with what has to hold of any."""
    snapshot = read_snapshot(Root(top), paths=parse_paths(PATHS), services=["haproxy.service"])
    found = complete(snapshot, PATHS)
    check(found)
    json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogateescape")
    for path in found["paths"]:
        assert 0 <= path["free"] and 0 <= path["connections"] <= path["at_most"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_host_is_read_as_expected(name):
    """Each recorded host gives, to the last value, what was expected of it."""
    with open(os.path.join(HOSTS, name, "expected.json"), encoding="utf-8") as file:
        assert facts_of(os.path.join(HOSTS, name, "root")) == json.load(file)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    """Return a copy of the recorded host `edge` that may be broken."""
    top = str(tmp_path_factory.mktemp("edge") / "root")
    shutil.copytree(os.path.join(HOSTS, "edge", "root"), top, symlinks=True)
    return top


@pytest.mark.parametrize("how", sorted(BREAK))
def test_each_file_broken_in_turn(edge, how):
    """With any one file broken the audit goes on: absences with reasons, no crash, no negative number."""
    paths = [path for path in files_of(edge) if "/fd/" not in path]
    assert len(paths) > 80
    for path in paths:
        broken(edge + path, how)
        try:
            audited(edge)
        except Exception as error:
            raise AssertionError("%s %s: %s: %s" % (path, how, type(error).__name__, error)) from error
        finally:
            mend(edge + path)


@pytest.mark.parametrize("seed", range(20))
def test_many_files_broken_at_once(edge, seed):
    """With a third of all files broken in different ways the audit still ends with what is left."""
    pick = random.Random(seed)
    paths = [edge + path for path in files_of(edge)]
    chosen = pick.sample(paths, len(paths) // 3)
    for path in chosen:
        broken(path, pick.choice(sorted(BREAK)))
    try:
        audited(edge)
    finally:
        for path in chosen:
            mend(path)


def test_a_tree_with_nothing_in_it(tmp_path):
    """Of an empty folder everything is an absence; the range is the kernel's default."""
    found = complete(read_snapshot(Root(str(tmp_path)), paths=parse_paths(PATHS[:1])), PATHS[:1])
    check(found)
    assert all(isinstance(row["value"], dict) for row in found["limits"] if str(row["source"]).startswith("/proc/sys/"))
    assert found["ports"]["usable"] == 28232 and found["listeners"] == [] and isinstance(found["sockets"]["source"], dict)
