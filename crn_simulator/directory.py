"""The directory of a simulated network: its entries at any time, as the API hands them out."""

import json
from collections.abc import Callable, Iterator

from crn_simulator.chance import chance
from crn_simulator.entry import entry
from crn_simulator.life import Stage
from crn_simulator.script import Script

_TWICE = 0.004
"""The part of the nodes that is listed twice."""
_EVERYONE = slice(None)


class Directory:
    """Writes entries, each once for as long as nothing about it changes.

    port: says where a node listens.
    """

    def __init__(self, script: Script, port: Callable[[int], int]) -> None:
        self._script = script
        self._port = port
        self._written: dict[tuple[int, Stage], bytes] = {}

    def entries(self, time: float, part: slice = _EVERYONE) -> Iterator[bytes]:
        """The entries of the nodes that are listed at a time, or of some of them, as JSON."""
        stages = [self._script.stage(index, time) for index in range(len(self._script))]
        listed = [index for index, stage in enumerate(stages) if stage.listed]
        for index in listed[part]:
            written = self._write(index, stages[index])
            yield written
            if chance(self._script.trait(index).hash, "twice") < _TWICE:
                yield written

    def _write(self, index: int, stage: Stage) -> bytes:
        key = (index, stage)
        if key not in self._written:
            body = entry(self._script.trait(index), stage, self._port(index))
            self._written[key] = json.dumps(body, separators=(",", ":")).encode()
        return self._written[key]
