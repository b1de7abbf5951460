"""The floor: the requests of a round, made by a minimal asyncio protocol client.

One TLS connection per node; no DNS, no parsing beyond the end of each response, nothing stored.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import cast

PATHS = ("/status/config", "/about/usage/system")


class Client(asyncio.Protocol):
    """Requests both paths one after another on one connection, and closes it."""

    def __init__(self, host: str, done: asyncio.Future[bool]) -> None:
        self._host = host
        self._done = done
        self._left = list(PATHS)
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._request()

    def _request(self) -> None:
        assert self._transport
        path = self._left.pop(0)
        ending = "" if self._left else "Connection: close\r\n"
        self._transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAccept: application/json\r\n"
            f"{ending}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._buffer = b""
        if self._left:
            self._request()
        else:
            self._finish(True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(False)

    def _finish(self, complete: bool) -> None:
        if not self._done.done():
            self._done.set_result(complete)
        if self._transport:
            self._transport.abort()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


async def crawl(
    targets: Sequence[tuple[str, str, int]],
    context: ssl.SSLContext,
    concurrency: int,
    per_second: float,
    timeout_seconds: float,
) -> int:
    """Visit every (name, address, port); return how many sent both responses completely.

    per_second: visits begun per second. timeout_seconds: of one visit.
    """
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(concurrency)
    start = loop.time()

    async def one(name: str, address: str, port: int) -> bool:
        done: asyncio.Future[bool] = loop.create_future()
        try:
            async with asyncio.timeout(timeout_seconds):
                await loop.create_connection(
                    lambda: Client(name, done), address, port, ssl=context, server_hostname=name
                )
                return await done
        except (OSError, ssl.SSLError):
            return False
        finally:
            gate.release()

    tasks = []
    for number, target in enumerate(targets):
        wait = start + number / per_second - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        await gate.acquire()
        tasks.append(asyncio.create_task(one(*target)))
    return sum(await asyncio.gather(*tasks))
