"""Seven hours of forty nodes in which something of everything happens, from two vantages."""

from __future__ import annotations

from typing import Final

from collector.model.failure import Failure
from tests.support.grafana_story import HOUR, Outage, Story

BEGIN: Final = 1_780_002_000
END: Final = BEGIN + 7 * HOUR
NOW: Final = END
"""The newest round is a minute old."""

LOST: Final = frozenset({2, 5})
"""Nodes that are down at the end and were up before."""

EXAMPLE: Final = Story(
    begin=BEGIN,
    end=END,
    seed=4,
    count=40,
    dead_ratio=0.2,
    gpu_ratio=0.3,
    outages=(
        Outage(frozenset({1, 2, 3}), BEGIN + HOUR, BEGIN + HOUR + 1200),
        Outage(LOST, END - 1800, END + HOUR, Failure.ANSWER_TIMEOUT),
    ),
    blind=(("default", BEGIN + 3 * HOUR, BEGIN + 3 * HOUR + 600),),
    silent=((BEGIN + 5 * HOUR, BEGIN + 5 * HOUR + 240),),
)
