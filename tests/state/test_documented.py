"""What docs/state.md says is what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.model.event import EventKind
from collector.model.vantage import BlindReason
from collector.state.hysteresis import Hysteresis
from collector.state.plan import LADDER
from collector.times import DAY, HOUR

PAGE = (Path(__file__).parents[2] / "docs" / "state.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*EventKind, *BlindReason])
def test_every_word_is_explained(word: str) -> None:
    """Every kind of event and every reason for blindness is explained."""
    assert f"`{word}`" in PAGE


def test_the_rule() -> None:
    """The page gives the numbers that are the defaults."""
    assert Hysteresis() == Hysteresis(3, 5, 2)
    assert "**down after 3 bad rounds of its last 5**, and **up again after 2 good ones" in PAGE


def test_the_ladder() -> None:
    """The page gives the ladder's intervals."""
    assert LADDER == ((DAY, 15 * 60), (HOUR, 5 * 60))
    assert "| an hour | every 5 minutes |\n| a day | every 15 minutes |" in PAGE
