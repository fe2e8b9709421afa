# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configurations that the role writes, with the real programs: held = predicted, and the next one is refused as designed."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

from ansible_collections.c10m.front_tier.plugins.module_utils._read.processes import read_processes
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


def test_haproxy_holds_what_was_predicted(tier):
    """Each pair of source and listener carries 95 % of its ports, the next request waits and gets 503 sQ--, and no check fails."""
    tier.ports(40)
    tier.serve(*tier.listeners)
    made = tier.render("haproxy")
    assert made["predicted"] == 2 * 2 * 38
    tier.begin("haproxy")
    assert tier.hold(made["predicted"] + 3) == {"200": made["predicted"], "503": 3}
    assert tier.held() == {(source, there): 38 for source in tier.sources for there in tier.listeners}
    tier.until(lambda: tier.log.read_text().count(" sQ-- ") == 3)
    log = tier.log.read_text()
    assert " SC-- " not in log and "DOWN" not in log


def test_haproxy_after_two_reloads_under_load(tier):
    """Workers that a reload left keep their connections and ports; the caps leave room for them, so that no connect ever fails."""
    tier.ports(60)
    tier.serve(*tier.listeners)
    made = tier.render("haproxy", reloads=2)
    each = made["predicted"]
    assert each == 2 * 2 * 19
    tier.begin("haproxy")
    for worker in (1, 2, 3):
        assert tier.hold(each + 2) == {"200": each, "503": 2}
        assert tier.held() == {(source, there): 19 * worker for source in tier.sources for there in tier.listeners}
        if worker < 3:
            tier.main.send_signal(signal.SIGUSR2)
            tier.until(lambda count=worker: tier.log.read_text().count("New worker") == count + 1)
    log = tier.log.read_text()
    assert " SC-- " not in log and "DOWN" not in log


def test_haproxy_without_sources_and_over_ipv6(tier):
    """Without sources the kernel chooses one; an upstream of IPv6 is dialled from the sources of IPv6."""
    tier.ports(40)
    tier.serve("10.71.2.11:8080", "[fd71:2::11]:8080")
    made = tier.render("haproxy", upstreams=["10.71.2.11:8080"], sources=[])
    assert made["predicted"] == 38
    made = tier.render("haproxy", upstreams=["10.71.2.11:8080", "[fd71:2::11]:8080"], sources=[*tier.sources, "fd71:2::101"])
    assert made["predicted"] == 3 * 38
    tier.begin("haproxy")
    assert tier.hold(3 * 38 + 1) == {"200": 3 * 38, "503": 1}
    assert tier.held()["[fd71:2::101]", "[fd71:2::11]:8080"] == 38


def test_haproxy_refuses_to_start_below_its_descriptors(tier):
    """With too few descriptors HAProxy does not start with a smaller maxconn: it does not start."""
    tier.serve(*tier.listeners)
    made = tier.render("haproxy", usable_ports=2000)
    (tier.folder / "site").write_text("global\ndefaults\n    mode http\n")
    few = made["nofile_needed"] // 2
    script = "ulimit -n %d; haproxy -db -f %s/site -f %s/part 2>&1; echo $?" % (few, tier.folder, tier.folder)
    said = tier.run("p", "sh", "-c", script)
    assert "Cannot raise FD limit" in said and said.splitlines()[-1] == "1"


def test_haproxy_at_its_maxconn_leaves_as_many_as_its_accept_queue_has(tier):
    """What a full HAProxy does not accept is established all the same, by both kernels: its backlog and one more."""
    tier.serve(*tier.listeners)
    (tier.folder / "part").write_text(
        """frontend f
    maxconn 20
    bind 10.71.1.1:80 backlog 5
    default_backend b
backend b
    server o 10.71.2.11:8080
"""
    )
    tier.begin("haproxy")
    # One after the other: of many at once, a busy kernel answers more than it then has room for, and the client's end of those stays
    # established although the proxy's kernel drops the last segment of their handshake.
    dial = """
import select, socket
every = [socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for one in range(40)]
for sock in every:
    sock.connect_ex(("10.71.1.1", 80))
    select.select([], [sock], [], 0.1)
input()
"""
    tier.start("c", sys.executable, "-c", dial)

    def counted(side, *words):
        return [line.split() for line in tier.run(side, "ss", "-Htn", *words).splitlines()]

    tier.until(lambda: len(counted("c", "state", "established")) == 20 + 5 + 1)
    assert counted("p", "-l", "sport = :80")[0][1:3] == ["6", "5"]
    tier.until(lambda: len(counted("c", "state", "syn-sent")) == 40 - 26)
    assert len(counted("c", "state", "established")) == 26


