"""The last values read of a node, each with its age and the failure of the last try."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from collector.model.failure import Failure
from collector.model.observation import Config, Ipv6, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """The last value read from an endpoint. Times are rounds' times, in epoch seconds."""

    value: T | None = None
    """None if it never could be read."""
    read_at: int | None = None
    """Round in which the value was read; None if there is none."""
    tried_at: int | None = None
    """Round of the last try; None if there was none."""
    failure: Failure = Failure.NONE
    """Of the last try, `wrong_shape` also if only a part of the answer could not be read; of the
    visit, if it failed before it came to the endpoint."""
    detail: str = ""
    """What exactly went wrong, for a person; empty when nothing did."""


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What is known of a node although it may not answer now."""

    config: Reading[Config] = field(default_factory=Reading)
    usage: Reading[Usage] = field(default_factory=Reading)
    ipv6: Reading[Ipv6] = field(default_factory=Reading)
    """Measurements that were believed: a no only once it was confirmed."""
    entry: bytes = b""
    """The node's entry in the directory, as JSON; empty where there is none."""
