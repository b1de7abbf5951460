"""A host does what its fault says, shown with plain sockets and TLS."""

import asyncio
import contextlib
import errno
import gzip
import json
import socket
import ssl
from dataclasses import dataclass

import pytest

from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec, ServerHeader
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection_faults import FaultDelays
from crn_simulator.server.host import Host, HostAddress, HostOptions
from crn_simulator.server.listener import ListenerMode

CONFIG = "/status/config"
USAGE = "/about/usage/system"
PATIENCE = 0.2
"""Seconds after which silence is taken for silence."""


@dataclass
class Reply:
    """What came back: bytes, and whether the stream ended by itself."""

    received: bytes
    ended: bool

    @property
    def status(self) -> int:
        return int(self.received.split(b" ")[1])

    @property
    def head(self) -> str:
        return self.received.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]

    @property
    def servers(self) -> list[str]:
        lines = self.head.split("\r\n")
        return [line.removeprefix("Server: ") for line in lines if line.startswith("Server:")]


async def ask(host: Host, path: str = CONFIG, *, limit: int = 4_000_000) -> Reply:
    """GET over TLS by the standard library; reads up to the end, the limit, or silence."""
    context = host.authority.client_context() if host.scheme == "https" else None
    name = host.name if context else None
    reader, writer = await asyncio.open_connection(
        host.address, host.port, ssl=context, server_hostname=name
    )
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while len(received) < limit:
            try:
                chunk = await asyncio.wait_for(reader.read(65536), PATIENCE)
            except TimeoutError:
                return Reply(received, ended=False)
            if not chunk:
                return Reply(received, ended=True)
            received += chunk
        return Reply(received, ended=False)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def host(authority: Authority, fault: Fault, **more: object) -> Host:
    return Host(NodeSpec(fault=fault, **more), authority=authority)  # type: ignore[arg-type]


async def test_healthy_node_answers_its_contract(authority: Authority) -> None:
    """A newest node answers both endpoints with JSON and its Server header."""
    async with Host(authority=authority) as node:
        config, usage = await ask(node), await ask(node, USAGE)
    assert (config.status, usage.status) == (200, 200)
    assert json.loads(config.body)["version"] == "1.14.0"
    assert json.loads(usage.body)["cpu"]["count"] == 16
    assert config.servers == ["aleph-vm/1.14.0"]
    assert config.ended


async def test_counts_connections_and_requests(authority: Authority) -> None:
    """Two requests on one connection are one handshake, and the last request is marked."""
    async with Host(authority=authority) as node:
        reader, writer = await asyncio.open_connection(
            node.address, node.port, ssl=authority.client_context(), server_hostname=node.name
        )
        writer.write(f"GET {CONFIG} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(f"GET {USAGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        await reader.read()
        writer.close()
        await writer.wait_closed()
        await node.wait_idle()
    assert (node.traffic.connections, node.traffic.handshakes) == (1, 1)
    assert dict(node.traffic.requests_by_path) == {CONFIG: 1, USAGE: 1}
    assert [request.is_last for request in node.traffic.last_requests] == [False, True]
    assert {request.connection for request in node.traffic.last_requests} == {1}


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        pytest.param(ServerHeader.ALEPH, ["aleph-vm/1.9.0"], id="alone"),
        pytest.param(ServerHeader.BESIDE_PROXY, ["Caddy", "aleph-vm/1.9.0"], id="doubled"),
        pytest.param(ServerHeader.REPLACED, ["nginx/1.24.0"], id="replaced"),
    ],
)
async def test_server_headers(
    authority: Authority, server: ServerHeader, expected: list[str]
) -> None:
    """A proxy adds its own Server header or takes the place of the node's."""
    async with Host(NodeSpec(version="1.9.0", server=server), authority=authority) as node:
        assert (await ask(node)).servers == expected


async def test_refused(authority: Authority) -> None:
    """Nobody listens, and the address comes back when the fault goes."""
    async with host(authority, Fault.REFUSED) as node:
        with pytest.raises(ConnectionRefusedError):
            await ask(node)
        node.apply(NodeSpec())
        assert (await ask(node)).status == 200
        node.apply(NodeSpec(fault=Fault.REFUSED))
        with pytest.raises(ConnectionRefusedError):
            await ask(node)


