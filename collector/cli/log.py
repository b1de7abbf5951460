"""Logging to the standard error."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from collector.text import escaped


def log_to_stderr(level: str) -> None:
    """Log messages of this level and above to the standard error, one line each, times in UTC."""
    formatter = _Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("apscheduler", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    """Escapes what is not printable: a message may hold text from strangers."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        return escaped(super().formatMessage(record))

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802
        return "\n".join(map(escaped, super().formatException(ei).split("\n")))


_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)
