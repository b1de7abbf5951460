"""`nodes`: the last stored state of each node."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from collector.cli.common import AsJson, DataDir, settings_of
from collector.cli.output import Cell, Column, Result, print_result, utc
from collector.model.failure import Failure
from collector.service.status import (
    StoredNode,
    StoredNodes,
    open_reader,
    read_nodes,
    warn_of_future,
)

_COLUMNS = (
    Column("name", always=True),
    Column("node", wrap=False),
    Column("up", wrap=False),
    Column("failure", always=True),
    Column("age", "right", wrap=False),
    Column("version", wrap=False),
    Column("cpu", "right", wrap=False),
    Column("memory free", "right", wrap=False),
    Column("gpus free", "right", wrap=False),
    Column("tls ms", "right", wrap=False),
    Column("address"),
)


def nodes(
    context: typer.Context,
    data_dir: DataDir = None,
    down: Annotated[bool, typer.Option("--down", help="Only nodes that are not up.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the nodes of the last stored round: state, failure, version, free resources.

    Nodes that are down come first. `age` is the time since the last visit that counts. Works while
    a collector uses the data directory.
    """
    settings = settings_of(context, data_dir=data_dir)
    interval_seconds = settings.rounds.interval_seconds
    with open_reader(settings.data_dir, interval_seconds) as reader:
        warn_of_future(reader)
        found = read_nodes(reader, settings.vantage, interval_seconds)
    print_result(_result(found.not_up() if down else found), as_json=as_json)


def _result(found: StoredNodes) -> Result:
    return Result(
        columns=_COLUMNS,
        rows=[_row(node) for node in found.nodes],
        document={"round": found.round, "nodes": [_document(node) for node in found.nodes]},
        title=f"{len(found.nodes)} nodes, last round {utc(found.round)}",
    )


def _row(node: StoredNode) -> list[object]:
    point, usage = node.reachability, node.usage
    return [
        point.name,
        Cell(point.node, point.node[:8]),
        _state(node),
        _failure(node),
        _age(point.evidence_age_seconds),
        node.version,
        usage.cpu_count if usage else None,
        _gigabytes(usage.mem_available_bytes if usage else None),
        f"{usage.gpu_available}/{usage.gpu_total}" if usage and usage.gpu_total else None,
        None if point.tls_seconds is None else f"{point.tls_seconds * 1000:.0f}",
        point.address,
    ]


def _state(node: StoredNode) -> Cell:
    state = {True: "up", False: "down", None: "?"}[node.is_up]
    style = {True: "green", False: "red", None: ""}[node.is_up]
    return Cell(state + (" (lost)" if node.reachability.lost else ""), style=style)


def _failure(node: StoredNode) -> Cell | None:
    failure = node.failure
    if failure is Failure.NONE:
        return None
    return Cell(node.reachability.failure, failure.title if failure else None)


def _age(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return f"{seconds / 60:.0f} min" if seconds else "now"


def _gigabytes(amount: float | None) -> str | None:
    return None if amount is None else f"{amount / 1e9:.0f} GB"


def _document(node: StoredNode) -> dict[str, Any]:
    document = dataclasses.asdict(node.reachability)
    document["version"] = node.version
    document["usage"] = dataclasses.asdict(node.usage) if node.usage else None
    return document
