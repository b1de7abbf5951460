"""Evaluate every rule through Grafana, and look at the states that it keeps.

A rule whose queries have data and whose condition has none never fires, and looks healthy: its
health is `ok` and it keeps the state that it had. So each is evaluated once more, and a state
that is there for want of data is told apart from one that was evaluated.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from grafana.build.alerts import RULES
from grafana.build.files import rules
from grafana.build.query import Json
from grafana.build.rule import Rule
from grafana.check.api import Grafana, RefusedError

POLL_SECONDS: Final = 5.0
EVALUATED_SECONDS: Final = 180.0
_NEVER: Final = "0001"
"""Begin of a time that was never set."""
_UNJUDGED: Final = re.compile(r"NoData|Error")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation of a rule gave."""

    counts: dict[str, int]
    """Series of each query and of the condition."""
    condition: str
    alerting: int
    labels: frozenset[str]
    """Names of the labels of the condition's series."""
    error: str = ""

    @property
    def empty(self) -> list[str]:
        """Queries without data."""
        return [ref for ref, count in self.counts.items() if not count and ref != self.condition]


def evaluate_rules(grafana: Grafana) -> Iterator[str]:
    """A line for each rule, evaluated now; `!` before one that cannot fire."""
    for rule in RULES:
        found = evaluate(grafana, rule.uid)
        problem = _objection(rule, found)
        counted = ", ".join(f"{ref} {count}" for ref, count in found.counts.items())
        words = problem or f"{found.alerting} alerting"
        yield f"{'! ' if problem else ''}{rule.title}: {words} (series: {counted})"


def evaluate(grafana: Grafana, uid: str) -> Evaluation:
    """Evaluate a rule as it is in Grafana, or as it is written if it is not there."""
    rule = grafana.find(f"/api/v1/provisioning/alert-rules/{uid}") or _written(uid)
    body = {key: rule[key] for key in ("data", "condition")}
    body["now"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = [part["refId"] for part in rule["data"] if part["datasourceUid"] != "__expr__"]
    condition = rule["condition"]
    try:
        results = grafana.call("/api/v1/eval", body)["results"]
    except RefusedError as refused:
        return Evaluation({}, condition, 0, frozenset(), str(refused))
    series = {ref: _series(results.get(ref, {})) for ref in (*asked, condition)}
    error = next((one["error"] for one in results.values() if one.get("error")), "")
    return Evaluation(
        {ref: len(found) for ref, found in series.items()},
        condition,
        sum(bool(_value(frame)) for frame in series[condition]),
        frozenset(name for frame in series[condition] for name in _labels(frame)),
        error,
    )


def states(grafana: Grafana, wake: threading.Event) -> Iterator[str]:
    """A line for each rule with the states of its alerts, when all were evaluated."""
    known = {rule.title: rule for rule in RULES}
    deadline = time.monotonic() + EVALUATED_SECONDS
    while True:
        found = {rule["name"]: rule for rule in _evaluated(grafana) if rule["name"] in known}
        if found.keys() == known.keys() or time.monotonic() > deadline:
            break
        wake.wait(POLL_SECONDS)
    for title, rule in known.items():
        if title in found:
            yield _state(rule, found[title])
        else:
            yield f"! {title}: was never evaluated"


def _state(rule: Rule, found: Json) -> str:
    """The line of one rule; not well is a state that nothing was judged for."""
    counts = Counter(str(alert["state"]) for alert in found.get("alerts", ()))
    quiet = {"Normal (NoData)"} if rule.when_empty == "OK" else set()
    unjudged = any(_UNJUDGED.search(state) for state in counts.keys() - quiet)
    well = found["health"] == "ok" and not unjudged
    shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    parts = [f"{found['state']}, health {found['health']}", shown, found.get("lastError", "")]
    return f"{'' if well else '! '}{rule.title}: {'; '.join(part for part in parts if part)}"


def _objection(rule: Rule, found: Evaluation) -> str:
    """Why the rule cannot fire or resolve; nothing if it can."""
    if found.error:
        return found.error
    if found.empty:
        if rule.when_empty == "OK":
            return ""  # it counts events, and there may be none
        return f"{' and '.join(found.empty)} without data, so the condition is not evaluated"
    if not found.counts[found.condition]:
        return "the condition has no series although its queries have, so it never fires"
    if "__name__" in found.labels:
        return "its alerts carry the label __name__"
    return ""


def _evaluated(grafana: Grafana) -> Iterator[Json]:
    answer = grafana.call("/api/prometheus/grafana/api/v1/rules")
    for group in answer["data"]["groups"]:
        for rule in group["rules"]:
            if not rule["lastEvaluation"].startswith(_NEVER):
                yield rule


def _series(result: Json) -> list[Json]:
    """Frames that hold anything; without data there is none, or one without fields."""
    return [frame for frame in result.get("frames") or () if frame["schema"].get("fields")]


def _value(frame: Json) -> float | None:
    """The number of a frame of the condition; Grafana tells not a number beside it."""
    values = frame["data"]["values"]
    if not values or not values[0]:
        return None
    entities = (frame["data"].get("entities") or [None])[0]
    number: float | None = 1.0 if entities else values[0][0]
    return number


def _labels(frame: Json) -> dict[str, str]:
    labels: dict[str, str] = frame["schema"]["fields"][0].get("labels") or {}
    return labels


def _written(uid: str) -> Json:
    """The rule as it is in the file."""
    found = (rule for group in rules()["groups"] for rule in group["rules"])
    return next(rule for rule in found if rule["uid"] == uid)
