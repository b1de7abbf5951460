"""Every alert rule fires when it should, names the node, resolves, and is silent otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from collector.model.failure import Failure
from tests.support.grafana_dashboards import rules
from tests.support.grafana_database import Fill
from tests.support.grafana_story import DAY, HOUR, Outage, Story
from tests.support.rule_evaluation import ask, evaluate, firing

T0 = 1_780_002_000
"""A full hour."""
HALF = frozenset(range(16))
QUIET = Story(begin=T0, end=T0 + 2 * HOUR, count=30)
RULES = {rule["title"]: rule for rule in rules()}


def titles(fill: Fill, story: Story, at: int) -> set[str]:
    """Every rule whose condition holds at a time."""
    bucket = fill(story)
    return {title for title, rule in RULES.items() if firing(rule, bucket, at)}


def names(fill: Fill, title: str, story: Story, at: int) -> list[str]:
    """The nodes, vantages or stores that a rule names at a time."""
    alerts = firing(RULES[title], fill(story), at)
    return [alert.get("name") or alert.get("vantage") or "" for alert in alerts]


def test_a_healthy_network_is_quiet(fill: Fill) -> None:
    """No rule fires while all is well, at any minute."""
    for minute in range(20, 100, 10):
        assert titles(fill, QUIET, T0 + minute * 60 + 45) == set()


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
@pytest.mark.parametrize("title", RULES)
def test_a_rule_is_judged_while_all_is_well(fill: Fill, title: str, named: bool) -> None:
    """No query is empty in a network where nothing happens, so every condition has its series.

    Otherwise a rule would keep the state that it had: an outage would never be over. (*Node
    flapping* counts events, and none is good news.)
    """
    bucket, now = fill(QUIET), T0 + HOUR
    found = evaluate(RULES[title], ask(RULES[title], bucket, now), named=named)
    assert found.empty == (("A", "E") if title == "Node flapping" else ())
    assert all(number.value is not None for number in found.numbers)
    assert not any(name == "__name__" for one in found.numbers for name, _ in one.labels)


def test_a_fresh_install_is_quiet_about_the_long_dead(fill: Fill) -> None:
    """A fifth of the nodes died long ago: from the first minutes on nobody is told."""
    story = Story(begin=T0, end=T0 + 15 * 60, count=40, dead_ratio=0.25)
    assert sum(machine.dead is not None for machine in story.machines()) >= 8
    for minute in (2, 5, 10, 15):
        assert titles(fill, story, T0 + minute * 60) == set()


def test_a_restart_is_quiet(fill: Fill) -> None:
    """Three minutes without a collector tell nobody anything."""
    gap = (T0 + 30 * 60, T0 + 33 * 60)
    story = Story(begin=T0, end=T0 + HOUR, count=30, silent=(gap,))
    for second in range(gap[0] - 60, gap[1] + 240, 30):
        assert titles(fill, story, second) == set()


OUTAGE = Story(
    begin=T0,
    end=T0 + 2 * HOUR,
    count=30,
    outages=(Outage(frozenset({3, 4}), T0 + 30 * 60, T0 + 60 * 60, Failure.ANSWER_TIMEOUT),),
)


def test_a_node_down_is_named_and_forgotten(fill: Fill) -> None:
    """It fires for the node by name once most rounds say so, and resolves when it is back."""
    down = sorted(OUTAGE.machines()[number].name for number in (3, 4))
    assert names(fill, "Node down", OUTAGE, T0 + 31 * 60) == []
    assert sorted(names(fill, "Node down", OUTAGE, T0 + 38 * 60)) == down
    assert sorted(names(fill, "Node down", OUTAGE, T0 + 59 * 60)) == down
    assert names(fill, "Node down", OUTAGE, T0 + 68 * 60) == []
    assert titles(fill, OUTAGE, T0 + 45 * 60) == {"Node down"}


@pytest.mark.parametrize(("title", "nodes"), [("Node down", 30), ("Many nodes down at once", 1)])
def test_an_alert_says_since_when(fill: Fill, title: str, nodes: int) -> None:
    """The first failed round of the node, and of the last node that was lost."""
    later = Outage(frozenset({5}), T0 + 35 * 60, T0 + 60 * 60)
    story = dataclasses.replace(OUTAGE, outages=(*OUTAGE.outages, later))
    bucket, now = fill(story), T0 + 45 * 60
    since = evaluate(RULES[title], ask(RULES[title], bucket, now), named=True).parts["S"]
    found = {dict(one.labels).get("node", ""): one.value for one in since}
    assert len(found) == nodes
    lost = {story.machines()[number].hash: T0 + 30 * 60 for number in (3, 4)}
    lost |= {story.machines()[5].hash: T0 + 35 * 60, "": T0 + 35 * 60}
    assert {node: at for node, at in found.items() if at is not None and at > T0} == {
        node: at for node, at in lost.items() if node in found
    }


def test_a_short_failure_tells_nobody(fill: Fill) -> None:
    """Two failed rounds are within hysteresis."""
    outage = Outage(frozenset({3}), T0 + 1800, T0 + 1920)
    story = Story(begin=T0, end=T0 + HOUR, count=30, outages=(outage,))
    for minute in range(29, 45, 2):
        assert "Node down" not in titles(fill, story, T0 + minute * 60)


MASS = Story(
    begin=T0, end=T0 + 2 * HOUR, count=30, outages=(Outage(HALF, T0 + 30 * 60, T0 + 60 * 60),)
)


def test_many_nodes_down_are_one_alert(fill: Fill) -> None:
    """Above the limit the single nodes are silent, and are told again when it resolves."""
    assert titles(fill, MASS, T0 + 45 * 60) == {"Many nodes down at once"}
    assert names(fill, "Many nodes down at once", MASS, T0 + 45 * 60) == [""]
    assert titles(fill, MASS, T0 + 75 * 60) == set()


TWO = ("left", "right")


def test_a_blind_vantage_does_not_vote(fill: Fill) -> None:
    """While one of two is blind, what the other sees decides; the blind one is reported."""
    story = Story(
        begin=T0,
        end=T0 + 2 * HOUR,
        count=20,
        vantages=TWO,
        outages=OUTAGE.outages,
        blind=(("left", T0 + 20 * 60, T0 + 90 * 60),),
    )
    down = sorted(story.machines()[number].name for number in (3, 4))
    assert sorted(names(fill, "Node down", story, T0 + 45 * 60)) == down
    assert names(fill, "Vantage blind", story, T0 + 45 * 60) == ["left"]
    assert names(fill, "Vantage blind", story, T0 + 97 * 60) == []


def test_our_own_outage_blames_no_node(fill: Fill) -> None:
    """A vantage that is blind says so, and neither one node nor many are down for it."""
    story = Story(begin=T0, end=T0 + HOUR, count=30, blind=(("default", T0 + 1200, T0 + 2400),))
    for minute in (25, 30, 38):
        assert titles(fill, story, T0 + minute * 60) == {"Vantage blind"}
    assert titles(fill, story, T0 + 48 * 60) == set()


def test_blindness_does_not_resolve_an_outage(fill: Fill) -> None:
    """A node that was down when all vantages went blind is still down for the rule."""
    story = Story(
        begin=T0,
        end=T0 + HOUR,
        count=30,
        outages=(Outage(frozenset({3}), T0 + 600, T0 + 2 * HOUR),),
        blind=(("default", T0 + 1800, T0 + 3000),),
    )
    for minute in (29, 33, 40, 49):
        assert names(fill, "Node down", story, T0 + minute * 60) == [story.machines()[3].name]


def test_a_flapping_node_is_named(fill: Fill) -> None:
    """Three outages within six hours fire, two do not, and time heals."""
    outages = tuple(
        Outage(frozenset({7}), T0 + hour * HOUR, T0 + hour * HOUR + 600) for hour in (1, 2, 3)
    )
    story = Story(begin=T0, end=T0 + 8 * HOUR, count=10, outages=outages)
    name = story.machines()[7].name
    assert names(fill, "Node flapping", story, T0 + 3 * HOUR) == []
    assert names(fill, "Node flapping", story, T0 + 4 * HOUR) == [name]
    assert names(fill, "Node flapping", story, T0 + 8 * HOUR) == []


def test_several_vantages_do_not_make_a_node_flap(fill: Fill) -> None:
    """Each vantage announces the same outage: that is one, not two."""
    outages = tuple(
        Outage(frozenset({7}), T0 + hour * HOUR, T0 + hour * HOUR + 600) for hour in (1, 2)
    )
    story = Story(begin=T0, end=T0 + 3 * HOUR, count=10, vantages=TWO, outages=outages)
    assert names(fill, "Node flapping", story, T0 + 3 * HOUR) == []


def test_a_certificate_that_was_not_renewed_is_named(fill: Fill) -> None:
    """Below seven days it fires; a node that is dead anyway does not."""
    story = Story(
        begin=T0,
        end=T0 + HOUR,
        count=30,
        dead_ratio=0.2,
        cert_seconds={number: 6.9 * DAY if number % 2 else 8 * DAY for number in range(30)},
    )
    expected = sorted(
        machine.name
        for number, machine in enumerate(story.machines())
        if number % 2 and not machine.dead and not machine.refused
    )
    assert sorted(names(fill, "Certificate expiring", story, T0 + HOUR)) == expected
    assert names(fill, "Certificate expiring", QUIET, T0 + HOUR) == []


@pytest.mark.parametrize(
    ("title", "change", "expected"),
    [
        ("Version outdated across the network", {"all_outdated": True}, [""]),
        ("GPU capacity low", {"gpus_taken": True, "gpu_ratio": 0.5}, [""]),
        ("GPU capacity low", {"gpus_taken": True, "gpu_ratio": 0.0}, []),
        ("Version outdated across the network", {"dead_ratio": 1.0}, []),
        ("Directory stale", {"stale_since": T0 + 600}, ["default"]),
        ("Spool growing or dropping", {"backlog": 700.0}, ["default"]),
        ("Spool growing or dropping", {"dropped": 3}, ["default"]),
        ("Two collectors write the same points", {"conflict": True}, ["default"]),
    ],
    ids=[
        *("outdated", "no GPU free", "no GPU at all", "none up", "directory", "backlog", "dropped"),
        "two collectors",
    ],
)
def test_a_limit_that_is_crossed_fires(
    fill: Fill, title: str, change: dict[str, Any], expected: list[str]
) -> None:
    """Each fires alone when its own figure is beyond the limit, and not before."""
    story = Story(begin=T0, end=T0 + HOUR, count=20, **change)
    assert names(fill, title, story, T0 + HOUR) == expected
    assert titles(fill, story, T0 + HOUR) == ({title} if expected else set())


def test_a_spool_alert_resolves(fill: Fill) -> None:
    """Half an hour after the last lost point nobody is told any more."""
    story = Story(begin=T0, end=T0 + HOUR, count=20, dropped=3)
    assert names(fill, "Spool growing or dropping", story, T0 + HOUR + 1860) == []


@pytest.mark.parametrize(
    ("title", "change"),
    [
        ("Version outdated across the network", {"all_outdated": True}),
        ("GPU capacity low", {"gpus_taken": True}),
        ("Directory stale", {"stale_since": T0 + 600}),
        ("Spool growing or dropping", {"backlog": 700.0}),
        ("Certificate expiring", {"cert_seconds": dict.fromkeys(range(21), 5.0 * DAY)}),
    ],
    ids=["outdated", "gpu", "directory", "backlog", "certificate"],
)
def test_a_limit_that_is_kept_again_resolves(
    fill: Fill, title: str, change: dict[str, Any]
) -> None:
    """The same network, an hour of it beyond a limit and an hour within: fired, then silent."""
    bucket = fill(Story(begin=T0, end=T0 + HOUR, count=21, gpu_ratio=0.5, **change))
    assert firing(RULES[title], bucket, T0 + HOUR)
    bucket.write(Story(begin=T0 + HOUR, end=T0 + 2 * HOUR, count=21, gpu_ratio=0.5).points())
    assert firing(RULES[title], bucket, T0 + 2 * HOUR) == []


def test_a_dead_collector_is_noticed(fill: Fill) -> None:
    """Five minutes after the last round the dead man fires, for its vantage, and stays."""
    stopped = T0 + 2 * HOUR
    assert "Dead man" not in titles(fill, QUIET, stopped + 120)
    assert names(fill, "Dead man", QUIET, stopped + 361) == ["default"]
    assert names(fill, "Dead man", QUIET, stopped + 20 * HOUR) == ["default"]
    assert titles(fill, QUIET, stopped + 10 * 60) - {"Dead man"} == set()


def test_an_empty_database_is_noticed(fill: Fill) -> None:
    """Where no round was ever written there is no series, and the dead man fires all the same."""
    assert names(fill, "Dead man", QUIET, T0 + 10 * DAY) == [""]


def test_one_dead_vantage_of_two_is_noticed(fill: Fill) -> None:
    """The vantage that stopped is named; the other one hides nothing."""
    left = Story(begin=T0, end=T0 + HOUR, count=3, vantages=("left",))
    bucket = fill(Story(begin=T0, end=T0 + 2 * HOUR, count=4, vantages=("right",)))
    bucket.write(left.points())
    alerts = firing(RULES["Dead man"], bucket, T0 + 2 * HOUR)
    assert alerts == [{"vantage": "left", "shard": "0"}]


def test_a_dead_shard_of_two_is_named(fill: Fill) -> None:
    """Its vantage goes on to write, and hides nothing."""
    stopped = (("default", "1", T0 + HOUR),)
    story = Story(begin=T0, end=T0 + 2 * HOUR, count=30, shards=2, stopped=stopped)
    bucket = fill(story)
    assert firing(RULES["Dead man"], bucket, T0 + HOUR + 120) == []
    for now in (T0 + HOUR + 361, T0 + 2 * HOUR):
        assert firing(RULES["Dead man"], bucket, now) == [{"vantage": "default", "shard": "1"}]


def test_a_blind_shard_is_named(fill: Fill) -> None:
    """Each collector at a vantage has its own way out, and its own alert."""
    seeing = Story(begin=T0, end=T0 + HOUR, count=31, shards=2, stopped=(("default", "1", T0),))
    blind = dataclasses.replace(
        seeing, stopped=(("default", "0", T0),), blind=(("default", T0, T0 + HOUR),)
    )
    bucket = fill(seeing)
    bucket.write(blind.points())
    alerts = firing(RULES["Vantage blind"], bucket, T0 + HOUR)
    assert alerts == [{"vantage": "default", "shard": "1"}]
