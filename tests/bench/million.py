# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A million connections on one host, from kernel defaults: the audit says what is in the way, host_config removes it, the play proves it.

usage: python tests/bench/million.py [--connections N | --fill] [--compare N] [--rounds N] [--hold S] [--reserve SIZE] [--no-docs]

--fill asks for as many as the memory is predicted to hold, and sees what is left of it. Where fs.file-max is too low for that, it is raised
meanwhile, and set back.

Both ends are in one network namespace of their own, with folders of their own in place of those that a change writes to. Before that, the
probe and a bare loop (hold.py) take turns with fewer connections each: rate, processor time and memory side by side. Writes
.build/million.json and the part of docs/benchmarks.md that is between its marks.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".build/live")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / ".build/live"), str(ROOT)])
os.environ.pop("PYTHONUNBUFFERED", None)  # as in run.py

from ansible.module_utils.common.text.formatters import human_to_bytes  # noqa: E402

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import gauge  # noqa: E402
from tests.bench import changes, hold, run  # noqa: E402

MODULE = ROOT / "plugins/modules/connection_probe.py"
PORT = 1000  # of the listeners, below the range
MOST = 62500  # connections to one listener: all usable ports of the range that host_config gives
KEPT = 2  # runs of each size that the page shows, the newest first
BEGIN, END = "<!-- million -->", "<!-- /million -->"
FILE_MAX = Path("/proc/sys/fs/file-max")


class Apart:
    """A network namespace, and who is in it."""

    def __init__(self) -> None:
        self.holder = changes.standing()
        self.inode = os.stat("/proc/%d/ns/net" % self.holder.pid).st_ino

    def inside(self, *words: str) -> list[str]:
        """Return the command line that runs inside."""
        return [*changes.inside(self.holder), *words]

    def processes(self) -> list[int]:
        """Return the processes inside, but for the holder and for Ansible's own."""
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                inside = name.isdecimal() and int(name) != self.holder.pid and os.stat("/proc/%s/ns/net" % name).st_ino == self.inode
                if inside and b"ansible-playbook" not in Path("/proc", name, "cmdline").read_bytes():
                    found.append(int(name))
        return found

    def probe(self, **options: Any) -> dict[str, Any]:
        """Run the module inside."""
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": options})
        done = subprocess.run(self.inside(sys.executable, str(MODULE)), input=arguments, capture_output=True, text=True, check=False)
        result: dict[str, Any] = json.loads(done.stdout or "{}")
        if not done.stdout or result.get("failed"):
            raise SystemExit(done.stderr[-2000:] or result["msg"])
        return result

    def sysctl(self, name: str, value: str) -> None:
        """Write a sysctl of the namespace."""
        subprocess.run(self.inside("sysctl", "-qw", "%s=%s" % (name, value)), check=True)

    def leave(self) -> None:
        """End it, and what is inside."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.wait()


@contextlib.contextmanager
def apart() -> Iterator[Apart]:
    """Give a namespace, which ends with the block."""
    one = Apart()
    try:
        yield one
    finally:
        one.leave()


def settled() -> dict[str, Any]:
    """Return the gauge's figures once the kernel has given back what the last run held: a second in which slab pages hardly change."""
    last = gauge.read([])
    while True:
        time.sleep(1)
        now = dict(gauge.read([]), listed=listed())
        if abs(now["slab"] - last["slab"]) < 1 << 20:
            return now
        last = now


def listed() -> int:
    """Return the bytes of inodes and names of /proc that the kernel keeps: whoever lists descriptors makes them, no connection does."""
    rows = (line.split() for line in Path("/proc/slabinfo").read_text().splitlines())
    size = {words[0]: (int(words[2]), int(words[3])) for words in rows if words[0] in ("proc_inode_cache", "dentry")}
    return size["proc_inode_cache"][0] * (size["proc_inode_cache"][1] + size["dentry"][1])


def measured(one: Apart, before: dict[str, Any], connections: int) -> dict[str, float]:
    """Return {kernel: slab but for what is listed, processes: bytes a connection, processor: microseconds a connection} as of now."""
    pids = one.processes()
    after = gauge.read(pids)
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            words = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
            ticks += int(words[11]) + int(words[12])
    processor = 1e6 * ticks / os.sysconf("SC_CLK_TCK") / connections
    slab = after["slab"] - before["slab"] - (listed() - before["listed"])
    return {"kernel": slab / connections, "processes": after["processes"] / connections, "processor": processor}


