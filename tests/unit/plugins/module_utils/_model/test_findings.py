# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings: each with what makes it and what just does not; order, scope, and that no snapshot makes them raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings import find
from ansible_collections.c10m.front_tier.plugins.module_utils._model.findings_case import CHECKS, SEVERITIES
from ansible_collections.c10m.front_tier.tests.unit.plugins.module_utils._model.findings_cases import CASES
from ansible_collections.c10m.front_tier.tests.unit.plugins.module_utils._model.healthy_host import host

BY_ID = {case[0]: case for case in CASES}
OUTSIDE = " Only the machine around this container can change that."
KEYS = {"id", "severity", "subject", "message", "evidence", "remedy", "outside"}


def found(name, changes, headroom=0.2):
    """Return the findings of one id on a changed healthy host."""
    return [finding for finding in find(*host(changes), headroom=headroom) if finding["id"] == name]


def test_a_healthy_host_has_no_finding():
    """Nothing is found where nothing is wrong, so every case below is due to its own change."""
    assert [] == find(*host())


def test_every_check_has_a_case():
    """No check is without a test of what makes it."""
    assert sorted(CHECKS) == sorted(BY_ID)


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_finding_is_said_whole(case):
    """The change makes exactly this finding, word for word, with its evidence."""
    name, changes, _unmake, severity, subject, message, remedy, evidence = case
    expected = {
        "id": name, "severity": severity, "subject": subject, "message": message, "evidence": evidence, "remedy": remedy, "outside": False,
    }  # fmt: skip
    assert [expected] == found(name, changes)


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_nearest_value_is_no_finding(case):
    """One step less, and it is not found."""
    name, changes, unmake = case[:3]
    assert [] == found(name, dict(changes, **unmake))


def test_the_longest_backlog_is_not_cut():
    """A somaxconn of 65535, as the roles set it, cuts nothing that a program asks for."""
    for somaxconn, ids in ((65534, ["FT301"]), (65535, [])):
        same = {
            "limits/net.core.somaxconn/value": somaxconn,
            "limits/net.core.somaxconn/boot/value": somaxconn,
            "listeners/0/backlog": somaxconn,
        }
        assert ids == [finding["id"] for finding in found("FT301", same)]


def workers(*ages):
    """Return the processes of a service with these ages; the first one is the main process of the healthy host."""
    return [{"pid": 812 + index, "age": age, "connections": 5 * (index > 0)} for index, age in enumerate(ages)]


def problem(kind, source):
    """Return the change that gives the boot files one problem."""
    return {"boot/problems": [{"kind": kind, "source": source, "message": "No."}]}


