"""An alert rule as Grafana evaluates it: ask, reduce to the last value, join by labels, compute.

The joins are those of Grafana's server-side expressions. What a Grafana makes of a result without
tags differs by version: since September 2024 such a result carries the label `__name__`, before
it carried none. A rule is evaluated both ways, and must say the same.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.grafana_dashboards import sent
from tests.support.grafana_database import Bucket, Series

Labels = frozenset[tuple[str, str]]
NAME = "__name__"


@dataclass(frozen=True)
class Number:
    """One value of a query or an expression; None where the series had only nulls."""

    labels: Labels
    value: float | None


@dataclass(frozen=True)
class Outcome:
    """What an evaluation comes to."""

    numbers: tuple[Number, ...]
    """Of the condition; none without data."""
    empty: tuple[str, ...]
    """Queries without data. One of them is enough and Grafana judges nothing: it takes the
    state that the rule names for that."""
    parts: Mapping[str, tuple[Number, ...]]
    """Every query and expression by its letter, for the alert's text."""

    @property
    def alerting(self) -> list[dict[str, str]]:
        """The labels of each number that is neither null nor zero."""
        return sorted((dict(number.labels) for number in self.numbers if number.value), key=str)


class JoinError(AssertionError):
    """The condition of a rule has no series although each of its queries has."""


def firing(rule: Mapping[str, Any], bucket: Bucket, now: int) -> list[dict[str, str]]:
    """The labels of every alert whose condition holds at a time; one without any if no data is.

    Raise JoinError if a condition has no series although its queries have, and AssertionError if
    versions of Grafana would not agree.
    """
    answers = ask(rule, bucket, now)
    old, new = (evaluate(rule, answers, named=named) for named in (False, True))
    assert old.alerting == new.alerting, f"{rule['title']}: versions of Grafana would not agree"
    if old.empty:
        return [{}] if rule["noDataState"] == "Alerting" else []
    return old.alerting


def ask(rule: Mapping[str, Any], bucket: Bucket, now: int) -> dict[str, list[Series]]:
    """What the database answers to each query of a rule."""
    return {
        part["refId"]: bucket.ask(
            sent(part["model"]["query"], now - part["relativeTimeRange"]["from"], now)
        )
        for part in rule["data"]
        if part["datasourceUid"] != "__expr__"
    }


def evaluate(
    rule: Mapping[str, Any], answers: Mapping[str, Sequence[Series]], *, named: bool
) -> Outcome:
    """Judge a rule; `named` says whether a result without tags gets the label `__name__`."""
    parts: dict[str, tuple[Number, ...]] = {}
    for part in rule["data"]:
        ref, model = part["refId"], part["model"]
        if part["datasourceUid"] != "__expr__":
            parts[ref] = _reduced(answers[ref], named=named)
        elif model["type"] == "reduce":
            assert (model["reducer"], model["settings"]) == ("last", {"mode": "dropNN"})
            parts[ref] = parts[model["expression"]]
        else:
            parts[ref] = compute(model["expression"], parts)
    empty = tuple(sorted(ref for ref in answers if not parts[ref]))
    if empty:
        return Outcome((), empty, parts)
    numbers = parts[rule["condition"]]
    if not numbers:
        raise JoinError(f"{rule['title']}: the condition has no series, its queries have")
    labels = [number.labels for number in numbers]
    assert len(labels) == len(set(labels)), f"{rule['title']}: two series of the same labels"
    return Outcome(numbers, (), parts)


def compute(expression: str, parts: Mapping[str, tuple[Number, ...]]) -> tuple[Number, ...]:
    """Math over letters, in Grafana's syntax."""
    text = re.sub(r"\$(\w+)", r"\1", expression).replace("&&", " and ").replace("||", " or ")
    found = _walk(ast.parse(text, mode="eval").body, parts)
    assert not isinstance(found, float), f"{expression} is a constant"
    return found


