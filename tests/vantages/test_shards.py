"""Counts over shards: the query of docs/schema.md, asked of real servers in InfluxQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from collector.schema.build import points_of
from collector.schema.line_protocol import lines
from collector.schema.measurements import Network
from collector.times import DAY
from tests.support.influx_servers import Influx
from tests.support.rounds import MINUTE, START, Rounds, bad, good, node
from tests.support.vantage_watch import DATABASE

PAGE: Final = Path(__file__).parents[2] / "docs" / "schema.md"
NODES: Final = tuple(node(number) for number in range(1, 13))
DEAD: Final = NODES[::5]
REACHABLE: Final = len(NODES) - len(DEAD)
INTERVAL: Final = 5 * MINUTE
_DAYS: Final = count(1)


@pytest.fixture
def begin() -> int:
    """A time of its own for each test, since all use one database."""
    return START + next(_DAYS) * DAY


def query() -> str:
    """The query of the page."""
    (found,) = re.findall(
        r"## Counts and sums over shards\n.*?```sql\n(.*?)```", PAGE.read_text("utf-8"), re.S
    )
    return str(found)


def network_lines(begin: int, seconds: int, vantage: str, shard: str, part: int, of: int) -> bytes:
    """Rounds of one of `of` collectors that divide the nodes."""
    rounds = Rounds(nodes=NODES[part::of], time=begin)
    body = b""
    while rounds.time < begin + seconds:
        judged = rounds.play_round(lambda plan: (bad if plan.node in DEAD else good)(plan.node))
        body += lines(p for p in points_of(judged, vantage, shard) if isinstance(p, Network))
    return body


def write(influx: Influx, bodies: Iterable[bytes]) -> None:
    """Write line protocol."""
    where = {"bucket": DATABASE, "org": influx.org, "precision": "s"}
    path = "/api/v2/write"
    if influx.kind.startswith("1"):
        path, where = "/write", {"db": DATABASE, "precision": "s"}
    assert influx.ask(path, b"".join(bodies), **where) == (204, "")


def reachable(influx: Influx, begin: int, seconds: int) -> list[float]:
    """What the query answers in each interval."""
    span = f"time >= {begin}s AND time < {begin + seconds}s"
    asked = query().replace("$timeFilter", span).replace("$__interval", f"{INTERVAL}s")
    return [row["mean"] for row in influx.rows(DATABASE, asked)]


@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("vantages", [("a",), ("a", "b")], ids=["one-vantage", "two-vantages"])
def test_any_number_of_shards(
    influx: Influx, begin: int, shards: int, vantages: tuple[str, ...]
) -> None:
    """However the nodes are divided, the network has the same number of reachable nodes."""
    write(
        influx,
        [
            network_lines(begin, 2 * INTERVAL, vantage, str(part), part, shards)
            for vantage in vantages
            for part in range(shards)
        ],
    )
    assert reachable(influx, begin, 2 * INTERVAL) == [REACHABLE, REACHABLE]


def test_points_from_before_the_tag(influx: Influx, begin: int) -> None:
    """Only the interval in which a collector was upgraded counts its nodes twice."""
    if influx.kind == "3":
        pytest.skip("InfluxDB 3 takes no new tag")
    upgrade = begin + INTERVAL + 2 * MINUTE
    old = network_lines(begin, upgrade - begin, "old", "0", 0, 1).replace(b",shard=0", b"")
    new = network_lines(upgrade, begin + 3 * INTERVAL - upgrade, "old", "0", 0, 1)
    write(influx, [old, new])
    assert reachable(influx, begin, 3 * INTERVAL) == [REACHABLE, 2 * REACHABLE, REACHABLE]
