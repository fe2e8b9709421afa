# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit against real kernels and real boots: `run.py --quick` or `run.py --all`.

On each release's own kernel: the truth cases (predicted connections against a dialler's), and boot cases: the audit
predicts the boot values of files just written, the machine reboots, and each prediction is held against what is there.
Exit status: 0, 1 where something differs, 77 where this machine lacks what it takes (nothing was run).
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boot_cases
import images
from boot_cases import Case
from machine import WORK, CommandError, Machine, MachineError

HERE = Path(__file__).resolve().parent
PROJECT = images.PROJECT
NOT_RUN = 77
RELEASES = ("bullseye", "bookworm", "trixie")
COLLECTION = "/root/ft/ansible_collections/c10m/front_tier"
TRUTH_SECONDS = 1800.0
MOST_BATCHES = 10
LATE_INTERFACE = "lan9"
# Counts and the like: right when read, other a second later.
MOVING = ("net.netfilter.nf_conntrack_count",)


@dataclass
class Row:
    """One line of the table: what was checked on which kernel, how often it held, and what did not."""

    suite: str
    kernel: str
    check: str
    passed: int = 0
    seconds: float = 0.0
    note: str = ""
    failures: list[str] = field(default_factory=list)

    def expect(self, right: bool, message: str) -> None:
        """Count one comparison."""
        if right:
            self.passed += 1
        else:
            self.failures.append(message)


def main() -> int:
    """Run from the command line."""
    options = _options()
    missing = images.missing_packages()
    if missing:
        print("not run: virtual machines need the Debian packages %s\n  apt-get install %s" % (", ".join(missing), " ".join(missing)))
        return NOT_RUN
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    started = time.monotonic()
    rows: list[Row] = []
    try:
        for suite in options.suites:
            rows += _run_suite(suite, options, seed)
    except images.Unavailable as error:
        print("not run: %s" % error)
        return NOT_RUN
    _print_table(rows)
    failed = sum(len(row.failures) for row in rows)
    print("%s; seed %d, %.0f s" % (", ".join(options.suites), seed, time.monotonic() - started))
    print("%d passed, %d failed" % (sum(row.passed for row in rows), failed))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the audit against real kernels and real boots in virtual machines.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="one release from a snapshot, few cases, one real reboot (the default)")
    which.add_argument("--all", action="store_true", help="each release from a cold boot, all cases")
    parser.add_argument("--suite", action="append", choices=sorted(images.KERNELS), help="only this release (repeatable)")
    parser.add_argument("--with", dest="more", action="append", choices=["sid"], default=[], help="this release as well")
    parser.add_argument("--cases", type=int, help="truth cases on each kernel; 0 leaves them out")
    parser.add_argument("--seed", type=int, default=_number("SEED"), help="of the truth cases; a fresh one without")
    parser.add_argument("--boot-case", action="append", choices=[case.name for case in boot_cases.CASES] + ["none"])
    options = parser.parse_args()
    options.suites = (options.suite or list(RELEASES if options.all else ("bookworm",))) + options.more
    if options.cases is None:
        options.cases = (_number("CASES") or 200) if options.all else 20
    wanted = options.boot_case or [case.name for case in (boot_cases.CASES if options.all else (boot_cases.QUICK,))]
    options.boot_cases = [case for case in boot_cases.CASES if case.name in wanted]
    return options


def _number(name: str) -> int | None:
    """Return a variable of the environment, as make passes it on: empty is unset."""
    return int(os.environ[name]) if os.environ.get(name) else None


