"""One InfluxDB of any generation: written to, and recognised by what it answers.

Everything goes through one HTTP session, that of the official client, which opens and closes it.
It is apart from the session that crawls: the address policy is for nodes, this host is the
operator's. Bytes are sent as they come, gzipped already. Nothing is retried here.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.service.write_service import WriteService

from collector.influx.generation import Generation, Reply, recognise
from collector.influx.session import is_reset, read_body, session_of
from collector.influx.target import Target
from collector.influx.write_result import Fate, WriteResult, classify_response, message_of

log = logging.getLogger(__name__)

_LARGE_BYTES: Final = 64 * 1024
"""A connection reset in the middle of a longer body may mean that the body is too large."""


class InfluxDb:
    """Opened by `open_influxdb` only."""

    def __init__(
        self, target: Target, client: InfluxDBClientAsync, generation: Generation | None
    ) -> None:
        """`generation` is that of the settings; None asks the server."""
        self.target = target
        self._session = session_of(client)
        service: Any = WriteService  # the generated half of the client has no types
        self._service = service(client.api_client)
        self._configured = generation
        self._generation: Generation | None = None
        """Of the server; None before the first request, and after a failure."""
        self._logged: Generation | None = None
        self._creates_database = False
        """Whether 3.x lacks the database, and will create it at the first write."""

    async def write(self, body: bytes) -> WriteResult:
        """Write gzipped line protocol. Never raises for what the other side does."""
        try:
            result = await self._write(body)
        except TimeoutError:
            limit = self._session.timeout.total
            result = WriteResult(Fate.KEEP, f"no answer within {limit:g} s", is_suspect=True)
        except (aiohttp.ClientError, OSError) as error:
            is_too_large = len(body) >= _LARGE_BYTES and is_reset(error)
            message = str(error) or type(error).__name__
            result = WriteResult(Fate.SPLIT if is_too_large else Fate.KEEP, message)
        if result.is_kept:
            self._generation = None  # another one may be there when it comes back
        return replace(result, message=self._without_token(result.message))

    async def generation(self) -> Generation | WriteResult:
        """Return what this server is, or the failure to recognise it.

        Asks once, and again after a failed write. Raises TimeoutError, aiohttp.ClientError or
        OSError.
        """
        if self._generation is None:
            answer = self._configured or await self._recognise()
            if isinstance(answer, WriteResult):
                return answer
            if answer is Generation.V3:
                self._creates_database = await self._lacks_database()
            self._generation = answer
        return self._generation

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: object = None,
        generation: Generation | None = None,
    ) -> tuple[int, Any]:
        """Make any request; return the status, and the JSON of the response or its message.

        `content` is sent as JSON; `generation` decides on the form of the credentials. Raises
        TimeoutError, aiohttp.ClientError or OSError.
        """
        async with self._session.request(
            method,
            self.target.url + path,
            params=query,
            json=content,
            headers=self.target.authorization(generation),
        ) as response:
            body = await read_body(response)
            try:
                return response.status, json.loads(body)
            except ValueError:
                return response.status, self._without_token(message_of(body))

    async def _write(self, body: bytes) -> WriteResult:
        generation = await self.generation()
        if isinstance(generation, WriteResult):
            return generation
        if generation is Generation.V1:
            return await self._write_1(body)
        return await self._write_2(body)

    async def _write_1(self, body: bytes) -> WriteResult:
        """Write to `/write`, which 1.x before 1.8 has alone."""
        database, policy = self.target.database_and_policy
        query = {"db": database, "precision": "s"} | ({"rp": policy} if policy else {})
        headers = {"Content-Encoding": "gzip", **self.target.authorization(Generation.V1)}
        async with self._session.post(
            self.target.url + "/write",
            params=query,
            data=body,
            headers=headers,
            allow_redirects=False,
        ) as response:
            return classify_response(response.status, await read_body(response), response.headers)

    async def _write_2(self, body: bytes) -> WriteResult:
        """Write to `/api/v2/write`."""
        response: aiohttp.ClientResponse = await self._service.post_write_async(
            self.target.org,
            self.target.bucket,
            body,
            content_encoding="gzip",
            precision="s",
            _preload_content=False,  # the client would log refusals, whatever they hold
        )
        async with response:
            result = classify_response(response.status, await read_body(response), response.headers)
        if self._creates_database and result.fate is Fate.ACCEPT:
            self._creates_database = False
            log.warning(
                "InfluxDB 3 at %s had no database %r and has created it, to keep everything for "
                "ever; `crn-collector init-store` creates one with a retention",
                self.target.url,
                self.target.bucket,
            )
        return result

    async def _recognise(self) -> Generation | WriteResult:
        setup, ping, health = [
            await self._reply(path) for path in ("/api/v2/setup", "/ping", "/health")
        ]
        if generation := recognise(setup, ping, health):
            if generation is not self._logged:
                log.info("InfluxDB at %s is of generation %s", self.target.url, generation)
            self._logged = generation
            return generation
        for reply in (ping, setup):
            if reply.status in (401, 403):
                return WriteResult(Fate.BLOCKED, f"{reply.status} {message_of(reply.body)}")
        is_busy = ping.status == 429 or ping.status >= 500
        return WriteResult(
            Fate.KEEP if is_busy else Fate.BLOCKED,
            f"not a known InfluxDB: /ping answers {ping.status}, /health {health.status}",
        )

    async def _lacks_database(self) -> bool:
        """Return whether 3.x lacks the database; False if it does not say."""
        status, content = await self.call(
            "GET", "/api/v3/configure/database", query={"format": "json"}
        )
        if status != 200 or not isinstance(content, list):
            return False
        rows = [row for row in content if isinstance(row, dict)]
        return not any(self.target.bucket in row.values() for row in rows)

    async def _reply(self, path: str) -> Reply:
        headers = self.target.authorization(None)
        async with self._session.get(self.target.url + path, headers=headers) as response:
            build = response.headers.get("X-Influxdb-Build", "")
            return Reply(response.status, await read_body(response), build)

    def _without_token(self, message: str) -> str:
        """A server may send back what it was sent."""
        return message.replace(self.target.token, "***") if self.target.token else message


@asynccontextmanager
async def open_influxdb(
    target: Target,
    context: ssl.SSLContext,
    timeout_seconds: float,
    generation: Generation | None = None,
) -> AsyncIterator[InfluxDb]:
    """Yield a client of the database; connects nowhere yet.

    `context` verifies the server of an https URL. `timeout_seconds` is for one whole request.
    `generation` is that of the settings; None asks the server.
    """
    async with InfluxDBClientAsync(
        target.url,
        token=target.token,
        org=target.org,
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        ssl_context=context,
        allow_redirects=False,
        client_session_kwargs={"cookie_jar": aiohttp.DummyCookieJar()},
    ) as client:
        yield InfluxDb(target, client, generation)
