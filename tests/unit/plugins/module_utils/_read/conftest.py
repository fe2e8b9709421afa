# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts to read in tests: trees of plain files and links below a temporary folder."""

from __future__ import annotations

import os

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


@pytest.fixture
def plant(tmp_path):
    """Return plant({path: text, bytes, or ("link", target)}): the root of a host with these files."""

    def plant(files):
        for path, content in files.items():
            where = str(tmp_path) + path
            os.makedirs(os.path.dirname(where), exist_ok=True)
            if path.endswith("/"):
                continue
            if isinstance(content, tuple):
                os.symlink(content[1], where)
            else:
                with open(where, "wb") as file:
                    file.write(content if isinstance(content, bytes) else content.encode())
        return Root(str(tmp_path))

    return plant
