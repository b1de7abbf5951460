"""What is kept over a restart."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from collector.model.failure import Failure
from collector.model.observation import Capability, Observation
from collector.state.judge import Rules, State
from collector.state.node_state import NodeState, pack, unpack
from tests.support.rounds import DAY, START, Rounds, bad, digest, good, node, only

FULL = NodeState(
    name="crn",
    name_at=START,
    address="https://crn.example.org",
    first_at=START,
    up=False,
    changed_at=START,
    last_up_at=START - 60,
    evidence=[(START, False), (START + 60, True)],
    failure=Failure.TLS_EXPIRED,
    left_at=START + 60,
    version="1.7.2",
    version_at=START,
    capability=Capability("x86_64", None, "0xpaid", True, False, None, False),
    capability_at=START,
    failing=["/status/config"],
    attempts_at=START,
    gpus={"10de:26b9": 2},
    ipv6_at=START,
    ipv6_doubted=True,
    ipv6_measured_at=START,
    ipv6_ok=False,
    duplicate_hash=True,
    duplicate_address=True,
)


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param(FULL, id="everything"),
        pytest.param(NodeState("crn", START, "", START), id="nothing"),
        pytest.param(NodeState("crn", START, "", START, gpus={}), id="no-gpus-is-not-unknown"),
    ],
)
def test_a_memory_survives(memory: NodeState) -> None:
    """A memory read back is the one that was kept, types included."""
    assert unpack(pack(memory)) == memory


def test_what_a_newer_version_kept_is_passed_over() -> None:
    """Unknown keys do not cost a node its state."""
    body = pack(FULL)[:-1] + b',"invented_later":1}'
    assert unpack(body) == FULL


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
        state = State.load(Rules(), {key: body})
    assert (state.memories, state.last_round) == ({}, None)
    assert set(state.names) == {"models", "devices", "releases"}
    assert f"the state of {key} cannot be read" in caplog.text


def test_entries_of_others_are_passed_over() -> None:
    """A key that state does not know is not touched."""
    assert State.load(Rules(), {"something:else": b"1"}).changes().keys() == {
        "names:models",
        "names:devices",
        "names:releases",
    }


def test_what_is_kept_is_all_there_is() -> None:
    """The state loaded from the store is the state that was kept."""
    rounds = Rounds(nodes=(node(1), node(2)))
    rounds.play("GBBX")
    before = rounds.state
    rounds.restart()
    assert rounds.state.memories == before.memories
    assert rounds.state.names == before.names
    assert rounds.state.last_round == before.last_round == rounds.time - 60


def test_rewind() -> None:
    """After a step back nothing happened later than now, and the count begins anew."""
    memory = unpack(pack(FULL))
    memory.rewind(START - DAY)
    moments = [
        name for name in NodeState.__slots__ if name.endswith("_at") and name != "evidence_at"
    ]
    assert len(moments) == 10
    assert {getattr(memory, name) for name in moments} == {START - DAY}
    assert memory.evidence == []
    memory = unpack(pack(FULL))
    memory.rewind(START + 60)
    assert memory == replace(FULL, evidence=[])


def test_suspicion() -> None:
    """Controls are asked again when 2 % of the nodes, at least 3, fail that were not down."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(200)))
    rounds.look()
    looks = [rounds.state.suspicious(_failing(n)) for n in (0, 3, 4, 200)]
    assert looks == [False, False, True, True]
    few = State(Rules())
    assert [few.suspicious(list(_failing(n))[:n]) for n in (2, 3)] == [False, True]


def _failing(number: int) -> list[Observation]:
    return [bad(node(i)) if i < number else good(node(i)) for i in range(200)]


def test_the_long_dead_raise_no_suspicion() -> None:
    """Nodes that are down already say nothing about this vantage."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(200)))
    rounds.look(lambda order: _failing(50)[rounds.nodes.index(order.node)])
    assert not rounds.state.suspicious(_failing(50))
    assert rounds.state.suspicious(_failing(54))


def test_errors_raise_no_suspicion() -> None:
    """An answer, however bad, shows that this vantage can see."""
    rounds = Rounds()
    assert only(rounds.play("S")[0]).failure is Failure.SERVER_ERROR
    assert not State(Rules()).suspicious([bad(node(i), Failure.SERVER_ERROR) for i in range(99)])
