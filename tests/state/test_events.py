"""Events besides up and down, and that each is written once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from collector.model.event import Event, clock, span
from collector.model.failure import Failure
from collector.model.listing import NetworkSettings
from collector.model.node import Node
from collector.model.observation import Observation
from collector.state.plan import VisitPlan
from collector.times import DAY, HOUR
from tests.support.rounds import (
    START,
    Observe,
    Rounds,
    blocked,
    config,
    digest,
    events,
    good,
    gpu,
    kinds,
    node,
    only,
    ups,
    usage,
)


def _stating(version: str | None, source: str = "config") -> Observe:
    def observe(plan: VisitPlan) -> Observation:
        return good(
            plan.node, version=version, version_source=source, config=config(version=version)
        )

    return observe


def _owning(*devices: tuple[str, str | None]) -> Observe:
    cards = [gpu(device, model) for device, model in devices]
    return lambda plan: good(plan.node, usage=usage(*cards))


def test_first_start_has_no_events() -> None:
    """In the first round of all, nobody joined and nobody went down."""
    rounds = Rounds(nodes=(node(1), node(2)))
    judged = rounds.play_round([good(node(1)), blocked(VisitPlan(node(2), None, False, 0))])
    assert judged.events == ()
    assert [(v.up, v.lost) for v in judged.statuses] == [(True, False), (False, False)]


def test_joined_and_left() -> None:
    """A node that appears later has joined; one that is no longer listed has left, once."""
    rounds = Rounds()
    rounds.play_round()
    rounds.nodes = (node(1), node(2))
    (joined,) = rounds.play_round().events
    assert (str(joined.kind), joined.node, joined.name) == ("joined", digest(2), "crn 2")
    rounds.nodes = (node(1),)
    (left,) = rounds.play_round().events
    assert (str(left.kind), left.node, left.name) == ("left", digest(2), "crn 2")
    rounds.restart()
    assert rounds.play_round().events == ()


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_a_node_that_comes_back_is_the_one_it_was(restart: bool) -> None:
    """A list that lacks a node for some rounds costs it neither state nor history."""
    rounds = Rounds()
    rounds.play("GBBB")
    listed, rounds.nodes = rounds.nodes, ()
    assert kinds([rounds.play_round(), rounds.play_round()]) == ["left"]
    if restart:
        rounds.restart()
    rounds.nodes = listed
    back = rounds.play("BB")
    assert kinds(back) == ["joined"]
    assert [(only(j).up, only(j).lost) for j in back] == [(False, True)] * 2


def test_a_node_that_left_long_ago_is_forgotten() -> None:
    """A day after it left, nothing is kept of a node, and it joins as a new one."""
    rounds = Rounds()
    rounds.play("GBBB")
    listed, rounds.nodes = rounds.nodes, ()
    rounds.play_round()
    rounds.time += DAY + HOUR
    rounds.play_round()
    assert [key for key in rounds.kept if key.startswith("node:")] == []
    rounds.nodes = listed
    back = rounds.play("G")
    assert (kinds(back), ups(back)) == (["joined"], "1")


def test_renamed_at_most_once_a_day() -> None:
    """A new name is taken up a day after the last one was, with one event."""
    rounds = Rounds()
    rounds.play_round()
    rounds.nodes = (node(name="first"),)
    assert only(rounds.play_round()).name == "crn 1"
    rounds.time = START + DAY
    renamed = rounds.play_round()
    (event,) = renamed.events
    assert (only(renamed).name, event.name, event.old, event.new) == (
        "first",
        "first",
        "crn 1",
        "first",
    )
    announced = []
    for hour in range(72):
        rounds.nodes = (node(name=f"name {hour}"),)
        rounds.time = START + DAY + (hour + 1) * HOUR
        announced += kinds([rounds.play_round()])
    assert announced == ["renamed"] * 3


def test_a_name_that_comes_back_within_the_day() -> None:
    """A name that was changed and changed back is no event."""
    rounds = Rounds()
    rounds.play_round()
    rounds.nodes = (node(name="first"),)
    rounds.play_round()
    rounds.nodes = (node(),)
    rounds.time += 2 * DAY
    assert kinds([rounds.play_round()]) == []


def test_a_node_without_a_name() -> None:
    """Without a name, the first 8 digits of the hash are one."""
    rounds = Rounds(nodes=(node(name=""),))
    assert only(rounds.play_round()).name == digest(1)[:8]


def test_address_changed() -> None:
    """A new address is one event, with the old one; an address removed too."""
    rounds = Rounds()
    rounds.play_round()
    rounds.nodes = (node(address="", refused=Failure.INVALID_ADDRESS),)
    first, second = rounds.play_round(), rounds.play_round()
    (event,) = first.events
    assert (event.old, event.new) == ("https://crn1.example.org", "")
    assert event.text == "crn 1 moved from https://crn1.example.org to (none)"
    assert second.events == ()


def test_version_changed() -> None:
    """A version that differs from the last one known is an event; no answer in between is none."""
    rounds = Rounds()
    judged = [
        rounds.play_round(_stating(version))
        for version in ("1.7.2", None, "1.7.2", "1.8.0", "1.8.0")
    ]
    (event,) = events(judged)
    assert (str(event.kind), event.old, event.new) == ("version_changed", "1.7.2", "1.8.0")


@pytest.mark.parametrize(
    ("version", "wanted", "outdated"),
    [
        pytest.param("1.7.1", "1.7.2", True, id="older"),
        pytest.param("1.7.2", "1.7.2", False, id="the-same"),
        pytest.param("1.10.0", "1.7.2", False, id="ten-is-more-than-seven"),
        pytest.param("1.7.1-41-g7303587", "1.7.2", True, id="not-pep-440"),
        pytest.param("1.7.2", None, None, id="the-network-says-none"),
        pytest.param("main", "1.7.2", None, id="no-release-in-it"),
        pytest.param(None, "1.7.2", None, id="not-known"),
    ],
)
def test_outdated(version: str | None, wanted: str | None, outdated: bool | None) -> None:
    """Outdated is older than the network's own version, from the first round on."""
    rounds = Rounds(settings=NetworkSettings(last_crn_version=wanted))
    assert only(rounds.play_round(_stating(version))).outdated is outdated


