"""What a round is judged by, besides the observations of its nodes."""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.listing import Listing
from collector.model.vantage import BlindReason


@dataclass(frozen=True, slots=True)
class RoundContext:
    """One round: its time, its listing, and whether this vantage could see."""

    time: int
    """The round's scheduled time, in epoch seconds."""
    listing: Listing
    blind_reason: BlindReason
    """Why this vantage could not see; `none` if it could."""
    ipv6: bool
    """This vantage has IPv6."""
