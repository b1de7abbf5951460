"""Internals of aiohttp, asyncio and uvloop that the probe relies on are as they were.

Each test fails when a new version of a library changes what is not documented, and says which part
of the probe has to be looked at.
"""

from __future__ import annotations

import inspect
import socket
import ssl
from collections.abc import Mapping

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import AddrInfoType, Connection

from collector.probe.connection import TimedContext
from collector.probe.session import Connector
from collector.probe.trace import TRACE, ConnectionTrace
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from tests.support.probe_bed import open_bed


def _parameters(function: object) -> Mapping[str, inspect.Parameter]:
    assert callable(function)
    return inspect.signature(function).parameters


def test_connector_is_asked_for_a_connection() -> None:
    """`Connector.connect` overrides a method of that name with the same parameters."""
    names = list(_parameters(aiohttp.TCPConnector.connect))
    assert names == list(_parameters(Connector.connect)) == ["self", "req", "traces", "timeout"]


def test_connection_gives_its_transport() -> None:
    """The transport, from which the certificate is read, is an attribute of the connection."""
    assert isinstance(inspect.getattr_static(Connection, "transport"), property)


def test_connection_learns_of_each_request() -> None:
    """`ResponseHandler.set_response_params`, where a request begins, takes options by name."""
    parameters = list(_parameters(ResponseHandler.set_response_params).values())[1:]
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_types_of_parameters_are_there() -> None:
    """The types of what overridden methods receive are importable."""
    assert inspect.isclass(ClientRequest)
    assert AddrInfoType is not None


def test_connector_takes_a_socket_factory() -> None:
    """The socket factory, where the address policy is applied, is a parameter of the connector."""
    assert "socket_factory" in _parameters(aiohttp.TCPConnector.__init__)


async def test_every_time_is_recorded(context: ssl.SSLContext, authority: Authority) -> None:
    """A visit over TLS to a name leaves every time in the trace, its transport and certificate."""
    async with Host(authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        observation = await bed.look(host)
    assert observation.reachable
    phases = observation.phases
    assert None not in (
        phases.dns_seconds, phases.tcp_seconds, phases.tls_seconds, phases.ttfb_seconds,
    )  # fmt: skip
    assert observation.cert_expiry_seconds is not None


async def test_handshakes_go_through_wrap_bio(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """Both event loops begin a handshake by `SSLContext.wrap_bio`, which records it."""
    assert isinstance(context, TimedContext)
    trace = ConnectionTrace()
    token = TRACE.set(trace)
    try:
        async with (
            Host(authority=authority) as host,
            open_bed(context) as bed,
            bed.prober.session.get(f"{host.address_url}/status/config") as response,
        ):
            await response.read()
    finally:
        TRACE.reset(token)
    assert trace.handshakes == 1


async def test_a_failed_connection_is_asked_for_its_error(context: ssl.SSLContext) -> None:
    """Both event loops learn why a connection failed from the socket, which records it."""
    with socket.socket() as unused:
        unused.bind(("127.64.9.9", 0))
        port = unused.getsockname()[1]
    trace = ConnectionTrace()
    token = TRACE.set(trace)
    try:
        async with open_bed(context) as bed:
            with pytest.raises(aiohttp.ClientConnectorError):
                await bed.prober.session.get(f"https://127.64.9.9:{port}/status/config")
    finally:
        TRACE.reset(token)
    assert isinstance(trace.connect_error, ConnectionRefusedError)
