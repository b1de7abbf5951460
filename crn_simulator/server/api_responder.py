"""Responders of the hosts that are no nodes: the network's API, and the controls."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from crn_simulator.script.directory_entry import core_node
from crn_simulator.script.fault import Fault
from crn_simulator.script.firmware import published_release
from crn_simulator.script.machine import COMPATIBLE_GPUS
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.connection_faults import FaultDelays, IntendedResponse
from crn_simulator.server.http import TEXT, HttpRequest, HttpResponse, response_bytes
from crn_simulator.server.responder import apply_fault

CORECHANNEL_ADDRESS = "0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10"
SETTINGS_ADDRESSES = (
    "0xFba561a84A537fCaa567bb7A2257e7142701ae2A",
    "0xA07B1214bAe0D5ccAA25449C3149c0aC83658874",
)
_CORE_NODES = 8
_SERVERS = ("nginx",)


class ApiResponder:
    """Makes the responses of the API: the aggregates with its nodes and its settings.

    entries: returns the entries of the directory as the API lists them now, each as JSON.
    """

    def __init__(self, entries: Callable[[], Iterable[bytes]]) -> None:
        self._entries = entries
        self._fault = Fault.NONE
        self._prepared: dict[str, HttpResponse] = {}

    def set_spec(self, spec: NodeSpec) -> None:
        """Have the fault of this specification; nothing else of it matters to an API."""
        self._fault = spec.fault

    def set_name(self, name: str) -> None:
        """Do nothing: the name of the host shows in no response."""

    def refresh(self) -> None:
        """Drop the cached responses, since the directory has changed."""
        self._prepared.clear()

    def delay_seconds(self, path: str) -> float:
        """Return 0: it responds at once."""
        return 0.0

    def respond(self, request: HttpRequest) -> bytes:
        """Return the aggregate asked for."""
        return response_bytes(self._response(request.target), _SERVERS, close=request.is_last)

    def respond_faulty(self, request: HttpRequest, delays: FaultDelays) -> bytes | IntendedResponse:
        """Return the bytes of a faulty response, or the intended one if the connection fails."""
        intended = IntendedResponse(self._response(request.target), _SERVERS, delays)
        return apply_fault(self._fault, request, intended)

    def _response(self, target: str) -> HttpResponse:
        if target not in self._prepared:
            self._prepared[target] = self._aggregate(target)
        return self._prepared[target]

    def _aggregate(self, target: str) -> HttpResponse:
        path, _, query = target.partition("?")
        owner = path.removeprefix("/api/v0/aggregates/").removesuffix(".json")
        keys = parse_qs(query).get("keys", ["corechannel,settings"])[0].split(",")
        aggregates: dict[str, bytes] = {}
        if owner == CORECHANNEL_ADDRESS and "corechannel" in keys:
            aggregates["corechannel"] = self._corechannel()
        elif owner in SETTINGS_ADDRESSES and "settings" in keys:
            aggregates["settings"] = _dump(settings())
        if not aggregates:
            return HttpResponse(404, b"No aggregate found for this address", TEXT)
        content = b",".join(_dump(key) + b":" + value for key, value in aggregates.items())
        body = b'{"address":%b,"data":{%b},"info":{}}' % (_dump(owner), content)
        return HttpResponse(200, body)

    def _corechannel(self) -> bytes:
        core = b",".join(_dump(core_node(number)) for number in range(1, _CORE_NODES + 1))
        return b'{"nodes":[%b],"resource_nodes":[%b]}' % (core, b",".join(self._entries()))


class ControlResponder:
    """Makes the responses of a control: a plain web server without faults of its own."""

    def set_spec(self, spec: NodeSpec) -> None:
        """Do nothing: the faults of a control are those of its connections."""

    def set_name(self, name: str) -> None:
        """Do nothing: the name of the host shows in no response."""

    def delay_seconds(self, path: str) -> float:
        """Return 0: it responds at once."""
        return 0.0

    def respond(self, request: HttpRequest) -> bytes:
        """Return a short text."""
        return response_bytes(HttpResponse(200, b"ok\n", TEXT), _SERVERS, close=request.is_last)

    def respond_faulty(self, request: HttpRequest, delays: FaultDelays) -> bytes | IntendedResponse:
        """Return the same: a control only has to respond."""
        return self.respond(request)


def settings() -> dict[str, Any]:
    """Return the network's settings: its GPU models, and the version that nodes should have."""
    return {
        "compatible_gpus": [
            {
                "name": card.device_name,
                "model": card.model,
                "vendor": card.vendor,
                "device_id": card.device_id,
            }
            for card in COMPATIBLE_GPUS
        ],
        "community_wallet_address": "0x00000000000000000000000000000000000000c1",
        "community_wallet_timestamp": 1739996239,
        "last_crn_version": published_release(),
    }


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
