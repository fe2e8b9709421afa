# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe as a module runs it: options in, a run started, watched or ended, its status out. Private to the collection."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule, human_to_bytes

from ansible_collections.c10m.front_tier.plugins.module_utils._model.paths import PathError
from ansible_collections.c10m.front_tier.plugins.module_utils._prove import background, budget, gauge
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.crew import Terms
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.place import NAME, OVER, Place, alive
from ansible_collections.c10m.front_tier.plugins.module_utils._prove.sides import counter, dialling, listening

STATES = ("started", "reported", "holding", "finished", "stopped")
ARGUMENTS: dict[str, Any] = {
    "side": {"type": "str", "required": True, "choices": ["listen", "dial"]},
    "state": {"type": "str", "default": "finished", "choices": list(STATES)},
    "run": {"type": "str", "default": "proof"},
    "paths": {"type": "list", "elements": "dict", "default": []},
    "connections": {"type": "int"},
    "hold": {"type": "float", "default": 60.0},
    "rate": {"type": "float", "default": 0.0},
    "trust_target": {"type": "bool", "default": False},
    "cap": {"type": "int", "default": 100000},
    "processes": {"type": "int", "default": 0},
    "timeout": {"type": "float", "default": 600.0},
    "start": {"type": "float", "default": 0.0},
    "lease": {"type": "float", "default": 0.0},
    "reserve_memory": {"type": "str"},
    "reserve_ports": {"type": "int", "default": 1000},
    "reserve_files": {"type": "int", "default": 10000},
}
# Bounds of the numbers: (lowest, highest).
BOUNDS: dict[str, tuple[float, float]] = {
    "connections": (1, 1 << 30),
    "hold": (0, 86400 * 7),
    "rate": (0, 1e9),
    "cap": (1, 1 << 30),
    "processes": (0, budget.MOST_PROCESSES),
    "timeout": (1, 86400),
    "start": (0, 1e11),
    "lease": (0, 86400),
    "reserve_ports": (0, 65535),
    "reserve_files": (0, 1 << 40),
}
MOST_AHEAD = 3600  # seconds that a start may lie ahead
BUSY = ("waiting", "dialling")


def run() -> None:
    """Do what the module was asked for, and end it."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = probe(module.params, module.check_mode)
    except (PathError, OSError) as error:
        where = getattr(error, "filename", None)
        module.fail_json(msg="%s: %s.%s" % (where, getattr(error, "strerror", ""), budget.NOTHING) if where else str(error))
    if result["phase"] == "failed":
        module.fail_json(msg="The %s side of run %s: %s." % (module.params["side"], module.params["run"], result["note"]), **result)
    module.exit_json(**result)


def probe(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Return the status of the run as the module returns it. Raises PathError, where nothing was opened, and OSError."""
    _check_numbers(params)
    place, state = Place(params["run"], params["side"]), params["state"]
    status = place.read()
    if state in ("reported", "stopped"):
        return _known(params, place, status, check)
    starts = not status or not alive(status) and state != "holding"
    if starts:
        reserve = reserve_of(params)
        terms = Terms(params["hold"], params["timeout"], params["start"], params["lease"], reserve.memory)
        side = (listening if params["side"] == "listen" else dialling)(params, terms, reserve)
        if check:
            return dict(side.planned, changed=True, phase="checked", side=params["side"], run=params["run"])
        status = background.start(place, side)
    elif check:
        return _result(params, status or {}, False)
    if state != "started":
        status = _awaited(place, status or {}, BUSY if state == "holding" else None)
    if state == "finished":
        place.remove()
    return _result(params, status or {}, starts, recount=state == "holding")


def _check_numbers(params: dict[str, Any]) -> None:
    for name, (low, high) in BOUNDS.items():
        value = params[name]
        if value is not None and not low <= value <= high:
            raise PathError("%s %g is out of bounds: it must be %g to %g.%s" % (name, value, low, high, budget.NOTHING))
    if not NAME.match(params["run"]):
        raise PathError("run %r: it must be 1 to 64 letters, digits, -, _ and dots.%s" % (params["run"], budget.NOTHING))
    if params["start"] > time.time() + MOST_AHEAD:
        raise PathError(
            "start %.0f is more than an hour ahead of this host's clock. Give seconds since 1970.%s" % (params["start"], budget.NOTHING)
        )


def _known(params: dict[str, Any], place: Place, status: dict[str, Any] | None, check: bool) -> dict[str, Any]:
    """Report or stop a run that was started before."""
    if not status:
        if params["state"] != "stopped":
            raise PathError("There is no run %s with the side %s on this host. Start it first." % (params["run"], params["side"]))
        return {"changed": False, "phase": "none", "run": params["run"], "side": params["side"]}
    ran = alive(status)
    if params["state"] == "stopped" and not check:
        status = place.stop() or status
        place.remove()
    elif not check:
        place.touch()
    return _result(params, status, ran and params["state"] == "stopped")


def _result(params: dict[str, Any], status: dict[str, Any], changed: bool, recount: bool = False) -> dict[str, Any]:
    result = {name: value for name, value in status.items() if name not in ("started", "kinds", "kernel", "pid")}
    kinds = status["kinds"]
    if recount and status["phase"] not in OVER:
        for row, number in zip(kinds, counter(params["side"], kinds)()):
            row["kernel"] = number
    result["paths" if params["side"] == "dial" else "listeners"] = kinds
    return dict(result, changed=changed, run=params["run"])


def _awaited(place: Place, status: dict[str, Any], busy: tuple[str, ...] | None) -> dict[str, Any]:
    """Wait until the run is no longer in one of these phases, or is over; return its status."""
    while status["phase"] not in OVER and (busy is None or status["phase"] in busy):
        time.sleep(0.1)
        place.touch()
        status = place.read() or status
    return status


def reserve_of(params: dict[str, Any]) -> budget.Reserve:
    """Return the reserve that the options ask for. Raises PathError."""
    try:
        text = params["reserve_memory"]
        memory = budget.default_memory(gauge.memory_total()) if text is None else human_to_bytes(text)
    except ValueError:
        raise PathError('reserve_memory "%s" is no size: write "1.5G" or "512M".%s' % (params["reserve_memory"], budget.NOTHING)) from None
    return budget.Reserve(memory, params["reserve_ports"], params["reserve_files"])
