"""The truth file: what was true, from which second on.

JSON lines, each an object with `kind`:

- `header`, first: `format` (1), `seed`, `nodes`, `start`, `tempo` (the script's speed).
- `truth`: `since` (seconds since the epoch) and the fields of `NodeTruth`; holds until the next
  line of the same `node`.
- `event`: `since`, `event` (an `EventKind`), `node`, `old`, `new`; what changed with the truth
  beside it.
- `trouble`: `since`, `troubles` (names of `Trouble`, sorted), `blind` (whether the controls fail).

A script changes between rounds only, so a truth holds for whole rounds.
"""

import json
from dataclasses import asdict
from typing import IO, Any

from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.trouble import Trouble
from crn_simulator.truth.event import events_between
from crn_simulator.truth.node_truth import NodeTruth, truth_at, without_load

FORMAT = 1


class TruthWriter:
    """Writes the truth of a script, one line per node and change.

    load: write also when only load, memory or disk changed, which they do every minute.
    """

    def __init__(self, script: NetworkScript, file: IO[str], *, load: bool = True) -> None:
        self._script = script
        self._file = file
        self._load = load
        self._last: dict[int, NodeTruth] = {}
        self._troubles: frozenset[Trouble] | None = None
        self._write_line(
            "header",
            format=FORMAT,
            seed=script.seed,
            nodes=len(script),
            start=script.start,
            tempo=script.speed,
        )

    def write(self, time: float) -> None:
        """Write what has changed since the last call; call it after every `set_time`."""
        troubles = self._script.troubles(time)
        if troubles != self._troubles:
            self._troubles = troubles
            blind = any(trouble.is_blinding for trouble in troubles)
            self._write_line("trouble", since=time, troubles=sorted(troubles), blind=blind)
        for index in range(len(self._script)):
            truth = truth_at(self._script, index, time)
            last = self._last.get(index)
            if last is not None and self._compared(truth) == self._compared(last):
                continue
            self._last[index] = truth
            self._write_line("truth", since=time, **asdict(truth))
            for event in events_between(last, truth) if last else ():
                kind = {"event": event.kind, "node": event.node}
                self._write_line("event", since=time, **kind, old=event.old, new=event.new)

    def _compared(self, truth: NodeTruth) -> NodeTruth:
        return truth if self._load else without_load(truth)

    def _write_line(self, kind: str, **fields: Any) -> None:
        self._file.write(json.dumps({"kind": kind, **fields}, separators=(",", ":")) + "\n")
