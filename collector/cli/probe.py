"""`probe`: everything about one node, step by step."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from collector.cli.common import AsJson, cell, settings_of, show, show_json
from collector.crawl.gate import Gate
from collector.directory import parse_address
from collector.errors import Exit
from collector.model.failure import Failure, Fault
from collector.model.node import Node
from collector.model.observation import Observation, Probe
from collector.model.vantage import ControlResult, mark_blind
from collector.service.event_loop import run_async
from collector.service.settings import Settings
from collector.service.wiring import make_controls, node_tls_context, open_prober
from collector.times import DAY

_BLAME = {
    Fault.NONE: "",
    Fault.POLICY: "We do not dial such an address.",
    Fault.DNS: "This counts against the node.",
    Fault.NODE: "This counts against the node.",
    Fault.VANTAGE: "This says nothing about the node.",
}


def probe(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Address as a node registers it: a URL or host.")],
    ipv6: Annotated[
        bool, typer.Option(help="Ask for IPv6 too. It starts a VM on the node for an hour.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at one node as a round does and explain every step. Exits with 7 if not reachable."""
    settings = settings_of(context)
    observation, control_result = run_async(_look(settings, address, ipv6))
    if as_json:
        show_json(dataclasses.asdict(observation) | {"sight": dataclasses.asdict(control_result)})
    else:
        _explain(observation, control_result, settings)
    if not observation.reachable:
        raise typer.Exit(Exit.NOT_REACHABLE)


async def _look(
    settings: Settings, registered: str, ipv6: bool
) -> tuple[Observation, ControlResult]:
    """The observation of a round that has this node only."""
    parsed = parse_address(registered)
    node = Node("0" * 64, registered[:64], parsed.text, parsed.host, parsed.refused)
    context = node_tls_context(settings)
    async with open_prober(settings, context, Gate(1)) as prober:
        if (refusal := prober.refusal(node)) is not Failure.NONE:
            return Observation(node, refusal), ControlResult()
        controls = make_controls(settings, prober, context)
        prober.use_ipv6(controls.has_ipv6())
        visit = prober.visit(node, ipv6)
        await visit.run()
        control_result = await controls.ask()
        return mark_blind(
            visit.observation(), control_result.reason, control_result.ipv6
        ), control_result


def _explain(seen: Observation, control_result: ControlResult, settings: Settings) -> None:
    steps = list(_steps(seen, control_result, settings))
    table = Table(box=None, pad_edge=False)
    for heading in ("step", "result", "took", ""):
        table.add_column(heading, overflow="fold")
    for step in steps:
        table.add_row(cell(step.name), cell(step.result), cell(step.took), cell(step.note, "dim"))
    status = "reachable" if seen.reachable else f"not reachable: {seen.failure}"
    show(table, [*((s.name, s.result, s.took, s.note) for s in steps), ("verdict", status)])
    if sys.stdout.isatty():
        Console().print(cell(f"\n{status}", "bold green" if seen.reachable else "bold red"))
    if not seen.reachable:
        typer.echo(f"{seen.failure.meaning} {_BLAME[seen.failure.fault]} {seen.failure.cure}")


@dataclasses.dataclass(frozen=True, slots=True)
class _Step:
    name: str
    result: object
    note: str = ""
    seconds: float | None = None

    @property
    def took(self) -> str:
        return "" if self.seconds is None else f"{self.seconds * 1000:.1f} ms"


def _steps(seen: Observation, control_result: ControlResult, settings: Settings) -> Iterator[_Step]:
    """From the address to what was found, in the order in which it happens."""
    refused = "" if seen.tried else seen.failure.meaning
    yield _Step("address", seen.node.address or "(none)", refused)
    if not seen.tried:
        return
    yield from _phases(seen)
    for attempt in seen.attempts:
        yield _attempt(attempt)
    if seen.version:
        yield _Step("version", seen.version, f"by {seen.version_source}")
    yield from _findings(seen)
    if control_result.ok:
        yield _Step("controls", "answer", ", ".join(settings.controls))
    else:
        yield _Step("controls", f"fail ({control_result.reason})", control_result.detail)


def _phases(seen: Observation) -> Iterator[_Step]:
    phases = seen.phases
    if phases.dns_seconds is not None:
        yield _Step("name", "resolved", seconds=phases.dns_seconds)
    if phases.tcp_seconds is not None:
        yield _Step("TCP", "connected", seconds=phases.tcp_seconds)
    if phases.tls_seconds is not None:
        left = seen.cert_expiry_seconds
        note = "" if left is None else f"certificate good for {left / DAY:.0f} days"
        yield _Step("TLS", "shaken", note, phases.tls_seconds)
    if phases.ttfb_seconds is not None:
        yield _Step("first byte", "came", seconds=phases.ttfb_seconds)


def _attempt(attempt: Probe) -> _Step:
    well = attempt.failure is Failure.NONE
    said = "well" if well else str(attempt.failure)
    status = f"{attempt.status_code} " if attempt.status_code else ""
    size = f"{attempt.response_bytes} bytes" if attempt.response_bytes is not None else ""
    note = size if well else attempt.detail or attempt.failure.meaning
    return _Step(f"GET {attempt.endpoint}", f"{status}{said}", note, attempt.duration_seconds)


def _findings(seen: Observation) -> Iterator[_Step]:
    if usage := seen.usage:
        yield _Step("CPUs", usage.cpu_count, f"load {usage.load1:.2f}")
        for name, total, free in (
            ("memory", usage.mem_total_bytes, usage.mem_available_bytes),
            ("disk", usage.disk_total_bytes, usage.disk_available_bytes),
        ):
            yield _Step(name, f"{total / 1e9:.0f} GB", f"{free / 1e9:.0f} GB free")
        for gpu in usage.gpus or ():
            state = "free" if gpu.available else "taken"
            yield _Step("GPU", gpu.model or gpu.device_name, f"{gpu.device_id}, {state}")
    if ipv6 := seen.ipv6:
        yield _Step("IPv6", "works" if ipv6.ok else "does not work", str(ipv6.method))