# What else is and is not found: (id, changes, subjects of the findings).
MORE = [
    ("FT101", {"ports/low": 60999}, []),  # one port is searched whole
    ("FT101", {"ports/low": 1025, "ports/high": 65535, "ports/reserved": ["1025-40000"]}, ["net.ipv4.ip_local_port_range"]),
    ("FT102", {"listeners/0/port": 40001}, []),  # reserved
    ("FT102", {"ports/high": 65535, "listeners/0/port": 65535}, ["net.ipv4.ip_local_reserved_ports"]),
    ("FT104", {"ports/low": 50000, "ports/high": 50000, "ports/reserved": ["50000"]}, ["net.ipv4.ip_local_reserved_ports"]),
    ("FT104", {"ports/reserved": []}, []),
    ("FT105", {"ports/reserved": ["32768-60999"]}, []),  # that is FT104
    ("FT107", {"limits/net.ipv4.ip_local_port_range/boot/value": {"absent": "unknown", "detail": ""}}, []),
    ("FT108", {"paths/0/connections": 0, "paths/0/used": 0, "paths/0/free": 0}, ["10.0.0.2 -> 10.0.0.9:8080"]),
    ("FT109", {"paths/0/used": 28230, "paths/0/free": 0}, []),  # that is FT108
    ("FT110", {"paths/0/bind": "plain"}, []),  # one listener: nothing is wasted
    ("FT110", {"paths/0/bind": "plain", "paths/0/ports": [1, 2], "paths/0/binding": "nofile"}, []),
    ("FT110", {"paths/0/bind": "plain", "paths/0/destinations": ["10.0.0.9", "10.0.0.8"]}, ["10.0.0.2 -> 2 addresses, port 8080"]),
    ("FT111", {"sockets/flows/0/connections": 9000, "sockets/flows/0/no_port": 0, "sockets/source": "/proc/net/tcp"}, []),
    ("FT111", {"sockets/flows/0/connections": 9000, "sockets/flows/0/no_port": 0, "sockets/flows/0/accepted": True}, []),
    ("FT117", {"paths/0/used": 14115}, []),  # just half
    ("FT117", {"paths/0/used": 20000, "paths/0/binding": "memory"}, []),
    ("FT117", {"paths/0/used": 20000, "host/kernel": "unknown"}, []),
    ("FT201", {"services/0/boot/nofile": {"soft": 1024, "hard": "unlimited"}}, []),  # infinity: as many as the kernel allows
    ("FT201", {"limits/DefaultLimitNOFILE/boot/value": {"soft": 1024, "hard": 2000000}}, ["DefaultLimitNOFILE"]),
    ("FT202", {"services/0/live/nofile": {"soft": "unlimited", "hard": "unlimited"}}, []),
    ("FT202", {"services/0/live/nofile": {"soft": 1024, "hard": 1048576}}, ["haproxy.service"]),  # just fs.nr_open
    ("FT202", {"services/0/processes/0/nofile": {"soft": 150000, "hard": 200000}}, ["haproxy.service"]),
    ("FT202", {"services/1/processes/0/nofile": {"soft": 524288, "hard": 524288}}, []),  # raised its own soft limit
    ("FT202", {"services/0/live/nofile": {"soft": 1024, "hard": 524288}, "services/0/program": "memcached"}, []),  # it sets its own
    # A container's engine allows no more than the session has: a restart changes nothing.
    (
        "FT202",
        {
            "services/0/live/nofile": {"soft": 1024, "hard": 524288},
            "host/container": "podman",
            "files/nofile_self": {"soft": 1024, "hard": 200000},
        },
        [],
    ),
    (
        "FT202",
        {"services/0/live/nofile": {"soft": 1024, "hard": 524288}, "files/nofile_self": {"soft": 1024, "hard": 200000}},
        ["haproxy.service"],
    ),
    ("FT203", {"services/1/program": "memcached"}, ["ssh.service"]),
    ("FT203", {"services/1/program": "memcached", "listeners/1/address": "::1"}, []),  # only the host itself can connect
    ("FT203", {"services/1/program": "memcached", "listeners/1/service": None}, []),  # it does not accept
    ("FT204", {"services/0/processes/1/nofile": {"soft": 1024, "hard": "unlimited"}, "limits/fs.nr_open/value": ...}, []),
    ("FT205", {"services/0/processes/1/nofile": {"soft": "unlimited", "hard": "unlimited"}}, []),
    ("FT208", {"limits/nofile/value": {"soft": {"absent": "unknown", "detail": ""}, "hard": 2000000}}, ["@web"]),
    ("FT208", {"limits/nofile/value": {"soft": 1024, "hard": "unlimited"}}, []),
    ("FT210", {"services/0/tasks/limit": "unlimited", "services/0/tasks/used": 100000}, []),
    ("FT211", {"limits/fs.epoll.max_user_watches/value": 1000, "listeners/0/service": None, "listeners/1/service": None}, []),
    ("FT302", {"listeners/0/backlog": 128, "listeners/1/backlog": 1}, []),  # 128 is the default of old kernels only
    ("FT302", {"host/kernel": "5.3.18", "listeners/0/backlog": 128, "listeners/1/backlog": 1}, ["net.core.somaxconn"]),
    ("FT302", {"host/kernel": "5.4.0", "listeners/0/backlog": 128, "listeners/1/backlog": 1}, []),
    ("FT303", {"listeners/0/backlog": 0, "listeners/0/queued": 1}, ["0.0.0.0:80 (haproxy.service)"]),
    ("FT404", {"sockets/flows/0/time_wait": 9000, "limits/net.ipv4.tcp_tw_reuse/value": 1}, []),
    ("FT404", {"sockets/flows/0/time_wait": 9000, "sockets/flows/0/destination": "127.0.0.1"}, []),
    (
        "FT404",
        {"sockets/flows/0/time_wait": 9000, "sockets/flows/0/destination": "::1", "limits/net.ipv4.tcp_tw_reuse/value": 0},
        ["10.0.0.2 -> [::1]:8080"],
    ),
    ("FT203", {"services/1/program": "memcached", "services/1/processes": [{"nofile": {"soft": 1024, "hard": 4096}}, {"pid": 5}]}, []),
    ("FT407", {"services/0/processes": workers(3700, 3600, 1800, 40)}, ["haproxy.service"]),  # two generations before this one
    ("FT407", {"services/0/processes": workers(3700, 3600, 3600, 3601, 40)}, []),  # one replaced a worker that crashed
    ("FT407", {"services/0/processes": workers(3700, 3610, 3600, 40)}, []),  # the same: they started within ten seconds
    ("FT407", {"services/0/processes": workers(3700, 3600, 40), "services/0/main_pid": None}, []),
    ("FT407", {"services/0/processes/1/age": 20, "services/0/program": "php-fpm"}, []),
    ("FT411", {"conntrack/entries": 300000, "conntrack/active": False}, []),
    ("FT412", {"conntrack/entries": 262144}, []),  # that is FT411
    ("FT415", {"capacity/inbound/binding": "nf_conntrack_max", "capacity/inbound/bounds": []}, []),
    ("FT501", {"sockets/tcp/memory_pages": {"absent": "unknown", "detail": ""}}, []),
    ("FT502", {"sockets/tcp/memory_pages": 560001}, []),  # that is FT501
    ("FT502", {"sockets/tcp/memory_pages": 560000}, ["net.ipv4.tcp_mem"]),
    ("FT504", {"services/0/memory/limit": "unlimited", "services/0/memory/used": 1 << 50}, []),
    ("FT507", {"sockets/tcp/established": 300000, "limits/net.ipv4.tcp_ehash_entries/value": -262144}, ["net.ipv4.tcp_ehash_entries"]),
    ("FT601", {"limits/net.ipv4.ip_local_reserved_ports/boot/value": ["40001", "40000"]}, []),  # the same ports
    ("FT601", {"limits/net.ipv4.ip_local_reserved_ports/boot/value": []}, ["net.ipv4.ip_local_reserved_ports"]),
    ("FT601", {"limits/net.ipv4.ip_local_port_range/boot/value": "32768\t60999"}, []),
    ("FT601", {"limits/net.core.somaxconn/value": 1, "limits/net.core.somaxconn/boot/applies": "device-add"}, []),
    ("FT601", {"limits/net.core.somaxconn/value": 1, "limits/net.core.somaxconn/boot/lost": "its module comes later"}, []),
    ("FT603", problem("lost", "/etc/sysctl.d/a.conf:1"), ["/etc/sysctl.d/a.conf"]),  # of a key that is no limit
    ("FT603", problem("garbage", "/etc/sysctl.d/a.conf:1"), []),
    ("FT613", problem("volatile", "/run/sysctl.d/a:b.conf"), ["/run/sysctl.d/a:b.conf"]),
    ("FT614", problem("not_applied", "/usr/lib/sysctl.d/50-pid-max.conf:16"), []),  # it comes with the system
    ("FT611", {"limits/net.core.somaxconn/value": 1}, []),  # a file decides: that is FT601
    ("FT611", {"limits/DefaultLimitNOFILE/value": {"soft": 1024, "hard": 4096}}, []),  # no sysctl
    ("FT702", {"listeners/0/transparent": True, "limits/net.ipv4.conf.eth0.rp_filter/value": 1}, ["net.ipv4.conf.all.rp_filter"]),
    ("FT704", {"addresses/2": {"interface": "lo", "address": "2001:db8::5/128", "family": "inet6", "local_route": True}}, []),
    ("FT706", {"limits/net.ipv4.conf.eth0.promote_secondaries/value": 0, "limits/net.ipv4.conf.all.promote_secondaries/value": 1}, []),
]


