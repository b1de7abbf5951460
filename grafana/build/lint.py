"""Whether a query is within what InfluxDB 1.x, 2.x and 3.x share, and names what exists.

What the three share was measured; anything that was not is refused, however likely it works.
"""

from __future__ import annotations

import re
from typing import Final

from collector.schema.measurements import MEASUREMENTS

FUNCTIONS: Final = (
    "last mean count sum max percentile top bottom mode distinct difference integral "
    "moving_average cumulative_sum stddev median"
)
KEYWORDS: Final = (
    "select from where and or as group by time fill null none previous linear order asc desc "
    "limit tz show tag values with key in now d h m s"
)
REFUSED: Final = {
    r"\bS(LIMIT|OFFSET)\b": "3.x has neither SLIMIT nor SOFFSET",
    r"\bSHOW\s+SERIES\b": "3.x has no SHOW SERIES",
    r"\bINTO\b": "2.x and 3.x have no SELECT INTO",
    r";": "3.x takes one statement a request",
    r"\belapsed\s*\(": "elapsed starts with a 0 on 3.x",
    r"::": "casts were not measured",
}
_FUNCTIONS: Final = frozenset(FUNCTIONS.split())
_KEYWORDS: Final = frozenset(KEYWORDS.split())
_COLUMNS: Final = {
    kind.MEASUREMENT: frozenset(column.name for column in kind.columns()) for kind in MEASUREMENTS
}
_STRING: Final = re.compile(r"'(?:[^'\\]|\\.)*'|/\^(?:\$\{[^}]*\}|[^/\\]|\\.)*\$/")
_QUOTED: Final = re.compile(r'"([^"]*)"')


def problems(query: str) -> list[str]:
    """What is wrong with a query, in words; empty if nothing."""
    found = [why for pattern, why in REFUSED.items() if re.search(pattern, query, re.IGNORECASE)]
    if query.upper().startswith("SHOW TAG VALUES"):
        if "time >" not in query:
            found.append("SHOW TAG VALUES looks back one day only on 3.x without a time")
    elif "$timeFilter" not in query:
        found.append("no $timeFilter: the whole history would be read")
    measurements = re.findall(r'FROM\s+"([^"]+)"', query)
    known = {"time"} | set(re.findall(r'AS\s+"([^"]+)"', query))
    for name in measurements:
        if name not in _COLUMNS:
            found.append(f"no measurement {name}")
        known |= _COLUMNS.get(name, frozenset()) | {name}
    if not measurements:
        found.append("no measurement")
    bare = _STRING.sub("", query)
    found += [f"no tag or field {name}" for name in _QUOTED.findall(bare) if name not in known]
    return found + _foreign_words(_QUOTED.sub("", bare))


def _foreign_words(bare: str) -> list[str]:
    """Functions and words that were not measured."""
    found = []
    bare = re.sub(r"\$(\{\w+:\w+\}|\{?\w+\}?)", "", bare)
    for word, call in re.findall(r"([A-Za-z_]+)(\s*\()?", bare):
        if word.lower() in _KEYWORDS:
            continue
        if call and word.lower() in _FUNCTIONS:
            continue
        found.append(f"{word}{'()' if call else ''} is not shared by 1.x, 2.x and 3.x")
    return found


def queries(node: object) -> list[str]:
    """Every query in a dashboard or rule file."""
    if isinstance(node, list):
        return [query for item in node for query in queries(item)]
    if not isinstance(node, dict):
        return []
    found = [query for value in node.values() for query in queries(value)]
    text = node.get("query")
    if isinstance(text, str) and re.match(r"(SELECT|SHOW)\b", text, re.IGNORECASE):
        found.append(text)
    return found