def test_outdated_in_the_round_of_an_upgrade() -> None:
    """A node that upgraded is judged by what it states now."""
    rounds = Rounds(settings=NetworkSettings(last_crn_version="1.7.2"))
    assert only(rounds.play_round(_stating("1.7.1"))).outdated is True
    status = only(rounds.play_round(_stating("1.7.2")))
    assert (status.outdated, status.release, status.due.version) == (False, "1.7.2", True)


def test_gpu_added_and_removed() -> None:
    """Cards that come and go are one event for each kind of change."""
    rounds = Rounds(settings=NetworkSettings(gpus={"10de:26b9": "L40S"}))
    rounds.play_round(_owning(("10de:26b9", None)))
    (added,) = rounds.play_round(
        _owning(("10de:26b9", None), ("10de:26b9", None), ("10de:2230", "RTX A6000"))
    ).events
    assert (str(added.kind), added.new) == (
        "gpu_added",
        "1 x RTX A6000 (10de:2230), 1 x L40S (10de:26b9)",
    )
    (removed,) = rounds.play_round(_owning(("10de:2230", "RTX A6000"))).events
    assert (str(removed.kind), removed.new) == ("gpu_removed", "2 x L40S (10de:26b9)")
    assert rounds.play_round(_owning(("10de:2230", "RTX A6000"))).events == ()
    rounds.restart()
    assert rounds.play_round(_owning(("10de:2230", "RTX A6000"))).events == ()


def test_a_card_with_another_name_is_the_same_card() -> None:
    """Neither new firmware nor new settings of the network add or remove a card."""
    rounds = Rounds()
    judged = [rounds.play_round(_owning(("10de:26b9", None)))]
    judged.append(rounds.play_round(_owning(("10de:26b9", "L40S"))))
    rounds.settings = NetworkSettings(gpus={"10de:26b9": "NVIDIA L40S"})
    judged.append(rounds.play_round(_owning(("10de:26b9", "L40S"))))
    assert kinds(judged) == []


def test_gpus_not_measured_are_not_removed() -> None:
    """A node that does not answer, or stops reporting GPUs, has lost no card."""
    rounds = Rounds()
    judged = [rounds.play_round(_owning(("10de:26b9", "L40S"))), rounds.play_round(blocked)]
    judged.append(rounds.play_round(lambda plan: good(plan.node, usage=usage(gpus=None))))
    judged.append(rounds.play_round(_owning(("10de:26b9", "L40S"))))
    assert kinds(judged) == []


def test_an_event_is_bounded() -> None:
    """A node that makes up cards in every round cannot make long events."""
    rounds = Rounds()
    rounds.play_round(_owning())
    (event,) = rounds.play_round(
        _owning(*((f"{i:04x}:" + "f" * 59, "x" * 64) for i in range(64)))
    ).events
    assert len(event.text) < 300


def test_duplicate_hash() -> None:
    """A hash listed twice is one event for as long as it is, first start and restarts included."""
    rounds = Rounds(duplicates={digest(1): ("https://b.example.org", "https://a.example.org")})
    first = rounds.play_round()
    rounds.restart()
    assert kinds([first, rounds.play_round()]) == ["duplicate_hash"]
    assert first.events[0].new == "https://a.example.org, https://b.example.org"
    rounds.duplicates = {}
    rounds.play_round()
    rounds.time += HOUR
    rounds.duplicates = {digest(1): ("https://a.example.org",)}
    assert kinds([rounds.play_round()]) == ["duplicate_hash"]


