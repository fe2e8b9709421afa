# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of docs/benchmarks.md, drawn by gnuplot from what a run of the benches kept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

LICENCE = "<!-- Copyright: (c) 2026, the c10m.front_tier contributors; SPDX-%s: GPL-3.0-or-later -->\n" % "License-Identifier"
HEAD = """set terminal svg size 820,420 dynamic background rgb 'white' font 'sans,13'
set border 3; set grid ytics lc rgb '#dddddd'; set tics nomirror
"""


def draw(results: dict[str, Any], folder: Path) -> list[str]:
    """Write a figure for each bench that has one, and return their file names; none without gnuplot."""
    wanted = {name: text for name, text in ((name, SCRIPTS[name](results[name])) for name in SCRIPTS if name in results) if text}
    if wanted and not shutil.which("gnuplot"):
        print("no figure was drawn: apt-get install gnuplot-nox")
        return []
    folder.mkdir(exist_ok=True)
    for name, text in wanted.items():
        drawn = subprocess.run(["gnuplot"], input=HEAD + text, capture_output=True, text=True, check=True).stdout
        first, rest = drawn.split("\n", 1)
        (folder / f"{name}.svg").write_text(first + "\n" + LICENCE + rest)
    return sorted(f"{name}.svg" for name in wanted)


def _block(name: str, rows: list[list[Any]]) -> str:
    return "$%s << EOD\n%s\nEOD\n" % (name, "\n".join(" ".join(map(str, row)) for row in rows))


def _ports(result: dict[str, Any]) -> str:
    """Microseconds of a connect over the share of the ports that is taken, a line for each way to pick a port."""
    text, plots = "", []
    for number, (way, found) in enumerate(result["ways"].items()):
        text += _block("way%d" % number, [[step + 1, "%.1f" % value] for step, value in enumerate(found["share"])])
        plots.append("$way%d with lines lw 2 title '%s'" % (number, way.replace("_", "\\_")))
    return text + (
        "set logscale y; set yrange [10:*]; set key below maxcols 4; set xlabel 'ports taken (%)'; set ylabel 'microseconds a connect'\n"
        + "plot "
        + ", ".join(plots)
        + "\n"
    )


def _burst(result: dict[str, Any]) -> str:
    """Connections kept of a burst, predicted and seen, for each backlog and somaxconn."""
    rows = [['"%(backlog)d / %(somaxconn)d"' % row, row["predicted"], row["kept"]] for row in result["rows"]]
    return _block("rows", rows) + (
        "set style data histograms; set style fill solid 0.8; set xlabel 'backlog asked for / somaxconn'; set ylabel 'kept of the burst'\n"
        "set key left top; plot $rows using 2:xtic(1) title 'predicted', $rows using 3 title 'seen'\n"
    )


def _fleet(result: dict[str, Any]) -> str:
    """Seconds of a task over the number of hosts."""
    rows = [[hosts, *("%.3f" % found[name] for name in ("ping", "audit", "apply"))] for hosts, found in result["growth"].items()]
    return _block("rows", rows) + (
        "set logscale xy; set xlabel 'hosts'; set ylabel 'seconds a task'; set key left top\n"
        "plot $rows using 1:2 with linespoints lw 2 title 'ping', $rows using 1:3 with linespoints lw 2 title 'audit',"
        " $rows using 1:4 with linespoints lw 2 title 'host\\_config, nothing to change'\n"
    )


def _subject(result: dict[str, Any]) -> str:
    """Connections over the number of source addresses, for each way to bind, and (ports - open files) x addresses beside them."""
    ways = list(result)
    rows = [[number + 1, 100 * (number + 1), *(result[way][number] for way in ways)] for number in range(len(result[ways[0]]))]
    plots = ["$rows using 1:2 with lines dt 2 lw 2 title 'the article: ports x addresses'"]
    plots += ["$rows using 1:%d with linespoints lw 2 title '%s'" % (3 + at, way.replace("_", "\\_")) for at, way in enumerate(ways)]
    text = "set xlabel 'source addresses'; set ylabel 'connections held'; set key left top; set yrange [0:*]\n"
    return _block("rows", rows) + text + "plot " + ", ".join(plots) + "\n"


SCRIPTS = {"ports": _ports, "burst": _burst, "fleet": _fleet, "subject": _subject}