@pytest.mark.parametrize(("name", "changes", "subjects"), MORE)
def test_further_rules(name, changes, subjects):
    """A check knows the cases in which its rule does not hold, and the less common ones in which it does."""
    assert subjects == [finding["subject"] for finding in found(name, changes)]


def test_every_listener_is_named():
    """A finding on several sockets names them all, and its remedy all their ports."""
    (finding,) = found("FT102", {"listeners/0/port": 50000, "listeners/1/port": 50001})
    assert ["0.0.0.0:50000 (haproxy.service)", "[::]:50001 (ssh.service)"] == finding["evidence"]["listeners"]
    assert finding["remedy"].startswith("Add 50000-50001 to net.ipv4.ip_local_reserved_ports ")


def test_a_long_list_is_cut_in_the_message_only():
    """A message names twenty and counts the rest; the evidence has them all."""
    many = [{"address": "0.0.0.0", "port": 50000 + 2 * index, "service": None} for index in range(25)]
    (finding,) = found("FT102", {"listeners": many})
    assert 25 == len(finding["evidence"]["listeners"]) == len(finding["evidence"]["open"])
    assert "0.0.0.0:50038 (service not known) and 5 more. While" in finding["message"]
    (finding,) = found("FT102", {"listeners": many[:20]})
    assert "0.0.0.0:50038 (service not known). While" in finding["message"]


