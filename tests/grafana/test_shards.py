"""Several shards answer as one collector of all nodes does, on every InfluxDB that is here."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from collector.schema.line_protocol import lines
from tests.support.grafana_dashboards import DASHBOARDS, load, panels, rules, sent
from tests.support.grafana_database import Bucket, Database, Fill, Series
from tests.support.grafana_story import HOUR, Outage, Story
from tests.support.rule_evaluation import ask, evaluate, firing

T0 = 1_780_002_000
END = T0 + 3 * HOUR
ONE = Story(
    begin=T0,
    end=END,
    seed=4,
    dead_ratio=0.2,
    gpu_ratio=0.3,
    outages=(
        Outage(frozenset(range(20)), T0 + HOUR, T0 + HOUR + 1800),
        Outage(frozenset({2, 25}), END - 1800, END + HOUR),
    ),
    blind=(("default", T0 + 2 * HOUR, T0 + 2 * HOUR + 300),),
    silent=((T0 + 2 * HOUR + 900, T0 + 2 * HOUR + 1140),),
)
TWO_VANTAGES = dataclasses.replace(ONE, vantages=("default", "second"), end=T0 + HOUR)
NODE = next(machine for machine in ONE.machines() if machine.gpus and not machine.dead)
TARGETS = [
    pytest.param(panel, target["query"], id=f"{path.stem}-{panel['title']}-{target['refId']}")
    for path in DASHBOARDS
    for panel in panels(load(path))
    for target in panel["targets"]
    if 'FROM "crn_' not in target["query"]  # points of nodes have no shard
]


def _is_by_shard(query: str) -> bool:
    """Whether the answer names the shard, and so is another one for each."""
    return '"shard"' in query.rpartition(" GROUP BY ")[2]


def _answer(bucket: Bucket, panel: dict[str, Any], query: str, end: int) -> list[Series]:
    since = panel.get("timeFrom")
    begin = end - int(since[:-1]) * 60 if since else T0
    return bucket.ask(sent(query, begin, end, step=300, node=NODE.hash, name=NODE.name))


def _comparable(panel: dict[str, Any], answer: list[Series]) -> dict[str, list[list[Any]]]:
    """What a panel shows, by the tags; of the panels that show a time, the time only."""
    only_time = panel["options"].get("reduceOptions", {}).get("fields") == "/^Time$/"
    return {
        str(sorted(series.tags.items())): [
            [
                pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                for value in (row[:1] if only_time else row)
            ]
            for row in sorted(series.values, key=str)
        ]
        for series in answer
    }


@pytest.mark.parametrize("shards", [2, 3])
@pytest.mark.parametrize("story", [ONE, TWO_VANTAGES], ids=["one vantage", "two vantages"])
@pytest.mark.parametrize(("panel", "query"), TARGETS)
def test_every_panel_shows_the_same(
    fill: Fill, story: Story, shards: int, panel: dict[str, Any], query: str
) -> None:
    """Sums over the shards are those of one collector; what is by shard names each of them."""
    whole = _answer(fill(story), panel, query, story.end)
    split = _answer(fill(dataclasses.replace(story, shards=shards)), panel, query, story.end)
    if _is_by_shard(query):
        assert {one.tags["shard"] for one in split} == {str(number) for number in range(shards)}
    else:
        assert _comparable(panel, split) == _comparable(panel, whole)


@pytest.mark.parametrize("shards", [2, 3])
@pytest.mark.parametrize("story", [ONE, TWO_VANTAGES], ids=["one vantage", "two vantages"])
@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
def test_every_rule_says_the_same(
    fill: Fill, story: Story, shards: int, rule: dict[str, Any]
) -> None:
    """Every figure and every alert, but for the shards that they name."""
    whole, split = fill(story), fill(dataclasses.replace(story, shards=shards))
    for now in range(T0 + 600, story.end + 1, 600):
        assert _figures(rule, split, now) == _figures(rule, whole, now)
        assert _alerts(rule, split, now) == _alerts(rule, whole, now)


def _figures(rule: dict[str, Any], bucket: Bucket, now: int) -> dict[str, Any]:
    parts = evaluate(rule, ask(rule, bucket, now), named=True).parts
    return {
        f"{ref} {sorted(label for label in number.labels if label[0] != 'shard')}": (
            pytest.approx(number.value)
        )
        for ref, numbers in parts.items()
        for number in numbers
    }


def _alerts(rule: dict[str, Any], bucket: Bucket, now: int) -> set[str]:
    return {
        str({name: value for name, value in sorted(alert.items()) if name != "shard"})
        for alert in firing(rule, bucket, now)
    }


def test_vantages_are_averaged_and_shards_are_summed(fill: Fill) -> None:
    """Two vantages with two shards each list every node once."""
    bucket = fill(dataclasses.replace(TWO_VANTAGES, shards=2))
    for panel in panels(load(next(path for path in DASHBOARDS if path.stem == "network"))):
        if panel["title"] == "Nodes up over time":
            (series,) = _answer(bucket, panel, panel["targets"][0]["query"], T0 + HOUR - 60)
            assert set(series.column("Listed")) == {ONE.count}
            return
    pytest.fail("no such panel")


UPGRADE = T0 + HOUR + 120
"""In the middle of a step of five minutes."""


@pytest.fixture(scope="module")
def upgraded(database: Database) -> Bucket:
    """The first hour written by the version before, which knew no shards."""
    if database.kind.startswith("3"):
        pytest.skip("the tags of a table are fixed there")
    bucket = database.create("upgraded")
    before = dataclasses.replace(ONE, stopped=(("default", "0", UPGRADE),))
    bucket.write_lines(lines(before.points()).replace(b",shard=0", b""))
    bucket.write(point for point in ONE.points() if point.time >= UPGRADE)
    return bucket


@pytest.mark.parametrize(("panel", "query"), TARGETS)
def test_points_without_a_shard_count_once(
    fill: Fill, upgraded: Bucket, panel: dict[str, Any], query: str
) -> None:
    """History goes on over the upgrade, and no step counts it twice."""
    for end in (UPGRADE + 60, UPGRADE + 240, END):
        answer = _answer(upgraded, panel, query, end)
        if not _is_by_shard(query):
            whole = _answer(fill(ONE), panel, query, end)
            assert _comparable(panel, answer) == _comparable(panel, whole)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
def test_no_rule_stumbles_over_the_upgrade(
    fill: Fill, upgraded: Bucket, rule: dict[str, Any]
) -> None:
    """From the first round of the new version on every alert is as it would have been."""
    for now in (*range(UPGRADE, UPGRADE + 600, 60), END):
        assert _alerts(rule, upgraded, now) == _alerts(rule, fill(ONE), now)
