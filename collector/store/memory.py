"""A store that touches no disk, for dry runs and tests. It keeps the last round only."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from collector.model.store_report import Receipt
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.store.table import Table
from collector.store.validation import RoundCounts, validated_slices


class MemoryStore:
    """Answers as `EmbeddedStore` does, and loses everything when it is closed."""

    def __init__(self, measurements: Sequence[type[Point]]) -> None:
        self._tables = {m.MEASUREMENT: Table.of(m) for m in measurements}
        self._state: dict[str, bytes] = {}
        self._copies: dict[str, tuple[bytes, float]] = {}
        self.last: RoundRecord | None = None
        """The round committed last, rejected points included."""

    async def close(self) -> None:
        """Do nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def commit(self, record: RoundRecord) -> Receipt:
        """Validate the points and take over the state."""
        counts = RoundCounts.of(validated_slices(record, self._tables))
        counts.warn(record.time)
        for key, value in record.state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value
        self.last = record
        return Receipt(
            stored=True,
            points=counts.points,
            rejected=counts.rejected,
            dropped=0,
            waiting_rounds=0,
            waiting_points=0,
            waiting_bytes=0,
            waiting_seconds=0.0,
            seconds=0.0,
        )

    async def load_state(self) -> dict[str, bytes]:
        """Return the state after the last commit."""
        return dict(self._state)

    async def last_round(self) -> int | None:
        """Return the time of the last round; None before the first."""
        return None if self.last is None else self.last.time

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """Return the copy kept under a name and when it was fetched, or None."""
        return self._copies.get(name)

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Keep a copy under a name."""
        self._copies[name] = (body, at)
