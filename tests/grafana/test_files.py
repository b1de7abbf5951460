"""The files that Grafana reads: in step with their builder, and what an operator needs in them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from collector.model.failure import Failure, Fault
from collector.schema.measurements import MEASUREMENTS
from grafana.build import files, labels, runbook
from grafana.build.grid import row
from grafana.build.lint import problems, queries
from tests.support.grafana_dashboards import DASHBOARDS, GRAFANA, load, panels, rules

FLAGS = {
    field.name
    for kind in MEASUREMENTS
    for field in dataclasses.fields(kind)
    if "bool" in str(field.type)
}
SHOWN = re.compile(
    r'(?:SELECT |, )(?:(last|mean|max)\()?"(\w+)"\)?(?: / 86400)?(?: AS "([^"]+)")?(?=,| FROM)'
)
_TITLED = [(path.stem, panel) for path in DASHBOARDS for panel in panels(load(path))]
PANELS = [pytest.param(panel, id=f"{stem}-{panel['title']}") for stem, panel in _TITLED]


def test_files_are_in_step() -> None:
    """What is checked in is what the builder writes."""
    assert files.stale() == []


def test_a_stale_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was edited by hand is named."""
    texts = files.contents()
    path = next(iter(texts))
    monkeypatch.setattr(files, "contents", lambda: {path: texts[path] + " "})
    assert files.stale() == [path.relative_to(GRAFANA.parent).as_posix()]


@pytest.mark.parametrize("path", files.contents(), ids=lambda path: path.name)
def test_every_query_is_within_what_all_share(path: Path) -> None:
    """Only InfluxQL that was measured on 1.x, 2.x and 3.x, on measurements and fields we write."""
    assert {query: problems(query) for query in queries(load(path)) if problems(query)} == {}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ('SELECT last("up") FROM "crn_reachability" WHERE $timeFilter SLIMIT 3', "SLIMIT"),
        ("SHOW SERIES", "SHOW SERIES"),
        ('SHOW TAG VALUES FROM "network" WITH KEY = "vantage"', "one day"),
        ('SELECT last("upp") FROM "crn_reachability" WHERE $timeFilter', "upp"),
        ('SELECT last("up") FROM "crn_reach" WHERE $timeFilter', "crn_reach"),
        ('SELECT spread("nodes") FROM "network" WHERE $timeFilter', "spread"),
        ('SELECT elapsed("nodes") FROM "network" WHERE $timeFilter', "elapsed"),
        ('SELECT last("nodes") FROM "network"', "timeFilter"),
        ('SELECT last("nodes") FROM "network" WHERE $timeFilter; SHOW DATABASES', "statement"),
        ('SELECT last("nodes") INTO "x" FROM "network" WHERE $timeFilter', "INTO"),
    ],
)
def test_a_query_outside_of_that_is_refused(query: str, problem: str) -> None:
    """What 3.x lacks, what was not measured and what does not exist is named."""
    assert problem in " ".join(problems(query))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_do_not_overlap(path: Path) -> None:
    """Every place of the grid belongs to one panel at most, and every id is there once."""
    found = load(path)["panels"]
    places = [
        (x, y)
        for panel in found
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in found}) == len(found)


def test_a_row_of_a_wrong_width_is_refused() -> None:
    """Twenty-three columns would leave a hole."""
    with pytest.raises(ValueError, match="23 columns wide"):
        row(4, (23, {"title": "Narrow"}))


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_explains_itself(panel: dict[str, Any]) -> None:
    """A description of at least a sentence, a unit, thresholds, and the chosen data source."""
    defaults = panel["fieldConfig"]["defaults"]
    assert len(panel["description"]) > 20
    assert panel["description"].endswith(".")
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]
    for target in panel["targets"]:
        assert target["datasource"] == {"type": "influxdb", "uid": "${datasource}"}


@pytest.mark.parametrize("panel", PANELS)
def test_flags_are_words_and_measures_have_units(panel: dict[str, Any]) -> None:
    """Nobody sees a raw 0 or 1, seconds or bytes without their unit, or a code for a failure."""
    for function, field, shown in _shown(panel):
        properties = _properties(panel, shown)
        if field in FLAGS | {"failure", "fault", "kind"} and function in ("last", ""):
            assert properties["mappings"], shown
        if field.endswith("_seconds"):
            assert properties["unit"] in ("s", "suffix: d", "suffix: days"), shown
        if field.endswith("_bytes"):
            assert properties["unit"] in ("bytes", "decbytes"), shown


