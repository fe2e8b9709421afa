#!/usr/bin/env python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Truth: random cases in network namespaces, where what the audit predicts is compared with what a real dialler gets.

usage: python3 cases.py [--cases N] [--seed S] [--case I] [--json]     (the collection's parent folder in PYTHONPATH)

Needs only the standard library, `ip`, and root or unprivileged user namespaces, so that it also runs in the virtual machines.
Each case is a process of its own in a network namespace of its own: it puts sockets in the way, reads a snapshot, predicts, and
dials until the kernel refuses. Nothing outside the namespace is touched; a namespace ends with its process.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.capacity import path_capacity
from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import parse_path
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot

NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT
NEWNET, NEWUSER = 0x40000000, 0x10000000
CASE_SECONDS = 60
POOLS = {
    "inet": [["127.0.1.%d" % i for i in range(1, 10)], ["10.99.0.%d" % i for i in range(1, 10)]],
    "inet6": [["fd00:99::%x" % i for i in range(1, 10)]],
}


def make_case(seed: int, index: int) -> dict[str, Any]:
    """Return one random case as plain data; the same for the same seed and index on every Python and kernel."""
    pick = random.Random("%d/%d" % (seed, index))
    family = pick.choice(["inet", "inet", "inet6"])
    pool = pick.choice(POOLS[family])
    width = pick.randrange(2, 121, 2) if pick.random() < 0.8 else pick.randrange(1, 120, 2)
    low = pick.randrange(20000, 60000)
    high = low + width - 1
    bind = pick.choice(["none", "no_port", "no_port", "plain", "explicit"])
    addresses = pick.sample(pool, 9)
    path: dict[str, Any] = {
        "destinations": addresses[4 : 4 + pick.randrange(1, 5)],
        "bind": bind,
        "ports": sorted(
            {
                pick.choice([pick.randrange(low, high + 1), pick.randrange(9000, 9100)])
                if pick.random() < 0.3
                else pick.randrange(9000, 9100)
                for _dummy in range(pick.randrange(1, 5))
            }
        ),
    }
    if bind != "none" or pick.random() < 0.2:
        path["sources"] = addresses[: pick.randrange(1, 5)]
    if bind == "explicit":
        first = pick.choice([pick.randrange(low, high + 1), pick.randrange(10000, 18000)])
        path["port_range"] = "%d-%d" % (first, first + pick.randrange(0, 60))
    if pick.random() < 0.2:
        path["nofile"] = pick.randrange(3, 80)
    reserved = [
        "%d-%d" % (at, at + pick.randrange(0, 12))
        for at in [pick.randrange(low - 10, high + 5) for _dummy in range(pick.choice([0, 0, 1, 3]))]
    ]
    if reserved and pick.random() < 0.04:
        reserved = ["%d-%d" % (low, high)]
    obstacles = []
    for _dummy in range(pick.choice([0, 0, 1, 3, 8])):
        obstacles.append(
            {
                "kind": pick.choice(["listen", "listen", "bound", "udp"]),
                "port": pick.randrange(low - 2, high + 3),
                "at": pick.choice(["any4", "any6", "any6only", "source", "destination", "other", "other6"]),
            }
        )
        if pick.random() < 0.2 and "port_range" in path:
            obstacles[-1]["port"] = int(path["port_range"].split("-")[0]) + pick.randrange(0, 3)
    return {
        "seed": seed,
        "index": index,
        "family": family,
        "pool": pool,
        "addresses": addresses,
        "low": low,
        "high": high,
        "path": path,
        "reserved": ",".join(reserved),
        "obstacles": obstacles,
        "existing": pick.choice([0, 0, 0, pick.randrange(1, width + 1)]),
        "time_waits": pick.choice([0, 0, 0, pick.randrange(1, width + 1)]),
        "fin_wait2": pick.random() < 0.15,
        "tw_reuse": pick.choice([0, 1, 2]),
        "timestamps": pick.choice([1, 1, 1, 0]),
        "wait": pick.random() < 0.3,
        "foreign": pick.choice([0, 0, pick.randrange(1, 20)]),
        "obstacles_first": pick.random() < 0.6,
    }


def sysctl(name: str, value: str) -> None:
    """Write a sysctl of this network namespace."""
    with open("/proc/sys/net/" + name, "w") as file:
        file.write(value + "\n")


def enter_namespace() -> None:
    """Enter a network namespace of our own; in a user namespace of our own where we are not root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEWNET) and libc.unshare(NEWNET | NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET): root or unprivileged user namespaces are needed")


def prepare_namespace(case: dict[str, Any]) -> None:
    """Bring the namespace into the state of the case: addresses, range, reserved ports, TIME_WAIT reuse."""
    flags = " nodad" if case["family"] == "inet6" else ""
    batch = ["link set lo up"] + [
        "addr add %s/%d dev lo%s" % (address, 128 if flags else 32, flags) for address in case["pool"] if not address.startswith("127.")
    ]
    batch.append("addr add fd00:98::1/128 dev lo nodad")
    subprocess.run(["ip", "-batch", "-"], input="\n".join(batch).encode(), check=True)
    if flags:
        await_routes([*case["pool"], "fd00:98::1"])
    sysctl("core/somaxconn", "4096")
    sysctl("ipv4/ip_local_port_range", "%d %d" % (case["low"], case["high"]))
    if case["reserved"]:
        sysctl("ipv4/ip_local_reserved_ports", case["reserved"])
    sysctl("ipv4/tcp_tw_reuse", str(case["tw_reuse"]))
    sysctl("ipv4/tcp_timestamps", str(case["timestamps"]))
    if not case["wait"] and os.path.exists("/proc/sys/net/ipv4/tcp_tw_reuse_delay"):
        sysctl("ipv4/tcp_tw_reuse_delay", "60000")  # no TIME_WAIT comes of age while the dialler runs


def await_routes(addresses: list[str]) -> None:
    """Return once each IPv6 address has its local route: the kernel adds it in a workqueue, later on a busy machine."""
    while True:
        shown = subprocess.run(["ip", "-6", "route", "show", "table", "local"], stdout=subprocess.PIPE, check=True, text=True)
        if set(addresses) <= set(shown.stdout.split()):
            return
        time.sleep(0.001)


def listen(address: str, port: int, v6only: int = 1) -> socket.socket:
    """Return a socket that listens at (address, port)."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    sock.bind((address, port))
    sock.listen(4096)
    return sock


def put_in_the_way(case: dict[str, Any], obstacle: dict[str, Any]) -> socket.socket | None:
    """Return the socket of an obstacle, or None where something else is already there."""
    path = case["path"]
    address = {
        "any4": "0.0.0.0",
        "any6": "::",
        "any6only": "::",
        "source": (path.get("sources") or [case["addresses"][8]])[0],
        "destination": path["destinations"][0],
        "other": case["addresses"][8],
        "other6": "fd00:98::1",
    }[obstacle["at"]]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if obstacle["kind"] == "udp" else socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(obstacle["at"] != "any6"))
        sock.bind((address, obstacle["port"]))
        if obstacle["kind"] == "listen":
            sock.listen(16)
        return sock
    except OSError:
        sock.close()
        return None


