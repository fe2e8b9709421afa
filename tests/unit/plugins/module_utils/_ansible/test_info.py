# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's arguments: subsets, and what a host has to have for them."""

from __future__ import annotations

import pytest

pytest.importorskip("ansible.module_utils.basic")

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible import info  # noqa: E402
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import PathError, parse_paths  # noqa: E402

ALL = ["min", "files", "ports", "accept", "memory", "conntrack", "sockets", "boot", "services"]
GOOD = {"paths": [], "services": [], "gather_subset": ["min"], "sample": 20000, "root": "/"}


@pytest.mark.parametrize(
    "given, chosen",
    [
        (["all"], ALL),
        ([], ALL),
        (["min"], ["min"]),
        (["boot", "files", "files"], ["min", "files", "boot"]),
        (["!boot", "!services"], ALL[:-2]),
        (["all", "!memory"], [name for name in ALL if name != "memory"]),
        (["!all"], ["min"]),
        (["!min"], ALL),
        (["files", "!files"], ["min"]),
        (["files", "!all"], ["min"]),
    ],
)
def test_subsets(given, chosen):
    """Names are taken together, `!name` leaves out, `min` is always in, and the order is fixed."""
    assert info.chosen(given) == chosen


@pytest.mark.parametrize("given", [["none"], [""], ["!"], ["!!files"], ["Files"], ["files "], ["all", "x"]])
def test_subsets_that_are_none(given):
    """What is no subset is named, with those that are."""
    with pytest.raises(PathError) as error:
        info.chosen(given)
    assert str(error.value).startswith("gather_subset: ") and str(error.value).endswith("write !name to leave one out.")


def host(addresses=("10.0.0.2/24",), services=()):
    """Return as much of a snapshot as arguments are compared with."""
    rows = [{"address": one, "local_route": False} for one in addresses]
    return {"addresses": rows, "services": list(services)}


PATHS = [{"destinations": ["10.0.9.1"], "ports": [80]}, {"sources": ["10.0.0.2", "10.0.0.3"], "destinations": ["10.0.9.1"], "ports": [80]}]


def test_sources_that_the_host_does_not_have():
    """The path and every address that is missing are named."""
    with pytest.raises(PathError) as error:
        info._check(host(), parse_paths(PATHS))
    assert str(error.value) == (
        "paths[1].sources: this host does not have 10.0.0.3. Its addresses are in `addresses`; add it first, or leave it out."
    )


def test_sources_are_not_judged_where_addresses_cannot_be_read():
    """Without addresses nothing can be said of sources."""
    info._check(dict(host(), addresses={"absent": "unreadable", "detail": "x"}), parse_paths(PATHS))
    info._check(host(()), parse_paths(PATHS))


@pytest.mark.parametrize(
    "service, message",
    [
        (
            {"name": "ngnix.service", "asked": ["ngnix"], "near": ["nginx.service"]},
            "service ngnix does not exist on this host. Near names: nginx.service.",
        ),
        ({"name": "process 9", "asked": [9], "near": []}, "process 9 does not exist on this host. Start it, or leave it out."),
        (
            {"name": "a.service", "asked": ["a", "a.service"]},
            "service a or service a.service does not exist on this host. Start it, or leave it out.",
        ),
    ],
)
def test_services_that_do_not_exist(service, message):
    """A service is named as the user wrote it, with names alike."""
    with pytest.raises(PathError) as error:
        info._check(host(services=[dict(service, missing=True)]), [])
    assert str(error.value) == message


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"sample": -1}, "sample -1 is out of bounds: it must be 0 (all connected sockets) or more."),
        ({"services": ["a", " "]}, 'services: an empty name. Write units, such as "nginx.service".'),
        ({"root": "/no/such/host"}, 'root "/no/such/host" is no folder with a host in it. Write / for this machine.'),
        ({"paths": [{"ports": [80]}]}, "paths[0] needs destinations and ports: name the addresses and ports that are dialled."),
    ],
)
def test_wrong_arguments(changes, message):
    """Each is refused before anything is read."""
    with pytest.raises(PathError) as error:
        info.audit(dict(GOOD, **changes))
    assert str(error.value) == message


def test_services_are_read_where_a_path_needs_them():
    """A path with a process gets its services, whatever subsets were chosen."""
    import os

    found = info.audit(dict(GOOD, paths=[{"destinations": ["127.0.0.1"], "ports": [80], "pid": os.getpid()}]))
    assert any(process["pid"] == os.getpid() for service in found["services"] for process in service["processes"])


def test_names_are_printable():
    """Bytes of names that are no UTF-8 become U+FFFD; everything else stays as it is."""
    assert info.printable({"a": ["caf\udce9", 5, None, "\u00e9\U0001f600"]}) == {"a": ["caf\ufffd", 5, None, "\u00e9\U0001f600"]}
    plain = {"a": [1]}
    assert info.printable(plain) is plain
