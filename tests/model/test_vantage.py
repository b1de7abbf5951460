"""What of ours spoils a round, and what is then not held against nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.model.connect_time import ConnectTime, lost_time
from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Endpoint, Observation, Phases, Probe
from collector.model.vantage import (
    BlindReason,
    ControlResult,
    mark_blind,
    own_reason,
    reason_of,
    slow_part,
    slow_reason,
)

SLOW = [BlindReason.SLOW_DNS, BlindReason.SLOW_NETWORK]
BLINDING = [reason for reason in BlindReason if reason not in (BlindReason.NONE, *SLOW)]
SILENT = Phases()
NEAR = Phases(0.02, 0.03, 0.05, 0.1)
FAR = Phases(0.3, 0.3, 0.6, 0.4)
"""From the other side of the world."""
SLOW_NAME = Phases(2.5, 0.03, 0.05, 0.1)
SLOW_HOST = Phases(0.02, 0.03, 3.0, 6.0)


def observed(failure: Failure, *probes: Failure, ipv6_only: bool = False) -> Observation:
    """A node that failed so, by checks that failed so."""
    made = tuple(Probe(Endpoint.CONFIG, a) for a in probes or (failure,))
    return Observation(Node("0" * 64, "", "https://x.test"), failure, made, ipv6_only=ipv6_only)


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        pytest.param([Failure.NONE] * 4, BlindReason.NONE, id="all-well"),
        pytest.param([], BlindReason.NONE, id="nobody"),
        pytest.param(
            [Failure.NO_DESCRIPTORS] + [Failure.NONE] * 3,
            BlindReason.NONE,
            id="quarter-without-descriptors",
        ),
        pytest.param(
            [Failure.NO_DESCRIPTORS] * 2 + [Failure.NONE] * 3,
            BlindReason.DESCRIPTORS,
            id="without-descriptors",
        ),
        pytest.param(
            [Failure.STARVED] * 1 + [Failure.NONE] * 3, BlindReason.NONE, id="quarter-starved"
        ),
        pytest.param([Failure.STARVED] * 2 + [Failure.NONE] * 3, BlindReason.STARVED, id="starved"),
        pytest.param(
            [Failure.ROUND_DEADLINE] * 2 + [Failure.NONE] * 3,
            BlindReason.DEADLINE,
            id="deadline",
        ),
        pytest.param([Failure.CONNECT_REFUSED] * 9, BlindReason.NONE, id="a-real-outage"),
    ],
)
def test_own_reason(failures: list[Failure], reason: BlindReason) -> None:
    """More than a quarter of the nodes that were tried must have failed by our doing."""
    assert own_reason([observed(f) for f in failures]) is reason


def test_refused_addresses_do_not_dilute() -> None:
    """Nodes that are not dialled at all do not count among those that were tried."""
    refused = Observation(Node("1" * 64, "", ""), Failure.INVALID_ADDRESS)
    late = Observation(Node("2" * 64, "", ""), Failure.ROUND_DEADLINE)
    assert own_reason([refused] * 20 + [late]) is BlindReason.DEADLINE


@pytest.mark.parametrize("reason", BLINDING)
@pytest.mark.parametrize("failure", list(Failure))
def test_what_blindness_explains(reason: BlindReason, failure: Failure) -> None:
    """Everything up to the handshake, and every timeout, is excused; what was answered stays."""
    clouded = {
        *("dns_not_found", "dns_failed", "connect_refused", "connect_timeout", "no_route"),
        *("connect_unreachable", "connect_reset", "tls_failed", "tls_expired", "tls_invalid"),
        "answer_timeout",
    }
    seen = mark_blind(observed(failure), reason, ipv6=True)
    expected = Failure.BLIND if failure in clouded else failure
    assert (seen.failure, seen.probes[0].failure) == (expected, expected)


@pytest.mark.parametrize("reason", SLOW)
@pytest.mark.parametrize("failure", list(Failure))
def test_what_slowness_explains(reason: BlindReason, failure: Failure) -> None:
    """A slow way causes timeouts; a refusal, a certificate or an answer stays what it is."""
    timeouts = {"dns_failed", "connect_timeout", "tls_failed", "answer_timeout"}
    seen = mark_blind(observed(failure), reason, ipv6=True)
    expected = Failure.BLIND if failure in timeouts else failure
    assert (seen.failure, seen.probes[0].failure) == (expected, expected)


def connected(*phases: tuple[Phases, int]) -> list[Observation]:
    """So many nodes with each of these phases."""
    return [
        replace(observed(Failure.NONE if kind.tcp_seconds else Failure.TLS_FAILED), phases=kind)
        for kind, count in phases
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("control", "nodes", "reason"),
    [
        pytest.param(NEAR, [(NEAR, 90), (SILENT, 10)], BlindReason.NONE, id="all-well"),
        pytest.param(FAR, [(FAR, 90), (SILENT, 10)], BlindReason.NONE, id="far-away"),
        pytest.param(
            NEAR,
            [(NEAR, 50), (SLOW_HOST, 33), (SILENT, 17)],
            BlindReason.NONE,
            id="a-third-is-slow-on-purpose",
        ),
        pytest.param(
            NEAR, [(NEAR, 57), (SLOW_NAME, 33)], BlindReason.NONE, id="name-servers-of-a-third"
        ),
        pytest.param(NEAR, [(NEAR, 30), (SILENT, 70)], BlindReason.NONE, id="a-real-outage"),
        pytest.param(NEAR, [(SLOW_NAME, 9)], BlindReason.NONE, id="too-few-to-say"),
        pytest.param(None, [(NEAR, 90)], BlindReason.NONE, id="no-controls"),
        pytest.param(None, [(SLOW_NAME, 60), (SILENT, 40)], BlindReason.SLOW_DNS, id="names"),
        pytest.param(NEAR, [(SLOW_HOST, 60), (NEAR, 40)], BlindReason.SLOW_NETWORK, id="ways"),
        pytest.param(SLOW_NAME, [(SILENT, 90)], BlindReason.SLOW_DNS, id="control-by-its-name"),
        pytest.param(SLOW_HOST, [], BlindReason.SLOW_NETWORK, id="control-by-its-way"),
    ],
)
def test_slow_reason(
    control: Phases | None, nodes: list[tuple[Phases, int]], reason: BlindReason
) -> None:
    """Slow is what every control shows, or most of the nodes that answer; never a minority."""
    time = ConnectTime.of(control) if control else None
    result = ControlResult(slow=reason_of(time, 5.0))
    assert slow_reason(result, connected(*nodes), 5.0, 0.0) is reason


def test_the_limit_of_slowness() -> None:
    """Two fifths of what a connection may take are the most that is trusted."""
    assert reason_of(ConnectTime(0.5, 0.3), 2.0) is BlindReason.NONE
    assert reason_of(ConnectTime(0.5, 0.4), 2.0) is BlindReason.SLOW_DNS


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        pytest.param([[0.1] * 5, [0.3] * 5], None, id="even"),
        pytest.param([[0.1] * 5, [3.0] * 5], None, id="a-host-that-is-slow-by-itself"),
        pytest.param([[0.1] * 4] * 3 + [[0.1, 2.0, 2.0, 2.0]], None, id="one-uneven-host-of-four"),
        pytest.param([[0.1, 0.1, 0.1, 1.1], [0.3, 0.3, 0.4, 1.4]], "slow", id="packets-are-lost"),
        pytest.param([[0.1, 0.1, 0.1, 0.8]], None, id="less-than-a-lost-packet"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_uneven_ways(hosts: list[list[float]], reason: str | None) -> None:
    """A way that loses or delays every eighth connection shows in each host's own fastest."""
    times = [[ConnectTime(seconds, 0.0) for seconds in host] for host in hosts]
    lost = lost_time(times, 5.0)
    assert (lost and slow_part(lost)) == (reason and BlindReason.SLOW_DNS)


def test_answers_that_came_count() -> None:
    """A node that answered is reachable to a blind vantage too; only its lost check is excused."""
    seen = mark_blind(
        observed(Failure.NONE, Failure.NONE, Failure.ANSWER_TIMEOUT), BlindReason.NETWORK, ipv6=True
    )
    assert seen.reachable
    assert [a.failure for a in seen.probes] == [Failure.NONE, Failure.BLIND]


@pytest.mark.parametrize(
    ("ipv6_only", "ipv6", "failure"),
    [
        pytest.param(True, False, Failure.NO_ROUTE, id="cannot-be-seen"),
        pytest.param(True, True, Failure.CONNECT_TIMEOUT, id="could-be-seen"),
        pytest.param(False, False, Failure.CONNECT_TIMEOUT, id="has-ipv4"),
    ],
)
def test_ipv6_only_nodes(ipv6_only: bool, ipv6: bool, failure: Failure) -> None:
    """Without IPv6 here, a node that has nothing else is not blamed."""
    seen = mark_blind(
        observed(Failure.CONNECT_TIMEOUT, ipv6_only=ipv6_only), BlindReason.NONE, ipv6
    )
    assert seen.failure is failure
