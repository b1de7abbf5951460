"""InfluxQL as a panel asks it. Everything is raw text, so that what is asked can be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

DATASOURCE: Final[Json] = {"type": "influxdb", "uid": "${datasource}"}
SELECTED_VANTAGES: Final = '"vantage" =~ /^${vantage:regex}$/'
"""The vantages that are chosen above the panels."""
SELECTED_NODE: Final = '"node" =~ /^${node:regex}$/'
"""A pattern, since Grafana escapes nothing within quotes and a link may choose any value; databases
take one without wildcards for an equality."""
ROUND: Final = "1m"
"""A round a minute: the step in which the shards of a vantage are summed."""
_AGGREGATED: Final = re.compile(r'\w+\("(\w+)"\)')


@dataclass(frozen=True, slots=True)
class Query:
    """One question, and how Grafana shall read the answer."""

    text: str
    alias: str = "$col"
    """Name of each series: `$col` is the column, `$tag_x` a tag."""
    table: bool = False
    """Whether the answer is one table with the tags as columns, not a series for each tag."""

    def target(self, ref: str) -> Json:
        """The query as a panel's target."""
        return {
            "refId": ref,
            "datasource": DATASOURCE,
            "query": self.text,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
            "alias": "" if self.table else self.alias,
        }


def trend(
    fields: str,
    measurement: str,
    *where: str,
    by: Sequence[str] = (),
    fill: str = "null",
    alias: str = "$col",
) -> Query:
    """Fields over time, in as many steps as the panel has room for."""
    return Query(
        f'SELECT {fields} FROM "{measurement}" WHERE {_all(where)} '
        f"GROUP BY time($__interval){_tags(by, first=False)} fill({fill})",
        alias=alias,
    )


def total_trend(
    fields: str,
    measurement: str,
    *where: str,
    by: Sequence[str] = (),
    apart: Sequence[str] = (),
    alias: str = "$col",
) -> Query:
    """Figures of the whole network over time: aggregates of the sums of each round.

    `apart` names tags that are summed apart without a series for each.
    """
    sums = totals(fields, measurement, *where, by=(*by, *apart))
    return Query(
        f"SELECT {fields} FROM ({sums}) WHERE $timeFilter "
        f"GROUP BY time($__interval){_tags(by, first=False)} fill(null)",
        alias=alias,
    )


def latest_trend(
    fields: str, measurement: str, *where: str, by: Sequence[str], alias: str
) -> Query:
    """The sums of the last round in each step, averaged over the vantages."""
    return Query(
        f"SELECT {fields} FROM ({mean_totals(fields, measurement, *where, by=by)}) WHERE "
        f"$timeFilter GROUP BY time($__interval){_tags(by, first=False)} fill(null)",
        alias=alias,
    )


def newest_totals(fields: str, measurement: str, *where: str, by: Sequence[str]) -> Query:
    """A row for each value of the tags: the sums of the newest round, averaged over vantages."""
    return Query(
        f"SELECT {fields} FROM ({mean_totals(fields, measurement, *where, by=by)}) "
        f"WHERE $timeFilter GROUP BY {_tags(by)}",
        table=True,
    )


def totals(
    fields: str,
    measurement: str,
    *where: str,
    by: Sequence[str] = (),
    within: Sequence[str] = (),
) -> str:
    """Sums over the shards of each vantage in each round, of the fields that are aggregated.

    They are summed round by round, so that points from before the tag `shard`, which are of
    earlier rounds, are not added to those of shard 0. `within` names tags that are summed too.
    """
    names = list(dict.fromkeys(_AGGREGATED.findall(fields)))
    last = ", ".join(f'last("{name}") AS "{name}"' for name in names)
    added = ", ".join(f'sum("{name}") AS "{name}"' for name in names)
    return (
        f'SELECT {added} FROM (SELECT {last} FROM "{measurement}" WHERE {_all(where)} '
        f'GROUP BY time({ROUND}), "vantage", "shard"{_tags((*by, *within), first=False)} '
        f'fill(none)) WHERE $timeFilter GROUP BY time({ROUND}), "vantage"'
        f"{_tags(by, first=False)} fill(none)"
    )


def mean_totals(fields: str, measurement: str, *where: str, by: Sequence[str]) -> str:
    """The sums of each round, averaged over the vantages."""
    names = dict.fromkeys(_AGGREGATED.findall(fields))
    means = ", ".join(f'mean("{name}") AS "{name}"' for name in names)
    return (
        f"SELECT {means} FROM ({totals(fields, measurement, *where, by=by)}) WHERE $timeFilter "
        f"GROUP BY time({ROUND}){_tags(by, first=False)} fill(none)"
    )


def each(fields: str, measurement: str, *where: str, by: Sequence[str]) -> Query:
    """A row for each value of the tags, over the whole range."""
    return Query(
        f'SELECT {fields} FROM "{measurement}" WHERE {_all(where)} GROUP BY {_tags(by)}',
        table=True,
    )


def newest(fields: str, measurement: str, *where: str, by: Sequence[str] = ()) -> Query:
    """The last value, with its own time when it is a single field."""
    group = f" GROUP BY {_tags(by)}" if by else ""
    alias = f"$tag_{by[0]}" if by else "$col"
    return Query(f'SELECT {fields} FROM "{measurement}" WHERE {_all(where)}{group}', alias=alias)


def rows(fields: str, measurement: str, *where: str, limit: int) -> Query:
    """Points as they are, the newest first."""
    order = f"ORDER BY time DESC LIMIT {limit}"
    return Query(f'SELECT {fields} FROM "{measurement}" WHERE {_all(where)} {order}', table=True)


def _all(where: Sequence[str]) -> str:
    return " AND ".join((*where, "$timeFilter"))


def _tags(by: Sequence[str], *, first: bool = True) -> str:
    names = ", ".join(f'"{name}"' for name in by)
    return names if first or not names else f", {names}"
