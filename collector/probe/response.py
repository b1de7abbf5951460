"""One answer of a node: its status, the version that its headers state, and its bounded body."""

from __future__ import annotations

import codecs
import contextlib
import gc
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from time import thread_time
from typing import Final, Generic, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from collector.model.failure import Failure
from collector.probe.screening import is_screened, wait_seconds
from collector.probe.wire import usable_version

Model = TypeVar("Model", bound=BaseModel)

_SERVER: Final = re.compile(r"(?:^|,)\s*aleph-vm/([^,]+)")
"""A proxy may join its own header and the node's in one line: `Caddy, aleph-vm/1.9.0`."""
_WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""Encodings that are understood, as zlib wants them. Some servers send deflate without header."""


SLOW_SECONDS: Final = 0.02
"""Processor time of an answer, twice what the worst one of the default length takes to read."""


class TooLargeError(Exception):
    """The body is longer than the limit, before or after decompression."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer, whatever its content."""

    status: int
    body: bytes
    aleph: bool
    """A `Server` header says `aleph-vm/…`. A proxy may add its own header or replace this one."""
    version: str | None
    """The version that this header states; None if there is none."""
    screened: bool = False
    """A proxy keeps this collector away: too many requests, or a challenge page."""
    retry_after_seconds: int | None = None
    """How long it asks to wait; None without such a wish, and if the answer is not screened."""

    @property
    def shows_crn(self) -> bool:
        """Whether the headers show a CRN. (A body within the contract shows one too.)"""
        return self.aleph and 200 <= self.status < 500

    @property
    def status_failure(self) -> Failure:
        """The failure that status and headers stand for; `none` if the body decides."""
        if self.screened:
            return Failure.SCREENED
        if self.status < 200:  # nobody asked for another protocol (101)
            return Failure.ANSWER_BROKEN
        if self.status >= 500:
            return Failure.SERVER_ERROR
        if self.status >= 400:
            return Failure.CLIENT_ERROR
        return Failure.REDIRECTED if self.status >= 300 else Failure.NONE

    def parse(self, model: type[Model]) -> Content[Model]:
        """Return the content by a contract.

        The text is parsed once and the result validated: pydantic's own JSON mode makes objects of
        the whole parent of every error, which took seconds for a body of a few packed kilobytes.
        """
        unread: list[str] = []
        value: Model | None = None
        with _uncollected():
            started = thread_time()
            try:
                parsed = from_json(self.body.removeprefix(codecs.BOM_UTF8), cache_strings="keys")
                value = model.model_validate(parsed, context=unread)
                failure = Failure.WRONG_SHAPE if unread else Failure.NONE
            except ValidationError:
                failure = Failure.WRONG_SHAPE
            except ValueError:
                failure = Failure.NOT_JSON
            spent = thread_time() - started
        return Content(value, failure, _outermost(unread) if value else (), spent)


@dataclass(frozen=True, slots=True)
class Content(Generic[Model]):
    """The body of an answer, read by a contract."""

    value: Model | None
    """None if the body does not show what the contract describes."""
    failure: Failure
    """`none`, `not_json` or `wrong_shape`; the last one also if only a part is unread."""
    unread: tuple[str, ...] = ()
    """Keys of the contract whose values are outside it, dotted; only with a value."""
    cpu_seconds: float = 0.0
    """Processor time that reading it took."""

    @property
    def is_slow(self) -> bool:
        """Whether it took so long to read that the node is asked nothing more in the visit."""
        return self.cpu_seconds > SLOW_SECONDS

    @property
    def detail(self) -> str:
        """What is unread, in words; empty if nothing is."""
        return f"not read: {', '.join(self.unread)}" if self.unread else ""


def _outermost(names: list[str]) -> tuple[str, ...]:
    """Return the names once each, without those inside another one."""
    found = set(names)
    return tuple(sorted(name for name in found if not any(name.startswith(f"{n}.") for n in found)))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from collecting garbage: it would fall to the node whose answer is read."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def read_response(response: aiohttp.ClientResponse, limit_bytes: int) -> Response:
    """Read the whole answer, at most `limit_bytes` before and after decompression.

    Raise TooLargeError, or the error of aiohttp if the body ends early or cannot be decompressed.
    """
    received = bytearray()
    while chunk := await response.content.readany():
        received += chunk
        del chunk  # it would stay in memory as long as the next one does not come
        if len(received) > limit_bytes:
            raise TooLargeError(f"more than {limit_bytes} bytes")
    body = _decompressed(bytes(received), response.headers.get("Content-Encoding", ""), limit_bytes)
    stated = [m[1] for h in response.headers.getall("Server", ()) if (m := _SERVER.search(h))]
    screened = is_screened(response.status, response.headers, body)
    return Response(
        status=response.status,
        body=body,
        aleph=bool(stated),
        version=usable_version(stated[0]) if stated else None,
        screened=screened,
        retry_after_seconds=wait_seconds(response.headers) if screened else None,
    )


def _decompressed(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return the body as it was before compression, unpacked in one step that the limit bounds.

    Raise TooLargeError, or aiohttp.ClientPayloadError if it is not one stream of that encoding.
    """
    encoding = encoding.strip().lower()
    if not body or encoding in ("", "identity"):
        return body
    if encoding not in _WINDOWS:
        raise aiohttp.ClientPayloadError(f"Content-Encoding {encoding!r} was not asked for")
    has_header = encoding == "gzip" or body[0] & 0x0F == zlib.DEFLATED
    unpacker = zlib.decompressobj(_WINDOWS[encoding] if has_header else -zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(body, limit_bytes + 1)
    except zlib.error as exc:
        raise aiohttp.ClientPayloadError(f"not {encoding}: {exc}") from exc
    if len(unpacked) > limit_bytes:
        raise TooLargeError(f"more than {limit_bytes} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise aiohttp.ClientPayloadError(f"not one complete stream of {encoding}")
    return unpacked
