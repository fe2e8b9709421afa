# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong arguments to the real module: each ends with a message that names the mistake and the remedy, before any work."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

MODULE = "ansible_collections.c10m.front_tier.plugins.modules.connection_limits_info"
LIVE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), ".build", "live")
PATH = {"destinations": ["127.0.0.1"], "ports": [80]}
NOTHING = " Nothing was changed."
pytest.importorskip("ansible")


def module(**arguments):
    """Run the module as Ansible does, arguments on its standard input; return (exit status, what it printed)."""
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env=dict(os.environ, PYTHONPATH=LIVE),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"gather_subset": ["mini", "!fil"]},
            "gather_subset: mini, !fil is no subset. The subsets are all, min, files, ports, accept, memory, conntrack, sockets, boot, "
            "services; write !name to leave one out.",
        ),
        ({"sample": -1}, "sample -1 is out of bounds: it must be 0 (all connected sockets) or more."),
        ({"paths": [{"ports": [80]}]}, "paths[0] needs destinations and ports: name the addresses and ports that are dialled."),
        ({"paths": [dict(PATH, ports=[65536])]}, "paths[0].ports 65536 is out of bounds: it must be 1 to 65535."),
        (
            {"paths": [PATH, dict(PATH, dialer="squid")]},
            'paths[1].dialer "squid" is not known. It is one of haproxy, nginx, varnish, envoy; or give bind.',
        ),
        (
            {"paths": [dict(PATH, destinations=["web1"])]},
            'paths[0].destinations: "web1" is no IPv4 or IPv6 address. Write one address for each item.',
        ),
        (
            {"paths": [dict(PATH, sources=["192.0.2.200", "127.0.0.1"])], "gather_subset": ["min"]},
            "paths[0].sources: this host does not have 192.0.2.200. Its addresses are in `addresses`; add it first, or leave it out.",
        ),
        (
            {"paths": [dict(PATH, service="no-such-thing-9")]},
            "service no-such-thing-9 does not exist on this host. Start it, or leave it out.",
        ),
        (
            {"services": ["no-such-thing-9.service"]},
            "service no-such-thing-9.service does not exist on this host. Start it, or leave it out.",
        ),
        (
            {"services": ["no-such-thing-9"], "gather_subset": ["min"]},
            "service no-such-thing-9 does not exist on this host. Start it, or leave it out.",
        ),
        ({"services": [""]}, 'services: an empty name. Write units, such as "nginx.service".'),
        ({"paths": [dict(PATH, pid=4194304)]}, "process 4194304 does not exist on this host. Start it, or leave it out."),
        ({"root": "/no/such/host"}, 'root "/no/such/host" is no folder with a host in it. Write / for this machine.'),
    ],
)
def test_a_mistake_is_told(arguments, message):
    """The module fails with exactly this message, says that nothing was changed, and shows no traceback."""
    status, found = module(**arguments)
    assert (status, found.get("failed"), found.get("msg")) == (1, True, message + NOTHING)


@pytest.mark.parametrize("arguments", [{"sample": "some"}, {"paths": "x"}, {"paths": [1]}, {"unknown": 1}, {"services": {"a": 1}}])
def test_a_wrong_type_is_told_by_ansible(arguments):
    """What has the wrong type never reaches the audit."""
    status, found = module(**arguments)
    assert status == 1 and found["failed"] is True and found["msg"]


def test_a_process_is_bound_by_its_own_descriptors():
    """A path with a pid finds the process, wherever it belongs, and its service comes with it."""
    _status, found = module(paths=[dict(PATH, pid=os.getpid())], gather_subset=["min"])
    assert os.getpid() in [process["pid"] for service in found["services"] for process in service["processes"]]


def test_the_same_in_check_mode():
    """The module reads in check mode as it does in a run, and changes nothing in either."""
    done, found = module(gather_subset=["min"], _ansible_check_mode=True)
    assert (done, found["changed"]) == (0, False) and found["host"]["subsets"] == ["min"]
