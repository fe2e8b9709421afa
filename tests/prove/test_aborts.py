# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aborts: whatever ends a run, or a part of it, nothing of it stays; and what would harm the host is refused before anything is opened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ONE = {"destinations": ["127.0.1.1"], "ports": [9000]}
NOTHING = "Nothing was opened."
SERVICE = """
import socket, sys, time
listener = socket.create_server(("127.0.1.1", 9000), backlog=2000)
print("ready", flush=True)
held = []
while True:
    held.append(listener.accept()[0])
    if %r:
        held[-1].sendall(%r)
"""


@pytest.fixture
def held(net):
    """A run of 600 connections, by three processes on each side."""
    net.listen([ONE], processes=3)
    result = net.dial([ONE], connections=600, processes=3)
    assert 600 == result["held"], result
    return net


def nothing_is_left(net):
    """Assert that no process and no socket of a run stays."""
    assert [] == net.ends(net.processes, [])
    assert {"established": 0, "time_wait": 0} == net.ends(net.sockets, {"established": 0, "time_wait": 0})


def test_a_dialling_process_is_killed(held):
    """Its run ends with the reason, and the listener lets go of what it held."""
    os.kill(held.children(held.parent("dial"))[0], signal.SIGKILL)
    assert "failed" == held.ends(
        lambda: held.place("dial").joinpath("status.json").read_text().split('"phase": "')[1].split('"')[0], "failed"
    )
    result = held.known("dial", "stopped")
    assert result["failed"]
    assert "one of its 3 processes ended (signal 9)" in result["msg"]
    assert 0 == held.ends(lambda: held.known("listen", "reported")["held"], 0)
    held.known("listen", "stopped")
    nothing_is_left(held)


def test_the_dialling_parent_is_killed(held):
    """Its processes die with it, and a later call says so."""
    os.kill(held.parent("dial"), signal.SIGKILL)
    assert 0 == held.ends(lambda: held.known("listen", "reported")["held"], 0)
    result = held.known("dial", "reported")
    assert result["failed"]
    assert "the parent of the run was killed" in result["msg"]
    held.known("listen", "stopped")
    nothing_is_left(held)
    assert held.known("dial", "stopped")["failed"]
    assert not held.place("dial").exists()


@pytest.mark.parametrize("part", ["parent", "process"])
def test_a_part_of_the_listening_side_is_killed(held, part):
    """The dialler counts what it lost, goes on with what is left of its time, and ends."""
    parent = held.parent("listen")
    os.kill(parent if part == "parent" else held.children(parent)[1], signal.SIGKILL)
    assert 600 == held.ends(lambda: held.known("dial", "reported")["lost"], 600)
    assert 0 == held.known("dial", "holding")["held"]
    assert held.known("listen", "reported")["failed"]
    held.known("dial", "stopped")
    nothing_is_left(held)


def test_a_run_is_stopped_while_it_dials(net):
    """What was opened so far is closed, and nothing stays."""
    net.listen([ONE])
    assert "failed" not in net.dial([ONE], state="started", rate=100)
    time.sleep(1)
    result = net.known("dial", "stopped")
    assert "ended" == result["phase"]
    assert 0 < result["held"] < 1000
    net.known("listen", "stopped")
    nothing_is_left(net)


def test_a_run_whose_controller_is_gone_ends_with_its_lease(net):
    """Nobody asks any more: the dialler ends with its lease, and then the listener, whose connections are gone, with its own."""
    net.listen([ONE], lease=10)
    assert "failed" not in net.dial([ONE], state="started", connections=100, lease=2)
    nothing_is_left(net)
    result = net.known("dial", "reported")
    assert result["failed"]
    assert "nobody asked for 2 s (lease)" in result["msg"]


def test_a_run_without_a_controller_ends_with_its_hold(net):
    """Without a lease, both sides end by themselves after `hold`."""
    net.listen([ONE], hold=12)
    assert "failed" not in net.dial([ONE], state="started", connections=100, hold=1)
    nothing_is_left(net)
    result = net.known("dial", "stopped")
    assert ("ended", 100) == (result["phase"], result["held_at_end"])


