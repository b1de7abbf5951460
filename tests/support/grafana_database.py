"""An InfluxDB 1.x or 2.x on loopback as Grafana uses it: written to, and asked in InfluxQL."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from collector.schema.column import Point
from collector.schema.line_protocol import lines
from tests.support.grafana_story import Story

BATCH = 5_000


@dataclass(frozen=True)
class Series:
    """One series of an answer."""

    name: str
    tags: dict[str, str]
    columns: list[str]
    values: list[list[Any]]

    def column(self, name: str) -> list[Any]:
        """All values of one column."""
        index = self.columns.index(name)
        return [value[index] for value in self.values]


class QueryError(Exception):
    """The database refused a query."""


@dataclass(frozen=True)
class Database:
    """A running server."""

    url: str
    kind: str
    """`1.8`, `2.7`, …; 3 makes a database when it is first written to."""
    token: str = ""
    org: str = ""

    def create(self, name: str) -> Bucket:
        """A database or bucket of this name, new and empty."""
        if self.kind.startswith("1"):
            self.call("/query", {"q": f'CREATE DATABASE "{name}"'}, body=b"")
        elif self.kind.startswith("2"):
            (org,) = json.loads(self.call("/api/v2/orgs", {"org": self.org}))["orgs"]
            bucket = {"orgID": org["id"], "name": name, "retentionRules": []}
            self.call("/api/v2/buckets", {}, body=json.dumps(bucket).encode())
        return Bucket(self, name)

    def call(self, path: str, query: dict[str, str], body: bytes | None = None) -> bytes:
        """The body of one answer."""
        request = urllib.request.Request(
            f"{self.url}{path}?{urllib.parse.urlencode(query)}",
            data=body,
            headers={"Authorization": f"Token {self.token}"} if self.token else {},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())


@dataclass(frozen=True)
class Bucket:
    """One database or bucket."""

    database: Database
    name: str
    answers: dict[str, list[Series]] = field(default_factory=dict, compare=False, repr=False)
    """Of queries since the last write: the same one is asked once."""

    def write(self, points: Iterable[Point]) -> int:
        """Write points in large batches; how many."""
        todo, total = iter(points), 0
        while batch := list(islice(todo, BATCH)):
            self.write_lines(lines(batch))
            total += len(batch)
        return total

    def write_lines(self, body: bytes) -> None:
        """Write lines of line protocol."""
        self.answers.clear()
        if self.database.kind.startswith("1"):
            self.database.call("/write", {"db": self.name, "precision": "s"}, body)
        else:
            where = {"bucket": self.name, "org": self.database.org, "precision": "s"}
            self.database.call("/api/v2/write", where, body)

    def ask(self, query: str) -> list[Series]:
        """The series that a query answers; times in seconds."""
        if query not in self.answers:
            self.answers[query] = self._asked(query)
        return self.answers[query]

    def _asked(self, query: str) -> list[Series]:
        body = self.database.call("/query", {"db": self.name, "epoch": "s", "q": query})
        (result,) = json.loads(body)["results"]
        if "error" in result:
            raise QueryError(f"{result['error']}: {query}")
        return [
            Series(one["name"], one.get("tags", {}), one["columns"], one.get("values", []))
            for one in result.get("series", [])
        ]


Fill = Callable[[Story], Bucket]
"""Writes a story into a bucket of its own, once, and returns the bucket."""
