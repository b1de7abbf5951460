"""GPUs by model: now and over time."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.capacity.queries import FREE, SELECTED_MODELS
from grafana.build.field import HIDE_ZEROS, graded, override
from grafana.build.grid import Row, row
from grafana.build.panel import lines, states, table
from grafana.build.query import SELECTED_VANTAGES, latest_trend, newest_totals, total_trend


def gpus_row() -> Row:
    """Cards of each model now, and free ones over time."""
    number = {"custom__width": 75}
    return row(
        10,
        (
            10,
            table(
                "GPUs by model",
                "Cards of each model in the newest round: total, used, free, and nodes with them.",
                newest_totals(
                    'last("total") AS "total", last("used") AS "used", '
                    'last("available") AS "available", last("nodes") AS "nodes"',
                    "network_gpu",
                    SELECTED_VANTAGES,
                    SELECTED_MODELS,
                    by=["model"],
                ),
                transformations=[
                    transform.filter_rows(("total", "greater", 0)),
                    transform.sort("total", largest_first=True),
                    transform.columns("model", "total", "used", "available", "nodes"),
                ],
                overrides=[
                    override("model", displayName="Model"),
                    override("total", displayName="Total", **number),
                    override("used", displayName="Used", **number),
                    override(
                        "available",
                        displayName="Free",
                        **graded(FREE),
                        **number,
                    ),
                    override("nodes", displayName="Nodes", **number),
                ],
                since="15m",
            ),
        ),
        (
            14,
            lines(
                "GPUs free, by model",
                "Cards that are not in use. A model that stays at zero all the time is left out.",
                total_trend(
                    'mean("available")',
                    "network_gpu",
                    SELECTED_VANTAGES,
                    SELECTED_MODELS,
                    by=["model"],
                    alias="$tag_model",
                ),
                overrides=[HIDE_ZEROS],
                stack=True,
                steps=True,
                low=0,
                decimals=0,
                legend="right",
                calcs=["lastNotNull", "min"],
            ),
        ),
    )


def when_row() -> Row:
    """Free cards of each model, step by step."""
    return row(
        9,
        (
            24,
            states(
                "Free GPUs over time",
                "Free cards of each model, step by step: red none, orange one or two, green "
                "three or more. An empty step: no measurement.",
                latest_trend(
                    'last("available")',
                    "network_gpu",
                    SELECTED_VANTAGES,
                    SELECTED_MODELS,
                    by=["model"],
                    alias="$tag_model",
                ),
                levels=FREE,
                cells=True,
                steps=48,
                legend=False,
            ),
        ),
    )
