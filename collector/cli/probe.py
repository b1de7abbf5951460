"""`probe`: everything about one node, step by step."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from collector import app
from collector.cli.common import AsJson, cell, settings_of, show_json
from collector.cli.meaning import MEANINGS
from collector.directory import parse_address
from collector.error import Exit
from collector.failure import Failure, Fault
from collector.node import Node
from collector.observation import Attempt, Observation
from collector.probe.gate import Gate
from collector.settings import Settings
from collector.vantage import Reason, Sight, excuse

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
    observation, sight = app.run_async(_look(settings, address, ipv6))
    if as_json:
        show_json(dataclasses.asdict(observation) | {"sight": dataclasses.asdict(sight)})
    else:
        _explain(observation, sight, settings)
    if not observation.reachable:
        raise typer.Exit(Exit.NOT_REACHABLE)


async def _look(settings: Settings, registered: str, ipv6: bool) -> tuple[Observation, Sight]:
    """The observation of a round that has this node only."""
    parsed = parse_address(registered)
    node = Node("0" * 64, registered[:64], parsed.text, parsed.host, parsed.refused)
    context = app.context_of(settings)
    async with app.open_prober(settings, context, Gate(1)) as prober:
        if (refusal := prober.refusal(node)) is not Failure.NONE:
            return Observation(node, refusal), Sight()
        controls = app.controls_of(settings, prober, context)
        prober.use_ipv6(controls.has_ipv6())
        look = prober.look(node, ipv6)
        await look.run()
        sight = await controls.ask()
        return excuse(look.observation(), sight.reason, sight.ipv6), sight


def _explain(seen: Observation, sight: Sight, settings: Settings) -> None:
    console = Console(highlight=False)
    table = Table(show_header=True, box=None, pad_edge=False)
    for heading in ("step", "result", "took", ""):
        table.add_column(heading, overflow="fold")
    for step, result, seconds, note in _steps(seen, sight, settings):
        took = "" if seconds is None else f"{seconds * 1000:.1f} ms"
        table.add_row(cell(step), cell(result), cell(took), cell(note, "dim"))
    console.print(table)
    verdict = "reachable" if seen.reachable else f"not reachable: {seen.failure}"
    console.print()
    console.print(cell(verdict, "bold green" if seen.reachable else "bold red"))
    if not seen.reachable:
        console.print(cell(f"{MEANINGS[seen.failure]}. {_BLAME[seen.failure.fault]}"))


def _steps(
    seen: Observation, sight: Sight, settings: Settings
) -> list[tuple[str, object, float | None, str]]:
    refused = seen.failure if not seen.tried else Failure.NONE
    steps: list[tuple[str, object, float | None, str]] = [
        ("address", seen.node.address, None, MEANINGS[refused] if refused else "")
    ]
    if not seen.tried:
        steps[0] = ("address", seen.node.address, None, MEANINGS[seen.failure])
        return steps
    phases = seen.phases
    if any(getattr(phases, f.name) is not None for f in dataclasses.fields(phases)):
        steps += [
            ("name", "resolved", phases.dns_seconds, ""),
            ("TCP", "connected", phases.tcp_seconds, ""),
        ]
        if phases.tls_seconds is not None:
            steps.append(("TLS", "shaken", phases.tls_seconds, _certificate(seen)))
        steps.append(("first byte", "came", phases.ttfb_seconds, ""))
    steps += [_attempt(attempt) for attempt in seen.attempts]
    if seen.version:
        steps.append(("version", seen.version, None, f"by {seen.version_source}"))
    steps += _findings(seen)
    seeing = "answer" if sight.ok else f"fail ({sight.reason})"
    detail = sight.detail if sight.reason is not Reason.NONE else ", ".join(settings.controls)
    steps.append(("controls", seeing, None, detail))
    return steps


def _certificate(seen: Observation) -> str:
    left = seen.cert_expiry_seconds
    return "" if left is None else f"certificate good for {left / 86400:.0f} days"


def _attempt(attempt: Attempt) -> tuple[str, object, float | None, str]:
    said = "well" if attempt.failure is Failure.NONE else str(attempt.failure)
    status = f"{attempt.status_code} " if attempt.status_code else ""
    size = f"{attempt.response_bytes} bytes" if attempt.response_bytes is not None else ""
    note = attempt.detail or ("" if attempt.failure is Failure.NONE else MEANINGS[attempt.failure])
    return f"GET {attempt.endpoint}", f"{status}{said}", attempt.duration_seconds, note or size


def _findings(seen: Observation) -> list[tuple[str, Any, float | None, str]]:
    found: list[tuple[str, Any, float | None, str]] = []
    if usage := seen.usage:
        found.append(("CPUs", usage.cpu_count, None, f"load {usage.load1:.2f}"))
        for name, total, free in (
            ("memory", usage.mem_total_bytes, usage.mem_available_bytes),
            ("disk", usage.disk_total_bytes, usage.disk_available_bytes),
        ):
            found.append((name, f"{total / 1e9:.0f} GB", None, f"{free / 1e9:.0f} GB free"))
        for gpu in usage.gpus or ():
            state = "free" if gpu.available else "taken"
            found.append(("GPU", gpu.model or gpu.device_name, None, f"{gpu.device_id}, {state}"))
    if ipv6 := seen.ipv6:
        found.append(("IPv6", "works" if ipv6.ok else "does not work", None, str(ipv6.method)))
    return found