def test_duplicate_address() -> None:
    """Nodes that share an address are events, each with the others; refused addresses are not."""
    twins = (node(1), replace(node(2), address=node(1).address))
    refused = tuple(Node(digest(i), "", "", refused=Failure.INVALID_ADDRESS) for i in range(10, 13))
    rounds = Rounds(nodes=twins + refused)
    judged = [rounds.play_round(), rounds.play_round()]
    assert [(str(e.kind), e.node, e.new) for e in events(judged)] == [
        ("duplicate_address", digest(1), digest(2)[:8]),
        ("duplicate_address", digest(2), digest(1)[:8]),
    ]


def test_many_duplicates_are_a_short_text() -> None:
    """However many nodes share an address, the event lists the first of them and their number."""
    nodes = tuple(replace(node(i), address="https://a.example.org") for i in range(3_000))
    rounds = Rounds(nodes=nodes, duplicates={digest(1): tuple("https://b.b" for _ in range(3_000))})
    judged = rounds.play_round([])
    assert kinds([judged]).count("duplicate_address") == 3_000
    smallest = sorted(n.hash[:8] for n in nodes if n.hash != digest(1))[:16]
    shared = next(e for e in judged.events if e.node == digest(1) and "shares" in e.text)
    assert shared.new == f"{', '.join(smallest)} and 2983 more"
    assert max(len(event.text) for event in judged.events) < 300


def _moved(minute: int, plan: VisitPlan) -> Observation:
    """Answer with another version and another card in every round."""
    odd = minute % 2
    cards = [gpu("10de:26b9"), gpu("10de:2230")][: 1 + odd]
    return good(plan.node, version=f"1.8.{odd}", usage=usage(*cards))


def _flapping(minutes: int) -> list[Event]:
    """Return the events of a node that changes all that it can in every round, with restarts."""
    rounds = Rounds()
    judged = []
    for minute in range(minutes):
        odd = minute % 2
        rounds.nodes = (node(name=f"n{odd}", address=f"https://{odd}.example.org"),)
        rounds.nodes += (node(2, address="https://1.example.org"),)
        rounds.duplicates = {digest(1): ("https://b.b",)} if odd else {}
        judged.append(rounds.play_round(partial(_moved, minute)))
        if minute % 7 == 0:
            rounds.restart()
    return [event for event in events(judged) if event.node == digest(1)]


def test_what_changes_back_and_forth_is_announced_hourly() -> None:
    """Each kind of event of one node comes at most once an hour, whatever the node does."""
    counts = Counter(str(event.kind) for event in _flapping(181))
    assert counts == {
        "version_changed": 3,
        "address_changed": 3,
        "gpu_added": 3,
        "gpu_removed": 3,
        "duplicate_hash": 3,
        "duplicate_address": 3,
    }


def test_the_net_change_is_announced_after_the_hour() -> None:
    """Events held back leave a story without gaps: each begins where the last one ended."""
    rounds = Rounds()
    versions = ["1.0.0", "1.1.0", "1.2.0", "1.1.0", "1.3.0"] + ["1.3.0"] * 60 + ["1.4.0"]
    changes = events(rounds.play_round(_stating(version)) for version in versions)
    assert [(e.old, e.new) for e in changes] == [("1.0.0", "1.1.0"), ("1.1.0", "1.3.0")]
    rounds.play("G" * 60)
    changes = events([rounds.play_round(_stating("1.4.0"))])
    assert [(e.old, e.new) for e in changes] == []


def test_nothing_is_announced_that_was_undone() -> None:
    """A change that is undone within the hour is no event afterwards."""
    rounds = Rounds()
    rounds.play_round(_stating("1.0.0"))
    judged = [rounds.play_round(_stating(v)) for v in ["1.1.0", "1.0.0"] + ["1.1.0"] * 120]
    assert kinds(judged) == ["version_changed"]


def test_up_and_down_are_never_held_back() -> None:
    """However often a node goes up and down, every transition is an event."""
    assert kinds(Rounds().play("G" + "BBBGG" * 10)) == ["down", "up"] * 10


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (7140, "119 min"), (7200, "2 h"), (172_000, "2 d"), (864_000, "10 d")],
)
def test_span(seconds: float, words: str) -> None:
    """Durations are shown in the unit that suits them."""
    assert span(seconds) == words


def test_clock() -> None:
    """Times are shown in UTC."""
    assert clock(START) == "2027-01-15 08:00 UTC"