def obstruct(case: dict[str, Any], keep: list[Any]) -> bool:
    """Put every obstacle in the way; tell whether none of them is of the kind that an old kernel does not show."""
    placed = [(obstacle["kind"], put_in_the_way(case, obstacle)) for obstacle in case["obstacles"]]
    keep.append(placed)
    return not any(kind == "bound" and sock for kind, sock in placed)


def dial(path: Any, pair: tuple[Any, str, int], port: int = 0) -> socket.socket:
    """Return a connection that was opened as `path` says. Raises the kernel's refusal."""
    source, destination, target = pair
    sock = socket.socket(socket.AF_INET6 if ":" in destination else socket.AF_INET)
    try:
        if path.bind == "no_port":
            sock.setsockopt(socket.IPPROTO_IP, NO_PORT, 1)
        if path.bind == "explicit":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if path.bind != "none":
            sock.bind((source, port))
        sock.connect((destination, target))
        return sock
    except OSError:
        sock.close()
        raise


def pairs_of(path: Any) -> list[tuple[Any, str, int]]:
    """Return what the dialler goes through: (source or None, destination, port)."""
    sources = [None] if path.bind == "none" else list(path.sources)
    return [(source, destination, port) for source in sources for destination, port in path.listeners]


def some_connections(path: Any, wanted: int, pick: random.Random) -> list[socket.socket]:
    """Open up to `wanted` connections spread at random over the path, as its program would."""
    pairs = pairs_of(path)
    found = []
    for _dummy in range(wanted):
        port = pick.randrange(path.port_range[0], path.port_range[1] + 1) if path.port_range else 0
        try:
            found.append(dial(path, pick.choice(pairs), port))
        except OSError:
            continue
    return found


