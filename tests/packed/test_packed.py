# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_settings as Ansible packs and sends it: what it has to do with other sections' things is imported by name, and there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._read.unfinished import JOURNAL
from tests.bench import changes

ROOT = Path(__file__).resolve().parents[2]
SETTINGS, BUSY = "c10m.front_tier.kernel_settings", "10.77.0.9/32"


class Host:
    """Namespaces of a host with empty folders where a change writes; kept until it is killed."""

    def __init__(self) -> None:
        self.holder = changes.standing()

    def sh(self, script: str) -> str:
        """Run a script there and return what it prints."""
        command = [*changes.inside(self.holder), "sh", "-ec", script]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def ansible(self, module: str, arguments: dict[str, object], *options: str) -> dict[str, object]:
        """Run a task there through Ansible, as a user does, and return its result, with all that was printed as `said`."""
        own = {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/live"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        words = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "localhost", "-m", module]
        command = [
            *changes.inside(self.holder),
            str(Path(sys.executable).with_name("ansible")),
            *words,
            "-a",
            json.dumps(arguments),
            *options,
        ]
        done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)
        told = done.stdout
        found = re.search(r"^localhost \| \S+ => ", told, re.M)
        assert found, told + done.stderr
        result: dict[str, object] = json.JSONDecoder().raw_decode(told, found.end())[0]
        return dict(result, said=" ".join((told + done.stderr).split()))


@pytest.fixture
def host():
    """A host of its own."""
    one = Host()
    yield one
    one.holder.kill()
    one.holder.wait()


def test_settings_are_set_kept_and_taken_back(host) -> None:
    """A key in two spellings is one key; a second run changes nothing."""
    assert host.ansible(SETTINGS, {"settings": {"net.core.somaxconn": 5000}})["changed"]
    assert "5000\n" == host.sh("cat /proc/sys/net/core/somaxconn") and "= 5000" in host.sh("cat /etc/sysctl.d/90-front-tier.conf")
    assert not host.ansible(SETTINGS, {"settings": {"net/core/somaxconn": 5000}})["changed"]
    assert host.ansible(SETTINGS, {"state": "absent"})["changed"]
    assert "4096\n" == host.sh("cat /proc/sys/net/core/somaxconn") and not host.sh("ls /etc/sysctl.d")


@pytest.mark.parametrize("name", ["net.ipv4.ip_local_port_range", "net/ipv4/ip_local_port_range", ".net.ipv4.ip_local_port_range"])
def test_a_port_range_is_checked_however_it_is_spelled(host, name) -> None:
    """A range over a listener is refused as port_range refuses it, and one that takes nothing is set."""
    listening = [
        *changes.inside(host.holder),
        sys.executable,
        "-c",
        "import socket, sys; s = socket.create_server(('', 40000)); print(flush=True); sys.stdin.read()",
    ]
    with subprocess.Popen(listening, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        program.stdout.read(1)
        refused = host.ansible(SETTINGS, {"settings": {name: "20000 50001"}})
        program.stdin.close()
    assert "Ports 40000 are listened on" in refused["msg"]
    result = host.ansible(SETTINGS, {"settings": {name: "20000 50001"}})
    assert result["changed"] and "20000\t50001\n" == host.sh("cat /proc/sys/net/ipv4/ip_local_port_range")
    assert host.ansible(SETTINGS, {"state": "absent"})["changed"]
    assert "32768\t60999\n" == host.sh("cat /proc/sys/net/ipv4/ip_local_port_range")


def test_reserved_ports_go_back(host) -> None:
    """Ports that a task reserved and no longer names are freed, as a set of ports, not as a text."""
    path = "/proc/sys/net/ipv4/ip_local_reserved_ports"
    assert host.ansible(SETTINGS, {"settings": {"net.ipv4.ip_local_reserved_ports": "40000,40001"}})["changed"]
    assert "40000-40001\n" == host.sh("cat " + path)
    assert host.ansible(SETTINGS, {"settings": {"net.core.somaxconn": 5000}})["changed"]
    assert "\n" == host.sh("cat " + path) and "5000\n" == host.sh("cat /proc/sys/net/core/somaxconn")


def test_addresses_that_would_be_gone_are_seen(host) -> None:
    """Switching IPv6 off is refused where it would take addresses along."""
    host.sh("ip address add fd00::7/64 dev %s nodad" % changes.INTERFACE)
    refused = host.ansible(SETTINGS, {"settings": {"net.ipv6.conf.all.disable_ipv6": 1}})
    assert "fd00::7/64 of bench0 would be gone" in refused["msg"]


def test_forwarding_is_checked_against_advertised_routes(host) -> None:
    """IPv6 forwarding is switched on in one call of the module, where no route by router advertisements is lost, and taken back."""
    path = "/proc/sys/net/ipv6/conf/%s/forwarding" % changes.INTERFACE
    result = host.ansible(SETTINGS, {"settings": {"net.ipv6.conf.%s.forwarding" % changes.INTERFACE: 1}}, "-vvv")
    assert result["changed"] and 1 == result["said"].count("Using module file") and "1\n" == host.sh("cat " + path)
    assert host.ansible(SETTINGS, {"state": "absent"})["changed"] and "0\n" == host.sh("cat " + path)


def test_an_unfinished_change_of_any_kind_is_undone(host) -> None:
    """A journal with an address is settled by a task that only sets sysctls, in this order; check mode leaves it and says so."""
    step = ["address", "%s %s" % (changes.INTERFACE, BUSY), None, {"lifetime": "forever"}]
    host.sh("mkdir -p /var/lib/front-tier; ip address add %s dev %s" % (BUSY, changes.INTERFACE))
    host.sh("cat > %s <<'E'\n%s\nE" % (JOURNAL, json.dumps({"version": 1, "steps": [step]})))
    arguments = {"settings": {"net.core.somaxconn": 5000}}
    looked = host.ansible(SETTINGS, arguments, "--check")
    assert "did not end" in looked["said"] and BUSY in host.sh("ip address show")
    result = host.ansible(SETTINGS, arguments)
    assert "An earlier change did not end; its 1 steps were undone first." in result["said"]
    assert BUSY not in host.sh("ip address show") and Path(JOURNAL).name not in host.sh("ls -A /var/lib/front-tier")
    assert "5000\n" == host.sh("cat /proc/sys/net/core/somaxconn")
