"""Creates the bucket or database and its retention; one that exists is left as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from collector.errors import DatabaseError
from collector.influx.client import InfluxDb
from collector.influx.generation import Generation
from collector.influx.write_result import WriteResult
from collector.times import DAY, HOUR

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


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
    url = database.target.url
    try:
        generation = await database.generation()
        if isinstance(generation, WriteResult):
            raise _error(url, generation.message)
        if generation.is_1:
            return await _Provision1(database, generation).run(days)
        if generation is Generation.V2:
            return await _provision_2(database, days)
        return await _provision_3(database, days)
    except TimeoutError:
        raise _error(url, "no answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise _error(url, str(error) or type(error).__name__) from error


class _Provision1:
    """By InfluxQL, for 1.x."""

    def __init__(self, database: InfluxDb, generation: Generation) -> None:
        self._database = database
        self._generation = generation
        self._name, self._policy = database.target.database_and_policy

    async def run(self, days: int | None) -> Bucket:
        """Create database and retention policy, each only if it is missing."""
        duration = f"{days}d" if days else "INF"
        names = {row["name"] for row in await self._query("SHOW DATABASES")}
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
        days_kept = _days(policy_row.get("duration"))
        return Bucket(self._generation, self._database.target.bucket, created, days_kept)

    async def _policy_row(self) -> dict[str, Any] | None:
        """Return the retention policy that is written to; None if it is missing."""
        policies = await self._query(f"SHOW RETENTION POLICIES ON {_quoted(self._name)}")
        for row in policies:
            if row["name"] == self._policy or (not self._policy and row["default"]):
                return row
        return None

    async def _query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of one statement."""
        status, answer = await self._database.call(
            "POST", "/query", query={"q": text}, generation=self._generation
        )
        if status != 200 or not isinstance(answer, dict):
            raise _refused(self._database.target.url, status, answer)
        result = answer["results"][0]
        if "error" in result:
            raise _refused(self._database.target.url, status, result)
        return [
            dict(zip(series["columns"], row, strict=True))
            for series in result.get("series", ())
            for row in series.get("values", ())
        ]


async def _provision_2(database: InfluxDb, days: int | None) -> Bucket:
    """Create through `/api/v2/buckets`, for 2.x."""
    target = database.target
    org_id = await _org_id(database)
    query = {"orgID": org_id, "name": target.bucket}
    status, answer = await database.call("GET", "/api/v2/buckets", query=query)
    if status not in (200, 404):
        raise _refused(target.url, status, answer)
    buckets: list[Any] = answer.get("buckets", []) if status == 200 else []
    created = not buckets
    if created:
        rules = [{"type": "expire", "everySeconds": days * DAY}] if days else []
        status, answer = await database.call(
            "POST",
            "/api/v2/buckets",
            content={"orgID": org_id, "name": target.bucket, "retentionRules": rules},
        )
        if status != 201:
            raise _refused(target.url, status, answer)
        buckets = [answer]
    seconds = sum(rule.get("everySeconds", 0) for rule in buckets[0].get("retentionRules", ()))
    return Bucket(Generation.V2, target.bucket, created, seconds / DAY or None)


async def _org_id(database: InfluxDb) -> str:
    """Return the number of the target's organisation."""
    target = database.target
    status, answer = await database.call("GET", "/api/v2/orgs", query={"org": target.org})
    orgs: list[Any] = answer.get("orgs", []) if status == 200 and isinstance(answer, dict) else []
    if not target.org or (status in (200, 404) and not orgs):
        raise DatabaseError(
            f"InfluxDB at {target.url} knows no organisation {target.org!r}",
            "Check CRN_INFLUXDB__ORG, and that the token may see it.",
        )
    if status != 200:
        raise _refused(target.url, status, answer)
    return str(orgs[0]["id"])


async def _provision_3(database: InfluxDb, days: int | None) -> Bucket:
    """Create through `/api/v3/configure/database`, for 3.x."""
    target = database.target
    content = {"db": target.bucket} | ({"retention_period": f"{days}d"} if days else {})
    status, answer = await database.call("POST", "/api/v3/configure/database", content=content)
    if status == 409:
        return Bucket(Generation.V3, target.bucket, created=False, days=None)
    if not 200 <= status < 300:
        raise _refused(target.url, status, answer)
    return Bucket(Generation.V3, target.bucket, created=True, days=days)


def _quoted(name: str) -> str:
    """Return a name as an InfluxQL identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _days(duration: str | None) -> float | None:
    """Return the days of a duration in the form of `SHOW RETENTION POLICIES`; None for ever."""
    match = _DURATION.fullmatch(duration or "")
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * HOUR + minutes * 60 + seconds) / DAY or None


def _refused(url: str, status: int, answer: object) -> DatabaseError:
    """Return the error for a request that was not granted."""
    message = answer.get("message") or answer.get("error") if isinstance(answer, dict) else answer
    return _error(url, f"{status} {message or ''}".strip())


def _error(url: str, message: str) -> DatabaseError:
    return DatabaseError(
        f"InfluxDB at {url}: {message}",
        "Check that it runs, and CRN_INFLUXDB__URL, __TOKEN, __ORG and __BUCKET; the token must "
        "be allowed to create buckets.",
    )
