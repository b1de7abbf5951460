"""Stands in for InfluxDB 3 Core, which has no package: responds as it was measured to respond.

It creates databases by itself, takes all lines of a write or none, names none that is bad, refuses
a name that is tag and field, an empty body, and bodies above 10 MiB when unpacked. It takes five
databases at most, and creates one only for a body that is declared as JSON.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.support.line_protocol import ParseError, Row, Value, parse

LIMIT_BYTES: Final = 10 * 1024 * 1024
DATABASES_LIMIT: Final = 5
_TOO_MANY: Final = f"adding a new database would exceed limit of {DATABASES_LIMIT} databases"


class Database:
    """The points of one database, and what its columns are."""

    def __init__(self) -> None:
        self.columns: dict[tuple[str, str], type] = {}
        self.points: dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, Value]] = {}
        self._lock = threading.Lock()

    def write(self, rows: list[Row]) -> str:
        """Take all rows and return '', or none and return why."""
        with self._lock:
            columns = dict(self.columns)
            for row in rows:
                kinds: list[tuple[str, type]] = [(key, type(None)) for key, _ in row.tags]
                kinds += [(key, type(value)) for key, value in row.fields]
                for key, kind in kinds:
                    if columns.setdefault((row.measurement, key), kind) is not kind:
                        return f"invalid column type for column '{key}'"
            self.columns = columns
            for row in rows:
                point = (row.measurement, tuple(sorted(row.tags)), row.time)
                self.points.setdefault(point, {}).update(row.fields)
        return ""

    def rows(self, measurement: str) -> list[dict[str, Any]]:
        """Return all points of a measurement."""
        with self._lock:
            return [
                {"time": time, **dict(tags), **fields}
                for (name, tags, time), fields in self.points.items()
                if name == measurement
            ]


class StandIn(ThreadingHTTPServer):
    """The server and its databases."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.databases: dict[str, Database] = {}
        self.connections = 0
        """Connections that were accepted."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and count it."""
        accepted = super().get_request()
        self.connections += 1
        return accepted

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def database(self, name: str) -> Database | None:
        """Return a database, which is made if there is room for it; None if there is not."""
        if name not in self.databases and len(self.databases) >= DATABASES_LIMIT:
            return None
        return self.databases.setdefault(name, Database())

    def create(self, content_type: str, body: bytes) -> tuple[int, str]:
        """Return the status and message of a request for a database."""
        if content_type != "application/json":
            return 415, "invalid content type: expected application/json"
        name = json.loads(body)["db"]
        if name in self.databases:
            return 409, "exists"
        return (200, "") if self.database(name) else (422, _TOO_MANY)

    def write(self, bucket: str, body: bytes) -> tuple[int, str]:
        """Return the status and message of a write."""
        if not body:
            return 400, "no data"
        if len(body) > LIMIT_BYTES:
            return 413, "request body too large"
        database = self.database(bucket)
        if database is None:
            return 422, _TOO_MANY
        try:
            rows = parse(body.decode())
        except (ParseError, UnicodeDecodeError):
            return 400, "parsing for line protocol failed"
        refusal = database.write(rows)
        return (400, refusal) if refusal else (204, "")


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match url.path:
            case "/ping":
                self._respond(200, {"version": "3.6.0", "revision": "none"}, build="Core")
            case "/health":
                self._respond(200, "OK")
            case "/api/v3/configure/database":
                self._respond(200, [{"iox::database": name} for name in self.server.databases])
            case "/query":
                self._respond(200, self._rows(query["db"], query["q"]))
            case _:
                self._respond(404, "not found")

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        match url.path:
            case "/api/v2/write":
                query = parse_qs(url.query)
                assert query["precision"] == ["s"]
                status, message = self.server.write(query["bucket"][0], body)
                self._respond(status, {"error": message} if message else None)
            case "/api/v3/configure/database":
                content_type = self.headers.get("Content-Type", "")
                status, message = self.server.create(content_type, body)
                self._respond(status, message or None)
            case _:
                self._respond(404, "not found")

    def do_DELETE(self) -> None:
        url = urlsplit(self.path)
        name = parse_qs(url.query).get("db", [""])[0]
        is_known = url.path == "/api/v3/configure/database" and name in self.server.databases
        if is_known:
            del self.server.databases[name]
        self._respond(200 if is_known else 404, None)

    def _rows(self, bucket: str, text: str) -> object:
        """Return the answer to `SELECT * FROM "measurement"`, the one query that it knows."""
        query = re.fullmatch(r'SELECT \* FROM "(.+)"', text)
        assert query, text
        database = self.server.databases.get(bucket, Database())
        series = [
            {"name": query[1], "columns": list(row), "values": [list(row.values())]}
            for row in database.rows(query[1])
        ]
        return {"results": [{"statement_id": 0, "series": series} if series else {}]}

    def _respond(self, status: int, content: object, build: str = "") -> None:
        text = content if isinstance(content, str) else ""
        if not isinstance(content, str | None):
            text = json.dumps(content)
        self.send_response(status)
        if build:
            self.send_header("X-Influxdb-Build", build)
        if self.close_connection:
            self.send_header("Connection", "close")
        if status != 204:
            self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if status != 204:
            self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def running() -> Iterator[StandIn]:
    """Yield a stand-in on a free port."""
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="stand-in")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
