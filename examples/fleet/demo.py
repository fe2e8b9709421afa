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
import textwrap
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
TAIL = 30  # lines of the log that a failure shows


class Failed(Exception):
    """A step that did not work; the message says which and what it said."""


class Fleet:
    """The fleet of an inventory: what Ansible does with it, with all that it says in a log, and what its audits and plans have written."""

    def __init__(self, out: Path = OUT, *further: Path) -> None:
        """Take a folder for what comes out, and inventories beside the demo's own."""
        self.out = out
        self.child: subprocess.Popen[bytes] | None = None
        self.inventories = [word for path in (HERE / "inventory", HERE / "testbed/containers.yml", *further) for word in ("-i", str(path))]
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(out / "facts"),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "molecule/connection_plugins"),
        }

    def begin(self) -> None:
        """Make the folder, without what an earlier run left in it."""
        self.out.mkdir(parents=True, exist_ok=True)
        for name in ("facts", "report"):
            shutil.rmtree(self.out / name, ignore_errors=True)
        for name in ("log", "result.json"):
            (self.out / name).unlink(missing_ok=True)

    def tiers(self) -> dict[str, list[str]]:
        """Return {tier: its hosts}, the clients among them."""
        words = ["ansible-inventory", *self.inventories, "--list"]
        told = json.loads(subprocess.run(words, env=self.environment, check=True, capture_output=True, text=True).stdout)
        return {tier: told[tier]["hosts"] for tier in ("clients", *told["front_tier"]["children"])}

    def play(self, playbook: str | Path, **variables: Any) -> None:
        """Run a playbook with further variables. Raises Failed with the end of the log."""
        given = {"front_tier_report_dir": str(self.out / "report"), **variables}
        words = ["ansible-playbook", *self.inventories, "-e", json.dumps(given), str(playbook)]
        with open(self.out / "log", "ab") as log:
            # a session of its own: Ctrl-C reaches this process alone, which then ends that one and cleans up
            self.child = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log, start_new_session=True)
            status = self.child.wait()
        self.child = None
        if status:
            said = (self.out / "log").read_text(errors="replace").splitlines()[-TAIL:]
            raise Failed("\n".join([*said, f"{playbook} ended with status {status}; all of it is in {self.out / 'log'}."]))

    def stop(self) -> None:
        """End a playbook that is under way."""
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
            self.child.wait()

    def report(self, name: str) -> dict[str, Any]:
        """Return what the last audit (front-tier.json), plan (front-tier-plan.json) or filling (before.json, after.json) has written."""
        found: dict[str, Any] = json.loads((self.out / "report" / name).read_text())
        return found


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
    for command in (["sh", "tests/tools/apt.sh", *BESIDE, *missing], [sys.executable, str(images), RELEASE]):
        if subprocess.run(command, check=False, cwd=ROOT).returncode:
            raise Failed("What the containers need is not there; see above.")


def predict(hop: dict[str, Any], tiers: dict[str, list[str]], caps: dict[str, dict[str, Any]]) -> tuple[int, str]:
    """Return what a hop is predicted to hold, and what binds it: the kernel's capacity, or the caps that HAProxy was given.

    hop: of a plan from the audits of now; tiers: {tier: its hosts}; caps: {host: {process, queue, lines}}, process and lines None where
    nothing is capped. A HAProxy that has its maxconn stops to accept, and the kernel goes on: its accept queues fill, too.
    """
    found = [(int(hop["now"]), str(hop["binding"]))]
    kinds = {
        "maxconn": (hop["from"], lambda cap: cap["process"]),
        "maxconn of the lines": (hop["from"], lambda cap: cap["lines"]),
        "maxconn and accept queues": (hop["to"], lambda cap: cap["process"] and cap["process"] + cap["queue"]),
    }
    for binding, (tier, most) in kinds.items():
        each = [caps.get(host) and most(caps[host]) for host in tiers.get(tier, [])]
        if each and all(each):
            found.append((sum(map(int, filter(None, each))), binding))
    return min(found, key=lambda one: one[0])


