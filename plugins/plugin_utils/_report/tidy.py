# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain and harmless values out of what a host sent: nothing in a fact may crash the report or steer a terminal.

Private to the collection.
"""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED, is_absent

UNITS = ("bytes", "KB", "MB", "GB", "TB")
MOST_TEXT = 600
MOST_NUMBER = 1 << 64
# What computing on data that a host made up may raise. Whoever computes for many hosts has to catch it for each.
UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def plain(value: Any) -> Any:
    """Return the same data in Python's own types: no lazy containers, no tags; what JSON does not know becomes its text.

    Raises ValueError for data that is nested without end.
    """
    try:
        return json.loads(json.dumps(value, default=str))
    except RecursionError:
        raise ValueError("the data is nested too deeply") from None


def mapping(value: Any) -> dict[str, Any]:
    """Return the dictionary, or an empty one where it is something else (also where it is an absence)."""
    return value if isinstance(value, dict) and not is_absent(value) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the dictionaries of a list; an empty list where it is something else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def items(value: Any) -> list[Any]:
    """Return the list, or an empty one where it is something else."""
    return value if isinstance(value, list) else []


def count(value: Any) -> int | None:
    """Return a whole number from 0 up; None where it is anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_NUMBER else None


def amount(value: Any) -> float:
    """Return a number; 0.0 where it is anything else, or too large to be one of a host."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < MOST_NUMBER else 0.0


def clean(value: Any, most: int = MOST_TEXT) -> str:
    """Return one line of text that can be printed: control, format and bidirectional characters become U+FFFD."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else (words(value) if isinstance(value, (dict, list)) else str(value)[: most + 1])
    text = " ".join(text[: 4 * most].split())
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def words(value: Any) -> str:
    """Return a value of a snapshot as a person writes it: 32768-60999, 1,024 / 524,288, "not known (reason)"."""
    if is_absent(value):
        return "not known"
    if isinstance(value, dict):
        if set(value) == {"soft", "hard"}:
            return "%s / %s" % (words(value["soft"]), words(value["hard"]))
        return ", ".join("%s %s" % (str(name)[:80], words(item)) for name, item in list(value.items())[:20])
    if isinstance(value, list):
        return " ".join(item[:80] if isinstance(item, str) else str(item)[:80] for item in value[:40]) or "none"
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return grouped(value)
    return str(value)


def label(name: Any) -> str:
    """Return how a bound is called in a report: a memory bound counts idle connections, and says so."""
    text = clean(name, 40)
    return "idle " + text if "memory" in text else text


def grouped(value: int | None, unknown: str = "not known") -> str:
    """Return a number with its thousands apart: 28,229."""
    return unknown if value is None else (UNLIMITED if value >= 1 << 62 else "{:,}".format(value))


def short(value: int) -> str:
    """Return a number in at most five letters, for the ticks of an axis: 10, 1k, 10M, 1G."""
    for letter in ("", "k", "M", "G", "T"):
        if value < 1000 or letter == "T":
            return "%d%s" % (value, letter)
        value //= 1000
    raise AssertionError("unreachable")


def size(value: int) -> str:
    """Return a number of bytes as a person writes it: 25 GB."""
    number, unit = float(value), 0
    while number >= 1000 and unit < len(UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return "%.3g %s" % (number, UNITS[unit])


def share(part: int | None, whole: int | None) -> float | None:
    """Return part / whole, at most 1.0; None where either is not known."""
    if part is None or whole is None:
        return None
    return 1.0 if part >= whole else part / whole


def percent(value: float | None) -> str:
    """Return a share as a whole percentage that never rounds to 0 % or 100 % falsely: "<1 %", "97 %", ">99 %"."""
    if value is None:
        return ""
    if 0 < value < 0.01:
        return "<1 %"
    if 0.99 < value < 1:
        return ">99 %"
    return "%d %%" % int(value * 100)
