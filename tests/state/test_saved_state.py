"""What is kept over a restart."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Final

import pytest

from collector.model.failure import Failure
from collector.model.listing import Listing
from collector.model.observation import Capability, Observation
from collector.model.vantage import BlindReason
from collector.state.context import RoundContext
from collector.state.facts import SlowFacts
from collector.state.hysteresis import Availability
from collector.state.ipv6 import Ipv6State
from collector.state.node_document import NodeDocument
from collector.state.node_state import NodeState
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.times import DAY
from tests.support.rounds import (
    MINUTE,
    START,
    Rounds,
    bad,
    digest,
    good,
    kinds,
    node,
    only,
)

FULL = NodeState(
    name="crn",
    name_at=START,
    address="https://crn.example.org",
    first_at=START,
    left_at=START + 60,
    failure=Failure.TLS_EXPIRED,
    availability=Availability(
        up=False,
        changed_at=START,
        last_up_at=START - 60,
        evidence=((START, False), (START + 60, True)),
    ),
    facts=SlowFacts(
        version="1.7.2",
        version_at=START,
        capability=Capability("x86_64", None, "0xpaid", True, False, None, False),
        capability_at=START,
        failing=("/status/config",),
        probes_at=START,
    ),
    ipv6=Ipv6State(asked_at=START, unconfirmed=True, measured_at=START, ok=False),
    gpus={"10de:26b9": 2},
    duplicate_hash=True,
    duplicate_address=True,
)
OLD: Final = (
    b'{"name":"crn","name_at":1800000000,"address":"https://crn.example.org",'
    b'"first_at":1800000000,"up":false,"changed_at":1800000000,"last_up_at":1799999940,'
    b'"evidence":[[1800000000,false],[1800000060,true]],"failure":"tls_expired",'
    b'"left_at":1800000060,"version":"1.7.2","version_at":1800000000,'
    b'"capability":{"architecture":"x86_64","payment_receiver":"0xpaid","qemu":true,'
    b'"confidential":false,"terms":false},"capability_at":1800000000,'
    b'"failing":["/status/config"],"attempts_at":1800000000,"gpus":{"10de:26b9":2},'
    b'"ipv6_at":1800000000,"ipv6_doubted":true,"ipv6_measured_at":1800000000,"ipv6_ok":false,'
    b'"duplicate_hash":true,"duplicate_address":true}'
)
"""What a version before 1.0 kept of the same node, byte for byte."""


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(FULL, id="everything"),
        pytest.param(NodeState("crn", START, "", START), id="nothing"),
        pytest.param(NodeState("crn", START, "", START, gpus={}), id="no-gpus-is-not-unknown"),
    ],
)
def test_a_state_survives(state: NodeState) -> None:
    """A state read back is the one that was kept, types included."""
    document = NodeDocument.from_json(NodeDocument.of(state, 7).to_json())
    assert (document.state(), document.written_in) == (state, 7)


def test_a_state_of_an_older_version_is_read() -> None:
    """What an older version kept of a node is read as it was meant, and has no round's number."""
    document = NodeDocument.from_json(OLD)
    assert (document.state(), document.written_in) == (FULL, None)


def test_keys_never_change() -> None:
    """A state is written with the keys that an older version reads, and one that it ignores."""
    assert NodeDocument.of(FULL, 7).to_json() == OLD[:-1] + b',"written_in":7}'


def test_names_of_an_older_version_are_read() -> None:
    """Bounded names keep their places, under the keys that an older version wrote."""
    kept = b'{"seen_at":{"made up":1800000000},"published_at":{"L40S":1800000060}}'
    tracker = NodeTracker.load(Rules(), {"names:models": kept})
    assert tracker.changes()["names:models"] == kept


def test_keys_of_a_newer_version_are_ignored() -> None:
    """Unknown keys do not cost a node its state."""
    assert NodeDocument.from_json(OLD[:-1] + b',"invented_later":1}').state() == FULL


