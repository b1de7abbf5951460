"""The HTTP session of the official client, which is the only one to InfluxDB, and its failures."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

from collector.influx.advice import Advice

_RESET: Final = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)
_CONNECTIONS: Final = 4
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
"""OpenSSL's reasons for an answer that is not TLS."""


def session_maker(context: ssl.SSLContext) -> Callable[..., aiohttp.ClientSession]:
    """Return what makes the session of the official client.

    Names are looked up as the system does (`/etc/hosts`, mDNS), in threads: the database is the
    operator's, and may be called `influx.local`.
    """

    def make(connector: aiohttp.BaseConnector, **options: Any) -> aiohttp.ClientSession:
        """Make a session; the client's own connector, unused so far, is not the one."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS, ssl=context, resolver=aiohttp.ThreadedResolver()
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            **options,
        )

    return make


def session_of(client: InfluxDBClientAsync) -> aiohttp.ClientSession:
    """Return the session of the official client, which has no public name for it."""
    session = client.api_client.rest_client.pool_manager
    if not isinstance(session, aiohttp.ClientSession):
        raise TypeError(f"influxdb-client keeps its session elsewhere: {session!r}")
    return session


def is_reset(error: BaseException) -> bool:
    """Return whether the other side broke off, rather than was never there."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return True
    return isinstance(error, OSError) and error.errno in _RESET


def connection_advice(error: BaseException) -> Advice:
    """Return what an operator can do about a failed connection; nothing if it may heal."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Advice.CERTIFICATE
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        reason = getattr(error.os_error, "reason", "") or ""
        return Advice.TLS if reason.startswith(_NO_TLS) else Advice.NONE
    return Advice.NONE