def _shown(panel: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Function, field and shown name of all that a panel shows as it is stored."""
    if panel.get("options", {}).get("reduceOptions", {}).get("calcs") == ["diffperc"]:
        return []
    dropped = {
        name
        for step in panel["transformations"]
        if step["id"] == "organize"
        for name in step["options"]["excludeByName"]
    }
    return [
        (function, field, shown or field)
        for target in panel["targets"]
        for function, field, shown in SHOWN.findall(target["query"].partition("FROM ")[0] + "FROM")
        if (shown or field) not in dropped and not target["alias"].startswith("$tag")
    ]


def _properties(panel: dict[str, Any], shown: str) -> dict[str, Any]:
    """What is set for one field: the defaults, and every override that matches it."""
    found = dict(panel["fieldConfig"]["defaults"])
    for entry in panel["fieldConfig"]["overrides"]:
        if entry["matcher"]["options"] == shown:
            found |= {one["id"]: one["value"] for one in entry["properties"]}
    return found


@pytest.mark.parametrize("panel", PANELS)
def test_titles_of_narrow_panels_are_short(panel: dict[str, Any]) -> None:
    """Three columns have room for nine letters beside the mark of the description."""
    assert panel["gridPos"]["w"] > 3 or len(panel["title"]) <= 9


PAGE = 1416
"""Pixels of 24 columns in a window of 1440, with the gap beside the last."""
FRAME = 26
"""Pixels of a panel's own gap, border and padding."""
SCROLL_BAR = 10
TABLES = [
    pytest.param(panel, id=f"{stem}-{panel['title']}")
    for stem, panel in _TITLED
    if panel["type"] == "table"
]


@pytest.mark.parametrize("panel", TABLES)
def test_tables_do_not_overflow(panel: dict[str, Any]) -> None:
    """All columns are visible at once.

    Grafana takes the fixed widths off and shares the rest evenly among the other columns, but
    none gets less than its least width, whoever has to do without.
    """
    width = PAGE * panel["gridPos"]["w"] / 24 - FRAME
    shown = [_properties(panel, name) for name in _columns(panel)]
    shown = [one for one in shown if not one.get("custom.hidden")]
    fixed = [one["custom.width"] for one in shown if "custom.width" in one]
    least = panel["fieldConfig"]["defaults"]["custom"]["minWidth"]
    free = [one.get("custom.minWidth", least) for one in shown if "custom.width" not in one]
    assert free, "no column takes what is left"
    share = (width - SCROLL_BAR - sum(fixed)) / len(free)
    assert share >= max(free)


def _columns(panel: dict[str, Any]) -> list[str]:
    """The columns of a table, by the names that its queries give them."""
    names = {"Time": None}
    for target in panel["targets"]:
        asked, _, rest = target["query"].removeprefix("SELECT ").partition(" FROM ")
        grouped = rest.rpartition(" GROUP BY ")[2] if " GROUP BY " in rest else ""
        fields = re.findall(r'AS "(\w+)"', asked) or re.findall(r'"(\w+)"', asked)
        names |= dict.fromkeys([*re.findall(r'"(\w+)"', grouped), *fields])
    dropped = {
        name
        for step in panel["transformations"]
        if step["id"] == "organize"
        for name in step["options"]["excludeByName"]
    }
    return [name for name in names if name not in dropped]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_links_lead_to_our_dashboards(path: Path) -> None:
    """Every link names a dashboard that is here and keeps the data source."""
    uids = {load(other)["uid"] for other in DASHBOARDS}
    for link in re.findall(r'"url": "([^"]+)"', path.read_text(encoding="utf-8")):
        assert link.split("/")[2].split("?")[0] in uids
        assert "${datasource:queryparam}" in link


def test_every_failure_and_fault_has_words() -> None:
    """The closed sets of the schema are covered, so no code is ever shown."""
    assert set(labels.FAILURES) == set(Failure)
    assert set(labels.FAULTS) == set(Fault)
    assert all(labels.shade(failure) for failure in Failure)


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Nodes down now", {"No node is down"}),
        ("Failures now", {"No failures"}),
        ("Outdated", {"Unknown"}),
    ],
)
def test_nothing_to_show_has_words(title: str, words: set[str]) -> None:
    """«No data» would look like a fault where nothing is wrong, or not known."""
    found = [
        panel for path in DASHBOARDS for panel in panels(load(path)) if panel["title"] == title
    ]
    assert {panel["fieldConfig"]["defaults"].get("noValue") for panel in found} == words


def test_a_node_that_is_down_and_answers_is_recovering() -> None:
    """It is up again after two good rounds: until then its cause is none."""
    (panel,) = [
        panel
        for path in DASHBOARDS
        for panel in panels(load(path))
        if panel["title"] == "Nodes down now"
    ]
    (mapping,) = _properties(panel, "failure")["mappings"]
    assert mapping["options"][Failure.NONE]["text"] == "Recovering"


def test_every_rule_has_its_section() -> None:
    """The runbook has a section for each rule, with when, what to do and when it resolves."""
    sections = runbook.sections()
    for rule in rules():
        body = sections[rule["title"]]
        assert all(word in body for word in ("**When**", "**What to do.**", "**It resolves**"))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
