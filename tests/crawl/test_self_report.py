"""What the collector reports of itself."""

from __future__ import annotations

import psutil
import pytest

from collector.crawl.self_report import own_resources


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(psutil.NoSuchProcess(1), id="hidden"),
        pytest.param(psutil.AccessDenied(1), id="denied"),
        pytest.param(FileNotFoundError(2, "/proc/stat"), id="not-mounted"),
    ],
)
def test_a_system_that_hides_processes_costs_no_round(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Without `/proc` memory and descriptors are absent, and nothing is raised."""

    def hidden() -> psutil.Process:
        raise error

    monkeypatch.setattr(psutil, "Process", hidden)
    assert own_resources() == (None, None)


def test_one_figure_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where descriptors cannot be counted, memory is still reported."""
    monkeypatch.delattr(psutil.Process, "num_fds")
    memory, descriptors = own_resources()
    assert memory is not None
    assert memory > 0
    assert descriptors is None
