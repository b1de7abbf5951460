"""Controls: hosts of the operator's choice that tell whether we can see (name and TLS handshake).

They are trusted configuration, so the address policy does not apply to them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import yarl

from collector.model.failure import Failure
from collector.model.vantage import BlindReason, ControlResult
from collector.probe.classify import classify, has_route
from collector.probe.prober import connects
from collector.probe.resolver import NameFailedError, NameNotFoundError, Resolver
from collector.probe.trace import TRACE, ConnectionTrace

_SOMEWHERE_IPV6: Final = "2000::1"
"""An address of the global range: asked only whether there is a way to it; nothing is sent."""


@dataclass(frozen=True, slots=True)
class _Word:
    """What one control said."""

    control: yarl.URL
    failure: Failure
    ipv6: bool | None
    """Whether it took a connection over IPv6; None if it has none, or was not asked."""


@dataclass(slots=True)
class Controls:
    """Asks every control once, all together."""

    targets: Sequence[yarl.URL]
    resolver: Resolver
    context: ssl.SSLContext
    timeout_seconds: float = 5.0
    ipv6: bool | None = None
    """Whether there is IPv6 here, if that is configured; None finds out."""

    def has_ipv6(self) -> bool:
        """Whether this machine knows a way out over IPv6; asks nobody."""
        return has_route(_SOMEWHERE_IPV6) if self.ipv6 is None else self.ipv6

    async def ask(self, within_seconds: float | None = None) -> ControlResult:
        """Whether we can see. One control that answers is enough.

        From here on names are asked for anew, those of nodes too: memory would hide a name server
        that is away, and a name that is back.
        """
        self.resolver.forget()
        ipv6 = self.has_ipv6()
        limit = min(self.timeout_seconds, within_seconds or self.timeout_seconds)
        words = await asyncio.gather(*(self._ask(target, ipv6, limit) for target in self.targets))
        failed = [word for word in words if word.failure is not Failure.NONE]
        contradicted = [word.ipv6 for word in words if word.ipv6 is not None]
        return ControlResult(
            reason=_reason(failed) if words and len(failed) == len(words) else BlindReason.NONE,
            ipv6=ipv6 and (not contradicted or any(contradicted)),
            detail=", ".join(f"{word.control.host}: {word.failure}" for word in failed),
        )

    async def _ask(self, target: yarl.URL, ipv6: bool, limit_seconds: float) -> _Word:
        trace = ConnectionTrace()
        trace.resolving()
        TRACE.set(trace)  # of this task only: the context tells it when a handshake begins
        over_ipv6: asyncio.Task[bool] | None = None
        failure = Failure.NONE
        port = target.port or 443
        loop = asyncio.get_running_loop()
        late = loop.time() + limit_seconds
        try:
            async with asyncio.timeout_at(late):
                found = await self._addresses(target)
                trace.resolved(found)
                if ipv6 and (sixes := [a for a in found if ":" in a]):
                    patience = (late - loop.time()) / 2
                    over_ipv6 = asyncio.create_task(connects(sixes[0], port, patience))
                await self._shake(target, found, port, trace)
        except NameNotFoundError:
            failure = Failure.DNS_NOT_FOUND
        except NameFailedError:
            failure = Failure.DNS_FAILED
        except (OSError, aiohttp.ClientError) as exc:
            failure = classify(exc, trace)
        return _Word(target, failure, await over_ipv6 if over_ipv6 else None)

    async def _addresses(self, target: yarl.URL) -> list[str]:
        host = target.raw_host or ""
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        return await self.resolver.addresses(host)

    async def _shake(
        self, target: yarl.URL, found: Sequence[str], port: int, trace: ConnectionTrace
    ) -> None:
        """Connect to the first address that takes it, IPv4 first, and finish the handshake."""
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


def _reason(failed: Sequence[_Word]) -> BlindReason:
    """Why no control answered."""
    failures = {word.failure for word in failed}
    if failures <= {Failure.DNS_NOT_FOUND, Failure.DNS_FAILED}:
        return BlindReason.DNS
    handshake = {Failure.TLS_FAILED, Failure.TLS_EXPIRED, Failure.TLS_INVALID}
    return BlindReason.CONTROLS if failures & handshake else BlindReason.NETWORK
