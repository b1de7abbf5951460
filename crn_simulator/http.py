"""Just enough of HTTP/1.1 to serve a client that is well-behaved, and to write every byte."""

from dataclasses import dataclass, field
from http import HTTPStatus

from crn_simulator.answer import Answer

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    target: path and query. headers: names in lower case; of a repeated one the last.
    connection: the number of the connection that it came on, counted from 1 by the host.
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
    def last(self) -> bool:
        """The client asks for nothing more on this connection."""
        return self.headers.get("connection", "").lower() == "close"


def parse(head: bytes, connection: int = 0) -> Request:
    """Read a request line and its headers; `ValueError` when it is none."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, _version = lines[0].split(" ")
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(method, target, headers, connection)


def head(
    answer: Answer, servers: tuple[str, ...], *, close: bool, length: int | None = -1
) -> bytes:
    """Status line and headers, with the blank line.

    servers: the `Server` headers, in order. length: of the body if not its real one; None for
    chunks.
    """
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
    lines.append(f"Content-Type: {answer.content_type}")
    if length is None:
        lines.append("Transfer-Encoding: chunked")
    else:
        lines.append(f"Content-Length: {len(answer.body) if length < 0 else length}")
    lines.append("Access-Control-Allow-Origin: *")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines += [f"Server: {server}" for server in servers]
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
