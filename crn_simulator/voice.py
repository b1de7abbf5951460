"""What a host says over HTTP: the right answers of a node, or the wrong ones."""

from collections.abc import Callable
from typing import Protocol

from crn_simulator.answer import Answer, answer
from crn_simulator.behaviour import Behaviour, ServerHeader
from crn_simulator.fault import Fault
from crn_simulator.http import Request, head
from crn_simulator.latency import BOOT_SECONDS, DIAGNOSTIC_SECONDS, LIGHT_SECONDS, quantile
from crn_simulator.machine import Load
from crn_simulator.misbehave import Reply, RoundTiming
from crn_simulator.report import Moment
from crn_simulator.wrong import wrong

_AWAKE_SECONDS = 3600.0
_PROXY = "nginx/1.24.0"


class Voice(Protocol):
    """What a host needs to speak HTTP."""

    def become(self, behaviour: Behaviour) -> None:
        """Speak as this behaviour does from now on."""

    def rename(self, name: str) -> None:
        """The host has another name from now on."""

    def thinks(self, path: str) -> float:
        """Seconds before an answer."""

    def right(self, request: Request) -> bytes:
        """What is sent when nothing is wrong."""

    def wrong(self, request: Request, pace: RoundTiming) -> bytes | Reply:
        """What is sent instead, or the right answer for somebody to spoil on the wire."""


class NodeVoice:
    """Makes the answers of one node and remembers whether its diagnostic VM is awake.

    clock, load, latency, share: as a `Host` has them.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        name: str,
        clock: Callable[[], float],
        load: Callable[[], Load],
        latency: float,
        share: float,
    ) -> None:
        self._behaviour = behaviour
        self._name = name
        self._clock = clock
        self._load = load
        self._light = latency * quantile(share, LIGHT_SECONDS)
        self._diagnostic = latency * quantile(share, DIAGNOSTIC_SECONDS)
        self._boot = latency * BOOT_SECONDS
        self._awake_until = 0.0
        self._prepared: dict[tuple[str, bool], bytes] = {}
        self._prepared_at = 0.0

    def become(self, behaviour: Behaviour) -> None:
        """Speak as this behaviour does from now on."""
        self._behaviour = behaviour
        self._prepared.clear()

    def rename(self, name: str) -> None:
        """Show another name in the configuration."""
        self._name = name
        self._prepared.clear()

    def thinks(self, path: str) -> float:
        """Seconds that the node takes before it answers."""
        if not path.startswith("/vm/"):
            return self._light
        return self._diagnostic if self._is_awake() else self._boot

    def right(self, request: Request) -> bytes:
        """What a healthy node sends; kept while neither the node nor the time changes."""
        now = self._clock()
        if now != self._prepared_at:
            self._prepared.clear()
            self._prepared_at = now
        key = (request.target, request.last)
        prepared = self._prepared.get(key)
        if prepared is None:
            right = answer(request.target, self._moment(request.path))
            prepared = whole(right, self._servers(), close=request.last)
            if not _wakes(request.path):
                self._prepared[key] = prepared
        return prepared

    def wrong(self, request: Request, pace: RoundTiming) -> bytes | Reply:
        """What it sends instead, or the right answer for somebody to spoil on the wire."""
        behaviour = self._behaviour
        fault = behaviour.fault_on(request.path)
        right = answer(request.target, self._moment(request.path))
        keeps = behaviour.keeps_header and fault is not Fault.WEB_SERVER
        servers = self._servers() if keeps else (_PROXY,)
        return spoil(fault, request, Reply(right, servers, pace))

    def _moment(self, path: str) -> Moment:
        awake = True
        if _wakes(path):
            awake = self._is_awake()
            self._awake_until = self._clock() + _AWAKE_SECONDS
        return Moment(self._behaviour, self._name, self._clock(), self._load(), awake)

    def _is_awake(self) -> bool:
        return not self._behaviour.cold or self._clock() < self._awake_until

    def _servers(self) -> tuple[str, ...]:
        own = f"aleph-vm/{self._behaviour.version}"
        return {
            ServerHeader.ALEPH: (own,),
            ServerHeader.BESIDE_PROXY: ("Caddy", own),
            ServerHeader.REPLACED: (_PROXY,),
        }[self._behaviour.server]


def spoil(fault: Fault, request: Request, reply: Reply) -> bytes | Reply:
    """The bytes of a wrong answer; the right one back if it must be spoilt on the wire."""
    instead = wrong(fault, request.path, reply.answer)
    return reply if instead is None else whole(instead, reply.servers, close=request.last)


def whole(complete: Answer, servers: tuple[str, ...], *, close: bool) -> bytes:
    """Every byte of an answer."""
    return head(complete, servers, close=close) + complete.body


def _wakes(path: str) -> bool:
    """Whether asking for this path starts the diagnostic VM."""
    return path.startswith("/vm/") or path == "/status/check/ipv6"
