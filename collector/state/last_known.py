"""Keeps the last values read of each node, in memory exactly and in the store to the hour.

Usage differs in every round. So a node is written when something else changed, and once an hour;
after a restart the value of a node that answers no more may be an hour old, and its time says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar

from pydantic import TypeAdapter

from collector.model.last_known import LastKnown, Reading
from collector.model.node import Node
from collector.model.observation import Endpoint, Gpu, Ipv6, Observation, Probe
from collector.state.ipv6 import ipv6_probes
from collector.state.saved_values import TIME_LIMIT
from collector.times import HOUR, is_due

T = TypeVar("T")
_NOTHING: Final = LastKnown()
_LAST_KNOWN: Final = TypeAdapter(LastKnown)


class LastKnownNodes:
    """The last values of all nodes by hash."""

    def __init__(self, nodes: dict[str, LastKnown]) -> None:
        self._nodes = nodes
        self._unsaved: set[str] = set()

    def update(
        self, node: Node, observation: Observation | None, ipv6: Ipv6 | None, time: int
    ) -> LastKnown:
        """Take over what the round at `time` read of a node, and return it.

        `ipv6` is a measurement that is believed.
        """
        before = self._nodes.get(node.hash, _NOTHING)
        after = before
        if observation is not None:
            after = read_observation(before, observation, ipv6, time)
            if is_notable(before, after):
                self._unsaved.add(node.hash)
        elif before.entry is not node.entry:
            after = replace(before, entry=node.entry)
        self._nodes[node.hash] = after
        return after

    def gpus(self, key: str) -> tuple[Gpu, ...]:
        """Return the cards that a node reported last; none if it never reported any."""
        usage = self._nodes.get(key, _NOTHING).usage.value
        return usage.gpus or () if usage else ()

    def write_hourly(self, nodes: Iterable[Node], time: int, last_round: int | None) -> None:
        """Have the nodes written whose hour comes after `last_round`, up to the round at `time`.

        Hours are spread by the hash itself, so that neighbours in the store are written together.
        """
        for node in nodes:
            if is_due(time, last_round, HOUR, int(node.hash[:8], 16) / 2**32):
                self._unsaved.add(node.hash)

    def forget(self, key: str) -> None:
        """Forget a node, or what was read at an address that it no longer has."""
        if self._nodes.pop(key, None) is not None:
            self._unsaved.add(key)

    def rewind(self, time: int) -> None:
        """Follow a clock that was stepped back to `time`: nothing was read later than now."""
        rewound = {key: _rewound(known, time) for key, known in self._nodes.items()}
        self._unsaved |= {key for key, known in rewound.items() if known != self._nodes[key]}
        self._nodes = rewound

    def changes(self) -> dict[str, bytes | None]:
        """Return the document of each node that has to be written; None deletes it."""
        nodes = {key: self._nodes.get(key) for key in self._unsaved}
        return {key: None if known is None else to_json(known) for key, known in nodes.items()}

    def mark_saved(self) -> None:
        """Note that the store has taken over the changes."""
        self._unsaved = set()


def read_observation(
    known: LastKnown, observation: Observation, ipv6: Ipv6 | None, time: int
) -> LastKnown:
    """Return the last values of a node after it was observed in the round at `time`."""
    config = observation.config
    if config == known.config.value:  # the same object, so that memory holds it once
        config = known.config.value
    return LastKnown(
        config=_read(known.config, config, Endpoint.CONFIG, observation, time),
        usage=_read(known.usage, observation.usage, Endpoint.USAGE, observation, time),
        ipv6=_read_ipv6(known.ipv6, ipv6, observation, time),
        entry=observation.node.entry,
    )


def _read(
    known: Reading[T], value: T | None, endpoint: Endpoint, observation: Observation, time: int
) -> Reading[T]:
    """Return the reading of an endpoint that is asked in every visit."""
    probe = _last_probe(observation, endpoint)
    if value is not None:
        if probe is None or not probe.unread:
            return Reading(value, time, time)
        return Reading(value, time, time, probe.failure, probe.detail)
    if probe is not None:
        return Reading(known.value, known.read_at, time, probe.failure, probe.detail)
    if observation.reachable:
        return known
    return Reading(known.value, known.read_at, known.tried_at, observation.failure)


def _last_probe(observation: Observation, endpoint: Endpoint) -> Probe | None:
    """Return the last probe of an endpoint; None if it was not probed."""
    return next((p for p in reversed(observation.probes) if p.endpoint is endpoint), None)


def _read_ipv6(
    known: Reading[Ipv6], believed: Ipv6 | None, observation: Observation, time: int
) -> Reading[Ipv6]:
    """Return the reading of IPv6, which is asked for now and then."""
    if believed is not None:
        return Reading(believed, time, time)
    asked = ipv6_probes(observation)
    if not asked:
        return known
    return Reading(known.value, known.read_at, time, asked[-1].failure, asked[-1].detail)


def is_notable(before: LastKnown, after: LastKnown) -> bool:
    """Return whether more changed than usage and times: then the node is written at once.

    A failure is: it makes the last value of usage the one that stays.
    """
    config_is_same = before.config.value is after.config.value
    ipv6_is_same = before.ipv6 is after.ipv6
    return (
        (not config_is_same and before.config.value != after.config.value)
        or (not ipv6_is_same and before.ipv6 != after.ipv6)
        or before.config.failure is not after.config.failure
        or before.usage.failure is not after.usage.failure
    )


def _rewound(known: LastKnown, time: int) -> LastKnown:
    return replace(
        known,
        config=_reading_rewound(known.config, time),
        usage=_reading_rewound(known.usage, time),
        ipv6=_reading_rewound(known.ipv6, time),
    )


def _reading_rewound(known: Reading[T], time: int) -> Reading[T]:
    return replace(
        known,
        read_at=None if known.read_at is None else min(known.read_at, time),
        tried_at=None if known.tried_at is None else min(known.tried_at, time),
    )


def to_json(known: LastKnown) -> bytes:
    """Return the last values as they are kept in the store, without the directory's entry.

    (The directory keeps a copy of the whole list.)
    """
    return _LAST_KNOWN.dump_json(known, exclude_defaults=True, exclude={"entry"})


def from_json(body: bytes) -> LastKnown:
    """Return the last values read back; raise ValueError if they are none."""
    known = _LAST_KNOWN.validate_json(body)
    for reading in (known.config, known.usage, known.ipv6):
        for at in (reading.read_at, reading.tried_at):
            if at is not None and not 0 <= at < TIME_LIMIT:
                raise ValueError("a time in it is out of range")
    return known
