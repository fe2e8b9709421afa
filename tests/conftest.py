# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests run: a loaded machine is slow, and that alone is no failure; ansible-test repeats the units on every Python.

`make units-here` tries as many examples as hypothesis likes; in the stage of ansible-test a few show what a Python lacks.
There no test gets a process of its own either, as `make units-here` has none: those forks take longer than the tests.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

IN_STAGE = ".build/stage" in __file__
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True, max_examples=15 if IN_STAGE else 100
)
settings.load_profile("patient")


def pytest_configure(config):
    """Leave out the plugin by which ansible-test forks for each test."""
    if config.pluginmanager.has_plugin("ansible_forked"):
        config.pluginmanager.unregister(name="ansible_forked")
