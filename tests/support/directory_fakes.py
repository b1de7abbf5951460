"""Stand-ins of the directory's tests: a clock, a place for copies, entries and aggregates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[3] / "shared" / "data"


def recorded(name: str) -> bytes:
    """A recorded answer; skips the test where the recordings are not beside the checkout."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recorded answers beside the checkout ({name})")
    return path.read_bytes()


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class MemoryCopies:
    """Copies in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[bytes, float]] = {}

    async def load(self, name: str) -> tuple[bytes, float] | None:
        return self.bodies.get(name)

    async def save(self, name: str, body: bytes, at: float) -> None:
        self.bodies[name] = (body, at)


class BrokenCopies:
    """A full, unreadable disk."""

    async def load(self, name: str) -> tuple[bytes, float] | None:
        raise OSError(5, "Input/output error")

    async def save(self, name: str, body: bytes, at: float) -> None:
        raise OSError(28, "No space left on device")


def digest(number: int) -> str:
    """A hash of 64 hex digits."""
    return f"{number:064x}"


def entry(number: int, **changed: Any) -> dict[str, Any]:
    """An entry of `resource_nodes` as the network publishes it."""
    return {
        "hash": digest(number),
        "name": f"node {number}",
        "time": 1643038411.233,
        "type": "compute",
        "owner": "0x0000000000000000000000000000000000000001",
        "score": 0.9,
        "banner": "",
        "locked": False,
        "parent": digest(10**9),
        "reward": "",
        "status": "linked",
        "address": f"https://node-{number}.example.org/",
        "manager": "",
        "picture": "",
        "authorized": "",
        "description": "",
        "performance": 0.5,
        "multiaddress": "",
        "score_updated": True,
        "stream_reward": "",
        "inactive_since": None,
        "decentralization": 0.9,
        "registration_url": "",
        "terms_and_conditions": "",
        **changed,
    }


def corechannel(*entries: Any) -> bytes:
    """The body of a corechannel aggregate."""
    document = {"data": {"corechannel": {"nodes": [], "resource_nodes": list(entries)}}}
    return json.dumps(document).encode()


def nodes(count: int) -> bytes:
    """The body of a corechannel aggregate of that many nodes."""
    return corechannel(*map(entry, range(count)))


def settings(version: str = "1.7.2", **changed: Any) -> bytes:
    """The body of a settings aggregate with one GPU."""
    gpus = [{"name": "AD102GL", "model": "L40S", "vendor": "NVIDIA", "device_id": "10de:26b9"}]
    said = {"compatible_gpus": gpus, "last_crn_version": version, **changed}
    return json.dumps({"data": {"settings": said}, "info": {}}).encode()