def _run_suite(suite: str, options: argparse.Namespace, seed: int) -> list[Row]:
    """Start one machine of a release and run everything in it; trouble of the testbed is a failed row of its own."""
    rows: list[Row] = []
    boot = Row(suite, "", "machine")
    try:
        image = _timed(boot, lambda: images.build(suite))
        with Machine(image, boot_cases.COMMAND_LINE, restore=options.quick) as machine:
            boot.kernel = machine.run("uname -r").stdout.strip()
            boot.expect(boot.kernel.startswith(images.KERNELS[suite]), "kernel %s is not %s's" % (boot.kernel, suite))
            _say("%s: kernel %s" % (suite, boot.kernel))
            for check in _checks(machine, options, seed):
                row = Row(suite, boot.kernel, check.__name__)
                rows.append(row)
                try:
                    _timed(row, functools.partial(check, row))
                except (LookupError, TypeError, ValueError) as error:  # an answer of another shape than promised
                    row.failures.append("".join(traceback.format_exception(error)[-2:]))
                _say("%s: %s: %d passed, %d failed, %.0f s" % (suite, row.check, row.passed, len(row.failures), row.seconds))
                for failure in row.failures:
                    _say("FAILED %s %s: %s" % (suite, row.check, failure))
            boot.note = "restarted by the testbed: %d" % machine.restarts if machine.restarts else ""
    except (MachineError, CommandError, subprocess.CalledProcessError) as error:
        boot.failures.append("testbed: %s" % error)
        _say("FAILED %s: %s" % (suite, boot.failures[0]))
    return [boot, *rows]


def _timed(row: Row, action: Callable[[], Any]) -> Any:
    started = time.monotonic()
    try:
        return action()
    finally:
        row.seconds += time.monotonic() - started


def _checks(machine: Machine, options: argparse.Namespace, seed: int) -> Iterable[Callable[[Row], None]]:
    def truth(row: Row) -> None:
        _check_truth(machine, options.cases, seed, row)

    if options.cases:
        yield truth
    if options.boot_cases:
        machine.run("useradd --create-home %s; cp -p /etc/sysctl.conf /root/ 2>/dev/null || true" % boot_cases.USER)
    for case in options.boot_cases:

        def boot(row: Row, case: Case = case) -> None:
            row.check = "boot: " + case.name
            _check_boot(machine, case, row)

        yield boot


# Truth


def _check_truth(machine: Machine, cases: int, seed: int, row: Row) -> None:
    """Run the truth cases inside the machine: the same program as `make truth`, on this kernel."""
    machine.run("rm -rf /root/ft")
    machine.put({COLLECTION + "/plugins": PROJECT / "plugins", COLLECTION + "/tests/truth": PROJECT / "tests" / "truth"})
    done = skipped = held = 0
    for batch in range(MOST_BATCHES):
        if done >= cases:
            break
        summary = _truth_batch(machine, max(cases - done, 10), seed + batch)
        done, skipped, held = done + summary["cases"], skipped + summary["skipped"], held + summary["held"]
        row.passed += summary["cases"] - summary["mismatches"]
        row.failures += ["seed %d: %s" % (seed + batch, json.dumps(one)) for one in summary["failed"]]
    row.note = "seeds %d to %d, %d connections held, %d skipped" % (seed, seed + batch, held, skipped)
    if done < cases:
        row.failures.append("truth: only %d cases could be run, %d were skipped" % (done, skipped))


def _truth_batch(machine: Machine, cases: int, seed: int) -> dict[str, Any]:
    """Return the summary of one run; what an old kernel cannot show is skipped there, so one run may not be enough."""
    # A login gets 1024 descriptors, a case of many pairs holds thousands of connections.
    command = "ulimit -n 20000; cd /root/ft && PYTHONPATH=/root/ft python3 %s/tests/truth/cases.py --cases %d --seed %d --json"
    done = machine.run(command % (COLLECTION, cases, seed), check=False, seconds=TRUTH_SECONDS)
    try:
        summary = dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except (ValueError, IndexError) as error:
        raise CommandError("truth: status %d: %s" % (done.returncode, (done.stdout + done.stderr)[-2000:])) from error
    if (done.returncode != 0) != bool(summary["mismatches"] or not summary["cases"]):
        raise CommandError("truth: status %d does not fit %s" % (done.returncode, summary))
    return summary


# Boot values