@pytest.mark.parametrize(
    ("key", "body"),
    [
        pytest.param(f"node:{digest(1)}", b"{}", id="a-node-without-fields"),
        pytest.param(f"node:{digest(1)}", b"\xff", id="a-node-that-is-no-json"),
        pytest.param("names:models", b"[]", id="names"),
        pytest.param("round", b"yesterday", id="the-round"),
    ],
)
def test_what_cannot_be_read_is_forgotten(
    key: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """An entry that is spoilt is begun anew, with a warning that names it."""
    with caplog.at_level(logging.WARNING):
        tracker = NodeTracker.load(Rules(), {key: body})
    assert (tracker.states, tracker.last_round) == ({}, None)
    assert tracker.changes() == NodeTracker(Rules()).changes()
    assert f"the state of {key} cannot be read" in caplog.text


def test_entries_of_others_are_ignored() -> None:
    """A key that state does not know is not touched."""
    assert NodeTracker.load(Rules(), {"something:else": b"1"}).changes().keys() == {
        "names:models",
        "names:devices",
        "names:releases",
    }


def _kept(tracker: NodeTracker) -> tuple[object, ...]:
    """Everything that a restart must not change."""
    names = {key: body for key, body in tracker.changes().items() if key.startswith("names:")}
    return dict(tracker.states), tracker.last_round, names


@pytest.mark.parametrize(
    "letters",
    [
        pytest.param("GBBX", id="an-outage"),
        pytest.param("G" * 12, id="up-all-the-time"),
        pytest.param("GGG------GGG", id="up-over-a-gap"),
        pytest.param("GGRGGRGGGGGGGG", id="up-over-restarts"),
        pytest.param("GGGGU", id="unfinished-once"),
    ],
)
def test_what_is_kept_is_all_there_is(letters: str) -> None:
    """The state loaded from the store is the state that was kept."""
    rounds = Rounds(nodes=(node(1), node(2)))
    rounds.play(letters)
    before = _kept(rounds.state)
    rounds.restart()
    assert _kept(rounds.state) == before
    assert rounds.state.last_round == rounds.time - MINUTE


def _written(rounds: Rounds, letters: str) -> list[int]:
    """How many nodes were written in each round."""
    return [sum(key.startswith("node:") for key in rounds.written) for _ in _each(rounds, letters)]


def _each(rounds: Rounds, letters: str) -> Iterator[None]:
    for letter in letters:
        rounds.step(letter)
        yield


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        pytest.param("GGGG", [1, 0, 0, 0], id="up"),
        pytest.param("GGBGGG", [1, 0, 1, 1, 0, 0], id="one-bad-round"),
        pytest.param("GBBB", [1, 1, 1, 1], id="going-down"),
        pytest.param("GUUG", [1, 1, 0, 1], id="unfinished"),
        pytest.param("PPPP", [1, 0, 0, 0], id="not-dialled"),
        pytest.param("GG----GG", [1, 0, 0, 0, 0, 0, 0, 0], id="over-a-gap"),
    ],
)
def test_only_what_changed_is_written(letters: str, expected: list[int]) -> None:
    """A node is written when its state did not go on as foreseen."""
    assert _written(Rounds(), letters) == expected


def test_an_outage_writes_no_other_node() -> None:
    """A node's outage is written for that node alone."""
    rounds = Rounds(nodes=(node(1), node(2)))
    rounds.play_round()
    rounds.play_round([bad(node(1)), good(node(2))])
    assert [key for key in rounds.written if key.startswith("node:")] == [f"node:{digest(1)}"]


def test_a_duplication_in_a_quiet_round_is_kept() -> None:
    """A node whose hash is listed twice, and nothing else, is announced once over a restart."""
    rounds = Rounds()
    rounds.play("GG")
    rounds.duplicates = {digest(1): ("https://other.example.org",)}
    assert kinds([rounds.play_round()]) == ["duplicate_hash"]
    rounds.restart()
    assert kinds([rounds.play_round()]) == []


def test_hourly_facts_are_written() -> None:
    """In a day without events a node is written once an hour, when its slow facts are."""
    rounds = Rounds(rules=Rules(interval_seconds=600))
    rounds.play_round()
    assert sum(_written(rounds, "G" * 144)) == 24


def test_what_was_not_saved_is_written_again() -> None:
    """A round whose changes never reached the store is made up for by the next one."""
    rounds = Rounds(nodes=(node(1), node(2)))
    rounds.play_round()
    context = RoundContext(
        rounds.time, Listing(rounds.nodes, rounds.settings, 0.0), BlindReason.NONE, True
    )
    rounds.state.judge(context, {digest(1): bad(node(1)), digest(2): good(node(2))})
    rounds.time += MINUTE
    rounds.play_round()
    before = _kept(rounds.state)
    rounds.restart()
    assert _kept(rounds.state) == before


