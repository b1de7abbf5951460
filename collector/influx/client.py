"""One InfluxDB of any generation: written to, and recognised by what it answers.

Everything goes through one HTTP session, that of the official client, which opens and closes it.
It is apart from the session that crawls: the address policy is for nodes, this host is the
operator's. No redirect is followed, and every answer is read by `collector.influx.server_answer`.
Bytes are sent as they come, gzipped already. Nothing is retried here.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.service.write_service import WriteService

from collector.influx.advice import Advice
from collector.influx.generation import Generation, recognise
from collector.influx.server_answer import ServerAnswer, read_answer, safe_text
from collector.influx.session import connection_advice, is_reset, session_maker, session_of
from collector.influx.target import Target
from collector.influx.write_result import Fate, WriteResult, classify

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
        self._mask = target.mask()
        self._session = session_of(client)
        self._api: Any = client.api_client
        service: Any = WriteService  # the generated half of the client has no types
        self._service = service(self._api)
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
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            result = self.failure_of(error)
            if len(body) >= _LARGE_BYTES and is_reset(error):
                result = WriteResult(Fate.SPLIT, result.message)
        if result.is_kept:
            self._generation = None  # another one may be there when it comes back
        return result

    async def generation(self) -> Generation | WriteResult:
        """Return what this server is, or the failure to recognise it.

        Asks once, and again after a failed write. Raises TimeoutError, aiohttp.ClientError or
        OSError.
        """
        if self._generation is None:
            answer = self._configured or await self._recognise()
            if isinstance(answer, WriteResult):
                return answer
            if answer is Generation.V2 and not self.target.org:
                return WriteResult(Fate.BLOCKED, "InfluxDB 2 needs an organisation", Advice.ORG)
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
    ) -> ServerAnswer:
        """Make any request; return its answer.

        `content` is sent as JSON; `generation` decides on the form of the credentials. Raises
        TimeoutError, aiohttp.ClientError or OSError.
        """
        async with self._session.request(
            method,
            self.target.url + path,
            params=query,
            json=content,
            headers=self.target.authorization(generation),
            allow_redirects=False,
        ) as response:
            return await read_answer(response, self._mask)

    def failure_of(self, error: BaseException) -> WriteResult:
        """Return what a request that was not answered means."""
        if isinstance(error, TimeoutError):
            limit = self._session.timeout.total
            return WriteResult(Fate.KEEP, f"no answer within {limit:g} s", is_suspect=True)
        message = safe_text(str(error), self._mask) or type(error).__name__
        advice = connection_advice(error)
        return WriteResult(Fate.BLOCKED if advice else Fate.KEEP, message, advice)

    async def _write(self, body: bytes) -> WriteResult:
        generation = await self.generation()
        if isinstance(generation, WriteResult):
            return generation
        if generation is Generation.V1:
            return classify(await self._write_1(body))
        result = classify(await self._write_2(body, generation))
        if self._creates_database and result.fate is Fate.ACCEPT:
            self._creates_database = False
            log.warning(
                "InfluxDB 3 at %s had no database %r and has created it, to keep everything for "
                "ever; `crn-collector init-store` creates one with a retention",
                self.target.shown_url,
                self.target.bucket,
            )
        return result

    async def _write_1(self, body: bytes) -> ServerAnswer:
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
            return await read_answer(response, self._mask)

    async def _write_2(self, body: bytes, generation: Generation) -> ServerAnswer:
        """Write to `/api/v2/write`."""
        for name, value in self.target.authorization(generation).items():
            self._api.set_default_header(name, value)
        response: aiohttp.ClientResponse = await self._service.post_write_async(
            self.target.org,
            self.target.bucket,
            body,
            content_encoding="gzip",
            precision="s",
            _preload_content=False,  # the client would log refusals, whatever they hold
        )
        async with response:
            return await read_answer(response, self._mask)

    async def _recognise(self) -> Generation | WriteResult:
        setup, ping, health = [
            await self.call("GET", path) for path in ("/api/v2/setup", "/ping", "/health")
        ]
        if generation := recognise(setup, ping, health):
            if generation is not self._logged:
                log.info("InfluxDB at %s is of generation %s", self.target.shown_url, generation)
            self._logged = generation
            return generation
        for answer in (ping, setup):
            if answer.status in (401, 403) or 300 <= answer.status < 400:
                return classify(answer)
        is_busy = ping.status == 429 or ping.status >= 500
        message = f"not a known InfluxDB: /ping answers {ping.status}, /health {health.status}"
        if is_busy:
            return WriteResult(Fate.KEEP, message, retry_after_seconds=ping.retry_after_seconds)
        return WriteResult(Fate.BLOCKED, message, Advice.GENERATION)

    async def _lacks_database(self) -> bool:
        """Return whether 3.x lacks the database; False if it does not say."""
        answer = await self.call("GET", "/api/v3/configure/database", query={"format": "json"})
        if answer.status != 200 or not isinstance(answer.content, list):
            return False
        rows = [row for row in answer.content if isinstance(row, dict)]
        return not any(self.target.bucket in row.values() for row in rows)


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
        client_session_type=session_maker(context),
    ) as client:
        yield InfluxDb(target, client, generation)
