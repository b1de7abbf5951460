"""Counts and sums over all nodes of a round."""

from __future__ import annotations

from collector.model.failure import Failure, Fault
from collector.model.vantage import BlindReason
from collector.schema.measurements import (
    CrnUsage,
    Network,
    NetworkFailure,
    NetworkGpu,
    NetworkVersion,
)
from collector.times import DAY
from tests.support.expected_schema import SCHEMA, fields_of, two_nodes, written
from tests.support.rounds import (
    Rounds,
    bad,
    digest,
    good,
    gpu,
    node,
    points,
    usage,
)


def test_a_blind_vantage_counts_nodes_and_sums_no_capacity() -> None:
    """Counts of nodes are always written, sums of capacity only by who sees."""
    rounds = two_nodes()
    rounds.play_round(lambda order: good(order.node, usage=usage(gpu())))
    judged = rounds.play_round([good(node(1), usage=usage(gpu())), bad(node(2))], BlindReason.DNS)
    (network,) = points(judged, Network)
    sums = {"cpu_total", "gpu_total", "gpu_used", "gpu_available"} | {
        f"{room}_{what}_bytes" for room in ("mem", "disk") for what in ("total", "available")
    }
    assert set(fields_of(SCHEMA["network"][1])) - set(written(network)) == sums
    assert (network.nodes, network.nodes_up, network.nodes_measured) == (2, 2, 1)
    assert (network.vantage_ok, network.vantage_reason) == (False, "dns")
    assert points(judged, NetworkGpu) == []
    assert sum(p.nodes for p in points(judged, NetworkVersion)) == 2
    assert sum(p.nodes for p in points(judged, NetworkFailure)) == 2


def test_nothing_measured_is_not_zero() -> None:
    """A round in which no usage was read writes no sums, and none of GPUs where none is known."""
    rounds = two_nodes()
    rounds.play_round(lambda order: good(order.node, usage=usage(gpu())))
    unread = rounds.play_round(lambda order: good(order.node, usage=None))
    old = rounds.play_round(lambda order: good(order.node, usage=usage(gpus=None)))
    (first,), (second,) = points(unread, Network), points(old, Network)
    assert (first.cpu_total, first.gpu_total, first.mem_total_bytes) == (None, None, None)
    assert (second.cpu_total, second.gpu_total) == (16, None)
    assert points(unread, NetworkGpu) == points(old, NetworkGpu) == []
    (usage_point, _) = points(old, CrnUsage)
    assert (usage_point.gpu_total, usage_point.gpu_used) == (None, None)


def test_sums_are_over_the_nodes_that_gave_the_amount() -> None:
    """A node without a readable disk counts for the rest, and its points leave the disk out."""
    rounds = two_nodes()
    part = usage(disk_total_bytes=None, disk_available_bytes=None, load1=None, gpus=None)
    whole = usage(gpu())
    judged = rounds.play_round([good(node(1), usage=part), good(node(2), usage=whole)])
    (network,) = points(judged, Network)
    assert (network.nodes_measured, network.cpu_total, network.mem_total_bytes) == (2, 16, 128e9)
    assert (network.disk_total_bytes, network.disk_available_bytes) == (2e12, 1e12)
    assert network.gpu_total == 1
    (first, _) = points(judged, CrnUsage)
    absent = {"disk_total_bytes", "disk_available_bytes", "load1"}
    absent |= {"gpu_total", "gpu_used", "gpu_available"}
    assert set(fields_of(SCHEMA["crn_usage"][1])) - set(written(first)) == absent
    none = rounds.play_round(lambda order: good(order.node, usage=part))
    (network,) = points(none, Network)
    assert (network.cpu_total, network.disk_total_bytes, network.gpu_total) == (16, None, None)


def test_network_gpu() -> None:
    """Cards by model, with zeros for a week after the last one was reported."""
    rounds = two_nodes()
    both = [
        good(node(1), usage=usage(gpu(), gpu(available=False))),
        good(node(2), usage=usage(gpu(), gpu("10de:2230", "RTX A6000"))),
    ]
    seen = points(rounds.play_round(both), NetworkGpu)
    assert [(p.model, p.total, p.used, p.available, p.nodes) for p in seen] == [
        ("L40S", 3, 1, 2, 2),
        ("RTX A6000", 1, 0, 1, 1),
    ]
    gone = points(rounds.play_round(), NetworkGpu)
    assert [(p.model, p.total, p.nodes) for p in gone] == [("L40S", 0, 0), ("RTX A6000", 0, 0)]
    rounds.time += 8 * DAY
    assert points(rounds.play_round(), NetworkGpu) == []


def test_network_version() -> None:
    """Nodes by the release that they last stated, those that fail now included."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(1, 4)))
    versions = {digest(1): "1.7.2", digest(2): "1.7.2-rc1", digest(3): "0.3.0"}
    first = rounds.play_round(lambda order: good(order.node, version=versions[order.node.hash]))
    then = rounds.play_round(
        lambda order: (good if order.node.hash == digest(1) else bad)(order.node)
    )
    assert [
        [(p.version, p.nodes, p.reachable) for p in points(j, NetworkVersion)]
        for j in (first, then)
    ] == [[("0.3.0", 1, 1), ("1.7.2", 2, 2)], [("0.3.0", 1, 0), ("1.7.2", 2, 1)]]


def test_network_versions_are_bounded() -> None:
    """Strangers can make 32 releases, and `other`."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(50)))
    judged = rounds.play_round(lambda o: good(o.node, version=f"9.{int(o.node.name[4:])}.0"))
    versions = points(judged, NetworkVersion)
    assert len(versions) == 33
    assert sum(p.nodes for p in versions) == 50
    assert {p.version: p.nodes for p in versions}["other"] == 18


def test_network_failure() -> None:
    """Every failure is counted in every round, zeros included, with its fault."""
    counted = points(two_nodes().play_round([good(node(1)), bad(node(2))]), NetworkFailure)
    assert {(p.failure, p.fault) for p in counted} == {(str(f), str(f.fault)) for f in Failure}
    assert {p.failure: p.nodes for p in counted if p.nodes} == {"none": 1, "connect_timeout": 1}


def test_faults() -> None:
    """Only the node and its name count against a node."""
    assert {f.fault for f in Failure} == set(Fault)
    assert {f.fault for f in Failure if f.counts_against_node} == {Fault.NODE, Fault.DNS}
    assert [f for f in Failure if f.is_masked_when_blind and not f.counts_against_node] == [
        Failure.NO_ROUTE
    ]