async def test_black_hole(authority: Authority) -> None:
    """A SYN stays unanswered, and the node answers again when the fault goes."""
    async with host(authority, Fault.BLACK_HOLE) as node:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.open_connection(node.address, node.port), PATIENCE)
        assert node.traffic.connections == 0
        node.apply(NodeSpec())
        assert (await ask(node)).status == 200


@pytest.mark.parametrize("fault", [Fault.RESET_ON_CONNECT, Fault.RESET_IN_TLS])
async def test_reset_before_the_handshake_is_complete(authority: Authority, fault: Fault) -> None:
    """The client meets a TCP reset."""
    async with host(authority, fault) as node:
        with pytest.raises(ConnectionResetError):
            await ask(node)
        assert node.traffic.handshakes == 0


@pytest.mark.parametrize("fault", [Fault.CLOSE_ON_CONNECT, Fault.CLOSE_IN_TLS])
async def test_close_before_the_handshake_is_complete(authority: Authority, fault: Fault) -> None:
    """The client meets the end of the stream (or a reset, if its hello came too late)."""
    async with host(authority, fault) as node:
        with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
            await ask(node)
        assert node.traffic.handshakes == 0


async def test_silent_in_tls(authority: Authority) -> None:
    """TCP connects, and the handshake never ends."""
    async with host(authority, Fault.SILENT_IN_TLS) as node:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(node), PATIENCE)
        assert node.traffic.connections == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(Fault.TLS_GARBAGE, "WRONG_VERSION_NUMBER", id="garbage"),
        pytest.param(Fault.PLAIN_ON_TLS, "WRONG_VERSION_NUMBER", id="plain"),
        pytest.param(Fault.TLS_ALERT, "HANDSHAKE_FAILURE", id="alert"),
    ],
)
async def test_not_tls(authority: Authority, fault: Fault, reason: str) -> None:
    """What comes back is no handshake."""
    async with host(authority, fault) as node:
        with pytest.raises(ssl.SSLError, match=f"(?i){reason}|record") as caught:
            await ask(node)
    assert not isinstance(caught.value, ssl.SSLCertVerificationError | ssl.SSLEOFError)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(Fault.CERT_EXPIRED, 10, id="expired"),
        pytest.param(Fault.CERT_NOT_YET_VALID, 9, id="not-yet-valid"),
        pytest.param(Fault.CERT_SELF_SIGNED, 18, id="self-signed"),
        pytest.param(Fault.CERT_UNKNOWN_AUTHORITY, 20, id="unknown-authority"),
        pytest.param(Fault.CERT_WRONG_NAME, 62, id="wrong-name"),
    ],
)
async def test_certificates(authority: Authority, fault: Fault, code: int) -> None:
    """A client that verifies refuses the certificate, for the reason that the fault names."""
    async with host(authority, fault) as node:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await ask(node)
    assert caught.value.verify_code == code


@pytest.mark.parametrize(
    ("fault", "start"),
    [
        pytest.param(Fault.HANG_BEFORE_HEADERS, b"", id="before"),
        pytest.param(Fault.HANG_IN_HEADERS, b"HTTP/1.1 200 OK\r\n", id="in"),
        pytest.param(Fault.HANG_AFTER_HEADERS, b"HTTP/1.1 200 OK\r\n", id="after"),
    ],
)
async def test_hangs(authority: Authority, fault: Fault, start: bytes) -> None:
    """The handshake succeeds, and the answer stops in its tracks."""
    async with host(authority, fault) as node:
        reply = await ask(node)
        assert not reply.ended
        assert reply.received.startswith(start)
        assert (b"\r\n\r\n" in reply.received) == (fault is Fault.HANG_AFTER_HEADERS)
        assert node.traffic.handshakes == 1


async def test_slow_drip(authority: Authority) -> None:
    """The body comes byte by byte, never silent and never done."""
    spec = NodeSpec(fault=Fault.SLOW_DRIP)
    async with Host(
        spec, authority=authority, options=HostOptions(FaultDelays(drip_seconds=0.001))
    ) as node:
        reply = await ask(node, limit=400)
        assert not reply.ended
        assert len(reply.body) > 10


