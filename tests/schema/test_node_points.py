"""Points of one node: what is there, and what is absent, in each case."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from collector.model.failure import Failure
from collector.model.listing import NetworkSettings
from collector.model.observation import Endpoint, Ipv6, Ipv6Method, Observation, Probe
from collector.model.vantage import BlindReason
from collector.schema.measurements import (
    CrnGpu,
    CrnProbe,
    CrnReachability,
    CrnVersion,
    Network,
    NetworkEvent,
)
from collector.schema.measurements import CrnIpv6 as Ipv6Point
from collector.state.plan import VisitPlan
from collector.times import HOUR
from tests.support.expected_schema import SCHEMA, fields_of, two_nodes, written
from tests.support.rounds import (
    START,
    Rounds,
    bad,
    blocked,
    config,
    digest,
    good,
    gpu,
    kinds,
    node,
    points,
    reachability,
    unfinished,
    usage,
    working,
)

ENTRY: Final = {"linked": 1, "inactive": 0, "score": 0.5, "address": "https://crn1.example.org"}
TRIED: Final = {"reachable": 0, "probed": 1, "duration_seconds": 5.0}
"""What a visit gives whose first probe failed."""


def test_a_node_that_is_well() -> None:
    """A reachable node has every field."""
    point = reachability(Rounds().play_round())
    assert set(written(point)) == set(fields_of(SCHEMA["crn_reachability"][1]))
    assert (point.name, point.node, point.vantage) == ("crn 1", digest(1), "here")


def test_a_node_that_fails() -> None:
    """A node that is not reachable says why and whose fault it is; no phase is made up."""
    assert written(reachability(Rounds().play("GBBB")[-1])) == ENTRY | TRIED | {
        "up": 0,
        "since": START + 60,
        "lost": 1,
        "weight": 1.0,
        "evidence_age_seconds": 0.0,
        "failure": "connect_timeout",
        "fault": "node",
    }


def test_blind_vantage() -> None:
    """Blind: `up` and `lost` as they were, hardly a vote, our fault, `reachable` 0 since tried."""
    assert written(reachability(Rounds().play("GBBBX")[-1])) == ENTRY | TRIED | {
        "up": 0,
        "since": START + 60,
        "lost": 1,
        "weight": 0.001,
        "evidence_age_seconds": 60.0,
        "failure": "blind",
        "fault": "vantage",
    }


@pytest.mark.parametrize("reason", [r for r in BlindReason if r is not BlindReason.NONE])
def test_every_blindness_is_ours(reason: BlindReason) -> None:
    """Whatever the cause, a connection that fails while we are blind is not the node's fault."""
    rounds = Rounds()
    rounds.play("G")
    judgements = [rounds.play_round(blocked, reason) for _ in range(6)]
    assert kinds(judgements) == []
    point = reachability(judgements[-1])
    assert (point.up, point.fault, point.weight) == (True, "vantage", 0.001)


@pytest.mark.parametrize("failure", [Failure.SERVER_ERROR, Failure.REDIRECTED, Failure.NOT_A_CRN])
def test_an_answer_counts_even_while_blind(failure: Failure) -> None:
    """An answer that came tells of the node, though this vantage does not vote."""
    rounds = Rounds()
    judged = rounds.play_round([bad(node(), failure)], BlindReason.CONTROLS)
    point = reachability(judged)
    assert (point.up, point.fault, point.weight) == (False, "node", 0.001)


def test_first_start() -> None:
    """First start: `up` is the result of the visit, nobody is lost."""
    judged = two_nodes().play_round([good(node(1)), bad(node(2))])
    seen = [(p.reachable, p.up, p.lost, p.weight) for p in points(judged, CrnReachability)]
    assert seen == [(True, True, False, 1.0), (False, False, False, 1.0)]
    assert points(judged, NetworkEvent) == []


def test_first_start_while_blind() -> None:
    """Blind at first start: nothing is known, so no `up` and no age."""
    assert written(reachability(Rounds().play("X")[0])) == ENTRY | TRIED | {
        "lost": 0,
        "weight": 0.001,
        "failure": "blind",
        "fault": "vantage",
    }


def test_not_probed() -> None:
    """On the ladder: no `reachable`, `probed` 0, the evidence ages, the rest as it was."""
    rounds = Rounds()
    rounds.play("GBBB")
    rounds.time += 2 * HOUR
    rounds.play("D")
    judged = next(j for j in iter(lambda: rounds.play_round(blocked), None) if not rounds.plans)
    age = float(judged.time - START - 2 * HOUR - 4 * 60)
    assert written(reachability(judged)) == ENTRY | {
        "up": 0,
        "since": START + 60,
        "lost": 1,
        "probed": 0,
        "weight": 1.0 if age <= 180 else 0.001,
        "evidence_age_seconds": age,
        "failure": "dns_not_found",
        "fault": "dns",
    }


def test_evidence_is_fresh_for_three_intervals() -> None:
    """A vantage votes until its evidence is older than three intervals."""
    judgements = Rounds().play("GUUUU")
    assert [reachability(j).weight for j in judgements] == [1.0, 1.0, 1.0, 1.0, 0.001]


