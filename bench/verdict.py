"""What became of the points of a tortured collector, held against its own file and the truth."""

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


@dataclass
class Verdict:
    """Figures of the last line, and the first few things that are wrong."""

    rounds: int = 0
    blind: int = 0
    points: int = 0
    lost: int = 0
    duplicated: int = 0
    events: int = 0
    wrong: int = 0
    words: list[str] = field(default_factory=list)

    def say(self, words: str) -> None:
        """Keep one of the first few things that are wrong."""
        if len(self.words) < 20:
            self.words.append(words)


def judge(
    folder: Path, influx: Influx, bucket: str, script: NetworkScript, announced: Sequence[int]
) -> Verdict:
    """Hold the database against the collector's file, and both against the script."""
    verdict = Verdict()
    with Reader(folder) as reader:
        rounds = [row["time"] for row in reader.rows("SELECT time FROM rounds ORDER BY time")]
        verdict.rounds = len(rounds)
        for time in set(announced) - set(rounds):
            verdict.lost += 1
            verdict.say(f"round {time} was announced and is not in the file")
        rejected = reader.rows("SELECT line, reason FROM rejected")
        verdict.lost += len(rejected)
        for row in rejected:
            verdict.say(f"refused: {row['reason']}: {row['line'][:200]}")
        for kind in MEASUREMENTS:
            tags = [c.name for c in kind.columns() if c.kind is ColumnKind.TAG]
            own = _counted(reader.rows(f'SELECT * FROM "{kind.MEASUREMENT}"'), tags)
            theirs = _counted(_rows(influx, bucket, kind.MEASUREMENT), tags)
            _compare(kind.MEASUREMENT, own, theirs, verdict)
    _hold(influx, bucket, script, rounds, verdict)
    return verdict


def _rows(influx: Influx, bucket: str, measurement: str) -> list[dict[str, Any]]:
    return influx.rows(bucket, f'SELECT * FROM "{measurement}"')


def _counted(rows: Sequence[Mapping[str, Any]], tags: Sequence[str]) -> Counter[tuple[Key, Key]]:
    """How often each point is there: its time and tags, and its values."""
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
    name: str, own: Counter[tuple[Key, Key]], theirs: Counter[tuple[Key, Key]], verdict: Verdict
) -> None:
    """Every point of the file is in the database once, with its values, and nothing else is."""
    verdict.points += own.total()
    for point, count in (own - theirs).items():
        verdict.lost += count
        verdict.say(f"{name} lost: {point}")
    for point, count in (theirs - own).items():
        verdict.duplicated += count
        verdict.say(f"{name} too many: {point}")


def _hold(
    influx: Influx, bucket: str, script: NetworkScript, rounds: Sequence[int], verdict: Verdict
) -> None:
    """What the database says of nodes is what was true of them."""
    sees = {r["time"]: r["vantage_ok"] for r in _rows(influx, bucket, Network.MEASUREMENT)}
    verdict.blind = sum(not sees.get(time) for time in rounds)
    seen = {(r["time"], r["node"]): r for r in _rows(influx, bucket, CrnReachability.MEASUREMENT)}
    usage = {(r["time"], r["node"]): r for r in _rows(influx, bucket, CrnUsage.MEASUREMENT)}
    expected: set[tuple[int, str, str]] = set()
    for index in range(len(script)):
        up: bool | None = None
        for time in rounds:
            true = truth_at(script, index, time)
            row = seen.get((time, true.node))
            if row is None:
                verdict.lost += 1
                verdict.say(f"no reachability of {true.node[:8]} at {time}")
                continue
            if not sees.get(time):
                continue
            said = (bool(row["reachable"]), row["failure"], row["fault"])
            _hold_one(verdict, time, true.node, said, (true.reachable, true.failure, true.fault))
            if true.usage:
                cpus = usage.get((time, true.node), {}).get("cpu_count")
                _hold_one(verdict, time, true.node, cpus, true.usage.cpu_count)
            if up is not None and up != true.reachable:
                expected.add((time, true.node, "up" if true.reachable else "down"))
            up = true.reachable
    rows = _rows(influx, bucket, NetworkEvent.MEASUREMENT)
    told = Counter((row["time"], row["node"], row["kind"]) for row in rows)
    verdict.events = told.total()
    for event in expected - set(told):
        verdict.lost += 1
        verdict.say(f"event lost: {event}")
    for event, count in told.items():
        if event not in expected or count > 1:
            verdict.duplicated += 1
            verdict.say(f"event too many: {event}")
    if not _rows(influx, bucket, CollectorStore.MEASUREMENT):
        verdict.say("the collector said nothing of its stores")


def _hold_one(verdict: Verdict, time: int, node: str, said: T, true: T) -> None:
    if said != true:
        verdict.wrong += 1
        verdict.say(f"{node[:8]} at {time}: {said} was said, {true} is true")
