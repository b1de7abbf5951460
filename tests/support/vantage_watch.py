"""Several collectors that look at the same nodes and write to one InfluxDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.model.node import Node
from collector.model.observation import Observation
from collector.model.vantage import BlindReason
from collector.schema.build import points_of
from collector.schema.line_protocol import lines
from collector.state.plan import VisitPlan
from tests.support.influx_servers import Influx
from tests.support.rounds import MINUTE, Rounds, bad, blocked, good

DATABASE = "first"
QUESTION = (
    'SELECT sum("v") / sum("w") FROM (SELECT "lost" * "weight" AS "v", "weight" AS "w" FROM '
    '"crn_reachability" WHERE $timeFilter) WHERE $timeFilter GROUP BY "node", "name"'
)
WINDOW_ROUNDS = 5


@dataclass
class Watch:
    """Vantages by name, each with a state of its own, on one clock."""

    influx: Influx
    nodes: tuple[Node, ...]
    names: tuple[str, ...]
    time: int
    vantages: dict[str, Rounds] = field(init=False)

    def __post_init__(self) -> None:
        self.vantages = {name: Rounds(nodes=self.nodes, time=self.time) for name in self.names}

    def play_rounds(
        self, rounds: int = 1, dead: Mapping[str, set[Node]] | None = None, blind: str = ""
    ) -> None:
        """Rounds of every vantage. `dead`: nodes that do not answer it; `blind`: names of those
        that see nothing at all."""
        for _ in range(rounds):
            for name, vantage in self.vantages.items():
                closed = (dead or {}).get(name, set())

                def observe(plan: VisitPlan, closed: set[Node] = closed) -> Observation:
                    return bad(plan.node) if plan.node in closed else good(plan.node)

                if name in blind.split():
                    judged = vantage.play_round(blocked, BlindReason.NETWORK)
                else:
                    judged = vantage.play_round(observe)
                self._write(lines(points_of(judged, name, "0")))
            self.time += MINUTE

    def shares(self) -> dict[str, float]:
        """How much of the vote calls each node lost, over the last few rounds, by its hash."""
        since = self.time - WINDOW_ROUNDS * MINUTE
        span = f"time >= {since}s AND time < {self.time}s"
        rows = self.influx.rows(DATABASE, QUESTION.replace("$timeFilter", span))
        return {row["node"]: next(v for k, v in row.items() if k.startswith("sum")) for row in rows}

    def down(self) -> set[str]:
        """Hashes of the nodes that are called down."""
        return {node for node, share in self.shares().items() if share > 0.5}

    def rows(self, query: str) -> list[dict[str, object]]:
        """The answer to a query about what this watch wrote."""
        return self.influx.rows(DATABASE, query)

    def _write(self, body: bytes) -> None:
        if self.influx.kind.startswith("1"):
            status, words = self.influx.ask("/write", body, db=DATABASE, precision="s")
        else:
            place = {"bucket": DATABASE, "org": self.influx.org, "precision": "s"}
            status, words = self.influx.ask("/api/v2/write", body, **place)
        assert (status, words) == (204, "")
