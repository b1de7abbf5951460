"""The HTTP/1.1 that the simulator needs: read a request, and write a response byte by byte."""

from dataclasses import dataclass, field
from http import HTTPStatus

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived.

    target: path and query. headers: by name in lower case; the last one of a repeated name.
    connection: the number of its connection, counted from 1 by the host.
    """

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    connection: int = 0

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def is_last(self) -> bool:
        """The client makes no further request on this connection."""
        return self.headers.get("connection", "").lower() == "close"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response; `headers` are those besides type, length and server."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def parse_request(head: bytes, connection: int = 0) -> HttpRequest:
    """Return the request of these lines; raise `ValueError` if they are no request."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, _version = lines[0].split(" ")
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return HttpRequest(method, target, headers, connection)


def response_head(
    response: HttpResponse, servers: tuple[str, ...], *, close: bool, length: int | None = -1
) -> bytes:
    """Return the status line and headers, with the blank line after them.

    servers: the `Server` headers, in order. close: add `Connection: close`.
    length: what to state as the length of the body; -1 for its real one, None for chunks.
    """
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    lines.append(f"Content-Type: {response.content_type}")
    if length is None:
        lines.append("Transfer-Encoding: chunked")
    else:
        lines.append(f"Content-Length: {len(response.body) if length < 0 else length}")
    lines.append("Access-Control-Allow-Origin: *")
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Server: {server}" for server in servers]
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def response_bytes(response: HttpResponse, servers: tuple[str, ...], *, close: bool) -> bytes:
    """Return a whole response as bytes, head and body."""
    return response_head(response, servers, close=close) + response.body
