# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as a module runs it: arguments in, snapshot out; the action plugin adds what the model computes. Private to the collection."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import Own, Path, PathError, parse_paths
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import SUBSETS, read_snapshot

NOTHING = " Nothing was changed."
ARGUMENTS: dict[str, Any] = {
    "paths": {"type": "list", "elements": "dict", "default": []},
    "services": {"type": "list", "elements": "str", "default": []},
    "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
    "sample": {"type": "int", "default": 20000},
    "root": {"type": "path", "default": "/"},
}


def run() -> None:
    """Read this host and end the module. Fails before any reading where an argument is wrong."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **audit(module.params))
    except (PathError, OSError) as error:
        module.fail_json(msg=str(error) + ("" if str(error).endswith(NOTHING) else NOTHING))


def audit(params: dict[str, Any]) -> dict[str, Any]:
    """Return the snapshot. Raises PathError for a wrong argument."""
    paths = parse_paths(params["paths"])
    subsets = chosen(params["gather_subset"])
    if params["sample"] < 0:
        raise PathError("sample %d is out of bounds: it must be 0 (all connected sockets) or more." % params["sample"])
    if not all(name.strip() for name in params["services"]):
        raise PathError('services: an empty name. Write units, such as "nginx.service".')
    names = list(params["services"]) + [path.service or path.pid for path in paths if path.service or path.pid]
    root = Root(params["root"])
    if not root.names("/"):
        raise PathError('root "%s" is no folder with a host in it. Write / for this machine.' % params["root"])
    subsets += ["services"] if names and "services" not in subsets else []
    snapshot = read_snapshot(root, subsets, paths, names, params["sample"])
    _check(snapshot, paths)
    return printable(snapshot)


def printable(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the snapshot with U+FFFD for each byte of a name (of a file, an interface) that is not UTF-8: Ansible refuses those."""
    text = json.dumps(snapshot, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        snapshot = json.loads(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return snapshot


def chosen(given: list[str]) -> list[str]:
    """Return the subsets that `gather_subset` names; `all` is every one, `!name` leaves one out, `min` is always in."""
    known = ("all",) + SUBSETS
    unknown = [name for name in given if (name[1:] if name.startswith("!") else name) not in known]
    if unknown:
        raise PathError(
            "gather_subset: %s is no subset. The subsets are %s; write !name to leave one out." % (", ".join(unknown), ", ".join(known))
        )
    left_out = {name[1:] for name in given if name.startswith("!")}
    wanted = {name for name in given if not name.startswith("!")} or {"all"}
    return [name for name in SUBSETS if name == "min" or (name in wanted or "all" in wanted) and not left_out & {name, "all"}]


def _check(snapshot: dict[str, Any], paths: list[Path]) -> None:
    """Raise PathError where a path or service names what this host does not have."""
    for service in snapshot.get("services") or []:
        if service.get("missing"):
            near = service.get("near") or []
            asked = ["process %d" % one if isinstance(one, int) else "service %s" % one for one in service.get("asked") or []]
            raise PathError(
                "%s does not exist on this host. %s"
                % (" or ".join(asked) or service["name"], "Near names: %s." % ", ".join(near) if near else "Start it, or leave it out.")
            )
    addresses = snapshot.get("addresses")
    if is_absent(addresses) or not addresses:
        return
    own = Own(snapshot)
    for index, path in enumerate(paths):
        foreign = [source for source in path.sources if source not in own]
        if foreign:
            raise PathError(
                "paths[%d].sources: this host does not have %s. Its addresses are in `addresses`; add it first, or "
                "leave it out." % (index, ", ".join(foreign))
            )
