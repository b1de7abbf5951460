"""The declared schema, and the line of each measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from collector.model.event import Event, EventKind
from collector.model.failure import Failure, Fault
from collector.model.listing import NetworkSettings
from collector.model.observation import Endpoint, Ipv6, Ipv6Method, Observation, Probe
from collector.model.status import JudgedRound
from collector.model.store_report import StoreReport
from collector.model.vantage import BlindReason
from collector.schema.build import (
    CollectorFigures,
    RoundKey,
    collector_point,
    points_of,
    store_point,
)
from collector.schema.column import ColumnKind, Point
from collector.schema.keys import NodeKey
from collector.schema.line_protocol import line
from collector.schema.measurements import (
    MEASUREMENTS,
    CrnCapability,
    CrnGpu,
    CrnProbe,
    CrnReachability,
    CrnUsage,
    CrnVersion,
    Network,
    NetworkEvent,
    NetworkFailure,
    NetworkGpu,
    NetworkVersion,
)
from collector.schema.measurements import CrnIpv6 as Ipv6Point
from collector.schema.node_points import event_point, usage_point
from collector.state.plan import VisitPlan
from collector.times import DAY, HOUR
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

NODE_TAGS: Final = "name node vantage"
SCHEMA: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "crn_reachability": (
        NODE_TAGS,
        {
            "integer": "reachable up lost probed status_code linked inactive",
            "float": "weight evidence_age_seconds dns_seconds tcp_seconds tls_seconds "
            "ttfb_seconds duration_seconds cert_expiry_seconds score",
            "text": "failure fault address",
        },
    ),
    "crn_version": (NODE_TAGS, {"text": "version source", "integer": "outdated"}),
    "crn_ipv6": (NODE_TAGS, {"integer": "ok host vm aaaa direct", "text": "method"}),
    "crn_gpu": (f"device_id model {NODE_TAGS}", {"integer": "total used available compatible"}),
    "crn_usage": (
        NODE_TAGS,
        {
            "integer": "cpu_count gpu_total gpu_used gpu_available",
            "float": "load1 load5 load15 mem_total_bytes mem_available_bytes disk_total_bytes "
            "disk_available_bytes",
        },
    ),
    "crn_capability": (
        NODE_TAGS,
        {
            "text": "architecture cpu_vendor payment_receiver",
            "integer": "qemu confidential gpu terms",
        },
    ),
    "crn_probe": (
        f"endpoint {NODE_TAGS}",
        {
            "integer": "success status_code response_bytes",
            "float": "duration_seconds",
            "text": "failure",
        },
    ),
    "network": (
        "shard vantage",
        {
            "integer": "nodes nodes_linked nodes_measured nodes_reachable nodes_up nodes_lost "
            "nodes_unfinished nodes_outdated nodes_ipv6_measured nodes_ipv6_ok cpu_total "
            "gpu_total gpu_used gpu_available vantage_ok vantage_ipv6",
            "float": "mem_total_bytes mem_available_bytes disk_total_bytes disk_available_bytes "
            "directory_age_seconds",
            "text": "vantage_reason",
        },
    ),
    "network_gpu": ("model shard vantage", {"integer": "total used available nodes"}),
    "network_version": ("shard vantage version", {"integer": "nodes reachable"}),
    "network_failure": ("failure fault shard vantage", {"integer": "nodes"}),
    "network_event": (
        f"kind {NODE_TAGS}",
        {"text": "text failure old new", "integer": "since", "float": "lasted_seconds"},
    ),
    "collector": (
        "shard vantage",
        {
            "float": "round_seconds loop_lag_seconds",
            "integer": "probes points rounds_skipped rounds_missed overran rss_bytes open_fds",
        },
    ),
    "collector_store": (
        "shard store vantage",
        {
            "integer": "connected points_delivered points_rejected points_dropped backlog_bytes "
            "backlog_points",
            "float": "backlog_seconds write_seconds",
        },
    ),
}
"""Every measurement: its tags, and its fields by type. Add to it; never rename or retype."""


def _columns(kinds: dict[str, str]) -> dict[str, str]:
    return {name: kind for kind, names in kinds.items() for name in names.split()}


def test_measurements() -> None:
    """Every measurement is declared, once, and nothing besides."""
    assert [m.MEASUREMENT for m in MEASUREMENTS] == list(SCHEMA)


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda m: m.MEASUREMENT)
def test_columns(measurement: type[Point]) -> None:
    """Each measurement has exactly these tags and fields, with these types."""
    tags, fields = SCHEMA[measurement.MEASUREMENT]
    columns = measurement.columns()
    assert [c.name for c in columns if c.kind is ColumnKind.TAG] == tags.split()
    declared = {c.name: c.kind.value for c in columns if c.kind is not ColumnKind.TAG}
    assert declared == _columns(fields)
    assert len({c.name for c in columns} | {"time"}) == len(columns) + 1


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda m: m.MEASUREMENT)
def test_precision(measurement: type[Point]) -> None:
    """Seconds, ratios and scores are kept to 4 decimals, bytes and weights as they are."""
    kept = {c.name: c.digits for c in measurement.columns() if c.kind is ColumnKind.FLOAT}
    assert kept == {
        name: None if name.endswith("_bytes") or name == "weight" else 4 for name in kept
    }


NODE: Final[dict[str, Any]] = {"time": START, "vantage": "home", "node": digest(1), "name": "crn 1"}
HOME: Final[dict[str, Any]] = {"time": START, "vantage": "home", "shard": "a"}
TAGS: Final = rf"name=crn\ 1,node={digest(1)}"

GOLDEN: Final[list[tuple[Point, str]]] = [
    (
        CrnReachability(
            **NODE,
            reachable=True,
            up=True,
            lost=False,
            probed=True,
            status_code=200,
            linked=True,
            inactive=False,
            weight=1.0,
            evidence_age_seconds=0.0,
            dns_seconds=0.00123456,
            tcp_seconds=0.02,
            tls_seconds=0.03,
            ttfb_seconds=0.04,
            duration_seconds=20.0,
            cert_expiry_seconds=1e6,
            score=0.98765432,
            failure="none",
            fault="none",
            address="https://crn1.example.org",
        ),
        f"crn_reachability,{TAGS},vantage=home reachable=1i,up=1i,lost=0i,probed=1i,"
        "status_code=200i,linked=1i,inactive=0i,weight=1.0,evidence_age_seconds=0.0,"
        "dns_seconds=0.0012,tcp_seconds=0.02,tls_seconds=0.03,ttfb_seconds=0.04,"
        "duration_seconds=20.0,cert_expiry_seconds=1000000.0,score=0.9877,"
        'failure="none",fault="none",address="https://crn1.example.org" 1800000000',
    ),
    (
        CrnVersion(**NODE, version="1.3.0-41-g7303587", source="config", outdated=True),
        f'crn_version,{TAGS},vantage=home version="1.3.0-41-g7303587",source="config",outdated=1i '
        "1800000000",
    ),
    (
        Ipv6Point(**NODE, ok=False, host=True, vm=False, aaaa=True, direct=None, method="status"),
        f'crn_ipv6,{TAGS},vantage=home ok=0i,host=1i,vm=0i,aaaa=1i,method="status" 1800000000',
    ),
    (
        CrnGpu(**NODE, model="RTX 4000 ADA", device_id="10de:27b0", total=2, used=1, available=1),
        rf"crn_gpu,device_id=10de:27b0,model=RTX\ 4000\ ADA,{TAGS},vantage=home "
        "total=2i,used=1i,available=1i 1800000000",
    ),
    (
        usage_point(NodeKey(START, "home", digest(1), "crn 1"), usage(gpu(), gpu(available=False))),
        f"crn_usage,{TAGS},vantage=home cpu_count=8i,gpu_total=2i,gpu_used=1i,gpu_available=1i,"
        "load1=0.5,load5=0.25,load15=0.125,mem_total_bytes=64000000000.0,"
        "mem_available_bytes=32000000000.0,disk_total_bytes=2000000000000.0,"
        "disk_available_bytes=1000000000000.0 1800000000",
    ),
    (
        CrnCapability(**NODE, architecture="x86_64", qemu=True, terms=False),
        f'crn_capability,{TAGS},vantage=home architecture="x86_64",qemu=1i,terms=0i 1800000000',
    ),
    (
        CrnProbe(
            **NODE,
            endpoint="/status/config",
            success=False,
            duration_seconds=5.00004,
            failure="connect_timeout",
        ),
        f"crn_probe,endpoint=/status/config,{TAGS},vantage=home "
        'success=0i,duration_seconds=5.0,failure="connect_timeout" 1800000000',
    ),
    (
        NetworkGpu(**HOME, model="L40S", total=3, used=1, available=2, nodes=2),
        "network_gpu,model=L40S,shard=a,vantage=home total=3i,used=1i,available=2i,nodes=2i "
        "1800000000",
    ),
    (
        NetworkVersion(**HOME, version="1.7.2", nodes=3, reachable=2),
        "network_version,shard=a,vantage=home,version=1.7.2 nodes=3i,reachable=2i 1800000000",
    ),
    (
        NetworkFailure(**HOME, failure="tls_expired", fault="node", nodes=0),
        "network_failure,failure=tls_expired,fault=node,shard=a,vantage=home nodes=0i 1800000000",
    ),
    (
        event_point(
            START,
            "home",
            Event(EventKind.UP, digest(1), "a,b=c d", 'says "hi"', since=START, lasted_seconds=60),
        ),
        rf"network_event,kind=up,name=a\,b\=c\ d,node={digest(1)},vantage=home "
        r'text="says \"hi\"",since=1800000000i,lasted_seconds=60.0 1800000000',
    ),
    (
        collector_point(
            RoundKey(START, "home", "a"),
            CollectorFigures(
                round_seconds=12.34567,
                loop_lag_seconds=0.0,
                probes=1100,
                points=1200,
                rounds_skipped=0,
                rounds_missed=1,
                overran=False,
                rss_bytes=None,
                open_fds=None,
            ),
        ),
        "collector,shard=a,vantage=home round_seconds=12.3457,loop_lag_seconds=0.0,probes=1100i,"
        "points=1200i,rounds_skipped=0i,rounds_missed=1i,overran=0i 1800000000",
    ),
    (
        store_point(
            RoundKey(START, "home", "a"),
            StoreReport(
                store="embedded",
                connected=True,
                points_delivered=1200,
                points_rejected=0,
                points_dropped=0,
                backlog_bytes=0,
                backlog_points=0,
                backlog_seconds=0.0,
                write_seconds=0.0021,
            ),
        ),
        "collector_store,shard=a,store=embedded,vantage=home connected=1i,points_delivered=1200i,"
        "points_rejected=0i,points_dropped=0i,backlog_bytes=0i,backlog_points=0i,"
        "backlog_seconds=0.0,write_seconds=0.0021 1800000000",
    ),
]
NETWORK_LINE: Final = (
    "network,shard=0,vantage=here nodes=2i,nodes_linked=2i,nodes_measured=1i,nodes_reachable=1i,"
    "nodes_up=1i,nodes_lost=0i,nodes_unfinished=0i,nodes_outdated=0i,nodes_ipv6_measured=0i,"
    "nodes_ipv6_ok=0i,cpu_total=8i,gpu_total=1i,gpu_used=0i,gpu_available=1i,vantage_ok=1i,"
    "vantage_ipv6=1i,mem_total_bytes=64000000000.0,mem_available_bytes=32000000000.0,"
    "disk_total_bytes=2000000000000.0,disk_available_bytes=1000000000000.0,"
    'directory_age_seconds=10.0,vantage_reason="none" 1800000000'
)


@pytest.mark.parametrize(
    ("point", "expected"), [pytest.param(*case, id=case[0].MEASUREMENT) for case in GOLDEN]
)
def test_golden(point: Point, expected: str) -> None:
    """A point of each measurement is exactly this line, and every InfluxDB accepts it."""
    assert line(point) == expected
    assert point.rejection_reason() is None


def _two() -> Rounds:
    return Rounds(nodes=(node(1), node(2)))


def test_golden_network() -> None:
    """The network's point is exactly this line."""
    judged = _two().look([good(node(1), usage=usage(gpu())), bad(node(2))])
    (network,) = points(judged, Network)
    assert line(network) == NETWORK_LINE


