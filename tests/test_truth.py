"""The benchmark of truth, small: nothing wrong is found, and what is wrong would be found."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.ground.actor import DIARY, play_scripted
from bench.ground.diary import read
from bench.ground.reckoning import Reckoning
from bench.ground.rule import DatabaseStatus
from bench.ground.storyline import Storyline

TRUTH = Path(__file__).parents[1] / "bench" / "truth.py"
SECONDS = 180

Page = dict[str, Any]


def truth(*options: object) -> tuple[dict[str, int], str]:
    """The last line of the benchmark, and everything that it said."""
    done = subprocess.run(
        [sys.executable, "-W", "error", TRUTH, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    words = done.stdout + done.stderr
    assert done.returncode in (0, 1), words
    return json.loads(done.stdout.splitlines()[-1]), words


@pytest.mark.timeout(SECONDS)
def test_a_dialled_network_is_seen_as_it_is() -> None:
    """Every cell of 8 rounds with every fault is right: failure, fault, version, IPv6, GPUs."""
    figures, words = truth("--nodes", 64, "--rounds", 8, "--seed", 4, "--starts", 50)
    assert figures == {"nodes": 64, "rounds": 8, "cells": figures["cells"], "wrong": 0}, words
    assert figures["cells"] > 64 * 8 * 6


@pytest.mark.timeout(SECONDS)
def test_states_follow_the_story() -> None:
    """Outages, troubles of ours, kills and clock steps: nothing false, missed or blamed wrongly."""
    figures, words = truth("--states", "--nodes", 60, "--rounds", 36, "--seed", 3, "--dialled", 6)
    assert figures == {
        "nodes": 60,
        "rounds": 36,
        "transitions": figures["transitions"],
        "false_transitions": 0,
        "missed_transitions": 0,
        "wrong_faults": 0,
    }, words
    assert figures["transitions"] > 20


@pytest.mark.parametrize(
    ("seen", "up"),
    [
        pytest.param("G", "1", id="first-good"),
        pytest.param("B", "0", id="first-bad"),
        pytest.param("GBBG", "1111", id="two-of-four"),
        pytest.param("GBBB", "1110", id="three-in-a-row"),
        pytest.param("GBGBGB", "111110", id="three-of-five"),
        pytest.param("BGBGG", "00001", id="two-good-in-a-row"),
        pytest.param("GBB..B", "111110", id="seen-again-in-time"),
        pytest.param("GBB...B", "1111111", id="a-gap"),
        pytest.param("BBBGGBB", "0000111", id="a-recovery-forgets"),
    ],
)
def test_the_rule(seen: str, up: str) -> None:
    """The rule as it is stated anew; a dot is a round that says nothing."""
    standing, found = DatabaseStatus(60), ""
    for number, letter in enumerate(seen):
        if letter != ".":
            standing.see(number * 60, letter == "G")
        found += "01"[bool(standing.up)]
    assert found == up


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Storyline, list[Page]]:
    """A short story and the diary of a collector that lived it."""
    told, folder = Storyline(70, 24, 5), tmp_path_factory.mktemp("story")
    played = play_scripted(told, folder, lambda _: None)
    return told, read(folder / DIARY, played.rounds - 1)


def _reckoned(story: Storyline, pages: list[Page]) -> tuple[int, int, int]:
    reckoning = Reckoning(story)
    for page in pages:
        reckoning.hold(page)
    return (reckoning.false_transitions, reckoning.missed_transitions, reckoning.wrong_faults)


def _first_down(pages: list[Page]) -> tuple[Page, list[Any]]:
    return next((page, e) for page in pages for e in page["events"] if e[1] == "down")


def _forget(pages: list[Page]) -> None:
    page, event = _first_down(pages)
    page["events"].remove(event)


def _repeat(pages: list[Page]) -> None:
    page, event = _first_down(pages)
    pages[pages.index(page) + 1]["events"].append(event)


def _blame(pages: list[Page]) -> None:
    page, event = _first_down(pages)
    page["rows"][event[0]][0][4:] = ["blind", "vantage"]


def _flip(pages: list[Page]) -> None:
    page, event = _first_down(pages)
    page["rows"][event[0]][0][1] = True


@pytest.mark.parametrize(
    ("spoil", "counts"),
    [
        pytest.param(lambda pages: None, (0, 0, 0), id="nothing"),
        pytest.param(_forget, (0, 1, 0), id="a-down-that-was-not-told"),
        pytest.param(_repeat, (1, 0, 0), id="a-down-told-twice"),
        pytest.param(_blame, (0, 0, 1), id="a-wrong-fault"),
        pytest.param(_flip, (1, 0, 0), id="a-wrong-up"),
    ],
)
def test_what_is_wrong_is_found(
    story: tuple[Storyline, list[Page]],
    spoil: Callable[[list[Page]], None],
    counts: tuple[int, int, int],
) -> None:
    """Each kind of error is counted as what it is."""
    told, pages = story
    handshake_failed = copy.deepcopy(pages)
    spoil(handshake_failed)
    assert _reckoned(told, handshake_failed) == counts
