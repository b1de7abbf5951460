"""A collector that stands still blames nobody for it, and still judges who is silent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yarl

from collector import loop_lag
from collector.model.failure import Failure
from collector.model.vantage import BlindReason
from collector.probe import stopwatch
from collector.probe.controls import Controls
from collector.probe.trace import ConnectionTrace
from collector.probe.visit import VisitLimits
from crn_simulator.script.fault import Fault
from crn_simulator.server.certificate_authority import Authority
from tests.support.host_thread import host_thread
from tests.support.probe_bed import open_bed

ROOT = Path(__file__).parents[2]
LIMIT = 0.4
SHORT, LONG = 0.15, 0.7
"""Seconds of a standstill that no peer notices, and of one that is longer than any limit here."""


@pytest.fixture(autouse=True)
def short_standstills(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as a standstill, and how much of it starves a visit, for limits of a test."""
    monkeypatch.setattr(loop_lag, "_STANDSTILL_SECONDS", 0.3)
    monkeypatch.setattr(stopwatch, "_STARVED_SECONDS", 0.3)


def stand_still(monkeypatch: pytest.MonkeyPatch, moment: str, seconds: float) -> None:
    """Let the loop stand still once, just after a visit has come to a moment of its trace."""
    method = getattr(ConnectionTrace, moment)
    left = [seconds]

    def stop_there(trace: ConnectionTrace, *args: object, **options: object) -> None:
        method(trace, *args, **options)
        if left:
            asyncio.get_running_loop().call_soon(time.sleep, left.pop())

    monkeypatch.setattr(ConnectionTrace, moment, stop_there)


@pytest.mark.parametrize("moment", ["dialling", "handshake_started", "connected"])
async def test_answers_that_came_meanwhile_count(
    context: ssl.SSLContext, authority: Authority, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A loop that stood still for longer than every limit reads what came before it judges."""
    stand_still(monkeypatch, moment, LONG)
    limits = VisitLimits(timeout_seconds=LIMIT)
    with host_thread(authority) as host:
        async with open_bed(context, limits=limits, connect_seconds=LIMIT) as bed:
            observation = await bed.look(host.address_url)
            assert bed.prober.lag.worst_seconds > LIMIT, "the loop did not stand still"
    assert [probe.failure for probe in observation.probes] == [Failure.NONE, Failure.NONE]


@pytest.mark.parametrize(
    ("fault", "moment", "seconds", "failure"),
    [
        pytest.param(
            Fault.SILENT_IN_TLS, "handshake_started", SHORT, Failure.TLS_FAILED, id="silent"
        ),
        pytest.param(
            Fault.HANG_BEFORE_HEADERS, "connected", SHORT, Failure.ANSWER_TIMEOUT, id="hangs"
        ),
        pytest.param(
            Fault.SILENT_IN_TLS, "handshake_started", LONG, Failure.STARVED, id="silent-long"
        ),
        pytest.param(Fault.CLOSE_IN_TLS, "handshake_started", LONG, Failure.STARVED, id="closed"),
        pytest.param(
            Fault.CLOSE_AFTER_REQUEST, "connected", LONG, Failure.STARVED, id="closed-late"
        ),
        pytest.param(Fault.REFUSED, "dialling", LONG, Failure.CONNECT_REFUSED, id="refused"),
        pytest.param(
            Fault.TLS_ALERT, "handshake_started", LONG, Failure.TLS_FAILED, id="tls-alert"
        ),
        pytest.param(
            Fault.CERT_EXPIRED, "handshake_started", LONG, Failure.TLS_EXPIRED, id="expired"
        ),
    ],
)
async def test_whose_fault_it_is(
    context: ssl.SSLContext,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    moment: str,
    seconds: float,
    failure: Failure,
) -> None:
    """Silence, or an end, after a long standstill is ours; evidence stays, and so does silence."""
    stand_still(monkeypatch, moment, seconds)
    limits = VisitLimits(timeout_seconds=LIMIT)
    with host_thread(authority, fault) as host:
        async with open_bed(context, limits=limits, connect_seconds=LIMIT) as bed:
            observation = await bed.look(host.address_url)
    assert observation.failure is failure
    assert len(observation.probes) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(Fault.NONE, BlindReason.NONE, id="answers"),
        pytest.param(Fault.SILENT_IN_TLS, BlindReason.STARVED, id="silent"),
        pytest.param(Fault.CERT_EXPIRED, BlindReason.CONTROLS, id="expired"),
    ],
)
async def test_controls(
    context: ssl.SSLContext,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    reason: BlindReason,
) -> None:
    """A control that answered while the loop stood still has answered."""
    stand_still(monkeypatch, "handshake_started", LONG)
    with host_thread(authority, fault) as host:
        async with open_bed(context) as bed:
            prober, target = bed.prober, yarl.URL(host.address_url)
            controls = Controls([target], prober.resolver, context, prober.lag, LIMIT, ipv6=False)
            result = await controls.ask()
    assert result.reason is reason


_STOPPED = """
import asyncio, json, sys
from pathlib import Path
from collector.crawl.gate import Gate
from collector.crawl.round import RoundTiming
from collector.crawl.sweep import Sweep
from collector.probe.connection import tls_context
from collector.probe.visit import VisitLimits
from collector.service.event_loop import run_async
from collector.state.plan import VisitPlan
from tests.support.probe_bed import node_at, open_bed

async def main(ca_file, url):
    limits = VisitLimits(timeout_seconds=0.6)
    nodes = [node_at(f"{url}/{number}") for number in range(300)]
    plans = [VisitPlan(node, ipv6=False, hung=False, evidence_at=0) for node in nodes]
    left = [30]

    def on_observation(_):
        left.append(left.pop() - 1)
        if left == [0]:
            print("midway", flush=True)

    async with open_bed(tls_context(Path(ca_file)), limits=limits, connect_seconds=0.6) as bed:
        sweep = Sweep(Gate(100), bed.prober.visit, on_observation)
        found = await sweep.run(plans, RoundTiming(0, 30, 1000))
    print(json.dumps([len(found), sorted({o.failure for o in found.values()})]))

run_async(main(*sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_process_that_was_stopped(authority: Authority, tmp_path: Path) -> None:
    """Stopped in mid-round for longer than every limit, a collector judges all nodes right."""
    ca_file = authority.write(tmp_path / "authority.pem")
    with host_thread(authority) as host:
        command = [sys.executable, "-c", _STOPPED, str(ca_file), host.address_url]
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout
        assert await child.stdout.readline() == b"midway\n"
        os.kill(child.pid, signal.SIGSTOP)
        await asyncio.sleep(1.5)  # the standstill itself
        os.kill(child.pid, signal.SIGCONT)
        result = json.loads(await child.stdout.readline())
        assert await child.wait() == 0
    assert result == [300, ["none"]]