def test_every_measurement_has_a_golden_line() -> None:
    """No measurement is added without its line."""
    assert {point.MEASUREMENT for point, _ in GOLDEN} | {"network"} == set(SCHEMA)


def _written(point: Point) -> dict[str, object]:
    """The fields that are written; tags left out."""
    pairs = zip(point.columns(), point.row(), strict=True)
    return {
        c.name: value for c, value in pairs if c.kind is not ColumnKind.TAG and value is not None
    }


ENTRY: Final = {"linked": 1, "inactive": 0, "score": 0.5, "address": "https://crn1.example.org"}
TRIED: Final = {"reachable": 0, "probed": 1, "duration_seconds": 5.0}
"""What a visit gives whose first probe failed."""


def test_a_node_that_is_well() -> None:
    """A reachable node has every field."""
    point = reachability(Rounds().look())
    assert set(_written(point)) == set(_columns(SCHEMA["crn_reachability"][1]))
    assert (point.name, point.node, point.vantage) == ("crn 1", digest(1), "here")


def test_a_node_that_fails() -> None:
    """A node that is not reachable says why and whose fault it is; no phase is made up."""
    assert _written(reachability(Rounds().play("GBBB")[-1])) == ENTRY | TRIED | {
        "up": 0,
        "lost": 1,
        "weight": 1.0,
        "evidence_age_seconds": 0.0,
        "failure": "connect_timeout",
        "fault": "node",
    }


