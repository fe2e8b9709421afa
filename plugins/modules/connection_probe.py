#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold real TCP connections, and count them on both sides."""

from __future__ import annotations

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.probe import run  # noqa: E402


def main() -> None:
    """Run the module."""
    run()


if __name__ == "__main__":
    main()
