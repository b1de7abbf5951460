"""One visit to one node: its probes one after another on one connection, and the observation.

A probe never retries. After a failed connection or a timeout nothing more is asked of the node in
this round. The caller owns the gate and the deadline of the round: it may cancel `run`, and then
gets the observation of what was done from `observation(is_unfinished=True)`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final, Protocol

import aiohttp
import yarl

from collector.loop_lag import LoopLag
from collector.model.failure import Failure, Fault
from collector.model.node import Node
from collector.model.observation import (
    Config,
    Endpoint,
    Ipv6,
    Ipv6Method,
    Observation,
    Phases,
    Probe,
    Usage,
)
from collector.probe.allowance import Allowance
from collector.probe.classify import classify
from collector.probe.response import Content, Model, Response, TooLargeError, read_response
from collector.probe.slow_answers import SlowAnswers
from collector.probe.stopwatch import Budget, Stopwatch, time_limit
from collector.probe.trace import TRACE, ConnectionTrace, Phase
from collector.probe.wire import (
    ConfigWire,
    DiagnosticWire,
    Ipv6Wire,
    UsageWire,
)
from collector.text import clean, release_of

log = logging.getLogger(__name__)

_IPV6_STATUS_WORKS: Final = (1, 9, 0)
"""Older releases answer 500 on `/status/check/ipv6` where IPv6 works."""
_DETAIL_LIMIT: Final = 200
_LAST: Final = {"Connection": "close"}
_NO_CRN_ANSWERS: Final = frozenset({Failure.CLIENT_ERROR, Failure.NOT_JSON, Failure.WRONG_SHAPE})
"""Failures of a web server that is no CRN."""


@dataclass(frozen=True, slots=True)
class VisitLimits:
    """Limits of one visit."""

    connect_timeout_seconds: float = 5.0
    """For name, TCP and TLS together."""
    timeout_seconds: float = 10.0
    """For all probes of a visit together, from its first connection on."""
    diagnostic_timeout_seconds: float = 30.0
    """For the probe of the diagnostic VM, which may have to boot."""
    body_bytes: int = 64 * 1024
    requests: int = 3
    """At most. If the node cannot say whether IPv6 works, its VM is asked in a later visit."""
    diagnostic_vm: str = "d2b74aa29898457bde0560e47f7cdd4e77287e9f1f7a1456161d2fd7d5c855d7"
    """Hash of the program that the diagnostic VM runs, 64 hex digits."""


class DirectIpv6(Protocol):
    """Return whether the node accepts TCP over IPv6; None if that cannot be known."""

    async def __call__(self, address: yarl.URL, found: list[str]) -> bool | None: ...


@dataclass(slots=True)
class Visit:
    """A visit to `node`, and what is known of it so far."""

    node: Node
    session: aiohttp.ClientSession
    limits: VisitLimits
    direct: DirectIpv6
    lag: LoopLag = field(default_factory=LoopLag)
    slow_answers: SlowAnswers = field(default_factory=SlowAnswers)
    ipv6: Ipv6Method | None = None
    """Whom the IPv6 check asks; None if it is not due."""
    probes: list[Probe] = field(default_factory=list)
    trace: ConnectionTrace = field(default_factory=ConnectionTrace)
    _phases: Phases | None = None
    _shows_crn: bool = False
    _version: str | None = None
    _config: Config | None = None
    _usage: Usage | None = None
    _ipv6: Ipv6 | None = None
    _retry_after_seconds: int | None = None
    _was_slow: bool = False
    _started: float | None = None
    _ended: float | None = None
    _current: Endpoint | None = None

    async def run(self) -> None:
        """Make all probes. Nothing that a node does raises."""
        self.trace.allowance = Allowance.for_bodies(self.limits.body_bytes)
        token = TRACE.set(self.trace)
        self._started = perf_counter()
        try:
            watch = Stopwatch.start(self.lag)
            await self._probe_all(watch.budget(self.limits.timeout_seconds))
        finally:
            self._ended = perf_counter()
            TRACE.reset(token)

    async def _probe_all(self, budget: Budget) -> None:
        config = await self._probe(Endpoint.CONFIG, ConfigWire, budget)
        if config:
            self._config = config.config()
        if self._is_over:
            return
        more = self.ipv6 is not None and self._shows_crn
        usage = await self._probe(Endpoint.USAGE, UsageWire, budget, last=not more)
        if usage:
            self._usage = usage.usage()
        if self.ipv6 and self._shows_crn and not self._is_over:
            await self._probe_ipv6(self.ipv6, budget)

    @property
    def _is_over(self) -> bool:
        """Whether the connection failed or a limit of the visit was reached: it asks no more."""
        if self.trace.allowance.exceeded or self._was_slow:
            return True
        failure = self.probes[-1].failure
        return failure.is_masked_when_blind or failure.fault not in (Fault.NONE, Fault.NODE)

    async def _probe_ipv6(self, asked: Ipv6Method, budget: Budget) -> None:
        """Ask the node whether IPv6 works, or its diagnostic VM if the node cannot say."""
        release = release_of(self.version or "")
        vm: bool | None = None
        host: bool | None = None
        method = Ipv6Method.DIAGNOSTIC_VM
        can_say = release is None or release >= _IPV6_STATUS_WORKS
        if asked is Ipv6Method.STATUS and can_say:
            status = await self._probe(Endpoint.IPV6, Ipv6Wire, budget, last=True)
            if status:
                vm, host, method = status.vm, status.host, Ipv6Method.STATUS
        if vm is None and not self._is_over and len(self.probes) < self.limits.requests:
            watch = Stopwatch.start(self.lag)
            boot = watch.budget(self.limits.diagnostic_timeout_seconds)
            diagnosed = await self._probe(Endpoint.DIAGNOSTIC_VM, DiagnosticWire, boot, last=True)
            vm = diagnosed.result if diagnosed else None
        if vm is not None:
            found = self.trace.addresses
            self._ipv6 = Ipv6(
                method=method,
                vm=vm,
                host=host,
                aaaa=any(":" in a for a in found) if found else None,
                direct=await self.direct(yarl.URL(self.node.address), found),
            )

    async def _probe(
        self, endpoint: Endpoint, model: type[Model], budget: Budget, last: bool = False
    ) -> Model | None:
        """Ask one endpoint once and record the probe; return the body if it fits the contract."""
        self.trace.begin()
        self._current = endpoint
        if self.probes:
            await _notice_hang_up()
        started, watch = perf_counter(), Stopwatch.start(self.lag)
        connecting = watch.budget(self.limits.connect_timeout_seconds)

        def left_seconds() -> float:
            connected = self.trace.phase is Phase.ANSWER
            return budget() if connected else min(budget(), connecting())

        answer: Response | None = None
        failure, detail = Failure.NONE, ""
        content: Content[Model] = Content(None, Failure.NONE)
        try:
            async with time_limit(left_seconds):
                answer = await self._ask(endpoint, last)
        except TooLargeError as exc:
            failure, detail = Failure.ANSWER_TOO_LARGE, str(exc)
        except Exception as exc:
            failure = watch.masked(classify(exc, self.trace), self.trace)
            words = self.trace.explanation or str(exc) or type(exc).__name__
            detail = clean(words, _DETAIL_LIMIT)
        if answer:
            content = _read(endpoint, answer, model)
            failure, detail = content.failure, content.detail
            self._learn(answer, content.value is not None)
            if content.is_slow:
                self._stop_reading(endpoint, answer, content.cpu_seconds)
        self._current = None
        self.probes.append(
            Probe(
                endpoint=endpoint,
                failure=failure,
                status_code=answer.status if answer else None,
                response_bytes=len(answer.body) if answer else None,
                duration_seconds=perf_counter() - started,
                detail=detail,
                unread=content.unread,
            )
        )
        return content.value

    async def _ask(self, endpoint: Endpoint, last: bool) -> Response:
        path = endpoint.value
        if endpoint is Endpoint.DIAGNOSTIC_VM:
            path = f"/vm/{self.limits.diagnostic_vm}/ip/6"
        keep = False
        try:
            async with self.session.get(
                f"{self.node.address}{path}",
                allow_redirects=False,
                headers=_LAST if last else None,
                auto_decompress=False,
                read_bufsize=self.limits.body_bytes,
            ) as response:
                answer = await read_response(response, self.limits.body_bytes)
            keep = not last
        finally:
            if not keep:
                self.trace.abort()
        return answer

    def _stop_reading(self, endpoint: Endpoint, answer: Response, cpu_seconds: float) -> None:
        """End the visit after an answer that took too much of our processor time to read."""
        self._was_slow = True
        self.trace.abort()
        self.slow_answers.add(self.node, endpoint, answer, cpu_seconds)

    def _learn(self, answer: Response, fits: bool) -> None:
        if self._phases is None:
            self._phases = self.trace.phases()
        self._version = self._version or answer.version
        self._shows_crn = self._shows_crn or answer.shows_crn or fits
        if answer.retry_after_seconds:
            self._retry_after_seconds = max(
                answer.retry_after_seconds, self._retry_after_seconds or 0
            )

    @property
    def version(self) -> str | None:
        """The version that the node states: in its configuration, else in its `Server` header."""
        return (self._config.version if self._config else None) or self._version

    def observation(self, is_unfinished: bool = False) -> Observation:
        """Return what the visit found.

        `is_unfinished`: the deadline of the round, or the end of the program, interrupted it.
        """
        probes = list(self.probes)
        if is_unfinished and self._current:
            probes.append(Probe(self._current, Failure.ROUND_DEADLINE))
        by_config = self._config is not None and self._config.version is not None
        expires = self.trace.cert_expires_at
        reached = self.trace.addresses or self.trace.dialled
        ended = self._ended if self._ended is not None else perf_counter()
        return Observation(
            node=self.node,
            failure=self._failure(probes, is_unfinished),
            probes=tuple(probes),
            phases=self._phases or Phases(),
            duration_seconds=None if self._started is None else ended - self._started,
            cert_expiry_seconds=None if expires is None else expires - time.time(),
            version=self.version,
            version_source="config" if by_config else "server_header" if self._version else None,
            config=self._config,
            usage=self._usage,
            ipv6=self._ipv6,
            ipv6_only=bool(reached) and all(":" in a for a in reached),
            retry_after_seconds=self._retry_after_seconds,
        )

    def _failure(self, probes: list[Probe], is_unfinished: bool) -> Failure:
        if self._shows_crn:
            return Failure.NONE
        first = next((a.failure for a in probes if a.failure is not Failure.NONE), None)
        if first is None:
            return Failure.ROUND_DEADLINE if is_unfinished else Failure.INTERNAL
        if first in _NO_CRN_ANSWERS:
            screened = any(a.failure is Failure.SCREENED for a in probes)
            return Failure.SCREENED if screened else Failure.NOT_A_CRN
        return first


async def _notice_hang_up() -> None:
    """Let the event loop read what came with the last answer.

    A node that hung up with it is then asked on another connection: a request that is lost on the
    old one is not repeated.
    """
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _read(endpoint: Endpoint, answer: Response, model: type[Model]) -> Content[Model]:
    """Return the content of an answer. The diagnostic VM says `false` with 503."""
    is_negative = endpoint is Endpoint.DIAGNOSTIC_VM and answer.status == 503
    if answer.status_failure is not Failure.NONE and not is_negative:
        return Content(None, answer.status_failure)
    content = answer.parse(model)
    if is_negative and content.value is None:
        return replace(content, failure=Failure.SERVER_ERROR)
    return content
