"""The HTTP session of the official client, which is the only one to InfluxDB, and its responses."""

from __future__ import annotations

import errno
from typing import Final

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

_RESPONSE_BYTES: Final = 1024 * 1024
"""Most that is read of a response."""
_RESET: Final = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)


def session_of(client: InfluxDBClientAsync) -> aiohttp.ClientSession:
    """Return the session of the official client, which has no public name for it."""
    session = client.api_client.rest_client.pool_manager
    if not isinstance(session, aiohttp.ClientSession):
        raise TypeError(f"influxdb-client keeps its session elsewhere: {session!r}")
    return session


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, cut at the limit."""
    body = b""
    while len(body) < _RESPONSE_BYTES and (part := await response.content.read(_RESPONSE_BYTES)):
        body += part
    return body


def is_reset(error: BaseException) -> bool:
    """Return whether the other side broke off, rather than was never there."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return True
    return isinstance(error, OSError) and error.errno in _RESET
