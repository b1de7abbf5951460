"""One connection per node and round: what is asked on it, what it costs, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gzip
import ssl
import time

import aiohttp
import pytest

from collector import __version__
from collector.model.failure import Failure
from collector.model.observation import Endpoint, Observation
from collector.probe.connection import tls_context
from collector.probe.visit import VisitLimits
from crn_simulator.script.fault import Fault
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection import Connection
from crn_simulator.server.connection_faults import FaultDelays
from crn_simulator.server.host import Host, HostAddress, HostOptions
from tests.support.probe_bed import CONFIG, IP6, IPV6, USAGE, open_bed
from tests.support.tls_servers import ADDRESS, Lines, answer, raw_server

pytestmark = pytest.mark.slow

FINAL = [
    pytest.param(fault, id=str(fault))
    for fault, outcome in FAULT_EFFECTS.items()
    if outcome.ends_visit
    and outcome.phase in ("connect", "tls", "answer")
    and fault is not Fault.DNS_MANY_ADDRESSES  # a fault of the name, and here it has one address
]


async def look_at(
    context: ssl.SSLContext,
    authority: Authority,
    spec: NodeSpec,
    ipv6: bool = False,
    seconds: float = 2.0,
) -> tuple[Observation, Host]:
    """Look once, and wait until the node has seen the end of it."""
    limits = VisitLimits(timeout_seconds=seconds)
    async with (
        Host(spec, authority=authority) as host,
        open_bed(context, limits=limits, connect_seconds=seconds / 2) as bed,
    ):
        bed.know(host)
        observation = await bed.look(host, ipv6)
        async with asyncio.timeout(5):
            await host.wait_idle()
        return observation, host


@pytest.mark.parametrize(
    ("spec", "ipv6", "paths"),
    [
        pytest.param(NodeSpec(), False, [CONFIG, USAGE], id="two-checks"),
        pytest.param(NodeSpec(version="1.9.0"), True, [CONFIG, USAGE, IPV6], id="three-checks"),
        pytest.param(NodeSpec(version="1.8.1"), True, [CONFIG, USAGE, IP6], id="diagnostic-vm"),
        pytest.param(NodeSpec(version="0.3.0"), False, [CONFIG, USAGE], id="without-config"),
        pytest.param(NodeSpec(usage_broken=True), False, [CONFIG, USAGE], id="usage-broken"),
    ],
)
async def test_one_handshake(
    context: ssl.SSLContext,
    authority: Authority,
    spec: NodeSpec,
    ipv6: bool,
    paths: list[str],
) -> None:
    """The checks follow one another on one connection, and the last one says that it is so."""
    observation, host = await look_at(context, authority, spec, ipv6)
    assert observation.reachable
    assert (host.traffic.connections, host.traffic.handshakes) == (1, 1)
    assert [request.path for request in host.traffic.last_requests] == paths
    assert [request.is_last for request in host.traffic.last_requests] == [False] * (
        len(paths) - 1
    ) + [True]


async def test_a_slow_answer_ends_the_visit(
    context: ssl.SSLContext,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After an answer that took long to read nothing more is asked, and what was read counts."""
    monkeypatch.setattr("collector.probe.response.SLOW_SECONDS", -1.0)
    observation, host = await look_at(context, authority, NodeSpec(version="1.9.0"), True)
    assert observation.reachable
    assert (observation.version, observation.usage) == ("1.9.0", None)
    assert [request.path for request in host.traffic.last_requests] == [CONFIG]
    assert "nothing more is asked in this visit" in caplog.text


