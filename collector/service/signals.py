"""Which signals ask to stop, and what they do before there is an event loop to stop."""

from __future__ import annotations

import os
import signal
from types import FrameType


def stop_signals() -> list[signal.Signals]:
    """Return the signals besides Ctrl-C that ask to stop: SIGTERM, and SIGHUP where it is heard.

    SIGHUP comes when a terminal is closed; under `nohup` it is ignored, and stays so.
    """
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN:
        return [signal.SIGTERM]
    return [signal.SIGTERM, hang_up]


def end_at_signals() -> None:
    """From now on let SIGTERM and SIGHUP end the process at once, also as process 1."""
    for number in stop_signals():
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    """End by the signal itself, so that whoever waits for this process sees which one it was.

    Process 1 of a container cannot end in this way: it exits with what a shell would report.
    """
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
