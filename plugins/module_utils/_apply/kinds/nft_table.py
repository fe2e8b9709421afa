# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of nftables as things, each replaced as a whole and at once, in this network namespace. Private to the collection.

A name is "inet front_tier", a value the table as `nft list table` prints it. What is read is compared by meaning, since
releases of nft differ in how they write numbers and order sets.
"""

from __future__ import annotations

import os
import re
import subprocess

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

SECONDS = 30
NOT_THERE = "No such file or directory"
PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0}


def read(root: Root, names: list[str]) -> dict[str, str | None]:
    """Return {name: text, None where there is no such table}. Raises OSError where nft cannot tell."""
    return {name: _read(name) for name in names}


def _read(name: str) -> str | None:
    done = _nft("-s", "list", "table", *name.split())
    if done.returncode == 0:
        return done.stdout
    if NOT_THERE in done.stderr:
        return None
    raise OSError(0, words_of(done.stderr))


def write(root: Root, name: str, value: str | None) -> None:
    """Replace a table by another, or take it away, in one transaction of the kernel. Raises OSError."""
    done = _nft("-f", "-", text=replacing(name, value))
    if done.returncode:
        raise OSError(0, words_of(done.stderr))


def replacing(name: str, value: str | None) -> str:
    """Return what makes nft put `value` in the place of a table, whether there is one or not."""
    return "table %s\ndelete table %s\n%s" % (name, name, value or "")


def refused(name: str, value: str) -> str | None:
    """Return in words why nft or the kernel would refuse a table, None where they take it: everything but the commit is done."""
    try:
        done = _nft("-c", "-f", "-", text=replacing(name, value))
    except OSError as error:
        return str(error.strerror or error)
    return words_of(done.stderr) if done.returncode else None


def same(name: str, one: str, other: str) -> bool:
    """Tell whether two tables mean the same."""
    return meaning(one) == meaning(other)


def meaning(text: str) -> list[str]:
    """Return the lines of a table with numbers, sets and blanks written one way."""
    found = []
    for line in text.replace('"', "").splitlines():
        line = re.sub(r"\b0x[0-9a-f]+\b", lambda match: str(int(match.group(), 16)), " ".join(line.split()))
        line = re.sub(r"\bpriority (\w+);", lambda match: "priority %s;" % PRIORITIES.get(match.group(1), match.group(1)), line)
        line = re.sub(r"\{ ([^{}]*) \}", lambda match: "{ %s }" % ", ".join(sorted(match.group(1).split(", "))), line)
        found += [line] if line else []
    return found


def words_of(stderr: str) -> str:
    """Return the first line in which nft says what is wrong."""
    lines = [line.strip() for line in stderr.splitlines() if "rror" in line]
    return "nft: %s" % (lines[0] if lines else stderr.strip() or "failed without a word")


def _nft(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run nft. Raises OSError where it is not installed or does not end."""
    environment = dict(os.environ, LC_ALL="C", PATH=os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin")
    try:
        # _apply knows no AnsibleModule, whose run_command() bounds no time.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            ["nft", *arguments],
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise OSError(0, "nft is not installed (package nftables)") from None
    except subprocess.TimeoutExpired:
        raise OSError(0, "nft did not end within %d s" % SECONDS) from None