def test_changes_are_a_question() -> None:
    """Asked twice, the changes are the same, until they are marked as saved."""
    tracker = NodeTracker.load(Rules(), {f"node:{digest(1)}": OLD})
    assert tracker.changes() == tracker.changes()
    assert f"node:{digest(1)}" in tracker.changes()
    tracker.mark_saved()
    assert f"node:{digest(1)}" not in tracker.changes()


def test_plans_change_nothing() -> None:
    """Planning a round leaves no trace, not even with a clock that was stepped back."""
    rounds = Rounds()
    rounds.play("GBBB")
    before = _kept(rounds.state)
    listing = Listing(rounds.nodes, rounds.settings, 0.0)
    for time in (rounds.time, rounds.time - DAY, rounds.time + DAY):
        assert rounds.state.plans(listing, time) == rounds.state.plans(listing, time)
    assert _kept(rounds.state) == before


def test_a_store_of_an_older_version_goes_on() -> None:
    """Nodes that an older version kept go on as they were, and are written anew once."""
    rounds = Rounds(nodes=(node(1),), time=START + MINUTE)
    old = b'{"name":"crn 1","name_at":%d,"address":"https://crn1.example.org","first_at":%d,'
    old += b'"up":true,"changed_at":%d,"last_up_at":%d,"evidence":[[%d,true]],'
    old += b'"version":"1.7.2","version_at":%d}'
    rounds.kept = {"round": b"%d" % START, f"node:{digest(1)}": old % ((START,) * 6)}
    rounds.restart()
    assert rounds.state.last_round == START
    assert rounds.play("B")[0].events == ()
    assert only(rounds.play("B")[0]).up is True
    rounds.restart()
    assert kinds(rounds.play("B")) == ["down"]


def test_a_store_that_an_older_version_used_in_between() -> None:
    """Documents are taken as they are when an older version judged rounds in between."""
    rounds = Rounds()
    rounds.play("GGGG")
    rounds.kept["round"] = b"%d" % rounds.time
    rounds.restart()
    (state,) = rounds.state.states.values()
    assert state.availability.evidence == ((START, True),)
    rounds.time += MINUTE
    rounds.play("G")
    assert _written(rounds, "G") == [0]


def test_rewound() -> None:
    """After a step back nothing happened later than now, and the count begins anew."""
    early = FULL.rewound(START - DAY)
    document = NodeDocument.of(early, 1)
    moments = [f.name for f in fields(NodeDocument) if f.name.endswith("_at")]
    assert len(moments) == 10
    assert {getattr(document, name) for name in moments} == {START - DAY}
    assert document.evidence == ()
    assert FULL.rewound(START + 60) == replace(
        FULL, availability=replace(FULL.availability, evidence=())
    )


def test_suspicion() -> None:
    """Controls are asked again when 2 % of the nodes, at least 3, fail that were not down."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(200)))
    rounds.play_round()
    suspicions = [rounds.state.is_suspicious(_failing(n)) for n in (0, 3, 4, 200)]
    assert suspicions == [False, False, True, True]
    few = NodeTracker(Rules())
    assert [few.is_suspicious(list(_failing(n))[:n]) for n in (2, 3)] == [False, True]


def _failing(number: int) -> list[Observation]:
    return [bad(node(i)) if i < number else good(node(i)) for i in range(200)]


def test_the_long_dead_raise_no_suspicion() -> None:
    """Nodes that are down already say nothing about this vantage."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(200)))
    rounds.play_round(lambda plan: _failing(50)[rounds.nodes.index(plan.node)])
    assert not rounds.state.is_suspicious(_failing(50))
    assert rounds.state.is_suspicious(_failing(54))


def test_errors_raise_no_suspicion() -> None:
    """An answer, however bad, shows that this vantage can see."""
    rounds = Rounds()
    assert only(rounds.play("S")[0]).failure is Failure.SERVER_ERROR
    assert not NodeTracker(Rules()).is_suspicious(
        [bad(node(i), Failure.SERVER_ERROR) for i in range(99)]
    )
