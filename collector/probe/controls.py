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
from collector.model.connect_time import ConnectTime, lost_time
from collector.model.failure import Failure
from collector.model.vantage import BlindReason, ControlResult, reason_of, slow_part
from collector.probe.classify import classify
from collector.probe.prober import can_connect
from collector.probe.resolver import NameFailedError, NameNotFoundError, Resolver
from collector.probe.routes import has_route
from collector.probe.stopwatch import Stopwatch, time_limit
from collector.probe.trace import TRACE, ConnectionTrace

_GLOBAL_IPV6: Final = "2000::1"
"""An address of the global range, to which a route is looked up; nothing is sent."""
_TIMES_AGAIN: Final = 8
"""How often a control is asked when many nodes have failed together."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one control answered."""

    control: yarl.URL
    failure: Failure
    ipv6: bool | None
    """Whether it accepted a connection over IPv6; None if it has no IPv6 or was not asked."""
    time: ConnectTime
    """What its connection took, until it was made or had failed."""

    @property
    def ok(self) -> bool:
        """Whether the handshake was completed."""
        return self.failure is Failure.NONE


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

    async def ask(self) -> ControlResult:
        """Ask all controls once; this vantage can see if one of them answers."""
        return self._result(await self._ask_all(self.timeout_seconds))

    async def ask_again(self, within_seconds: float) -> ControlResult:
        """Ask all controls several times, so that a way which delays or loses some packets shows.

        This vantage can see if one answer came within the time.
        """
        left_seconds = min(self.timeout_seconds, within_seconds)
        pause_seconds = left_seconds / 6 / _TIMES_AGAIN
        tasks = []
        async with asyncio.TaskGroup() as group:
            for _ in range(_TIMES_AGAIN):
                tasks.append(group.create_task(self._ask_all(left_seconds)))
                await asyncio.sleep(pause_seconds)
                left_seconds -= pause_seconds
        return self._result([answer for task in tasks for answer in task.result()])

    async def _ask_all(self, limit_seconds: float) -> list[_Answer]:
        """Ask all controls together.

        The resolver's cache is dropped first, for the names of nodes as well: it would hide a name
        server that is down and a name that works again.
        """
        self.resolver.forget()
        ipv6 = self.has_ipv6()
        asking = (self._ask(target, ipv6, limit_seconds) for target in self.targets)
        return await asyncio.gather(*asking)

    def _result(self, answers: Sequence[_Answer]) -> ControlResult:
        failed = [answer for answer in answers if not answer.ok]
        contradicted = [answer.ipv6 for answer in answers if answer.ipv6 is not None]
        details = (f"{answer.control.host}: {answer.failure}" for answer in failed)
        return ControlResult(
            reason=_reason(failed) if answers and len(failed) == len(answers) else BlindReason.NONE,
            ipv6=self.has_ipv6() and (not contradicted or any(contradicted)),
            detail=", ".join(dict.fromkeys(details)),
            slow=_slow_reason(answers, self.timeout_seconds),
        )

    async def _ask(self, target: yarl.URL, ipv6: bool, limit_seconds: float) -> _Answer:
        trace = ConnectionTrace()
        trace.resolving()
        TRACE.set(trace)  # of this task only: the TLS context records in it when a handshake begins
        over_ipv6: asyncio.Task[bool | None] | None = None
        failure = Failure.NONE
        resolved: float | None = None
        port = target.port or 443
        watch = Stopwatch.start(self.lag)
        left_seconds = watch.budget(limit_seconds)
        try:
            async with time_limit(left_seconds):
                found = await self._addresses(target)
                trace.resolved(found)
                resolved = watch.listened_seconds
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
        except asyncio.CancelledError:
            if over_ipv6:
                over_ipv6.cancel()
            raise
        failure = watch.masked(failure, trace)
        ended = watch.listened_seconds
        resolved = ended if resolved is None else resolved
        time = ConnectTime(resolved, ended - resolved)
        return _Answer(target, failure, await over_ipv6 if over_ipv6 else None, time)

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


def _slow_reason(answers: Sequence[_Answer], limit_seconds: float) -> BlindReason:
    """Return why the way to the controls is slow or uneven; one that never answered has no part."""
    answered = {answer.control for answer in answers if answer.ok}
    times = [answer.time for answer in answers if answer.ok]
    fastest = min(times, key=lambda time: time.seconds, default=None)
    timed = [answer for answer in answers if answer.ok or answer.failure.is_slow]
    hosts = [[a.time for a in timed if a.control == control] for control in answered]
    lost = lost_time(hosts, limit_seconds)
    return slow_part(lost) if lost else reason_of(fastest, limit_seconds)
