#!/usr/bin/env python3
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scale a front tier of nine containers and prove it: found, filled, audited, planned, scaled, filled again. `make demo` runs this.

What it prints ends with a table: what each hop was predicted to hold and what it held. The same is in .build/demo/result.json, and
.build/demo/log has all that Ansible said. KEEP=1 leaves the containers; --remove takes them away.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / ".build/demo"
LOCK = "/run/lock/front-tier-demo"  # the names of containers and networks are fixed: one demo at a time
RELEASE = "bookworm"
BESIDE = ("iproute2", "procps", "util-linux")  # what is used beside the packages that images.py names
PLAN = "front-tier-plan.json"
TAIL = 30  # lines of the log that a failure shows


class Failed(Exception):
    """A step that did not work; the message says which and what it said."""


class Ansible:
    """Ansible on the demo's inventory, with all that it says in a log."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(OUT / "facts"),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "molecule/connection_plugins"),
        }

    def play(self, playbook: str | Path, **variables: Any) -> None:
        """Run a playbook with further variables. Raises Failed with the end of the log."""
        given = {"front_tier_report_dir": str(OUT / "report"), **variables}
        words = ["ansible-playbook", "-i", str(HERE / "inventory"), "-i", str(HERE / "testbed/containers.yml"), "-e", json.dumps(given)]
        with open(OUT / "log", "ab") as log:
            # a session of its own: Ctrl-C reaches this process alone, which then ends that one and cleans up
            self.child = subprocess.Popen([*words, str(playbook)], env=self.environment, stdout=log, stderr=log, start_new_session=True)
            status = self.child.wait()
        self.child = None
        if status:
            said = (OUT / "log").read_text(errors="replace").splitlines()[-TAIL:]
            raise Failed("\n".join([*said, f"{playbook} ended with status {status}; all of it is in {OUT / 'log'}."]))

    def stop(self) -> None:
        """End a playbook that is under way."""
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
            self.child.wait()


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Print a step, and when it is done its seconds."""
    print(f"  {what:<72}", end="", flush=True)
    begin = time.monotonic()
    yield
    print(f"{time.monotonic() - begin:>6.0f} s", flush=True)


def need_machine() -> None:
    """Install what is missing on this machine, and build the image where it is not there. Raises Failed."""
    images = ROOT / "molecule/testbed/images.py"
    if os.geteuid() != 0:
        raise Failed("make demo starts containers with networks of their own, which needs root. Nothing was done; run it as root.")
    missing = subprocess.run([sys.executable, images, "--missing"], check=True, capture_output=True, text=True).stdout.split()
    for command in (["sh", ROOT / "tests/tools/apt.sh", *BESIDE, *missing], [sys.executable, images, RELEASE]):
        if subprocess.run(command, check=False, cwd=ROOT).returncode:
            raise Failed("What the containers need is not there; see above.")


def predict(hop: dict[str, Any], fleet: dict[str, list[str]], caps: dict[str, dict[str, Any]]) -> tuple[int, str]:
    """Return what a hop is predicted to hold, and what binds it: the kernel's capacity, or the caps that HAProxy was given.

    hop: of a plan from the audits of now; fleet: {tier: its hosts}; caps: {host: {process, lines}}, None where nothing is capped.
    """
    found = [(int(hop["now"]), str(hop["binding"]))]
    for tier, kinds in ((hop["from"], ("process", "lines")), (hop["to"], ("process",))):
        for kind in kinds:
            each = [(caps.get(host) or {}).get(kind) for host in fleet.get(tier, [])]
            if each and None not in each:
                found.append((sum(each), {"process": "maxconn", "lines": "maxconn of the lines"}[kind]))
    return min(found, key=lambda one: one[0])


def as_found(hop: dict[str, Any], fleet: dict[str, list[str]], audits: dict[str, Any]) -> int:
    """Return what a hop was predicted to hold as it was found: the paths that its hosts dialled then, by their audits."""
    return sum(int(path["connections"]) for host in fleet[hop["from"]] for path in audits[host]["paths"])


