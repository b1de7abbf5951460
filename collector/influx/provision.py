"""Creates the bucket or database and its retention; one that exists is left as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import aiohttp

from collector.errors import DatabaseError
from collector.influx.advice import Advice
from collector.influx.api import (
    BucketAnswer,
    BucketList,
    M,
    OrganisationList,
    QueryAnswer,
    parsed,
)
from collector.influx.client import InfluxDb
from collector.influx.generation import Generation
from collector.influx.server_answer import ServerAnswer
from collector.influx.write_result import WriteResult, classify
from collector.times import DAY, HOUR

_DURATION: Final = re.compile(r"(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?")


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket or database that exists now."""

    generation: Generation
    name: str
    created: bool
    """False if it existed before."""
    days: float | None
    """How long it keeps points; None for ever, or unknown (one that 3.x had before)."""


async def provision(database: InfluxDb, days: int | None) -> Bucket:
    """Create the bucket of the target, to keep points for so many days, or for ever (None).

    Raises DatabaseError.
    """
    try:
        generation = await database.generation()
        if isinstance(generation, WriteResult):
            raise _error(database, generation)
        if generation.is_1:
            return await _Provision1(database, generation).run(days)
        if generation is Generation.V2:
            return await _provision_2(database, days)
        return await _provision_3(database, days)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise _error(database, database.failure_of(error)) from None


class _Provision1:
    """By InfluxQL, for 1.x."""

    def __init__(self, database: InfluxDb, generation: Generation) -> None:
        self._database = database
        self._generation = generation
        self._name, self._policy = database.target.database_and_policy

    async def run(self, days: int | None) -> Bucket:
        """Create database and retention policy, each only if it is missing."""
        duration = f"{days}d" if days else "0s"  # for ever; openGemini knows no INF
        names = {row.get("name") for row in await self._query("SHOW DATABASES")}
        created = self._name not in names
        if created:
            policy = f" NAME {_quoted(self._policy)}" if self._policy else ""
            await self._query(
                f"CREATE DATABASE {_quoted(self._name)} WITH DURATION {duration}{policy}"
            )
        policy_row = await self._policy_row()
        if policy_row is None:
            created = True
            await self._query(
                f"CREATE RETENTION POLICY {_quoted(self._policy)} ON {_quoted(self._name)} "
                f"DURATION {duration} REPLICATION 1"
            )
            policy_row = await self._policy_row() or {}
        days_kept = _days(str(policy_row.get("duration")))
        return Bucket(self._generation, self._database.target.bucket, created, days_kept)

    async def _policy_row(self) -> dict[str, object] | None:
        """Return the retention policy that is written to; None if it is missing."""
        policies = await self._query(f"SHOW RETENTION POLICIES ON {_quoted(self._name)}")
        for row in policies:
            if row.get("name") == self._policy or (not self._policy and row.get("default")):
                return row
        return None

    async def _query(self, text: str) -> list[dict[str, object]]:
        """Return the rows of one statement."""
        answer = await self._database.call(
            "POST", "/query", query={"q": text}, generation=self._generation
        )
        read = _read(self._database, answer, QueryAnswer)
        if read.results[0].error:
            raise _refused(self._database, answer)
        return read.rows()


async def _provision_2(database: InfluxDb, days: int | None) -> Bucket:
    """Create through `/api/v2/buckets`, for 2.x."""
    target = database.target
    org_id = await _org_id(database)
    query = {"orgID": org_id, "name": target.bucket}
    answer = await database.call("GET", "/api/v2/buckets", query=query)
    found = [] if answer.status == 404 else _read(database, answer, BucketList).buckets
    if found:
        return Bucket(Generation.V2, target.bucket, False, found[0].seconds / DAY or None)
    rules = [{"type": "expire", "everySeconds": days * DAY}] if days else []
    content = {"orgID": org_id, "name": target.bucket, "retentionRules": rules}
    answer = await database.call("POST", "/api/v2/buckets", content=content)
    made = _read(database, answer, BucketAnswer, status=201)
    return Bucket(Generation.V2, target.bucket, True, made.seconds / DAY or None)


async def _org_id(database: InfluxDb) -> str:
    """Return the number of the target's organisation."""
    org = database.target.org
    answer = await database.call("GET", "/api/v2/orgs", query={"org": org})
    found = [] if answer.status == 404 else _read(database, answer, OrganisationList).orgs
    if not found:
        raise DatabaseError(
            f"InfluxDB at {database.target.shown_url} knows no organisation {org!r}",
            f"{Advice.ORG}, and check that the token may see it.",
        )
    return found[0].id


async def _provision_3(database: InfluxDb, days: int | None) -> Bucket:
    """Create through `/api/v3/configure/database`, for 3.x."""
    target = database.target
    content = {"db": target.bucket} | ({"retention_period": f"{days}d"} if days else {})
    answer = await database.call("POST", "/api/v3/configure/database", content=content)
    if answer.status == 409:
        return Bucket(Generation.V3, target.bucket, created=False, days=None)
    if answer.status not in (200, 201, 204) or answer.is_html or answer.json_object.get("error"):
        raise _refused(database, answer)
    return Bucket(Generation.V3, target.bucket, created=True, days=days)


def _read(database: InfluxDb, answer: ServerAnswer, model: type[M], *, status: int = 200) -> M:
    """Return what an answer of this status holds. Raise DatabaseError for any other."""
    read = parsed(answer, model) if answer.status == status else None
    if read is None:
        raise _refused(database, answer)
    return read


def _quoted(name: str) -> str:
    """Return a name as an InfluxQL identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _days(duration: str) -> float | None:
    """Return the days of a duration in the form of `SHOW RETENTION POLICIES`; None for ever."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * HOUR + minutes * 60 + seconds) / DAY or None


def _refused(database: InfluxDb, answer: ServerAnswer) -> DatabaseError:
    """Return the error for a request that was not granted, or not as InfluxDB does."""
    result = classify(answer)
    message = result.message or f"{answer.status} without an answer"
    return _error(database, WriteResult(result.fate, message, result.advice or Advice.CREATE))


def _error(database: InfluxDb, result: WriteResult) -> DatabaseError:
    advice = result.advice or Advice.CREATE
    return DatabaseError(f"InfluxDB at {database.target.shown_url}: {result.message}", f"{advice}.")
