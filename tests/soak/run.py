# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak: random changes, reverts, proofs, restarts and kills on nodes of the container testbed, and after each what has to hold.

usage: run.py [--minutes 30] [--seed N] [--actions N] [--keep] [--reuse]
Exit status: 0, 1 where an invariant is broken, 77 where this machine lacks what it takes, 128 and more where it is told to end.
The history is in .build/soak/soak.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from typing import Any

from tests.soak.actions import SETS, TIER, Action, draw
from tests.soak.check import Broken, check_files, check_limits, check_node, check_way
from tests.soak.model import RANGE, RESERVED, Model, ports
from tests.soak.node import PROJECT, WORK, Node, playbook

NOT_RUN = 77
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SETTLER = {"name": "settler", "settings": {}}  # a change of nothing, which settles what did not end
UNDONE = re.compile(r"An earlier change did not end; its \d+ steps were undone first")
MOST_DIALLED = 1500  # where the range is wider, not all of it is dialled
LISTENERS = (9001, 9002)
SECONDS_TO_AGREE = 20.0
SERVICES = ["nginx.service", "origin.service"]


class Soak:
    """The nodes, what each has to be, and what was done."""

    def __init__(self, seed: int, nodes: list[Node]) -> None:
        self.seed, self.nodes = seed, {node.name: node for node in nodes}
        self.first: dict[str, Any] = {}
        self.audits: dict[str, Any] = {}
        self.models: dict[str, Model] = {}
        self.history: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        for node in nodes:
            look, audit = node.look(), node.audit(SERVICES)
            self.first[node.name], self.audits[node.name] = look, audit
            things = {"sysctl " + name.replace("/", "."): value for name, value in look["sysctls"].items()}
            self.models[node.name] = Model(things, set(look["listening"]))

    def act(self, number: int) -> None:
        """Do the action with a number, and see that all holds. Raises Broken."""
        action = draw(self.seed, number, sorted(self.nodes))
        row = {"number": number, **action._asdict()}
        self.history.append(row)
        self.counts[action.kind] += 1
        began = time.monotonic()
        row["outcome"] = self._tier(action) if action.kind in TIER else self._one(action, self.nodes[str(action.node)])
        for name in sorted(self.nodes) if action.node is None else [action.node]:
            self._holds(self.nodes[name], random.Random("%d.%d.%s" % (self.seed, number, name)), action.kind in ("restart", "crash"))
        row["seconds"] = round(time.monotonic() - began, 1)

    def _one(self, action: Action, node: Node) -> str:
        model = self.models[node.name]
        if action.kind in ("restart", "crash"):
            node.restart(hard=action.kind == "crash")
            model.restart()
            return "started anew"
        if action.twice:
            shown = node.module("host_config", action.options, check=True)
        before = node.record()
        pause = action.kind == "power"
        answer = node.module("host_config", action.options, stop=action.stop, pause=pause)
        if answer is not None:
            outcome = self._judge(model, action.options, answer, before == node.record())
            if action.twice:
                self._agree(node, action.options, shown, answer)
            if pause:
                node.restart(hard=True)
                model.restart()
            return outcome
        self.counts["stopped half-way"] += 1
        if pause:
            node.restart(hard=True)
        check_way(node.look(), self.first[node.name])
        undone = self._settle(node, action.again)
        self.counts["undone by the next run"] += undone
        after = copy.deepcopy(model)
        if not after.obstacles(action.options):
            after.change(action.options)
        made = before != node.record()
        if made and undone:
            raise Broken("the change was undone, and its record is there")
        unsure = model.unsure(after) if pause else set()
        if made:
            self.models[node.name] = model = after
        if pause:
            model.restart()
            model.adopt(unsure, node.look())
        return "stopped, " + ("undone" if undone else "made" if made else "nothing begun")

    def _judge(self, model: Model, options: dict[str, Any], answer: dict[str, Any], same: bool) -> str:
        """Hold an answer against what the model expects of it, and have the model follow. Raises Broken."""
        obstacles = model.obstacles(options)
        if answer.get("failed"):
            message = answer["msg"]
            if not any(re.search(one, message) for one in obstacles):
                raise Broken("refused, expected %s: %s" % (obstacles or "a change", message))
            if "Nothing was changed." not in message or not same:
                raise Broken("refused, and something was changed: %s" % message)
            self.counts["refused as it should be"] += 1
            return "refused: " + message
        if obstacles:
            raise Broken("made, and should have been refused: %s" % obstacles)
        if answer["left"]:
            raise Broken("left: %s" % answer["left"])
        model.change(options)
        return "changed" if answer["changed"] else "unchanged"

    def _agree(self, node: Node, options: dict[str, Any], shown: dict[str, Any], made: dict[str, Any]) -> None:
        """Check mode has to show what is made, and a second run has nothing to do. Raises Broken."""
        parts = ("failed", "msg", "changed", "steps", "diff", "before", "after", "not_applied", "needs_restart")
        for part in parts:
            if shown.get(part) != made.get(part):
                raise Broken("check mode shows %s %s, the change has %s" % (part, shown.get(part), made.get(part)))
        again = node.module("host_config", options)
        if not made.get("failed") and (again.get("failed") or again["changed"]):
            raise Broken("a second run of the same is no second run: %s" % again.get("msg", again.get("diff")))

    def _settle(self, node: Node, again: int) -> bool:
        """Settle what did not end, killed once more at first if `again`; return whether there was something to undo. Raises Broken."""
        answer = node.module("kernel_settings", SETTLER, stop=again) if again else None
        answer = answer or node.module("kernel_settings", SETTLER)
        if answer.get("failed"):
            raise Broken("the next run does not settle it: %s" % answer["msg"])
        words = [one for one in map(str, answer.get("warnings", [])) if UNDONE.search(one)]
        if any("what is not as before" in one for one in words):
            raise Broken("the next run could not undo all of it: %s" % words)
        return bool(words)

    def _tier(self, action: Action) -> str:
        """Run a playbook on all nodes, and have the models follow. Raises Broken."""
        variables = dict(action.options)
        if action.kind == "prove":
            variables = self._proof(variables)
        if action.kind == "scale" and any(model.obstacles(one) for model in self.models.values() for one in self._scaled(variables, "")):
            return "left out: a set of the nodes is in its way"
        done = playbook("c10m.front_tier." + action.kind, variables)
        if done.returncode:
            said = re.findall(r"^(?:fatal|failed): .*(?:\n.+)*", done.stdout, re.M)  # reports of hosts come after it, and are long
            raise Broken("the playbook %s failed:\n%s" % (action.kind, "\n".join([*said, done.stdout[-3000:], done.stderr[-2000:]])))
        for name, model in self.models.items():
            for options in {"scale": self._scaled, "revert": self._reverted, "prove": lambda *_: []}[action.kind](variables, name):
                model.change(options)
        if action.kind == "prove":
            held = re.search(r"([\d,]+) predicted, ([\d,]+) asked for, ([\d,]+) held", " ".join(done.stdout.split()))
            predicted, asked, number = (int(one.replace(",", "")) for one in held.groups()) if held else (1, 1, 0)
            promised = min(predicted, asked)
            if not promised <= number <= promised + len(self.models) * len(LISTENERS):  # by chance, see _held
                raise Broken("the proof says %d promised, %d held: %s" % (promised, number, done.stdout[-3000:]))
            self.counts["connections held"] += number
            return "%d held by all nodes together" % number
        return "played"

    @staticmethod
    def _scaled(variables: dict[str, Any], node: str) -> list[dict[str, Any]]:
        """Return what the playbook scale comes to, as options of host_config."""
        backlog = variables["front_tier_backlog"]
        return [
            {
                "name": SETS[0],
                "kernel_settings": {"settings": {"net.core.somaxconn": backlog, "net.ipv4.tcp_max_syn_backlog": backlog}},
                "port_range": {"low": variables["front_tier_port_low"], "high": variables["front_tier_port_high"], "reserve": "auto"},
                "fd_limits": {"nofile": variables["front_tier_nofile"], "units": ["nginx"], "users": [], "default": False},
                "on_override": "fail",
            },
            {
                "name": SETS[0],
                "secondary_interfaces": [{"interface": "eth1", "addresses": variables["soak_addresses"].get(node, [])}],
                "on_override": "fail",
            },
        ]

    @staticmethod
    def _reverted(variables: dict[str, Any], _node: str) -> list[dict[str, Any]]:
        return [{"name": name, "state": "absent"} for name in variables["front_tier_sets"]]

    def _proof(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the variables of the playbook prove: all that is predicted where the ranges are narrow, else a part of it."""
        fewest = min(self._usable(model) for model in self.models.values())
        wide = max(self._usable(model) for model in self.models.values()) > MOST_DIALLED
        part = {"front_tier_proof_connections": min(fewest, variables["front_tier_proof_connections"])} if wide else {}
        return {
            **part,
            "front_tier_proof_side": "{{ 'both' if inventory_hostname == 'front1' else 'dial' }}",
            "front_tier_proof_paths": [
                {
                    "sources": ["{{ testbed_addresses.back }}"],
                    "destinations": ["{{ hostvars['front1'].testbed_addresses.back }}"],
                    "ports": list(LISTENERS[: variables["listeners"]]),
                    "dialer": variables["dialer"],
                }
            ],
            "front_tier_proof_hold": 1,
            "front_tier_proof_ahead": 10,  # the nodes share one machine
            "front_tier_proof_lease": 60,
            "front_tier_proof_reserve_ports": 0,
        }

    @staticmethod
    def _usable(model: Model) -> int:
        low, high = map(int, str(model.now(RANGE)).split())
        return len(set(range(low, high + 1)) - ports(model.now(RESERVED) or "") - model.listening - set(LISTENERS))

    def _holds(self, node: Node, pick: random.Random, started: bool) -> None:
        """See that everything holds on a node. Raises Broken."""
        model, first, look = self.models[node.name], self.first[node.name], node.look()
        check_way(look, first)
        check_files(look, first, model)
        check_node(look, first, model)
        check_limits(node.audit(SERVICES), self.audits[node.name], model, look["most_files"] if started else None)
        self.counts["connections held"] += self._held(node, model, pick)

    def _held(self, node: Node, model: Model, pick: random.Random) -> int:
        """Dial on the node what is predicted for it; return how many connections were held. Raises Broken."""
        mine = sorted(thing.split()[2].split("/")[0] for thing in model.things() if thing.startswith("address eth1 ") and model.now(thing))
        family = pick.choice([":", "."])
        mine = [one for one in mine if family in one]
        own = [row[1].split("/")[0] for row in self.first[node.name]["addresses"] if row[0] == "eth0" and "." in row[1]]
        path: dict[str, Any] = {"destinations": own, "ports": list(LISTENERS[: pick.randint(1, 2)])}
        if mine:
            path["sources"] = pick.sample(mine, min(len(mine), pick.randint(1, 3)))
            path["destinations"] = path["sources"][:1] if family == ":" else own
            path["bind"] = pick.choice(["no_port", "plain"])
        wide = self._usable(model) * len(path.get("sources", "1")) * len(path["ports"]) > MOST_DIALLED
        few = {"connections": min(self._usable(model), 200)} if wide else {}
        common = {"run": "soak", "paths": [path], "lease": 60}
        listening = node.module("connection_probe", dict(common, side="listen", state="started", hold=60))
        try:
            if listening.get("failed"):
                raise Broken("connection_probe cannot listen: %s" % listening["msg"])
            dialled = node.module("connection_probe", dict(common, side="dial", state="holding", hold=60, reserve_ports=0, **few))
            listened, until = {}, time.monotonic() + SECONDS_TO_AGREE  # a listener learns of things a little later
            while not listened or sum(one["held"] for one in listened.get("listeners", [])) != dialled.get("held", 0):
                listened = node.module("connection_probe", dict(common, side="listen", state="holding"))
                if listened.get("failed") or time.monotonic() > until:
                    break
        finally:
            ended = [node.module("connection_probe", {"run": "soak", "side": side, "state": "stopped"}) for side in ("dial", "listen")]
        if any(one.get("failed") for one in (dialled, listened, *ended)):
            raise Broken("connection_probe: %s" % [one.get("msg") for one in (dialled, listened, *ended)])
        (row,) = dialled["paths"]
        wanted = few.get("connections", row["predicted"])
        counts = {"dialler": row["held"], "kernel": row["kernel"], "listener": sum(one["held"] for one in listened["listeners"])}
        low, high = map(int, str(model.now(RANGE)).split())
        # of an odd number of ports the kernel leaves one out by chance, for each source with `plain`, for each pair otherwise
        chance = (high - low + 1) % 2 * len(path.get("sources", "1")) * len(path["ports"]) if not few else 0
        right = len(set(counts.values())) == 1 and wanted <= row["held"] <= wanted + chance
        if not right or row["predicted"] < wanted or dialled["lost"]:
            raise Broken("predicted %d, wanted %d, held %s on %s" % (row["predicted"], wanted, counts, path))
        if not few and not chance and "refusal" not in row:
            raise Broken("one more than predicted was not refused on %s" % path)
        return int(row["held"])


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("MINUTES") or 30), help="for how long; default 30")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 31)))
    parser.add_argument("--actions", type=int, help="do so many, whatever time it takes: a failure is seen again")
    parser.add_argument("--keep", action="store_true", help="leave the nodes there at the end, to look at them")
    parser.add_argument("--reuse", action="store_true", help="take the nodes that were kept")
    options = parser.parse_args()
    missing = [one for one in ("podman", "nsenter", "ip") if not shutil.which(one)]
    if missing or os.geteuid() != 0:
        print("not run: the soak needs root and %s" % (" ".join(missing) or "nothing else"))
        return NOT_RUN
    for number in ENDINGS:
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        return soak(options)
    finally:
        for number in ENDINGS:  # what is left is to be taken away in peace
            signal.signal(number, signal.SIG_IGN)
        if not options.keep:
            playbook(PROJECT / "molecule/shared/destroy.yml", {})


def soak(options: argparse.Namespace) -> int:
    """Run the soak; return the exit status."""
    nodes = Node.start(options.reuse)
    made, broken = Soak(options.seed, nodes), None
    print("seed %d, %d nodes" % (options.seed, len(nodes)), flush=True)
    began = time.monotonic()
    number = 0
    try:
        while number < options.actions if options.actions else time.monotonic() < began + 60 * options.minutes:
            number += 1
            made.act(number)
            row = made.history[-1]
            print(
                "%4d %-7s %-6s %5.1f s  %s" % (number, row["kind"], row["node"] or "all", row["seconds"], row["outcome"][:90]), flush=True
            )
    except Broken as error:
        broken = str(error)
    except Exception:  # a node that does not answer is broken, too
        broken = traceback.format_exc()
    finally:  # also where it is told to end before its time
        _tell(made, broken, time.monotonic() - began)
    return int(bool(broken))


def _tell(made: Soak, broken: str | None, seconds: float) -> None:
    """Keep the history, and say how it ended."""
    done = [row for row in made.history if "seconds" in row]
    told = {"seed": made.seed, "seconds": round(seconds), "actions": len(done), "broken": broken, "counts": dict(made.counts)}
    (WORK / "soak.json").write_text(json.dumps({**told, "history": made.history}, indent=1) + "\n")
    if broken:
        number = len(made.history)
        print("\nBroken at action %d with seed %d: %s\n" % (number, made.seed, broken))
        for row in made.history:
            print(json.dumps(row))
        print("\nOnce more: make soak SEED=%d ARGS='--actions %d --keep'" % (made.seed, number))
    print("; ".join("%s: %d" % (what, count) for what, count in sorted(made.counts.items())))
    print("%d actions, %d broken invariants, seed %d, %d s" % (len(done), bool(broken), made.seed, seconds), flush=True)


if __name__ == "__main__":
    sys.exit(main())
