"""InfluxQL as a panel asks it. Everything is raw text, so that what is asked can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

DATASOURCE: Final[Json] = {"type": "influxdb", "uid": "${datasource}"}
SEEN_FROM: Final = '"vantage" =~ /^${vantage:regex}$/'
"""The vantages that are chosen above the panels."""
THIS_NODE: Final = "\"node\" = '${node}'"


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
