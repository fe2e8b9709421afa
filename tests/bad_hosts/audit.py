# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an audit without Ansible and print it as JSON: for interpreters, users and namespaces that have nothing else.

usage: python3 audit.py [root]     (the folder above ansible_collections in PYTHONPATH)
"""

from __future__ import annotations

import json
import sys

from ansible_collections.c10m.front_tier.plugins.module_utils._model.facts import complete
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.snapshot import read_snapshot

if __name__ == "__main__":
    print(json.dumps(complete(read_snapshot(Root(*sys.argv[1:])))))
