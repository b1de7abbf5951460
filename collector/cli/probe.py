"""`probe`: one visit to one node, step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from collector.cli.common import AsJson, settings_of
from collector.cli.output import Cell, Column, Result, print_result
from collector.errors import Exit
from collector.model.failure import Failure, Fault
from collector.model.observation import Observation, Probe
from collector.model.vantage import ControlResult
from collector.service.event_loop import run_async
from collector.service.single_visit import SingleVisit, visit_address
from collector.times import DAY

_COLUMNS = (
    Column("step", always=True),
    Column("result", always=True),
    Column("took", "right", wrap=False),
    Column("detail", always=True),
)


def probe(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(help="Address as a node registers it: a URL or a host name.")
    ],
    ipv6: Annotated[
        bool,
        typer.Option(
            "--ipv6/--no-ipv6", help="Check IPv6 too; it starts a VM on the node for an hour."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Visit one node as a round does, and show its steps: probes, controls and, once it answers,
    the times of name, connection and TLS.

    If the node is not reachable, it says what happened, whether it counts against the node, and
    what to do. Stores nothing.
    """
    settings = settings_of(context)
    visit = run_async(visit_address(settings, address, ipv6))
    document = dataclasses.asdict(visit.observation) | {
        "controls": dataclasses.asdict(visit.controls)
    }
    rows = [step.row() for step in _steps(visit, settings.controls)]
    print_result(Result(_COLUMNS, rows, document), as_json=as_json)
    if not visit.observation.reachable:
        raise typer.Exit(Exit.NOT_REACHABLE)


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    result: object
    detail: str = ""
    seconds: float | None = None
    style: str = ""

    def row(self) -> list[object]:
        """Return the cells of the step's row."""
        took = None if self.seconds is None else f"{self.seconds * 1000:.1f} ms"
        return [
            self.name,
            Cell(self.result, style=self.style),
            took,
            Cell(self.detail, style="dim"),
        ]


def _steps(visit: SingleVisit, controls: Sequence[str]) -> Iterator[_Step]:
    """Yield the steps in the order in which they happen, then the result."""
    observation = visit.observation
    yield _Step("address", observation.node.address or "(none)")
    if observation.tried:
        yield from _phases(observation)
        for made in observation.probes:
            yield _probe(made)
        if observation.version:
            yield _Step("version", observation.version, f"from {observation.version_source}")
        yield from _findings(observation)
        yield _controls(visit.controls, controls)
    yield from _conclusion(observation.failure)


def _phases(observation: Observation) -> Iterator[_Step]:
    phases = observation.phases
    if phases.dns_seconds is not None:
        yield _Step("name", "resolved", seconds=phases.dns_seconds)
    if phases.tcp_seconds is not None:
        yield _Step("TCP", "connected", seconds=phases.tcp_seconds)
    if phases.tls_seconds is not None:
        left = observation.cert_expiry_seconds
        detail = "" if left is None else f"certificate valid for {left / DAY:.0f} days"
        yield _Step("TLS", "handshake complete", detail, phases.tls_seconds)
    if phases.ttfb_seconds is not None:
        yield _Step("first byte", "received", seconds=phases.ttfb_seconds)


def _probe(probe: Probe) -> _Step:
    succeeded = probe.failure is Failure.NONE
    status = f"{probe.status_code} " if probe.status_code else ""
    result = f"{status}{'OK' if succeeded else probe.failure.title}"
    size = "" if probe.response_bytes is None else f"{probe.response_bytes} bytes"
    detail = size if succeeded else probe.detail or probe.failure.meaning
    style = "" if succeeded else "red"
    return _Step(f"GET {probe.endpoint}", result, detail, probe.duration_seconds, style)


def _findings(observation: Observation) -> Iterator[_Step]:
    if usage := observation.usage:
        load = "" if usage.load1 is None else f"load {usage.load1:.2f}"
        yield _Step("CPUs", "?" if usage.cpu_count is None else usage.cpu_count, load)
        for name, total, free in (
            ("memory", usage.mem_total_bytes, usage.mem_available_bytes),
            ("disk", usage.disk_total_bytes, usage.disk_available_bytes),
        ):
            if total is not None and free is not None:
                yield _Step(name, f"{total / 1e9:.0f} GB", f"{free / 1e9:.0f} GB free")
        for gpu in usage.gpus or ():
            state = "free" if gpu.available else "in use"
            yield _Step("GPU", gpu.model or gpu.device_name, f"{gpu.device_id}, {state}")
    if ipv6 := observation.ipv6:
        yield _Step("IPv6", "OK" if ipv6.ok else "failed", f"by {ipv6.method}")


def _controls(found: ControlResult, controls: Sequence[str]) -> _Step:
    if found.is_clear:
        return _Step("controls", "OK", ", ".join(controls))
    if found.ok:
        return _Step("controls", f"slow ({found.slow})", ", ".join(controls), style="yellow")
    return _Step("controls", f"failed ({found.reason})", found.detail, style="red")


def _conclusion(failure: Failure) -> Iterator[_Step]:
    if failure is Failure.NONE:
        yield _Step("result", "reachable", style="bold green")
        return
    yield _Step("result", "not reachable", style="bold red")
    yield _Step("failure", failure.title, f"{failure.value}: {failure.meaning}")
    counts = "counts" if failure.counts_against_node else "does not count"
    yield _Step("fault", failure.fault.value, f"{counts} against the node")
    yield _Step("what to do", _who(failure.fault), failure.cure)


def _who(fault: Fault) -> str:
    return "operator of the collector" if fault is Fault.VANTAGE else "owner of the node"
