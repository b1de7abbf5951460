"""Answers that took long to read: named in the log, so that an operator knows who makes work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from collector.model.node import Node
from collector.model.observation import Endpoint
from collector.probe.response import Response
from collector.times import HOUR

_MOST_NODES: Final = 100

log = logging.getLogger(__name__)


class SlowAnswers:
    """Logs each node at most once an hour, and at most a hundred nodes an hour."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Begin with no node logged. `clock`: seconds."""
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def add(self, node: Node, endpoint: Endpoint, answer: Response, cpu_seconds: float) -> None:
        """Log a slow answer if the node was not logged within an hour."""
        now = self._clock()
        self._logged_at = {key: at for key, at in self._logged_at.items() if now - at < HOUR}
        if node.hash in self._logged_at or len(self._logged_at) >= _MOST_NODES:
            return
        self._logged_at[node.hash] = now
        log.warning(
            "slow answer of node %s (%s): %s took %.0f ms of processor time to read, %d bytes; "
            "nothing more is asked in this visit",
            node.hash,
            node.display_name,
            endpoint,
            cpu_seconds * 1000,
            len(answer.body),
        )
