"""Controls: hosts chosen by the operator that tell whether this vantage can see.

Their name is resolved and a TLS handshake made. They are trusted configuration, so the address
policy does not apply to them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import yarl

from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.model.vantage import BlindReason, ControlResult
from collector.probe.classify import classify
from collector.probe.prober import can_connect
from collector.probe.resolver import NameFailedError, NameNotFoundError, Resolver
from collector.probe.routes import has_route
from collector.probe.stopwatch import Stopwatch, time_limit
from collector.probe.trace import TRACE, ConnectionTrace

_GLOBAL_IPV6: Final = "2000::1"
"""An address of the global range, to which a route is looked up; nothing is sent."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one control answered."""

    control: yarl.URL
    failure: Failure
    ipv6: bool | None
    """Whether it accepted a connection over IPv6; None if it has no IPv6 or was not asked."""


@dataclass(slots=True)
class Controls:
    """The controls, asked together once a round."""

    targets: Sequence[yarl.URL]
    resolver: Resolver
    context: ssl.SSLContext
    lag: LoopLag
    timeout_seconds: float = 5.0
    ipv6: bool | None = None
    """Whether this vantage has IPv6, if configured; None looks for a route."""

    def has_ipv6(self) -> bool:
        """Return whether this machine has a route over IPv6. Nothing is sent."""
        return has_route(_GLOBAL_IPV6) if self.ipv6 is None else self.ipv6

    async def ask(self, within_seconds: float | None = None) -> ControlResult:
        """Ask all controls; this vantage can see if one of them answers.

        The resolver's cache is dropped first, for the names of nodes as well: it would hide a name
        server that is down and a name that works again.
        """
        self.resolver.forget()
        ipv6 = self.has_ipv6()
        limit = min(self.timeout_seconds, within_seconds or self.timeout_seconds)
        answers = await asyncio.gather(*(self._ask(target, ipv6, limit) for target in self.targets))
        failed = [answer for answer in answers if answer.failure is not Failure.NONE]
        contradicted = [answer.ipv6 for answer in answers if answer.ipv6 is not None]
        return ControlResult(
            reason=_reason(failed) if answers and len(failed) == len(answers) else BlindReason.NONE,
            ipv6=ipv6 and (not contradicted or any(contradicted)),
            detail=", ".join(f"{answer.control.host}: {answer.failure}" for answer in failed),
        )

    async def _ask(self, target: yarl.URL, ipv6: bool, limit_seconds: float) -> _Answer:
        trace = ConnectionTrace()
        trace.resolving()
        TRACE.set(trace)  # of this task only: the TLS context records in it when a handshake begins
        over_ipv6: asyncio.Task[bool | None] | None = None
        failure = Failure.NONE
        port = target.port or 443
        watch = Stopwatch.start(self.lag)
        left_seconds = watch.budget(limit_seconds)
        try:
            async with time_limit(left_seconds):
                found = await self._addresses(target)
                trace.resolved(found)
                if ipv6 and (sixes := [a for a in found if ":" in a]):
                    connecting = can_connect(
                        sixes[0], port, watch, limit_seconds - left_seconds() / 2
                    )
                    over_ipv6 = asyncio.create_task(connecting)
                await self._connect(target, found, port, trace)
        except NameNotFoundError:
            failure = Failure.DNS_NOT_FOUND
        except NameFailedError:
            failure = Failure.DNS_FAILED
        except (OSError, aiohttp.ClientError) as exc:
            failure = classify(exc, trace)
        if watch.is_starved and failure.is_masked_when_starved and not trace.tls_error:
            failure = Failure.STARVED
        return _Answer(target, failure, await over_ipv6 if over_ipv6 else None)

    async def _addresses(self, target: yarl.URL) -> list[str]:
        host = target.raw_host or ""
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        return await self.resolver.addresses(host)

    async def _connect(
        self, target: yarl.URL, found: Sequence[str], port: int, trace: ConnectionTrace
    ) -> None:
        """Connect to the first address that accepts, IPv4 first, and complete the handshake."""
        problem: OSError | None = None
        for address in found:
            trace.begin()
            trace.dialling(address)
            try:
                _, writer = await asyncio.open_connection(
                    address,
                    port,
                    ssl=self.context if target.scheme == "https" else None,
                    server_hostname=target.raw_host if target.scheme == "https" else None,
                )
            except OSError as exc:
                problem = exc
            else:
                writer.transport.abort()
                return
        raise problem or NameNotFoundError(f"{target.host}: no address")


def _reason(failed: Sequence[_Answer]) -> BlindReason:
    """Return why no control answered."""
    failures = {answer.failure for answer in failed}
    if Failure.STARVED in failures:
        return BlindReason.STARVED
    if failures <= {Failure.DNS_NOT_FOUND, Failure.DNS_FAILED}:
        return BlindReason.DNS
    handshake = {Failure.TLS_FAILED, Failure.TLS_EXPIRED, Failure.TLS_INVALID}
    return BlindReason.CONTROLS if failures & handshake else BlindReason.NETWORK