async def test_the_next_round_shakes_hands_again(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """Nothing is kept between rounds: a fresh handshake is what reachability means."""
    async with Host(authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        for _ in range(3):
            assert (await bed.look(host)).reachable
        assert host.traffic.handshakes == 3


async def test_what_is_sent(context: ssl.SSLContext, authority: Authority) -> None:
    """Requests say who asks, and carry no cookie though one was set."""
    table = {
        path: answer("{}", "200 OK", "Set-Cookie: id=1; Path=/", "Server: aleph-vm/1.9.0")
        for path in (CONFIG, USAGE)
    }
    async with (
        Host(authority=authority, responder=Lines(table)) as host,
        open_bed(context) as bed,
    ):
        bed.know(host)
        assert (await bed.look(host)).reachable
        await bed.look(host)
        requests = list(host.traffic.last_requests)
    assert len(requests) == 4
    for request in requests:
        assert request.method == "GET"
        assert request.headers["user-agent"] == f"crn-collector/{__version__}"
        assert request.headers["host"] == f"{host.name}:{host.port}"
        assert request.headers["accept"] == "application/json"
        assert "cookie" not in request.headers
        assert "authorization" not in request.headers


@pytest.mark.parametrize("fault", FINAL)
async def test_after_a_failed_connection_nothing_more_is_asked(
    context: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """One probe, one connection: a node that cannot be reached or hangs is left alone."""
    observation, host = await look_at(context, authority, NodeSpec(fault=fault), seconds=0.5)
    assert [probe.endpoint for probe in observation.probes] == [Endpoint.CONFIG]
    assert host.traffic.connections == (0 if fault in (Fault.REFUSED, Fault.BLACK_HOLE) else 1)
    assert host.traffic.requests_by_path.total() <= 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault.RESET_AFTER_REQUEST, id="reset"),
        pytest.param(Fault.CLOSE_AFTER_REQUEST, id="close"),
        pytest.param(Fault.CUT_OFF, id="cut-off"),
        pytest.param(Fault.HTTP_GARBAGE, id="garbage"),
    ],
)
async def test_a_broken_answer_is_asked_for_once(
    context: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """aiohttp would repeat a GET whose connection broke; a probe never retries."""
    observation, host = await look_at(context, authority, NodeSpec(fault=fault))
    assert [a.failure for a in observation.probes] == [Failure.ANSWER_BROKEN] * 2
    assert dict(host.traffic.requests_by_path) == {CONFIG: 1, USAGE: 1}
    assert host.traffic.connections == 2


async def test_a_connection_that_was_closed_between_two_checks(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A node that closes after each answer without a word is asked on a new connection."""
    good = answer("{}", "200 OK", "Server: aleph-vm/1.9.0")

    async def play(connection: Connection) -> None:
        await connection.read_request_head()
        await connection.send(good)

    async with raw_server(authority, play) as raw, open_bed(context) as bed:
        observation = await bed.look(raw.url)
        assert [a.status_code for a in observation.probes] == [200, 200]
        assert raw.connections == 2


async def test_redirects_are_not_followed(context: ssl.SSLContext, authority: Authority) -> None:
    """A redirect, be it to an address of the local network, is an answer and no more."""
    async with Host(authority=authority, address=HostAddress("inner.simulated.test")) as inner:
        moved = answer("", "302 Found", f"Location: {inner.address_url}{CONFIG}")
        async with (
            Host(authority=authority, responder=Lines({CONFIG: moved, USAGE: moved})) as host,
            open_bed(context) as bed,
        ):
            bed.know(host)
            observation = await bed.look(host)
        assert observation.failure is Failure.REDIRECTED
        assert inner.traffic.connections == 0


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault.HANG_BEFORE_HEADERS, id="before-headers"),
        pytest.param(Fault.HANG_IN_HEADERS, id="in-headers"),
        pytest.param(Fault.HANG_AFTER_HEADERS, id="after-headers"),
        pytest.param(Fault.SLOW_DRIP, id="slow-drip"),
    ],
)
async def test_the_deadline_covers_everything(
    context: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """All checks of a node together have one limit, headers and bodies included."""
    spec = NodeSpec(fault=fault, paths=frozenset({USAGE}))
    async with (
        Host(
            spec, authority=authority, options=HostOptions(FaultDelays(drip_seconds=0.01))
        ) as host,
        open_bed(context, limits=VisitLimits(timeout_seconds=0.5)) as bed,
    ):
        bed.know(host)
        observation = await bed.look(host)
    assert [a.failure for a in observation.probes] == [Failure.NONE, Failure.ANSWER_TIMEOUT]
    assert observation.reachable
    assert observation.duration_seconds == pytest.approx(0.5, abs=0.3)


async def test_no_time_is_left_for_a_check(context: ssl.SSLContext, authority: Authority) -> None:
    """A check that begins after the node's time has run out is a timeout, and no bug of ours."""
    async with Host(authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        bed.prober.limits = VisitLimits(timeout_seconds=0.0)
        look = bed.prober.visit(node=(await bed.look(host)).node, ipv6=None)
        look.trace.dialled.append(host.address)
        await look.run()
        assert look.observation().failure in (Failure.ANSWER_TIMEOUT, Failure.DNS_FAILED)


@pytest.mark.parametrize(
    ("size", "failure"),
    [
        pytest.param(1000, Failure.NONE, id="at-the-limit"),
        pytest.param(1001, Failure.ANSWER_TOO_LARGE, id="over-the-limit"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_the_body_limit_counts_what_is_unpacked(
    context: ssl.SSLContext,
    authority: Authority,
    size: int,
    failure: Failure,
    packed: bool,
) -> None:
    """A body may have so many bytes after decompression, and not one more."""
    body = b'{"host":true,"vm":true}'.ljust(size)
    headers = ("Content-Encoding: gzip",) if packed else ()
    usage = answer(gzip.compress(body) if packed else body, "200 OK", *headers)
    table = {CONFIG: answer("", "404 Not Found", "Server: aleph-vm/0.3.0"), USAGE: usage}
    async with (
        Host(authority=authority, responder=Lines(table)) as host,
        open_bed(context, limits=VisitLimits(timeout_seconds=2.0, body_bytes=1000)) as bed,
    ):
        bed.know(host)
        probe = (await bed.look(host)).probes[1]
    expected = Failure.WRONG_SHAPE if failure is Failure.NONE else failure
    assert (probe.failure, probe.response_bytes) == (
        expected,
        size if failure is Failure.NONE else None,
    )


async def test_a_look_that_is_cancelled_hangs_up(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """The end of a round ends the connection at once, whatever the node goes on to send."""
    begun = asyncio.Event()

    async def play(connection: Connection) -> None:
        await connection.read_request_head()
        begun.set()
        while True:
            await connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 100)
            await asyncio.sleep(0.1)

    async with raw_server(authority, play) as raw, open_bed(context) as bed:
        task = asyncio.create_task(bed.look(raw.url))
        await begun.wait()
        task.cancel()
        async with asyncio.timeout(1.0):
            await raw.ended.wait()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_phases_of_a_named_node(context: ssl.SSLContext, authority: Authority) -> None:
    """Each phase has a duration, and slowness shows in the one where it is."""
    slow = NodeSpec(fault=Fault.SLOW_ACCEPT)
    async with (
        Host(
            slow, authority=authority, options=HostOptions(FaultDelays(accept_seconds=0.2))
        ) as host,
        open_bed(context) as bed,
    ):
        bed.know(host)
        observation = await bed.look(host)
    phases = observation.phases
    durations = [
        phases.dns_seconds,
        phases.tcp_seconds,
        phases.tls_seconds,
        phases.ttfb_seconds,
    ]
    assert all(seconds is not None and seconds > 0 for seconds in durations)
    assert observation.duration_seconds is not None
    assert sum(d for d in durations if d) < observation.duration_seconds
    assert phases.tls_seconds is not None
    assert phases.tcp_seconds is not None
    assert phases.tls_seconds > 0.2
    assert phases.tls_seconds > phases.tcp_seconds


async def test_first_byte_is_timed_apart_from_the_body(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """The time to the first byte is the node's thinking, and not its sending."""
    thinks = asyncio.Event()

    async def play(connection: Connection) -> None:
        await connection.read_request_head()
        await connection.send(
            b"HTTP/1.1 404 Not Found\r\nServer: aleph-vm/0.3.0\r\nContent-Length: 2\r\n\r\n"
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await thinks.wait()
        await connection.send(b"{}")

    async with raw_server(authority, play) as raw, open_bed(context) as bed:
        observation = await bed.look(raw.url)
    assert observation.phases.ttfb_seconds is not None
    body_seconds = observation.probes[0].duration_seconds - observation.phases.ttfb_seconds
    assert body_seconds > 0.29


async def test_phases_that_there_were_not(context: ssl.SSLContext, authority: Authority) -> None:
    """An IP address takes no name, plain HTTP no handshake, a dead node neither."""
    http = NodeSpec(fault=Fault.ADDRESS_HTTP_ONLY)
    async with (
        Host(http, authority=authority) as plain,
        Host(authority=authority) as literal,
        Host(NodeSpec(fault=Fault.REFUSED), authority=authority) as dead,
        open_bed(context) as bed,
    ):
        by_address = (await bed.look(literal.address_url)).phases
        unsecured = await bed.look(plain.address_url)
        nothing = await bed.look(dead.address_url)
    assert by_address.dns_seconds is None
    assert by_address.tls_seconds is not None
    assert unsecured.reachable
    assert (unsecured.phases.tls_seconds, unsecured.cert_expiry_seconds) == (None, None)
    assert unsecured.phases.tcp_seconds is not None
    assert nothing.phases.tcp_seconds is None
    assert nothing.status_code is None


async def test_certificate_expiry(context: ssl.SSLContext, authority: Authority) -> None:
    """What remains of the certificate is known, even when the node answers nothing."""
    expected = authority.not_after.timestamp() - time.time()
    for spec in (NodeSpec(), NodeSpec(fault=Fault.HANG_BEFORE_HEADERS)):
        observation, _ = await look_at(context, authority, spec, seconds=0.5)
        assert observation.cert_expiry_seconds == pytest.approx(expected, abs=30)


async def test_a_renewed_certificate_is_seen_at_once(authority: Authority) -> None:
    """Each visit knows the end of the certificate that it met, whatever others met before."""
    older = Authority(dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    context = tls_context()
    for pem in (authority.pem(), older.pem()):
        context.load_verify_locations(cadata=pem.decode())
    async with (
        Host(authority=older) as before,
        Host(authority=authority) as after,
        open_bed(context) as bed,
    ):
        days = [
            (observation.cert_expiry_seconds or 0) / 86_400
            for observation in [await bed.look(h.address_url) for h in (before, after, before)]
        ]
    assert days == pytest.approx([60, 90, 60], abs=0.1)


async def test_one_session_per_loop(context: ssl.SSLContext, authority: Authority) -> None:
    """A session belongs to its loop; another loop has its own, and both work side by side."""

    def elsewhere(address: str) -> tuple[Failure, int]:
        async def main() -> tuple[Failure, int]:
            async with open_bed(context) as bed:
                observation = await bed.look(address)
                return observation.failure, len(asyncio.all_tasks())

        with asyncio.Runner() as runner:
            return runner.run(main())

    async with Host(authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        there = asyncio.create_task(asyncio.to_thread(elsewhere, host.address_url))
        here = await bed.look(host)
        assert await there == (Failure.NONE, 1)
        assert here.reachable
        assert (await bed.look(host)).reachable


async def test_sessions_are_closed(context: ssl.SSLContext) -> None:
    """Whoever opens the session closes it, with its connector."""
    async with open_bed(context, connections=7) as bed:
        session = bed.prober.session
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        assert connector.limit == 7
        assert session.trust_env is False
    assert session.closed
    assert connector.closed


async def test_own_authorities(authority: Authority, context: ssl.SSLContext) -> None:
    """Without the file of its authority a node's certificate is invalid; with it, it is not."""
    async with Host(authority=authority) as host:
        found = []
        for trusted in (tls_context(), context):
            async with open_bed(trusted) as bed:
                bed.know(host)
                found.append((await bed.look(host)).failure)
    assert found == [Failure.TLS_INVALID, Failure.NONE]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_of_tls(
    context: ssl.SSLContext, authority: Authority, version: ssl.TLSVersion
) -> None:
    """Nodes behind old and new proxies are both reached, on one connection each."""
    own = authority.context((ADDRESS,))
    own.maximum_version, kept = version, own.maximum_version

    async def play(connection: Connection) -> None:
        for _ in range(2):
            await connection.read_request_head()
            await connection.send(answer("{}", "200 OK", "Server: aleph-vm/1.9.0"))

    try:
        async with raw_server(authority, play) as raw, open_bed(context) as bed:
            assert (await bed.look(raw.url)).reachable
            assert raw.connections == 1
    finally:
        own.maximum_version = kept
