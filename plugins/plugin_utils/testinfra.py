# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a host in tests with pytest-testinfra: `assert front_tier(host).inbound >= 50_000`. Public; docs/testinfra.md explains it.

The audit runs on the host over whatever connection testinfra has to it: its Python files travel in the command itself, packed and
imported from memory, so that nothing is written there and nothing is left. The model computes here, as it does for an Ansible task.
"""

from __future__ import annotations

import ast
import base64
import json
import shlex
import warnings
import zlib
from pathlib import Path
from typing import Any, Iterable, Iterator

from ansible_collections.c10m.front_tier.plugins.module_utils._model import capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent, number
from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.plugin_utils._report.tidy import UNFIT, clean, grouped, label, mapping, rows

try:
    import pytest
except ImportError:  # then there is no fixture; front_tier() works without
    pytest = None  # type: ignore[assignment]

TOP = Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.c10m.front_tier."
READER = "plugins/module_utils/_ansible/info.py"
SEVERITIES = ("error", "warning", "info")
BEYOND = 1 << 62  # nothing on this side of the container bounds it; tidy.grouped() writes "unlimited"
# Python 3.8; imports what is packed from memory, and writes no file.
BOOTSTRAP = """
import base64, importlib.abc, importlib.util, json, sys, zlib
held, given = json.loads(zlib.decompress(base64.b64decode(sys.argv[1])))
class Held(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in held or any(one.startswith(name + ".") for one in held):
            return importlib.util.spec_from_loader(name, self, is_package=name not in held)
    def exec_module(self, module):
        exec(compile(held.get(module.__name__, ""), module.__name__, "exec"), module.__dict__)
sys.meta_path.insert(0, Held())
from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import info
try:
    print(json.dumps(info.audit(given)))
except (ValueError, OSError) as error:
    sys.exit("front_tier: %s" % error)
"""


class AuditError(Exception):
    """The audit could not be made, or does not hold what was asked of it; the message says why."""


class OutsideWarning(UserWarning):
    """A limit of the machine outside the container binds: it is left out, because no change to the container can raise it."""


class Connections(int):
    """How many connections a direction can hold. binding: the name of the bound; bounds: all of them; outside: those left out."""

    binding: str | None
    bounds: list[dict[str, Any]]
    outside: list[dict[str, Any]]

    def __repr__(self) -> str:
        """Return what a failing assertion shows."""
        why = next((clean(one.get("limit") or one.get("detail"), 160) for one in self.bounds if one["connections"] == int(self)), "")
        by = " by %s (%s)" % (label(self.binding), why) if self.binding else ""
        left = ", ".join("%s %s" % (label(one["name"]), grouped(one["connections"])) for one in self.outside)
        return "<%s connections%s%s>" % (grouped(int(self)), by, "; outside this container: " + left if left else "")


class Finding(dict):  # type: ignore[type-arg]
    """A finding, as docs/snapshot.md has it."""

    def __repr__(self) -> str:
        """Return what a failing assertion shows."""
        told = [clean(self.get(name), 400) for name in ("id", "severity", "subject", "message", "remedy")]
        return "<%s %s %s: %s %s>" % tuple(told)


class Audit:
    """The audit of one host at one moment. snapshot: all that was read and computed, as docs/snapshot.md has it."""

    def __init__(self, snapshot: dict[str, Any], service: str | None = None) -> None:
        self.snapshot = snapshot
        self._service = service
        self._container = bool(mapping(snapshot.get("host")).get("container"))
        self._outer = {row["name"] for row in rows(snapshot.get("limits")) if row.get("scope") == "outside"}

    @property
    def inbound(self) -> Connections:
        """Return how many connections the host can accept, by the service that was asked for, else by all that listen."""
        return self._connections("inbound", self.snapshot["capacity"]["inbound"], self._service)

    @property
    def outbound(self) -> Connections:
        """Return how many connections the host can open along its paths, or from one source to one listener where there are none."""
        paths = [self._path(path) for path in self.paths]
        return self._connections("outbound", capacity.outbound(self.snapshot, paths), None)

    @property
    def paths(self) -> list[dict[str, Any]]:
        """Return the paths, as docs/snapshot.md has them: those asked for in their order, else the busiest ones."""
        return list(self.snapshot["paths"])

    def findings(self, severity: str = "info", outside: bool = False) -> list[Finding]:
        """Return the findings that are at least as severe; those of the machine outside a container only where they are wanted."""
        if severity not in SEVERITIES:
            raise ValueError('severity "%s" is not one of %s.' % (severity, ", ".join(SEVERITIES)))
        grave = SEVERITIES[: SEVERITIES.index(severity) + 1]
        found = [Finding(row) for row in rows(self.snapshot["findings"]) if row["severity"] in grave]
        left = [row for row in found if row["outside"] and not outside]
        if left:
            _mark("%d findings of the machine outside this container are left out: %s." % (len(left), ", ".join(row["id"] for row in left)))
        return [row for row in found if outside or not row["outside"]]

    def limit(self, name: str) -> Any:
        """Return the value of a limit now, such as net.core.somaxconn. Raises AuditError where it was not read."""
        return self._value(name, self._row(name).get("value"))

    def boot(self, name: str) -> Any:
        """Return the value that a limit will have after the next boot. Raises AuditError where it is not known."""
        return self._value(name + " at boot", mapping(self._row(name).get("boot")).get("value"))

    def _row(self, name: str) -> dict[str, Any]:
        for row in rows(self.snapshot.get("limits")):
            if row.get("name") == name:
                return row
        raise AuditError("%s is no limit of this audit. docs/limits.md lists them." % name)

    @staticmethod
    def _value(name: str, value: Any) -> Any:
        if value is None or is_absent(value):
            raise AuditError("%s is not known: %s." % (name, clean((value or {}).get("detail")) or "no file sets it"))
        return value

    def _connections(self, name: str, found: dict[str, Any], service: str | None) -> Connections:
        inside = list(self._inside(found, service))
        least = min((int(one["connections"]) for one in inside), default=BEYOND if found["bounds"] else None)
        if least is None:
            raise AuditError("%s is not known: nothing that bounds it could be read. Audit with more rights, as with host.sudo()." % name)
        told = Connections(least)
        told.bounds = inside
        told.binding = next((one["name"] for one in inside if int(one["connections"]) == least), None)
        told.outside = [one for one in found["bounds"] if one not in inside and int(one["connections"]) < least]
        if told.outside:
            _mark("%s is bound by the machine outside this container, which is left out: %r." % (name, told))
        return told

    def _path(self, path: dict[str, Any]) -> dict[str, Any]:
        """Return a path with its bounds on this side of the container, the smallest of which binds."""
        inside = list(self._inside(path, path.get("service")))
        return {**path, **(capacity.smallest(inside) if inside else {"connections": BEYOND, "bounds": []})}

    def _inside(self, found: dict[str, Any], service: str | None) -> Iterator[dict[str, Any]]:
        """Yield the bounds that can be changed from inside: all of them where this is no container."""
        for one in found["bounds"]:
            if not self._container or not self._is_outside(one["name"], service):
                yield one

    def _is_outside(self, name: str, service: str | None) -> bool:
        """Tell whether a bound belongs to the machine: its memory, what all containers share, a nofile that is all this one may have."""
        if name != "nofile":
            return name == "memory" or {"nf_conntrack_max": "net.netfilter.nf_conntrack_max"}.get(name, name) in self._outer
        most = number(mapping(mapping(self.snapshot.get("files")).get("nofile_self")).get("hard"))
        if most is None:
            return False
        wanted = set(self.snapshot["capacity"]["inbound"]["services"]) if service is None else {service, service + ".service"}
        used = [
            number(mapping(process.get("nofile")).get("soft"))
            for row in rows(self.snapshot.get("services"))
            if row.get("name") in wanted or wanted & set(row.get("asked") or [])
            for process in capacity.workers(row)
        ]
        if not used:  # a service started now
            default = [row.get("value") for row in rows(self.snapshot.get("limits")) if row.get("name") == "DefaultLimitNOFILE"]
            used = [number(mapping((default or [self.snapshot["files"]["nofile_self"]])[0]).get("soft"))]
        return all(one is not None and one >= most for one in used)


def _mark(text: str) -> None:
    warnings.warn(OutsideWarning(text), stacklevel=4)


def _sources() -> dict[str, str]:
    """Return {dotted name: text} of the files that the audit needs on a host."""
    found: dict[str, str] = {}
    waiting = [READER]
    while waiting:
        name = waiting.pop()
        dotted = PACKAGE + name[: -len(".py")].replace("/", ".")
        if dotted in found:
            continue
        found[dotted] = (TOP / name).read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(found[dotted])):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(PACKAGE):
                inside = str(node.module)[len(PACKAGE) :].replace(".", "/")
                files = [inside + ".py", *("%s/%s.py" % (inside, alias.name) for alias in node.names)]
                waiting += [one for one in files if (TOP / one).is_file()]
    return {**found, "ansible.module_utils.basic": "AnsibleModule = None"}  # named there, and not needed without Ansible


def command(arguments: dict[str, Any], python: str = "python3") -> str:
    """Return the shell command that prints the snapshot of the host on which it runs: about 70 kB, below the 128 kB of one argument."""
    packed = base64.b64encode(zlib.compress(json.dumps([_sources(), arguments]).encode(), 9)).decode()
    return "%s -c %s %s" % (python, shlex.quote(BOOTSTRAP), packed)


def front_tier(
    host: Any,
    paths: Iterable[dict[str, Any]] = (),
    service: str | None = None,
    subsets: Iterable[str] = ("all",),
    sample: int = 20000,
    python: str = "python3",
) -> Audit:
    """Return the audit of a host of testinfra, over its connection. It changes nothing, and needs Python 3.8 on the host.

    paths, subsets, sample: the options `paths`, `gather_subset` and `sample` of c10m.front_tier.connection_limits_info; service: the one
    that accepts, else all that listen; python: the interpreter on the host. Raises AuditError where it could not be made.
    """
    chosen = list(paths)
    services = [service] if service else []
    arguments = {"paths": chosen, "services": services, "gather_subset": list(subsets), "sample": sample, "root": "/"}
    ran = host.run(command(arguments, python))
    if ran.rc != 0:
        said = (ran.stderr or ran.stdout).strip().splitlines() or ["exit status %d" % ran.rc]
        raise AuditError("The audit failed on the host. Mend what it says: %s" % clean(said[-1]))
    begin = ran.stdout.find("{")
    try:
        snapshot = json.loads(ran.stdout[begin:])
    except (RecursionError, ValueError):
        raise AuditError("The audit printed no snapshot. Look why the host prints this: %s" % clean(ran.stdout)) from None
    try:
        return Audit(complete(snapshot, chosen, service), service)
    except UNFIT as error:
        raise AuditError("The answer of this host is no snapshot of it (%s). Look at what answers there." % type(error).__name__) from None


if pytest:

    @pytest.fixture(name="front_tier", scope="session")
    def front_tier_fixture() -> Any:
        """Return front_tier(), for tests that load this file as a plugin of pytest."""
        return front_tier
