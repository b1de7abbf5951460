"""The network's API: the aggregates that list its nodes and hold its settings."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from crn_simulator.answer import TEXT, Answer
from crn_simulator.behaviour import Behaviour
from crn_simulator.entry import core_node
from crn_simulator.fault import Fault
from crn_simulator.http import Request
from crn_simulator.life import newest_release
from crn_simulator.machine import COMPATIBLE_GPUS
from crn_simulator.misbehave import Reply, RoundTiming
from crn_simulator.voice import spoil, whole

CORECHANNEL_ADDRESS = "0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10"
SETTINGS_ADDRESSES = (
    "0xFba561a84A537fCaa567bb7A2257e7142701ae2A",
    "0xA07B1214bAe0D5ccAA25449C3149c0aC83658874",
)
_CORE_NODES = 8
_SERVERS = ("nginx",)


class ApiVoice:
    """Speaks for the API.

    listed: asked for the entries of the directory as the API shows it now, each already JSON.
    """

    def __init__(self, listed: Callable[[], Iterable[bytes]]) -> None:
        self._listed = listed
        self._fault = Fault.NONE
        self._prepared: dict[str, Answer] = {}

    def become(self, behaviour: Behaviour) -> None:
        """Take over the fault; nothing else of a behaviour concerns an API."""
        self._fault = behaviour.fault

    def rename(self, name: str) -> None:
        """Its name shows nowhere."""

    def refresh(self) -> None:
        """The directory has changed."""
        self._prepared.clear()

    def thinks(self, path: str) -> float:
        """It answers at once."""
        return 0.0

    def right(self, request: Request) -> bytes:
        """The aggregate asked for."""
        return whole(self._answer(request.target), _SERVERS, close=request.last)

    def wrong(self, request: Request, pace: RoundTiming) -> bytes | Reply:
        """A wrong answer in its place."""
        reply = Reply(self._answer(request.target), _SERVERS, pace)
        return spoil(self._fault, request, reply)

    def _answer(self, target: str) -> Answer:
        if target not in self._prepared:
            self._prepared[target] = self._aggregate(target)
        return self._prepared[target]

    def _aggregate(self, target: str) -> Answer:
        path, _, query = target.partition("?")
        owner = path.removeprefix("/api/v0/aggregates/").removesuffix(".json")
        keys = parse_qs(query).get("keys", ["corechannel,settings"])[0].split(",")
        content: dict[str, bytes] = {}
        if owner == CORECHANNEL_ADDRESS and "corechannel" in keys:
            content["corechannel"] = self._corechannel()
        elif owner in SETTINGS_ADDRESSES and "settings" in keys:
            content["settings"] = _dump(settings())
        if not content:
            return Answer(404, b"No aggregate found for this address", TEXT)
        held = b",".join(_dump(key) + b":" + value for key, value in content.items())
        body = b'{"address":%b,"data":{%b},"info":{}}' % (_dump(owner), held)
        return Answer(200, body)

    def _corechannel(self) -> bytes:
        core = b",".join(_dump(core_node(number)) for number in range(1, _CORE_NODES + 1))
        return b'{"nodes":[%b],"resource_nodes":[%b]}' % (core, b",".join(self._listed()))


class ControlVoice:
    """Speaks for a control: a plain web server that is well."""

    def become(self, behaviour: Behaviour) -> None:
        """Its faults are those of its connection."""

    def rename(self, name: str) -> None:
        """Its name shows nowhere."""

    def thinks(self, path: str) -> float:
        """It answers at once."""
        return 0.0

    def right(self, request: Request) -> bytes:
        """A few words."""
        return whole(Answer(200, b"ok\n", TEXT), _SERVERS, close=request.last)

    def wrong(self, request: Request, pace: RoundTiming) -> bytes | Reply:
        """An answer of the right shape: nothing is asked of a control but that it answers."""
        return self.right(request)


def settings() -> dict[str, Any]:
    """The network's settings: GPUs that it rents out, and the version that nodes should have."""
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
        "last_crn_version": newest_release(),
    }


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
