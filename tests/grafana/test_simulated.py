"""The dashboards over a simulated network: what they show is what the script says was true."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from collector.crawl.crawler import CrawlParts
from collector.crawl.gate import Gate
from collector.model.listing import NetworkSettings
from collector.model.store_report import Receipt
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.service.demo import fill
from collector.service.scripted_past import ScriptedPast
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from crn_simulator.script.fault import Fault
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.truth.node_truth import NodeTruth, truth_at
from tests.support.grafana_dashboards import DASHBOARDS, load, panel_query, panels, rules, sent
from tests.support.grafana_database import Bucket, Database
from tests.support.rule_evaluation import firing

HOURS = 2
BEGIN = 1_780_002_000
END = BEGIN + HOURS * 3600
LAST = END - 60


class CachedAggregate:
    """A store that keeps the points of every round."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    async def commit(self, batch: RoundRecord) -> Receipt:
        before = len(self.points)
        self.points += batch.points
        return Receipt(True, len(self.points) - before, 0, 0, 0, 0, 0, 0.0, 0.0)


def _script(lost: tuple[int, ...]) -> NetworkScript:
    """Some nodes are wrong all the time, those that are lost since an hour before the end."""
    outage = [Incident(Fault.REFUSED, END - 3600, END + 3600, period=0)]
    shares = {Fault.CERT_EXPIRED: 0.05, Fault.DNS_NOT_FOUND: 0.05, Fault.SERVER_ERROR: 0.05}
    return NetworkScript(
        60, 3, start=BEGIN, calm=True, shares=shares, incidents=dict.fromkeys(lost, outage)
    )


_FINE = _script(())
_WELL = [
    i
    for i in range(len(_FINE))
    if truth_at(_FINE, i, LAST).listed and truth_at(_FINE, i, LAST).usage
]
LOST = (next(i for i in _WELL if _FINE.profile(i).machine.gpus), _WELL[7])
SCRIPT = _script(LOST)
TRUTH: list[NodeTruth] = [truth_at(SCRIPT, i, LAST) for i in range(len(SCRIPT))]
NODE = TRUTH[LOST[0]]
"""The node that the Node dashboard shows: it has GPUs, and is lost."""
LISTED = [truth for truth in TRUTH if truth.listed]


@pytest.fixture(scope="session")
def points() -> list[Point]:
    """Every round of two hours, judged and written as by the collector."""
    kept = CachedAggregate()
    cards = {
        kind.device_id: kind.model
        for truth in TRUTH
        for kind in (truth.usage.gpus or () if truth.usage else ())
        if kind.model
    }
    ports = range(20_000, 20_000 + len(SCRIPT))
    past = ScriptedPast(ports, SCRIPT, NetworkSettings(cards, "1.9.0"), BEGIN)
    parts = CrawlParts(past, past, past, Gate(100), NodeTracker(Rules()), kept, "default", "0")
    asyncio.run(fill(parts, past, range(BEGIN, END, 60)))
    return kept.points


@pytest.fixture(scope="session")
def bucket(database: Database, points: list[Point]) -> Bucket:
    """These rounds in each InfluxDB."""
    bucket = database.create("simulated")
    bucket.write(points)
    return bucket


def test_the_trend_ends_with_the_truth(bucket: Bucket) -> None:
    """Listed, up and reachable nodes of the last round are those of the script."""
    (series,) = bucket.ask(sent(panel_query("network", "Nodes up over time"), LAST, END - 1))
    reachable = sum(truth.reachable for truth in LISTED)
    assert series.column("Listed") == [len(LISTED)]
    assert series.column("Reachable") == series.column("Up") == [reachable]


def test_causes_are_the_true_ones(bucket: Bucket) -> None:
    """Each cause has as many nodes as the script gives it."""
    series = bucket.ask(sent(panel_query("network", "Failures now"), END - 900, END))
    found = {one.tags["failure"]: one.values[0][1] for one in series}
    truth = Counter(truth.failure for truth in LISTED if not truth.reachable)
    assert {cause: nodes for cause, nodes in found.items() if nodes} == truth


def test_lost_nodes_are_those_of_the_outage(bucket: Bucket) -> None:
    """Who was up before is lost; who was never up is down, and no news."""
    series = bucket.ask(sent(panel_query("network", "Nodes down now"), END - 600, END))
    down = {one.tags["node"]: one.column("lost")[0] for one in series if one.column("up")[0] == 0}
    assert set(down) == {truth.node for truth in LISTED if not truth.reachable}
    assert {node for node, lost in down.items() if lost} == {TRUTH[i].node for i in LOST}


def test_cards_are_counted_as_they_were_taken(bucket: Bucket) -> None:
    """Cards of each model, all and taken, of the nodes that answered."""
    series = bucket.ask(sent(panel_query("capacity", "GPUs by model"), LAST, END - 1))
    found = {one.tags["model"]: tuple(one.values[0][1:3]) for one in series}
    total: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for truth in LISTED:
        for kind in (truth.usage.gpus or ()) if truth.usage else ():
            total[kind.model or "unknown"] += kind.total
            used[kind.model or "unknown"] += kind.used
    assert {model: counts for model, counts in found.items() if counts[0]} == {
        model: (total[model], used[model]) for model in total
    }


def test_every_panel_is_answered(bucket: Bucket) -> None:
    """No query is refused, and what needs no rare happening has rows."""
    empty = set()
    for path in DASHBOARDS:
        for panel in panels(load(path)):
            for target in panel["targets"]:
                query = sent(target["query"], BEGIN, END, step=300, node=NODE.node, name=NODE.name)
                series = bucket.ask(query)
                if not any(one.values for one in series):
                    empty.add(f"{path.stem}: {panel['title']}")
    assert empty <= {"node: IPv6", "node: IPv6 checks"}  # every six hours: not yet its turn


def test_the_outage_fires_and_nothing_else(bucket: Bucket) -> None:
    """At the end exactly the lost nodes are alarmed about, by name."""
    alarms = {rule["title"]: firing(rule, bucket, END) for rule in rules()}
    assert sorted(alert["node"] for alert in alarms.pop("Node down")) == sorted(
        TRUTH[i].node for i in LOST
    )
    assert {title for title, alerts in alarms.items() if alerts} <= {
        "Version outdated across the network", "Certificate expiring", "GPU capacity low",
    }  # fmt: skip
