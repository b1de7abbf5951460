"""Checks the points of a tortured collector against its own file and the simulated truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from collector.schema.column import ColumnKind
from collector.schema.measurements import (
    MEASUREMENTS,
    CollectorStore,
    CrnReachability,
    CrnUsage,
    Network,
    NetworkEvent,
)
from collector.store import Reader
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.truth.node_truth import truth_at
from tests.support.influx_servers import Influx

Key = tuple[object, ...]
T = TypeVar("T")

_MESSAGES_LIMIT = 20


@dataclass
class TortureReport:
    """Figures of the last line, and the first few differences."""

    rounds: int = 0
    blind: int = 0
    points: int = 0
    lost: int = 0
    duplicated: int = 0
    events: int = 0
    wrong: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, message: str) -> None:
        """Keep one of the first few differences."""
        if len(self.messages) < _MESSAGES_LIMIT:
            self.messages.append(message)


@dataclass(frozen=True)
class InfluxRows:
    """The database that is checked."""

    influx: Influx
    bucket: str

    def of(self, measurement: str) -> list[dict[str, Any]]:
        """Return all points of a measurement."""
        return self.influx.rows(self.bucket, f'SELECT * FROM "{measurement}"')


def check(
    directory: Path, database: InfluxRows, script: NetworkScript, announced: Sequence[int]
) -> TortureReport:
    """Compare the database with the collector's file, and the database with the script."""
    report = TortureReport()
    with Reader(directory) as reader:
        rounds = [row["time"] for row in reader.rows("SELECT time FROM rounds ORDER BY time")]
        report.rounds = len(rounds)
        for time in set(announced) - set(rounds):
            report.lost += 1
            report.add(f"round {time} was announced and is not in the file")
        rejected = reader.rejected_lines()
        report.lost += len(rejected)
        for line in rejected:
            report.add(f"rejected: {line.reason}: {line.line[:200]}")
        for kind in MEASUREMENTS:
            tags = [c.name for c in kind.columns() if c.kind is ColumnKind.TAG]
            stored = _counted(reader.rows(f'SELECT * FROM "{kind.MEASUREMENT}"'), tags)
            delivered = _counted(database.of(kind.MEASUREMENT), tags)
            _compare(kind.MEASUREMENT, stored, delivered, report)
    _check_nodes(database, script, rounds, report)
    _check_events(database, _expected_events(database, script, rounds), report)
    if not database.of(CollectorStore.MEASUREMENT):
        report.add("the collector has written nothing about its stores")
    return report


def _counted(rows: Sequence[Mapping[str, Any]], tags: Sequence[str]) -> Counter[tuple[Key, Key]]:
    """Return how often each point is there, by its time and tags, and its values."""
    counted: Counter[tuple[Key, Key]] = Counter()
    for row in rows:
        key = (row["time"], *(row.get(tag) or "" for tag in tags))
        values = tuple(
            sorted(
                (name, value)
                for name, value in row.items()
                if name != "time" and name not in tags and value is not None
            )
        )
        counted[key, values] += 1
    return counted


def _compare(
    measurement: str,
    stored: Counter[tuple[Key, Key]],
    delivered: Counter[tuple[Key, Key]],
    report: TortureReport,
) -> None:
    """Every stored point must be delivered once, with its values, and no other."""
    report.points += stored.total()
    for point, count in (stored - delivered).items():
        report.lost += count
        report.add(f"{measurement} lost: {point}")
    for point, count in (delivered - stored).items():
        report.duplicated += count
        report.add(f"{measurement} too many: {point}")


def _sighted(database: InfluxRows, rounds: Sequence[int]) -> list[int]:
    """Return the rounds in which the vantage could see."""
    ok = {row["time"]: row["vantage_ok"] for row in database.of(Network.MEASUREMENT)}
    return [time for time in rounds if ok.get(time)]


def _check_nodes(
    database: InfluxRows, script: NetworkScript, rounds: Sequence[int], report: TortureReport
) -> None:
    """What the database has of nodes must be what was true of them."""
    sighted = set(_sighted(database, rounds))
    report.blind = len(rounds) - len(sighted)
    reached = {(r["time"], r["node"]): r for r in database.of(CrnReachability.MEASUREMENT)}
    usage = {(r["time"], r["node"]): r for r in database.of(CrnUsage.MEASUREMENT)}
    for index in range(len(script)):
        for time in rounds:
            true = truth_at(script, index, time)
            row = reached.get((time, true.node))
            if row is None:
                report.lost += 1
                report.add(f"no reachability of {true.node[:8]} at {time}")
                continue
            if time not in sighted:
                continue
            where = f"{true.node[:8]} at {time}"
            written = (bool(row["reachable"]), row["failure"], row["fault"])
            _check_equal(report, where, written, (true.reachable, true.failure, true.fault))
            if true.usage:
                cpus = usage.get((time, true.node), {}).get("cpu_count")
                _check_equal(report, where, cpus, true.usage.cpu_count)


def _expected_events(
    database: InfluxRows, script: NetworkScript, rounds: Sequence[int]
) -> set[tuple[int, str, str]]:
    """Return time, node and kind of every change between two rounds that could be seen."""
    sighted = _sighted(database, rounds)
    expected: set[tuple[int, str, str]] = set()
    for index in range(len(script)):
        up: bool | None = None
        for time in sighted:
            true = truth_at(script, index, time)
            if up is not None and up != true.reachable:
                expected.add((time, true.node, "up" if true.reachable else "down"))
            up = true.reachable
    return expected


def _check_events(
    database: InfluxRows, expected: set[tuple[int, str, str]], report: TortureReport
) -> None:
    """Every expected event must be there once, and no other."""
    rows = database.of(NetworkEvent.MEASUREMENT)
    written = Counter((row["time"], row["node"], row["kind"]) for row in rows)
    report.events = written.total()
    for event in expected - set(written):
        report.lost += 1
        report.add(f"event lost: {event}")
    for event, count in written.items():
        if event not in expected or count > 1:
            report.duplicated += 1
            report.add(f"event too many: {event}")


def _check_equal(report: TortureReport, where: str, written: T, true: T) -> None:
    if written != true:
        report.wrong += 1
        report.add(f"{where}: written {written}, true {true}")
