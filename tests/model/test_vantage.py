"""What of ours spoils a round, and what is then not held against nodes."""

from __future__ import annotations

import pytest

from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Endpoint, Observation, Probe
from collector.model.vantage import BlindReason, mark_blind, own_reason

BLINDING = [reason for reason in BlindReason if reason is not BlindReason.NONE]


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