def test_nginx_lanes_hold_what_was_predicted(tier):
    """Lanes are exact: each pair carries 95 % of its ports, and the next request gets 502 at once."""
    tier.ports(40)
    tier.serve(*tier.listeners)
    made = tier.render("nginx")
    assert made["predicted"] == 2 * 2 * 38 and made["files_each"] == 4
    tier.begin("nginx")
    assert tier.hold(made["predicted"] + 3) == {"200": made["predicted"], "502": 3}
    assert tier.held() == {(source, there): 38 for source in tier.sources for there in tier.listeners}
    assert "Cannot assign requested address" not in (tier.folder / "error.log").read_text()


def test_nginx_after_two_reloads_under_load(tier):
    """Each generation of workers has its share of every lane; the old ones keep theirs, and no connect ever fails."""
    tier.ports(60)
    tier.serve(*tier.listeners)
    made = tier.render("nginx", reloads=2)
    each = made["predicted"]
    assert each == 2 * 2 * 19
    tier.begin("nginx")
    children = Path("/proc/%d/task/%d/children" % (tier.main.pid, tier.main.pid))

    def workers():
        return set(children.read_text().split())

    def titled(pid):
        return Path("/proc", pid, "cmdline").read_text()

    for generation in (1, 2, 3):
        assert tier.hold(each + 2) == {"200": each, "502": 2}
        assert tier.held() == {(source, there): 19 * generation for source in tier.sources for there in tier.listeners}
        if generation < 3:
            before = workers()
            tier.main.send_signal(signal.SIGHUP)
            tier.until(lambda old=before: len(workers() - old) == 2 and all("shutting down" in titled(pid) for pid in old))
            assert {str(row["pid"]) for row in read_processes(Root(), map(int, workers())) if row["draining"]} >= before
    assert "Cannot assign requested address" not in (tier.folder / "error.log").read_text()


def test_nginx_by_hash_keeps_its_bound(tier):
    """By hash only a bound is promised, four fifths of 500 ports; below it nothing is refused."""
    tier.ports(500)
    tier.serve(*tier.listeners)
    made = tier.render("nginx", nginx_method="hash")
    assert made["predicted"] == 2 * 2 * 400
    tier.begin("nginx")
    assert tier.hold(made["predicted"]) == {"200": made["predicted"]}, (tier.folder / "error.log").read_text()[-2000:]
    assert set(tier.held()) == {(source, there) for source in tier.sources for there in tier.listeners}


def test_nginx_by_hash_shares_evenly_among_many_sources(tier):
    """With more sources than its percentages have digits for, nginx still takes the configuration, and each source gets its part."""
    sources = ["10.71.3.%d" % number for number in range(1, 181)]
    tier.run("p", "sh", "-c", "seq 1 180 | sed 's,.*,addr add 10.71.3.&/32 dev lo,' | ip -batch -")
    tier.render("nginx", nginx_method="hash", sources=sources, connections=1000)
    tier.run("p", "unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run && exec nginx -t -q -c %s" % tier.site("nginx"))
    shares = re.findall(r"^ *(\d+\.\d\d)% (\S+);$", (tier.folder / "part").read_text(), re.M)
    parts = [float(share) for share, _source in shares]
    parts.append(100 - sum(parts))
    assert [source for _share, source in shares] == sources[:-1]
    assert max(parts) - min(parts) < 0.0101


def test_varnish_holds_what_was_predicted(tier):
    """Each listener carries 95 % of its ports from the one source that Varnish has; the next gets 503, and no connect fails."""
    tier.ports(40)
    tier.serve(*tier.listeners)
    made = tier.render_varnish(manage="full")
    assert made["carried"] == 2 * 38
    tier.begin_varnish(made["command"])
    assert "512" in [line.split()[2] for line in tier.run("p", "ss", "-Hltn", "sport = :80").splitlines()]
    # One after another: Varnish looks at its cap before it connects and counts after, so a burst may pass the cap by a few.
    assert tier.hold(made["carried"]) == {"200": made["carried"]}
    assert tier.hold(3) == {"503": 3}
    assert tier.held() == {("10.71.2.1", there): 38 for there in tier.listeners}
    counters = tier.run("p", "varnishstat", "-1", "-n", tier.folder / "varnish", "-f", "VBE.*")
    counted = {line.split()[0].rpartition(".")[2]: int(line.split()[1]) for line in counters.splitlines()}
    assert counted["fail_eaddrnotavail"] == 0 and counted["helddown"] == 0
    assert sum(int(line.split()[1]) for line in counters.splitlines() if ".busy" in line) > 0
