"""One simulated node: where it listens, what it answers, and what it was asked."""

import asyncio
import contextlib
import errno
import itertools
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from crn_simulator.authority import Authority, Certificate
from crn_simulator.behaviour import Aaaa, Behaviour
from crn_simulator.door import PORTS, Door, Way, bind, has_ipv6
from crn_simulator.fault import OUTCOMES, Fault, Phase
from crn_simulator.http import parse
from crn_simulator.machine import Load
from crn_simulator.misbehave import Reply, RoundTiming, before_tls, instead_of_answer
from crn_simulator.seen import Seen
from crn_simulator.voice import NodeVoice, Voice
from crn_simulator.wire import Wire

_CERTIFICATES = {
    Fault.CERT_EXPIRED: Certificate.EXPIRED,
    Fault.CERT_NOT_YET_VALID: Certificate.NOT_YET_VALID,
    Fault.CERT_SELF_SIGNED: Certificate.SELF_SIGNED,
    Fault.CERT_UNKNOWN_AUTHORITY: Certificate.UNKNOWN_AUTHORITY,
    Fault.CERT_WRONG_NAME: Certificate.WRONG_NAME,
}
_SHUT = (Fault.REFUSED, Fault.BLACK_HOLE)
"""Nobody gets in."""


class Host:
    """Plays a node on loopback for as long as it is entered.

    behaviour: how it starts; `become` changes it.
    authority: who signs its certificates; one of its own if None.
    name: its host name. names: what its certificates are for; its name and address if empty.
    address: an IPv4 loopback address; a random one of 127.64.0.0/10 if None.
    ports: tried one after another until one is free; random ones if None.
    ipv6: reserve the port on `::1` too, for a behaviour that has an AAAA record later.
    clock: the time that its answers show and by which its diagnostic VM falls asleep.
    load: asked for the figures of usage.
    latency: what real latencies are multiplied by; 0 answers at once.
    share: where this node stands among the nodes by latency, 0 (fastest) to 1.
    memory: how many requests `seen.requests` keeps.
    voice: what it says instead of what a node says; `clock`, `load` and `latency` are then unused.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        authority: Authority | None = None,
        name: str = "crn.simulated.test",
        names: Sequence[str] = (),
        address: str | None = None,
        ports: Iterable[int] | None = None,
        ipv6: bool = False,
        clock: Callable[[], float] = time.time,
        load: Callable[[], Load] = Load,
        latency: float = 0.0,
        share: float = 0.5,
        pace: RoundTiming | None = None,
        memory: int = 1000,
        voice: Voice | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.authority = authority or Authority()
        self.name = name
        self.address = address or _random_address()
        self.port = 0
        self.seen = Seen(memory)
        self._names = tuple(names) or (name, self.address)
        self._ports = ports if ports is not None else random.sample(PORTS, 100)
        self._ipv6 = has_ipv6() and (ipv6 or self.behaviour.aaaa is not Aaaa.NONE)
        self._pace = pace or RoundTiming()
        self._voice = voice or NodeVoice(self.behaviour, name, clock, load, latency, share)
        self._doors: list[Door] = []
        self._cuts: tuple[Way | None, Way | None] = (None, None)
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen."""
        loop = asyncio.get_running_loop()
        socks = self._find_port()
        self._doors = [Door(loop, sock, self._accepted) for sock in socks]
        self.port = self._doors[0].port
        self._turn_doors()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the listeners and every connection."""
        for door in self._doors:
            door.close()
        self._hang_up()
        await self.quiet()

    @property
    def scheme(self) -> str:
        """`https`, or `http` for a node that has nothing else."""
        return "http" if self.behaviour.fault is Fault.ADDRESS_HTTP_ONLY else "https"

    @property
    def url(self) -> str:
        """Its base URL by name, without a trailing slash."""
        return f"{self.scheme}://{self.name}:{self.port}"

    @property
    def address_url(self) -> str:
        """Its base URL by IPv4 address."""
        return f"{self.scheme}://{self.address}:{self.port}"

    def become(self, behaviour: Behaviour) -> None:
        """Behave otherwise from the next connection on.

        What takes no connections any more keeps none either.
        """
        if behaviour != self.behaviour:
            self.behaviour = behaviour
            self._voice.become(behaviour)
            self._turn_doors()
            if behaviour.fault in _SHUT:
                self._hang_up()

    def rename(self, name: str) -> None:
        """Go by another host name, which its certificates must cover."""
        if name != self.name:
            self.name = name
            self._voice.rename(name)

    def cut(self, ipv4: Way | None, ipv6: Way | None) -> None:
        """Hide the node behind an outage of the client's own; None ends it, for each family.

        With the way over IPv4, connections that are open go too.
        """
        if (ipv4, ipv6) != self._cuts:
            self._cuts = (ipv4, ipv6)
            self._turn_doors()
            if ipv4:
                self._hang_up()

    async def quiet(self) -> None:
        """Wait until no connection is open."""
        while self._connections:
            await asyncio.wait(self._connections)

    def _hang_up(self) -> None:
        for connection in self._connections:
            connection.cancel()

    def _find_port(self) -> list[socket.socket]:
        """Sockets on the first port that is free on every address needed."""
        addresses = (self.address, "::1") if self._ipv6 else (self.address,)
        for port in itertools.islice(self._ports, len(PORTS)):
            with contextlib.ExitStack() as stack:
                try:
                    socks = [stack.enter_context(bind(address, port)) for address in addresses]
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        continue
                    raise
                stack.pop_all()
                return socks
        raise OSError(errno.EADDRINUSE, f"no port is left to try on {' and '.join(addresses)}")

    def _turn_doors(self) -> None:
        fault, lie = self.behaviour.fault, self.behaviour.aaaa
        way = Way(fault) if fault in _SHUT else Way.OPEN
        by_record = {Aaaa.TRUE: way, Aaaa.NONE: Way.REFUSED}
        # A node that cannot be reached is so in the same manner in both families, lies or not:
        # else what a client concludes would depend on which of the two it heard from last.
        away = OUTCOMES[fault].phase is Phase.CONNECT and not OUTCOMES[fault].reachable
        way6 = by_record.get(lie) or (way if away else Way(lie))
        for door, cut, own in zip(self._doors, self._cuts, (way, way6), strict=False):
            door.turn(cut or own)

    def _accepted(self, sock: socket.socket) -> None:
        self.seen.connections += 1
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(Wire(sock, loop), self.seen.connections))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, wire: Wire, number: int) -> None:
        fault = self.behaviour.fault
        try:
            if await before_tls(fault, wire, self._pace):
                if self.scheme == "https":
                    await wire.start_tls(self._context(fault))
                    self.seen.handshakes += 1
                while await self._exchange(wire, number):
                    pass
        except (OSError, ValueError):
            # The peer went away, refused the certificate or does not speak HTTP.
            pass
        finally:
            wire.close()

    def _context(self, fault: Fault) -> ssl.SSLContext:
        kind = _CERTIFICATES.get(fault, Certificate.VALID)
        return self.authority.context(self._names, kind)

    async def _exchange(self, wire: Wire, number: int) -> bool:
        """Answer one request; False when the connection is of no more use."""
        received = await wire.request_head()
        if not received:
            return False
        request = parse(received, number)
        self.seen.note(request)
        fault = self.behaviour.fault_on(request.path)
        if OUTCOMES[fault].reachable or OUTCOMES[fault].phase is not Phase.ANSWER:
            slow = self._pace.answer if fault is Fault.SLOW_ANSWER else 0.0
            if seconds := slow + self._voice.thinks(request.path):
                await asyncio.sleep(seconds)
            await wire.send(self._voice.right(request))
            return not request.last
        instead = self._voice.wrong(request, self._pace)
        if isinstance(instead, Reply):
            await instead_of_answer(fault, wire, instead)
            return False
        await wire.send(instead)
        return not request.last


def _random_address() -> str:
    return f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