def test_control_c_ends_a_play(net, tmp_path):
    """A play that is interrupted while it watches a run leaves nothing behind once the lease is over."""
    net.listen([ONE], hold=90)
    book = tmp_path / "play.yml"
    book.write_text(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - c10m.front_tier.connection_probe:\n"
        "        side: dial\n        run: test-%d\n        lease: 6\n        hold: 60\n        connections: 200\n"
        "        paths: [{destinations: [127.0.1.1], ports: [9000]}]\n" % net.holder.pid
    )
    words = net.command("ansible-playbook", "-i", "localhost,", "-e", "ansible_python_interpreter=%s" % sys.executable, str(book))
    at_once = {**os.environ, "PYTHONUNBUFFERED": "1"}  # Ansible leaves what it says in a buffer where nobody looks
    with subprocess.Popen(words, env=at_once, stdout=subprocess.PIPE, text=True, start_new_session=True) as play:
        seen = ""
        for line in play.stdout:
            seen += line
            if "localhost: holding 200 of 200" in line:
                break
        assert 400 == net.sockets()["established"], seen
        os.killpg(play.pid, signal.SIGINT)
        play.communicate(timeout=60)
    assert 0 == net.ends(lambda: net.sockets()["established"], 0)
    net.known("listen", "stopped")
    nothing_is_left(net)


@pytest.mark.parametrize(("space", "connections"), [("wide", 4000), ("net", 1001)])
def test_nobody_answers(request, space, connections):
    """More than may be on their way at once, or than there are ports, into a network that swallows them: not the ports' fault."""
    one = request.getfixturevalue(space)
    one.run("ip", "link", "add", "gone", "type", "veth", "peer", "name", "hole")
    one.run("ip", "address", "add", "192.0.2.1/24", "dev", "gone")
    for end in ("gone", "hole"):
        one.run("ip", "link", "set", end, "up")
    one.run("ip", "neighbour", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "gone")
    result = one.dial([{"destinations": ["192.0.2.2"], "ports": [9000]}], trust_target=True, connections=connections)
    assert "failed" not in result, result["msg"]
    assert (0, "ETIMEDOUT") == (result["held"], result["paths"][0]["refusal"]["error"])
    one.known("dial", "stopped")
    nothing_is_left(one)


def test_a_listener_of_another_run_is_not_dialled(net):
    """A listener answers only for its own run."""
    net.listen([ONE], run="test-%d-other" % net.holder.pid)
    result = net.dial([ONE], connections=10)
    assert result["failed"]
    assert "127.0.1.1 port 9000: it is not a listener of this run" in result["msg"]
    assert result["msg"].endswith(NOTHING)


@pytest.mark.parametrize("banner", [b"", b"220 ready\r\n" * 20])
def test_a_service_is_dialled_only_if_trusted(net, banner):
    """What is no listener of a probe is left alone; with trust_target it is dialled, and ports stay for its other clients."""
    with subprocess.Popen(net.command(sys.executable, "-c", SERVICE % (banner, banner)), stdout=subprocess.PIPE) as service:
        assert b"ready" in service.stdout.readline()
        result = net.dial([ONE], connections=10)
        assert result["failed"]
        assert "it " in result["msg"]
        assert "trust_target: true" in result["msg"]
        assert "leave less than reserve_ports 400" in net.dial([ONE], connections=700, trust_target=True, reserve_ports=400)["msg"]
        held = net.dial([ONE], trust_target=True, reserve_ports=400)
        assert (600, 600, 0) == (held["held"], held["paths"][0]["kernel"], held["lost"])
        net.known("dial", "stopped")
        service.kill()


def test_a_full_listener_refuses_more(net):
    """What a listener is told to hold at most it holds, and the dialler sees the refusal; no queue counts as connections."""
    net.listen([ONE], connections=200)
    result = net.dial([ONE], connections=400, timeout=60)
    assert "failed" not in result
    dialled, listened = net.both()
    assert dialled["held"] == listened["held"] == dialled["paths"][0]["kernel"] <= 200
    assert 190 <= dialled["held"]
    assert dialled["lost"] or "ECONNREFUSED" == dialled["paths"][0]["refusal"]["error"]


