"""The benchmark of truth, small: it finds nothing wrong, and it would find what is wrong."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.ground.round_log import read_log
from bench.ground.runner import LOG_FILE, run_scripted
from bench.ground.scenario import Scenario
from bench.ground.status_rule import ExpectedStatus
from bench.ground.transition_check import TransitionCheck

pytestmark = pytest.mark.slow

TRUTH = Path(__file__).parents[1] / "bench" / "truth.py"
SECONDS = 180

Entry = dict[str, Any]


def truth(*options: object) -> tuple[dict[str, int], str]:
    """Return the last line of the benchmark, and all its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", TRUTH, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode in (0, 1), output
    return json.loads(done.stdout.splitlines()[-1]), output


@pytest.mark.timeout(SECONDS)
def test_a_live_network_is_recorded_as_it_is() -> None:
    """Every cell of 8 rounds with every fault is right: failure, fault, version, IPv6, GPUs."""
    figures, output = truth("--nodes", 84, "--rounds", 8, "--seed", 4, "--starts", 50)
    assert figures == {"nodes": 84, "rounds": 8, "cells": figures["cells"], "wrong": 0}, output
    assert figures["cells"] > 84 * 8 * 6


@pytest.mark.timeout(SECONDS)
def test_states_follow_the_scenario() -> None:
    """Incidents, troubles, kills and clock steps: no transition or fault is false or missed."""
    figures, output = truth("--states", "--nodes", 84, "--rounds", 36, "--seed", 3, "--live", 6)
    assert figures == {
        "nodes": 84,
        "rounds": 36,
        "transitions": figures["transitions"],
        "false_transitions": 0,
        "missed_transitions": 0,
        "wrong_faults": 0,
    }, output
    assert figures["transitions"] > 20


@pytest.mark.parametrize(
    ("rounds", "up"),
    [
        pytest.param("G", "1", id="first-good"),
        pytest.param("B", "0", id="first-bad"),
        pytest.param("GBBG", "1111", id="two-of-four"),
        pytest.param("GBBB", "1110", id="three-in-a-row"),
        pytest.param("GBGBGB", "111110", id="three-of-five"),
        pytest.param("BGBGG", "00001", id="two-good-in-a-row"),
        pytest.param("GBB..B", "111110", id="evidence-again-in-time"),
        pytest.param("GBB...B", "1111111", id="a-gap"),
        pytest.param("BBBGGBB", "0000111", id="a-recovery-forgets"),
    ],
)
def test_the_rule(rounds: str, up: str) -> None:
    """The second implementation of the rule; a dot is a round without evidence."""
    status, found = ExpectedStatus(60), ""
    for number, letter in enumerate(rounds):
        if letter != ".":
            status.add_evidence(number * 60, letter == "G")
        found += "01"[bool(status.up)]
    assert found == up


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, list[Entry]]:
    """Return a short scenario and the log of a collector that ran through it."""
    scenario, folder = Scenario(80, 24, 5), tmp_path_factory.mktemp("scenario")
    summary = run_scripted(scenario, folder, lambda _: None)
    return scenario, read_log(folder / LOG_FILE, summary.rounds - 1)


def _errors(scenario: Scenario, entries: list[Entry]) -> tuple[int, int, int]:
    check = TransitionCheck(scenario)
    for entry in entries:
        check.check(entry)
    return (check.false_transitions, check.missed_transitions, check.wrong_faults)


def _first_down(entries: list[Entry]) -> tuple[Entry, list[Any]]:
    return next((entry, e) for entry in entries for e in entry["events"] if e[1] == "down")


def _omit_event(entries: list[Entry]) -> None:
    entry, event = _first_down(entries)
    entry["events"].remove(event)


def _repeat_event(entries: list[Entry]) -> None:
    entry, event = _first_down(entries)
    entries[entries.index(entry) + 1]["events"].append(event)


def _change_fault(entries: list[Entry]) -> None:
    entry, event = _first_down(entries)
    entry["rows"][event[0]][0][4:] = ["blind", "vantage"]


def _change_up(entries: list[Entry]) -> None:
    entry, event = _first_down(entries)
    entry["rows"][event[0]][0][1] = True


@pytest.mark.parametrize(
    ("corrupt", "errors"),
    [
        pytest.param(lambda entries: None, (0, 0, 0), id="nothing"),
        pytest.param(_omit_event, (0, 1, 0), id="a-down-that-was-not-recorded"),
        pytest.param(_repeat_event, (1, 0, 0), id="a-down-recorded-twice"),
        pytest.param(_change_fault, (0, 0, 1), id="a-wrong-fault"),
        pytest.param(_change_up, (1, 0, 0), id="a-wrong-up"),
    ],
)
def test_what_is_wrong_is_found(
    played: tuple[Scenario, list[Entry]],
    corrupt: Callable[[list[Entry]], None],
    errors: tuple[int, int, int],
) -> None:
    """Each kind of error is counted as what it is."""
    scenario, entries = played
    corrupted = copy.deepcopy(entries)
    corrupt(corrupted)
    assert _errors(scenario, corrupted) == errors