def test_blind_vantage() -> None:
    """Blind: `up` and `lost` as they were, hardly a vote, our fault, `reachable` 0 since tried."""
    assert _written(reachability(Rounds().play("GBBBX")[-1])) == ENTRY | TRIED | {
        "up": 0,
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
    judgements = [rounds.look(blocked, reason) for _ in range(6)]
    assert kinds(judgements) == []
    point = reachability(judgements[-1])
    assert (point.up, point.fault, point.weight) == (True, "vantage", 0.001)


@pytest.mark.parametrize("failure", [Failure.SERVER_ERROR, Failure.REDIRECTED, Failure.NOT_A_CRN])
def test_an_answer_counts_even_while_blind(failure: Failure) -> None:
    """An answer that came tells of the node, though this vantage does not vote."""
    rounds = Rounds()
    judged = rounds.look([bad(node(), failure)], BlindReason.CONTROLS)
    point = reachability(judged)
    assert (point.up, point.fault, point.weight) == (False, "node", 0.001)


def test_first_start() -> None:
    """First start: `up` is the result of the visit, nobody is lost."""
    judged = _two().look([good(node(1)), bad(node(2))])
    seen = [(p.reachable, p.up, p.lost, p.weight) for p in points(judged, CrnReachability)]
    assert seen == [(True, True, False, 1.0), (False, False, False, 1.0)]
    assert points(judged, NetworkEvent) == []


def test_first_start_while_blind() -> None:
    """Blind at first start: nothing is known, so no `up` and no age."""
    assert _written(reachability(Rounds().play("X")[0])) == ENTRY | TRIED | {
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
    judged = next(j for j in iter(lambda: rounds.look(blocked), None) if not rounds.plans)
    age = float(judged.time - START - 2 * HOUR - 4 * 60)
    assert _written(reachability(judged)) == ENTRY | {
        "up": 0,
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
    assert _written(reachability(Rounds(nodes=(refused,)).look())) == ENTRY | {
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
    attempt = Probe(Endpoint.CONFIG, Failure.FORBIDDEN_ADDRESS)
    judged = rounds.look([Observation(node(), Failure.FORBIDDEN_ADDRESS, (attempt,))])
    point = reachability(judged)
    assert (point.reachable, point.up, point.lost, point.probed) == (None, None, False, False)
    assert (point.failure, point.fault) == ("forbidden_address", "policy")
    assert (point.evidence_age_seconds, point.weight) == (60.0, 0.001)


def test_no_address() -> None:
    """An empty address is absent, since it was not given."""
    empty = node(address="", host="", refused=Failure.INVALID_ADDRESS)
    assert "address" not in _written(reachability(Rounds(nodes=(empty,)).look()))


def test_unfinished_round() -> None:
    """Without a turn: not probed, our fault, state as it was, and counted."""
    judged = Rounds().play("GU")[-1]
    assert _written(reachability(judged)) == ENTRY | {
        "up": 1,
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
    point = reachability(Rounds().look([bad(node(), Failure.ROUND_DEADLINE)]))
    assert (point.reachable, point.probed, point.up, point.fault) == (False, True, None, "vantage")


def test_ipv6_only_node_without_ipv6_here() -> None:
    """A node with IPv6 only is out of reach of a vantage that has none, and not to blame."""
    seen = replace(bad(node(), Failure.CONNECT_UNREACHABLE), ipv6_only=True)
    rounds = Rounds()
    without, having = rounds.look([seen], ipv6=False), rounds.look([seen], ipv6=True)
    assert [reachability(j).failure for j in (without, having)] == [
        "no_route",
        "connect_unreachable",
    ]
    assert points(without, Network)[0].vantage_ipv6 is False


def test_duplicate_hash() -> None:
    """A hash listed twice has one point, and an event that tells of the other entry."""
    rounds = Rounds(duplicates={digest(1): ("https://other.example.org",)})
    judged = rounds.look()
    assert len(points(judged, CrnReachability)) == 1
    (event,) = points(judged, NetworkEvent)
    assert (event.kind, event.new) == ("duplicate_hash", "https://other.example.org")


def test_a_blind_vantage_counts_nodes_and_sums_no_capacity() -> None:
    """Counts of nodes are always written, sums of capacity only by who sees."""
    rounds = _two()
    rounds.look(lambda order: good(order.node, usage=usage(gpu())))
    judged = rounds.look([good(node(1), usage=usage(gpu())), bad(node(2))], BlindReason.DNS)
    (network,) = points(judged, Network)
    sums = {"cpu_total", "gpu_total", "gpu_used", "gpu_available"} | {
        f"{room}_{what}_bytes" for room in ("mem", "disk") for what in ("total", "available")
    }
    assert set(_columns(SCHEMA["network"][1])) - set(_written(network)) == sums
    assert (network.nodes, network.nodes_up, network.nodes_measured) == (2, 2, 1)
    assert (network.vantage_ok, network.vantage_reason) == (False, "dns")
    assert points(judged, NetworkGpu) == []
    assert sum(p.nodes for p in points(judged, NetworkVersion)) == 2
    assert sum(p.nodes for p in points(judged, NetworkFailure)) == 2


def test_nothing_measured_is_not_zero() -> None:
    """A round in which no usage was read writes no sums, and none of GPUs where none is known."""
    rounds = _two()
    rounds.look(lambda order: good(order.node, usage=usage(gpu())))
    unread = rounds.look(lambda order: good(order.node, usage=None))
    old = rounds.look(lambda order: good(order.node, usage=usage(gpus=None)))
    (first,), (second,) = points(unread, Network), points(old, Network)
    assert (first.cpu_total, first.gpu_total, first.mem_total_bytes) == (None, None, None)
    assert (second.cpu_total, second.gpu_total) == (16, None)
    assert points(unread, NetworkGpu) == points(old, NetworkGpu) == []
    (usage_point, _) = points(old, CrnUsage)
    assert (usage_point.gpu_total, usage_point.gpu_used) == (None, None)


def test_network_gpu() -> None:
    """Cards by model, with zeros for a week after the last one was reported."""
    rounds = _two()
    both = [
        good(node(1), usage=usage(gpu(), gpu(available=False))),
        good(node(2), usage=usage(gpu(), gpu("10de:2230", "RTX A6000"))),
    ]
    seen = points(rounds.look(both), NetworkGpu)
    assert [(p.model, p.total, p.used, p.available, p.nodes) for p in seen] == [
        ("L40S", 3, 1, 2, 2),
        ("RTX A6000", 1, 0, 1, 1),
    ]
    gone = points(rounds.look(), NetworkGpu)
    assert [(p.model, p.total, p.nodes) for p in gone] == [("L40S", 0, 0), ("RTX A6000", 0, 0)]
    rounds.time += 8 * DAY
    assert points(rounds.look(), NetworkGpu) == []


def test_network_version() -> None:
    """Nodes by the release that they last stated, those that fail now included."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(1, 4)))
    versions = {digest(1): "1.7.2", digest(2): "1.7.2-rc1", digest(3): "0.3.0"}
    first = rounds.look(lambda order: good(order.node, version=versions[order.node.hash]))
    then = rounds.look(lambda order: (good if order.node.hash == digest(1) else bad)(order.node))
    assert [
        [(p.version, p.nodes, p.reachable) for p in points(j, NetworkVersion)]
        for j in (first, then)
    ] == [[("0.3.0", 1, 1), ("1.7.2", 2, 2)], [("0.3.0", 1, 0), ("1.7.2", 2, 1)]]


def test_network_versions_are_bounded() -> None:
    """Strangers can make 32 releases, and `other`."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(50)))
    judged = rounds.look(lambda o: good(o.node, version=f"9.{int(o.node.name[4:])}.0"))
    versions = points(judged, NetworkVersion)
    assert len(versions) == 33
    assert sum(p.nodes for p in versions) == 50
    assert {p.version: p.nodes for p in versions}["other"] == 18


def test_network_failure() -> None:
    """Every failure is counted in every round, zeros included, with its fault."""
    counted = points(_two().look([good(node(1)), bad(node(2))]), NetworkFailure)
    assert {(p.failure, p.fault) for p in counted} == {(str(f), str(f.fault)) for f in Failure}
    assert {p.failure: p.nodes for p in counted if p.nodes} == {"none": 1, "connect_timeout": 1}


def test_faults() -> None:
    """Only the node and its name count against a node."""
    assert {f.fault for f in Failure} == set(Fault)
    assert {f.fault for f in Failure if f.counts_against_node} == {Fault.NODE, Fault.DNS}
    assert [f for f in Failure if f.is_masked_when_blind and not f.counts_against_node] == [
        Failure.NO_ROUTE
    ]


def test_points_of_one_node() -> None:
    """A node's facts are a point each, what was not measured is absent."""
    rounds = Rounds(settings=NetworkSettings(last_crn_version="1.8.0"))
    rounds.look(lambda order: good(order.node, config=config(qemu=None)))
    rounds.time += 6 * HOUR
    found = Ipv6(Ipv6Method.DIAGNOSTIC_VM, vm=True, aaaa=True)

    def look(order: VisitPlan) -> Observation:
        assert order.ipv6
        return replace(good(order.node, working(), usage=usage(gpu())), ipv6=found)

    judged = rounds.look(look)
    assert [(p.version, p.source, p.outdated) for p in points(judged, CrnVersion)] == [
        ("1.7.2", "config", True)
    ]
    (ipv6,) = points(judged, Ipv6Point)
    assert _written(ipv6) == {"ok": 1, "vm": 1, "aaaa": 1, "method": "diagnostic_vm"}
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
    assert _written(down) == {
        "text": "crn 1 is down: connect_timeout since 2027-01-15 08:01 UTC",
        "failure": "connect_timeout",
        "since": START + 60,
    }
    assert _written(up).keys() == {"text", "since", "lasted_seconds"}


def _shape(judged: JudgedRound) -> dict[str, set[tuple[str, ...]]]:
    """By measurement, every set of tags that is written."""
    shapes: dict[str, set[tuple[str, ...]]] = {}
    for point in points_of(judged, "here", "0"):
        pairs = zip(point.columns(), point.row(), strict=True)
        tags = tuple(c.name for c, value in pairs if c.kind is ColumnKind.TAG and value)
        shapes.setdefault(point.MEASUREMENT, set()).add(tags)
    return shapes


def test_the_shard_is_on_counts_and_sums_only() -> None:
    """What is counted over nodes carries the shard; a node's own points do not."""
    rounds = Rounds()
    rounds.look(lambda order: good(order.node, usage=usage(gpu())))
    made = points_of(rounds.look([bad(node())]), "here", "eu-1")
    made += points_of(
        rounds.look(lambda order: good(order.node, usage=usage(gpu()))), "here", "eu-1"
    )
    shards = {p.MEASUREMENT: getattr(p, "shard", None) for p in made}
    counts = dict.fromkeys(["network", "network_gpu", "network_version", "network_failure"], "eu-1")
    assert {name: shard for name, shard in shards.items() if shard} == counts
    assert {"crn_reachability", "crn_usage", "crn_gpu", "crn_probe"} <= set(shards)


@pytest.mark.parametrize("letters", ["G", "GBBB", "X", "GX", "U", "P", "GBBBGG"])
def test_tag_sets_never_change(letters: str) -> None:
    """Whatever happens, a measurement's points have all of its tags."""
    for judged in Rounds().play(letters):
        assert _shape(judged) == {name: {tuple(SCHEMA[name][0].split())} for name in _shape(judged)}


def test_a_round_is_small() -> None:
    """A round of 600 nodes is about two points a node once the first hour's facts are out."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(100)))
    rounds.look()
    counts = [len(points_of(rounds.look(), "here", "0")) for _ in range(30)]
    assert max(counts) < 300
    assert sum(counts) / len(counts) < 250


def test_unfinished_nodes_do_not_hide() -> None:
    """A node without a turn in the first round of all still has its point."""
    point = reachability(Rounds().look([unfinished(node())]))
    assert (point.up, point.lost, point.failure) == (None, False, "round_deadline")