def diallers(hop: dict[str, Any], tiers: dict[str, list[str]]) -> list[str]:
    """Return the hosts that dial a hop; those of the internet are the clients."""
    return tiers[hop["from"] if hop["from"] in tiers else "clients"]


def hops_of(tiers: dict[str, list[str]], plan: dict[str, Any], seen: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each hop with what was predicted, what was held and what binds. plan: from the audits of now; seen: what fill.yml kept."""
    hops = []
    for hop in plan["hops"]:
        predicted, binding = predict(hop, tiers, seen["caps"])
        held = sum(seen["held"][host] for host in diallers(hop, tiers))
        hops.append({**{key: hop[key] for key in ("name", "from", "to")}, "predicted": predicted, "held": held, "binding": binding})
    return hops


def who(tiers: dict[str, list[str]], audits: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """Return who the origins and the proxies see; origin_sees_client: each client as itself, and nobody else."""
    own = {row["address"].partition("/")[0]: host for host in tiers["clients"] for row in audits[host]["addresses"]}
    sees = {host: sorted({one.split()[-1] for one in said}) for host, said in seen["origins_see"].items()}
    proxies: dict[str, int] = {}
    for number, address in (row for rows in seen["peers"].values() for row in rows):
        proxies[address] = proxies.get(address, 0) + int(number)
    return {
        "origins": sorted({one.split()[0] for said in seen["origins_see"].values() for one in said}),
        "origin_sees": sees,
        "origin_sees_client": all([own.get(one) for one in addresses] == [host] for host, addresses in sees.items()),
        "proxies_see": proxies,
    }


def faults(found: dict[str, Any]) -> list[str]:
    """Return, in words, what is not as promised."""
    wrong = []
    for hop in found["hops"]:
        for when, predicted, held in (("before", "before_predicted", "before"), ("after", "predicted", "held")):
            if hop.get(predicted) != hop.get(held):
                wrong.append(f"{hop['name']}, {when}: {hop[predicted]} predicted, {hop[held]} held.")
    if found["origins"] != ["Varnish", "nginx"]:
        wrong.append(f"Answers came from {' and '.join(found['origins'])}, and nginx and Varnish were to answer.")
    if not found["origin_sees_client"]:
        wrong.append(f"The origins see {found['origin_sees']}, and were to see each client.")
    return wrong


def make(fleet: Fleet) -> None:
    """Start the containers, as somebody once configured them."""
    with step("containers: " + ", ".join(f"{tier} {len(hosts)}" for tier, hosts in fleet.tiers().items())):
        fleet.play(ROOT / "molecule/shared/create.yml")
        fleet.play(HERE / "testbed/as_found.yml")


def audit(fleet: Fleet, **variables: Any) -> dict[str, Any]:
    """Audit all hosts; return {host: its audit}."""
    with step("audit"):
        fleet.play("c10m.front_tier.audit", front_tier_target="front_tier:clients", **variables)
    return {host: row["audit"] for host, row in fleet.report("front-tier.json")["hosts"].items()}


def fill(fleet: Fleet, name: str, **variables: Any) -> dict[str, Any]:
    """Fill every hop until the kernel refuses, let go, and return what was seen."""
    with step("fill every hop until the kernel refuses"):
        fleet.play(HERE / "fill.yml", filled=str(fleet.out / "report" / name), **variables)
    return fleet.report(name)


def plan(fleet: Fleet, **variables: Any) -> dict[str, Any]:
    """Plan from the last audit; return the plan."""
    fleet.play("c10m.front_tier.plan", front_tier_target="front_tier", **variables)
    return fleet.report("front-tier-plan.json")


def scale(fleet: Fleet) -> list[int]:
    """Plan and scale the fleet as last audited; return the ports that clients dial now, which its owner would write into the inventory."""
    with step("plan"):
        told = plan(fleet)
    show_plan(told)
    ports = {port for host in fleet.tiers()["balancers"] for port in told["hosts"][host]["variables"]["front_tier_listeners"]}
    with step("scale, from the back to the front"):
        fleet.play("c10m.front_tier.scale", public_ports=sorted(ports))
    return sorted(ports)


def run(fleet: Fleet) -> dict[str, Any]:
    """Run the whole demo and return its result. Raises Failed."""
    make(fleet)
    tiers = fleet.tiers()
    audits = audit(fleet)
    before = fill(fleet, "before.json")
    ports = scale(fleet)
    audit(fleet, public_ports=ports)
    after = fill(fleet, "after.json", public_ports=ports)
    hops = hops_of(tiers, plan(fleet, public_ports=ports), after)
    for hop in hops:
        hosts = diallers(hop, tiers)
        hop["before"] = sum(before["held"][host] for host in hosts)
        hop["before_predicted"] = sum(path["connections"] for host in hosts for path in audits[host]["paths"])
    return {"hops": hops, "origins_saw": who(tiers, audits, before)["origin_sees"], **who(tiers, audits, after)}


def show_plan(told: dict[str, Any]) -> None:
    """Print what a plan changes, and what needs nothing."""
    words: dict[str, list[str]] = {}
    for host, row in told["hosts"].items():
        for change in row["changes"]:
            words.setdefault(change["words"], []).append(host)
    lines = [f"{', '.join(hosts)}: {change}" for change, hosts in words.items()]
    lines += [tier["verdict"] for tier in told["tiers"] if "need nothing" in tier["verdict"]]
    for line in lines:
        print(textwrap.fill(line, 98, initial_indent="      ", subsequent_indent="        "))


def show(found: dict[str, Any]) -> None:
    """Print the result as a table."""
    print(f"\n  {'':32}{'as found':>16}{'scaled':>21}")
    print(f"  {'hop':<32}{'predicted':>11}{'held':>8}{'predicted':>14}{'held':>8}  bound by")
    for hop in found["hops"]:
        way = f"{hop['name']:<8}{hop['from']} → {hop['to']}"
        print(f"  {way:<32}{hop['before_predicted']:>11}{hop['before']:>8}{hop['predicted']:>14}{hop['held']:>8}  {hop['binding']}")
    print()
    for client, seen in found["origin_sees"].items():
        before = ", ".join(found["origins_saw"][client])
        print(f"  {client} asks: the origins saw {before} (balancers), now they see {', '.join(seen)} (the client)")


def remove(fleet: Fleet) -> None:
    """Take all containers and networks of a fleet away, however it ended."""
    fleet.stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with step("take it all away"):
        fleet.play(ROOT / "molecule/shared/destroy.yml")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the demo's lock, and turn SIGTERM into what Ctrl-C does. Raises Failed where another one holds it."""

    def interrupt(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    with open(LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"Another make demo runs on this machine ({LOCK}). Wait until it has ended. Nothing was done.") from None
        yield


def demonstrate(fleet: Fleet, keep: bool) -> int:
    """Run the demo, clean up, and show what came out; return the exit status, 0 when everything was as predicted."""
    begin = time.monotonic()
    need_machine()
    ready = time.monotonic()
    fleet.begin()
    try:
        found = run(fleet)
    finally:
        if not keep:
            remove(fleet)
    found["seconds"] = round(time.monotonic() - ready)
    result = fleet.out / "result.json"
    result.write_text(json.dumps(found, indent=2) + "\n")
    show(found)
    wrong = faults(found)
    print("\n  " + ("Held = predicted on every hop." if not wrong else "\n  ".join(wrong)))
    print(f"  Report: {(fleet.out / 'report/front-tier.html').relative_to(ROOT)} · numbers: {result.relative_to(ROOT)}")
    print(f"  {time.monotonic() - begin:.0f} s, {found['seconds']} s of them after the image was there")
    if keep:
        print("  The fleet is up: podman exec -it ft-demo-proxy1 ss -tn. Take it away with make demo ARGS=--remove.")
    return 1 if wrong else 0


def main() -> int:
    """Run the demo, or remove what it left."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--remove", action="store_true", help="take away the containers that KEEP=1 left, and stop")
    asked = parser.parse_args()
    fleet = Fleet()
    try:
        with alone():
            if not asked.remove:
                return demonstrate(fleet, keep=os.environ.get("KEEP", "") not in ("", "0"))
            fleet.begin()
            remove(fleet)
            return 0
    except Failed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
