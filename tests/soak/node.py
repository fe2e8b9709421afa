# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the soak: containers of the testbed, made by its own playbooks, in which modules run as Ansible runs them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import ansible

from tests.soak.actions import SETS, SITE

PROJECT = Path(__file__).resolve().parents[2]
WORK = PROJECT / ".build/soak"
INVENTORY = PROJECT / "tests/soak/inventory"
ON_NODE = "/opt/soak"
PATIENCE = 120.0  # seconds; the machine may be busy
PARTS = {  # what a module needs: its own imports, without Ansible's way to bring them
    "ansible/release.py": Path(ansible.__file__).with_name("release.py"),
    "ansible/module_utils": Path(ansible.__file__).with_name("module_utils"),
    "ansible_collections/c10m/front_tier/plugins/modules": PROJECT / "plugins/modules",
    "ansible_collections/c10m/front_tier/plugins/module_utils": PROJECT / "plugins/module_utils",
    "agent.py": PROJECT / "tests/soak/agent.py",
}


def playbook(path: Path | str, variables: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the nodes."""
    environment = {
        **os.environ,
        "ANSIBLE_CONNECTION_PLUGINS": str(PROJECT / "molecule/connection_plugins"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_REMOTE_TEMP": "/tmp/ansible",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(WORK),  # where the scenario's own playbook keeps what nodes were
    }
    words = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", str(INVENTORY), "--forks", "5"]
    words += [str(path), "--extra-vars", json.dumps(dict(variables, front_tier_report_dir=str(WORK / "report")))]
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            told, trouble = process.communicate()
        except BaseException:  # all that it started has to end before what it made is taken away
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()
            raise
    return subprocess.CompletedProcess(words, process.returncode, told, trouble)


def played(path: str) -> None:
    """Run a playbook of the testbed. Raises SystemExit where it fails: then there is nothing to soak."""
    done = playbook(PROJECT / path, {})
    if done.returncode:
        sys.exit("%s failed:\n%s%s" % (path, done.stdout[-4000:], done.stderr[-2000:]))


class Node:
    """One container."""

    def __init__(self, name: str, variables: dict[str, Any]) -> None:
        self.name, self.container = name, variables["ansible_host"]
        self.podman: list[str] = variables["testbed_podman"]
        self.process = self._process()

    @classmethod
    def start(cls, reuse: bool) -> list[Node]:
        """Make the nodes as the scenario `scale` finds them, with a few files of a site more; or take those that an earlier run kept."""
        if not reuse:
            played("molecule/shared/create.yml")
            played("molecule/scale/prepare.yml")
        words = [str(Path(sys.executable).with_name("ansible-inventory")), "--inventory", str(INVENTORY), "--list"]
        known = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)["_meta"]["hostvars"]
        nodes = [cls(name, resolved(name, variables)) for name, variables in sorted(known.items())]
        for node in nodes:
            node.equip()
            for one in SETS if reuse else ():
                node.module("host_config", {"name": one, "state": "absent"})
            node.restart(hard=False)
        return nodes

    def _process(self) -> str:
        words = [*self.podman, "inspect", "--format", "{{.State.Pid}}", self.container]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def command(self, *words: str) -> list[str]:
        """Return a command line that runs inside: a hundred times faster to start than podman exec."""
        return ["nsenter", "--all", "--target", self.process, *words]

    def run(self, *words: str, given: bytes = b"") -> bytes:
        """Run a command inside; return its output."""
        return subprocess.run(self.command(*words), input=given, stdout=subprocess.PIPE, check=True, timeout=PATIENCE).stdout

    def equip(self) -> None:
        """Bring what modules need to the node, and the files of its site."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, path in PARTS.items():
                tar.add(path, ON_NODE.lstrip("/") + "/" + name, filter=lambda one: None if "__pycache__" in one.name else one)
            for name, text in {ON_NODE + "/ansible/__init__.py": "", **SITE}.items():
                member = tarfile.TarInfo(name.lstrip("/"))
                member.size, member.mode = len(text), 0o644
                tar.addfile(member, io.BytesIO(text.encode()))
        self.run("tar", "-x", "-C", "/", "-f", "-", given=packed.getvalue())
        self.run("python3", "-m", "compileall", "-q", ON_NODE)
        self.run("sh", "-c", "id app > /dev/null 2>&1 || useradd --create-home app")

    def restart(self, hard: bool) -> None:
        """Restart the node in order, or with a power cut; return once it has started everything."""
        # podman cleans up after a kill when it gets to it, and a start before that takes the old network namespace, with its sysctls
        cut = [["kill"], ["wait"], ["container", "cleanup"], ["start"]]
        words = [[*one, self.container] for one in (cut if hard else [["restart", "--time", "10"]])]
        for one in words:
            subprocess.run([*self.podman, *one], capture_output=True, check=True, timeout=PATIENCE)
        self.process = self._process()
        until, state = time.monotonic() + PATIENCE, ""
        while state not in ("running", "degraded"):
            if time.monotonic() > until:
                raise TimeoutError("%s does not start: %s" % (self.name, state))
            done = subprocess.run(self.command("systemctl", "is-system-running", "--wait"), capture_output=True, text=True, check=False)
            state = done.stdout.strip()

    def module(self, name: str, options: dict[str, Any], stop: int = 0, pause: bool = False, check: bool = False) -> Any:
        """Run a module of the collection; return its result, None where it was stopped before the writing call with that number."""
        given = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, _ansible_check_mode=check, _ansible_diff=True)})
        words = ["env", "PYTHONPATH=" + ON_NODE, "PYTHONDONTWRITEBYTECODE=1", "python3", ON_NODE + "/agent.py", "module", name]
        words += ["pause" if pause else "kill", str(stop)] if stop else []
        process = subprocess.Popen(self.command(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(given)
        process.stdin.close()
        line = process.stdout.readline()
        if line == "paused\n":
            return None  # it ends with the node
        told, trouble = line + process.stdout.read(), process.stderr.read()
        if process.wait() < 0 and stop:
            return None
        try:
            return json.loads(told)
        except ValueError:
            raise RuntimeError("%s on %s: %s%s" % (name, self.name, told, trouble)) from None

    def look(self) -> dict[str, Any]:
        """Return what the node is, see agent.py."""
        return dict(json.loads(self.run("python3", ON_NODE + "/agent.py", "look")))

    def audit(self, services: list[str]) -> dict[str, Any]:
        """Return the snapshot of the audit."""
        found = self.module("connection_limits_info", {"services": services})
        if found.get("failed"):
            raise RuntimeError("the audit of %s: %s" % (self.name, found["msg"]))
        return dict(found)

    def record(self) -> str:
        """Return the record of sets as it is on disk, an empty text without one."""
        return self.run("sh", "-c", "cat /var/lib/front-tier/sets.json 2> /dev/null || :").decode()


def resolved(name: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a node, with what they name in one another in its place: ansible-inventory leaves that."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(one) for one in value]
        if isinstance(value, str):
            for one in ("testbed_prefix", "testbed_netns"):
                value = value.replace("{{ %s }}" % one, str(variables.get(one)))
            return value.replace("{{ inventory_hostname }}", name)
        return value

    return {key: fill(value) for key, value in variables.items()}