@pytest.mark.parametrize(("headroom", "used"), [(0.0, 28230), (0.2, 22584), (0.5, 14115)])
def test_headroom_is_the_callers(headroom, used):
    """The share that must stay free is an argument: at its edge a path is well, one connection above it is not."""
    assert [] == found("FT109", {"paths/0/used": used, "paths/0/free": 1}, headroom)
    above = {"paths/0/used": used + 1, "paths/0/free": 1}
    assert [used] == [finding["evidence"]["allowed"] for finding in found("FT109", above, headroom)]


@pytest.mark.parametrize(
    ("binding", "remedy"),
    [
        ("nofile", "Raise nofile of the program that connects (fd_limits)."),
        ("memory", "Add memory, or spread the connections over more hosts."),
        ("fs.file-max", "Raise fs.file-max (fd_limits)."),
        ("cgroup memory", "Raise what binds: cgroup memory."),
    ],
)
def test_a_full_path_is_helped_where_it_is_bound(binding, remedy):
    """The remedy of a full path follows the limit that binds it."""
    assert [remedy] == [finding["remedy"] for finding in found("FT108", {"paths/0/free": 0, "paths/0/binding": binding})]


OUTSIDE_CASES = [
    ("FT207", "fs.file-max"), ("FT211", "fs.epoll.max_user_watches"), ("FT213", "fs.file-max"),
    ("FT405", None), ("FT411", "net.netfilter.nf_conntrack_max"), ("FT412", "net.netfilter.nf_conntrack_max"),
    ("FT414", "net.netfilter.nf_conntrack_buckets"), ("FT501", "net.ipv4.tcp_mem"), ("FT705", "net.ipv6.neigh.default.gc_thresh3"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "knob"), OUTSIDE_CASES)
def test_what_only_the_machine_outside_can_change_is_said(name, knob):
    """In a container the remedy of a kernel-wide limit is marked, so that a gate leaves it out."""
    _name, changes, _unmake, _severity, subject, _message, remedy, _evidence = BY_ID[name]
    where = {"limits/%s/scope" % (knob or subject): "outside"}
    assert [(True, remedy + OUTSIDE)] == [(finding["outside"], finding["remedy"]) for finding in found(name, dict(changes, **where))]


def test_a_unit_above_nr_open_is_not_outside():
    """Where the host itself has a way out (a lower LimitNOFILE), the finding stays its own."""
    changes = dict(BY_ID["FT201"][1], **{"limits/fs.nr_open/scope": "outside"})
    assert [False] == [finding["outside"] for finding in found("FT201", changes)]


def test_an_unlimited_value_stays_the_word():
    """No limit is `unlimited` in message and evidence, and never a float that JSON cannot hold."""
    unit = {"services/0/processes/0/nofile": {"soft": 1024, "hard": "unlimited"}}
    (finding,) = found("FT202", unit)
    assert {"soft": 1024, "hard": "unlimited"} == finding["evidence"]["running"]
    assert "runs with nofile 1024:unlimited, the unit says 200000:200000 now" in finding["message"]


def test_the_gravest_come_first():
    """Errors, then warnings, then infos; in each by id, then by subject."""
    changes = {}
    for case in CASES:
        if case[0] in ("FT205", "FT101", "FT408", "FT303", "FT304"):
            changes.update(case[1])
    changes["listeners/1/queued"] = 1000
    order = [(finding["id"], finding["subject"]) for finding in find(*host(changes))]
    assert [
        ("FT205", "haproxy.service"), ("FT303", "0.0.0.0:80 (haproxy.service)"), ("FT303", "[::]:22 (ssh.service)"),
        ("FT101", "net.ipv4.ip_local_port_range"), ("FT304", "ListenOverflows"), ("FT408", "net.ipv4.tcp_fin_timeout"),
    ] == order  # fmt: skip


