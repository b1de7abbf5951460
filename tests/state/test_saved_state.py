"""What is kept over a restart."""

from __future__ import annotations

import json
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
    gpu,
    kinds,
    node,
    only,
    usage,
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
    ipv6=Ipv6State(
        asked_at=START,
        unconfirmed=True,
        by_vm=True,
        earlier=(START - 120, START - 60),
        measured_at=START,
        ok=False,
    ),
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
    b'"ipv6_at":1800000000,"ipv6_doubted":true,"ipv6_by_vm":true,"ipv6_earlier":[1799999880,1799999940],"ipv6_measured_at":1800000000,"ipv6_ok":false,'
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
    """Releases keep their places; models go on for a week, and get places by what nodes report."""
    names = b'{"seen_at":{"9.9.9":1800000000},"published_at":{"1.7.2":1800000060}}'
    models = b'{"seen_at":{"made up":1800000000},"published_at":{"L40S":1800000060}}'
    devices = b'{"seen_at":{"10de:0001":1800000000},"published_at":{}}'
    rounds = Rounds(time=START + 2 * MINUTE)
    rounds.kept = {"names:models": models, "names:devices": devices, "names:releases": names}
    rounds.restart()
    judged = rounds.play_round()
    assert (judged.models, judged.releases) == (("L40S", "made up"), ("1.7.2", "9.9.9"))
    rounds.restart()
    assert rounds.play_round().releases == ("1.7.2", "9.9.9")
    rounds.time += 8 * DAY
    assert rounds.play_round().models == ()


def test_places_of_nodes_that_do_not_answer() -> None:
    """What a node reported last counts for it while it is down, over a restart too."""
    rounds = Rounds()
    rounds.play_round([good(node(), usage=usage(gpu("10de:0001", "mine")), version="9.9.9")])
    rounds.play("BBB")
    rounds.restart()
    rounds.time += 8 * DAY
    assert only(rounds.play("B")[0]).release == "9.9.9"
    status = only(rounds.play_round([good(node(), usage=usage(gpu("10de:0001", "mine")))]))
    assert list(status.gpus) == [("mine", "10de:0001")]


def test_keys_of_a_newer_version_are_ignored() -> None:
    """Unknown keys do not cost a node its state."""
    assert NodeDocument.from_json(OLD[:-1] + b',"invented_later":1}').state() == FULL


@pytest.mark.parametrize(
    ("name", "today"), [("a\u3164b", "ab"), ("e" + "\u0301" * 9, "\u00e9" + "\u0301" * 4)]
)
def test_names_that_were_cleaned_less(name: str, today: str) -> None:
    """A name as an older version cleaned it costs no state; it is cleaned as today."""
    body = OLD.replace(b'"crn"', json.dumps(name).encode())
    tracker = NodeTracker.load(Rules(), {f"node:{digest(1)}": body})
    assert tracker.states[digest(1)] == replace(FULL, name=today)


def test_a_name_that_shows_nothing() -> None:
    """What an older version took for a name gives way to the first digits of the hash."""
    body = OLD.replace(b'"crn"', '"\u3164"'.encode())
    tracker = NodeTracker.load(Rules(), {f"node:{digest(1)}": body})
    assert tracker.states[digest(1)] == replace(FULL, name=digest(1)[:8])


_TIMES: Final = [field for field in OLD.decode().split(",") if "_at" in field]


