# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of an audit are those of the node's own tools: sysctl, ss, ip, systemctl, prlimit, nft."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any


def test_every_sysctl_has_the_value_that_sysctl_prints(audit: Any, sysctls: Any, printed: Any) -> None:
    """Each sysctl of the audit has sysctl's value, and is an absence exactly where sysctl has none."""
    read = {limit["name"]: limit["value"] for limit in audit["limits"] if str(limit["source"]).startswith("/proc/sys/")}
    seen = {name: printed(value) for name, value in read.items() if not (isinstance(value, dict) and "absent" in value)}
    assert {name: sysctls[name] for name in read if name in sysctls} == seen
    assert len(seen) > 35


def test_what_belongs_to_the_machine_is_outside(host: Any, audit: Any) -> None:
    """A limit has scope `outside` where the node cannot write it, and `netns` where it can."""
    scopes = {limit["name"]: limit["scope"] for limit in audit["limits"] if str(limit["source"]).startswith("/proc/sys/")}
    paths = {"/proc/sys/" + name.replace(".", "/"): name for name in scopes}
    told = host.check_output(f"for path in {' '.join(paths)}; do test -w $path && echo $path || true; done")
    writable = {paths[path] for path in told.split()}
    # shown, and the namespace's own, but for nobody to write: the kernel counts or decides it
    counted = {"net.netfilter.nf_conntrack_count", "net.ipv4.tcp_ehash_entries"}
    assert {name for name, scope in scopes.items() if scope == "netns"} - counted == writable - counted
    assert {name for name, scope in scopes.items() if scope == "outside"} >= {"fs.nr_open", "fs.file-max", "net.ipv4.tcp_mem"}
    assert set(scopes.values()) == {"netns", "outside"}


def _listeners(text: str) -> Counter[tuple[str, int, int, int]]:
    rows = (line.split() for line in text.splitlines())
    ends = ((row[3].rpartition(":"), int(row[2]), int(row[1])) for row in rows)
    return Counter((end[0].strip("[]*") or "::", int(end[2]), backlog, queued) for end, backlog, queued in ends)


def test_listeners_are_those_of_ss(host: Any, audit: Any, facts: Any) -> None:
    """Address, port, backlog and queue of every listener are those of ss -lnt; nginx's backlog is cut by somaxconn."""
    found = Counter((one["address"], one["port"], one["backlog"], one["queued"]) for one in audit["listeners"])
    assert _listeners(host.check_output("ss -Hlnt")) == found
    assert found[("0.0.0.0", 80, 2048, 0)] == 1  # it asks for 4096
    assert found[("0.0.0.0", facts["listener_in_range"], 64, 0)] == 1


def test_listeners_name_their_service(audit: Any, facts: Any) -> None:
    """Each listener carries the unit whose process holds it."""
    services = {one["port"]: one["service"] for one in audit["listeners"]}
    assert services == {
        80: "nginx.service",
        8082: "nginx.service",
        facts["second_listener"]: "nginx.service",
        8443: "haproxy.service",
        facts["listener_in_range"]: "haproxy.service",
        8080: "origin.service",
    }


def test_totals_are_those_of_ss(host: Any, audit: Any, facts: Any) -> None:
    """Established connections are as many as ss lists, and as the nodes hold by this scenario; so are listeners."""
    tcp = audit["sockets"]["tcp"]
    assert tcp["established"] == len(host.check_output("ss -Htn state established").splitlines())
    assert f"estab {tcp['established']}," in host.check_output("ss -s")
    assert tcp["listen"] == len(host.check_output("ss -Hlnt").splitlines())
    to_next = [flow["connections"] for flow in audit["sockets"]["flows"] if flow["destination"] == facts["next"]]
    assert to_next == [facts["dials"]]


def test_addresses_are_those_of_ip(host: Any, audit: Any) -> None:
    """Interfaces and addresses are those of ip -j address, link-local ones included."""
    rows = json.loads(host.check_output("ip -j address"))
    told = {(link["ifname"], f"{one['local']}/{one['prefixlen']}") for link in rows for one in link["addr_info"]}
    assert {(one["interface"], one["address"]) for one in audit["addresses"] if not one["local_route"]} == told


