"""Makes real visits to fuzzed nodes over TLS, many at a time, and measures the loop meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from bench.fuzz.fuzzed_network import number_of
from bench.fuzz.loop_probe import probing
from bench.fuzz.rounds import Figures, FuzzedRounds
from bench.fuzz.server import ADDRESS, FuzzedServer, open_server
from bench.usage import memory_growth
from collector.crawl.gate import Gate
from collector.crawl.round import RoundTiming
from collector.crawl.sweep import Sweep
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.probe.connection import tls_context
from collector.probe.policy import AddressPolicy
from collector.probe.prober import Prober
from collector.probe.resolver import Resolver
from collector.probe.session import open_session
from collector.probe.visit import Visit, VisitLimits
from collector.state.plan import VisitPlan

LIMITS: Final = VisitLimits(
    connect_timeout_seconds=10.0,
    timeout_seconds=10.0,
    diagnostic_timeout_seconds=10.0,
    requests=4,
)
_WARM_UP_ROUNDS: Final = 8
_AT_A_TIME: Final = 16
_TIMING: Final = RoundTiming(0, 600)


@contextlib.asynccontextmanager
async def open_fuzzed(seed: str, size: int) -> AsyncIterator[tuple[FuzzedServer, Prober]]:
    """Open the nodes of a network, and a prober that can visit them."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        ca_file = Path(folder, "authority.pem")
        async with open_server(seed, size, ca_file) as server:
            resolver = Resolver([server.started.nameserver])
            policy = AddressPolicy.of((f"{ADDRESS}/32",), ())
            try:
                async with open_session(
                    resolver, policy, tls_context(ca_file), _AT_A_TIME + 8
                ) as session:
                    yield server, Prober(session, resolver, policy, LIMITS)
            finally:
                await resolver.close()


async def visit_nodes(
    seed: str, size: int, visits: int, on_progress: Callable[[int], bool]
) -> Figures:
    """Play rounds over TLS until so many visits were made, or `on_progress` returns False."""
    growth_bytes: Callable[[], int] | None = None
    async with open_fuzzed(seed, size) as (server, prober):
        rounds = FuzzedRounds(seed, size, server.started.port)
        asyncio.get_running_loop().set_exception_handler(rounds.on_bug)
        figures = rounds.figures
        while figures.visits < visits:
            rounds.end_round(await _play_round(rounds, prober))
            await server.next_round()
            if rounds.network.round == 1:  # as the collector's command does with what it loaded
                gc.collect()
                gc.freeze()
            if rounds.network.round == _WARM_UP_ROUNDS:
                growth_bytes = memory_growth()
            if not on_progress(size):
                break
    figures.memory_growth_bytes = growth_bytes() if growth_bytes else 0
    return figures


async def _play_round(rounds: FuzzedRounds, prober: Prober) -> list[Observation]:
    under_way: set[str] = set()

    def visit(node: Node, ipv6: Ipv6Method | None) -> Visit:
        under_way.add(rounds.name_of(number_of(node.host)))
        return prober.visit(node, ipv6)

    def ended(observation: Observation) -> None:
        under_way.discard(rounds.name_of(number_of(observation.node.host)))
        rounds.add(observation)

    network, figures = rounds.network, rounds.figures
    plans = [
        VisitPlan(node, network.ipv6_check(index), hung=False, evidence_at=0)
        for index, node in enumerate(network.nodes)
    ]
    async with probing(lambda: ", ".join(sorted(under_way))) as block:
        observed = await Sweep(Gate(_AT_A_TIME), visit, ended).run(plans, _TIMING)
    if block.seconds > figures.block_seconds:
        figures.block_seconds, figures.worst_block = block.seconds, block.where
    figures.collection_seconds = max(figures.collection_seconds, block.collection_seconds)
    return [observed[node.hash] for node in network.nodes]
