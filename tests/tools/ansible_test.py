# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test from the stage, on the newest ansible-core and on the oldest: `sanity` or `units`."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.tools import stage

ROOT = stage.ROOT
NEWEST, FLOOR = ROOT / ".venv", ROOT / ".build/venv-floor"
PYBIN = ROOT / ".build/pybin"

# ansible-test downloads a script that brings pip into each of its environments, thirty and more. Ours has Python's own ensurepip
# do it, so that a package index is all that is needed, and only once for each Python: the others get a path to that pip.
GET_PIP = """\
import os, shutil, subprocess, sys, sysconfig
site = sysconfig.get_path("purelib")
wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
shared = os.path.expanduser("~/.ansible/%d.%d %s" % (sys.version_info[:2] + (" ".join(wanted),)))
if os.path.isdir(shared):
    with open(os.path.join(site, "pip.pth"), "w") as path:
        path.write(shared)
else:
    subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--compile"] + wanted)
    shutil.copytree(site, shared + ".new")
    os.rename(shared + ".new", shared)
"""


def installed(venv: Path) -> Path:
    """Return the folder of ansible-test's own code in an environment."""
    return next(venv.glob("lib/python3.*/site-packages/ansible_test"))


def core(venv: Path) -> str:
    """Return the version of ansible-core in an environment, as 2.N.M."""
    release = (installed(venv).parent / "ansible/release.py").read_text()
    return str(re.findall(r"__version__ = '([^']+)'", release)[0])


def supported(venv: Path) -> list[str]:
    """Return the Python versions that an environment's ansible-test knows, for hosts and controllers."""
    return re.findall(r"'(3\.\d+)'", (installed(venv) / "_util/target/common/constants.py").read_text())


def verified() -> list[str]:
    """Return the Python versions that run here, oldest first."""
    subprocess.run(["sh", "tests/tools/pythons.sh"], cwd=ROOT, check=True)
    names = (path.name.replace("python", "") for path in PYBIN.glob("python3.*"))
    return sorted(names, key=lambda name: int(name.split(".")[1]))


def home(venv: Path) -> Path:
    """Return the home that ansible-test of an environment runs with."""
    return ROOT / ".build" / f"home-{core(venv)}"


def lay_get_pip(venv: Path) -> None:
    """Put our stand-in where an environment's ansible-test looks for the script that it would download."""
    text = (installed(venv) / "_internal/python_requirements.py").read_text()
    (version,) = set(re.findall(r"\bpip='([\d.]+)'", text))
    cache = home(venv) / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)


def environment(venv: Path) -> dict[str, str]:
    """Return the environment of a run: a home of its own, and only interpreters that were seen to run."""
    path = [venv / "bin", PYBIN, "/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "http", "no_proxy"))}
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    own = {"HOME": str(home(venv)), "PATH": ":".join(map(str, path)), "LC_ALL": "C.UTF-8", "PIP_QUIET": "1", "PIP_COMPILE": "0"}
    return {"PIP_CACHE_DIR": f"{cache}/pip", **kept, **own}


def run(venv: Path, *words: str) -> bool:
    """Run ansible-test, showing what it says; False if it failed or, as it does quietly, skipped everything."""
    print(f"-- ansible-core {core(venv)}: ansible-test {' '.join(words)}", flush=True)
    lay_get_pip(venv)
    command = [str(venv / "bin/python"), str(venv / "bin/ansible-test"), *words]
    here = stage.refresh("stage" if venv == NEWEST else "stage-floor")
    process = subprocess.Popen(command, cwd=here, env=environment(venv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    skipped = False
    for line in process.stdout or ():
        print(f"{core(venv)}: {line}", end="", flush=True)
        skipped = skipped or "All targets skipped" in line
    if skipped:
        print("ansible-test skipped every target: nothing was tested.")
    return process.wait() == 0 and not skipped


def together(*runs: Callable[[], bool]) -> bool:
    """Run what belongs to one environment beside that of the other, as each alone leaves processors idle; False if one failed."""
    with ThreadPoolExecutor() as pool:
        return all(list(pool.map(lambda one: one(), runs)))


def sanity(*words: str) -> bool:
    """Run the sanity tests on both ansible-cores; words are handed on (`--test pylint`), $FLOOR_ARGS to the oldest."""
    verified()
    less = os.environ.get("FLOOR_ARGS", "").split()
    return together(lambda: run(NEWEST, "sanity", *words), lambda: run(FLOOR, "sanity", *words, *less))


def units(*words: str) -> bool:
    """Run the unit tests on each Python at hand: with the newest ansible-core, or else with the oldest."""
    common = ["units", "--venv", "--requirements", *words]
    newest = [version for version in verified() if version in supported(NEWEST)]
    older = [version for version in verified() if version in supported(FLOOR) and version not in newest]
    print(f"Pythons: {', '.join(newest)} on ansible-core {core(NEWEST)}; {', '.join(older) or 'none'} on {core(FLOOR)}")
    return together(lambda: run(NEWEST, *common), lambda: False not in [run(FLOOR, *common, "--python", version) for version in older])


if __name__ == "__main__":
    os.makedirs(ROOT / ".build", exist_ok=True)
    with open(ROOT / ".build/stage.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sys.exit(not {"sanity": sanity, "units": units}[sys.argv[1]](*sys.argv[2:]))
