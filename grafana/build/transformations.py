"""What Grafana does to a table before it is shown: keep, sort, cut, arrange, join."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.build.query import Json


def filter_rows(*tests: tuple[str, str, float | str]) -> Json:
    """Rows that pass every test."""
    filters = [
        {"fieldName": field, "config": {"id": test, "options": {"value": value}}}
        for field, test, value in tests
    ]
    return {
        "id": "filterByValue",
        "options": {"type": "include", "match": "all", "filters": filters},
    }


def sort(field: str, *, largest_first: bool = False) -> Json:
    """By one field."""
    return {"id": "sortBy", "options": {"sort": [{"field": field, "desc": largest_first}]}}


def limit(count: int) -> Json:
    """The first rows only."""
    return {"id": "limit", "options": {"limitField": count}}


def hide_if_empty(field: str) -> Json:
    """No table instead of one without rows, so that the panel's own words are shown.

    A table for each value of a field: one where all rows have the same, none where there is no row.
    """
    naming = {"asLabels": False}
    return {
        "id": "partitionByValues",
        "options": {"fields": [field], "keepFields": True, "naming": naming},
    }


def columns(*order: str, drop: Sequence[str] = ("Time",)) -> Json:
    """The order of the columns, and those that are left out."""
    return {
        "id": "organize",
        "options": {
            "indexByName": {name: index for index, name in enumerate(order)},
            "excludeByName": dict.fromkeys(drop, True),
            "renameByName": {},
        },
    }


def join(field: str) -> Json:
    """One table of several queries, by a field that all have."""
    return {"id": "joinByField", "options": {"byField": field, "mode": "outer"}}


def rows_to_fields(name: str, value: str) -> Json:
    """A field for each row: called what one column says, with the value of another."""
    return {
        "id": "rowsToFields",
        "options": {
            "mappings": [
                {"fieldName": name, "handlerKey": "field.name"},
                {"fieldName": value, "handlerKey": "field.value"},
            ]
        },
    }
