# Copyright: (c) 2026, the c10m.front_tier contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of c10m.front_tier as a fixture of these tests."""

from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()

pytest_plugins = ["ansible_collections.c10m.front_tier.plugins.plugin_utils.testinfra"]
