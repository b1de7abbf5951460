"""The network's API hosts, asked one after another until one gives a good answer."""

from __future__ import annotations

import asyncio
import logging
import mmap
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import aiohttp
from yarl import URL

from collector.directory.aggregate import Aggregate

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FetchedAggregate(Generic[T]):
    """A good answer."""

    host: str
    """Base URL of the host that answered."""
    body: memoryview
    value: T


class SourceError(Exception):
    """No host gave a good answer; `reasons` says why, by host, in the order asked."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{host}: {reason}" for host, reason in reasons.items()))
        self.reasons = reasons


class Session(Protocol):
    """What sends the requests, such as aiohttp's session."""

    def get(
        self, url: URL, *, allow_redirects: bool, timeout: aiohttp.ClientTimeout
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a GET."""
        ...


class Source:
    """Several hosts that publish the same aggregates. The first good answer wins.

    For each aggregate the host that answered last is asked first. The session is the caller's.
    """

    def __init__(
        self,
        session: Session,
        hosts: Sequence[str],
        timeout_seconds: float = 20.0,
    ) -> None:
        """`hosts` are base URLs; the timeout is per host and holds for connect, head and body."""
        self._session = session
        self._hosts = tuple(dict.fromkeys(host.rstrip("/") for host in hosts))
        self._order: dict[str, list[str]] = {}
        self._timeout_seconds = timeout_seconds
        self._problems: dict[tuple[str, str], str] = {}

    async def fetch(self, aggregate: Aggregate[T]) -> FetchedAggregate[T]:
        """Return the aggregate of the first host with a good answer; raise SourceError if none."""
        reasons: dict[str, str] = {}
        for host in tuple(self._ordered(aggregate.key)):
            try:
                answer = await self._ask(host, aggregate)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                reasons[host] = self._reason(error)
                self._warn_once(host, aggregate.key, reasons[host])
            else:
                self._note_success(host, aggregate.key)
                return answer
        raise SourceError(reasons or {"API hosts": "none is configured"})

    def move_last(self, host: str, key: str) -> None:
        """Ask this host last for the aggregate `key` from now on: its answer was not accepted."""
        self._ordered(key).sort(key=host.__eq__)

    def _ordered(self, key: str) -> list[str]:
        """Return the hosts in the order in which they are asked for an aggregate."""
        return self._order.setdefault(key, list(self._hosts))

    async def _ask(self, host: str, aggregate: Aggregate[T]) -> FetchedAggregate[T]:
        async with asyncio.timeout(self._timeout_seconds):
            body = await self._body(URL(host + aggregate.path), aggregate.limit_bytes)
        value = await asyncio.to_thread(aggregate.parse, body)
        return FetchedAggregate(host, body, value)

    async def _body(self, url: URL, limit_bytes: int) -> memoryview:
        """Return the body of a 200; raise ValueError for another status or too long a body.

        It is in pages of its own, which are given back whole: on the heap, 10 MB that grow chunk
        by chunk leave holes behind that stay with the process.
        """
        unlimited = aiohttp.ClientTimeout(total=None)  # the caller's limit holds for everything
        async with self._session.get(url, allow_redirects=False, timeout=unlimited) as response:
            if response.status != 200:
                redirect = 300 <= response.status < 400
                raise ValueError(f"HTTP {response.status}{' (not followed)' if redirect else ''}")
            pages, size = mmap.mmap(-1, limit_bytes), 0
            async for chunk in response.content.iter_any():
                if size + len(chunk) > limit_bytes:
                    raise ValueError(f"a body of more than {limit_bytes:,} bytes")
                pages[size : size + len(chunk)] = chunk
                size += len(chunk)
        return memoryview(pages)[:size].toreadonly()

    def _reason(self, error: Exception) -> str:
        """Return what went wrong in words that are the same every time."""
        match error:
            case aiohttp.InvalidURL():
                return "not a URL"
            case TimeoutError():
                return f"no complete answer within {self._timeout_seconds:g} s"
            case aiohttp.ClientConnectorDNSError():
                return "its name cannot be resolved"
            case aiohttp.ClientSSLError():
                return "no trusted TLS connection"
            case aiohttp.ClientConnectorError():
                return f"cannot connect ({error.os_error.strerror or type(error).__name__})"
            case aiohttp.ClientError():
                return f"no complete HTTP answer ({type(error).__name__})"
            case _:
                return str(error) or type(error).__name__

    def _warn_once(self, host: str, key: str, reason: str) -> None:
        if self._problems.get((host, key)) != reason:
            self._problems[host, key] = reason
            log.warning("%s did not provide the aggregate %s: %s", host, key, reason)

    def _note_success(self, host: str, key: str) -> None:
        self._ordered(key).sort(key=host.__ne__)
        if self._problems.pop((host, key), None):
            log.info("%s provides the aggregate %s again", host, key)