@pytest.mark.parametrize(
    "fault",
    [
        Fault.RESET_AFTER_REQUEST,
        Fault.CLOSE_AFTER_REQUEST,
        Fault.CUT_OFF,
        Fault.HTTP_GARBAGE,
    ],
)
async def test_cut_off_after_the_handshake(authority: Authority, fault: Fault) -> None:
    """The connection ends without a complete answer."""
    async with host(authority, fault) as node:
        try:
            reply = await ask(node)
        except ConnectionResetError:
            assert fault is Fault.RESET_AFTER_REQUEST
        else:
            assert reply.ended
            assert fault is not Fault.RESET_AFTER_REQUEST
            assert reply.received.startswith(b"HTTP/1.1") == (fault is Fault.CUT_OFF)
        await node.wait_idle()
        assert node.traffic.handshakes == 1


async def test_huge_headers(authority: Authority) -> None:
    """One header line is 64 KiB long."""
    async with host(authority, Fault.HUGE_HEADERS) as node:
        reply = await ask(node)
    assert max(map(len, reply.head.split("\r\n"))) > 65536


async def test_bodies_that_are_too_large(authority: Authority) -> None:
    """Endless, merely large, or small until unpacked: all pass 64 KiB."""
    async with host(authority, Fault.ENDLESS_BODY) as node:
        reply = await ask(node, limit=2_000_000)
        assert len(reply.received) >= 2_000_000
        assert not reply.ended
        node.apply(NodeSpec(fault=Fault.OVERSIZED_BODY))
        reply = await ask(node)
        assert len(reply.body) == 3 * 1024 * 1024
        node.apply(NodeSpec(fault=Fault.GZIP_BOMB))
        reply = await ask(node)
    assert len(reply.body) < 64 * 1024
    assert len(gzip.decompress(reply.body)) == 60 * 1024 * 1024


@pytest.mark.parametrize(
    "fault",
    [fault for fault, effect in FAULT_EFFECTS.items() if effect.probe_failure == "not_json"],
)
async def test_bodies_that_are_not_json(authority: Authority, fault: Fault) -> None:
    """The answer is complete, and no parser reads its body."""
    async with host(authority, fault) as node:
        reply = await ask(node)
    assert reply.ended
    assert f"Content-Length: {len(reply.body)}" in reply.head
    with pytest.raises((ValueError, RecursionError)):
        json.loads(reply.body)


@pytest.mark.parametrize("path", [CONFIG, USAGE])
@pytest.mark.parametrize(
    "fault",
    [
        fault
        for fault, effect in FAULT_EFFECTS.items()
        if effect.probe_failure == "wrong_shape" and not effect.reachable
    ],
)
async def test_bodies_of_another_shape(authority: Authority, fault: Fault, path: str) -> None:
    """The body is JSON, and not what the path promises."""
    async with host(authority, fault) as node:
        reply = await ask(node, path)
        node.apply(NodeSpec())
        right = json.loads((await ask(node, path)).body)
    wrong = json.loads(reply.body)
    assert reply.status == 200
    key, inner = ("cpu", "count") if path == USAGE else ("version", None)
    if isinstance(wrong, dict):
        wrong, right = wrong[key], right[key]
        if inner:
            wrong, right = wrong[inner], right[inner]
    assert type(wrong) is not type(right) or wrong > 10**20


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param(Fault.CLIENT_ERROR, 403, id="client-error"),
        pytest.param(Fault.SERVER_ERROR, 502, id="server-error"),
        pytest.param(Fault.UNAVAILABLE, 503, id="unavailable"),
        pytest.param(Fault.WEB_SERVER, 404, id="web-server"),
        pytest.param(Fault.REDIRECT, 302, id="redirect"),
        pytest.param(Fault.REDIRECT_PRIVATE, 301, id="redirect-private"),
        pytest.param(Fault.BAD_ENCODING, 200, id="bad-encoding"),
        pytest.param(Fault.SLOW_ANSWER, 200, id="slow-answer"),
        pytest.param(Fault.SLOW_ACCEPT, 200, id="slow-accept"),
    ],
)
async def test_statuses(authority: Authority, fault: Fault, status: int) -> None:
    """The status is the one that the fault names; what is in front answers, not the node."""
    async with host(authority, fault) as node:
        reply = await ask(node)
    assert reply.status == status
    assert ("aleph-vm/" in reply.head) == FAULT_EFFECTS[fault].reachable
    assert ("169.254.169.254" in reply.head) == (fault is Fault.REDIRECT_PRIVATE)


