"""A log of rounds that survives `kill -9` of the process that writes it.

An entry is written before its round is committed, and the number of the round is part of the
commit, so the log can be cut to what was committed.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.ground.recorded import recorded_round
from collector.crawl.ports import RoundObserver, RoundStore
from collector.model.observation import Observation
from collector.model.store_report import Receipt
from collector.schema.round_record import RoundRecord

STATE_KEY: Final = "bench"
"""The key in the store's state for the number of the last committed round."""


@dataclass(eq=False)
class RoundLog(RoundObserver):
    """A store that logs each round before it commits it to another one.

    visited: the nodes that the present round has visited.
    """

    store: RoundStore
    path: Path
    number: int = -1
    visited: set[str] = field(default_factory=set)

    def resume(self, after: int) -> None:
        """Log that rounds after this one were not committed."""
        self._write({"after": after})

    def begin(self, number: int) -> None:
        """Begin a round."""
        self.number = number
        self.visited.clear()

    def on_observation(self, observation: Observation) -> None:
        """Note that a node was visited."""
        self.visited.add(observation.node.hash)

    async def commit(self, record: RoundRecord) -> Receipt:
        """Log the round, then commit it."""
        self._write(log_entry(self.number, record, self.visited))
        state = {**record.state, STATE_KEY: str(self.number).encode()}
        return await self.store.commit(RoundRecord(record.time, record.points, state))

    def _write(self, line: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(line)}")


def log_entry(number: int, record: RoundRecord, visited: Collection[str]) -> dict[str, Any]:
    """Return what a round records, for JSON."""
    recorded = recorded_round(record.points)
    rows = {
        node: [
            [p.reachable, p.up, p.lost, p.weight, p.failure, p.fault] for p in found.reachability
        ]
        for node, found in recorded.nodes.items()
    }
    events = [
        [e.node, e.kind, e.failure, e.since, e.lasted_seconds, e.old, e.new]
        for e in recorded.events
    ]
    return {
        "number": number,
        "clock": record.time,
        "reason": recorded.reason,
        "lag_seconds": recorded.lag_seconds,
        "rows": rows,
        "events": events,
        "asked": sorted(visited),
    }


def read_log(path: Path, committed: int) -> list[dict[str, Any]]:
    """Return the entries of the rounds up to the last committed one, in order."""
    entries: dict[int, dict[str, Any]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text or "{}")
        except ValueError:  # cut short by a kill
            continue
        if "after" in line:
            entries = {
                number: entry for number, entry in entries.items() if number <= line["after"]
            }
        elif line:
            entries[line["number"]] = line
    return [entry for number, entry in sorted(entries.items()) if number <= committed]
