# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root as it will be: a host's files with those of a plan in their place, read by the same readers. Private to the collection."""

from __future__ import annotations

import os

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root


class PlannedRoot(Root):
    """A root in which some files have another text, or None where they are gone."""

    def __init__(self, root: Root, files: dict[str, str | None]) -> None:
        super().__init__(root.top or "/")
        self.files = files

    def text(self, path: str) -> str | dict[str, str]:
        """Return the planned text, else the one on disk."""
        if path not in self.files:
            return super().text(path)
        text = self.files[path]
        return absent("unknown", "%s: will not be there" % path) if text is None else text

    def names(self, path: str) -> list[str]:
        """Return the names in a folder as they will be."""
        found = set(super().names(path))
        for name, text in self.files.items():
            if os.path.dirname(name) == path:
                (found.discard if text is None else found.add)(os.path.basename(name))
        return sorted(found)

    def exists(self, path: str) -> bool:
        """Tell whether a path will exist."""
        return self.files[path] is not None if path in self.files else super().exists(path)

    def links(self, path: str) -> dict[str, str]:
        """Return the links in a folder as they will be."""
        return {name: target for name, target in super().links(path).items() if "%s/%s" % (path, name) not in self.files}

    def link(self, path: str) -> str | None:
        """Return where a link points; a planned file is none."""
        return None if path in self.files else super().link(path)