def test_the_reserve_of_memory_ends_dialling(net):
    """When other work takes memory, dialling stops at the reserve, and the run ends at half of it."""
    net.listen([ONE], reserve_memory="1M")
    available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    keep = (int(available.split()[1]) << 10) - (300 << 20)
    assert "failed" not in net.dial([ONE], state="started", rate=50, reserve_memory=str(keep))
    with subprocess.Popen([sys.executable, "-c", "import sys; kept = b'x' * (600 << 20); sys.stdin.read()"], stdin=subprocess.PIPE) as hog:
        result = net.known("dial", "holding")
        hog.communicate()
    assert 0 < result["held"] < 1000
    assert "reserve" == result["paths"][0]["refusal"]["error"]


REFUSED = [
    ({"connections": 200000}, "200000 connections are above the cap of 100000. Say cap: 200000"),
    ({"connections": 100, "reserve_memory": "100000G"}, "reserve_memory keeps"),
    ({"connections": 100, "reserve_memory": "much"}, 'reserve_memory "much" is no size'),
    ({"paths": []}, "paths: none is given"),
    ({"paths": [dict(ONE, connections="many")]}, 'paths[0].connections "many" is no number'),
    ({"paths": [ONE, dict(ONE, sources=["127.0.0.1"])]}, "paths[0] and paths[1] both dial 127.0.1.1 port 9000 from 127.0.0.1"),
    (
        {
            "paths": [
                dict(ONE, sources=["127.0.0.9"], bind="plain"),
                {"sources": ["127.0.0.9"], "destinations": ["127.0.1.2"], "ports": [1]},
            ]
        },
        "paths 0, 1 share the source 127.0.0.9",
    ),
    ({"paths": [dict(ONE, ports=["1000-4000"])]}, "one run has at most 2000"),
    ({"connections": 100, "hold": -1}, "hold -1 is out of bounds"),
    ({"connections": 100, "run": "../x"}, "run '../x'"),
    ({"connections": 100, "start": 4e10}, "more than an hour ahead"),
    ({"connections": 100}, "it cannot be dialled: Connection refused"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message[:30] for _options, message in REFUSED])
def test_what_is_wrong_is_refused_before_anything_is_opened(net, options, message):
    """Every refusal names the option, its value, the bound and the remedy; no process and no folder is left."""
    result = net.dial(**dict({"paths": [ONE]}, **options))
    assert result["failed"]
    assert message in result["msg"]
    assert [] == net.processes()
    assert not net.place("dial").exists()


def test_a_port_in_use_is_named(net):
    """A listener that cannot be opened fails the call, and none of the others stays open."""
    with subprocess.Popen(net.command(sys.executable, "-c", SERVICE % (b"", b"")), stdout=subprocess.PIPE) as service:
        assert b"ready" in service.stdout.readline()
        result = net.module(side="listen", state="started", paths=[dict(ONE, ports=[8000, 9000])])
        service.kill()
    assert "127.0.1.1 port 9000 cannot be listened on: Address already in use" in result["msg"]
    assert [] == net.ends(net.processes, [])


def test_check_mode_opens_nothing(net):
    """Check mode says what would be done."""
    result = net.module(check=True, side="dial", paths=[ONE])
    assert ("checked", 1001, 1000) == (result["phase"], result["asked"], result["predicted"])
    assert [] == net.processes()


def test_check_mode_says_what_the_memory_allows(net):
    """Both ends are here, so each connection needs the kernel's 7.8 KB and the probe's own; what is reserved is not counted."""
    more, less = (net.module(check=True, side="dial", paths=[ONE], reserve_memory=size)["memory_allows"] for size in ("512M", "1536M"))
    assert 0 < less < more
    refused = net.module(check=True, side="dial", paths=[ONE], connections=10**9, cap=10**9, reserve_ports=0)
    assert refused["failed"]
    (megabytes,) = re.findall(r"^1000000000 connections need about (\d+) MB of memory", refused["msg"])
    assert 7800 < (int(megabytes) << 20) / 10**9 < 10000


def test_a_run_is_not_started_twice(net):
    """A second start finds the run that is under way."""
    assert net.listen([ONE])["changed"]
    assert not net.listen([ONE])["changed"]
    assert net.known("listen", "stopped")["changed"]
    assert not net.known("listen", "stopped")["changed"]
