"""Whether a database accepts what it is sent. Logs changes, not every write."""

from __future__ import annotations

import logging

from collector.influx.batch_sender import SendResult
from collector.influx.write_result import Fate, WriteResult

log = logging.getLogger(__name__)

_WARNINGS_LIMIT = 256
"""Kinds of lines that are warned of."""


class DatabaseStatus:
    """The outcome of the last write, and its reason if it failed."""

    def __init__(self, url: str) -> None:
        self.ready = False
        """Whether the last write succeeded; False before the first."""
        self.problem = ""
        """Why it failed, for an operator; '' if it succeeded, or before the first."""
        self._url = url
        self._failure = ""
        """What was logged last; '' while writes succeed."""
        self._warned: set[str] = set()

    def write_succeeded(self, result: SendResult) -> None:
        """Note what the database took of these lines; warn once of each kind that it did not.

        It is not ready while it rejects every line that it gets.
        """
        if result.rejected and not (result.accepted or result.dropped):
            self.ready = False
            self.problem = f"InfluxDB at {self._url}: every line rejected: {result.rejected[0][1]}"
        else:
            if self._failure:
                log.warning("InfluxDB at %s: write succeeded again", self._url)
            self.ready, self.problem, self._failure = True, "", ""
        if result.dropped:
            self._warn_once("dropped", f"{result.dropped} points dropped: older than its retention")
        for line, message in result.rejected:
            measurement = line.partition(",")[0]
            self._warn_once(
                f"{measurement} {message[:40]}",
                f"points of {measurement} rejected: {message}; "
                "`crn-collector spool rejected` lists them",
            )

    def write_failed(self, outcome: WriteResult) -> None:
        """Note that the database took nothing; log the reason if it is a new one."""
        self.ready = False
        self.problem = f"InfluxDB at {self._url}: write failed: {outcome.message}"
        if outcome.fate is Fate.BLOCKED:
            self.problem = (
                f"InfluxDB at {self._url}: write failed, operator action required: "
                f"{outcome.message}. {outcome.advice}"
            )
        failure = f"{outcome.fate} {outcome.message[:12]}"
        if failure != self._failure:
            self._failure = failure
            level = logging.ERROR if outcome.fate is Fate.BLOCKED else logging.WARNING
            log.log(level, "%s. Nothing is lost: points wait in the spool", self.problem)

    def _warn_once(self, kind: str, message: str) -> None:
        """Warn of the first of its kind."""
        if kind not in self._warned and len(self._warned) < _WARNINGS_LIMIT:
            self._warned.add(kind)
            log.warning("InfluxDB at %s: %s", self._url, message)
