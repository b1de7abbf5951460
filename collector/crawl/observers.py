"""All observers of a crawler as one, so that none of them can break a round or silence another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundResult
from collector.model.observation import Observation

log = logging.getLogger(__name__)


class Observers(RoundObserver):
    """Calls each observer in turn. The first failure of each one in a round is logged."""

    def __init__(self, observers: Iterable[RoundObserver]) -> None:
        self._observers = tuple(observers)
        self._failed: set[RoundObserver] = set()

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        """Pass it on."""
        self._failed.clear()
        self._call(lambda observer: observer.on_start(request, nodes))

    def on_observation(self, observation: Observation) -> None:
        """Pass it on."""
        self._call(lambda observer: observer.on_observation(observation))

    def on_round(self, result: RoundResult) -> None:
        """Pass it on."""
        self._call(lambda observer: observer.on_round(result))

    def _call(self, call: Callable[[RoundObserver], None]) -> None:
        for observer in self._observers:
            try:
                call(observer)
            except Exception:
                if observer not in self._failed:
                    log.exception("%s failed; the round goes on", type(observer).__name__)
                self._failed.add(observer)
