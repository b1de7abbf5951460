"""What goes wrong on our side is ours, and never a node's."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from collector.crawl.gate import Gate
from collector.crawl.round import RoundTiming
from collector.crawl.sweep import Sweep
from collector.model.failure import Failure, Fault
from collector.probe.classify import classify
from collector.probe.routes import has_route
from collector.probe.trace import ConnectionTrace
from collector.state.plan import VisitPlan
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from tests.support.probe_bed import LOOPBACK, node_at, open_bed

ROOT = Path(__file__).parents[2]

_STARVED = """
import asyncio, json, resource, sys
from pathlib import Path
from tests.support.probe_bed import open_bed
from collector.probe.connection import tls_context

async def main():
    async with open_bed(tls_context(Path(sys.argv[1]))) as bed:
        await bed.look(sys.argv[2])
        held = []
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        try:
            while True:
                held.append(open("/dev/null"))
        except OSError:
            pass
        starved = (await bed.look(sys.argv[2])).failure
        for one in held:
            one.close()
        fed = (await bed.look(sys.argv[2])).failure
        print(json.dumps([starved, fed]))

asyncio.run(main())
"""


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_without_descriptors(authority: Authority, tmp_path: Path) -> None:
    """A collector that has run out of descriptors blames nobody, and recovers."""
    ca_file = authority.write(tmp_path / "authority.pem")
    async with Host(authority=authority) as host:
        command = [sys.executable, "-c", _STARVED, str(ca_file), host.address_url]
        done = await asyncio.to_thread(
            lambda: subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
            )
        )
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["no_descriptors", "none"]


async def test_without_a_way(context: ssl.SSLContext) -> None:
    """An address that this machine knows no way to is no evidence against the node."""
    # TCP to the broadcast address fails like that everywhere, and sends nothing.
    async with open_bed(context, allowed=["255.255.255.255/32"]) as bed:
        observation = await bed.look("https://255.255.255.255:4020")
    assert not has_route("255.255.255.255")
    assert (observation.failure, observation.failure.fault) == (Failure.NO_ROUTE, Fault.VANTAGE)


def _connector_error(number: int) -> aiohttp.ClientConnectorError:
    key = aiohttp.client_reqrep.ConnectionKey("x", 443, True, True, None, None, None)
    return aiohttp.ClientConnectorError(key, OSError(number, "x"))


@pytest.mark.parametrize(
    ("number", "address", "failure"),
    [
        pytest.param(errno.ENETUNREACH, "127.0.0.1", Failure.CONNECT_UNREACHABLE, id="far-side"),
        pytest.param(errno.ENETUNREACH, "255.255.255.255", Failure.NO_ROUTE, id="no-way"),
        pytest.param(errno.EADDRNOTAVAIL, "127.0.0.1", Failure.NO_DESCRIPTORS, id="no-port-left"),
        pytest.param(errno.EADDRNOTAVAIL, "255.255.255.255", Failure.NO_ROUTE, id="family-off"),
        pytest.param(errno.EMFILE, "127.0.0.1", Failure.NO_DESCRIPTORS, id="emfile"),
        pytest.param(errno.ENFILE, "127.0.0.1", Failure.NO_DESCRIPTORS, id="enfile"),
        pytest.param(errno.ENOBUFS, "127.0.0.1", Failure.NO_DESCRIPTORS, id="enobufs"),
        pytest.param(errno.EPERM, "127.0.0.1", Failure.NO_ROUTE, id="own-packet-filter"),
        pytest.param(errno.ENETDOWN, "127.0.0.1", Failure.NO_ROUTE, id="netdown"),
        pytest.param(errno.EHOSTUNREACH, "127.0.0.1", Failure.CONNECT_UNREACHABLE, id="host"),
        pytest.param(errno.ETIMEDOUT, "127.0.0.1", Failure.CONNECT_TIMEOUT, id="kernel-timeout"),
        pytest.param(errno.ECONNABORTED, "127.0.0.1", Failure.CONNECT_RESET, id="aborted"),
    ],
)
def test_error_numbers(number: int, address: str, failure: Failure) -> None:
    """Errors that no test can provoke everywhere, by number and by what this machine knows."""
    trace = ConnectionTrace()
    trace.dialling(address)
    assert classify(_connector_error(number), trace) is failure


def test_a_timeout_before_anything_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    """Time that went by before a name was asked for was ours, as in a queue that must not be."""
    assert classify(TimeoutError(), ConnectionTrace()) is Failure.INTERNAL
    assert "unexpected error" in caplog.text


async def test_a_bug_is_logged_and_kills_no_round(
    context: ssl.SSLContext,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bug inside a check is one node's `internal`, with its traceback; the others are seen."""
    async with (
        Host(authority=authority) as bad,
        Host(authority=authority) as good,
        open_bed(context) as bed,
    ):
        get = bed.prober.session.get

        def broken(url: str, **options: object) -> object:
            if bad.address in url:
                raise KeyError("a bug of ours")
            return get(url, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(aiohttp.ClientSession, "get", lambda _, url, **o: broken(url, **o))
        nodes = [node_at(bad.address_url), node_at(good.address_url)]
        plans = [VisitPlan(node, ipv6=None, hung=False, evidence_at=0) for node in nodes]
        with caplog.at_level(logging.ERROR):
            seen = await Sweep(Gate(2), bed.prober.visit).run(plans, RoundTiming(0, 5))
    assert [seen[node.hash].failure for node in nodes] == [Failure.INTERNAL, Failure.NONE]
    assert "a bug of ours" in caplog.text
    assert "Traceback" in caplog.text


async def test_the_end_of_a_round_is_ours(context: ssl.SSLContext, authority: Authority) -> None:
    """A node whose turn came too late, or was cut short, is unfinished and not unreachable."""
    async with open_bed(context, allowed=LOOPBACK) as bed:
        node = node_at("https://127.64.0.9:4020")
        late = bed.prober.visit(node, ipv6=None).observation(is_unfinished=True)
    assert (late.failure, late.tried) == (Failure.ROUND_DEADLINE, False)
