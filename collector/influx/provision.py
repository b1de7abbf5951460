"""Makes the bucket or database and its retention. Safe to repeat: what is there stays as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import aiohttp

from collector.errors import DatabaseError
from collector.influx.client import InfluxDb
from collector.influx.generation import Generation
from collector.influx.write_result import WriteResult
from collector.times import DAY, HOUR

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is there now."""

    generation: Generation
    name: str
    created: bool
    """False if it was there before."""
    days: float | None
    """How long it keeps points; None for ever. Not known for one that 3.x had before."""


async def prepare(database: InfluxDb, days: int | None) -> Bucket:
    """Make what the target names, to keep points for so many days, or for ever.

    Raises DatabaseError.
    """
    url = database.target.url
    try:
        generation = await database.generation()
        if isinstance(generation, WriteResult):
            raise _failed(url, generation.words)
        if generation.is_1:
            return await _Prepare1(database, generation).run(days)
        if generation is Generation.V2:
            return await _prepare_2(database, days)
        return await _prepare_3(database, days)
    except TimeoutError:
        raise _failed(url, "it did not answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise _failed(url, str(error) or type(error).__name__) from error


class _Prepare1:
    """By InfluxQL, for 1.x."""

    def __init__(self, database: InfluxDb, generation: Generation) -> None:
        self._database = database
        self._generation = generation
        self._name, self._policy = database.target.database

    async def run(self, days: int | None) -> Bucket:
        """Database and retention policy, each only if it is missing."""
        duration = f"{days}d" if days else "INF"
        names = {row["name"] for row in await self._query("SHOW DATABASES")}
        created = self._name not in names
        if created:
            policy = f" NAME {_quoted(self._policy)}" if self._policy else ""
            await self._query(
                f"CREATE DATABASE {_quoted(self._name)} WITH DURATION {duration}{policy}"
            )
        found = await self._find()
        if found is None:
            created = True
            await self._query(
                f"CREATE RETENTION POLICY {_quoted(self._policy)} ON {_quoted(self._name)} "
                f"DURATION {duration} REPLICATION 1"
            )
            found = await self._find() or {}
        return Bucket(
            self._generation, self._database.target.bucket, created, _days(found.get("duration"))
        )

    async def _find(self) -> dict[str, Any] | None:
        """The retention policy that is written to."""
        policies = await self._query(f"SHOW RETENTION POLICIES ON {_quoted(self._name)}")
        for row in policies:
            if row["name"] == self._policy or (not self._policy and row["default"]):
                return row
        return None

    async def _query(self, text: str) -> list[dict[str, Any]]:
        """The rows of one statement."""
        status, found = await self._database.call(
            "POST", "/query", query={"q": text}, generation=self._generation
        )
        if status != 200 or not isinstance(found, dict):
            _refuse(self._database.target.url, status, found)
        result = found["results"][0]
        if "error" in result:
            _refuse(self._database.target.url, status, result)
        return [
            dict(zip(series["columns"], row, strict=True))
            for series in result.get("series", ())
            for row in series.get("values", ())
        ]


async def _prepare_2(database: InfluxDb, days: int | None) -> Bucket:
    """Through `/api/v2/buckets`, for 2.x."""
    target = database.target
    status, found = await database.call("GET", "/api/v2/orgs", query={"org": target.org})
    orgs: list[Any] = found.get("orgs", []) if status == 200 and isinstance(found, dict) else []
    if not target.org or (status in (200, 404) and not orgs):
        raise DatabaseError(
            f"InfluxDB at {target.url} knows no organisation {target.org!r}",
            "Check CRN_INFLUXDB__ORG, and that the token may see it.",
        )
    if status != 200:
        _refuse(target.url, status, found)
    org_id = orgs[0]["id"]
    query = {"orgID": org_id, "name": target.bucket}
    status, found = await database.call("GET", "/api/v2/buckets", query=query)
    if status not in (200, 404):
        _refuse(target.url, status, found)
    buckets: list[Any] = found.get("buckets", []) if status == 200 else []
    created = not buckets
    if created:
        rules = [{"type": "expire", "everySeconds": days * DAY}] if days else []
        status, found = await database.call(
            "POST",
            "/api/v2/buckets",
            content={"orgID": org_id, "name": target.bucket, "retentionRules": rules},
        )
        if status != 201:
            _refuse(target.url, status, found)
        buckets = [found]
    kept = sum(rule.get("everySeconds", 0) for rule in buckets[0].get("retentionRules", ()))
    return Bucket(Generation.V2, target.bucket, created, kept / DAY or None)


async def _prepare_3(database: InfluxDb, days: int | None) -> Bucket:
    """Through `/api/v3/configure/database`, for 3.x."""
    target = database.target
    wanted = {"db": target.bucket} | ({"retention_period": f"{days}d"} if days else {})
    status, found = await database.call("POST", "/api/v3/configure/database", content=wanted)
    if status == 409:
        return Bucket(Generation.V3, target.bucket, created=False, days=None)
    if not 200 <= status < 300:
        _refuse(target.url, status, found)
    return Bucket(Generation.V3, target.bucket, created=True, days=days)


def _quoted(name: str) -> str:
    """A name in InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _days(duration: str | None) -> float | None:
    """A duration as `SHOW RETENTION POLICIES` writes it; None for ever."""
    found = _DURATION.fullmatch(duration or "")
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours * HOUR + minutes * 60 + seconds) / DAY or None


def _refuse(url: str, status: int, found: object) -> NoReturn:
    words = found.get("message") or found.get("error") if isinstance(found, dict) else found
    raise _failed(url, f"{status} {words or ''}".strip())


def _failed(url: str, words: str) -> DatabaseError:
    return DatabaseError(
        f"InfluxDB at {url}: {words}",
        "Check that it runs, and CRN_INFLUXDB__URL, __TOKEN, __ORG and __BUCKET; the token must "
        "be allowed to make buckets.",
    )
