# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/start.md as a newcomer follows it, literally: its files and its commands, in a fresh container, with the built tarball."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import container, tarball

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/start.md").read_text()
FILES = dict(re.findall(r"^```(?:yaml|ini)\n# (\S+)\n(.*?)^```", PAGE, re.M | re.S))
COMMANDS = [line for block in re.findall(r"^```shell\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
RELEASE, PYTHON = "trixie", "3.13"  # which that release has
INIT = """for room in fs kernel vm; do
    mount --bind /proc/sys/$room /proc/sys/$room
    mount -o remount,bind,ro /proc/sys/$room
done
exec /sbin/init"""


pytestmark = pytest.mark.skipif(not container.has_image(RELEASE), reason=container.WHY_NOT)


class Newcomer:
    """A shell in a fresh machine with ansible-core, nginx and the tarball in an empty folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, command: str) -> str:
        """Run a command in the folder; return what it says. It has to succeed."""
        told = ["--env", "NO_COLOR=1", "--env", "LC_ALL=C.UTF-8"]
        words = ["podman", "exec", "--workdir", "/root/new", *told, self.name, "bash", "-lc", command]
        ran = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert 0 == ran.returncode, "%s:\n%s%s" % (command, ran.stdout, ran.stderr)
        return ran.stdout

    def state(self) -> dict[str, str]:
        """Return what a change could have changed: sysctls, addresses, files of configuration, what nginx may open."""
        return {
            "sysctls": self.run("sysctl -a -r '^net.(core|ipv4|ipv6)' 2>/dev/null | grep -vE 'neigh|fastopen_key'"),
            "addresses": self.run("ip -brief address"),
            "files": self.run("find /etc -xdev -type f -newer /root/new/begin -printf '%p\\n' | sort"),
            "nofile": self.run("grep 'open files' /proc/$(systemctl show -P MainPID nginx)/limits"),
        }


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    """Start the machine. What `pip install` would bring is mounted: containers of tests reach no network."""
    lock, site = str(ROOT / "requirements.txt"), tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--only-binary=:all:", "--python-version", PYTHON]
    subprocess.run([*pip, "--target", str(site), "--require-hashes", "-r", lock], check=True)
    for script in (site / "bin").iterdir():
        lines = script.read_text().split("\n", 1)
        script.write_text("#!/usr/bin/python3\n" + lines[1])
    one = Newcomer("ft-newcomer-%d" % os.getpid())
    more = ["--hostname", "web1", "--volume", f"{site}:/opt/ansible:ro", "--entrypoint", "/bin/sh"]
    container.start(one.name, RELEASE, *more, command=("-c", INIT))
    try:
        subprocess.run(["podman", "exec", one.name, "mkdir", "-p", "/root/new/group_vars"], check=True)
        one.run("systemctl is-system-running --wait || true")
        one.run(
            "ip link add front0 type veth peer back0; ip address add 192.0.2.1/24 dev front0; ip link set front0 up; ip link set back0 up"
        )
        one.run("echo 'export PATH=/opt/ansible/bin:$PATH PYTHONPATH=/opt/ansible' >/etc/profile.d/ansible.sh")
        one.run("systemctl start nginx; touch begin; sleep 1")
        subprocess.run(["podman", "cp", str(tarball.build(tmp_path)), f"{one.name}:/root/new/"], check=True)
        for name, content in FILES.items():
            (tmp_path / "file").write_text(content)
            subprocess.run(["podman", "cp", str(tmp_path / "file"), f"{one.name}:/root/new/{name}"], check=True)
        yield one
    finally:
        container.remove(one.name)


def test_the_page_is_whole() -> None:
    """Three files, and every command that a newcomer needs, in order."""
    assert ["inventory.yml", "group_vars/front_tier.yml", "ansible.cfg"] == list(FILES)
    assert "pip install ansible-core" == COMMANDS[0]
    assert COMMANDS[1].startswith("ansible-galaxy collection install c10m-front_tier-")
    assert ["audit", "plan", "scale --check --diff", "scale", "revert"] == [one.partition("c10m.front_tier.")[2] for one in COMMANDS[2:]]


def test_a_newcomer_gets_from_nothing_to_a_scaled_host_and_back(newcomer: Newcomer) -> None:
    """Every command succeeds as it stands there; scale raises what the audit says, and after revert all is as it was."""
    before = newcomer.state()
    said = {}
    for number, command in enumerate(COMMANDS[1:]):
        said[number] = newcomer.run(command)
        if "scale" in command and "--check" not in command:
            raised = newcomer.state()
    for number, text in said.items():
        print(COMMANDS[1 + number], text, sep="\n")
    assert "inbound" in said[1] and "nofile" in said[1]
    assert "5,000 connections" in said[2]
    assert "+LimitNOFILE=" in said[3]
    assert "50-front-tier-plan.conf" in raised["files"] and raised["nofile"] != before["nofile"]
    newcomer.run("systemctl restart nginx")  # as the page says: it keeps its descriptors until then
    assert "nginx.service: processes of it keep nofile" in said[5]
    assert before == newcomer.state()
    assert json.loads(newcomer.run("cat front-tier-report/front-tier.json"))["hosts"]["web1"]["state"] == "audited"
