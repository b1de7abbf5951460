"""The evaluator joins as Grafana does, and notices a rule that could never fire."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from grafana.build.rule import Last, Math, RuleQuery, share
from tests.support.grafana_database import Series
from tests.support.rule_evaluation import JoinError, Number, compute, evaluate, join

A, B = {"node": "a"}, {"node": "b"}
LOST, LISTED = {"__name__": "network.lost"}, {"__name__": "network.listed"}


def number(value: float | None, **labels: str) -> Number:
    """One value with its labels."""
    return Number(frozenset(labels.items()), value)


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ([A, B], [A, B], [A, B]),
        ([A, B], [{}], [A, B]),
        ([{}], [A, B], [A, B]),
        ([A, B], [A | {"name": "x"}], [A | {"name": "x"}]),
        ([A | {"name": "x"}, B], [A], [A | {"name": "x"}]),
        ([A, B], [LOST], []),
        ([A, B], [B], [B]),
        ([A], [B], [{}]),
        ([LOST], [LISTED], [{}]),
        ([LOST], [LOST], [LOST]),
        ([LOST], [{}], [LOST]),
        ([A, B], [], []),
    ],
)
def test_series_join_by_labels(
    left: list[dict[str, str]], right: list[dict[str, str]], joined: list[dict[str, str]]
) -> None:
    """Equal labels, none on one side, a subset; and one series on each side whatever they are."""
    pairs = join([number(1, **one) for one in left], [number(2, **one) for one in right])
    assert [dict(labels) for labels, _, _ in pairs] == joined


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$X > 2 && $Y < 5", 1.0),
        ("$X > 3 || $Y > 3", 1.0),
        ("$X / $Y", 0.75),
        ("$X / ($Z + ($Z == 0))", 3.0),
        ("$X < 0.1 * $Y", 0.0),
        ("$X > 4 && $Z / $Z > 1", 0.0),
        ("$X + $N", None),
    ],
)
def test_math(expression: str, value: float | None) -> None:
    """Comparisons are 1 or 0, && and || are decided by their first side, null stays null."""
    parts = {"X": 3.0, "Y": 4.0, "Z": 0.0, "N": None}
    found = compute(expression, {ref: (number(value),) for ref, value in parts.items()})
    assert [one.value for one in found] == [value]


def test_zero_by_zero_alerts() -> None:
    """It is not a number, and Grafana takes everything but zero for true."""
    (found,) = compute("$Z / $Z > 0.5", {"Z": (number(0.0),)})
    assert found.value is not None
    assert math.isnan(found.value)


NODES = [Series("crn_reachability", tags, ["time", "x"], [[0, 1.0]]) for tags in (A, B)]


def total(column: str, value: float) -> list[Series]:
    """The answer to a query without tags."""
    return [Series("network", {}, ["time", column], [[0, value]])]


def judged(answers: dict[str, list[Series]], named: bool, **math: Math) -> list[dict[str, str]]:
    """What alerts by the condition C, over the last of each answer (`A` is the last of `QA`)."""
    asks = {f"Q{ref}": RuleQuery("", timedelta(0)) for ref in answers}
    lasts = {ref: Last(f"Q{ref}") for ref in answers}
    data = [part.part(ref) for ref, part in (asks | lasts | math).items()]
    rule = {"title": "Some rule", "condition": "C", "data": data}
    found = evaluate(rule, {f"Q{ref}": answer for ref, answer in answers.items()}, named=named)
    return found.alerting


def test_a_total_of_one_query_joins_no_node_any_more() -> None:
    """A quotient of the database's own: it alerted before the label came, and never since."""
    answers = {"B": NODES, "N": total("max_max", 0.1)}
    condition = Math("$B > 0.5 && $N < 0.3")
    assert judged(answers, named=False, C=condition) == [A, B]
    with pytest.raises(JoinError):
        judged(answers, named=True, C=condition)


@pytest.mark.parametrize("named", [False, True])
def test_a_share_joins_every_node(named: bool) -> None:
    """The quotient of two queries has no label, with either behaviour."""
    answers = {"B": NODES, "L": total("lost", 1), "T": total("listed", 10)}
    condition = Math("$B > 0.5 && $N < 0.3")
    assert judged(answers, named=named, N=share("L", "T"), C=condition) == [A, B]


def test_a_share_of_one_name_keeps_the_label() -> None:
    """The columns must have names of their own."""
    answers = {"B": NODES, "L": total("max", 1), "T": total("max", 10)}
    with pytest.raises(JoinError):
        judged(answers, named=True, N=share("L", "T"), C=Math("$B > 0.5 && $N < 0.3"))


def test_one_query_without_data_is_enough() -> None:
    """Grafana judges nothing then, even if the condition does not need that query."""
    answers = {"B": NODES, "S": []}
    assert judged(answers, named=True, C=Math("$B > 0.5")) == []
    assert judged({"B": NODES}, named=True, C=Math("$B > 0.5")) == [A, B]