def leave_time_waits(path: Any, wanted: int, listeners: list[socket.socket], fin_wait2: bool, pick: random.Random) -> int:
    """Leave up to `wanted` TIME_WAIT (or FIN_WAIT2) sockets on the path: this side closes first."""
    connections = some_connections(path, wanted, pick)
    for sock in connections:
        sock.close()
    time.sleep(0.01)
    if not fin_wait2:
        for listener in listeners:
            listener.setblocking(False)
            try:
                while True:
                    listener.accept()[0].close()
            except OSError:
                listener.setblocking(True)
    time.sleep(0.01)
    return len(connections)


def held_by_dialler(path: Any, nofile: int | None) -> tuple[int, list[str]]:
    """Dial until every pair refuses, in a process of its own with descriptors 0, 1 and 2; return (held, names of the refusals)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writing, 1)
            os.closerange(3, 1 << 16)
            if nofile is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
            held, refusals = dial_all(path)
            text = json.dumps([len(held), sorted(refusals)])
            os.write(1, text.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        held, refusals = json.loads(answer.read())
    os.waitpid(child, 0)
    return held, refusals


def dial_all(path: Any) -> tuple[list[socket.socket], set[str]]:
    """Open every connection that the kernel allows on the path; return them and the names of the refusals."""
    held: list[socket.socket] = []
    refusals: set[str] = set()
    ports = range(path.port_range[0], path.port_range[1] + 1) if path.port_range else [0]
    for pair in pairs_of(path):
        for port in ports:
            while True:
                try:
                    held.append(dial(path, pair, port))
                except OSError as error:
                    refusals.add(errno.errorcode.get(error.errno or 0, str(error)))
                    if error.errno == errno.EMFILE:
                        return held, refusals
                    break
                if path.port_range:
                    break
    return held, refusals


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Return the case's verdict: {predicted, held, mismatch}; in this process's own namespace."""
    prepare_namespace(case)
    pick = random.Random(case["seed"] * 1000003 + case["index"])
    path = parse_path("path", case["path"])
    keep: list[Any] = [listen(address, port) for address, port in path.listeners]
    listeners = list(keep)
    see_bound = not case["obstacles_first"] or obstruct(case, keep)
    waited = leave_time_waits(path, case["time_waits"], listeners, case["fin_wait2"], pick) if case["time_waits"] else 0
    existing = some_connections(path, case["existing"], pick)
    keep.append(existing)
    if case["foreign"] and path.bind in ("none", "no_port", "plain"):
        other = path._replace(destinations=(case["addresses"][8],), ports=(9500,), bind="none")
        keep.append(listen(case["addresses"][8], 9500))
        keep.append(some_connections(other, case["foreign"], pick))
    see_bound &= case["obstacles_first"] or obstruct(case, keep)
    if waited and case["wait"]:
        time.sleep(2.1 if case["tw_reuse"] and case["timestamps"] else 0)
    snapshot = read_snapshot(Root(), ["min"], [path], sample=0)
    if isinstance(snapshot["sockets"]["bound"], dict) and not see_bound:
        return {"skipped": "bound-only sockets cannot be seen on this kernel"}
    predicted = path_capacity(snapshot, path)
    held, refusals = held_by_dialler(path, path.nofile)
    verdict = {name: predicted[name] for name in ("connections", "at_most", "used", "free", "binding", "usable_ports", "pairs")}
    delayed = os.path.exists("/proc/sys/net/ipv4/tcp_tw_reuse_delay")
    verdict.update(held=held, existing=len(existing), waited=waited, refusals=refusals, delayed=delayed)
    verdict["mismatch"] = judge(case, path, verdict)
    return verdict


