"""A script is determined by its seed, and can be asked about any second in any order."""

import io
import json
from collections import Counter
from typing import Any

import pytest

from crn_simulator.script.fault import Fault
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript, every_fault
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.truth.event import EventKind, TruthEvent, events_between
from crn_simulator.truth.node_truth import truth_at
from crn_simulator.truth.truth_file import TruthWriter

START = 1_750_000_000.0
HOUR = 3600.0
DAY = 86400.0


def changes(script: NetworkScript, node: int, since: float, until: float) -> tuple[TruthEvent, ...]:
    """Return what changed about a node between two times."""
    return events_between(truth_at(script, node, since), truth_at(script, node, until))


def test_same_seed_same_history() -> None:
    """Asked in another order, after other questions, a script says the same."""
    moments = [START + hour * HOUR for hour in range(0, 72, 5)]
    one, other = NetworkScript(40, 7, start=START), NetworkScript(40, 7, start=START)
    forwards = [truth_at(one, node, time) for time in moments for node in range(40)]
    backwards = [
        truth_at(other, node, time) for time in reversed(moments) for node in reversed(range(40))
    ]
    assert forwards == backwards[::-1]
    assert forwards != [
        truth_at(NetworkScript(40, 8, start=START), n, time) for time in moments for n in range(40)
    ]


def test_every_kind_of_change_happens() -> None:
    """Over two days every kind of event happens, and most nodes are up at any time."""
    script = NetworkScript(300, 3, start=START)
    kinds: Counter[EventKind] = Counter()
    for hour in range(48):
        since = START + hour * HOUR
        for node in range(len(script)):
            kinds.update(event.kind for event in changes(script, node, since, since + HOUR))
    missing = set(EventKind) - set(kinds)
    assert not missing - {EventKind.CAUSE_CHANGED}
    for hour in (0, 20, 47):
        truths = [truth_at(script, node, START + hour * HOUR) for node in range(len(script))]
        assert sum(truth.reachable for truth in truths) / len(truths) > 0.9


def test_calm() -> None:
    """Nothing happens at random; only GPUs and load change."""
    script = NetworkScript(200, 3, start=START, calm=True)
    kinds = {
        event.kind for node in range(200) for event in changes(script, node, START, START + 2 * DAY)
    }
    assert kinds <= {EventKind.GPU_TAKEN, EventKind.GPU_RELEASED}


def test_shares_are_exact() -> None:
    """Every fault gets its part of the nodes, and keeps it."""
    script = NetworkScript(2000, 1, start=START, shares=every_fault(0.5) | {Fault.REFUSED: 0.1})
    for time in (START, START + DAY):
        held = Counter(script.stage(node, time).spec.fault for node in range(2000))
        assert set(held) == set(Fault)
        assert held[Fault.REFUSED] >= 200
        assert held[Fault.GZIP_BOMB] == round(2000 * 0.5 / (len(Fault) - 1))


def test_too_few_nodes() -> None:
    """A script refuses shares that it cannot give."""
    with pytest.raises(ValueError, match="10 nodes are too few"):
        NetworkScript(10, shares=every_fault(0.1))


def test_planned_incidents() -> None:
    """An incident that is given lies where it is given, flapping included."""
    flaps = Incident(Fault.BLACK_HOLE, START + 100, START + 200, period=20)
    script = NetworkScript(2, calm=True, start=START, speed=50, incidents={1: [flaps]})
    failures = [
        truth_at(script, 1, START + second).failure for second in (99, 100, 109, 110, 120, 200)
    ]
    assert failures == ["none", *["connect_timeout"] * 2, "none", "connect_timeout", "none"]
    assert truth_at(script, 0, START + 100).reachable


def test_tempo() -> None:
    """At 24 times the speed, an hour holds what a day does."""
    slow, fast = NetworkScript(60, 5, start=START), NetworkScript(60, 5, start=START, speed=24)
    for node in range(60):
        assert truth_at(slow, node, START + DAY) == truth_at(fast, node, START + HOUR)


def test_troubles() -> None:
    """Windows are half open, and say whether they blind a client."""
    windows = (
        TroubleWindow(Trouble.EVERYTHING, START + 60, START + 120),
        TroubleWindow(Trouble.API_STALE, START + 60, START + 180),
    )
    script = NetworkScript(1, start=START, windows=windows)
    counts = [len(script.troubles(START + second)) for second in (59, 60, 119, 120, 180)]
    assert counts == [0, 2, 2, 1, 0]
    assert script.trouble_began(Trouble.API_STALE, START + 100) == START + 60
    assert script.trouble_began(Trouble.API_STALE, START + 200) == START + 200
    assert [
        trouble for trouble in Trouble if trouble.is_blinding and trouble.startswith("api")
    ] == []


def test_truth_holds_what_can_be_found() -> None:
    """No usage or IPv6 of a node that is not reachable, and its version only beside a 5xx."""
    script = NetworkScript(2000, 2, start=START, calm=True, shares=every_fault(0.5))
    for node in range(2000):
        truth = truth_at(script, node, START)
        assert truth.reachable == (truth.failure == "none") == (truth.fault == "none")
        if not truth.reachable:
            assert (truth.usage, truth.ipv6) == (None, None)
            assert truth.version is None or truth.failure == "server_error"
        if truth.cause is Fault.NONE:
            assert truth.usage is None or truth.usage.cpu_count > 0
        if FAULT_EFFECTS[truth.cause].reachable:
            assert truth.reachable


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_record() -> None:
    """A header, then one line per node and change, with the events beside it."""
    planned = Incident(Fault.REFUSED, START + 60, START + 120)
    windows = (TroubleWindow(Trouble.NAMES_SILENT, START + 60, START + 120),)
    script = NetworkScript(3, 1, start=START, calm=True, incidents={2: [planned]}, windows=windows)
    file = io.StringIO()
    record = TruthWriter(script, file, load=False)
    for minute in range(4):
        record.write(START + minute * 60)
    lines = _lines(file.getvalue())
    node = script.profile(2).hash
    header = {"kind": "header", "format": 1, "seed": 1, "nodes": 3, "start": START, "tempo": 1.0}
    assert lines[0] == header
    assert [line["since"] - START for line in lines if line["kind"] == "truth"] == [
        0,
        0,
        0,
        60,
        120,
    ]
    assert [
        (line["since"] - START, line["event"], line["node"], line["old"], line["new"])
        for line in lines
        if line["kind"] == "event"
    ] == [
        (60, "down", node, "none", "connect_refused"),
        (120, "up", node, "connect_refused", "none"),
    ]
    assert [
        (line["since"] - START, line["troubles"], line["blind"])
        for line in lines
        if line["kind"] == "trouble"
    ] == [(0, [], False), (60, ["names_silent"], True), (120, [], False)]


def test_record_of_figures() -> None:
    """With figures there is a line whenever the load moves."""
    script = NetworkScript(1, 1, start=START, calm=True)
    file = io.StringIO()
    record = TruthWriter(script, file)
    for minute in range(3):
        record.write(START + minute * 60)
    truths = [line for line in _lines(file.getvalue()) if line["kind"] == "truth"]
    assert len({line["usage"]["load1"] for line in truths}) == 3