def _check_boot(machine: Machine, case: Case, row: Row) -> None:
    """Write a case's files in place of those of the case before, let the audit predict, reboot, and compare."""
    others = " ".join("'%s'" % path for other in boot_cases.CASES for path in other.files)
    machine.run("rm -f %s; [ ! -e /root/sysctl.conf ] || cp -p /root/sysctl.conf /etc/" % others)
    machine.put(case.files)
    before = _audit(machine, case)
    names = [entry["name"] for entry in before["limits"] if "." in entry["name"]]
    _say("%s: %s: rebooted in %.0f s" % (row.suite, case.name, machine.reboot()))
    seen = _observe(machine, case, names)
    kept = {"before": before, "seen": seen}
    (WORK / ("%s-%s.json" % (row.suite, case.name))).write_text(json.dumps(kept, indent=1))
    compare_predictions(row, before, seen)
    compare_case(row, case, before, seen)
    compare_live(row, _audit(machine, case), seen)


def _audit(machine: Machine, case: Case) -> dict[str, Any]:
    """Return what connection_limits_info says of the machine, by Ansible over ssh as a user runs it."""
    inventory = machine.folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"vm": machine.inventory()}}}))
    beside = Path(sys.executable).with_name("ansible")
    program = str(beside) if beside.exists() else shutil.which("ansible") or "ansible"
    arguments = json.dumps({"services": sorted({*case.services, "ft-plain.service"})})
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build" / "live"),
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_SSH_RETRIES": "3",
        "LC_ALL": "C.UTF-8",
    }
    command = [program, "vm", "-i", str(inventory), "-m", "c10m.front_tier.connection_limits_info", "-a", arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired as error:
        raise MachineError("the audit of %s did not end within 180 s" % machine.image.suite) from error
    _status, _arrow, result = done.stdout.partition("=> ")
    try:
        return dict(json.loads(result))
    except ValueError as error:
        raise CommandError("the audit of %s failed: %s%s" % (machine.image.suite, done.stdout[-2000:], done.stderr[-2000:])) from error


def _observe(machine: Machine, case: Case, names: Iterable[str]) -> dict[str, Any]:
    asked = {
        "sysctls": sorted({*names, *case.values, *case.not_the_value}),
        "services": sorted({*case.services, "ft-plain.service"}),
        "users": [boot_cases.USER],
        "interface": LATE_INTERFACE,
    }
    machine.put({"/root/observe.py": HERE / "observe.py"})
    return dict(json.loads(machine.run("python3 /root/observe.py", json.dumps(asked)).stdout))


def compare_predictions(row: Row, before: dict[str, Any], seen: dict[str, Any]) -> None:
    """Hold every boot value that was predicted against what the boot left; what the audit did not know is counted."""
    left_open = 0
    manager = {"soft": seen["manager"]["DefaultLimitNOFILESoft"], "hard": seen["manager"]["DefaultLimitNOFILE"]}
    for entry in before["limits"]:
        name, boot = entry["name"], entry["boot"]
        if _absent(boot["value"]):
            left_open += 1
        elif name == "DefaultLimitNOFILE":
            row.expect(boot["value"] == manager, "%s: predicted %s, is %s" % (name, boot["value"], manager))
        elif "." in name and name not in MOVING and _real(seen, name) is not None:
            predicted, real = as_text(boot["value"]), _real(seen, name)
            row.expect(predicted == real, "%s: predicted %s (%s), is %s" % (name, predicted, boot.get("source"), real))
    for service in before["services"]:
        files, pair = service.get("boot", {}).get("nofile"), seen["services"].get(service["name"])
        if pair and files is None:
            row.failures.append("%s: the audit gives no boot value" % service["name"])
        elif pair and not _absent(files):
            row.expect([files["soft"], files["hard"]] == pair, "%s: nofile predicted %s, is %s" % (service["name"], files, pair))
    row.note = "%d predictions, %d left open" % (row.passed + len(row.failures), left_open)


def compare_case(row: Row, case: Case, before: dict[str, Any], seen: dict[str, Any]) -> None:
    """Check what the case is about: its traps closed on this release, and the audit saw where the values come from."""
    limits = {entry["name"]: entry for entry in before["limits"] if "subject" not in entry}
    sources = 0
    for name, value in case.values_on(row.suite).items():
        row.expect(_real(seen, name) == value, "%s: is %s; this case was to make it %s" % (name, _real(seen, name), value))
        if name not in limits:
            continue
        boot = limits[name]["boot"]
        wanted = case.source_of(name, value)
        row.expect(not _absent(boot["value"]) or wanted is None, "%s: no prediction: %s" % (name, boot["value"]))
        row.expect(boot.get("source") == wanted, "%s: decided by %s, predicted %s" % (name, wanted, boot.get("source")))
        sources += 1
    for name, value in case.not_the_value.items():
        row.expect(seen["later"].get(name) not in (None, value), "%s: is %s; this case was to lose it" % (name, _real(seen, name)))
        boot = limits[name]["boot"]
        row.expect(as_text(boot["value"]) != value, "%s: predicted %s, which is lost" % (name, value))
        row.expect(bool(boot.get("lost")), "%s: the audit does not say that it is lost: %s" % (name, boot))
    for unit, pair in case.services.items():
        row.expect(seen["services"][unit] == list(pair), "%s: nofile is %s, not %s" % (unit, seen["services"][unit], pair))
    for user, pair in case.users.items():
        row.expect(seen["users"][user] == list(pair), "%s: nofile is %s, not %s" % (user, seen["users"][user], pair))
        predicted = session_nofile(before["limits"], user)
        row.expect(predicted == list(pair), "%s: nofile of a session predicted %s, is %s" % (user, predicted, list(pair)))
    row.note += ", %d sources" % sources


def compare_live(row: Row, after: dict[str, Any], seen: dict[str, Any]) -> None:
    """Hold the values that the audit reads after the boot against what the kernel shows."""
    for entry in after["limits"]:
        name = entry["name"]
        if "." in name and name not in MOVING and name in seen["later"]:
            real = seen["later"][name]
            read = None if _absent(entry["value"]) else as_text(entry["value"])
            row.expect(read == real, "%s: read %s, is %s" % (name, entry["value"], real))


def session_nofile(limits: list[dict[str, Any]], user: str) -> list[Any]:
    """Return [soft, hard] of a user's next session: his own rule, else that of everyone."""
    rules = {entry["subject"]: entry["boot"]["value"] for entry in limits if entry["name"] == "nofile"}
    found = []
    for side in ("soft", "hard"):
        values = [rules[who][side] for who in (user, "*") if who in rules and not _absent(rules[who][side])]
        found.append(values[0] if values else None)
    return found


def as_text(value: Any) -> str:
    """Return a limit's value as /proc/sys shows it, blanks folded."""
    if isinstance(value, list):
        return (" " if all(isinstance(item, int) for item in value) else ",").join(str(item) for item in value)
    return " ".join(str(value).split())


def _real(seen: dict[str, Any], name: str) -> str | None:
    """Return what the boot left; for what came with a later module or device, what it had then."""
    value: str | None = seen["boot"].get(name)
    return seen["later"].get(name) if value is None else value


def _absent(value: Any) -> bool:
    return isinstance(value, dict) and "absent" in value


# Output


def _say(line: str) -> None:
    print("  " + line, file=sys.stderr, flush=True)


def _print_table(rows: list[Row]) -> None:
    print("\n%-9s %-24s %-13s %7s %7s %8s  %s" % ("release", "kernel", "check", "passed", "failed", "seconds", "note"))
    for row in rows:
        cells = (row.suite, row.kernel, row.check, row.passed, len(row.failures), row.seconds, row.note)
        print("%-9s %-24s %-13s %7d %7d %8.0f  %s" % cells)


if __name__ == "__main__":
    sys.exit(main())
