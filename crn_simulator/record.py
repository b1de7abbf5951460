"""The file of ground truth: what was really true, from which second on.

JSON lines, each an object with `kind`:

- `header`, first: `format` (1), `seed`, `nodes`, `start`, `tempo`.
- `truth`: `since` (seconds since the epoch) and the fields of `Truth`; holds until the next line of
  the same `node`.
- `event`: `since`, `event` (a `Kind`), `node`, `old`, `new`; what changed with the truth beside it.
- `trouble`: `since`, `troubles` (names of `Trouble`, sorted), `blind` (whether the controls fail).

What the script changes is changed between rounds, so a truth holds for whole rounds.
"""

import json
from dataclasses import asdict
from typing import IO, Any

from crn_simulator.event import differences
from crn_simulator.script import Script
from crn_simulator.trouble import Trouble
from crn_simulator.truth import Truth, without_usage

FORMAT = 1


class Record:
    """Writes the truth of a script, one line per node and change.

    figures: also when only load, memory or disk changed, which they do every minute.
    """

    def __init__(self, script: Script, file: IO[str], *, figures: bool = True) -> None:
        self._script = script
        self._file = file
        self._figures = figures
        self._last: dict[int, Truth] = {}
        self._troubles: frozenset[Trouble] | None = None
        self._put(
            "header",
            format=FORMAT,
            seed=script.seed,
            nodes=len(script),
            start=script.start,
            tempo=script.tempo,
        )

    def write(self, time: float) -> None:
        """Write what differs from the time of the last call; call it after every `set_time`."""
        troubles = self._script.troubles(time)
        if troubles != self._troubles:
            self._troubles = troubles
            blind = any(trouble.blinds for trouble in troubles)
            self._put("trouble", since=time, troubles=sorted(troubles), blind=blind)
        for index in range(len(self._script)):
            whole = self._script.truth(index, time)
            last = self._last.get(index)
            if last is not None and self._still(whole) == self._still(last):
                continue
            self._last[index] = whole
            self._put("truth", since=time, **asdict(whole))
            for event in differences(last, whole) if last else ():
                what = {"event": event.kind, "node": event.node}
                self._put("event", since=time, **what, old=event.old, new=event.new)

    def _still(self, whole: Truth) -> Truth:
        return whole if self._figures else without_usage(whole)

    def _put(self, kind: str, **fields: Any) -> None:
        self._file.write(json.dumps({"kind": kind, **fields}, separators=(",", ":")) + "\n")
