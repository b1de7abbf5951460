"""One answer of a node: its status, the version that its headers state, and its bounded body."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from collector.model.failure import Failure
from collector.probe.wire import usable_version

Model = TypeVar("Model", bound=BaseModel)

_SERVER: Final = re.compile(r"^aleph-vm/(.+)$")


class TooLargeError(Exception):
    """The body is longer than the limit, counted after decompression."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer, whatever its content."""

    status: int
    body: bytes
    aleph: bool
    """A `Server` header says `aleph-vm/…`. A proxy may add its own header or replace this one."""
    version: str | None
    """The version that this header states; None if there is none."""

    @property
    def shows_crn(self) -> bool:
        """Whether the headers show a CRN. (A body within the contract shows one too.)"""
        return self.aleph and self.status < 500

    @property
    def status_failure(self) -> Failure:
        """The failure that the status stands for; `none` below 300."""
        if self.status >= 500:
            return Failure.SERVER_ERROR
        if self.status >= 400:
            return Failure.CLIENT_ERROR
        return Failure.REDIRECTED if self.status >= 300 else Failure.NONE

    def parse(self, model: type[Model]) -> Model | Failure:
        """Return the body as a model, or the failure: `not_json` or `wrong_shape`.

        The text is parsed once and the result validated: pydantic's own JSON mode makes objects of
        the whole parent of every error, which took seconds for a body of a few packed kilobytes.
        """
        try:
            content = from_json(self.body.removeprefix(codecs.BOM_UTF8), cache_strings="keys")
        except ValueError:
            return Failure.NOT_JSON
        try:
            return model.model_validate(content)
        except ValidationError:
            return Failure.WRONG_SHAPE


async def read_response(response: aiohttp.ClientResponse, limit_bytes: int) -> Response:
    """Read the whole answer, at most `limit_bytes` after decompression.

    Raise TooLargeError, or the error of aiohttp if the body ends early.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise TooLargeError(f"more than {limit_bytes} bytes")
    stated = [m[1] for h in response.headers.getall("Server", ()) if (m := _SERVER.match(h))]
    return Response(
        status=response.status,
        body=bytes(body),
        aleph=bool(stated),
        version=usable_version(stated[0]) if stated else None,
    )
