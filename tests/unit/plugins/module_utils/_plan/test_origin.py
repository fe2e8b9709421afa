# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An origin out of variables and an audit: the listeners that its program is given, and what they need."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import origin

UNIT = """# /lib/systemd/system/varnish.service
[Service]
ExecStart=/usr/sbin/varnishd \\
          -F \\
          -a :6081 \\
          -f /etc/varnish/default.vcl
# /etc/systemd/system/varnish.service.d/50-ours.conf
[Service]
ExecStart=
ExecStart=/usr/sbin/varnishd -F -a :6081 -p listen_depth=9
"""
AUDIT = {
    "host": {"container": None},
    "limits": [
        {"name": "net.core.somaxconn", "value": 4096},
        {"name": "net.ipv4.tcp_max_syn_backlog", "value": 128},
        {"name": "net.ipv4.ip_local_port_range", "value": [40000, 40099]},
    ],
    "ports": {"usable": 100},
    "addresses": [{"interface": "eth0", "address": "10.0.9.%d/24" % octet, "local_route": False} for octet in (10, 11)],
    "listeners": [
        {"address": "0.0.0.0", "port": 80, "service": "nginx.service"},
        {"address": "0.0.0.0", "port": 22, "service": "ssh.service"},
    ],
    "services": [{"name": "nginx.service", "boot": {"nofile": {"soft": 1024, "hard": 524288}}}],
}


def made(seen=None, **options):
    """Return what an origin is made of."""
    given = {"service": "nginx", "listeners": [80, 81, "10.0.9.11:82"], "addresses": ["10.0.9.11"], "backlog": 4096, **options}
    return origin.origin(given, AUDIT, {"version": "nginx/1.22.1", **(seen or {})})


def test_only_listeners_that_are_missing_are_added():
    """What the site's own configuration listens on is left to it; what ours did is asked for again."""
    assert [one["address"] for one in made()["listen"]] == ["0.0.0.0:81", "10.0.9.11:82"]
    assert [one["address"] for one in made({"ours": "    listen 0.0.0.0:80 backlog=9;\n"})["listen"]] == [
        "0.0.0.0:80",
        "0.0.0.0:81",
        "10.0.9.11:82",
    ]


def test_every_listener_is_dialled_on_the_addresses_that_were_added():
    """A port on every address is checked on the new ones, or on those of the interface where none is new."""
    assert [(one["address"], one["port"]) for one in made()["pairs"]] == [("10.0.9.11", 80), ("10.0.9.11", 81), ("10.0.9.11", 82)]
    pairs = made(addresses=[], listeners=[81], interface="eth0")["pairs"]
    assert [one["address"] for one in pairs] == ["10.0.9.10", "10.0.9.11"]


def test_queues_that_are_too_short_are_raised_and_others_stay():
    """The kernel would cut the backlog; a queue that is long enough is nobody's to change."""
    assert made()["settings"] == {"net.ipv4.tcp_max_syn_backlog": 4096}


def test_varnish_gets_its_own_command_with_more():
    """Listeners are added to the site's command, not to ours of last time; backends carry 95 % of their ports each."""
    seen = {"version": "varnishd (varnish-7.1.1)", "unit": UNIT, "drop_in": "/etc/systemd/system/varnish.service.d/50-ours.conf"}
    found = made(seen, service="varnish.service", listeners=[8500], upstreams=["10.0.8.1:80", "10.0.8.1:81"], reloads=0, manage="full")
    assert found["command"] == ("/usr/sbin/varnishd -F -a :6081 -p listen_depth=4096 -a 0.0.0.0:8500 -f /etc/varnish/front-tier.vcl")
    assert found["marks"] == ["-p listen_depth=4096", "-a 0.0.0.0:8500", "-f /etc/varnish/front-tier.vcl"]
    assert [(one["host"], one["port"], one["maxconn"]) for one in found["backends"]] == [("10.0.8.1", 80, 95), ("10.0.8.1", 81, 95)]


def test_descriptors():
    """One for each connection with its headroom; none are asked for without a number, or where the unit has enough.

    Its hard limit is not lowered, unless the user says so.
    """
    assert made()["nofile"] == 0
    assert made(connections=500)["nofile"] == 0
    assert made(connections=100000)["nofile"] == {"soft": 125100, "hard": 524288}
    assert made(connections=500000)["nofile"] == 625100
    assert made(nofile=4000)["nofile"] == 4000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"listeners": []}, "front_tier_listeners []: write a list with at least one"),
        ({"listeners": ["10.0.9.99:80"]}, "front_tier_listeners: this host has no address 10.0.9.99."),
        ({"listeners": [22]}, "front_tier_listeners: 0.0.0.0:22 overlaps 0.0.0.0:22, on which ssh.service listens already."),
        ({"listeners": [81, "10.0.9.11:81"]}, "front_tier_listeners: 0.0.0.0:81 and 10.0.9.11:81 overlap."),
        ({"service": "apache2"}, 'front_tier_service "apache2" is none of nginx, varnish, haproxy, none.'),
        ({"backlog": 0}, "front_tier_backlog 0 is out of bounds: it must be 1 to 65535."),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    """Each message names the variable, the value and the remedy."""
    with pytest.raises(Refusal) as refusal:
        made(**options)
    assert str(refusal.value).startswith(message)


def test_haproxy_has_to_be_told_what_it_does():
    """A listener of HAProxy without a backend would answer nothing; and a proxy on the same host is refused."""
    with pytest.raises(Refusal, match="front_tier_server_lines is empty"):
        made({"version": "2.6"}, service="haproxy", listeners=[8500])
    with pytest.raises(Refusal, match="This host already has the role reverse_proxy"):
        made({"version": "2.6", "others": ["/etc/haproxy/conf.d/50-front-tier-proxy.cfg"]}, service="haproxy", listeners=[8500])


def test_none_is_only_checked():
    """Another program's listeners are dialled, and nothing is written for it."""
    found = made(service="none", listeners=[80])
    assert found["unit"] is None and found["listen"] == [] and found["pairs"] == [{"address": "10.0.9.11", "port": 80}]