def test_units_have_the_nofile_that_systemctl_shows(host: Any, audit: Any) -> None:
    """What systemd has resolved for a unit is what systemctl shows of it, also where its files have changed since."""
    services = {service["name"]: service for service in audit["services"]}
    assert {"nginx.service", "haproxy.service", "origin.service", "dialler.service"} <= set(services)
    shown = host.check_output("systemctl show -p Id -p LimitNOFILE -p LimitNOFILESoft -p NeedDaemonReload " + " ".join(services))
    told = {}
    for block in shown.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines())
        told[values["Id"]] = (values["LimitNOFILESoft"], values["LimitNOFILE"], values["NeedDaemonReload"] == "yes")
    limits = {name: service["live"]["nofile"] for name, service in services.items()}
    found = {name: (str(limits[name]["soft"]), str(limits[name]["hard"]), services[name]["needs_reload"]) for name in services}
    assert told == found


def test_the_processes_of_a_service_are_those_of_its_control_group(host: Any, audit: Any) -> None:
    """Every process of a service is listed, the workers too, and no other."""
    for service in audit["services"]:
        group = "/sys/fs/cgroup{,/systemd}$(systemctl show -p ControlGroup --value %s)/cgroup.procs"
        told = host.check_output("bash -c %s", "cat 2>/dev/null " + group % service["name"] + " || true")
        assert {one["pid"] for one in service["processes"]} == set(map(int, told.split()))


def test_every_process_has_the_nofile_that_prlimit_shows(host: Any, audit: Any) -> None:
    """Each process has prlimit's limits, and as many open files as /proc lists."""
    processes = {one["pid"]: one for service in audit["services"] for one in service["processes"]}
    # of another user's process, root may ask only with CAP_SYS_RESOURCE: so its own user asks
    prlimit = "runuser -u $(id -nu {uid}) -- prlimit --pid {pid} --nofile --noheadings --raw --output SOFT,HARD"
    ask = "echo {pid} $(" + prlimit + ") $(ls /proc/{pid}/fd | wc -l)"
    told = host.check_output("; ".join(ask.format(**one) for one in processes.values()))
    found = {(pid, one["nofile"]["soft"], one["nofile"]["hard"], one["files_open"]) for pid, one in processes.items()}
    assert {tuple(map(int, line.split())) for line in told.splitlines()} == found


def test_connections_of_services_are_those_of_ss(host: Any, audit: Any, facts: Any) -> None:
    """A service's connections are those that ss shows at its processes."""
    held = {service["name"]: service["connections"] for service in audit["services"]}
    told = host.check_output("ss -Htnp state established")
    for service in audit["services"]:
        pids = [f"pid={one['pid']}," for one in service["processes"]]
        assert held[service["name"]] == sum(any(pid in line for pid in pids) for line in told.splitlines())
    assert held["dialler.service"] == facts["dials"]


def test_usable_ports_are_counted_by_hand(host: Any, audit: Any, sysctls: Any) -> None:
    """Usable ports are the range, less what is reserved, less the ports of ss's listeners."""
    low, high = map(int, sysctls["net.ipv4.ip_local_port_range"].split())
    reserved: set[int] = set()
    for item in filter(None, sysctls["net.ipv4.ip_local_reserved_ports"].split(",")):
        first, _dash, last = item.partition("-")
        reserved |= set(range(int(first), int(last or first) + 1))
    listening = {port for _address, port, _backlog, _queued in _listeners(host.check_output("ss -Hlnt"))}
    assert audit["ports"]["usable"] == len(set(range(low, high + 1)) - reserved - listening)
    assert (audit["ports"]["low"], audit["ports"]["high"]) == (low, high)


def test_connection_tracking_is_seen_where_it_works(host: Any, audit: Any, facts: Any) -> None:
    """conntrack is active exactly where a rule tracks, with the kernel's count; the redirected port is named."""
    assert audit["conntrack"]["active"] == ("nftables" in facts)
    assert [one["port"] for one in audit["ports"]["without_socket"]] == ([40020] if "nftables" in facts else [])
    if "nftables" in facts:
        assert "redirect to :80" in host.check_output("nft list ruleset")
        assert 0 < audit["conntrack"]["entries"] <= int(host.check_output("sysctl -n net.netfilter.nf_conntrack_max"))
