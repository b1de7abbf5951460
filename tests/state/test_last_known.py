"""The last values read of a node: what stays, what is written, what a restart costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.failure import Failure
from collector.model.last_known import LastKnown, Reading
from collector.model.observation import Endpoint, Observation, Probe, Usage
from collector.state.plan import VisitPlan
from collector.times import DAY, HOUR
from tests.support.rounds import (
    MINUTE,
    START,
    Observe,
    Rounds,
    bad,
    config,
    digest,
    good,
    gpu,
    node,
    only,
    plain,
    unfinished,
    usage,
    working,
)

BUSY = usage(load1=7.5)


def _known(rounds: Rounds, observe: Observe = plain) -> LastKnown:
    return only(rounds.play_round(observe)).last_known


def _using(value: Usage) -> Observe:
    return lambda plan: good(plan.node, usage=value)


def _without_usage(plan: VisitPlan) -> Observation:
    """The node's configuration is read, its usage is an error of the node."""
    answered = good(plan.node, usage=None)
    failed = Probe(Endpoint.USAGE, Failure.SERVER_ERROR, 500, 20, 0.1, "HTTP 500")
    return replace(answered, probes=(answered.probes[0], failed))


def test_values_of_the_round() -> None:
    """A node that answers has the values of this round, without a failure."""
    rounds = Rounds()
    rounds.play_round()
    known = _known(rounds, _using(BUSY))
    now = START + MINUTE
    assert known.config == Reading(config(), now, now)
    assert known.usage == Reading(BUSY, now, now)
    assert known.ipv6 == Reading()


def test_values_stay_with_their_time() -> None:
    """What a node answered last stays known with its time while the node does not answer."""
    rounds = Rounds()
    rounds.play_round(_using(BUSY))
    known = _known(rounds, lambda plan: bad(plan.node))
    at, now = START, START + MINUTE
    assert known.config == Reading(config(), at, now, Failure.CONNECT_TIMEOUT)
    assert known.usage == Reading(BUSY, at, at, Failure.CONNECT_TIMEOUT)


def test_one_endpoint_fails() -> None:
    """An endpoint's failure, with its detail, is that endpoint's alone."""
    rounds = Rounds()
    rounds.play_round(_using(BUSY))
    known = _known(rounds, _without_usage)
    now = START + MINUTE
    assert known.config == Reading(config(), now, now)
    assert known.usage == Reading(BUSY, START, now, Failure.SERVER_ERROR, "HTTP 500")


@pytest.mark.parametrize(
    ("letter", "failure"),
    [
        pytest.param("X", Failure.BLIND, id="blind"),
        pytest.param("U", Failure.ROUND_DEADLINE, id="unfinished"),
        pytest.param("P", Failure.FORBIDDEN_ADDRESS, id="refused"),
    ],
)
def test_failures_that_are_not_the_nodes(letter: str, failure: Failure) -> None:
    """The last try's failure is named also when it tells nothing about the node."""
    known = only(Rounds().play("G" + letter)[1]).last_known
    assert (known.usage.value, known.usage.read_at) == (usage(), START)
    assert (known.config.failure, known.usage.failure) == (failure, failure)


def test_a_node_that_was_never_read() -> None:
    """A node that never answered has no values, and the failure of the last try."""
    known = only(Rounds().play("B")[0]).last_known
    assert known.config == Reading(None, None, START, Failure.CONNECT_TIMEOUT)
    assert known.usage == Reading(None, None, None, Failure.CONNECT_TIMEOUT)


def test_rounds_without_a_visit_change_nothing() -> None:
    """A node that is not its turn keeps its values, failures and times."""
    rounds = Rounds()
    rounds.play("BB")
    rounds.time += DAY
    known = only(rounds.play("B")[0]).last_known
    unvisited = 0
    for _ in range(5):
        before, known = known, only(rounds.play("B")[0]).last_known
        if not rounds.plans:
            unvisited += 1
            assert known is before
    assert unvisited >= 3


def test_ipv6_is_the_last_measurement_believed() -> None:
    """IPv6 is known for as long as no other measurement is believed."""
    rounds = Rounds()
    rounds.play_round()
    rounds.time += 6 * HOUR
    at = rounds.time
    assert _known(rounds).ipv6 == Reading(working(), at, at)
    rounds.time += 6 * HOUR

    def cold(plan: VisitPlan) -> Observation:
        return good(plan.node, working(vm=False) if plan.ipv6 else None)

    doubted, confirmed = _known(rounds, cold), _known(rounds, cold)
    assert (doubted.ipv6.value, doubted.ipv6.read_at) == (working(), at)
    assert confirmed.ipv6.value == working(vm=False)


def test_a_new_address_begins_anew() -> None:
    """What was read at an old address is not known of the new one."""
    rounds = Rounds()
    rounds.play_round()
    rounds.nodes = (node(address="https://other.example.org"),)
    known = _known(rounds, lambda plan: unfinished(plan.node))
    assert known.usage == Reading(failure=Failure.ROUND_DEADLINE)


