# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection against real kernels and real boots: `run.py --quick` or `run.py --all`.

On each release's own kernel: the truth cases (predicted connections against a dialler's), a change that lasts over a boot and
can be taken back, and boot cases: the audit predicts the boot values of files just written, the machine reboots, and each
prediction is held against what is there.
Exit status: 0, 1 where something differs, 77 where this machine lacks what it takes (nothing was run).
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import apply_cases
import boot_cases
import images
from boot_cases import Case
from compare import Row, as_text, compare_live, compare_predictions, is_absent, real, session_nofile
from machine import WORK, CommandError, Machine, MachineError
from remote import audit, observe

HERE = Path(__file__).resolve().parent
PROJECT = images.PROJECT
NOT_RUN = 77
RELEASES = ("bullseye", "bookworm", "trixie")
COLLECTION = "/root/ft/ansible_collections/c10m/front_tier"
TRUTH_SECONDS = 1800.0
MOST_BATCHES = 10


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
    which.add_argument("--quick", action="store_true", help="one release from a snapshot, a change over one real reboot (the default)")
    which.add_argument("--all", action="store_true", help="each release from a cold boot, all cases")
    parser.add_argument("--suite", action="append", choices=sorted(images.KERNELS), help="only this release (repeatable)")
    parser.add_argument("--with", dest="more", action="append", choices=["sid"], default=[], help="this release as well")
    parser.add_argument("--cases", type=int, help="truth cases on each kernel; 0 leaves them out")
    parser.add_argument("--seed", type=int, default=_number("SEED"), help="of the truth cases; a fresh one without")
    parser.add_argument("--boot-case", action="append", choices=[case.name for case in boot_cases.CASES] + ["none"])
    parser.add_argument("--apply", action=argparse.BooleanOptionalAction, default=True, help="changes by the collection over real boots")
    options = parser.parse_args()
    options.suites = (options.suite or list(RELEASES if options.all else ("bookworm",))) + options.more
    if options.cases is None:
        options.cases = (_number("CASES") or 200) if options.all else 20
    wanted = options.boot_case or [case.name for case in (boot_cases.CASES if options.all else ())]
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
        with Machine(image, boot_cases.COMMAND_LINE, restore=not options.all) as machine:
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

    def apply(row: Row) -> None:
        apply_cases.check(machine, row, quick=not options.all)

    if options.cases:
        yield truth
    if options.apply or options.boot_cases:
        machine.run("useradd --create-home %s; cp -p /etc/sysctl.conf /root/ 2>/dev/null || true" % boot_cases.USER)
    if options.apply:
        yield apply
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
    services = sorted({*case.services, boot_cases.PLAIN})
    before = audit(machine, services)
    names = [entry["name"] for entry in before["limits"] if "." in entry["name"]]
    _say("%s: %s: rebooted in %.0f s" % (row.suite, case.name, machine.reboot()))
    asked = {
        "sysctls": sorted({*names, *case.values, *case.not_the_value}),
        "services": services,
        "users": [boot_cases.USER],
        "interface": boot_cases.LATE_INTERFACE,
    }
    seen = observe(machine, asked)
    kept = {"before": before, "seen": seen}
    (WORK / ("%s-%s.json" % (row.suite, case.name))).write_text(json.dumps(kept, indent=1))
    compare_predictions(row, before, seen)
    compare_case(row, case, before, seen)
    compare_live(row, audit(machine, services), seen)


def compare_case(row: Row, case: Case, before: dict[str, Any], seen: dict[str, Any]) -> None:
    """Check what the case is about: its traps closed on this release, and the audit saw where the values come from."""
    limits = {entry["name"]: entry for entry in before["limits"] if "subject" not in entry}
    sources = 0
    for name, value in case.values_on(row.suite).items():
        row.expect(real(seen, name) == value, "%s: is %s; this case was to make it %s" % (name, real(seen, name), value))
        if name not in limits:
            continue
        boot = limits[name]["boot"]
        wanted = case.source_of(name, value)
        row.expect(not is_absent(boot["value"]) or wanted is None, "%s: no prediction: %s" % (name, boot["value"]))
        row.expect(boot.get("source") == wanted, "%s: decided by %s, predicted %s" % (name, wanted, boot.get("source")))
        sources += 1
    for name, value in case.not_the_value.items():
        row.expect(seen["later"].get(name) not in (None, value), "%s: is %s; this case was to lose it" % (name, real(seen, name)))
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
