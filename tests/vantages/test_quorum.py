"""A node is down when most vantages that can see say so; asked of real servers in InfluxQL."""

from __future__ import annotations

from collections.abc import Callable

from collector.model.node import Node
from grafana.build.alerts import RULES
from grafana.build.rule import RuleQuery
from tests.support.rounds import MINUTE
from tests.support.vantage_watch import QUESTION, WINDOW_ROUNDS, Watch

Make = Callable[..., Watch]

SETTLED = 3 + WINDOW_ROUNDS
"""Rounds after which an outage fills the whole window of the question."""


def dead_for_all(node: Node) -> dict[str, set[Node]]:
    """No vantage reaches the node."""
    return {name: {node} for name in "abc"}


def test_the_alert_asks_the_same_question() -> None:
    """What is tested here is what Grafana asks."""
    (rule,) = [rule for rule in RULES if rule.uid == "crn-node-down"]
    asked = rule.parts["A"]
    assert isinstance(asked, RuleQuery)
    assert asked.text == QUESTION


def test_one_vantage(watch: Make) -> None:
    """Alone, a vantage is the majority."""
    alone = watch("a")
    alone.play_rounds(3)
    assert alone.down() == set()
    alone.play_rounds(SETTLED, dead={"a": {alone.nodes[0]}})
    assert alone.down() == {alone.nodes[0].hash}
    assert len(alone.shares()) == 3


def test_most_of_those_that_see(watch: Make) -> None:
    """Down for one of three is no outage, down for two is one, and its end is seen."""
    three = watch("a", "b", "c")
    first, second, _ = three.nodes
    three.play_rounds(3)
    three.play_rounds(SETTLED, dead={"a": {first, second}, "b": {second}, "c": set()})
    assert three.down() == {second.hash}
    three.play_rounds(SETTLED)
    assert three.down() == set()


def test_a_blind_vantage_does_not_vote(watch: Make) -> None:
    """It neither hides an outage that the others see nor keeps one that is over for them."""
    three = watch("a", "b", "c")
    first, second, _ = three.nodes
    three.play_rounds(3)
    three.play_rounds(SETTLED, dead=dead_for_all(first))
    three.play_rounds(SETTLED, dead=dead_for_all(second), blind="c")
    assert three.down() == {second.hash}
    assert len(three.shares()) == 3
    three.play_rounds(SETTLED, dead=dead_for_all(second), blind="b c")
    assert three.down() == {second.hash}


def test_two_that_disagree_beside_a_blind_one(watch: Make) -> None:
    """Half is not most, whatever the blind one remembers on the side of those that see it up."""
    three = watch("a", "b", "c")
    first, _, _ = three.nodes
    three.play_rounds(3)
    three.play_rounds(SETTLED, dead={"a": {first}}, blind="c")
    assert three.down() == set()


def test_all_blind(watch: Make) -> None:
    """Every series goes on, nothing new is called down, and what was down stays so."""
    three = watch("a", "b", "c")
    first, second, third = three.nodes
    three.play_rounds(3)
    three.play_rounds(SETTLED, dead=dead_for_all(first))
    three.play_rounds(2 * SETTLED, blind="a b c")
    assert three.shares() == {first.hash: 1.0, second.hash: 0.0, third.hash: 0.0}
    three.play_rounds(SETTLED)
    assert three.down() == set()


def test_a_vantage_that_has_never_seen(watch: Make) -> None:
    """Blind from its first round on, it calls nothing down and is in nobody's way."""
    three = watch("a", "b", "c")
    first, _, _ = three.nodes
    three.play_rounds(3, blind="c")
    three.play_rounds(SETTLED, dead=dead_for_all(first), blind="c")
    assert three.down() == {first.hash}
    ups = three.rows(
        f'SELECT count("up") FROM "crn_reachability" WHERE "vantage" = \'c\' '
        f"AND time > {three.time - SETTLED * MINUTE}s AND time <= {three.time}s"
    )
    assert ups == []


def test_vantages_do_not_clash(watch: Make) -> None:
    """Every vantage has its own point per node and round, and its own events."""
    three = watch("a", "b", "c")
    first = three.nodes[0]
    began = three.time
    three.play_rounds(3)
    three.play_rounds(SETTLED, dead=dead_for_all(first))
    span = f"time >= {began}s AND time < {three.time}s"
    points = three.rows(
        f'SELECT count("lost") AS n FROM "crn_reachability" WHERE {span} GROUP BY "node", "vantage"'
    )
    assert {(row["node"], row["vantage"]): row["n"] for row in points} == {
        (node.hash, name): 3 + SETTLED for node in three.nodes for name in "abc"
    }
    events = three.rows(
        f'SELECT count("since") AS n FROM "network_event" WHERE "kind" = \'down\' AND {span} '
        f'GROUP BY "node", "vantage"'
    )
    assert {(row["node"], row["vantage"]): row["n"] for row in events} == {
        (first.hash, name): 1 for name in "abc"
    }
