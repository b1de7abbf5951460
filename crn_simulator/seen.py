"""What came to a host, for tests that assert how it was asked."""

from collections import Counter, deque

from crn_simulator.http import Request


class Seen:
    """Counts from the start of a host, and its last requests.

    connections: those accepted. handshakes: those that completed one.
    asked: how often each path was asked for. requests: the last ones, oldest first.
    """

    __slots__ = ("asked", "connections", "handshakes", "requests")

    def __init__(self, memory: int = 0) -> None:
        self.connections = 0
        self.handshakes = 0
        self.asked: Counter[str] = Counter()
        self.requests: deque[Request] = deque(maxlen=memory)

    def note(self, request: Request) -> None:
        """Count a request."""
        self.asked[request.path] += 1
        self.requests.append(request)