def test_entry_is_passed_through() -> None:
    """The entry is the one that is listed now, and is not written into the state."""
    rounds = Rounds(nodes=(node(entry=b'{"hash":"old"}'),))
    assert _known(rounds).entry == b'{"hash":"old"}'
    rounds.nodes = (node(entry=b'{"hash":"new"}'),)
    assert _known(rounds, lambda plan: bad(plan.node)).entry == b'{"hash":"new"}'
    assert b"old" not in b"".join(rounds.kept.values())
    assert b"new" not in b"".join(rounds.kept.values())


def _writes(rounds: Rounds, *visits: Observe) -> list[bool]:
    key = f"last_known:{digest(1)}"
    return [key in rounds.written for observe in visits if rounds.play_round(observe)]


def test_usage_alone_is_not_written() -> None:
    """A round in which only usage changed writes no last values."""
    visits = [_using(usage(load1=float(i))) for i in range(5)]
    assert _writes(Rounds(), *visits) == [True, False, False, False, False]


def test_what_is_written_at_once() -> None:
    """A failure that begins or ends, and another configuration, are written in their round."""
    newer = config("1.8.0")
    written = _writes(
        Rounds(),
        plain,
        _without_usage,
        _without_usage,
        plain,
        lambda plan: good(plan.node, config=newer),
        lambda plan: good(plan.node, config=newer),
    )
    assert written == [True, True, False, True, True, False]


def test_written_once_an_hour() -> None:
    """In an hour, each node's last values are written once, spread over the rounds."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(240)))
    rounds.play_round()
    per_round = []
    keys: list[str] = []
    for _ in range(60):
        rounds.play_round(lambda plan: good(plan.node))
        written = [key for key in rounds.written if key.startswith("last_known:")]
        per_round.append(len(written))
        keys += written
    assert sorted(keys) == sorted(f"last_known:{n.hash}" for n in rounds.nodes)
    assert max(per_round) < 15


def test_the_last_values_of_a_node_that_went_down_survive() -> None:
    """The values read just before a node failed are there after a restart, to the round."""
    rounds = Rounds()
    rounds.play("GG")
    rounds.play_round(_using(BUSY))
    before = _known(rounds, lambda plan: bad(plan.node))
    rounds.restart()
    after = _known(rounds, lambda plan: bad(plan.node))
    assert after == replace(before, config=replace(before.config, tried_at=rounds.time - MINUTE))
    assert after.usage.value == BUSY


def test_gpus_survive() -> None:
    """Cards are kept as they were reported, types included."""
    rounds = Rounds()
    cards = usage(gpu(), gpu("10de:2230", None, compatible=None, available=False))
    rounds.play_round(_using(cards))
    rounds.restart()
    assert _known(rounds, lambda plan: bad(plan.node)).usage.value == cards


def test_forgotten_with_the_node() -> None:
    """A day after a node left, its last values are deleted."""
    rounds = Rounds()
    rounds.play_round()
    rounds.nodes = ()
    rounds.play_round()
    assert f"last_known:{digest(1)}" in rounds.kept
    rounds.time += DAY + HOUR
    rounds.play_round()
    assert f"last_known:{digest(1)}" not in rounds.kept


def test_what_cannot_be_read_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    """Last values that cannot be read begin anew, with a warning; the node's state stays."""
    rounds = Rounds()
    rounds.play("GG")
    key = f"last_known:{digest(1)}"
    rounds.kept[key] = b"[]"
    rounds.restart()
    assert f"1 entries of the state cannot be read and begin anew: {key} (" in caplog.text
    assert _known(rounds, lambda plan: bad(plan.node)).usage.value is None
    assert set(rounds.state.states) == {digest(1)}


def test_a_clock_stepped_back() -> None:
    """Nothing was read later than now."""
    rounds = Rounds()
    rounds.play_round()
    rounds.time -= DAY
    known = _known(rounds, lambda plan: bad(plan.node))
    assert (known.usage.read_at, known.config.tried_at) == (START + MINUTE - DAY,) * 2


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="GGGGBUXSP", min_size=1, max_size=150))
def test_a_restart_costs_an_hour_of_usage_at_most(letters: str) -> None:
    """After a restart failures are as they were, and a value is at most an hour older."""
    rounds = Rounds()
    before = only(rounds.play(letters)[-1]).last_known
    rounds.restart()
    after = only(rounds.play("U")[0]).last_known
    for known, kept in ((before.config, after.config), (before.usage, after.usage)):
        assert (kept.value is None) == (known.value is None)
        if known.read_at is not None and kept.read_at is not None:
            assert 0 <= known.read_at - kept.read_at <= HOUR
            assert known.failure is Failure.NONE or known.read_at == kept.read_at