def judge(case: dict[str, Any], path: Any, verdict: dict[str, Any]) -> str | None:
    """Return what is wrong with a prediction, or None. With an even range everything is equal."""
    held, free = verdict["held"], verdict["free"]
    odd = (case["high"] - case["low"]) % 2 == 0 and case["high"] > case["low"]
    slack = (len(path.sources) if path.bind == "plain" else verdict["pairs"]) if odd and path.bind != "explicit" else 0
    if path.bind == "explicit":  # what SO_REUSEADDR frees is not promised
        slack = verdict["at_most"] - free
    if verdict["waited"] and case["tw_reuse"] and case["timestamps"] and not case["wait"] and not verdict.get("delayed"):
        slack += verdict["waited"]  # before Linux 6.14 one comes of age within a second, maybe while the dialler runs
    old = tuple(int(part) for part in os.uname().release.split(".")[:2]) < (5, 15)
    if old and case["fin_wait2"] and case["tw_reuse"] and case["timestamps"]:
        slack += verdict["waited"]  # 5.10 also reuses FIN_WAIT2, which is not promised; 6.1 and later do not
    if not free <= held <= free + slack:
        return "free is %d, and %d were held" % (free, held)
    whole = held + verdict["existing"]
    undisturbed = case["obstacles_first"] and not verdict["waited"] and not case["foreign"] and verdict["binding"] == "ports"
    if undisturbed and not verdict["connections"] <= whole <= verdict["at_most"]:
        return "connections is %d to %d, and %d were held in all" % (verdict["connections"], verdict["at_most"], whole)
    if path.nofile is not None and verdict["connections"] > max(0, path.nofile - 3):
        return "connections is %d, above nofile %d less 3" % (verdict["connections"], path.nofile)
    return None


def start(case: dict[str, Any]) -> tuple[int, Any]:
    """Start a case in a process and namespace of its own; return (pid, file that its verdict comes from)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, os.fdopen(reading)
    try:
        os.close(reading)
        signal.alarm(CASE_SECONDS)
        enter_namespace()
        result = run_case(case)
    except BaseException as error:  # pylint: disable=broad-except
        result = {"mismatch": "%s: %s" % (type(error).__name__, error)}
    os.write(writing, json.dumps(result).encode())
    os._exit(0)


def verdict_of(child: int, answer: Any) -> dict[str, Any]:
    """Return the verdict of a started case; a crash or a time-out is a mismatch."""
    with answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"mismatch": "the case did not end within %d s" % CASE_SECONDS}


def run(cases: int, seed: int, only: int | None = None, show: bool = False, jobs: int | None = None) -> dict[str, Any]:
    """Run the cases, one on each processor, and return the summary: {cases, skipped, mismatches, seed, kernel, seconds, ...}."""
    started = time.time()
    summary: dict[str, Any] = {"cases": 0, "skipped": 0, "mismatches": 0, "seed": seed, "kernel": os.uname().release}
    summary.update(held=0, odd=0, binds={}, failed=[])
    waiting = [make_case(seed, index) for index in (range(cases) if only is None else [only])][::-1]
    running: list[tuple[dict[str, Any], int, Any]] = []
    while waiting or running:
        while waiting and len(running) < (jobs or os.cpu_count() or 1):
            case = waiting.pop()
            running.append((case, *start(case)))
        case, child, answer = running.pop(0)
        count(summary, case, verdict_of(child, answer), show)
    summary["seconds"] = round(time.time() - started, 1)
    return summary


def count(summary: dict[str, Any], case: dict[str, Any], verdict: dict[str, Any], show: bool) -> None:
    """Count one verdict in the summary."""
    if show:
        print(json.dumps({"case": case, "verdict": verdict}))
    if "skipped" in verdict:
        summary["skipped"] += 1
        return
    bind = case["path"]["bind"]
    summary["cases"] += 1
    summary["held"] += verdict.get("held", 0)
    summary["odd"] += (case["high"] - case["low"]) % 2 == 0
    summary["binds"][bind] = summary["binds"].get(bind, 0) + 1
    if verdict["mismatch"]:
        summary["mismatches"] += 1
        summary["failed"].append({"case": case, "verdict": verdict})


def main() -> int:
    """Run from the command line; the exit status is 1 where a prediction was wrong."""
    parser = argparse.ArgumentParser(description="Compare predictions with the kernel in random cases.")
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="a fresh one, which is printed, where none is given")
    parser.add_argument("--case", type=int, default=None, help="run only this one and show it")
    parser.add_argument("--json", action="store_true", help="print the whole summary as JSON")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    summary = run(options.cases, seed, options.case, options.case is not None)
    if options.json:
        print(json.dumps(summary))
    else:
        for failed in summary["failed"]:
            print("MISMATCH", json.dumps(failed))
        print(
            "%(cases)d cases, %(mismatches)d mismatches, %(skipped)d skipped, %(held)d connections held, %(odd)d with an odd range; "
            "seed %(seed)d, kernel %(kernel)s, %(seconds)s s" % summary
        )
    return 1 if summary["mismatches"] or not summary["cases"] else 0


if __name__ == "__main__":
    sys.exit(main())
