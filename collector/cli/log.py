"""Logging: one line per message on the standard error."""

from __future__ import annotations

import logging
import time


def log_to_stderr(level: str) -> None:
    """One line per message, in UTC."""
    handler = logging.StreamHandler()
    form = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    form.converter = time.gmtime
    form.default_time_format = "%Y-%m-%dT%H:%M:%S"
    form.default_msec_format = "%s.%03dZ"
    handler.setFormatter(form)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("apscheduler", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
