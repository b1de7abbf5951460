"""The Node dashboard: everything about one node."""

from __future__ import annotations

from grafana.build.dashboard import LOOKBACK, NODE, dashboard, datasource, events, vantage, variable
from grafana.build.labels import FAINT_BAD, FAINT_CALM, FAINT_GOOD
from grafana.build.node.activity import about_row, checks_row, events_row
from grafana.build.node.availability import answers_row, timeline_row
from grafana.build.node.now import now_row
from grafana.build.node.queries import LOAD, PHASES
from grafana.build.node.resources import gpus_row, resources_row
from grafana.build.query import SELECTED_NODE, Json


def build() -> Json:
    """The whole dashboard."""
    marked = (PHASES, LOAD)
    return dashboard(
        NODE,
        "CRN node",
        "One compute node: its availability, response times, resources and events.",
        [
            now_row(),
            timeline_row(),
            answers_row(),
            resources_row(),
            about_row(),
            checks_row(),
            gpus_row(),
            events_row(),
        ],
        variables=[
            datasource(),
            vantage(),
            variable(
                "name",
                "Node",
                "The node by its name.",
                f'SHOW TAG VALUES FROM "crn_reachability" WITH KEY = "name" WHERE {LOOKBACK}',
            ),
            variable(
                "node",
                "Hash",
                "The node's hash. A choice only where several nodes have the same name.",
                'SHOW TAG VALUES FROM "crn_reachability" WITH KEY = "node" '
                f'WHERE "name" =~ /^${{name:regex}}$/ AND {LOOKBACK}',
            ),
        ],
        annotations=[
            events("Down", ("down",), FAINT_BAD, SELECTED_NODE, panels=marked),
            events("Recovered", ("up",), FAINT_GOOD, SELECTED_NODE, panels=marked),
            events(
                "Changes",
                ("version_changed", "address_changed", "renamed", "gpu_added", "gpu_removed"),
                FAINT_CALM,
                SELECTED_NODE,
                panels=marked,
            ),
        ],
    )
