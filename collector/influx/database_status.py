"""How we stand with a database, said once per change and not once per write."""

from __future__ import annotations

import logging

from collector.influx.batch_sender import SendResult
from collector.influx.write_result import Fate, WriteResult

log = logging.getLogger(__name__)

_KINDS_LIMIT = 256


class DatabaseStatus:
    """Whether the database takes what it is given, and if not, why."""

    def __init__(self, url: str) -> None:
        self.ready = False
        """Whether the last write went well; False before the first."""
        self.problem = ""
        """Why not, for a person; '' if it did, or none was made."""
        self._url = url
        self._said = ""
        self._refused: set[str] = set()

    def good(self, outcome: SendResult) -> None:
        """The database took something."""
        if self._said:
            log.warning("InfluxDB at %s takes points again", self._url)
        self.ready, self.problem, self._said = True, "", ""
        if outcome.dropped:
            self._once("dropped", "%d points are older than it keeps", outcome.dropped)
        for line, words in outcome.rejected:
            measurement = line.partition(",")[0]
            self._once(
                f"{measurement} {words[:40]}",
                "it refuses points of %s for good: %s; `crn-collector spool rejected` lists them",
                measurement,
                words,
            )

    def bad(self, answer: WriteResult) -> None:
        """It took nothing, for this reason."""
        self.ready = False
        if answer.fate is Fate.ACT:
            self.problem = (
                f"InfluxDB at {self._url} needs a person: {answer.words}. Check token, org and "
                "bucket; `crn-collector init-store` makes a bucket or database that is missing"
            )
        else:
            self.problem = f"InfluxDB at {self._url} does not take points now: {answer.words}"
        kind = f"{answer.fate} {answer.words[:12]}"
        if kind != self._said:
            self._said = kind
            level = logging.ERROR if answer.fate is Fate.ACT else logging.WARNING
            log.log(level, "%s. Nothing is lost: points wait in the spool", self.problem)

    def _once(self, kind: str, words: str, *values: object) -> None:
        """Warn of this kind of thing for the first time only."""
        if kind not in self._refused and len(self._refused) < _KINDS_LIMIT:
            self._refused.add(kind)
            log.warning("InfluxDB at %s: %s", self._url, words % values)
