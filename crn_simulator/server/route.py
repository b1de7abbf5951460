"""The client's own way to its hosts, or to its name server: slow, uneven or lossy.

Loopback has none of that. The server waits instead, as long as a client would behind such a way.
"""

import random
from dataclasses import dataclass
from typing import Final

_FIRST_RETRY_SECONDS: Final = 1.0
"""A client that gets no answer to its first packet sends it again after so long, then doubles."""
_RETRY_SECONDS: Final = 0.2
"""The same for a packet of a connection that stands."""
_RETRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Route:
    """A way that every packet takes.

    round_trip_seconds: at least, for a packet and its answer.
    jitter_seconds: added on average to a round trip; exponential, as of a queue.
    loss_ratio: share of packets that are lost.
    """

    round_trip_seconds: float = 0.0
    jitter_seconds: float = 0.0
    loss_ratio: float = 0.0

    @property
    def is_direct(self) -> bool:
        """Whether nothing is delayed and nothing lost."""
        return not (self.round_trip_seconds or self.jitter_seconds or self.loss_ratio)

    def is_lost(self) -> bool:
        """Decide whether a packet, or its answer, is lost."""
        return random.random() < 1 - (1 - self.loss_ratio) ** 2

    def answer_seconds(self) -> float:
        """Return how long one answer takes that is not lost."""
        jitter = random.expovariate(1 / self.jitter_seconds) if self.jitter_seconds else 0.0
        return self.round_trip_seconds + jitter

    def connect_seconds(self) -> float:
        """Return how long a TCP connection and the handshake of TLS 1.3 take."""
        return self._exchange_seconds(_FIRST_RETRY_SECONDS) + self.request_seconds()

    def request_seconds(self) -> float:
        """Return how long a request and its response take on a connection."""
        return self._exchange_seconds(max(_RETRY_SECONDS, 2 * self.round_trip_seconds))

    def _exchange_seconds(self, retry_seconds: float) -> float:
        """Return the time of one exchange, in which lost packets are sent again."""
        waited = 0.0
        for _ in range(_RETRIES):
            if not self.is_lost():
                break
            waited += retry_seconds
            retry_seconds *= 2
        return waited + self.answer_seconds()