def test_every_rule_is_of_the_shape_that_provisioning_takes(rule: dict[str, Any]) -> None:
    """One bad rule keeps Grafana from starting, so each has all that it must have."""
    refs = [part["refId"] for part in rule["data"]]
    assert {"uid", "title", "condition", "for", "data"} <= set(rule)
    assert rule["condition"] in refs
    assert len(refs) == len(set(refs))
    assert rule["noDataState"] in ("OK", "KeepLast", "Alerting")
    assert rule["execErrState"] in ("KeepLast", "Alerting")
    assert {"grafana_folder", "alertname"} <= set(rule["notification_settings"]["group_by"])
    assert "$" not in rule["title"] + "".join(rule["labels"].values())
    for part in rule["data"]:
        assert part["model"]["refId"] == part["refId"]
        used = re.findall(r"\$(\w)\b", part["model"].get("expression", ""))
        assert set(used) <= set(refs)


def test_a_dead_collector_resolves_no_outage() -> None:
    """Without data a rule keeps its state, unless events alone are what it asks for."""
    for rule in rules():
        asked = [part["model"].get("query", "") for part in rule["data"]]
        of_events = all("network_event" in query for query in asked if query)
        expected = "OK" if of_events else "Alerting" if rule["title"] == "Dead man" else "KeepLast"
        assert rule["noDataState"] == expected, rule["title"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
def test_every_alert_says_what_where_and_what_to_do(rule: dict[str, Any]) -> None:
    """The node by name if it is about one, links to a dashboard and to the runbook."""
    texts = rule["annotations"]
    about_node = any('"node"' in part["model"].get("query", "") for part in rule["data"][:1])
    if about_node:
        assert "{{ $labels.name }}" in texts["summary"]
        assert "{{ $labels.node }}" in texts["summary"]
        assert "/crn-node/" in texts["dashboard"].replace("}}d", "}}/d")
    assert len(texts["description"]) > 40
    assert "viewPanel=" in texts["runbook_url"]
    uids = {load(path)["uid"] for path in DASHBOARDS}
    assert re.findall(r"d/(crn-\w+)", texts["dashboard"] + texts["runbook_url"])
    assert set(re.findall(r"d/(crn-\w+)", texts["dashboard"] + texts["runbook_url"])) <= uids


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
def test_a_text_does_without_values(rule: dict[str, Any]) -> None:
    """A rule without data makes its text too, so every value is tested before it is shown."""
    text = rule["annotations"]["summary"]
    refs = {part["refId"] for part in rule["data"]}
    tested: list[str] = []
    for action in re.findall(r"{{ (.*?) }}", text):
        used = re.findall(r"\$values\.(\w+)", action)
        assert set(used) <= refs
        if action.startswith("if "):
            tested += used or [""]
        elif action == "end":
            tested.pop()
        else:
            assert set(used) <= set(tested), action
    assert tested == []


def test_runbook_panels_are_where_the_rules_point() -> None:
    """The panel that a rule links to has the rule's own title."""
    (path,) = [path for path in DASHBOARDS if path.stem == "runbook"]
    titles = {panel["id"]: panel["title"] for panel in load(path)["panels"]}
    for rule in rules():
        number = int(rule["annotations"]["runbook_url"].split("viewPanel=")[1])
        assert titles[number] == rule["title"]


def test_only_two_measures_of_many_lost_nodes() -> None:
    """Single nodes are silenced exactly where the one alert about many begins."""
    conditions = {rule["uid"]: rule["data"][-1]["model"]["expression"] for rule in rules()}
    limit = float(conditions["crn-many-down"].split(">=")[1])
    assert conditions["crn-node-down"] == f"$B > 0.5 && $N < {limit}"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_text_of_strangers_is_escaped_where_it_is_used(path: Path) -> None:
    """A name goes into a query as a pattern, and into a link encoded.

    Grafana escapes neither backslashes within quotes, nor anything without a format.
    """
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"\$\{(?:__data\.fields\.)?(?:name|node|model|vantage)(?::(\w+))?\}", text)
    hashes = text.count("${__data.fields.node}")
    assert used.count("") == hashes
    assert set(used) - {""} <= {"regex", "percentencode"}
    assert not re.search(r"\$(?:name|node|model|vantage)\b|\[\[", text)
    shown = [panel["options"]["content"] for panel in panels(load(path)) if panel["type"] == "text"]
    assert not [content for content in shown if "$" in content or "<script" in content]


def test_names_in_alerts_are_values() -> None:
    """A template shows a label as it is, in a link encoded, and never as a template of its own."""
    for rule in rules():
        for key, template in rule["annotations"].items():
            used = re.findall(r"\{\{ (?:(\w+) )?\$labels\.name \}\}", template)
            assert set(used) <= ({"urlquery"} if key == "dashboard" else {""})
