# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What git tracks names no machine: no path of somebody's checkout, no host of a package registry or mirror."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The names are put together here, so that this file does not hold them.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("files", "pythonhosted", "org"), ("deb", "debian", "org"), ("security", "debian", "org"),
        ("registry", "npmjs", "org"), ("docker", "io"), ("quay", "io"), ("ghcr", "io"),
    )
]  # fmt: skip
HOST = re.compile(r"\w+://(?:[^/@\s]*@)?([^/:\s\"']+)")


def settings() -> str:
    """Return the texts that tell this machine's package managers where to go."""
    places = [Path("/etc/pip.conf"), Path("/etc/apt/sources.list"), *Path("/etc/apt").glob("sources.list.d/*")]
    texts = [path.read_text(errors="replace") for path in places if path.is_file()]
    return "\n".join(texts + [value for name, value in os.environ.items() if name.lower().endswith(("_proxy", "_index_url"))])


def forbidden() -> list[str]:
    """Return the words that no tracked file may hold, on this machine."""
    hosts = {host for host in HOST.findall(settings()) if "." in host and not re.fullmatch(r"127\.[\d.]+", host)}
    paths = {str(ROOT) + "/", "/root/" + ".pyenv", "/wo" + "rk/"}
    return sorted(hosts | set(REGISTRIES) | paths)


def texts() -> list[tuple[str, str]]:
    """Return (name, text) of every tracked file that exists."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [name for name in names.split("\0") if name and (ROOT / name).is_file()]
    return [(name, (ROOT / name).read_text(encoding="utf-8", errors="replace")) for name in files]


def offences(files: list[tuple[str, str]], words: list[str]) -> list[str]:
    """Return name:line: word for each forbidden word, where no letter, digit, dot or dash goes before it."""
    pattern = re.compile(r"(?<![\w.-])(?:%s)" % "|".join(map(re.escape, words)))
    return [
        f"{name}:{number}: {found.group()}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), 1)
        for found in pattern.finditer(line)
    ]


def test_no_tracked_file_names_a_machine() -> None:
    """Every offender is named with its line and the word."""
    assert [] == offences(texts(), forbidden())


@pytest.mark.parametrize("word", [*REGISTRIES, str(ROOT) + "/README.md", "/root/" + ".pyenv/versions"])
def test_a_seeded_word_is_found(word: str) -> None:
    """The rule finds what it is for."""
    assert len(offences([("seeded", f"see\nhttps://{word} or {word}\n")], forbidden())) >= 1
