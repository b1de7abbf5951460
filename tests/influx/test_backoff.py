"""How long a failing database is left alone."""

from __future__ import annotations

from collector.influx.backoff import Backoff


def test_backoff() -> None:
    """Doubles up to a ceiling, half of it by chance, and never less than what was asked for."""
    least, most = Backoff(1, 60, lambda: 0.0), Backoff(1, 60, lambda: 1.0)
    assert [least.seconds(n) for n in (1, 2, 3, 7, 10_000)] == [0.5, 1, 2, 30, 30]
    assert [most.seconds(n) for n in (1, 2, 3, 7, 10_000)] == [1, 2, 4, 60, 60]
    assert most.seconds(1, retry_after_seconds=100) == 100
    assert most.seconds(9, retry_after_seconds=1) == 60
