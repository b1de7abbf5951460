"""One InfluxDB of any generation: written to, and told apart by what it answers.

Has a session of its own: the policy on addresses is for nodes, this host is the operator's. Bytes
are sent as they come, packed already. Nothing is retried here.
"""

from __future__ import annotations

import errno
import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.service.write_service import WriteService

from collector.influx.generation import Generation, Reply, recognise
from collector.influx.target import Target
from collector.influx.write_result import Fate, WriteResult, classify_response, words_of

log = logging.getLogger(__name__)

LARGE_BYTES: Final = 64 * 1024
"""A connection reset in the middle of a longer body may mean that the body is too long."""
_REPLY_BYTES: Final = 1024 * 1024
_RESET: Final = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)


class InfluxDb:
    """Opened by `open_influxdb` only."""

    def __init__(
        self,
        target: Target,
        session: aiohttp.ClientSession,
        client: InfluxDBClientAsync,
        fixed: Generation | None,
    ) -> None:
        self.target = target
        self._session = session
        service: Any = WriteService  # the generated half of the client has no types
        self._service = service(client.api_client)
        self._fixed = fixed
        self._generation: Generation | None = None
        self._known: Generation | None = None
        self._absent = False
        """3.x has no such database yet, and will make it at the first write."""

    async def write(self, body: bytes) -> WriteResult:
        """Write gzipped line protocol. Never raises for what the other side does."""
        try:
            answer = await self._write(body)
        except TimeoutError:
            limit = self._session.timeout.total
            answer = WriteResult(Fate.KEEP, f"no answer within {limit:g} s", ill=True)
        except (aiohttp.ClientError, OSError) as error:
            too_large = len(body) >= LARGE_BYTES and _is_reset(error)
            words = str(error) or type(error).__name__
            answer = WriteResult(Fate.SPLIT if too_large else Fate.KEEP, words)
        if answer.fate in (Fate.KEEP, Fate.ACT):
            self._generation = None  # it may be another one when it comes back
        return WriteResult(
            answer.fate,
            self._without_token(answer.words),
            answer.dropped,
            answer.retry_after_seconds,
            answer.ill,
        )

    async def _write(self, body: bytes) -> WriteResult:
        generation = await self.generation()
        if isinstance(generation, WriteResult):
            return generation
        if generation is Generation.V1:
            return await self._write_1(body)
        response: aiohttp.ClientResponse = await self._service.post_write_async(
            self.target.org,
            self.target.bucket,
            body,
            content_encoding="gzip",
            precision="s",
            _preload_content=False,  # the client would log refusals, whatever they hold
        )
        async with response:
            answer = classify_response(response.status, await _read(response), response.headers)
        if self._absent and answer.fate is Fate.ACCEPT:
            self._absent = False
            log.warning(
                "InfluxDB 3 at %s had no database %r and has made it by itself, to keep "
                "everything for ever; `crn-collector init-store` makes one with a retention",
                self.target.url,
                self.target.bucket,
            )
        return answer

    async def _write_1(self, body: bytes) -> WriteResult:
        database, policy = self.target.database
        query = {"db": database, "precision": "s"} | ({"rp": policy} if policy else {})
        headers = {"Content-Encoding": "gzip", **self.target.authorization(Generation.V1)}
        async with self._session.post(
            self.target.url + "/write", params=query, data=body, headers=headers
        ) as answer:
            return classify_response(answer.status, await _read(answer), answer.headers)

    async def generation(self) -> Generation | WriteResult:
        """What this server is; asked once and again after trouble. An answer if it will not say.

        Raises TimeoutError, aiohttp.ClientError or OSError.
        """
        if self._generation is None:
            found = self._fixed or await self._recognise()
            if isinstance(found, WriteResult):
                return found
            if found is Generation.V3:
                self._absent = await self._is_absent()
            self._generation = found
        return self._generation

    async def _recognise(self) -> Generation | WriteResult:
        setup, ping, health = [
            await self._ask(path) for path in ("/api/v2/setup", "/ping", "/health")
        ]
        if found := recognise(setup, ping, health):
            if found is not self._known:
                log.info("InfluxDB at %s is of generation %s", self.target.url, found)
            self._known = found
            return found
        for reply in (ping, setup):
            if reply.status in (401, 403):
                return WriteResult(Fate.ACT, f"{reply.status} {words_of(reply.body)}")
        said = f"/ping answers {ping.status}, /health {health.status}"
        busy = ping.status == 429 or ping.status >= 500
        return WriteResult(Fate.KEEP if busy else Fate.ACT, f"no InfluxDB that we know: {said}")

    async def _is_absent(self) -> bool:
        """Whether 3.x lacks the database; False if it does not tell."""
        status, found = await self.call(
            "GET", "/api/v3/configure/database", query={"format": "json"}
        )
        if status != 200 or not isinstance(found, list):
            return False
        return not any(self.target.bucket in row.values() for row in found if isinstance(row, dict))

    async def _ask(self, path: str) -> Reply:
        headers = self.target.authorization(None)
        async with self._session.get(self.target.url + path, headers=headers) as answer:
            build = answer.headers.get("X-Influxdb-Build", "")
            return Reply(answer.status, await _read(answer), build)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: object = None,
        generation: Generation | None = None,
    ) -> tuple[int, Any]:
        """Ask anything: status, and what the JSON of the answer says, or its words.

        Raises TimeoutError, aiohttp.ClientError or OSError.
        """
        async with self._session.request(
            method,
            self.target.url + path,
            params=query,
            json=content,
            headers=self.target.authorization(generation),
        ) as answer:
            body = await _read(answer)
            try:
                return answer.status, json.loads(body)
            except ValueError:
                return answer.status, self._without_token(words_of(body))

    def _without_token(self, words: str) -> str:
        """A server may say again what it was sent."""
        return words.replace(self.target.token, "***") if self.target.token else words


@asynccontextmanager
async def open_influxdb(
    target: Target,
    context: ssl.SSLContext,
    timeout_seconds: float,
    generation: Generation | None = None,
) -> AsyncIterator[InfluxDb]:
    """A client of the database; `generation` if it is not to be asked for. Connects nowhere yet."""
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    jar = aiohttp.DummyCookieJar()
    client = InfluxDBClientAsync(
        target.url,
        token=target.token,
        org=target.org,
        timeout=timeout,
        ssl_context=context,
        allow_redirects=False,
        client_session_kwargs={"cookie_jar": jar},
    )
    async with (
        client,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), timeout=timeout, cookie_jar=jar
        ) as session,
    ):
        yield InfluxDb(target, session, client, generation)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body, within reason."""
    body = b""
    while len(body) < _REPLY_BYTES and (part := await answer.content.read(_REPLY_BYTES)):
        body += part
    return body


def _is_reset(error: BaseException) -> bool:
    """Whether the other side broke off, rather than was never there."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return True
    return isinstance(error, OSError) and error.errno in _RESET
