"""A bucket of any InfluxDB, written to and read past the collector."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from collector.influx.target import Target
from collector.times import DAY
from tests.support.influx_servers import Influx


@dataclass(frozen=True)
class InfluxBucket:
    """One bucket, or database, of a server."""

    influx: Influx
    name: str = ""

    @property
    def kind(self) -> str:
        """1.6, 1.8, 2.7 or 3."""
        return self.influx.kind

    @property
    def target(self) -> Target:
        """How the collector writes to it."""
        return Target(self.influx.url, self.name, self.influx.org, self.influx.token)

    def create(self, days: int = 0) -> None:
        """Create it; it keeps points for so many days, or for ever (0)."""
        if self.kind == "3":
            body = json.dumps({"db": self.name}).encode()
            status, message = self.influx.ask("/api/v3/configure/database", body)
        elif self.kind == "2.7":
            orgs = json.loads(self.influx.ask("/api/v2/orgs", org=self.influx.org)[1])["orgs"]
            rules = [{"type": "expire", "everySeconds": days * DAY}] if days else []
            content = {"orgID": orgs[0]["id"], "name": self.name, "retentionRules": rules}
            status, message = self.influx.ask("/api/v2/buckets", json.dumps(content).encode())
        else:
            duration = f" WITH DURATION {days}d" if days else ""
            query = f'CREATE DATABASE "{self.name}"{duration}'
            status, message = self.influx.ask("/query", b"", q=query)
        assert status in (200, 201), message

    def remove_databases(self) -> None:
        """Remove whatever begins with its name from 3.x, which takes five databases only."""
        if self.kind != "3":
            return
        path = "/api/v3/configure/database"
        for row in json.loads(self.influx.ask(path, format="json")[1]):
            for name in row.values():
                if str(name).startswith(self.name):
                    self.influx.ask(path, method="DELETE", db=name)

    def write(self, lines: str) -> None:
        """Write past the collector."""
        path, query = "/api/v2/write", {"bucket": self.name, "org": self.influx.org}
        if self.kind == "1.6":
            path, query = "/write", {"db": self.name}
        status, message = self.influx.ask(path, lines.encode(), precision="s", **query)
        assert status == 204, message

    def rows(self, measurement: str = "sample") -> list[dict[str, Any]]:
        """Return all points of a measurement, without what is absent, by time and host."""
        found = self.influx.rows(self.name, f'SELECT * FROM "{measurement}"')
        rows = [{k: v for k, v in row.items() if v is not None} for row in found]
        return sorted(rows, key=lambda row: (row["time"], row.get("host", "")))
