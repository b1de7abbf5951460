"""What every panel, variable and annotation asks, on every InfluxDB that is here."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from collector.model.failure import Failure
from collector.schema.measurements import CrnReachability
from tests.support.grafana_dashboards import DASHBOARDS, load, panel_query, panels, sent
from tests.support.grafana_database import Bucket, Database, Series
from tests.support.grafana_example import BEGIN, END, EXAMPLE, LOST, NOW
from tests.support.grafana_story import HOUR, Machine, Round

MACHINES = EXAMPLE.machines()
LAST = Round(EXAMPLE, MACHINES, "default", END - 60)
STATES = [LAST.state_of(number, machine) for number, machine in enumerate(MACHINES)]
WITH_GPU: Machine = next(m for m in MACHINES if m.gpus and not m.dead)
NODE: Machine = MACHINES[2]


def _targets() -> list[object]:
    return [
        pytest.param(panel, target["query"], id=f"{path.stem}-{panel['title']}-{target['refId']}")
        for path in DASHBOARDS
        for panel in panels(load(path))
        for target in panel["targets"]
    ]


def _range(panel: dict[str, Any]) -> int:
    since = panel.get("timeFrom")
    return NOW - int(since[:-1]) * 60 if since else BEGIN


def ask(bucket: Bucket, query: str, begin: int = BEGIN, machine: Machine = NODE) -> list[Series]:
    """What a panel that shows the whole story gets."""
    return bucket.ask(sent(query, begin, NOW, step=300, node=machine.hash, name=machine.name))


@pytest.mark.parametrize(("panel", "query"), _targets())
def test_every_query_has_an_answer(lived: Bucket, panel: dict[str, Any], query: str) -> None:
    """No panel is empty when something of everything has happened."""
    machine = WITH_GPU if "crn_gpu" in query and "node" in query else NODE
    series = ask(lived, query, _range(panel), machine)
    assert any(value is not None for one in series for row in one.values for value in row[1:])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_choice_has_values(lived: Bucket, path: Any) -> None:
    """A variable offers what is in the database, the hash only that of the chosen name."""
    offered = {
        variable["name"]: [row[1] for one in ask(lived, variable["query"]) for row in one.values]
        for variable in load(path)["templating"]["list"]
        if variable["type"] == "query"
    }
    expected = {
        "vantage": ["default"],
        "model": sorted({model for m in MACHINES if not m.dead for model, _, _ in m.gpus}),
        "name": sorted(machine.name for machine in MACHINES),
        "node": [NODE.hash],
    }
    assert {name: sorted(values) for name, values in offered.items()} == {
        name: values for name, values in expected.items() if name in offered
    }


def test_a_name_is_free_text(database: Database) -> None:
    """A name full of what means something in a query still finds its own node, and only that."""
    bucket = database.create("names")
    names = ["we/ird.*(x)|'y' $1 [z]", "weird", "we/irdAA(x)|'y' $1 [z]", 'Zürich 日本 🦀, a=b "c"']
    bucket.write(
        CrnReachability(
            time=NOW - 60,
            vantage="default",
            node=str(number) * 64,
            name=name,
            reachable=None,
            up=None,
            since=None,
            lost=False,
            probed=True,
            status_code=None,
            linked=True,
            inactive=False,
            weight=1.0,
            evidence_age_seconds=None,
            dns_seconds=None,
            tcp_seconds=None,
            tls_seconds=None,
            ttfb_seconds=None,
            duration_seconds=None,
            cert_expiry_seconds=None,
            score=None,
            failure="none",
            fault="none",
            address=None,
        )
        for number, name in enumerate(names)
    )
    (path,) = [path for path in DASHBOARDS if path.stem == "node"]
    (query,) = [
        variable["query"]
        for variable in load(path)["templating"]["list"]
        if variable["name"] == "node"
    ]
    for number, name in enumerate(names):
        (series,) = bucket.ask(sent(query, BEGIN, NOW, name=name))
        assert series.column("value") == [str(number) * 64]


def test_annotations_find_the_events(lived: Bucket) -> None:
    """One mark for each node that went down, with the event in words."""
    (path,) = [path for path in DASHBOARDS if path.stem == "network"]
    down = load(path)["annotations"]["list"][0]["target"]["query"]
    (series,) = ask(lived, down)
    assert sorted(series.column("text")) == sorted(
        f"{MACHINES[number].name} is down: {outage.failure}"
        for outage in EXAMPLE.outages
        for number in outage.nodes
        if not MACHINES[number].dead
    )


def test_nodes_are_counted(lived: Bucket) -> None:
    """The last step of the trend is the state of the last round."""
    (series,) = lived.ask(sent(panel_query("network", "Nodes up over time"), END - 60, END - 1))
    assert series.column("Listed") == [len(MACHINES)]
    (up,) = series.column("Up")
    assert up == sum(not one.down and not one.machine.refused for one in STATES)
    (reachable,) = series.column("Reachable")
    assert reachable == sum(one.failure is Failure.NONE for one in STATES)


def test_failures_are_those_of_the_newest_round(lived: Bucket) -> None:
    """Every cause with its number of nodes; other causes stand at zero."""
    series = ask(lived, panel_query("network", "Failures now"), NOW - 900)
    found = {one.tags["failure"]: one.values[0][1] for one in series}
    truth = Counter(str(one.failure) for one in STATES if one.failure is not Failure.NONE)
    assert {cause: nodes for cause, nodes in found.items() if nodes} == truth


def test_the_nodes_that_are_down_are_listed(lived: Bucket) -> None:
    """Lost and long-dead nodes, told apart; refused addresses are neither up nor down."""
    series = ask(lived, panel_query("network", "Nodes down now"), NOW - 600)
    found = {one.tags["name"]: one.column("lost")[0] for one in series if one.column("up")[0] == 0}
    assert found == {one.machine.name: int(one.lost) for one in STATES if one.down}
    assert {name for name, lost in found.items() if lost} == {
        MACHINES[number].name for number in LOST if not MACHINES[number].dead
    }


def test_uptime_is_that_of_the_script(lived: Bucket) -> None:
    """A node is up for the share of rounds in which it was not down; blindness costs nothing."""
    series = ask(lived, panel_query("network", "Lowest uptime"))
    found = {one.tags["name"]: one.column("uptime")[0] for one in series}
    rounds = [
        time
        for time in EXAMPLE.rounds()
        if not any(begin <= time < end for begin, end in EXAMPLE.silent)
    ]
    for number, machine in enumerate(MACHINES):
        if machine.refused:
            continue
        outages = [outage for outage in EXAMPLE.outages if number in outage.nodes]
        up = [not machine.dead and not any(o.down(time) for o in outages) for time in rounds]
        assert found[machine.name] == pytest.approx(sum(up) / len(rounds)), machine.name


def test_gpus_are_counted_by_model(lived: Bucket) -> None:
    """Cards, used and free ones, of each model in the newest round."""
    series = ask(lived, panel_query("capacity", "GPUs by model"), NOW - 900)
    found = {one.tags["model"]: tuple(one.values[0][1:4]) for one in series}
    cards: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for one in STATES:
        if one.failure is Failure.NONE:
            for model, _, total in one.machine.gpus:
                cards[model] += total
                used[model] += LAST.used_cards(one.machine, total)
    assert found == {
        model: (cards[model], used[model], cards[model] - used[model]) for model in cards
    }


def test_versions_are_counted(lived: Bucket) -> None:
    """Every release with the nodes that run it."""
    series = lived.ask(sent(panel_query("network", "Firmware versions"), END - 60, END - 1))
    found = {one.tags["version"]: one.values[0][1] for one in series}
    known = [one.machine for one in STATES if not one.machine.dead and not one.machine.refused]
    assert found == Counter(machine.version for machine in known)


def test_a_gap_stays_a_gap(lived: Bucket) -> None:
    """While nothing was written nothing is shown, neither zero nor the last value."""
    query = sent(
        panel_query("network", "Nodes up over time"), BEGIN + 5 * HOUR - 120, BEGIN + 5 * HOUR + 420
    )
    (series,) = lived.ask(query)
    assert series.column("Up")[2:6] == [None] * 4
    assert None not in series.column("Up")[:2]


def test_a_node_has_its_own_figures(lived: Bucket) -> None:
    """The Node dashboard shows one node, by its hash."""
    (state,) = ask(lived, panel_query("node", "State"), NOW - 900)
    (version,) = ask(lived, panel_query("node", "Version"))
    assert (state.values[0][1], version.values[0][1]) == (int(2 not in LOST), NODE.version)


def test_long_ranges_are_thinned_out(lived: Bucket) -> None:
    """A panel asks for as many steps as it has room for, so seven hours are few rows."""
    (series,) = lived.ask(
        sent(panel_query("network", "Nodes up over time"), BEGIN, END - 60, step=1800)
    )
    assert len(series.values) == 14


@pytest.mark.parametrize(("panel", "query"), _targets())
def test_a_figure_is_one_series(lived: Bucket, panel: dict[str, Any], query: str) -> None:
    """A panel with one number has one to show, whatever the query groups on the way."""
    if panel["type"] == "stat":
        assert len(ask(lived, query, _range(panel))) == 1
