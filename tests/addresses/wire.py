# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in network namespaces of its own: an interface `front0`, a neighbour at the other end, and a tree of plain files.

usage as a program: python wire.py TREE PARAMS-AS-JSON SECTION-OR-EMPTY [check]     (in the namespace; prints "begin", then the answer)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import change
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.options import COMMON, SECTIONS
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.transaction import Failed
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

DEFAULTS = {name: option.get("default") for name, option in {**COMMON, **SECTIONS["secondary_interfaces"]}.items()}
DEFAULTS["duplicate_check"] = False  # it takes most of a second: where a test is about it, it says so
NETWORK = "[Match]\nName=front0\n\n[Network]\nAddress=10.77.0.1/24\n"
MINE, OTHER = "10.77.0.1/24", "10.77.0.2/24"


class Wire:
    """Two namespaces joined by a veth pair, held open by a process each, and the tree of the first one's files."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.holders = [self._hold() for _dummy in range(2)]
        self.here, self.there = ("/proc/%d/ns/net" % holder.pid for holder in self.holders)
        index = str(self.holders[1].pid)
        self.ip("link add front0 type veth peer name back0")
        self.ip("link set back0 netns " + index)
        self.ip("link set lo up", "link set front0 up", "addr add %s dev front0" % MINE, "addr add fd77::1/64 dev front0 nodad")
        self.ip("link set back0 up", "addr add %s dev back0" % OTHER, "addr add fd77::2/64 dev back0 nodad", where=self.there)
        self.put("/run/systemd/system/.keep", "")
        self.put("/var/lib/.keep", "")
        self.put("/proc/.keep", "")
        self.put("/etc/systemd/network/20-front.network", NETWORK)
        self.put("/run/systemd/netif/state", "OPER_STATE=routable\n")
        state = "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/20-front.network\n"
        self.put("/run/systemd/netif/links/%d" % self.links()["front0"]["ifindex"], state)

    @staticmethod
    def _hold() -> subprocess.Popen[bytes]:
        holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
        holder.stdout.read(1)
        return holder

    def close(self) -> None:
        """End both namespaces."""
        for holder in self.holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()

    def put(self, name: str, text: str) -> None:
        """Put a file into the tree."""
        path = Path(str(self.tree) + name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def text(self, name: str) -> str:
        """Return the text of a file in the tree."""
        return Path(str(self.tree) + name).read_text()

    def inside(self, command: list[str], where: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in one of the namespaces."""
        command = ["nsenter", "--net=" + (where or self.here), *command]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)

    def ip(self, *commands: str, where: str | None = None) -> None:
        """Run commands of ip."""
        done = self.inside(["ip", "-batch", "-"], where, input="\n".join(commands) + "\n")
        assert done.returncode == 0, done.stderr

    def links(self) -> dict[str, Any]:
        """Return what `ip -d -j link` says, by interface."""
        return {row["ifname"]: row for row in json.loads(self.inside(["ip", "-d", "-j", "link"]).stdout)}

    def addresses(self, interface: str | None = None) -> dict[str, dict[str, Any]]:
        """Return what `ip -j addr` says, by address with its prefix, link-local ones left out."""
        rows = json.loads(self.inside(["ip", "-j", "addr"]).stdout)
        return {
            "%s/%d" % (one["local"], one["prefixlen"]): dict(one, interface=row["ifname"])
            for row in rows
            if interface in (None, row["ifname"])
            for one in row.get("addr_info", [])
            if one.get("scope") != "link" and row["ifname"] != "lo"
        }

    def routes(self) -> set[str]:
        """Return the local routes that are not the kernel's own."""
        rows = [
            row
            for family in ("-4", "-6")
            for row in json.loads(self.inside(["ip", "-N", family, "-j", "route", "show", "table", "255", "type", "local"]).stdout or "[]")
        ]
        return {"%s %s" % (row["dev"], row["dst"]) for row in rows if row.get("protocol") not in ("kernel", "2")}

    def run(self, params: dict[str, Any] | None = None, section: str | None = "secondary_interfaces", **options: Any) -> dict[str, Any]:
        """Make a change in a process of its own in the namespace; return {result} or {error}. check: only look; proc: the real /proc."""
        mount = (
            ["unshare", "-m", "sh", "-c", 'mount --rbind /proc "$0/proc"; exec "$@"', str(self.tree)] if options.pop("proc", False) else []
        )
        check = ["check"] if options.pop("check", False) else []
        given = {**(DEFAULTS if section else {name: one.get("default") for name, one in COMMON.items()}), **(params or {}), **options}
        for name in SECTIONS if section is None else []:
            given.setdefault(name, None)
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
        command = [*mount, sys.executable, "-B", __file__, str(self.tree), json.dumps(given), section or "", *check]
        done = self.inside(command, env=environment)
        lines = done.stdout.splitlines()
        assert len(lines) == 2, done.stderr
        return json.loads(lines[1])


def main() -> None:
    """Make the change."""
    tree, params, section = sys.argv[1:4]
    os.write(1, b"begin\n")
    try:
        answer = {"result": change.change(json.loads(params), section or None, "check" in sys.argv[4:], Root(tree))}
    except (Refusal, Failed, OSError) as error:
        answer = {"error": str(error)}
    text = json.dumps(answer).encode() + b"\n"
    while text:
        text = text[os.write(1, text) :]


if __name__ == "__main__":
    main()
