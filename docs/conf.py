"""Sphinx builds the documentation site from the Markdown of this folder."""

from __future__ import annotations

project = "crn-collector"
author = "the crn-collector authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "adr/template.md"]
myst_heading_anchors = 4  # `page.md#section` links to headings, as they do in the repository
html_theme = "furo"
html_title = "crn-collector"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
highlight_language = "none"  # what names no language is output
suppress_warnings = ["misc.highlighting_failure"]  # `$timeFilter` is Grafana's, not SQL