def test_refused_address() -> None:
    """Policy: failure and fault say so; no `up`, nobody lost, not visited, and no vote."""
    registered = "http//example.org"
    refused = node(address=registered, host="", refused=Failure.INVALID_ADDRESS)
    assert written(reachability(Rounds(nodes=(refused,)).play_round())) == ENTRY | {
        "lost": 0,
        "probed": 0,
        "weight": 0.001,
        "failure": "invalid_address",
        "fault": "policy",
        "address": registered,
    }


def test_forbidden_when_dialled() -> None:
    """A name that leads to an address that is not dialled is policy, whatever was known before."""
    rounds = Rounds()
    rounds.play("GBBB")
    probe = Probe(Endpoint.CONFIG, Failure.FORBIDDEN_ADDRESS)
    judged = rounds.play_round([Observation(node(), Failure.FORBIDDEN_ADDRESS, (probe,))])
    point = reachability(judged)
    assert (point.reachable, point.up, point.lost, point.probed) == (None, None, False, False)
    assert (point.failure, point.fault) == ("forbidden_address", "policy")
    assert (point.evidence_age_seconds, point.weight) == (60.0, 0.001)


def test_no_address() -> None:
    """An empty address is absent, since it was not given."""
    empty = node(address="", host="", refused=Failure.INVALID_ADDRESS)
    assert "address" not in written(reachability(Rounds(nodes=(empty,)).play_round()))


def test_unfinished_round() -> None:
    """Without a turn: not probed, our fault, state as it was, and counted."""
    judged = Rounds().play("GU")[-1]
    assert written(reachability(judged)) == ENTRY | {
        "up": 1,
        "since": START,
        "lost": 0,
        "probed": 0,
        "weight": 1.0,
        "evidence_age_seconds": 60.0,
        "failure": "round_deadline",
        "fault": "vantage",
    }
    assert points(judged, Network)[0].nodes_unfinished == 1


def test_cut_off_during_its_turn() -> None:
    """Ended by the deadline during its visit: visited, not reachable, our fault."""
    point = reachability(Rounds().play_round([bad(node(), Failure.ROUND_DEADLINE)]))
    assert (point.reachable, point.probed, point.up, point.fault) == (False, True, None, "vantage")


def test_ipv6_only_node_without_ipv6_here() -> None:
    """A node with IPv6 only is out of reach of a vantage that has none, and not to blame."""
    seen = replace(bad(node(), Failure.CONNECT_UNREACHABLE), ipv6_only=True)
    rounds = Rounds()
    without, having = rounds.play_round([seen], ipv6=False), rounds.play_round([seen], ipv6=True)
    assert [reachability(j).failure for j in (without, having)] == [
        "no_route",
        "connect_unreachable",
    ]
    assert points(without, Network)[0].vantage_ipv6 is False


def test_duplicate_hash() -> None:
    """A hash listed twice has one point, and an event that tells of the other entry."""
    rounds = Rounds(duplicates={digest(1): ("https://other.example.org",)})
    judged = rounds.play_round()
    assert len(points(judged, CrnReachability)) == 1
    (event,) = points(judged, NetworkEvent)
    assert (event.kind, event.new) == ("duplicate_hash", "https://other.example.org")


def test_points_of_one_node() -> None:
    """A node's facts are a point each, what was not measured is absent."""
    rounds = Rounds(settings=NetworkSettings(last_crn_version="1.8.0"))
    rounds.play_round(lambda order: good(order.node, config=config(qemu=None)))
    rounds.time += 6 * HOUR
    found = Ipv6(Ipv6Method.DIAGNOSTIC_VM, vm=True, aaaa=True)

    def look(order: VisitPlan) -> Observation:
        assert order.ipv6
        return replace(good(order.node, working(), usage=usage(gpu())), ipv6=found)

    judged = rounds.play_round(look)
    assert [(p.version, p.source, p.outdated) for p in points(judged, CrnVersion)] == [
        ("1.7.2", "config", True)
    ]
    (ipv6,) = points(judged, Ipv6Point)
    assert written(ipv6) == {"ok": 1, "vm": 1, "aaaa": 1, "method": "diagnostic_vm"}
    (card,) = points(judged, CrnGpu)
    assert (card.model, card.total, card.used, card.compatible) == ("L40S", 1, 0, 1)
    assert [p.endpoint for p in points(judged, CrnProbe)] == [
        "/status/config",
        "/about/usage/system",
        "/status/check/ipv6",
    ]
    (network,) = points(judged, Network)
    assert (network.nodes_outdated, network.nodes_ipv6_measured, network.nodes_ipv6_ok) == (1, 1, 1)


def test_events_are_points() -> None:
    """Events carry their subject's name and hash, and only what belongs to their kind."""
    judgements = Rounds().play("GBBBGG")
    down, up = (points(judgements[i], NetworkEvent)[0] for i in (3, 5))
    assert written(down) == {
        "text": "crn 1 is down: connect_timeout since 2027-01-15 08:01 UTC",
        "failure": "connect_timeout",
        "since": START + 60,
    }
    assert written(up).keys() == {"text", "since", "lasted_seconds"}


def test_unfinished_nodes_do_not_hide() -> None:
    """A node without a turn in the first round of all still has its point."""
    point = reachability(Rounds().play_round([unfinished(node())]))
    assert (point.up, point.lost, point.failure) == (None, False, "round_deadline")
