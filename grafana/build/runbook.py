"""The runbook: docs/alerts.md read into sections, so that Grafana can show it too.

An alert can then link to it wherever Grafana runs, without knowing where the project is hosted.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from grafana.build.dashboard import RUNBOOK, dashboard
from grafana.build.grid import row
from grafana.build.panel import text
from grafana.build.query import Json
from grafana.build.rule import Rule

SOURCE: Final = Path(__file__).parents[2] / "docs" / "alerts.md"
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)


def sections() -> dict[str, str]:
    """Text of each section by its heading, in order."""
    parts = _HEADING.split(SOURCE.read_text(encoding="utf-8"))
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def panel_of(rule: Rule) -> int:
    """The panel that shows the section of a rule; ids count from 1."""
    titles = list(sections())
    if rule.title not in titles:
        raise LookupError(f"{SOURCE.name} has no section «{rule.title}»")
    return titles.index(rule.title) + 1


def build() -> Json:
    """The runbook as a dashboard: a panel for each section."""
    rows = []
    for title, body in sections().items():
        height = 3 + sum(1 + len(line) // 160 for line in body.splitlines())
        rows.append(row(max(5, round(height * 0.66)), (24, text(title, body))))
    return dashboard(
        RUNBOOK,
        "CRN runbook",
        "What each alert means and what to do; the same text as docs/alerts.md.",
        rows,
        refresh="",
    )
