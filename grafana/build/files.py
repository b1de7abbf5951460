"""Every file that is written for Grafana, by its path below `grafana/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from grafana.build import runbook
from grafana.build.alerts import RULES
from grafana.build.capacity import board as capacity
from grafana.build.collector import board as collector
from grafana.build.dashboard import FOLDER
from grafana.build.network import board as network
from grafana.build.node import board as node
from grafana.build.query import Json
from grafana.build.rule import RECEIVER, group

ROOT: Final = Path(__file__).parents[1]


def contact_points() -> Json:
    """One contact point whose kind and target come from the environment."""
    return {
        "apiVersion": 1,
        "contactPoints": [
            {
                "orgId": 1,
                "name": RECEIVER,
                "receivers": [
                    {
                        "uid": "crn-operators",
                        "type": "$GRAFANA_ALERT_TYPE",
                        "settings": {
                            "url": "$GRAFANA_ALERT_URL",
                            "addresses": "$GRAFANA_ALERT_EMAIL",
                        },
                        "disableResolveMessage": False,
                    }
                ],
            }
        ],
    }


def rules() -> Json:
    """All alert rules."""
    written = [rule.written(runbook.panel_of(rule)) for rule in RULES]
    return {"apiVersion": 1, "groups": [group("crn", written, FOLDER)]}


def contents() -> dict[Path, str]:
    """What each file must hold."""
    built = {
        "dashboards/network.json": network.build(),
        "dashboards/node.json": node.build(),
        "dashboards/capacity.json": capacity.build(),
        "dashboards/collector.json": collector.build(),
        "dashboards/runbook.json": runbook.build(),
        "provisioning/alerting/contact-points.json": contact_points(),
        "provisioning/alerting/rules.json": rules(),
    }
    return {
        ROOT / path: json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        for path, document in built.items()
    }


def stale() -> list[str]:
    """Files that are not what the builder would write."""
    return [
        path.relative_to(ROOT.parent).as_posix()
        for path, text in contents().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
