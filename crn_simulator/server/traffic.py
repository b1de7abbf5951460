"""Counts what clients did at a host."""

from collections import Counter, deque

from crn_simulator.server.http import HttpRequest


class HostTraffic:
    """Connections and requests since the start of a host.

    connections: number of accepted ones. handshakes: number of completed TLS handshakes.
    requests_by_path: number of requests by path. last_requests: the last ones, oldest first.
    """

    __slots__ = ("connections", "handshakes", "last_requests", "requests_by_path")

    def __init__(self, kept_requests: int = 0) -> None:
        self.connections = 0
        self.handshakes = 0
        self.requests_by_path: Counter[str] = Counter()
        self.last_requests: deque[HttpRequest] = deque(maxlen=kept_requests)

    def count(self, request: HttpRequest) -> None:
        """Count a request and keep it."""
        self.requests_by_path[request.path] += 1
        self.last_requests.append(request)