def join(
    left: Sequence[Number], right: Sequence[Number]
) -> list[tuple[Labels, float | None, float | None]]:
    """Pairs that a binary operation is applied to.

    Equal labels match; no labels match any; a set matches the larger set that contains it, whose
    labels the pair gets. One series on each side match whatever their labels, and lose them.
    """
    pairs = [
        (a.labels | b.labels, a.value, b.value)
        for a in left
        for b in right
        if not (a.labels and b.labels) or a.labels <= b.labels or b.labels <= a.labels
    ]
    if not pairs and len(left) == len(right) == 1:
        return [(frozenset(), left[0].value, right[0].value)]
    return pairs


def _reduced(answer: Sequence[Series], *, named: bool) -> tuple[Number, ...]:
    """The last number of each series, with its labels."""
    found = []
    for series in answer:
        assert len(series.columns) == 2, "a second column would be a second series"
        values = [float(row[1]) for row in series.values if row[1] is not None]
        found.append(Number(frozenset(series.tags.items()), values[-1] if values else None))
    if not named or any(number.labels for number in found):
        return tuple(found)
    names = [f"{series.name}.{series.columns[1]}" for series in answer]
    return tuple(
        Number(frozenset({(NAME, name)}), number.value)
        for name, number in zip(names, found, strict=True)
    )


_Operand = tuple[Number, ...] | float


def _walk(node: ast.AST, parts: Mapping[str, tuple[Number, ...]]) -> _Operand:
    match node:
        case ast.Name():
            return parts[node.id]
        case ast.Constant():
            assert isinstance(node.value, int | float)
            return float(node.value)
        case ast.Compare():
            (comparison,), (right,) = node.ops, node.comparators
            return _binary(
                _OPERATORS[type(comparison)], _walk(node.left, parts), _walk(right, parts)
            )
        case ast.BinOp():
            kind = _OPERATORS[type(node.op)]
            return _binary(kind, _walk(node.left, parts), _walk(node.right, parts))
        case ast.BoolOp():
            first, *rest = (_walk(value, parts) for value in node.values)
            for other in rest:
                first = _binary(_OPERATORS[type(node.op)], first, other)
            return first
        case _:
            raise ValueError(f"{ast.dump(node)} is not used by a rule")


def _binary(kind: Callable[[float, float], float], left: _Operand, right: _Operand) -> _Operand:
    if isinstance(left, float) and isinstance(right, float):
        return kind(left, right)
    bare: Labels = frozenset()
    a = (Number(bare, left),) if isinstance(left, float) else left
    b = (Number(bare, right),) if isinstance(right, float) else right
    return tuple(
        Number(labels, None if x is None or y is None else kind(x, y))
        for labels, x, y in join(a, b)
    )


def _strict(kind: Callable[[float, float], Any]) -> Callable[[float, float], float]:
    """Not a number if a side is not."""

    def applied(a: float, b: float) -> float:
        return math.nan if math.isnan(a) or math.isnan(b) else float(kind(a, b))

    return applied


def _both(a: float, b: float) -> float:
    return 0.0 if a == 0 else _strict(lambda x, y: x != 0 and y != 0)(a, b)


def _either(a: float, b: float) -> float:
    return 1.0 if a != 0 else _strict(lambda x, y: x != 0 or y != 0)(a, b)


def _divided(a: float, b: float) -> float:
    """As floating point does it: by zero it is infinite, or not a number (which alerts)."""
    if b:
        return a / b
    return math.copysign(math.inf, a) if a else math.nan


_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Gt: _strict(operator.gt),
    ast.GtE: _strict(operator.ge),
    ast.Lt: _strict(operator.lt),
    ast.LtE: _strict(operator.le),
    ast.Eq: _strict(operator.eq),
    ast.NotEq: _strict(operator.ne),
    ast.Add: _strict(operator.add),
    ast.Sub: _strict(operator.sub),
    ast.Mult: _strict(operator.mul),
    ast.Div: _strict(_divided),
    ast.And: _both,
    ast.Or: _either,
}
