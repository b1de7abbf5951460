"""The directory of a simulated network: its entries at any time, as the API lists them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from crn_simulator.script.directory_entry import directory_entry
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.seeded_random import fraction
from crn_simulator.script.timeline import Stage
from crn_simulator.server.impostors import Impostors

_LISTED_TWICE_SHARE = 0.004
_ALL = slice(None)


class DirectoryListing:
    """Makes entries, each once for as long as nothing about it changes.

    port_of: returns the port of the node with an index. impostors: have the last entries of all.
    """

    def __init__(
        self, script: NetworkScript, port_of: Callable[[int], int], impostors: Impostors
    ) -> None:
        self._script = script
        self._port_of = port_of
        self._impostors = impostors
        self._encoded: dict[tuple[int, Stage], bytes] = {}

    def entries(self, time: float, part: slice = _ALL) -> Iterator[bytes]:
        """Yield the entries, as JSON, of the nodes that are listed at a time, or of a part."""
        stages = [self._script.stage(index, time) for index in range(len(self._script))]
        listed = [index for index, stage in enumerate(stages) if stage.listed]
        for index in listed[part]:
            entry = self._entry(index, stages[index])
            yield entry
            if fraction(self._script.profile(index).hash, "twice") < _LISTED_TWICE_SHARE:
                yield entry
        yield from map(_encode, self._impostors.entries())

    def _entry(self, index: int, stage: Stage) -> bytes:
        key = (index, stage)
        if key not in self._encoded:
            body = directory_entry(self._script.profile(index), stage, self._port_of(index))
            self._encoded[key] = _encode(body)
        return self._encoded[key]


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
