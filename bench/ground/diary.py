"""A diary of rounds that outlives the one who writes it, kill -9 included.

A line is written before its round is committed, and the round's number is committed with it: so it
is known afterwards which lines are true.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.ground.said import said
from collector.crawl.ports import RoundObserver, RoundStore
from collector.model.observation import Observation
from collector.model.store_report import Receipt
from collector.schema.round_record import RoundRecord

MARK: Final = "bench"
"""Key of the state under which the number of the last committed round is kept."""


@dataclass(eq=False)
class Diary(RoundObserver):
    """Stands before a store, and notes what each round says."""

    store: RoundStore
    path: Path
    number: int = -1
    asked: set[str] = field(default_factory=set)
    """Nodes that the round under way looked at."""

    def resume(self, after: int) -> None:
        """Rounds later than this one were not committed."""
        self._write({"after": after})

    def begin(self, number: int) -> None:
        """A round begins."""
        self.number = number
        self.asked.clear()

    def on_observation(self, observation: Observation) -> None:
        """A node was looked at."""
        self.asked.add(observation.node.hash)

    async def commit(self, batch: RoundRecord) -> Receipt:
        """Note the round, then commit it."""
        self._write(page(self.number, batch, self.asked))
        state = {**batch.state, MARK: str(self.number).encode()}
        return await self.store.commit(RoundRecord(batch.time, batch.points, state))

    def _write(self, line: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(line)}")


def page(number: int, batch: RoundRecord, asked: Collection[str]) -> dict[str, Any]:
    """What a round says, as JSON."""
    whole = said(batch.points)
    rows = {
        node: [
            [p.reachable, p.up, p.lost, p.weight, p.failure, p.fault] for p in spoken.reachability
        ]
        for node, spoken in whole.nodes.items()
    }
    events = [
        [e.node, e.kind, e.failure, e.since, e.lasted_seconds, e.old, e.new] for e in whole.events
    ]
    return {
        "number": number,
        "clock": batch.time,
        "reason": whole.reason,
        "lag_seconds": whole.lag_seconds,
        "rows": rows,
        "events": events,
        "asked": sorted(asked),
    }


def read(path: Path, committed: int) -> list[dict[str, Any]]:
    """The pages of the rounds that were committed, in order."""
    pages: dict[int, dict[str, Any]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text or "{}")
        except ValueError:  # torn by a kill
            continue
        if "after" in line:
            pages = {number: page for number, page in pages.items() if number <= line["after"]}
        elif line:
            pages[line["number"]] = line
    return [page for number, page in sorted(pages.items()) if number <= committed]
