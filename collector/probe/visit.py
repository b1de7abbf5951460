"""One look at one node: its checks one after another on one connection, and what they add up to.

A probe never retries. After a failed connection or a timeout the node is not asked again in this
round. The caller owns the gate and the deadline of the round: it cancels `run` and still has an
observation from `observation(cut=True)`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Protocol

import aiohttp
import yarl

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
from collector.probe.classify import classify
from collector.probe.response import Model, Response, TooLargeError, read_answer
from collector.probe.trace import TRACE, ConnectionTrace
from collector.probe.wire import (
    ConfigWire,
    DiagnosticWire,
    Ipv6Wire,
    UsageWire,
)
from collector.text import clean, release_of

log = logging.getLogger(__name__)

_IPV6_STATUS_MENDED: Final = (1, 9, 0)
"""Before, `/status/check/ipv6` answers 500 on every node whose IPv6 works."""
_DETAIL_LIMIT: Final = 200
_SOFT: Final = frozenset({Failure.CLIENT_ERROR, Failure.NOT_JSON, Failure.WRONG_SHAPE})
"""What a web server that is no CRN answers."""


@dataclass(frozen=True, slots=True)
class VisitLimits:
    """What a node may cost."""

    timeout_seconds: float = 10.0
    """All checks of a node together, from the dial on."""
    diagnostic_timeout_seconds: float = 30.0
    """The diagnostic VM alone: it may have to boot."""
    body_bytes: int = 1024 * 1024
    diagnostic_vm: str = "d2b74aa29898457bde0560e47f7cdd4e77287e9f1f7a1456161d2fd7d5c855d7"
    """Hash of the program that the diagnostic VM runs."""


class Direct(Protocol):
    """Asks whether the node takes a TCP connection over IPv6; None if that cannot be known."""

    async def __call__(self, address: yarl.URL, found: list[str]) -> bool | None: ...


@dataclass(slots=True)
class Visit:
    """What is known so far; filled by `run`."""

    node: Node
    session: aiohttp.ClientSession
    limits: VisitLimits
    direct: Direct
    ipv6_due: bool = False
    attempts: list[Probe] = field(default_factory=list)
    trace: ConnectionTrace = field(default_factory=ConnectionTrace)
    _phases: Phases | None = None
    _shows_crn: bool = False
    _version: str | None = None
    _config: Config | None = None
    _usage: Usage | None = None
    _ipv6: Ipv6 | None = None
    _started: float | None = None
    _ended: float | None = None
    _under_way: Endpoint | None = None

    async def run(self) -> None:
        """Make all checks. Never raises for what a node does."""
        token = TRACE.set(self.trace)
        self._started = perf_counter()
        try:
            await self._checks(asyncio.get_running_loop().time() + self.limits.timeout_seconds)
        finally:
            self._ended = perf_counter()
            TRACE.reset(token)

    async def _checks(self, deadline: float) -> None:
        config = await self._check(Endpoint.CONFIG, ConfigWire, deadline)
        if config:
            self._config = config.config()
        if self._given_up:
            return
        more = self.ipv6_due and self._shows_crn
        usage = await self._check(Endpoint.USAGE, UsageWire, deadline, last=not more)
        if usage:
            self._usage = usage.usage()
        if self.ipv6_due and self._shows_crn and not self._given_up:
            await self._check_ipv6(deadline)

    @property
    def _given_up(self) -> bool:
        """The connection failed or the time ran out: nothing more is asked in this round."""
        failure = self.attempts[-1].failure
        return failure.is_masked_when_blind or failure.fault not in (Fault.NONE, Fault.NODE)

    async def _check_ipv6(self, deadline: float) -> None:
        """By the node's own word, or, where that cannot be had, by the diagnostic VM's."""
        release = release_of(self.version or "")
        vm: bool | None = None
        host: bool | None = None
        method = Ipv6Method.DIAGNOSTIC_VM
        if release is None or release >= _IPV6_STATUS_MENDED:
            said = await self._check(Endpoint.IPV6, Ipv6Wire, deadline, last=True)
            if said:
                vm, host, method = said.vm, said.host, Ipv6Method.STATUS
        if vm is None and not self._given_up:
            limit = self.limits.diagnostic_timeout_seconds
            late = asyncio.get_running_loop().time() + limit
            diagnosed = await self._check(Endpoint.DIAGNOSTIC_VM, DiagnosticWire, late, last=True)
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

    async def _check(
        self, endpoint: Endpoint, model: type[Model], deadline: float, last: bool = False
    ) -> Model | None:
        """Ask one endpoint once and note the attempt; the parsed body if it fits the contract."""
        self.trace.begin()
        self._under_way = endpoint
        started = perf_counter()
        answer: Response | None = None
        failure, detail = Failure.NONE, ""
        parsed: Model | None = None
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._ask(endpoint, last)
        except TooLargeError as exc:
            failure, detail = Failure.ANSWER_TOO_LARGE, str(exc)
        except Exception as exc:
            failure = classify(exc, self.trace)
            detail = clean(str(exc) or type(exc).__name__, _DETAIL_LIMIT)
        if answer:
            failure, parsed = _reading(endpoint, answer, model)
            self._note(answer, parsed is not None)
        self._under_way = None
        self.attempts.append(
            Probe(
                endpoint=endpoint,
                failure=failure,
                status_code=answer.status if answer else None,
                response_bytes=len(answer.body) if answer else None,
                duration_seconds=perf_counter() - started,
                detail=detail,
            )
        )
        return parsed

    async def _ask(self, endpoint: Endpoint, last: bool) -> Response:
        path = endpoint.value
        if endpoint is Endpoint.DIAGNOSTIC_VM:
            path = f"/vm/{self.limits.diagnostic_vm}/ip/6"
        keep = False
        try:
            async with self.session.get(
                f"{self.node.address}{path}",
                allow_redirects=False,
                headers={"Connection": "close"} if last else None,
            ) as response:
                answer = await read_answer(response, self.limits.body_bytes)
            keep = not last
        finally:
            if not keep:
                self.trace.hang_up()
        return answer

    def _note(self, answer: Response, fits: bool) -> None:
        if self._phases is None:
            self._phases = self.trace.phases()
        self._version = self._version or answer.version
        self._shows_crn = self._shows_crn or answer.shows_crn or fits

    @property
    def version(self) -> str | None:
        """What the node runs: by its configuration, else by its `Server` header."""
        return (self._config.version if self._config else None) or self._version

    def observation(self, cut: bool = False) -> Observation:
        """What the look gave. `cut`: the round's deadline, or the end of the program, ended it."""
        attempts = list(self.attempts)
        if cut and self._under_way:
            attempts.append(Probe(self._under_way, Failure.ROUND_DEADLINE))
        by_config = self._config is not None and self._config.version is not None
        expires = self.trace.cert_expires_at
        reached = self.trace.addresses or self.trace.dialled
        ended = self._ended if self._ended is not None else perf_counter()
        return Observation(
            node=self.node,
            failure=self._failure(attempts, cut),
            attempts=tuple(attempts),
            phases=self._phases or Phases(),
            duration_seconds=None if self._started is None else ended - self._started,
            cert_expiry_seconds=None if expires is None else expires - time.time(),
            version=self.version,
            version_source="config" if by_config else "server_header" if self._version else None,
            config=self._config,
            usage=self._usage,
            ipv6=self._ipv6,
            ipv6_only=bool(reached) and all(":" in a for a in reached),
        )

    def _failure(self, attempts: list[Probe], cut: bool) -> Failure:
        if self._shows_crn:
            return Failure.NONE
        first = next((a.failure for a in attempts if a.failure is not Failure.NONE), None)
        if first is None:
            return Failure.ROUND_DEADLINE if cut else Failure.INTERNAL
        return Failure.NOT_A_CRN if first in _SOFT else first


def _reading(
    endpoint: Endpoint, answer: Response, model: type[Model]
) -> tuple[Failure, Model | None]:
    """What an answer means: the diagnostic VM says its `false` with 503."""
    speaks = endpoint is Endpoint.DIAGNOSTIC_VM and answer.status == 503
    if answer.status_failure is not Failure.NONE and not speaks:
        return answer.status_failure, None
    parsed = answer.parse(model)
    if isinstance(parsed, Failure):
        return (Failure.SERVER_ERROR if speaks else parsed), None
    return Failure.NONE, parsed