def places(value, path=()):
    """Yield the path of every value below `value`, containers and leaves."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield path + (key,)
        if isinstance(one, (dict, list)):
            yield from places(one, path + (key,))


ALL = [case[1] for case in CASES]
JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.integers(0, 1 << 200), st.floats(), st.text(max_size=5),
        st.sampled_from(["unlimited", "40000-1", "²", "{subject}", "%d", "6.x", "/", "10.0.0.0/99", "::/0"]),
        st.just({"absent": "unreadable", "detail": "no"}),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(0, 3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def put(whole, path, value):
    """Write `value` at a path, or take the key out; a path that an earlier change took away is left alone."""
    for key in path[:-1]:
        try:
            whole = whole[key]
        except (KeyError, IndexError, TypeError):
            return
    try:
        if value is ...:
            del whole[path[-1]]
        else:
            whole[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        pass


def assert_well_formed(findings):
    """Check the shape of findings: known ids and severities, texts, and evidence that JSON can hold."""
    for finding in findings:
        assert KEYS == set(finding)
        assert finding["severity"] == CHECKS[finding["id"]].severity
        assert finding["severity"] in SEVERITIES
        assert all(isinstance(finding[key], str) and finding[key] for key in ("subject", "message", "remedy"))
        assert isinstance(finding["outside"], bool)
    json.dumps(findings, allow_nan=False)


@settings(suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_snapshot_makes_the_checks_raise(data):
    """Whatever values are missing, absent or of a wrong type, find() returns findings of the right shape."""
    changes = data.draw(st.sampled_from([{}] + ALL))
    whole = dict(zip(("snapshot", "paths", "capacity"), host(changes)))
    known = sorted(places(whole), key=str)
    for _change in range(data.draw(st.integers(1, 8))):
        put(whole, data.draw(st.sampled_from(known)), data.draw(st.just(...) | JUNK))
    assert_well_formed(find(whole.get("snapshot"), whole.get("paths"), whole.get("capacity")))


def healthy_places():
    """Return the path of every value and row of the healthy host that may be missing by itself.

    An item of a value such as [32768, 60999] may not: the kernel gives the value whole.
    """
    return [path for path in places(dict(zip(("snapshot", "paths", "capacity"), host()))) if path[-2:-1] not in (("value",), ("reserved",))]


@pytest.mark.parametrize("gone", [..., {"absent": "unreadable", "detail": "no"}], ids=["missing", "absent"])
def test_what_was_not_read_is_no_finding(gone):
    """On a healthy host, no single value or row that is missing or absent raises a false alarm."""
    for path in healthy_places():
        whole = dict(zip(("snapshot", "paths", "capacity"), host()))
        put(whole, path, gone)
        assert [] == find(whole.get("snapshot"), whole.get("paths"), whole.get("capacity")), path


@settings(suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(healthy_places()), st.sampled_from([..., {"absent": "no_permission", "detail": "no"}]))))
def test_whatever_was_not_read_is_no_finding(changes):
    """Nor do several of them together."""
    whole = dict(zip(("snapshot", "paths", "capacity"), host()))
    for path, gone in changes:
        put(whole, path, gone)
    assert [] == find(whole.get("snapshot"), whole.get("paths"), whole.get("capacity"))


@pytest.mark.parametrize("junk", [None, [], "", 1, {"limits": 5}, {"limits": [5, {}, {"name": []}]}, {"absent": "unknown", "detail": ""}])
def test_what_is_no_snapshot_has_no_finding(junk):
    """Anything else than a snapshot is a snapshot in which nothing was read."""
    assert [] == find(junk, junk, junk)


@given(st.dictionaries(st.sampled_from(sorted(host()[0])), JUNK), JUNK, JUNK)
def test_junk_alone_makes_nothing_raise(snapshot, paths, capacity):
    """Sections made of anything give findings of the right shape, or none."""
    assert_well_formed(find(snapshot, paths, capacity))
