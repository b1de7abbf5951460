"""The check against a real Grafana: what it sends, against a stand-in that answers like one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

import pytest

from grafana.build.alerts import RULES
from grafana.build.files import rules as written
from grafana.check.__main__ import main
from grafana.check.api import Grafana, RefusedError
from grafana.check.document import filled
from grafana.check.picture import proxy
from tests.support.grafana_dashboards import DASHBOARDS, load, panels

pytestmark = pytest.mark.slow

FRAME = {"schema": {"fields": []}, "data": {"values": [[1, 2], [3, 4]]}}
SERIES = {"schema": {"fields": [{"name": "x", "labels": {"node": "a"}}]}, "data": {"values": [[0]]}}
EMPTY: dict[str, Any] = {"schema": {"fields": []}, "data": {"values": []}}


class StandIn:
    """What is in a Grafana that never saw us, and what it was sent."""

    def __init__(self, *, broken: str = "") -> None:
        self.made: list[tuple[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.judged: list[dict[str, Any]] = []
        self.broken = broken
        self.plugin = True
        self.frames: dict[str, dict[str, list[Any]]] = {}
        """Frames of single letters of a rule, by its title, where they are not one series."""
        self.states: dict[str, str] = {}
        """State of the one alert of a rule, by its title, where it is not Normal."""

    def get(self, path: str) -> Any:
        """The answer, or None for 404."""
        if path == "/api/health":
            return {"version": "11.0.0"}
        if path == "/api/plugins/influxdb/settings":
            return {"id": "influxdb"} if self.plugin else None
        if path == "/api/v1/provisioning/contact-points":
            return []
        if path == "/api/prometheus/grafana/api/v1/rules":
            evaluated = {"lastEvaluation": "2026-01-01T00:00:00Z", "health": "ok"}
            rules = [
                {"name": rule.title, "state": "inactive", "alerts": [{"state": state}]} | evaluated
                for rule in RULES
                for state in [self.states.get(rule.title, "Normal")]
            ]
            return {"data": {"groups": [{"rules": rules}]}}
        return None

    def post(self, path: str, body: Any) -> Any:
        """Keep what is made, answer what is asked."""
        if path == "/api/ds/query":
            self.asked += body["queries"]
            error = {"error": "no such thing"} if self.broken else {}
            found = bool(self.broken) and any(self.broken in q["query"] for q in body["queries"])
            return {
                "results": {
                    query["refId"]: (error if found else {}) | {"frames": [FRAME]}
                    for query in body["queries"]
                }
            }
        if path == "/api/v1/eval":
            self.judged.append(body)
            (rule,) = [rule for rule in RULES if rule.uid == _uid(body)]
            frames = self.frames.get(rule.title, {})
            refs = [part["refId"] for part in body["data"]]
            return {"results": {ref: {"frames": frames.get(ref, [SERIES])} for ref in refs}}
        self.made.append((path, body))
        return {}


def _uid(body: dict[str, Any]) -> str:
    """The rule that has these parts."""
    (uid,) = [
        rule["uid"]
        for group in written()["groups"]
        for rule in group["rules"]
        if rule["data"] == body["data"]
    ]
    return str(uid)


@contextmanager
def serving(grafana: StandIn) -> Iterator[str]:
    """The stand-in on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(grafana.get(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(grafana.post(self.path, body))

        def _answer(self, thing: Any) -> None:
            known = self.headers.get("Authorization") == "Bearer key"
            self.send_response(401 if not known else 404 if thing is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(thing if known else "who are you").encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the check as a person does."""

    def check(url: str) -> int:
        monkeypatch.setenv("GRAFANA_URL", url)
        monkeypatch.setenv("GRAFANA_TOKEN", "key")
        monkeypatch.setenv("GRAFANA_INFLUXDB_URL", "http://127.0.0.1:1")
        monkeypatch.setattr("sys.argv", ["grafana.check"])
        return main()

    return check


def test_everything_is_made_and_asked(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty Grafana gets data source, dashboards and rules, and every panel is asked."""
    grafana = StandIn()
    with serving(grafana) as url:
        assert run(url) == 0
    output = capsys.readouterr().err
    assert "no problems" in output
    assert output.count("made: dashboard") == len(DASHBOARDS)
    expected = sum(len(panel["targets"]) for path in DASHBOARDS for panel in panels(load(path)))
    asked = [query for query in grafana.asked if "${" not in query["query"]]
    assert len([q for q in asked if "intervalMs" in q]) == expected
    rules = [body for path, body in grafana.made if path.endswith("/alert-rules")]
    assert [rule["uid"] for rule in rules] == [rule.uid for rule in RULES]
    assert [_uid(body) for body in grafana.judged] == [rule.uid for rule in RULES]


NAMED = {"schema": {"fields": [{"labels": {"__name__": "network.x"}}]}, "data": {"values": [[0]]}}


@pytest.mark.parametrize(
    ("title", "frames", "words"),
    [
        ("Node down", {"C": []}, "never fires"),
        ("Node down", {"C": [EMPTY]}, "never fires"),
        ("Node down", {"E": [], "C": []}, "E without data"),
        ("Directory stale", {"A": [EMPTY], "C": [EMPTY]}, "A without data"),
        ("Many nodes down at once", {"C": [NAMED]}, "__name__"),
    ],
)
def test_a_rule_that_cannot_fire_is_named(
    run: Any, capsys: pytest.CaptureFixture[str], title: str, frames: Any, words: str
) -> None:
    """Its health is ok and its state normal, and all the same it is not well."""
    grafana = StandIn()
    grafana.frames[title] = frames
    with serving(grafana) as url:
        assert run(url) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("! ")]
    assert line.startswith(f"! {title}: ")
    assert words in line


@pytest.mark.parametrize(
    ("title", "state", "well"),
    [
        ("Node down", "Normal (NoData, KeepLast)", False),
        ("Node down", "Alerting (NoData, KeepLast)", False),
        ("Node down", "Alerting (Error, KeepLast)", False),
        ("Dead man", "Alerting (NoData)", False),
        ("Directory stale", "Normal (NoData)", False),
        ("Node flapping", "Normal (NoData)", True),
        ("Node flapping", "Normal (Error, KeepLast)", False),
        ("Node down", "Alerting", True),
        ("Node down", "Normal (MissingSeries)", True),
    ],
)
def test_a_state_that_nothing_was_judged_for_is_named(
    run: Any, capsys: pytest.CaptureFixture[str], title: str, state: str, well: bool
) -> None:
    """A state that was kept for want of data is no proof of anything."""
    grafana = StandIn()
    grafana.states[title] = state
    with serving(grafana) as url:
        assert run(url) == (0 if well else 1)
    output = capsys.readouterr().err
    assert f"1 {state}" in output
    assert (f"\n! {title}: " in output) is not well


def test_no_events_are_well(run: Any) -> None:
    """A rule that counts events has no data while nothing happens."""
    grafana = StandIn()
    grafana.frames["Node flapping"] = {"A": [], "E": [], "C": []}
    with serving(grafana) as url:
        assert run(url) == 0


def test_a_missing_data_source_is_the_reason(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Some versions lose it on an upgrade: it is output once, not for each panel."""
    grafana = StandIn()
    grafana.plugin = False
    with serving(grafana) as url:
        assert run(url) == 1
    assert "! it has no data source for InfluxDB" in capsys.readouterr().err
    assert grafana.made == []


def test_a_panel_that_fails_is_named(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Its error is shown, and the check fails."""
    with serving(StandIn(broken='FROM "crn_ipv6"')) as url:
        assert run(url) == 1
    output = capsys.readouterr().err
    assert "CRN node / IPv6" in output
    assert "! no such thing" in output


def test_a_grafana_that_is_away_is_named(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Its address and the reason, and no traceback."""
    assert run("http://127.0.0.1:1") == 1
    assert "! http://127.0.0.1:1: " in capsys.readouterr().err


def test_without_a_grafana_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No address, exit 2."""
    monkeypatch.delenv("GRAFANA_URL", raising=False)
    monkeypatch.setattr("sys.argv", ["grafana.check"])
    assert main() == 2
    assert "GRAFANA_URL" in capsys.readouterr().err


def test_the_proxy_adds_the_header() -> None:
    """The browser need not log in: the proxy sends its requests with the header of the check."""
    with serving(StandIn()) as url:
        with pytest.raises(RefusedError, match="401"):
            Grafana(url, "Bearer wrong").call("/api/health")
        with (
            proxy(Grafana(url, "Bearer key")) as address,
            urlopen(f"{address}/api/health", timeout=10) as answer,
        ):
            assert json.loads(answer.read()) == {"version": "11.0.0"}


def test_names_are_escaped() -> None:
    """A name with a slash or a dot is matched as it is."""
    query = '"name" =~ /^${name:regex}$/ AND "node" =~ /^${node:regex}$/ AND /^${vantage:regex}$/'
    chosen = {"name": "it's a/b.c", "node": "ff", "vantage": ".*"}
    expected = r""""name" =~ /^it's a\/b\.c$/ AND "node" =~ /^ff$/ AND /^.*$/"""
    assert filled(query, chosen) == expected
