# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx: the pages of the repository, as they lie there, and the reference that antsibull-docs makes of plugins and roles."""

from __future__ import annotations

project = "c10m.front_tier"
author = copyright = "the c10m.front_tier contributors"  # noqa: A001 (Sphinx's own name)

extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
myst_fence_as_directive = ["toctree"]
intersphinx_mapping: dict[str, tuple[str, str]] = {}  # built without the network; links inside the collection are checked by antsibull-docs
suppress_warnings = ["ref.ref", "myst.xref_ambiguous"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = "c10m.front_tier"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
pygments_style = "ansible"
pygments_dark_style = "github-dark"
highlight_language = "YAML+Jinja"
default_role = "any"
