"""Responders: what a host sends over HTTP, with and without a fault."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from crn_simulator.script.fault import Fault
from crn_simulator.script.latency import (
    BOOT_SECONDS,
    DIAGNOSTIC_SECONDS,
    LIGHT_SECONDS,
    quantile,
)
from crn_simulator.script.machine import Load
from crn_simulator.script.node_spec import NodeSpec, ServerHeader
from crn_simulator.server.altered_responses import altered_response
from crn_simulator.server.connection_faults import FaultDelays, IntendedResponse
from crn_simulator.server.faulty_responses import faulty_response
from crn_simulator.server.healthy_responses import healthy_response
from crn_simulator.server.http import HttpRequest, response_bytes
from crn_simulator.server.node_reports import NodeSnapshot

_VM_IDLE_SECONDS = 3600.0
_PROXY = "nginx/1.24.0"


class Responder(Protocol):
    """Makes the responses of a host."""

    def set_spec(self, spec: NodeSpec) -> None:
        """Respond by this specification from now on."""

    def set_name(self, name: str) -> None:
        """Take note that the host has another DNS name from now on."""

    def delay_seconds(self, path: str) -> float:
        """Return the seconds to wait before a response."""

    def respond(self, request: HttpRequest) -> bytes:
        """Return the bytes of a response without a fault."""

    def respond_faulty(self, request: HttpRequest, delays: FaultDelays) -> bytes | IntendedResponse:
        """Return the bytes of a faulty response, or the intended one if the connection fails."""


@dataclass(frozen=True, slots=True)
class NodeEnvironment:
    """Where a node's responder takes its time, load and response times from.

    clock: seconds since the epoch, for responses and for the idle time of the diagnostic VM.
    load: returns the usage of the machine.
    latency: factor on the response times of real nodes; 0 responds at once.
    latency_rank: the node's place among all by latency, 0 (fastest) to 1.
    """

    clock: Callable[[], float] = time.time
    load: Callable[[], Load] = Load
    latency: float = 0.0
    latency_rank: float = 0.5


class NodeResponder:
    """Makes the responses of one node, and knows whether its diagnostic VM is running."""

    def __init__(
        self, spec: NodeSpec, name: str, environment: NodeEnvironment | None = None
    ) -> None:
        self._spec = spec
        self._name = name
        self._environment = environment or NodeEnvironment()
        latency, rank = self._environment.latency, self._environment.latency_rank
        self._light_seconds = latency * quantile(rank, LIGHT_SECONDS)
        self._diagnostic_seconds = latency * quantile(rank, DIAGNOSTIC_SECONDS)
        self._boot_seconds = latency * BOOT_SECONDS
        self._vm_runs_until = 0.0
        self._prepared: dict[tuple[str, bool], bytes] = {}
        self._prepared_at = 0.0

    def set_spec(self, spec: NodeSpec) -> None:
        """Respond by this specification from now on."""
        self._spec = spec
        self._prepared.clear()

    def set_name(self, name: str) -> None:
        """State another DNS name in the configuration from now on."""
        self._name = name
        self._prepared.clear()

    def delay_seconds(self, path: str) -> float:
        """Return the seconds that the node takes before it responds."""
        if not path.startswith("/vm/"):
            return self._light_seconds
        return self._diagnostic_seconds if self._is_vm_running() else self._boot_seconds

    def respond(self, request: HttpRequest) -> bytes:
        """Return the response of a healthy node, or of one with a fault in a part of it.

        Cached while node and time stay the same.
        """
        now = self._environment.clock()
        if now != self._prepared_at:
            self._prepared.clear()
            self._prepared_at = now
        key = (request.target, request.is_last)
        prepared = self._prepared.get(key)
        if prepared is None:
            response = healthy_response(request.target, self._snapshot(request.path))
            fault = self._spec.fault_on(request.path)
            response = altered_response(fault, request.path, response)
            prepared = response_bytes(response, self._servers(), close=request.is_last)
            if not _starts_vm(request.path):
                self._prepared[key] = prepared
        return prepared

    def respond_faulty(self, request: HttpRequest, delays: FaultDelays) -> bytes | IntendedResponse:
        """Return the bytes of a faulty response, or the intended one if the connection fails."""
        spec = self._spec
        fault = spec.fault_on(request.path)
        response = healthy_response(request.target, self._snapshot(request.path))
        keeps_header = spec.keeps_header and fault is not Fault.WEB_SERVER
        servers = self._servers() if keeps_header else (_PROXY,)
        return apply_fault(fault, request, IntendedResponse(response, servers, delays))

    def _snapshot(self, path: str) -> NodeSnapshot:
        """Return the node as it is now; a request for some paths starts its diagnostic VM."""
        now, running = self._environment.clock(), True
        if _starts_vm(path):
            running = self._is_vm_running()
            self._vm_runs_until = now + _VM_IDLE_SECONDS
        return NodeSnapshot(self._spec, self._name, now, self._environment.load(), running)

    def _is_vm_running(self) -> bool:
        return not self._spec.cold or self._environment.clock() < self._vm_runs_until

    def _servers(self) -> tuple[str, ...]:
        own = f"aleph-vm/{self._spec.version}"
        return {
            ServerHeader.ALEPH: (own,),
            ServerHeader.BESIDE_PROXY: ("Caddy", own),
            ServerHeader.REPLACED: (_PROXY,),
        }[self._spec.server]


def apply_fault(
    fault: Fault, request: HttpRequest, intended: IntendedResponse
) -> bytes | IntendedResponse:
    """Return the bytes of the faulty response; `intended` itself if the connection must fail."""
    response = faulty_response(fault, request.path, intended.response)
    if response is None:
        return intended
    return response_bytes(response, intended.servers, close=request.is_last)


def _starts_vm(path: str) -> bool:
    """Return whether a request for this path starts the diagnostic VM."""
    return path.startswith("/vm/") or path == "/status/check/ipv6"
