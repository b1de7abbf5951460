"""Create through its API what a Grafana lacks; what files provisioned is left alone."""

from __future__ import annotations

import os
from typing import Final

from grafana.build.alerts import RULES
from grafana.build.dashboard import FOLDER
from grafana.build.files import rules
from grafana.build.query import Json
from grafana.build.rule import RECEIVER, SOURCE
from grafana.check.api import Grafana
from grafana.check.document import dashboards

FOLDER_UID: Final = "crn"


def provision(grafana: Grafana) -> list[str]:
    """Make the data source, the dashboards and the rules that are missing; what was made."""
    made = []
    if grafana.find(f"/api/datasources/uid/{SOURCE}") is None:
        grafana.call("/api/datasources", _source())
        made.append("data source")
    missing = [
        document
        for document in dashboards()
        if grafana.find(f"/api/dashboards/uid/{document['uid']}") is None
    ]
    rules_there = grafana.find(f"/api/v1/provisioning/alert-rules/{RULES[0].uid}") is not None
    if (missing or not rules_there) and grafana.find(f"/api/folders/{FOLDER_UID}") is None:
        grafana.call("/api/folders", {"uid": FOLDER_UID, "title": FOLDER})
    for document in missing:
        body = {"dashboard": document, "folderUid": FOLDER_UID, "overwrite": True}
        grafana.call("/api/dashboards/db", body)
        made.append(f"dashboard {document['uid']}")
    if not rules_there:
        _make_rules(grafana)
        made.append("alert rules")
    return made


def _source() -> Json:
    return {
        "uid": SOURCE,
        "name": "CRN InfluxDB",
        "type": "influxdb",
        "access": "proxy",
        "url": os.environ["GRAFANA_INFLUXDB_URL"],
        "jsonData": {
            "version": "InfluxQL",
            "dbName": os.environ.get("GRAFANA_INFLUXDB_DATABASE", "crn"),
            "httpMode": "POST",
            "timeInterval": "60s",
            "httpHeaderName1": "Authorization",
        },
        "secureJsonData": {
            "httpHeaderValue1": f"Token {os.environ.get('GRAFANA_INFLUXDB_TOKEN', '')}"
        },
    }


def _make_rules(grafana: Grafana) -> None:
    """The rules of the file in the API's own shape, and a contact point that leads nowhere."""
    points = grafana.call("/api/v1/provisioning/contact-points")
    if RECEIVER not in {point["name"] for point in points}:
        nowhere = {"url": "http://localhost:9/"}
        grafana.call(
            "/api/v1/provisioning/contact-points",
            {"name": RECEIVER, "type": "webhook", "settings": nowhere},
        )
    for group in rules()["groups"]:
        where = {"orgID": 1, "folderUID": FOLDER_UID, "ruleGroup": group["name"]}
        for rule in group["rules"]:
            grafana.call("/api/v1/provisioning/alert-rules", rule | where)