async def test_a_fault_may_keep_the_header(authority: Authority) -> None:
    """A wrong answer comes from the node's software if asked to."""
    async with host(authority, Fault.HTML, keeps_header=True) as node:
        assert (await ask(node)).servers == ["aleph-vm/1.14.0"]


async def test_a_fault_may_concern_some_paths(authority: Authority) -> None:
    """The other paths answer as ever."""
    async with host(authority, Fault.SERVER_ERROR, paths=frozenset({USAGE})) as node:
        assert [(await ask(node)).status, (await ask(node, USAGE)).status] == [200, 502]


def test_only_answers_can_be_wrong_on_some_paths() -> None:
    """A connection has no path."""
    with pytest.raises(ValueError, match="refused affects a whole node"):
        NodeSpec(fault=Fault.REFUSED, paths=frozenset({USAGE}))


async def test_plain_http(authority: Authority) -> None:
    """A node that is registered with http answers without TLS."""
    async with host(authority, Fault.ADDRESS_HTTP_ONLY) as node:
        assert node.url.startswith("http://")
        assert (await ask(node)).status == 200


async def _connects(address: str, port: int) -> str:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    writer.close()
    await writer.wait_closed()
    return "connected"


@pytest.mark.parametrize(
    ("aaaa", "expected"),
    [
        pytest.param(AaaaRecord.TRUE, "connected", id="true"),
        pytest.param(AaaaRecord.REFUSED, "ConnectionRefusedError", id="refused"),
        pytest.param(AaaaRecord.BLACK_HOLE, "TimeoutError", id="black-hole"),
    ],
)
async def test_ipv6_listeners(authority: Authority, aaaa: AaaaRecord, expected: str) -> None:
    """IPv4 is open whatever IPv6 does."""
    async with Host(NodeSpec(aaaa=aaaa), authority=authority) as node:
        assert await _connects("::1", node.port) == expected
        assert await _connects(node.address, node.port) == "connected"


async def test_blocking(authority: Authority) -> None:
    """An outage of the client's own hides a healthy node, by family, and ends."""
    async with Host(NodeSpec(aaaa=AaaaRecord.TRUE), authority=authority) as node:
        found = []
        for modes in (
            (ListenerMode.BLACK_HOLE, ListenerMode.BLACK_HOLE),
            (None, ListenerMode.REFUSED),
            (None, None),
        ):
            node.block(*modes)
            found.append([await _connects(a, node.port) for a in (node.address, "::1")])
    assert found == [
        ["TimeoutError", "TimeoutError"],
        ["connected", "ConnectionRefusedError"],
        ["connected", "connected"],
    ]


async def test_close_leaves_nothing(authority: Authority) -> None:
    """Closing a host ends the connections that hang on it, and frees its port."""
    async with host(authority, Fault.HANG_BEFORE_HEADERS) as node:
        _, writer = await asyncio.open_connection(
            node.address, node.port, ssl=authority.client_context(), server_hostname=node.name
        )
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    with socket.socket() as sock:
        sock.bind((node.address, node.port))


async def test_finds_a_port_that_is_free(authority: Authority) -> None:
    """A port that is taken is passed over; when none is left, that is an error."""
    async with Host(authority=authority) as first:
        taken = first.port
        second = Host(
            authority=authority, address=HostAddress(ip=first.address, ports=[taken, taken + 1])
        )
        async with second:
            assert second.port == taken + 1
        with pytest.raises(OSError, match="no port is free on 127"):
            await Host(
                authority=authority, address=HostAddress(ip=first.address, ports=[taken])
            ).__aenter__()


async def test_runs_out_of_descriptors(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener without descriptors waits a moment, and serves when it can accept again."""
    accept = socket.socket.accept
    left = 2

    def short(sock: socket.socket) -> tuple[socket.socket, object]:
        nonlocal left
        if left:
            left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(sock)

    async with Host(authority=authority) as node:
        monkeypatch.setattr(socket.socket, "accept", short)
        assert (await ask(node)).status == 200
    assert left == 0


def test_every_fault_has_an_effect() -> None:
    """The table is complete and consistent."""
    assert set(FAULT_EFFECTS) == set(Fault)
    for effect in FAULT_EFFECTS.values():
        assert effect.reachable == (effect.failure == "none") == (effect.fault == "none")
        assert effect.phase is not FaultPhase.NONE or effect.reachable
