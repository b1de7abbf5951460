"""Visits to nodes through the shared session, under the address policy."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import yarl

from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Ipv6Method
from collector.probe.policy import AddressPolicy
from collector.probe.resolver import Resolver
from collector.probe.slow_answers import SlowAnswers
from collector.probe.stopwatch import Stopwatch, time_limit
from collector.probe.visit import Visit, VisitLimits

_DIRECT_TIMEOUT_SECONDS: Final = 5.0


@dataclass(slots=True)
class Prober:
    """What all visits share. Its parts are opened and closed by their owner."""

    session: aiohttp.ClientSession
    resolver: Resolver
    policy: AddressPolicy
    limits: VisitLimits
    lag: LoopLag = field(default_factory=LoopLag)
    slow_answers: SlowAnswers = field(default_factory=SlowAnswers)

    def use_ipv6(self, available: bool) -> None:
        """Set whether this vantage has a route over IPv6; without one only IPv4 is dialled."""
        self.resolver.ipv6 = available

    def refusal(self, node: Node) -> Failure:
        """Return why a node is not dialled at all; `none` if it is."""
        if node.refused is not Failure.NONE:
            return node.refused
        forbidden = self.policy.forbids_host(node.host)
        return Failure.FORBIDDEN_ADDRESS if forbidden else Failure.NONE

    def visit(self, node: Node, ipv6: Ipv6Method | None) -> Visit:
        """Return a visit to a node that is not refused; `ipv6`: whom its IPv6 check asks."""
        return Visit(
            *(node, self.session, self.limits, self._direct, self.lag, self.slow_answers, ipv6)
        )

    async def _direct(self, address: yarl.URL, found: list[str]) -> bool | None:
        """Return whether the node accepts TCP over IPv6; None without IPv6 on either side."""
        targets = [a for a in found if ":" in a and not self.policy.forbids(a)]
        if not targets or not self.resolver.ipv6:
            return None
        watch = Stopwatch.start(self.lag)
        return await can_connect(targets[0], address.port or 443, watch, _DIRECT_TIMEOUT_SECONDS)


async def can_connect(
    address: str, port: int, watch: Stopwatch, timeout_seconds: float
) -> bool | None:
    """Return whether an IP address accepts a TCP connection in time; None if we were starved."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as dialled:
            dialled.setblocking(False)
            async with time_limit(watch.budget(timeout_seconds)):
                await asyncio.get_running_loop().sock_connect(dialled, (address, port))
    except OSError:
        return None if watch.is_starved else False
    return True
