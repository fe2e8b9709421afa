# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benches: ratios against a baseline in the same run. `make bench` writes .build/bench.json and docs/benchmarks.md.

usage: python tests/bench/run.py [--rounds N] [--pairs N] [--hosts N] [--only NAME ...] [--no-docs]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / ".build/live"), str(ROOT)])
os.environ.pop("PYTHONUNBUFFERED", None)  # a login has it not, and with it Python reads a module from its input byte by byte

from tests.bench import changes, figures, last_ports  # noqa: E402
from tests.tools.closure import closure  # noqa: E402

HERE = Path(__file__).parent
MODULE = ROOT / "plugins/modules/connection_limits_info.py"
PING, AUDIT = "ansible.builtin.ping", "c10m.front_tier.connection_limits_info"
FACTS, FEW = "community.general.listen_ports_facts", 1000  # FEW: connections of that comparison; its result has an entry for each socket
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
TIER, TIER_END = "<!-- tier -->", "<!-- /tier -->"


@contextlib.contextmanager
def holding(pairs: int) -> Iterator[list[str]]:
    """Hold `pairs` connections, both ends here, in a network namespace; give the command prefix that enters it."""
    command = ["unshare", "--net", sys.executable, str(HERE / "hold.py"), str(pairs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            said = holder.stdout.readline() if holder.stdout else ""
            if said.strip() != f"held {pairs}":
                raise SystemExit(f"the holder said {said!r}, not held {pairs}")
            yield ["nsenter", "--net", "--target", str(holder.pid)]
        finally:
            if holder.stdin:
                holder.stdin.close()
            holder.wait(120)


def play(
    tasks: list[dict[str, Any]], hosts: list[str] | None = None, inside: list[str] | None = None, more: dict[str, str] | None = None
) -> dict[str, list[float]]:
    """Return {name of a task: seconds of each turn}: one play, in which the tasks take turns; the first turn of each is not counted.

    `hosts` are lines of the inventory; one host that is this machine without.
    """
    with tempfile.TemporaryDirectory() as folder:
        book, times, inventory = Path(folder, "play.json"), Path(folder, "times"), Path(folder, "hosts")
        inventory.write_text("\n".join(hosts or [f"host ansible_python_interpreter={sys.executable}"]) + "\n")
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": tasks}]))
        settings = {
            "FT_BENCH_TIMES": str(times),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "bench_times",
            "ANSIBLE_FORKS": str(2 * (os.cpu_count() or 1)),
            "ANSIBLE_PIPELINING": "1",
            **(more or {}),
        }
        command = ["ansible-playbook", "-i", str(inventory), str(book)]
        done = subprocess.run(
            [*(inside or []), *command],
            env=dict(os.environ, **settings),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
        found: dict[str, list[float]] = {}
        for line in times.read_text().splitlines():
            row = json.loads(line)
            if row["failed"]:
                raise SystemExit(f"{row['task']} failed while it was measured")
            found.setdefault(row["task"], []).append(row["seconds"])
        return {name: seconds[1:] for name, seconds in found.items()}


def turns(rounds: int) -> list[dict[str, Any]]:
    """Return the tasks of an audit against a ping."""
    return [{"name": name, name: {}} for _dummy in range(rounds + 1) for name in (PING, AUDIT)]


def compared(found: dict[str, list[float]], what: str, baseline: str) -> dict[str, Any]:
    """Return minima, medians and their ratio."""
    rows = {name: {"min": min(times), "median": statistics.median(times)} for name, times in found.items()}
    return {
        "seconds": rows[what],
        "baseline": rows[baseline],
        "ratio_min": rows[what]["min"] / rows[baseline]["min"],
        "ratio_median": rows[what]["median"] / rows[baseline]["median"],
        "rounds": len(found[what]),
    }


def bench_idle(options: argparse.Namespace) -> dict[str, Any]:
    """The audit task against a ping task on an idle host."""
    return compared(play(turns(options.rounds)), AUDIT, PING)


def bench_holding(options: argparse.Namespace) -> dict[str, Any]:
    """The audit task against a ping task on a host that holds many sockets, with the default sample."""
    with holding(options.pairs) as inside:
        return dict(compared(play(turns(options.rounds), inside=inside), AUDIT, PING), sockets=2 * options.pairs)


def bench_count(options: argparse.Namespace) -> dict[str, Any]:
    """A full count of the sockets (sample: 0) against `ss -Htan | wc -l`, both as whole processes."""
    counting = "import sys, time; sys.path[:0] = %r; from tests.bench.count import main; main()" % [str(ROOT), str(ROOT / ".build/live")]
    found: dict[str, list[float]] = {"count": [], "ss": [], "in_process": []}
    with holding(options.pairs) as inside:
        for turn in range(options.rounds + 1):
            for name, command in (("ss", ["sh", "-c", "ss -Htan | wc -l"]), ("count", [sys.executable, "-c", counting])):
                begin = time.monotonic()
                done = subprocess.run([*inside, *command], check=True, capture_output=True, text=True)
                seconds = time.monotonic() - begin
                if turn and name == "count":
                    found["in_process"].append(json.loads(done.stdout)["seconds"])
                if turn:
                    found[name].append(seconds)
    each = {name: statistics.median(times) / (2 * options.pairs) * 1e6 for name, times in found.items()}
    result = compared(found, "in_process", "ss")
    whole = statistics.median(found["ss"]) / statistics.median(found["count"])
    return dict(result, sockets=2 * options.pairs, microseconds_each=each, faster=1 / result["ratio_median"], faster_whole_process=whole)


def bench_facts(options: argparse.Namespace) -> dict[str, Any]:
    """A task that counts all sockets (sample 0) against the usual facts module, listing each socket, and listing listeners only."""
    tasks = [
        {"name": "ping", PING: {}},
        {"name": "audit", AUDIT: {"sample": 0, "gather_subset": ["min"]}},
        {"name": "listeners", FACTS: {}},
        {"name": "sockets", FACTS: {"include_non_listening": True}},
    ]
    with holding(FEW) as inside:
        found = play(tasks * (options.rounds + 1), inside=inside, more=changes.environment())
    medians = {name: statistics.median(times) for name, times in found.items()}
    return {
        "all": compared(found, "audit", "sockets"),
        "listeners": compared(found, "audit", "listeners"),
        "cheaper": (medians["sockets"] - medians["ping"]) / (medians["audit"] - medians["ping"]),
        "sockets": 2 * FEW,
    }


def bench_memory(options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of the module as a process, at both ends of `sample`, on a host that holds many sockets and on an idle one."""
    found = {}
    with holding(options.pairs) as inside:
        for name, prefix, sample in (("idle", [], 20000), ("holding", inside, 20000), ("holding, sample 0", inside, 0)):
            arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"sample": sample}})
            measured = (
                "import resource, runpy, sys; import atexit; atexit.register(lambda: print(resource.getrusage("
                "resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); sys.argv = ['m', %r]; runpy.run_path(%r, run_name='__main__')"
            )
            command = [*prefix, sys.executable, "-c", measured % (arguments, str(MODULE))]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[name] = int(done.stderr.split()[-1]) / 1024
    return {"mebibytes": found, "sockets": 2 * options.pairs}


@contextlib.contextmanager
def fleet(hosts: int) -> Iterator[list[str]]:
    """Give the inventory lines of `hosts` hosts: namespaces and configuration folders of their own, entered by their interpreters."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        lines = []
        for number in range(hosts):
            host = running.enter_context(changes.standing())
            running.callback(host.kill)
            interpreter = Path(folder, f"python{number}")
            interpreter.write_text(f'#!/bin/sh\nexec {" ".join(changes.inside(host))} {sys.executable} "$@"\n')
            interpreter.chmod(0o755)
            lines.append(f"host{number} ansible_python_interpreter={interpreter}")
        yield lines


def bench_fleet(options: argparse.Namespace) -> dict[str, Any]:
    """The audit task, and host_config with nothing to change, against a ping task on 1, 10, ... hosts of one inventory."""
    growth: dict[int, dict[str, float]] = {}
    for hosts in [*(size for size in (1, 10, 50) if size < options.hosts), options.hosts]:
        rounds = options.rounds if hosts < 100 else min(2, options.rounds)
        with fleet(hosts) as lines:
            found = play(changes.fleet_rounds(rounds + 1, AUDIT), hosts=lines)
        growth[hosts] = {name: statistics.median(times) for name, times in found.items()}
    last = {name: compared(found, name, "ping") for name in ("audit", "apply")}
    return {"growth": growth, "hosts": options.hosts, **last}


def apart(script: str, *arguments: str) -> Any:
    """Return what a script of this folder prints as JSON, run in a network namespace of its own."""
    command = ["unshare", "--net", sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def bench_ports(options: argparse.Namespace) -> dict[str, Any]:
    """What a connect costs while the ports of one source run out, for each way to pick a port."""
    ways = [way for way in last_ports.WAYS if not way.startswith("HAProxy") or shutil.which("haproxy")]
    return {"ports": options.ports, "ways": {way: apart("last_ports.py", way, str(options.ports)) for way in ways}}


def bench_burst(_options: argparse.Namespace) -> dict[str, Any]:
    """Connections lost in a burst, for backlogs and values of somaxconn: predicted from the audit's listener, and seen."""
    cases = [(128, 4096), (511, 4096), (4096, 4096), (4096, 128), (65535, 4096), (65535, 65535)]
    return {"rows": [apart("burst.py", str(backlog), str(somaxconn), "8000") for backlog, somaxconn in cases]}


def bench_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Fifteen settings by kernel_settings, changed and unchanged, against a ping; and against a loop of the one-key module."""
    found = play(changes.settings_rounds(options.rounds + 1), inside=changes.apart(), more=changes.environment())
    medians = {name: statistics.median(times) for name, times in found.items()}
    return {
        "changed": compared(found, "changed", "ping"),
        "unchanged": compared(found, "unchanged", "ping"),
        "loop": compared(found, "loop", "ping"),
        "cheaper": (medians["loop"] - medians["ping"]) / (medians["changed"] - medians["ping"]),
        "keys": len(changes.KEYS),
    }


def bench_host(options: argparse.Namespace) -> dict[str, Any]:
    """A host's whole configuration in one call, and 1,024 addresses in one call, against a ping."""
    found = play(changes.host_rounds(options.rounds + 1), inside=changes.apart())
    return {"everything": compared(found, "everything", "ping"), "addresses": compared(found, "many addresses", "ping")}


def bench_policy(options: argparse.Namespace) -> dict[str, Any]:
    """The ready policies over 1,000 recorded audits: the filter alone, and the playbook as a whole against a play that does nothing."""
    from tests.bench import policies  # it imports the collection, which PYTHONPATH gives to whoever ran `make bench`

    found, size = policies.seconds(options.rounds)
    return dict(compared(found, "playbook", "nothing"), filter=statistics.median(found["filter"]), kilobytes=size)


def bench_plan(options: argparse.Namespace) -> dict[str, Any]:
    """A plan for a million connections over three tiers and recorded hosts, against reading these hosts."""
    from tests.bench import plan  # as bench_policy does

    return dict(compared(plan.seconds(plan.HOSTS, options.rounds), "plan", "read"), hosts=plan.HOSTS)


def bench_tier(_options: argparse.Namespace) -> dict[str, Any]:
    """A whole tier of containers with the real programs, scaled by the playbook and filled: what each hop holds."""
    from tests.bench import tier  # it needs the example beside the tests

    found = tier.measure()
    if found["faults"]:
        print("\n".join(found["faults"]), file=sys.stderr)
    return found


def bench_scale(options: argparse.Namespace) -> dict[str, Any]:
    """The playbook scale on 2 and 8 hosts, with everything to change and with nothing, against a play of a ping; whole processes."""
    from tests.bench import scale

    rows = {}
    for hosts in (2, 8):
        with fleet(hosts) as lines:
            rows[hosts] = scale.seconds(lines, min(options.rounds, 3))
    return {"hosts": rows}


def bench_size(_options: argparse.Namespace) -> dict[str, Any]:
    """The size of what modules import, which travels to each host, and what it takes to compile all of it."""
    found = {}
    for module in (MODULE.stem, "kernel_settings", "host_config"):
        files = closure(MODULE.with_name(module + ".py"))
        texts = [path.read_text(encoding="utf-8") for path in files]
        begin = time.process_time()
        for path, text in zip(files, texts):
            compile(text, str(path), "exec")
        lines = sum(len(text.splitlines()) for text in texts)
        found[module] = {"files": len(files), "lines": lines, "compile_seconds": time.process_time() - begin}
    return found


BENCHES = {
    "size": bench_size,
    "idle": bench_idle,
    "holding": bench_holding,
    "count": bench_count,
    "facts": bench_facts,
    "memory": bench_memory,
    "settings": bench_settings,
    "host": bench_host,
    "ports": bench_ports,
    "burst": bench_burst,
    "plan": bench_plan,
    "policy": bench_policy,
    "fleet": bench_fleet,
    "scale": bench_scale,
    "tier": bench_tier,
}


def facts() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "date": datetime.date.today().isoformat(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "ansible": subprocess.run(["ansible", "--version"], check=True, capture_output=True, text=True).stdout.split("]")[0].split("[")[1],
    }


def table(results: dict[str, Any]) -> str:
    """Return the Markdown table of what was measured."""
    machine = results["machine"]
    lines = [
        "Measured on %(date)s: kernel %(kernel)s, %(processors)s processors, %(memory_gb)s GB, Python %(python)s, %(ansible)s." % machine,
        "",
        "| what | ratio of medians | ratio of minima | median | baseline's median | rounds | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    goals = {
        "idle": ("audit against ping, idle host", "1.2"),
        "holding": ("audit against ping, %(sockets)d sockets held", "1.4"),
        "count": ("full count in the module against `ss -Htan \\| wc -l`, %(sockets)d sockets", "0.5"),
    }
    measured = [(text, goal, results[name]) for name, (text, goal) in goals.items() if name in results]
    if "facts" in results:
        sockets = results["facts"]["sockets"]
        text = "task: full count in the module against `listen_ports_facts`, %d sockets, %s"
        measured.append((text % (sockets, "all of them"), "", results["facts"]["all"]))
        measured.append((text % (sockets, "which lists the listeners only"), "", results["facts"]["listeners"]))
    if "settings" in results:
        goals_of = {
            "changed": ("%d settings changed", "1.35"),
            "unchanged": ("%d settings unchanged", "1.25"),
            "loop": ("%d one-key tasks", ""),
        }
        keys = results["settings"]["keys"]
        measured += [(text % keys + ", against ping", goal, results["settings"][name]) for name, (text, goal) in goals_of.items()]
    if "host" in results:
        text = "host_config: 20 settings, ports, 4 units, 64 addresses, against ping"
        measured.append((text, "2", results["host"]["everything"]))
        measured.append(("1,024 addresses added or taken away, against ping", "3 s above", results["host"]["addresses"]))
    if "fleet" in results:
        hosts = results["fleet"]["hosts"]
        measured.append(("audit against ping, %d hosts" % hosts, "1.3", results["fleet"]["audit"]))
        measured.append(("host_config with nothing to change against ping, %d hosts" % hosts, "", results["fleet"]["apply"]))
    for text, goal, row in measured:
        times = (row["seconds"]["median"], row["baseline"]["median"])
        ratios = (row["ratio_median"], row["ratio_min"])
        lines.append("| %s | %.2f | %.2f | %.3f s | %.3f s | %d | %s |" % (text % row, *ratios, *times, row["rounds"], goal))
    lines += ["", *_sentences(results)]
    for name, tell in (("ports", _ports_table), ("burst", _burst_table), ("fleet", _fleet_table)):
        if name in results:
            lines += ["", *tell(results[name]), "", f"![{name}](figures/{name}.svg)"]
    return "\n".join(lines)


def _sentences(results: dict[str, Any]) -> list[str]:
    lines = []
    if "count" in results:
        each = results["count"]["microseconds_each"]
        lines.append(
            "A full count costs %(in_process).2f microseconds a socket in the module, `ss` %(ss).2f; "
            "as whole processes %(count).2f against %(ss).2f." % each
        )
    if "facts" in results:
        lines.append(
            "Above a ping, a task that counts %(sockets)d sockets costs 1/%(cheaper).0f of `community.general.listen_ports_facts` "
            "with `include_non_listening`, which returns an entry for each." % results["facts"]
        )
    if "settings" in results:
        lines.append("Above a ping, all at once cost 1/%.0f of a loop of one-key tasks (goal: 1/10)." % results["settings"]["cheaper"])
    if "memory" in results:
        sizes = ", ".join("%s %.0f MiB" % item for item in results["memory"]["mebibytes"].items())
        lines.append("Peak memory of the module's process: %s (%d sockets; goal: 60 MiB)." % (sizes, results["memory"]["sockets"]))
    if "plan" in results:
        lines.append(
            "A plan for 1,000,000 connections over three tiers and %d recorded hosts: %.2f s of processor time (goal: 2 s), "
            "reading them %.2f s." % (results["plan"]["hosts"], results["plan"]["seconds"]["median"], results["plan"]["baseline"]["median"])
        )
    if "policy" in results:
        lines.append(
            "The ready policies over 1,000 recorded audits of %(kilobytes).0f kB each: the filter %(filter).2f s (goal: 3 s)"
            % results["policy"]
            + "; the playbook, from its start to its end, %.2f s, of which a play over as many hosts that does nothing takes %.2f s."
            % (results["policy"]["seconds"]["median"], results["policy"]["baseline"]["median"])
        )
    if "size" in results:
        text = "`%s` %d files of %d lines, all of them compiled in %.3f s"
        sizes = [text % (name, *(one[key] for key in ("files", "lines", "compile_seconds"))) for name, one in results["size"].items()]
        lines.append("What travels to a host with a module: %s." % "; ".join(sizes))
    return lines


def _ports_table(result: dict[str, Any]) -> list[str]:
    lines = ["Microseconds of a connect when that share of the %d ports of a source is taken (medians over 1 %%):" % result["ports"], ""]
    lines += ["| way to pick the port | 10 % | 50 % | 90 % | 99 % | 100 % |", "|---|---|---|---|---|---|"]
    for way, found in result["ways"].items():
        lines.append("| %s | %s |" % (way, " | ".join("%.0f" % found["share"][at - 1] for at in (10, 50, 90, 99, 100))))
    return lines


def _burst_table(result: dict[str, Any]) -> list[str]:
    lines = ["A burst of %d connects to a program that does not accept meanwhile:" % result["rows"][0]["connects"], ""]
    lines += ["| backlog asked for | somaxconn | predicted | kept | lost | ListenOverflows |", "|---|---|---|---|---|---|"]
    row = "| %(backlog)d | %(somaxconn)d | %(predicted)d | %(kept)d | %(lost)d | %(overflows)d |"
    return lines + [row % found for found in result["rows"]]


def _fleet_table(result: dict[str, Any]) -> list[str]:
    lines = ["Seconds of a task over all hosts of an inventory, local connections, two forks a processor (medians):", ""]
    lines += ["| hosts | ping | audit | host_config with nothing to change |", "|---|---|---|---|"]
    return lines + [
        "| %s | %.2f | %.2f | %.2f |" % (hosts, row["ping"], row["audit"], row["apply"]) for hosts, row in result["growth"].items()
    ]


def tier_part(results: dict[str, Any]) -> str:
    """Return what the benches of a whole tier and of the playbook scale say, as Markdown; nothing where neither was measured."""
    from tests.bench import scale, tier

    parts = [module.table(results[name]) for name, module in (("tier", tier), ("scale", scale)) if name in results]
    when = "Measured on %(date)s: kernel %(kernel)s, %(processors)s processors, %(memory_gb)s GB, at most %(descriptors)d files a process."
    return "\n\n".join([when % results["machine"], *("\n".join(part) for part in parts)]) if parts else ""


def main() -> None:
    """Run the benches that were asked for, print the table, keep the JSON, and put the table into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description="Measure speed and memory as ratios.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=150000, help="connections that are held, both ends here")
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--ports", type=int, default=8000, help="ports of the one source that run out")
    parser.add_argument("--only", nargs="*", choices=sorted(BENCHES), default=list(BENCHES))
    parser.add_argument("--no-docs", action="store_true", help="leave docs/benchmarks.md as it is")
    options = parser.parse_args()
    kept = ROOT / ".build/bench.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    results["machine"] = facts()
    for name in BENCHES:
        if name in options.only:
            print(f"bench {name} ...", flush=True)
            results[name] = BENCHES[name](options)
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps(results, indent=1) + "\n")
    text = table(results)
    print(text)
    if not options.no_docs:
        figures.draw(results, ROOT / "docs/figures")
    page = ROOT / "docs/benchmarks.md"
    if not options.no_docs and page.exists():
        for begin, end, part in ((BEGIN, END, text), (TIER, TIER_END, tier_part(results))):
            if part and begin in page.read_text():
                before, rest = page.read_text().split(begin)
                page.write_text(before + begin + "\n" + part + "\n" + end + rest.split(end)[1])


if __name__ == "__main__":
    main()
