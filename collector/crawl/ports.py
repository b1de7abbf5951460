"""What a crawler needs of others, and whom it informs. Others fit these; crawl imports none."""

from __future__ import annotations

from typing import Protocol

from collector.crawl.round import RoundRequest, RoundResult
from collector.model.failure import Failure
from collector.model.listing import Listing
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.model.store_report import Receipt, StoreReport
from collector.model.vantage import ControlResult
from collector.schema.round_record import RoundRecord


class NodeSource(Protocol):
    """Where the list of nodes comes from."""

    async def listing(self) -> Listing:
        """Return the list as it is known now; raise DirectoryError if none is known."""


class Visit(Protocol):
    """One visit to one node."""

    async def run(self) -> None:
        """Make the probes of the visit. Never raises for what a node does."""

    def observation(self, unfinished: bool = False, /) -> Observation:
        """Return what the visit gave so far; `unfinished` if it was cancelled or never begun."""


class Prober(Protocol):
    """Visits nodes."""

    def refusal(self, node: Node) -> Failure:
        """Return why the node is not dialled at all; `none` if it is."""

    def visit(self, node: Node, ipv6: Ipv6Method | None, /) -> Visit:
        """Return a visit, not yet begun, to a node that is not refused.

        `ipv6`: whom its IPv6 check asks; None if it is not due.
        """

    def use_ipv6(self, available: bool) -> None:
        """Set whether this vantage has a way out over IPv6."""


class Controls(Protocol):
    """Hosts that tell whether this vantage can see."""

    def has_ipv6(self) -> bool:
        """Return whether this machine has a route for IPv6."""

    async def ask(self) -> ControlResult:
        """Ask every control once."""

    async def ask_again(self, within_seconds: float) -> ControlResult:
        """Ask every control several times, at most so long in all."""


class RoundStore(Protocol):
    """Stores rounds."""

    async def commit(self, record: RoundRecord) -> Receipt:
        """Store points and state, all or nothing."""


class Sink(Protocol):
    """Delivers stored rounds further, in its own time."""

    async def report(self, round_time: int, unsent: int) -> StoreReport:
        """Return what it did since it was last asked; `unsent` points were dropped meanwhile."""

    async def finish(self, within_seconds: float) -> object:
        """Deliver what waits, at most so long, then stop."""


class RoundObserver(Protocol):
    """Hears of rounds while they run. A subclass overrides what it wants to hear of.

    Calls come on the event loop and must not block it. One that raises is logged and breaks no
    round.
    """

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        """A round begins; so many nodes are visited in it."""
        return

    def on_observation(self, observation: Observation) -> None:
        """A visit ended. It is not yet judged."""
        return

    def on_round(self, result: RoundResult) -> None:
        """A round is finished, and stored as its receipt says."""
        return