def result(fleet: dict[str, list[str]], audits: dict[str, Any], plan: dict[str, Any], filled: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the demo as plain data.

    audits: {host: its audit as found}; plan: from the audits after the change; filled: {before, after}, each what fill.yml kept.
    """
    hops = []
    for hop in plan["hops"]:
        diallers = {**hop, "from": "clients"} if hop["from"] not in fleet else hop
        held = {when: sum(seen["held"][host] for host in fleet[diallers["from"]]) for when, seen in filled.items()}
        predicted, binding = predict(hop, fleet, filled["after"]["caps"])
        hops.append(
            {
                "name": hop["name"],
                "from": hop["from"],
                "to": hop["to"],
                "before": held["before"],
                "before_predicted": as_found(diallers, fleet, audits),
                "predicted": predicted,
                "held": held["after"],
                "binding": binding,
            }
        )
    own = {row["address"].partition("/")[0]: host for host in fleet["clients"] for row in audits[host]["addresses"]}
    sees = {when: {host: sorted({one.split()[-1] for one in said}) for host, said in seen["origins_see"].items()} for when, seen in filled.items()}
    programs = {one.split()[0] for said in filled["after"]["origins_see"].values() for one in said}
    return {
        "hops": hops,
        "origin_sees": sees,
        "origins": sorted(programs),
        "origin_sees_client": all([own.get(one) for one in seen] == [host] for host, seen in sees["after"].items()),
    }


def faults(found: dict[str, Any]) -> list[str]:
    """Return, in words, what is not as promised."""
    wrong = []
    for hop in found["hops"]:
        for when, predicted, held in (("before", "before_predicted", "before"), ("after", "predicted", "held")):
            if hop[predicted] != hop[held]:
                wrong.append(f"{hop['name']}, {when}: {hop[predicted]} predicted, {hop[held]} held.")
    if found["origins"] != ["Varnish", "nginx"]:
        wrong.append(f"Answers came from {' and '.join(found['origins'])}, and nginx and Varnish were to answer.")
    if not found["origin_sees_client"]:
        wrong.append(f"The origins see {found['origin_sees']['after']}, and were to see each client.")
    return wrong


def show(found: dict[str, Any]) -> None:
    """Print the result as a table."""
    print(f"\n  {'':32}{'as found':^22}{'scaled':^24}")
    print(f"  {'hop':<32}{'predicted':>11}{'held':>9}{'predicted':>13}{'held':>9}  bound by")
    for hop in found["hops"]:
        way = f"{hop['name']:<8}{hop['from']} → {hop['to']}"
        print(f"  {way:<32}{hop['before_predicted']:>11}{hop['before']:>9}{hop['predicted']:>13}{hop['held']:>9}  {hop['binding']}")
    print("\n  The origins see, when")
    for client, seen in found["origin_sees"]["after"].items():
        before = ", ".join(found["origin_sees"]["before"][client])
        print(f"    {client} asks: {before}, which are the balancers; scaled: {', '.join(seen)}, the client")


def run(ansible: Ansible) -> dict[str, Any]:
    """Run the whole demo and return its result. Raises Failed."""
    with step("nine containers: 2 clients, 2 balancers, 2 proxies, 2 origins, 1 database"):
        ansible.play(ROOT / "molecule/shared/create.yml")
        ansible.play(HERE / "testbed/as_found.yml")
    fleet = read_fleet(ansible)
    with step("audit what is there"):
        ansible.play("c10m.front_tier.audit", front_tier_target="front_tier:clients")
    audits = {host: row["audit"] for host, row in report("front-tier.json")["hosts"].items()}
    with step("fill it until the kernel refuses"):
        ansible.play(HERE / "fill.yml", filled=str(OUT / "before.json"))
    with step("plan"):
        ansible.play("c10m.front_tier.plan", front_tier_target="front_tier")
    show_plan(report(PLAN))
    ports = listeners(report(PLAN), fleet["balancers"])
    with step("scale: the proxies, then the balancers"):
        ansible.play(HERE / "scale.yml", public_ports=ports)
    with step("audit again, and fill until the kernel refuses"):
        ansible.play("c10m.front_tier.audit", front_tier_target="front_tier:clients", public_ports=ports)
        ansible.play("c10m.front_tier.plan", front_tier_target="front_tier", public_ports=ports)
        ansible.play(HERE / "fill.yml", filled=str(OUT / "after.json"), public_ports=ports)
    filled = {when: json.loads((OUT / f"{when}.json").read_text()) for when in ("before", "after")}
    return result(fleet, audits, report(PLAN), filled)


def read_fleet(ansible: Ansible) -> dict[str, list[str]]:
    """Return {tier: its hosts} of the inventory."""
    words = ["ansible-inventory", "-i", str(HERE / "inventory"), "--list"]
    told = json.loads(subprocess.run(words, env=ansible.environment, check=True, capture_output=True, text=True).stdout)
    return {tier: told[tier]["hosts"] for tier in (*told["front_tier"]["children"], "clients")}


def report(name: str) -> dict[str, Any]:
    """Return what the last audit (front-tier.json) or plan (front-tier-plan.json) has written."""
    found: dict[str, Any] = json.loads((OUT / "report" / name).read_text())
    return found


def listeners(told: dict[str, Any], hosts: list[str]) -> list[int]:
    """Return the ports that a plan lets hosts listen on: what their owner would now write into the inventory."""
    return sorted({port for host in hosts for port in told["hosts"][host]["variables"]["front_tier_listeners"]})


def show_plan(told: dict[str, Any]) -> None:
    """Print what a plan changes, and what needs nothing."""
    words: dict[str, list[str]] = {}
    for host, row in told["hosts"].items():
        for change in row["changes"]:
            words.setdefault(change["words"], []).append(host)
    for change, hosts in words.items():
        print(f"      {', '.join(hosts)}: {change}")
    for tier in told["tiers"]:
        if "need nothing" in tier["verdict"]:
            print(f"      {tier['verdict']}")


def remove(ansible: Ansible) -> None:
    """Take all containers and networks of the demo away, however it ended."""
    ansible.stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with step("take it all away"):
        ansible.play(ROOT / "molecule/shared/destroy.yml")


def interrupt(*_arguments: Any) -> None:
    """End the demo as Ctrl-C does."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo, or remove what it left; the exit status is 0 when everything was as predicted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--remove", action="store_true", help="take away the containers that KEEP=1 left, and stop")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    ansible = Ansible()
    with open(LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another make demo runs on this machine ({LOCK}). Wait until it has ended. Nothing was done.", file=sys.stderr)
            return 1
        OUT.mkdir(parents=True, exist_ok=True)
        if asked.remove:
            remove(ansible)
            return 0
        return demo(ansible)


def demo(ansible: Ansible) -> int:
    """Run the demo, show what came out, and clean up."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    begin = time.monotonic()
    try:
        for one in (OUT / "facts", OUT / "report"):
            shutil.rmtree(one, ignore_errors=True)
        for one in (OUT / "log", OUT / "result.json"):
            one.unlink(missing_ok=True)
        need_machine()
        ready = time.monotonic()
        try:
            found = run(ansible)
        finally:
            if not keep:
                remove(ansible)
        found["seconds"] = round(time.monotonic() - ready)
        (OUT / "result.json").write_text(json.dumps(found, indent=2) + "\n")
        show(found)
    except Failed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    wrong = faults(found)
    print("\n  " + ("Held = predicted on every hop." if not wrong else "\n  ".join(wrong)))
    print(f"  Report: {(OUT / 'report/front-tier.html').relative_to(ROOT)}, numbers: {(OUT / 'result.json').relative_to(ROOT)}")
    print(f"  {time.monotonic() - begin:.0f} s, {found['seconds']} s of them after the images were there")
    if keep:
        print("  The fleet is up: podman exec -it ft-demo-proxy1 ss -tn; take it away with make demo ARGS=--remove")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
