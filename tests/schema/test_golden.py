"""The line of each measurement, to the letter."""

from __future__ import annotations

from typing import Any, Final

import pytest

from collector.model.event import Event, EventKind
from collector.model.store_report import StoreReport
from collector.schema.build import (
    CollectorFigures,
    RoundKey,
    collector_point,
    store_point,
)
from collector.schema.column import Point
from collector.schema.keys import NodeKey
from collector.schema.line_protocol import line
from collector.schema.measurements import (
    CrnCapability,
    CrnGpu,
    CrnProbe,
    CrnReachability,
    CrnVersion,
    Network,
    NetworkFailure,
    NetworkGpu,
    NetworkVersion,
)
from collector.schema.measurements import CrnIpv6 as Ipv6Point
from collector.schema.node_points import event_point, usage_point
from tests.support.expected_schema import SCHEMA, two_nodes
from tests.support.rounds import (
    START,
    bad,
    digest,
    good,
    gpu,
    node,
    points,
    usage,
)

NODE: Final[dict[str, Any]] = {"time": START, "vantage": "home", "node": digest(1), "name": "crn 1"}
HOME: Final[dict[str, Any]] = {"time": START, "vantage": "home", "shard": "a"}
TAGS: Final = rf"name=crn\ 1,node={digest(1)}"

GOLDEN: Final[list[tuple[Point, str]]] = [
    (
        CrnReachability(
            **NODE,
            reachable=True,
            up=True,
            since=START - 600,
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
        f"crn_reachability,{TAGS},vantage=home reachable=1i,up=1i,since=1799999400i,lost=0i,"
        "probed=1i,status_code=200i,linked=1i,inactive=0i,weight=1.0,evidence_age_seconds=0.0,"
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
                loop_late_seconds=0.0,
                probes=1100,
                rounds_skipped=0,
                rounds_missed=1,
                overran=False,
                rss_bytes=None,
                open_fds=None,
                instance="a1",
            ),
            points=1200,
        ),
        "collector,shard=a,vantage=home round_seconds=12.3457,loop_lag_seconds=0.0,"
        "loop_late_seconds=0.0,probes=1100i,"
        'points=1200i,rounds_skipped=0i,rounds_missed=1i,overran=0i,instance="a1" 1800000000',
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
                conflict=False,
            ),
        ),
        "collector_store,shard=a,store=embedded,vantage=home connected=1i,points_delivered=1200i,"
        "points_rejected=0i,points_dropped=0i,backlog_bytes=0i,backlog_points=0i,"
        "backlog_seconds=0.0,write_seconds=0.0021,conflict=0i 1800000000",
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


def test_golden_network() -> None:
    """The network's point is exactly this line."""
    judged = two_nodes().play_round([good(node(1), usage=usage(gpu())), bad(node(2))])
    (network,) = points(judged, Network)
    assert line(network) == NETWORK_LINE


def test_every_measurement_has_a_golden_line() -> None:
    """No measurement is added without its line."""
    assert {point.MEASUREMENT for point, _ in GOLDEN} | {"network"} == set(SCHEMA)