@pytest.mark.parametrize(
    ("key", "body"),
    [
        pytest.param(f"node:{digest(1)}", b"{}", id="a-node-without-fields"),
        pytest.param(f"node:{digest(1)}", b"\xff", id="a-node-that-is-no-json"),
        pytest.param(f"node:{digest(1)}", b"null", id="a-node-that-is-null"),
        pytest.param(f"node:{digest(1)}", b"[" * 10_000, id="a-node-nested-deeply"),
        pytest.param(f"node:{digest(1)}", OLD.replace(b'"crn"', b'"a\\nb"'), id="no-name"),
        pytest.param(f"node:{digest(1)}", OLD.replace(b'"crn"', b'""'), id="empty-name"),
        pytest.param(f"node:{digest(1)}", OLD.replace(b'"crn"', b'"\xff"'), id="not-utf-8"),
        pytest.param(f"node:{digest(1)}", OLD.replace(b'":2}', b'":-2}'), id="minus-two-cards"),
        pytest.param("node:another", OLD, id="a-key-that-is-no-hash"),
        pytest.param(f"node:{digest(1)}\n", OLD, id="a-key-with-a-line-break"),
        *(
            pytest.param(f"node:{digest(1)}", OLD.replace(field.encode(), at), id=field + name)
            for field in _TIMES
            for name, at in (
                ("-year-9999", field.partition(":")[0].encode() + b":253402300799"),
                ("-negative", field.partition(":")[0].encode() + b":-1"),
            )
            if field.count(":") == 1 and "}" not in field
        ),
        pytest.param(
            f"last_known:{digest(1)}", b'{"usage":{"read_at":253402300799}}', id="last-known"
        ),
        pytest.param("last_known:x", b"{}", id="last-known-of-no-node"),
        pytest.param("names:models", b"[]", id="names"),
        pytest.param("names:models", b'{"published_at":{"a\\nb":1}}', id="names-of-two-lines"),
        pytest.param("names:gpus", b'{"seen_at":{"a":null}}', id="names-without-times"),
        pytest.param("round", b"yesterday", id="the-round"),
        pytest.param("round", b"253402300799", id="the-round-in-the-year-9999"),
        pytest.param("rounds", b'{"count":-1,"times":[]}', id="minus-one-rounds"),
        pytest.param("rounds", b'{"count":1,"times":[null]}', id="rounds-of-no-time"),
    ],
)
def test_what_cannot_be_read_is_forgotten(
    key: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged entry begins anew with one warning that names it, and is deleted or replaced."""
    sound = f"node:{digest(2)}"
    with caplog.at_level(logging.WARNING):
        tracker = NodeTracker.load(Rules(), {key: body, sound: OLD}, "/here/collector.db")
    assert (tracker.states, tracker.last_round) == ({digest(2): FULL}, None)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"/here/collector.db is damaged: 1 entries of the state cannot be read and begin anew: "
        f"{key.strip()} ("
    )
    assert tracker.changes() == {key: None} | NodeTracker.load(Rules(), {sound: OLD}).changes()
    tracker.mark_saved()
    assert tracker.changes().get(key, b"") is not None


def test_much_damage_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A store that is all damage is one warning that names the first few entries."""
    NodeTracker.load(Rules(), {f"node:{digest(i)}": b"\0" for i in range(5_000)})
    (record,) = caplog.records
    assert record.getMessage().endswith(") and 4997 more")
    assert len(record.getMessage()) < 1_000


def test_times_of_the_future_become_now() -> None:
    """A document whose times are later than now is in step with the clock after one round."""
    rounds = Rounds(nodes=(node(1), node(2)))
    rounds.play("GGBBB")
    later = b"%d" % (START + 4000 * DAY)
    key = f"node:{digest(1)}"
    rounds.kept[key] = rounds.kept[key].replace(b"%d" % START, later)
    rounds.restart()
    assert digest(1) in {
        plan.node.hash for plan in rounds.state.plans(_listing(rounds), rounds.time)
    }
    (judged,) = rounds.play("B")
    assert [status.up for status in judged.statuses] == [False, False]
    assert all(status.since <= judged.time for status in judged.statuses if status.since)
    assert later not in rounds.kept[key]


def _listing(rounds: Rounds) -> Listing:
    return Listing(rounds.nodes, rounds.settings, 0.0)


def test_entries_of_others_are_ignored() -> None:
    """A key that state does not know is not touched."""
    assert NodeTracker.load(Rules(), {"something:else": b"1"}).changes().keys() == {
        "names:models",
        "names:gpus",
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
    """Controls are asked again when 0.5 % of the nodes, at least 3, fail that were not down."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(800)))
    rounds.play_round()
    suspicions = [rounds.state.is_suspicious(_failing(n)) for n in (0, 3, 4, 800)]
    assert suspicions == [False, False, True, True]
    few = NodeTracker(Rules())
    assert [few.is_suspicious(list(_failing(n))[:n]) for n in (2, 3)] == [False, True]


def _failing(number: int) -> list[Observation]:
    return [bad(node(i)) if i < number else good(node(i)) for i in range(800)]


def test_the_long_dead_raise_no_suspicion() -> None:
    """Nodes that are down already say nothing about this vantage."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(800)))
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
