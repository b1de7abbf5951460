"""How a value is shown: thresholds, mappings to words, and overrides of single fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collector.model.failure import Failure
from grafana.build.labels import BAD, CALM, FAILURES, FAULTS, GOOD, KINDS, MUTED, REASONS, shade
from grafana.build.query import Json


def thresholds(base: str, *steps: tuple[float, str]) -> Json:
    """Colours from a value on; `base` holds below the first."""
    levels: list[Json] = [{"color": base, "value": None}]
    levels += [{"color": colour, "value": value} for value, colour in steps]
    return {"mode": "absolute", "steps": levels}


def mapping(words: Mapping[str, tuple[str, str]]) -> list[Json]:
    """Stored value to word and colour."""
    options = {
        value: {"text": text, "color": colour, "index": index}
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def flag(yes: str, no: str, *, good: str = GOOD, bad: str = BAD) -> list[Json]:
    """Words for 1 and 0."""
    return mapping({"1": (yes, good), "0": (no, bad)})


UP: Final = flag("Up", "Down")
REACHABLE: Final = flag("Reachable", "Not reachable")
WORKS: Final = flag("OK", "Failed")
YES: Final = flag("Yes", "No", bad=MUTED)
FAILURE: Final = mapping({str(f): (text, shade(f)) for f, text in FAILURES.items()})
DOWN: Final = mapping(
    {str(f): (text, shade(f)) for f, text in FAILURES.items()}
    | {str(Failure.NONE): ("Recovering", CALM)}
)
"""Why a node is down: one that answers again is so until it did in several rounds."""
FAULT: Final = mapping({str(f): words for f, words in FAULTS.items()})
REASON: Final = mapping(REASONS)
KIND: Final = mapping(KINDS)


def override(field: str, **properties: Any) -> Json:
    """Properties of one field, named as the query names it; `__` stands for a dot."""
    return {
        "matcher": {"id": "byName", "options": field},
        "properties": _properties(properties),
    }


def pattern(regex: str, **properties: Any) -> Json:
    """Properties of every field whose name matches."""
    return {
        "matcher": {"id": "byRegexp", "options": f"/{regex}/"},
        "properties": _properties(properties),
    }


def colour(fixed: str) -> Json:
    """One colour, whatever the value."""
    return {"mode": "fixed", "fixedColor": fixed}


def labelled(words: list[Json], **properties: Any) -> dict[str, Any]:
    """A column of words in their colours."""
    return {
        "mappings": words,
        "custom__cellOptions": {"type": "color-text"},
        "custom__align": "left",
    } | properties


def graded(levels: Json, **properties: Any) -> dict[str, Any]:
    """A column of numbers in the colours of their thresholds."""
    return {"thresholds": levels, "custom__cellOptions": {"type": "color-text"}} | properties


HIDE_ZEROS: Final[Json] = {
    "matcher": {"id": "byValue", "options": {"reducer": "allIsZero", "op": "gte", "value": 0}},
    "properties": [
        {"id": "custom.hideFrom", "value": {"legend": True, "tooltip": True, "viz": True}}
    ],
}
"""A series that was zero all the time would only fill the legend."""


def by_failure() -> list[Json]:
    """Words and a colour for each series that is named after a failure."""
    return [
        override(str(failure), displayName=text, color=colour(shade(failure)))
        for failure, text in FAILURES.items()
        if failure is not Failure.NONE
    ]


def by_fault() -> list[Json]:
    """Words and a colour for each series that is named after a fault."""
    return [
        override(str(fault), displayName=text, color=colour(shade_))
        for fault, (text, shade_) in FAULTS.items()
    ]


def _properties(properties: Mapping[str, Any]) -> list[Json]:
    return [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
