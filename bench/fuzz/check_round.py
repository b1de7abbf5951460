"""What may be wrong with the points and lines of a round of fuzzed nodes."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

from bench.fuzz.check_visit import Finding, Kind
from bench.fuzz.fuzzed_network import PlayedRound
from bench.fuzz.valid import ValidNode
from collector.model.node import Node
from collector.schema.column import ColumnKind, Point, Value
from collector.schema.measurements import CrnGpu, CrnReachability, CrnUsage, CrnVersion, Network
from tests.support.line_protocol import ParseError, parse

_TYPES: Final = {
    ColumnKind.TAG: str,
    ColumnKind.TEXT: str,
    ColumnKind.INTEGER: int,
    ColumnKind.FLOAT: float,
}


def check_points(played: PlayedRound, nodes: tuple[Node, ...]) -> Iterator[Finding]:
    """Yield what is wrong with the points of a round."""
    listed = {node.hash for node in nodes}
    for point in played.points:
        node = str(getattr(point, "node", ""))
        if node and node not in listed:
            yield Finding(Kind.FOREIGN_POINT, node, f"of a node that is not listed: {point}")
        if wrong := _wrong_value(point):
            yield Finding(Kind.WRONG_TYPE, node, f"{wrong}: {point}")
    for rejected in (r for part in played.validated.slices for r in part.rejected):
        yield Finding(Kind.WRONG_TYPE, "", f"rejected: {rejected}")
    yield from _check_owners(played)
    reached = Counter(p.node for p in played.points if isinstance(p, CrnReachability))
    if reached != dict.fromkeys(listed, 1):
        yield Finding(Kind.FOREIGN_POINT, "", "not one reachability point for each node")
    yield from _check_sums(played)


def _wrong_value(point: Point) -> str:
    """Return which value of a point has not the type of its column; empty if all have."""
    for column, value in zip(point.columns(), point.row(), strict=True):
        if value is None and column.kind is not ColumnKind.TAG:
            continue
        if type(value) is not _TYPES[column.kind] or not _is_plain(value):
            return f"{column.name} is {value!r}"
    return ""


def _is_plain(value: Value) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or value.isprintable()


def _check_owners(played: PlayedRound) -> Iterator[Finding]:
    """Yield the points whose values are not those of their own node's answers."""
    cards: Counter[str] = Counter()
    for point in played.points:
        if isinstance(point, CrnGpu):
            cards[point.node] += point.total or 0
        if not isinstance(point, CrnUsage | CrnVersion):
            continue
        observed = played.observations[point.node]
        usage = observed.usage
        is_own = (
            point.version == observed.version
            if isinstance(point, CrnVersion)
            else usage is not None
            and (point.cpu_count, point.mem_total_bytes) == (usage.cpu_count, usage.mem_total_bytes)
        )
        if not is_own:
            yield Finding(Kind.FOREIGN_POINT, point.node, f"not its own: {point}, {observed}")
    for key, observed in played.observations.items():
        stated = len(observed.usage.gpus or ()) if observed.usage else 0
        if cards[key] != stated:
            yield Finding(Kind.FOREIGN_POINT, key, f"{cards[key]} GPUs written of {stated}")


def _check_sums(played: PlayedRound) -> Iterator[Finding]:
    """Yield the sums of the network that are not those of its nodes."""
    (network,) = [point for point in played.points if isinstance(point, Network)]
    usages = [observed.usage for observed in played.observations.values() if observed.usage]
    cpus = sum(usage.cpu_count or 0 for usage in usages)
    cards = sum(len(usage.gpus or ()) for usage in usages)
    if (network.cpu_total or 0, network.gpu_total or 0) != (cpus, cards):
        yield Finding(Kind.FOREIGN_POINT, "", f"sums are not {cpus} CPUs, {cards} GPUs: {network}")


def check_lines(played: PlayedRound) -> Iterator[Finding]:
    """Yield what an independent reader of line protocol finds wrong with the lines of a round."""
    batches = [batch for part in played.validated.slices for batch in part.batches]
    text = b"".join(gzip.decompress(batch.body) for batch in batches).decode()
    try:
        rows = parse(text)
    except ParseError as error:
        yield Finding(Kind.WRONG_TYPE, "", f"lines: {error}")
        return
    if not len(rows) == text.count("\n") == played.validated.counts.points:
        yield Finding(Kind.WRONG_TYPE, "", f"{len(rows)} lines, not one for each point")


def check_healthy(
    node: ValidNode, alone: PlayedRound, among: PlayedRound, key: str
) -> Finding | None:
    """Return what is wrong with a healthy node among fuzzed ones; None if nothing is.

    `alone` is the round of a network without the fuzzed ones.
    """
    observed = among.observations[key]
    if not (
        observed.reachable
        and observed.version == node.version
        and observed.config
        and observed.usage
    ):
        return Finding(
            Kind.FOREIGN_POINT, key, f"a healthy node is not observed as such: {observed}"
        )
    own, same = _points_of(alone, key), _points_of(among, key)
    if own != same:
        return Finding(Kind.FOREIGN_POINT, key, f"its points differ: {own} and {same}")
    return None


def _points_of(played: PlayedRound, key: str) -> list[Point]:
    return [point for point in played.points if getattr(point, "node", None) == key]
