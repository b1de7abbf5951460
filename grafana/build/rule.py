"""An alert rule as file provisioning reads it: queries, expressions over them, words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from grafana.build.dashboard import COLLECTOR, NETWORK, NODE, RUNBOOK
from grafana.build.query import Json

SOURCE: Final = "crn-influxdb"
"""Uid of the provisioned data source: a rule cannot have a variable there."""
RECEIVER: Final = "CRN operators"
NODE_LINK: Final = (
    f"{{{{ externalURL }}}}d/{NODE}/node?var-node={{{{ $labels.node }}}}"
    "&var-name={{ urlquery $labels.name }}"
)
NETWORK_LINK: Final = f"{{{{ externalURL }}}}d/{NETWORK}/network"
COLLECTOR_LINK: Final = f"{{{{ externalURL }}}}d/{COLLECTOR}/collector"
_EXPRESSION: Final[Json] = {"type": "__expr__", "uid": "__expr__"}


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """A query of a rule over the last while."""

    text: str
    over: timedelta

    def part(self, ref: str) -> Json:
        """As an element of the rule's `data`."""
        return {
            "refId": ref,
            "relativeTimeRange": {"from": int(self.over.total_seconds()), "to": 0},
            "datasourceUid": SOURCE,
            "model": {
                "refId": ref,
                "datasource": {"type": "influxdb", "uid": SOURCE},
                "query": self.text,
                "rawQuery": True,
                "resultFormat": "time_series",
                "intervalMs": 60_000,
                "maxDataPoints": 43_200,
            },
        }


@dataclass(frozen=True, slots=True)
class Last:
    """The last value of each series of a query."""

    of: str

    def part(self, ref: str) -> Json:
        """As an element of the rule's `data`."""
        return _expression(
            ref, type="reduce", expression=self.of, reducer="last", settings={"mode": "dropNN"}
        )


@dataclass(frozen=True, slots=True)
class Math:
    """An expression over reduced queries; non-zero is true."""

    text: str

    def part(self, ref: str) -> Json:
        """As an element of the rule's `data`."""
        return _expression(ref, type="math", expression=self.text)


def share(part: str, whole: str) -> Math:
    """One figure of the whole network by another, as a number without labels.

    Newer Grafanas give a result without tags the label `__name__`, the name of its column, and
    then it joins no series of a node: the rule would never fire. An operation on two single
    results whose names differ drops that label, so the columns must have names of their own
    (`AS "lost"`). A whole of zero counts as one: zero by zero is not a number, which alerts.
    """
    return Math(f"${part} / (${whole} + (${whole} == 0))")


def value_text(ref: str, how: str, before: str = "", after: str = "", without: str = "") -> str:
    """A template that shows a value by a function, or other words where there is no value.

    A rule without data makes its text too, and a function of nothing is an error.
    """
    otherwise = f"{{{{ else }}}}{without}" if without else ""
    value = f"{{{{ {how} $values.{ref}.Value }}}}"
    return f"{{{{ if $values.{ref} }}}}{before}{value}{after}{otherwise}{{{{ end }}}}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition, and the notification when it holds."""

    uid: str
    title: str
    severity: str
    parts: dict[str, RuleQuery | Last | Math]
    """By their letter; C is the condition."""
    hold: timedelta
    """How long the condition must hold before it is notified."""
    summary: str
    """What happened, to whom, since when. A template."""
    action: str
    """What to do. Plain text."""
    link: str
    """The dashboard to open. A template."""
    when_empty: str = "KeepLast"
    on_error: str = "KeepLast"
    """When nothing is written, or the database does not answer, one rule says so; the others
    keep the state that they had, so that a dead collector resolves no outage."""

    @property
    def anchor(self) -> str:
        """Its section in docs/alerts.md."""
        return self.title.lower().replace(" ", "-")

    def written(self, panel: int) -> Json:
        """As file provisioning reads it; `panel` is its panel on the runbook dashboard."""
        _no_variables(self.title, self.uid)
        return {
            "uid": self.uid,
            "title": self.title,
            "condition": "C",
            "data": [part.part(ref) for ref, part in self.parts.items()],
            "for": _duration(self.hold),
            "noDataState": self.when_empty,
            "execErrState": self.on_error,
            "annotations": {
                "summary": self.summary,
                "description": self.action,
                "dashboard": self.link,
                "runbook_url": f"{{{{ externalURL }}}}d/{RUNBOOK}/runbook?viewPanel={panel}",
                "runbook": f"docs/alerts.md#{self.anchor}",
            },
            "labels": {"severity": self.severity, "product": "crn"},
            "isPaused": False,
            "notification_settings": {
                "receiver": RECEIVER,
                "group_by": ["grafana_folder", "alertname"],
                "group_wait": "30s",
                "group_interval": "5m",
                "repeat_interval": "12h",
            },
        }


def group(name: str, rules: list[Json], folder: str) -> Json:
    """Rules that are evaluated together once a minute."""
    return {"orgId": 1, "name": name, "folder": folder, "interval": "60s", "rules": rules}


def _expression(ref: str, **model: Any) -> Json:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": ref, "datasource": _EXPRESSION} | model,
    }


def _duration(span: timedelta) -> str:
    return f"{int(span.total_seconds())}s"


def _no_variables(*texts: str) -> None:
    """Provisioning would expand `$NAME` there to nothing."""
    for text in texts:
        if "$" in text:
            raise ValueError(f"{text!r} holds a dollar sign")