def paths(listeners: int) -> list[dict[str, Any]]:
    """Return the path of all benches: one source, and so many listeners."""
    return [{"destinations": ["127.1.0.%d" % (index + 1) for index in range(listeners)], "ports": [PORT]}]


def bare(connections: int) -> dict[str, float]:
    """Hold connections with the bare loop."""
    with apart() as one:
        before = settled()
        words = one.inside(sys.executable, str(Path(__file__).with_name("hold.py")), str(connections))
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as loop:
            assert loop.stdout
            assert loop.stdin
            if loop.stdout.readline().strip() != "held %d" % connections:
                raise SystemExit("the bare loop does not hold %d" % connections)
            seconds = float(loop.stdout.readline())
            found = dict(measured(one, before, connections), rate=connections / seconds)
            loop.stdin.close()
            loop.wait()
    return found


def probed(connections: int) -> dict[str, float]:
    """Hold connections with the probe, on as many listeners as the bare loop has; timed as it is: until both sides have all of them."""
    path = paths(max(1, -(-connections // hold.share())))
    with apart() as one:
        one.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        before = settled()
        most = {"connections": connections + 100, "cap": connections + 100}
        one.probe(side="listen", state="started", paths=path, hold=900, **most)
        result = one.probe(side="dial", state="holding", paths=path, hold=900, connections=connections, cap=connections)
        listened = one.probe(side="listen", state="reported")
        if (result["held"], listened["held"]) != (connections, connections):
            raise SystemExit("the probe holds %d and %d of %d" % (result["held"], listened["held"], connections))
        seconds = max(result["held_at"], listened["held_at"]) - result["dialled_at"]
        found = dict(measured(one, before, connections), rate=connections / seconds)
        for side in ("dial", "listen"):
            one.probe(side=side, state="stopped")
    return found


def compare(connections: int, rounds: int) -> dict[str, Any]:
    """Return the medians of probe and bare loop, which take turns, and the probe's ratio to the loop."""
    found: dict[str, list[dict[str, float]]] = {"bare": [], "probe": []}
    for _dummy in range(rounds):
        found["bare"].append(bare(connections))
        found["probe"].append(probed(connections))
        print(json.dumps({name: rows[-1] for name, rows in found.items()}), flush=True)
    medians = {name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}
    memory = {name: row["kernel"] + row["processes"] for name, row in medians.items()}
    return dict(
        medians,
        connections=connections,
        rounds=rounds,
        rate_ratio=medians["probe"]["rate"] / medians["bare"]["rate"],
        processor_ratio=medians["probe"]["processor"] / medians["bare"]["processor"],
        memory_ratio=memory["probe"] / memory["bare"],
    )


def play(one: Apart, folder: Path, tasks: list[dict[str, Any]] | Path, **variables: Any) -> subprocess.Popen[str]:
    """Start a play on the one host, inside."""
    inventory, book = folder / "hosts.json", folder / "play.json"
    every = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **variables}
    inventory.write_text(json.dumps({"front_tier": {"hosts": {"one": {}}, "vars": every}}))
    if isinstance(tasks, list):
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    playbook = Path(sys.executable).with_name("ansible-playbook")  # -u: its lines come at once; a variable would reach the modules, too
    words = one.inside(sys.executable, "-u", str(playbook), "-i", str(inventory), str(book if isinstance(tasks, list) else tasks))
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def allowed(reserve: str, listeners: int) -> int:
    """Return how many connections to so many listeners the memory is predicted to hold, both ends here."""
    with apart() as one:
        result = subprocess.run(
            one.inside(sys.executable, str(MODULE)),
            input=json.dumps(
                {
                    "ANSIBLE_MODULE_ARGS": {
                        "side": "dial",
                        "paths": paths(listeners),
                        "connections": 1,
                        "reserve_memory": reserve,
                        "_ansible_check_mode": True,
                    }
                }
            ),
            check=True,
            capture_output=True,
            text=True,
        )
    return int(json.loads(result.stdout)["memory_allows"])


@contextlib.contextmanager
def files_for(connections: int) -> Iterator[None]:
    """See that fs.file-max, which is the whole machine's, allows both ends of so many; set it back at the end."""
    before, wanted = FILE_MAX.read_text(), 2 * connections + 200_000
    try:
        if int(before) < wanted:
            FILE_MAX.write_text(str(wanted))
        yield
    finally:
        FILE_MAX.write_text(before)


def prove(connections: int, options: argparse.Namespace) -> dict[str, Any]:
    """Audit at kernel defaults, change what is in the way, and prove it; return what came of it."""
    listeners = -(-connections // MOST)
    width = connections // listeners // 2 * 2  # an even range: its promise is exact
    low, total = 65536 - width, width * listeners
    with files_for(connections), apart() as one, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audit = {"c10m.front_tier.connection_limits_info": {"paths": paths(listeners)}, "register": "audit"}
        keep = {"ansible.builtin.copy": {"content": "{{ audit | to_json }}", "dest": str(folder / "audit.json")}}
        change = {"port_range": {"low": low, "high": 65535}, "kernel_settings": {"settings": {"net.core.somaxconn": 65535}}}
        first = play(one, folder, [audit, keep, {"c10m.front_tier.host_config": change}])
        told, _none = first.communicate(timeout=300)
        if first.returncode:
            raise SystemExit(told[-3000:])
        default = json.loads((folder / "audit.json").read_text())["paths"][0]
        before = settled()
        begin = time.monotonic()
        asked = {"front_tier_proof_connections": total} if options.fill else {}
        second = play(
            one,
            folder,
            ROOT / "playbooks/prove.yml",
            front_tier_proof_paths=paths(listeners),
            front_tier_proof_cap=total + 1,
            front_tier_proof_hold=options.hold,
            front_tier_proof_timeout=3600,
            front_tier_proof_lease=300,
            front_tier_proof_reserve_memory=options.reserve,
            front_tier_report_dir=str(folder),
            **asked,
        )
        during: dict[str, Any] = {}
        assert second.stdout
        lines = []
        for line in second.stdout:
            lines.append(line)
            if ": dialling" in line or "TASK" in line:
                print(line.rstrip()[:100], flush=True)
            if not during and "=> (item=0 of" in line:
                during = dict(measured(one, before, total), available=gauge.Memory().available())
                during["audit"] = run.compared(run.play(run.turns(5), inside=one.inside()), run.AUDIT, run.PING)
        second.wait()
        whole = time.monotonic() - begin
        proof = json.loads((folder / "front-tier.json").read_text())["hosts"]["one"].get("proof")
        if not proof or second.returncode and not options.fill:
            raise SystemExit("".join(lines)[-4000:])
        left = subprocess.run(one.inside("cat", "/proc/net/sockstat"), check=True, capture_output=True, text=True).stdout
    return {
        "date": run.facts()["date"],
        "default": default,
        "listeners": listeners,
        "range": [low, 65535],
        "proof": proof,
        "during": during,
        "seconds": whole,
        "sockstat_after": left,
    }


def text(found: dict[str, Any]) -> str:
    """Return the part of the documentation."""
    lines = [
        "Measured on %(date)s: kernel %(kernel)s, %(processors)s processors, %(memory_gb)s GB, Python %(python)s." % found["machine"],
        "",
    ]
    side = found.get("compare")
    if side:
        lines += [
            "| %s connections, both ends, medians of %d rounds | bare loop | probe | ratio | goal |"
            % (grouped(side["connections"]), side["rounds"]),
            "|---|---|---|---|---|",
            "| connections a second | %.0f | %.0f | %.2f | ≥ 0.95 |" % (side["bare"]["rate"], side["probe"]["rate"], side["rate_ratio"]),
            "| processor time a connection, µs | %.1f | %.1f | %.2f | |"
            % (side["bare"]["processor"], side["probe"]["processor"], side["processor_ratio"]),
            "| memory of the kernel a connection, bytes | %.0f | %.0f | | |" % (side["bare"]["kernel"], side["probe"]["kernel"]),
            "| memory of the processes a connection, bytes | %.0f | %.0f | | |" % (side["bare"]["processes"], side["probe"]["processes"]),
            "| memory in all | | | %.2f | ≤ 1.05 |" % side["memory_ratio"],
            "",
        ]
    for size in found.get("proved", {}).values():
        lines += ["", *proved(size)]
    for size in found.get("filled", [])[:1]:
        lines += ["", filled(size)]
    return "\n".join(lines)


def proved(runs: list[dict[str, Any]]) -> list[str]:
    """Return the table of the runs of one size, a column each."""
    rows = [
        ("one host, both ends, by the playbook", "run of %s", lambda one: one["date"]),
        (
            "the audit at the kernel's defaults",
            "%s connections, bound by %s",
            lambda one: (grouped(one["default"]["connections"]), one["default"]["binding"]),
        ),
        ("predicted after host_config", "%s", lambda one: grouped(one["proof"]["predicted"])),
        ("held, by the dialler and by the kernel", "%s, %s", lambda one: (grouped(one["proof"]["held"]), grouped(one["proof"]["kernel"]))),
        (
            "the next one",
            "%s",
            lambda one: ", ".join(row["refusal"]["error"] for row in one["proof"]["paths"] if row["refusal"]) or "not asked",
        ),
        ("dialled in, a second", "%.1f s, %s", lambda one: (one["proof"]["seconds"], grouped(one["proof"]["rate"]))),
        (
            "connect, median and 99th percentile",
            "%.0f µs, %.0f µs",
            lambda one: tuple(1e6 * one["proof"]["connect"][name] for name in ("median", "p99")),
        ),
        ("memory of the kernel a connection, both ends", "%.0f bytes", lambda one: one["during"]["kernel"]),
        ("memory of the processes a connection, both ends", "%.0f bytes", lambda one: one["during"]["processes"]),
        ("in all", "%.2f GB", lambda one: one["proof"]["held"] * (one["during"]["kernel"] + one["during"]["processes"]) / 1e9),
        ("an audit while they were held, against a ping (goal: 2)", "%.2f", lambda one: one["during"]["audit"]["ratio_median"]),
        (
            "retransmits, lost while they were held",
            "%d, %d",
            lambda one: (one["proof"]["losses"].get("RetransSegs", 0), one["proof"]["lost"]),
        ),
        ("the whole play", "%.0f s", lambda one: one["seconds"]),
    ]
    lines = ["| " + " | ".join([what, *(text % of(one) for one in runs)]) + " |" for what, text, of in rows]
    return [lines[0], "|---" * (len(runs) + 1) + "|", *lines[1:]]


def filled(one: dict[str, Any]) -> str:
    """Return what became of as many as the memory was predicted to hold."""
    proof, left = one["proof"], one["during"].get("available", 0)
    spent = (one["available"] - left) / proof["held"]
    bound = (one["available"] - one["reserve"]) / spent
    return (
        "As many as memory allows, less 2 %% (%s): with %.2f GB available and %.2f GB to stay, %s were predicted. "
        "%s were held in %.0f s (%s), and %.2f GB were left: %.0f bytes each, by which %s would have been the bound; "
        "the prediction is %.1f %% off (goal: 5 %%)."
        % (
            one["date"],
            one["available"] / 1e9,
            one["reserve"] / 1e9,
            grouped(one["predicted"]),
            grouped(proof["held"]),
            proof["seconds"],
            ", ".join("stopped by " + row["refusal"]["error"] for row in proof["paths"] if row["refusal"]) or "all that were asked for",
            left / 1e9,
            spent,
            grouped(round(bound)),
            100 * abs(one["predicted"] - bound) / bound,
        )
    )


def grouped(number: int) -> str:
    """Return a number with commas."""
    return "{:,}".format(number)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1_000_000, help="0: only the comparison")
    parser.add_argument("--fill", action="store_true", help="as many as the memory is predicted to hold")
    parser.add_argument("--compare", type=int, default=300_000, help="0: no comparison")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hold", type=int, default=45)
    parser.add_argument("--reserve", default="1.5G")
    parser.add_argument("--no-docs", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("told to end"))  # so that what was changed is set back
    kept = ROOT / ".build/million.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    found["machine"] = run.facts()
    if options.compare:
        found["compare"] = compare(options.compare, options.rounds)
    if options.fill:
        settled()
        available, listeners = gauge.Memory().available(), allowed(options.reserve, 1) // MOST + 1
        predicted = allowed(options.reserve, listeners)
        one = prove(predicted * 49 // 50, options)  # what Ansible itself takes meanwhile would have more refused
        one.update(available=available, predicted=predicted, reserve=human_to_bytes(options.reserve))
        found["filled"] = [one, *found.get("filled", [])][:KEPT]
    elif options.connections:
        runs = found.setdefault("proved", {}).setdefault(str(options.connections), [])
        runs.insert(0, prove(options.connections, options))
        del runs[KEPT:]
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found, indent=1) + "\n")
    print(text(found))
    page = ROOT / "docs/benchmarks.md"
    if not options.no_docs:
        before, _begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        page.write_text(before + BEGIN + "\n" + text(found) + "\n" + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
