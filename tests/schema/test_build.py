"""Which points a round has, and their tags."""

from __future__ import annotations

import pytest

from collector.model.status import JudgedRound
from collector.schema.build import (
    points_of,
)
from collector.schema.column import ColumnKind
from tests.support.expected_schema import SCHEMA
from tests.support.rounds import (
    Rounds,
    bad,
    good,
    gpu,
    node,
    usage,
)


def _shape(judged: JudgedRound) -> dict[str, set[tuple[str, ...]]]:
    """By measurement, every set of tags that is written."""
    shapes: dict[str, set[tuple[str, ...]]] = {}
    for point in points_of(judged, "here", "0"):
        pairs = zip(point.columns(), point.row(), strict=True)
        tags = tuple(c.name for c, value in pairs if c.kind is ColumnKind.TAG and value)
        shapes.setdefault(point.MEASUREMENT, set()).add(tags)
    return shapes


def test_the_shard_is_on_counts_and_sums_only() -> None:
    """What is counted over nodes carries the shard; a node's own points do not."""
    rounds = Rounds()
    rounds.play_round(lambda order: good(order.node, usage=usage(gpu())))
    made = list(points_of(rounds.play_round([bad(node())]), "here", "eu-1"))
    made += points_of(
        rounds.play_round(lambda order: good(order.node, usage=usage(gpu()))), "here", "eu-1"
    )
    shards = {p.MEASUREMENT: getattr(p, "shard", None) for p in made}
    counts = dict.fromkeys(["network", "network_gpu", "network_version", "network_failure"], "eu-1")
    assert {name: shard for name, shard in shards.items() if shard} == counts
    assert {"crn_reachability", "crn_usage", "crn_gpu", "crn_probe"} <= set(shards)


@pytest.mark.parametrize("letters", ["G", "GBBB", "X", "GX", "U", "P", "GBBBGG"])
def test_tag_sets_never_change(letters: str) -> None:
    """Whatever happens, a measurement's points have all of its tags."""
    for judged in Rounds().play(letters):
        assert _shape(judged) == {name: {tuple(SCHEMA[name][0].split())} for name in _shape(judged)}


def test_a_round_is_small() -> None:
    """A round of 600 nodes is about two points a node once the first hour's facts are out."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(100)))
    rounds.play_round()
    counts = [len(list(points_of(rounds.play_round(), "here", "0"))) for _ in range(30)]
    assert max(counts) < 300
    assert sum(counts) / len(counts) < 250
