"""`nodes`: what the embedded store knows of each node now."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from collector.cli.common import AsJson, DataDir, cell, moment, settings_of, show, show_json
from collector.schema.measurements import CrnReachability, CrnUsage, CrnVersion
from collector.service.settings import Settings
from collector.store import Reader
from collector.times import HOUR

P = TypeVar("P", CrnReachability, CrnVersion, CrnUsage)

_VERSION_SECONDS = 2 * HOUR
"""Versions are written on change and once an hour."""


def nodes(
    context: typer.Context,
    data_dir: DataDir = None,
    down: Annotated[bool, typer.Option("--down", help="Only nodes that are not up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show each node as the store has it now: up or down, why, what it runs and has free."""
    settings = settings_of(context, data_dir=data_dir)
    last, found = _found(settings)
    if down:
        found = [entry for entry in found if not entry["up"]]
    if as_json:
        show_json({"round": last, "nodes": found})
        return
    columns = {
        "name": "left",
        "node": "left",
        "up": "left",
        "failure": "left",
        "age": "right",
        "version": "left",
        "cpu": "right",
        "memory free": "right",
        "gpus free": "right",
        "tls ms": "right",
        "address": "left",
    }
    table = Table(title=f"{len(found)} nodes, last round {moment(last)}")
    for name, side in columns.items():
        table.add_column(name, justify=side, no_wrap=name in ("node", "up"))  # type: ignore[arg-type]
    plain: list[list[object]] = [list(columns)]
    for entry in found:
        row = _row(entry)
        style = "green" if entry["up"] else "" if entry["up"] is None else "red"
        table.add_row(*(cell(v, style if i == 2 else "") for i, v in enumerate(row)))
        plain.append([entry["node"] if i == 1 else v for i, v in enumerate(row)])
    show(table, plain)


def _found(settings: Settings) -> tuple[int | None, list[dict[str, Any]]]:
    """Every node of the last round, what was last known of it joined."""
    interval = settings.rounds.interval_seconds
    with Reader(settings.data_dir) as reader:
        last = reader.last_round()
        reached = _latest(reader, CrnReachability, 0, settings.vantage)
        versions = _latest(reader, CrnVersion, _VERSION_SECONDS, settings.vantage)
        usages = _latest(reader, CrnUsage, 3 * interval, settings.vantage)
    found = []
    for key, point in sorted(reached.items(), key=lambda pair: _order(pair[1])):
        entry = dataclasses.asdict(point)
        entry["version"] = versions[key].version if key in versions else None
        entry["usage"] = dataclasses.asdict(usages[key]) if key in usages else None
        found.append(entry)
    return last, found


def _latest(reader: Reader, kind: type[P], within: float, vantage: str) -> dict[str, P]:
    """The newest point of each node from this vantage, by hash. (A renamed node has two series.)"""
    return {point.node: point for point in reader.latest(kind, within, vantage=vantage)}


def _order(point: CrnReachability) -> tuple[object, ...]:
    """What is down first, then by name."""
    return (bool(point.up), point.up is None, point.name.lower(), point.node)


def _row(entry: dict[str, Any]) -> list[object]:
    usage = entry["usage"] or {}
    up = {None: "?", 1: "up", 0: "down"}[entry["up"]]
    total = usage.get("gpu_total")
    return [
        entry["name"],
        entry["node"][:8],
        up + (" (lost)" if entry["lost"] else ""),
        "" if entry["failure"] == "none" else entry["failure"],
        _age(entry["evidence_age_seconds"]),
        entry["version"],
        usage.get("cpu_count"),
        _gigabytes(usage.get("mem_available_bytes")),
        f"{usage.get('gpu_available')}/{total}" if total else "",
        "" if entry["tls_seconds"] is None else f"{entry['tls_seconds'] * 1000:.0f}",
        entry["address"],
    ]


def _age(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.0f} min" if seconds else "now"


def _gigabytes(amount: float | None) -> str:
    return "" if amount is None else f"{amount / 1e9:.0f} GB"
