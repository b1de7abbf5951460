"""An alert rule as Grafana evaluates it: ask, reduce to the last value, join by labels, compute."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.grafana.dashboards import sent
from tests.grafana.database import Bucket

Labels = frozenset[tuple[str, str]]
Values = dict[Labels, float]

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


def firing(rule: Mapping[str, Any], bucket: Bucket, now: int) -> list[dict[str, str]]:
    """The labels of every alert whose condition holds at a time; one without any if no data is."""
    parts: dict[str, Values] = {}
    for part in rule["data"]:
        model = part["model"]
        if part["datasourceUid"] != "__expr__":
            begin = now - part["relativeTimeRange"]["from"]
            parts[part["refId"]] = _asked(bucket, sent(model["query"], begin, now))
        elif model["type"] == "reduce":
            assert model["reducer"] == "last"
            parts[part["refId"]] = parts[model["expression"]]
        else:
            parts[part["refId"]] = _computed(model["expression"], parts)
    result = parts[rule["condition"]]
    if not result:
        return [{}] if rule["noDataState"] == "Alerting" else []
    return sorted((dict(labels) for labels, value in result.items() if value), key=str)


def _asked(bucket: Bucket, query: str) -> Values:
    """The last value of each series that has one."""
    found: Values = {}
    for series in bucket.ask(query):
        values = [row[1] for row in series.values if row[1] is not None]
        if values:
            found[frozenset(series.tags.items())] = float(values[-1])
    return found


def _computed(expression: str, parts: Mapping[str, Values]) -> Values:
    """Math over every set of labels that all its letters share; no labels match any."""
    letters = sorted(set(re.findall(r"\$(\w)", expression)))
    joined: dict[Labels, dict[str, float]] = {frozenset(): {}}
    for letter in letters:
        joined = {
            have | labels: row | {letter: value}
            for have, row in joined.items()
            for labels, value in parts[letter].items()
            if not have or not labels or have == labels
        }
    text = expression.replace("$", "").replace("&&", " and ").replace("||", " or ")
    tree = ast.parse(text, mode="eval").body
    return {labels: float(_value(tree, row)) for labels, row in joined.items()}


def _value(node: ast.AST, row: Mapping[str, float]) -> float:
    match node:
        case ast.Name():
            return row[node.id]
        case ast.Constant():
            assert isinstance(node.value, int | float)
            return node.value
        case ast.Compare():
            left, right = _value(node.left, row), _value(node.comparators[0], row)
            return float(_OPERATORS[type(node.ops[0])](left, right))
        case ast.BoolOp():
            values = [_value(value, row) for value in node.values]
            return float(all(values) if isinstance(node.op, ast.And) else any(values))
        case _:
            raise ValueError(f"{ast.dump(node)} is not used by a rule")
