"""Finds out whether another collector writes points of the same vantage and shard.

Two of them overwrite each other's points without an error anywhere. Each process writes a random
name with its rounds, so the last name in the database tells. Where the database may not be read,
nothing is said.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

from collector.influx.api import QueryAnswer, parsed
from collector.influx.generation import Generation
from collector.influx.server_answer import ServerAnswer
from collector.influx.target import Target
from collector.influx.write_result import WriteResult

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = (30.0, 90.0)
"""Between two checks, at random: of two that write the same rounds, each is the last at times."""
FORGET_SECONDS: Final = 900.0
"""After the other was last seen, it is gone."""
_SIGHTINGS: Final = 2
"""Different rounds of another that are needed: one may be the last of a collector that moved."""


class ReadableDatabase(Protocol):
    """A database that may be asked; `InfluxDb` is one."""

    target: Target

    async def generation(self) -> Generation | WriteResult:
        """Return what the server is."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        generation: Generation | None = None,
    ) -> ServerAnswer:
        """Make any request."""


@dataclass(frozen=True, slots=True)
class WriterName:
    """Who writes the points of the collector itself."""

    vantage: str
    shard: str
    instance: str
    """Random name of this process."""


class OtherCollector:
    """Asks a database now and then; `present` is what is known."""

    def __init__(
        self,
        database: ReadableDatabase,
        own: WriterName,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds since 1970; `uptime` seconds that nobody sets."""
        self.present: bool | None = None
        """Whether another collector writes; None if that is not known."""
        self._database = database
        self._own = own
        self._clock = clock
        self._started = int(clock())
        self._uptime = uptime
        self._rounds: set[int] = set()
        """Of another, since it was last absent."""
        self._seen_at = 0.0

    async def run(self) -> None:
        """Check for ever."""
        while True:
            await asyncio.sleep(random.uniform(*CHECK_SECONDS))
            await self.check()

    async def check(self) -> None:
        """Ask once. Whatever the database does, nothing is raised."""
        try:
            found = await self._last()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
        if found is None:
            return
        round_time, instance = found
        if instance != self._own.instance:
            self._rounds.add(round_time)
            self._seen_at = self._uptime()
        is_recent = bool(self._rounds) and self._uptime() - self._seen_at < FORGET_SECONDS
        if not is_recent:
            self._rounds.clear()
        self._set(len(self._rounds) >= _SIGHTINGS)

    def _set(self, present: bool) -> None:
        """Note whether there is another, and log a change."""
        if present and not self.present:
            log.error(
                "another collector writes points of vantage %r and shard %r into the same database:"
                " they overwrite each other. Stop one, or give it a vantage of its own",
                self._own.vantage,
                self._own.shard,
            )
        elif self.present and not present:
            log.warning("no other collector writes points of this vantage and shard any more")
        self.present = present

    async def _last(self) -> tuple[int, str] | None:
        """Return time and instance of the last round since the start; None if it is not told.

        Raises TimeoutError, aiohttp.ClientError or OSError.
        """
        generation = await self._database.generation()
        if isinstance(generation, WriteResult):
            return None
        target = self._database.target
        database, policy = target.database_and_policy if generation.is_1 else (target.bucket, "")
        query = {"db": database, "epoch": "s", "q": self._question()}
        query |= {"rp": policy} if policy else {}
        answer = await self._database.call("GET", "/query", query=query, generation=generation)
        return _last_of(answer) if answer.status == 200 else None

    def _question(self) -> str:
        """Return the query; what a clock that was wrong wrote ahead of now would hide all else."""
        now = int(self._clock())
        return (
            'SELECT last("instance") FROM "collector" '
            f"WHERE \"vantage\" = '{_quoted(self._own.vantage)}' "
            f"AND \"shard\" = '{_quoted(self._own.shard)}' "
            f"AND time > {min(self._started, now)}s AND time <= {now}s"
        )


def _quoted(value: str) -> str:
    """Return a text as it stands between single quotes in InfluxQL."""
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _last_of(answer: ServerAnswer) -> tuple[int, str] | None:
    """Return time and text of the only row of an answer; None if it has none of that shape."""
    found = parsed(answer, QueryAnswer)
    match found.rows() if found else []:
        case [{"time": int(at), "last": str(instance)}, *_]:
            return at, instance
    return None
